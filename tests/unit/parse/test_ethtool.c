/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "collect/parse_ethtool.h"
#include "support/support.h"

static struct arena *a;
static struct buf messages;

static void set_up(void)
{
    a = arena_new(0);
    messages = (struct buf){ 0 };
}

static void tear_down(void)
{
    buf_deinit(&messages);
    arena_free(a);
}

TestSuite(ethtool, .init = set_up, .fini = tear_down);

static struct nl_msg *reply(uint8_t command, int header, uint32_t index)
{
    struct nl_msg *m = nlmsg_alloc_simple(0x20, 0);
    struct genlmsghdr g = { .cmd = command, .version = 1 };
    struct nlattr *nest;

    nlmsg_append(m, &g, sizeof g, NLMSG_ALIGNTO);
    nest = nla_nest_start(m, header);
    nla_put_u32(m, ETHTOOL_A_HEADER_DEV_INDEX, index);
    nla_nest_end(m, nest);
    return m;
}

static void add(struct nl_msg *m)
{
    buf_add(&messages, nlmsg_hdr(m), NLMSG_ALIGN(nlmsg_hdr(m)->nlmsg_len));
    nlmsg_free(m);
}

static void add_modes(uint32_t index, uint32_t speed, uint8_t duplex, uint8_t autoneg)
{
    struct nl_msg *m = reply(ETHTOOL_MSG_LINKMODES_GET_REPLY, ETHTOOL_A_LINKMODES_HEADER, index);

    nla_put_u32(m, ETHTOOL_A_LINKMODES_SPEED, speed);
    nla_put_u8(m, ETHTOOL_A_LINKMODES_DUPLEX, duplex);
    nla_put_u8(m, ETHTOOL_A_LINKMODES_AUTONEG, autoneg);
    add(m);
}

static void add_port(uint32_t index, uint8_t port)
{
    struct nl_msg *m = reply(ETHTOOL_MSG_LINKINFO_GET_REPLY, ETHTOOL_A_LINKINFO_HEADER, index);

    nla_put_u8(m, ETHTOOL_A_LINKINFO_PORT, port);
    add(m);
}

static struct ethtool_table parsed(void)
{
    struct ethtool_table t;
    struct err e = { "" };

    cr_assert_eq(parse_ethtool((struct bytes){ messages.p, messages.n }, a, &t, &e), 0, "%s",
                 e.text);
    return t;
}

Test(ethtool, both_answers_about_a_link_become_one)
{
    struct ethtool_table t;

    add_port(7, PORT_FIBRE);
    add_modes(3, 1000, DUPLEX_HALF, AUTONEG_ENABLE);
    add_modes(7, 25000, DUPLEX_FULL, AUTONEG_DISABLE);
    t = parsed();
    cr_assert_eq(t.n, 2);
    cr_assert_eq(ethtool_by_index(&t, 7)->speed_mbps.v, 25000);
    cr_assert_str_eq(ethtool_port_name(ethtool_by_index(&t, 7)->port), "fibre");
    cr_assert_str_eq(ethtool_duplex_name(ethtool_by_index(&t, 7)->duplex), "full");
    cr_assert_str_eq(ethtool_duplex_name(ethtool_by_index(&t, 3)->duplex), "half");
    cr_assert_not(ethtool_by_index(&t, 3)->port.has);
    cr_assert_null(ethtool_by_index(&t, 4));
}

Test(ethtool, what_drivers_say_that_do_not_know_is_absent)
{
    static const uint32_t unknown[] = { 0, UINT16_MAX, UINT32_MAX };
    struct ethtool_table t;

    for (uint32_t i = 0; i < ARRAY_LEN(unknown); i++)
        add_modes(i + 1, unknown[i], DUPLEX_UNKNOWN, 2);
    t = parsed();
    cr_assert_eq(t.n, ARRAY_LEN(unknown));
    for (size_t i = 0; i < t.n; i++) {
        cr_expect_not(t.v[i].speed_mbps.has, "%u", unknown[i]);
        cr_expect_not(t.v[i].duplex.has);
        cr_expect_not(t.v[i].autoneg.has);
    }
}

Test(ethtool, every_port_has_its_name)
{
    static const struct {
        uint8_t number;
        const char *name;
    } cases[] = { { PORT_TP, "tp" },      { PORT_AUI, "aui" }, { PORT_MII, "mii" },
                  { PORT_BNC, "bnc" },    { PORT_DA, "da" },   { PORT_NONE, "none" },
                  { PORT_OTHER, "other" } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(ethtool_port_name((struct opt){ true, cases[i].number }), cases[i].name);
    cr_assert_null(ethtool_port_name((struct opt){ true, 99 }));
    cr_assert_null(ethtool_port_name((struct opt){ .has = false }));
}

Test(ethtool, answers_about_no_link_are_passed_over)
{
    struct nl_msg *m = nlmsg_alloc_simple(0x20, 0);
    struct genlmsghdr g = { .cmd = ETHTOOL_MSG_LINKMODES_GET_REPLY };

    nlmsg_append(m, &g, sizeof g, NLMSG_ALIGNTO);
    add(m);
    add_modes(0, 1000, DUPLEX_FULL, 1);
    add(nlmsg_alloc_simple(NLMSG_ERROR, 0));
    add_modes(9, 1000, DUPLEX_FULL, 1);
    cr_assert_eq(parsed().n, 1);
}
