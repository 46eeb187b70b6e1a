/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_netlink.h"

#include <limits.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

struct message_walk message_walk(struct rows *r, struct bytes messages)
{
    struct message_walk w = { .rest = messages };

    if (messages.n > INT_MAX) {
        w.rest.n = 0;
        w.cut = true;
    } else if ((uintptr_t)messages.p % NLMSG_ALIGNTO != 0) {
        w.rest.p = arena_memdup(r->a, messages.p, messages.n);
        if (w.rest.p == NULL) {
            r->failed = true;
            w.rest.n = 0;
        }
    }
    return w;
}

const struct nlmsghdr *message_next(struct message_walk *w)
{
    const struct nlmsghdr *m = (const void *)w->rest.p;
    size_t step;

    if (w->rest.n == 0)
        return NULL;
    if (!nlmsg_ok(m, (int)w->rest.n)) {
        w->rest.n = 0;
        w->cut = true;
        return NULL;
    }
    step = NLMSG_ALIGN((size_t)m->nlmsg_len);
    if (step > w->rest.n)
        step = w->rest.n;
    w->rest.p += step;
    w->rest.n -= step;
    return m;
}

bool message_attrs(const struct nlmsghdr *m, size_t header, struct nlattr **tb, int max)
{
    if (!nlmsg_valid_hdr(m, (int)header))
        return false;
    return nla_parse(tb, max, nlmsg_attrdata(m, (int)header), nlmsg_attrlen(m, (int)header),
                     NULL) >= 0;
}

void nested_attrs(struct nlattr *a, struct nlattr **tb, int max)
{
    if (a == NULL || nla_parse(tb, max, nla_data(a), nla_len(a), NULL) < 0)
        memset(tb, 0, (size_t)(max + 1) * sizeof *tb);
}

struct bytes attr_bytes(const struct nlattr *a)
{
    if (a == NULL)
        return (struct bytes){ NULL, 0 };
    return (struct bytes){ nla_data(a), (size_t)nla_len(a) };
}

struct opt attr_u8(const struct nlattr *a)
{
    struct bytes b = attr_bytes(a);

    return b.n == 1 ? (struct opt){ true, b.p[0] } : (struct opt){ false, 0 };
}

struct opt attr_u16(const struct nlattr *a)
{
    struct bytes b = attr_bytes(a);
    uint16_t v;

    if (b.n != sizeof v)
        return (struct opt){ false, 0 };
    memcpy(&v, b.p, sizeof v);
    return (struct opt){ true, v };
}

struct opt attr_be16(const struct nlattr *a)
{
    struct bytes b = attr_bytes(a);

    if (b.n != 2)
        return (struct opt){ false, 0 };
    return (struct opt){ true, (uint64_t)b.p[0] << 8 | b.p[1] };
}

struct opt attr_u32(const struct nlattr *a)
{
    struct bytes b = attr_bytes(a);
    uint32_t v;

    if (b.n != sizeof v)
        return (struct opt){ false, 0 };
    memcpy(&v, b.p, sizeof v);
    return (struct opt){ true, v };
}

const char *attr_text(struct rows *r, const struct nlattr *a)
{
    return rows_text(r, attr_bytes(a));
}

struct hwaddr attr_hwaddr(const struct nlattr *a)
{
    struct bytes b = attr_bytes(a);
    struct hwaddr h = { .n = 0 };

    if (b.n > 0 && b.n <= sizeof h.b) {
        memcpy(h.b, b.p, b.n);
        h.n = (uint8_t)b.n;
    }
    return h;
}
