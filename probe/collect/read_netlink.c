/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink answers as bytes. libnl makes the sockets and the requests; the answers are kept as they
 * come, for the parsers. */
#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>

#include "collect/read.h"

#define DUMP_TRIES 16

enum { ANSWER_MORE = 1, ANSWER_CHANGED = 2 };

static int from_libnl(int code)
{
    switch (-code) {
    case NLE_NOMEM:
        return -ENOMEM;
    case NLE_OBJ_NOTFOUND:
        return -ENOENT;
    case NLE_PERM:
        return -EPERM;
    case NLE_AGAIN:
        return -EAGAIN;
    default:
        return -EIO;
    }
}

/* The kernel's number in an acknowledgement, or at the end of a dump: 0 or a negative errno. */
static int final_code(struct nlmsghdr *m)
{
    int code;

    if (nlmsg_datalen(m) < (int)sizeof code)
        return m->nlmsg_type == NLMSG_DONE ? 0 : -EPROTO;
    memcpy(&code, nlmsg_data(m), sizeof code);
    return code > 0 ? -EPROTO : code;
}

/* 0: the answer is complete, ANSWER_MORE, ANSWER_CHANGED (complete, but of no one moment), or the
 * negative errno that the kernel sent. */
static int judge(unsigned char *p, int n, uint32_t seq, bool *changed)
{
    struct nlmsghdr *m = (struct nlmsghdr *)(void *)p;

    for (; nlmsg_ok(m, n); m = nlmsg_next(m, &n)) {
        int code;

        if (m->nlmsg_seq != seq)
            continue;
        *changed |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        if (m->nlmsg_type != NLMSG_DONE && m->nlmsg_type != NLMSG_ERROR)
            continue;
        code = final_code(m);
        return code == 0 && *changed ? ANSWER_CHANGED : code;
    }
    return ANSWER_MORE;
}

static int receive(struct nl_sock *s, uint32_t seq, struct buf *out)
{
    static const uint8_t padding[NLMSG_ALIGNTO];
    bool changed = false;
    int rc = ANSWER_MORE;

    while (rc == ANSWER_MORE) {
        struct sockaddr_nl from;
        unsigned char *p = NULL;
        int n = nl_recv(s, &from, &p, NULL);

        if (n <= 0)
            return n < 0 ? from_libnl(n) : -EIO;
        if (from.nl_pid == 0) { /* the kernel */
            buf_add(out, p, (size_t)n);
            buf_add(out, padding, (NLMSG_ALIGNTO - (size_t)n % NLMSG_ALIGNTO) % NLMSG_ALIGNTO);
            rc = judge(p, n, seq, &changed);
        }
        free(p);
        if (out->failed)
            return -ENOMEM;
    }
    return rc;
}

/* Sends the request, appends the answer. As judge; nothing is appended unless 0. */
static int ask(struct nl_sock *s, struct nl_msg *m, struct buf *out)
{
    size_t start = out->n;
    int rc = nl_send_auto(s, m);

    rc = rc < 0 ? from_libnl(rc) : receive(s, nlmsg_hdr(m)->nlmsg_seq, out);
    if (rc != 0)
        out->n = start;
    return rc;
}

static struct nl_sock *open_socket(int protocol, struct err *e, int *rc)
{
    struct nl_sock *s = nl_socket_alloc();
    int code = s == NULL ? -NLE_NOMEM : nl_connect(s, protocol);

    if (code == 0) {
        nl_socket_disable_auto_ack(s);
        nl_socket_enable_msg_peek(s);
        *rc = 0;
        return s;
    }
    *rc = err_set(e, from_libnl(code), "cannot open a netlink socket: %s", nl_geterror(code));
    nl_socket_free(s);
    return NULL;
}

/* Without RTEXT_FILTER_VF in IFLA_EXT_MASK the kernel leaves out the virtual functions, of which
 * one NIC may have 256 with 100 bytes and more each. */
static struct nl_msg *links_request(void)
{
    struct nl_msg *m = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
    struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };

    if (m != NULL && nlmsg_append(m, &ifi, sizeof ifi, NLMSG_ALIGNTO) == 0 &&
        nla_put_u32(m, IFLA_EXT_MASK, 0) == 0)
        return m;
    nlmsg_free(m);
    return NULL;
}

static int dump_links(struct nl_sock *s, struct buf *out)
{
    struct nl_msg *m = links_request();
    int rc = m == NULL ? -ENOMEM : ask(s, m, out);

    nlmsg_free(m);
    return rc;
}

int read_links(struct buf *out, struct err *e)
{
    struct nl_sock *s;
    int rc;

    s = open_socket(NETLINK_ROUTE, e, &rc);
    if (s == NULL)
        return rc;
    rc = ANSWER_CHANGED;
    for (int i = 0; i < DUMP_TRIES && rc == ANSWER_CHANGED; i++)
        rc = dump_links(s, out);
    if (rc == ANSWER_CHANGED)
        rc = err_set(e, -EAGAIN, "network links changed during each of %d attempts to list them",
                     DUMP_TRIES);
    else if (rc < 0)
        err_set(e, rc, "the kernel did not list network links: %s", strerror(-rc));
    nl_socket_free(s);
    return rc;
}

static struct nl_msg *ethtool_request(int family, uint8_t command, int header, uint32_t index)
{
    struct nl_msg *m = nlmsg_alloc_simple(family, NLM_F_REQUEST | NLM_F_ACK);
    struct genlmsghdr g = { .cmd = command, .version = ETHTOOL_GENL_VERSION };
    struct nlattr *nest;

    if (m == NULL || nlmsg_append(m, &g, sizeof g, NLMSG_ALIGNTO) < 0)
        goto fail;
    nest = nla_nest_start(m, header);
    if (nest == NULL || nla_put_u32(m, ETHTOOL_A_HEADER_DEV_INDEX, index) < 0 ||
        nla_put_u32(m, ETHTOOL_A_HEADER_FLAGS, ETHTOOL_FLAG_COMPACT_BITSETS) < 0)
        goto fail;
    nla_nest_end(m, nest);
    return m;
fail:
    nlmsg_free(m);
    return NULL;
}

/* Only -ENOMEM counts: a link that is gone or cannot answer has no such facts. */
static int ask_ethtool(struct nl_sock *s, int family, uint32_t index, struct buf *out)
{
    static const struct {
        uint8_t command;
        int header;
    } questions[] = {
        { ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_HEADER },
        { ETHTOOL_MSG_LINKINFO_GET, ETHTOOL_A_LINKINFO_HEADER },
    };

    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        struct nl_msg *m =
            ethtool_request(family, questions[i].command, questions[i].header, index);
        int rc = m == NULL ? -ENOMEM : ask(s, m, out);

        nlmsg_free(m);
        if (rc == -ENOMEM)
            return rc;
    }
    return 0;
}

int read_ethtool(const uint32_t *indexes, size_t n, struct buf *out, struct err *e)
{
    struct nl_sock *s;
    int rc, family;

    s = open_socket(NETLINK_GENERIC, e, &rc);
    if (s == NULL)
        return rc;
    family = genl_ctrl_resolve(s, ETHTOOL_GENL_NAME);
    if (family < 0)
        rc = err_set(e, from_libnl(family), "this kernel has no ethtool netlink: %s",
                     nl_geterror(family));
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = ask_ethtool(s, family, indexes[i], out);
        if (rc < 0)
            err_set(e, rc, "out of memory while asking ethtool");
    }
    nl_socket_free(s);
    return rc;
}
