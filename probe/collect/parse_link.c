/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdlib.h>

#include "collect/parse_link_kind.h"
#include "collect/parse_netlink.h"

#define LINK_LOWER_UP                                                          \
    0x10000u /* IFF_LOWER_UP of linux/if.h, which cannot stand beside net/if.h \
              */

/* The first eight counters are as old as IFLA_STATS64 itself. */
static struct link_stats read_stats(const struct nlattr *a)
{
    struct bytes b = attr_bytes(a);
    uint64_t v[8];

    if (b.n < sizeof v)
        return (struct link_stats){ .has = false };
    memcpy(v, b.p, sizeof v);
    return (struct link_stats){
        .has = true,
        .rx_packets = v[0],
        .tx_packets = v[1],
        .rx_bytes = v[2],
        .tx_bytes = v[3],
        .rx_errors = v[4],
        .tx_errors = v[5],
        .rx_dropped = v[6],
        .tx_dropped = v[7],
    };
}

static struct strs read_altnames(struct rows *r, struct nlattr *list)
{
    struct nlattr *a;
    const char **v;
    size_t n = 0;
    int rest;

    if (list == NULL)
        return (struct strs){ NULL, 0 };
    nla_for_each_nested(a, list, rest) n++;
    v = rows_array(r, n, sizeof *v);
    if (v == NULL)
        return (struct strs){ NULL, 0 };
    n = 0;
    nla_for_each_nested(a, list, rest)
    {
        if (nla_type(a) == IFLA_ALT_IFNAME)
            v[n++] = attr_text(r, a);
    }
    return rows_strs(v, n);
}

static void read_link(struct rows *r, const struct ifinfomsg *ifi, struct nlattr **tb,
                      struct link *l)
{
    l->index = ifi->ifi_index > 0 ? (uint32_t)ifi->ifi_index : 0;
    l->flags = ifi->ifi_flags;
    l->type = ifi->ifi_type;
    l->name = attr_text(r, tb[IFLA_IFNAME]);
    l->alias = attr_text(r, tb[IFLA_IFALIAS]);
    l->parent_dev = attr_text(r, tb[IFLA_PARENT_DEV_NAME]);
    l->parent_bus = attr_text(r, tb[IFLA_PARENT_DEV_BUS_NAME]);
    l->address = attr_hwaddr(tb[IFLA_ADDRESS]);
    l->permanent = attr_hwaddr(tb[IFLA_PERM_ADDRESS]);
    l->mtu = attr_u32(tb[IFLA_MTU]);
    l->operstate = attr_u8(tb[IFLA_OPERSTATE]);
    l->carrier = attr_u8(tb[IFLA_CARRIER]);
    l->carrier_changes = attr_u32(tb[IFLA_CARRIER_CHANGES]);
    l->master = attr_u32(tb[IFLA_MASTER]);
    l->lower = attr_u32(tb[IFLA_LINK]);
    l->lower_elsewhere = tb[IFLA_LINK_NETNSID] != NULL;
    l->altnames = read_altnames(r, tb[IFLA_PROP_LIST]);
    l->stats = read_stats(tb[IFLA_STATS64]);
    link_read_kind(r, tb[IFLA_LINKINFO], l);
}

/* The header and attributes of a message about a link, NULL: of something else. */
static const struct ifinfomsg *link_header(const struct nlmsghdr *m)
{
    const struct ifinfomsg *ifi = NLMSG_DATA(m);

    if (m->nlmsg_type != RTM_NEWLINK || m->nlmsg_len < NLMSG_LENGTH(sizeof *ifi))
        return NULL;
    return ifi->ifi_family == AF_UNSPEC ? ifi : NULL;
}

static int read_all(struct rows *r, struct bytes messages, struct link_table *t, struct err *e)
{
    struct message_walk w = message_walk(r, messages);
    const struct nlmsghdr *m;

    while ((m = message_next(&w)) != NULL) {
        struct nlattr *tb[IFLA_MAX + 1];
        const struct ifinfomsg *ifi = link_header(m);
        struct link *l = &t->v[t->n];

        if (ifi == NULL)
            continue;
        if (!message_attrs(m, sizeof *ifi, tb, IFLA_MAX))
            return err_set(e, -EBADMSG, "the kernel's message about link %d is cut short",
                           ifi->ifi_index);
        read_link(r, ifi, tb, l);
        if (r->failed)
            return err_set(e, -ENOMEM, "out of memory while reading links");
        if (l->index == 0 || l->name == NULL)
            return err_set(e, -EBADMSG, "the kernel told of a link without a name or index");
        t->n++;
    }
    if (w.cut)
        return err_set(e, -EBADMSG, "the kernel's list of links is cut short");
    return 0;
}

static size_t count_links(struct rows *r, struct bytes messages)
{
    struct message_walk w = message_walk(r, messages);
    const struct nlmsghdr *m;
    size_t n = 0;

    while ((m = message_next(&w)) != NULL)
        n += link_header(m) != NULL;
    return n;
}

static int compare_index(const void *a, const void *b)
{
    uint32_t x = ((const struct link *)a)->index, y = ((const struct link *)b)->index;

    return x < y ? -1 : x > y;
}

static int compare_name(const void *a, const void *b)
{
    return strcmp((*(const struct link *const *)a)->name, (*(const struct link *const *)b)->name);
}

static int check_unique(struct rows *r, const struct link_table *t, struct err *e)
{
    const struct link **by_name = rows_array(r, t->n, sizeof *by_name);

    if (by_name == NULL)
        return err_set(e, -ENOMEM, "out of memory while reading links");
    for (size_t i = 0; i < t->n; i++) {
        by_name[i] = &t->v[i];
        if (i > 0 && t->v[i - 1].index == t->v[i].index)
            return err_set(e, -EBADMSG, "the kernel's list has link index %u twice", t->v[i].index);
    }
    if (t->n > 1)
        qsort(by_name, t->n, sizeof *by_name, compare_name);
    for (size_t i = 1; i < t->n; i++) {
        if (compare_name(&by_name[i - 1], &by_name[i]) == 0)
            return err_set(e, -EBADMSG, "the kernel's list has link %s twice", by_name[i]->name);
    }
    return 0;
}

int parse_links(struct bytes messages, struct arena *a, struct link_table *out, struct err *e)
{
    struct rows r = { .a = a };
    struct link_table t = { .n = 0 };
    int rc;

    t.v = rows_array(&r, count_links(&r, messages), sizeof *t.v);
    if (r.failed)
        return err_set(e, -ENOMEM, "out of memory while reading links");
    rc = read_all(&r, messages, &t, e);
    if (rc < 0)
        return rc;
    if (t.n > 1)
        qsort(t.v, t.n, sizeof *t.v, compare_index);
    rc = check_unique(&r, &t, e);
    if (rc == 0)
        *out = t;
    return rc;
}

const struct link *link_by_index(const struct link_table *t, struct opt index)
{
    struct link key = { .index = (uint32_t)index.v };

    if (!index.has || t->n == 0)
        return NULL;
    return bsearch(&key, t->v, t->n, sizeof *t->v, compare_index);
}

bool link_is_up(const struct link *l)
{
    return (l->flags & IFF_UP) != 0;
}

bool link_carries(const struct link *l)
{
    if (!link_is_up(l))
        return false;
    return l->carrier.has ? l->carrier.v != 0 : (l->flags & LINK_LOWER_UP) != 0;
}
