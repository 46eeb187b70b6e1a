/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <stdlib.h>

#include "collect/parse_netlink.h"

static struct opt unless(struct opt number, uint64_t unknown)
{
    return number.has && number.v != unknown ? number : (struct opt){ .has = false };
}

/* As ethtool(8) judges: 0, 65535 and -1 are what drivers say that do not know. */
static struct opt known_speed(struct opt speed)
{
    return unless(unless(unless(speed, 0), UINT16_MAX), UINT32_MAX);
}

static void read_linkmodes(struct nlattr **tb, struct ethtool_link *l)
{
    l->speed_mbps = known_speed(attr_u32(tb[ETHTOOL_A_LINKMODES_SPEED]));
    l->duplex = unless(attr_u8(tb[ETHTOOL_A_LINKMODES_DUPLEX]), DUPLEX_UNKNOWN);
    l->autoneg = attr_u8(tb[ETHTOOL_A_LINKMODES_AUTONEG]);
    if (l->autoneg.v > AUTONEG_ENABLE)
        l->autoneg = (struct opt){ .has = false };
}

static void read_linkinfo(struct nlattr **tb, struct ethtool_link *l)
{
    l->port = attr_u8(tb[ETHTOOL_A_LINKINFO_PORT]);
}

static const struct {
    uint8_t command;
    int header; /* attribute that names the link */
    int max;
    void (*read)(struct nlattr **tb, struct ethtool_link *l);
} replies[] = {
    { ETHTOOL_MSG_LINKMODES_GET_REPLY, ETHTOOL_A_LINKMODES_HEADER, ETHTOOL_A_LINKMODES_SPEED + 1,
      read_linkmodes },
    { ETHTOOL_MSG_LINKINFO_GET_REPLY, ETHTOOL_A_LINKINFO_HEADER, ETHTOOL_A_LINKINFO_PORT,
      read_linkinfo },
};

#define LARGEST_ATTR 8
_Static_assert(ETHTOOL_A_LINKMODES_SPEED + 1 <= LARGEST_ATTR, "room for the attributes read");

/* False: not about a link, or not a reply that matters. */
static bool read_reply(const struct nlmsghdr *m, struct ethtool_link *l)
{
    const struct genlmsghdr *g = NLMSG_DATA(m);
    struct nlattr *tb[LARGEST_ATTR + 1], *header[ETHTOOL_A_HEADER_MAX + 1];
    struct opt index;

    if (m->nlmsg_type < NLMSG_MIN_TYPE || m->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        if (g->cmd != replies[i].command || !message_attrs(m, GENL_HDRLEN, tb, replies[i].max))
            continue;
        nested_attrs(tb[replies[i].header], header, ETHTOOL_A_HEADER_MAX);
        index = attr_u32(header[ETHTOOL_A_HEADER_DEV_INDEX]);
        l->index = (uint32_t)index.v;
        replies[i].read(tb, l);
        return index.has && index.v != 0;
    }
    return false;
}

static int compare_index(const void *a, const void *b)
{
    uint32_t x = ((const struct ethtool_link *)a)->index;
    uint32_t y = ((const struct ethtool_link *)b)->index;

    return x < y ? -1 : x > y;
}

static void take(struct opt *to, struct opt from)
{
    if (from.has)
        *to = from;
}

/* Makes one entry of all that are about one link. */
static void merge(struct ethtool_table *t)
{
    size_t n = 0;

    if (t->n > 1)
        qsort(t->v, t->n, sizeof *t->v, compare_index);
    for (size_t i = 0; i < t->n; i++) {
        struct ethtool_link *l = &t->v[i];

        if (n == 0 || t->v[n - 1].index != l->index) {
            t->v[n++] = *l;
            continue;
        }
        take(&t->v[n - 1].speed_mbps, l->speed_mbps);
        take(&t->v[n - 1].duplex, l->duplex);
        take(&t->v[n - 1].autoneg, l->autoneg);
        take(&t->v[n - 1].port, l->port);
    }
    t->n = n;
}

static size_t count_messages(struct rows *r, struct bytes messages)
{
    struct message_walk w = message_walk(r, messages);
    size_t n = 0;

    while (message_next(&w) != NULL)
        n++;
    return n;
}

int parse_ethtool(struct bytes messages, struct arena *a, struct ethtool_table *out, struct err *e)
{
    struct rows r = { .a = a };
    struct ethtool_table t = { .n = 0 };
    struct message_walk w = message_walk(&r, messages);
    const struct nlmsghdr *m;

    t.v = rows_array(&r, count_messages(&r, messages), sizeof *t.v);
    if (r.failed)
        return err_set(e, -ENOMEM, "out of memory while reading ethtool's answers");
    while ((m = message_next(&w)) != NULL) {
        struct ethtool_link l = { .index = 0 };

        if (read_reply(m, &l))
            t.v[t.n++] = l;
    }
    if (w.cut)
        return err_set(e, -EBADMSG, "ethtool's answers are cut short");
    merge(&t);
    *out = t;
    return 0;
}

const struct ethtool_link *ethtool_by_index(const struct ethtool_table *t, uint32_t index)
{
    struct ethtool_link key = { .index = index };

    return t->n == 0 ? NULL : bsearch(&key, t->v, t->n, sizeof *t->v, compare_index);
}

struct number_name {
    uint8_t number;
    const char *name;
};

static const char *name_of(const struct number_name *names, size_t n, struct opt number)
{
    for (size_t i = 0; i < n && number.has; i++) {
        if (names[i].number == number.v)
            return names[i].name;
    }
    return NULL;
}

const char *ethtool_duplex_name(struct opt duplex)
{
    static const struct number_name names[] = { { DUPLEX_HALF, "half" }, { DUPLEX_FULL, "full" } };

    return name_of(names, ARRAY_LEN(names), duplex);
}

const char *ethtool_port_name(struct opt port)
{
    static const struct number_name names[] = {
        { PORT_TP, "tp" },   { PORT_AUI, "aui" }, { PORT_MII, "mii" },   { PORT_FIBRE, "fibre" },
        { PORT_BNC, "bnc" }, { PORT_DA, "da" },   { PORT_NONE, "none" }, { PORT_OTHER, "other" },
    };

    return name_of(names, ARRAY_LEN(names), port);
}

/* Drivers without a value leave it empty or write "N/A". */
static const char *info_text(struct rows *r, const char *text, size_t n)
{
    const char *out = rows_text(r, (struct bytes){ (const uint8_t *)text, n });

    return out != NULL && strcmp(out, "N/A") == 0 ? NULL : out;
}

void parse_driver_info(struct rows *r, struct bytes drvinfo, struct driver_info *out)
{
    struct ethtool_drvinfo info;

    *out = (struct driver_info){ .driver = NULL };
    if (drvinfo.n != sizeof info)
        return;
    memcpy(&info, drvinfo.p, sizeof info);
    out->driver = info_text(r, info.driver, sizeof info.driver);
    out->version = info_text(r, info.version, sizeof info.version);
    out->firmware = info_text(r, info.fw_version, sizeof info.fw_version);
    out->bus_info = info_text(r, info.bus_info, sizeof info.bus_info);
}
