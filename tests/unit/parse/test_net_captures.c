/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links of real hosts through the real parser. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "support/net.h"

static struct arena *a;

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

static const char *const uplinks[] = { "uplink*", NULL };

TestSuite(net_captures, .init = set_up, .fini = tear_down);

Test(net_captures, raw_messages_make_the_golden_rows)
{
    static const char *const names[] = { "lacp", "lacp-degraded", "lacp-down", "active-backup",
                                         "namespace" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct net_rows r = rows_from_capture(a, arena_printf(a, "net/%s", names[i]), uplinks);

        cr_expect(golden_matches(arena_printf(a, "net-%s.json", names[i]), net_json(a, &r, false)));
    }
}

/* The converter of ip's JSON and the kernel's bytes of the same moment must make the same rows:
 * this proves the converter, and with it the captures that exist as JSON only. */
Test(net_captures, ip_json_and_raw_messages_agree)
{
    static const char *const names[] = { "lacp", "lacp-degraded", "lacp-down", "active-backup",
                                         "namespace" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct bytes json = capture(a, arena_printf(a, "net/%s/ip-link.json", names[i]));
        struct net_rows raw = rows_from_capture(a, arena_printf(a, "net/%s", names[i]), uplinks);
        struct net_rows ip = rows_from_ip(a, json, uplinks, NULL, 0);

        cr_expect_gt(raw.nic_count + raw.bridge_count, 0);
        cr_expect_str_eq(net_json(a, &ip, true), net_json(a, &raw, true), "%s", names[i]);
    }
}

Test(net_captures, lacp_with_a_partner)
{
    struct net_rows r = rows_from_capture(a, "net/lacp", NULL);
    const struct bond *b = find_bond(&r, "bond0");

    cr_assert_str_eq(b->mode, "802.3ad");
    cr_assert_str_eq(b->partner_mac, "52:54:00:bb:00:01");
    cr_assert_eq(b->aggregator_ports, 2);
    cr_assert_eq(b->speed_mbps, 2000);
    cr_assert_eq(b->paths_active, 2);
    cr_assert_str_eq(find_vlan(&r, "outer.300")->tags, "200.300");
    cr_assert_str_eq(find_vlan(&r, "outer")->protocol, "802.1ad");
    cr_assert_null(find_vlan(&r, "br0.7"));
    cr_assert_null(find_vlan(&r, "dum0.5"));
    cr_assert_eq(find_bridge(&r, "br0")->ports.n, 1, "tap0 and vif1.0 are guests'");
    cr_assert_str_eq(find_nic(&r, "eth4")->pci_address, "0000:00:06.0");
    cr_assert_eq(find_nic(&r, "eth4")->speed_mbps, 10000);
    cr_assert_str_eq(find_nic(&r, "eth0")->port, "tp");
    cr_assert_str_eq(find_nic(&r, "eth0")->firmware, "2.1-0");
    cr_assert_str_eq(find_nic(&r, "eth1")->mac, "52:54:00:aa:00:01");
    cr_assert_str_eq(find_nic(&r, "eth1")->permanent_mac, "52:54:00:aa:00:02");
    cr_assert_str_eq(r.lowest_mac, "52:54:00:aa:00:01");
}

Test(net_captures, a_silent_far_end_degrades_though_the_carrier_stays)
{
    struct net_rows r = rows_from_capture(a, "net/lacp-degraded", NULL);

    cr_assert(find_nic(&r, "eth1")->carrier);
    cr_assert_eq(find_bond(&r, "bond0")->paths_active, 1);
    cr_assert_eq(find_bond(&r, "bond0")->paths_total, 2);
    cr_assert_eq(find_vlan(&r, "outer.300")->paths_active, 1);
    cr_assert_neq(find_nic(&r, "eth1")->bond_aggregator_id, find_bond(&r, "bond0")->aggregator_id);
}

Test(net_captures, the_active_backup_host)
{
    struct net_rows r =
        rows_from_ip(a, capture(a, "net/ip-link-active-backup.json"), NULL, NULL, 0);

    cr_assert_eq(find_bond(&r, "bond0")->paths_active, 2);
    cr_assert_str_eq(find_bond(&r, "bond0")->active_slave, "eth0");
    cr_assert_str_eq(find_nic(&r, "eth1")->bond_state, "backup");
    cr_assert(golden_matches("ip-link-active-backup.json", net_json(a, &r, false)));
}

/* "  Permanent HW addr: x" of one slave's paragraph. */
static const char *value_of(struct bytes paragraph, const char *name)
{
    struct bytes v = bytes_value(paragraph, name, ':');

    return arena_strndup(a, (const char *)v.p, v.n);
}

static struct bytes slave_paragraph(struct bytes text, const char *name)
{
    const char *header = arena_printf(a, "Slave Interface: %s\n", name);
    const uint8_t *from = memmem(text.p, text.n, header, strlen(header));
    const uint8_t *to;

    cr_assert_not_null(from);
    text.n -= (size_t)(from - text.p);
    text.p = from;
    to = memmem(text.p, text.n, "\n\n", 2);
    return (struct bytes){ from, to == NULL ? text.n : (size_t)(to - from) };
}

static const char *slave_json(struct bytes text, const char *name, int index)
{
    struct bytes p = slave_paragraph(text, name);
    const char *mii = strcmp(value_of(p, "MII Status"), "up") == 0 ? "UP" : "DOWN";

    return arena_printf(
        a,
        "{\"ifindex\":%d,\"ifname\":\"%s\",\"flags\":[\"SLAVE\",\"UP\",\"LOWER_UP\"],\"mtu\":1500,"
        "\"operstate\":\"UP\",\"link_type\":\"ether\",\"address\":\"52:54:00:aa:00:01\","
        "\"permaddr\":\"%s\",\"master\":\"bond0\",\"parentbus\":\"virtio\",\"parentdev\":\"v%d\","
        "\"linkinfo\":{\"info_slave_kind\":\"bond\",\"info_slave_data\":{\"state\":\"ACTIVE\","
        "\"mii_status\":\"%s\",\"link_failure_count\":%s,\"perm_hwaddr\":\"%s\","
        "\"ad_aggregator_id\":%s}}}",
        index, name, value_of(p, "Permanent HW addr"), index, mii,
        value_of(p, "Link Failure Count"), value_of(p, "Permanent HW addr"),
        value_of(p, "Aggregator ID"));
}

Test(net_captures, lacp_without_a_partner)
{
    struct bytes text = capture(a, "net/net-lacp.txt");
    const uint8_t *json = memmem(text.p, text.n, "[{", 2);
    struct net_rows r;
    const char *all;

    cr_assert_not_null(json);
    all = arena_printf(a, "[%s,%s,%.*s", slave_json(text, "eth0", 2), slave_json(text, "eth1", 3),
                       (int)(text.n - (size_t)(json + 1 - text.p)), (const char *)json + 1);
    r = rows_from_ip(a, bytes_of(all), NULL, NULL, 0);
    cr_assert_eq(r.bonds[0].paths_total, 2);
    cr_assert_eq(r.bonds[0].paths_active, 1);
    cr_assert_not(REC_HAS(&r.bonds[0], bond, partner_mac));
    cr_assert(golden_matches("net-lacp-alone.json", net_json(a, &r, false)));
}
