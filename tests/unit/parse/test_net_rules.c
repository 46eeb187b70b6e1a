/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which links become rows, and how many paths each has. The links are written as `ip -d -j link`
 * prints them (with ' for "). */
#include <criterion/criterion.h>

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

TestSuite(net_rules, .init = set_up, .fini = tear_down);

/* clang-format off */
#define ETHER "'mtu':1500,'operstate':'UP','link_type':'ether','address':'02:00:00:00:00:01'"
#define UP    "'flags':['UP','LOWER_UP']"
#define DARK  "'flags':['UP','NO-CARRIER']"
#define DOWN  "'flags':[]"
#define LOOP  "'flags':['LOOPBACK','UP','LOWER_UP']"
#define LINK(index, name, flags, more)                                                             \
    "{'ifindex':" #index ",'ifname':'" name "'," flags "," ETHER more "}"

#define PCI(name)    ",'parentbus':'pci','parentdev':'" name "'"
#define BACKEND      ",'parentbus':'xen-backend','parentdev':'vif-1-0'"
#define ON(lower)    ",'link':'" lower "'"
#define MASTER(name) ",'master':'" name "'"
#define KIND(kind)   ",'linkinfo':{'info_kind':'" kind "'}"
#define DATA(kind, data) ",'linkinfo':{'info_kind':'" kind "','info_data':{" data "}}"
#define VLAN(id)     DATA("vlan", "'protocol':'802.1Q','id':" #id)
#define BRIDGE                                                                                     \
    DATA("bridge", "'forward_delay':1500,'ageing_time':30000,'stp_state':0,'vlan_filtering':0,"    \
                   "'bridge_id':'8000.2:0:0:0:0:1','root_id':'8000.2:0:0:0:0:1'")
#define BOND_DATA(mode)                                                                            \
    "'mode':'" mode "','miimon':100,'min_links':0,'xmit_hash_policy':'layer2','ad_lacp_rate':'slow'"
#define BOND(mode)   DATA("bond", BOND_DATA(mode))
#define LACP(aggregator)                                                                           \
    DATA("bond", BOND_DATA("802.3ad") ",'ad_info':{'aggregator':" #aggregator ",'num_ports':1,"    \
                 "'partner_mac':'00:00:00:00:00:00'}")
#define SLAVE(master, mii, aggregator)                                                             \
    MASTER(master) ",'linkinfo':{'info_slave_kind':'bond','info_slave_data':{'state':'ACTIVE',"    \
    "'mii_status':'" mii "','link_failure_count':0,'perm_hwaddr':'02:00:00:00:00:01',"             \
    "'ad_aggregator_id':" #aggregator "}}"
/* clang-format on */

static struct net_rows rows(const char *const *interfaces, const char *const *links)
{
    struct buf json = { 0 };
    struct net_rows r;

    for (size_t i = 0; links[i] != NULL; i++)
        buf_printf(&json, "%s%s", i == 0 ? "[" : ",", links[i]);
    buf_str(&json, "]");
    r = rows_from_ip(a, (struct bytes){ json.p, json.n }, interfaces, NULL, 0);
    buf_deinit(&json);
    return r;
}

#define ROWS(interfaces, ...) rows(interfaces, (const char *const[]){ __VA_ARGS__, NULL })

Test(net_rules, guests_links_and_loopback_are_left_out)
{
    struct net_rows r = ROWS(NULL, LINK(1, "lo", LOOP, ""), LINK(2, "vif1.0", UP, BACKEND),
                             LINK(3, "tap0", UP, KIND("tun")), LINK(4, "veth0", UP, KIND("veth")),
                             LINK(5, "dummy0", UP, KIND("dummy")), LINK(6, "ifb0", UP, KIND("ifb")),
                             LINK(7, "eth0", UP, PCI("0000:03:00.0")));

    cr_assert_eq(r.nic_count, 1);
    cr_assert_str_eq(r.nics[0].name, "eth0");
    cr_assert_str_eq(r.nics[0].kind, "physical");
    cr_assert_str_eq(r.nics[0].pci_address, "0000:03:00.0");
    cr_assert_str_eq(r.nics[0].bus_address, "0000:03:00.0");
}

Test(net_rules, named_virtual_links_count_with_their_kind)
{
    const char *const globs[] = { "up*", "*", NULL };
    struct net_rows r =
        ROWS(globs, LINK(1, "lo", LOOP, ""), LINK(2, "uplink0", UP, KIND("veth")),
             LINK(3, "plain", UP, ""), LINK(4, "vif1.0", UP, BACKEND), LINK(5, "br0", UP, BRIDGE));

    cr_assert_eq(r.nic_count, 3, "loopback and bridges never become NICs, whatever is configured");
    cr_assert_str_eq(find_nic(&r, "uplink0")->kind, "veth");
    cr_assert_str_eq(find_nic(&r, "plain")->kind, "virtual");
    cr_assert_str_eq(find_nic(&r, "vif1.0")->kind, "virtual");
    cr_assert_eq(r.bridge_count, 1);
    cr_assert_null(r.lowest_mac, "only physical NICs identify a machine");
}

Test(net_rules, a_xen_front_end_is_physical_to_its_guest)
{
    struct net_rows r = ROWS(NULL, LINK(2, "eth0", UP, ",'parentbus':'xen','parentdev':'vif-0'"));

    cr_assert_eq(r.nic_count, 1);
    cr_assert_str_eq(r.nics[0].bus_address, "vif-0");
    cr_assert_not(REC_HAS(&r.nics[0], nic, pci_address));
}

Test(net_rules, vlans_count_by_what_they_stand_on)
{
    struct net_rows r =
        ROWS(NULL, LINK(2, "eth0", UP, PCI("0000:03:00.0")), LINK(3, "dummy0", UP, KIND("dummy")),
             LINK(4, "br0", UP, BRIDGE), LINK(5, "bond0", UP, BOND("balance-rr")),
             LINK(6, "storage", UP, ON("eth0") VLAN(42)),
             LINK(7, "dummy0.5", UP, ON("dummy0") VLAN(5)), LINK(8, "br0.7", UP, ON("br0") VLAN(7)),
             LINK(9, "bond0.8", UP, ON("bond0") VLAN(8)), LINK(10, "nowhere", UP, VLAN(9)));

    cr_assert_eq(r.vlan_count, 2);
    cr_assert_str_eq(find_vlan(&r, "storage")->base_link, "eth0");
    cr_assert_str_eq(find_vlan(&r, "storage")->tags, "42");
    cr_assert_str_eq(find_vlan(&r, "bond0.8")->base_link, "bond0");
}

Test(net_rules, stacked_vlans_name_base_and_tags_from_the_bottom)
{
    struct net_rows r = ROWS(
        NULL, LINK(9, "eth0", UP, PCI("0000:03:00.0")), LINK(2, "top", UP, ON("middle") VLAN(7)),
        LINK(3, "middle", UP, ON("low") VLAN(100)), LINK(4, "low", UP, ON("eth0") VLAN(200)));

    cr_assert_eq(r.vlan_count, 3);
    cr_assert_str_eq(find_vlan(&r, "top")->tags, "200.100.7");
    cr_assert_str_eq(find_vlan(&r, "top")->base_link, "eth0");
    cr_assert_str_eq(find_vlan(&r, "top")->link, "middle");
    cr_assert_str_eq(find_vlan(&r, "low")->tags, "200");
    cr_assert_eq(find_vlan(&r, "top")->vlan_id, 7);
}

Test(net_rules, vlans_in_a_circle_are_left_out)
{
    struct net_rows r =
        ROWS(NULL, LINK(2, "a", UP, ON("b") VLAN(1)), LINK(3, "b", UP, ON("a") VLAN(2)),
             LINK(4, "self", UP, ON("self") VLAN(3)));

    cr_assert_eq(r.vlan_count, 0);
}

Test(net_rules, a_vlan_has_no_paths_while_a_link_below_is_down)
{
    struct net_rows r = ROWS(
        NULL, LINK(2, "eth0", UP, PCI("0000:03:00.0")), LINK(3, "eth1", DARK, PCI("0000:03:00.1")),
        LINK(4, "low", DOWN, ON("eth0") VLAN(200)), LINK(5, "top", UP, ON("low") VLAN(100)),
        LINK(6, "fine", UP, ON("eth0") VLAN(10)), LINK(7, "dark", UP, ON("eth1") VLAN(10)));

    cr_assert_eq(find_vlan(&r, "top")->paths_active, 0);
    cr_assert_eq(find_vlan(&r, "low")->paths_active, 0);
    cr_assert_eq(find_vlan(&r, "fine")->paths_active, 1);
    cr_assert_eq(find_vlan(&r, "dark")->paths_active, 0);
    cr_assert_eq(find_vlan(&r, "top")->paths_total, 1);
    cr_assert_not(REC_HAS(find_vlan(&r, "low"), vlan, carrier), "it is down by will");
    cr_assert(REC_HAS(find_vlan(&r, "top"), vlan, carrier));
}

Test(net_rules, a_nic_carries_frames_when_up_with_a_carrier)
{
    struct net_rows r = ROWS(NULL, LINK(2, "up", UP, PCI("0000:03:00.0")),
                             LINK(3, "dark", DARK, PCI("0000:03:00.1")),
                             LINK(4, "down", DOWN, PCI("0000:03:00.2")));

    cr_assert_eq(find_nic(&r, "up")->paths_active, 1);
    cr_assert_eq(find_nic(&r, "dark")->paths_active, 0);
    cr_assert(REC_HAS(find_nic(&r, "dark"), nic, carrier) && !find_nic(&r, "dark")->carrier);
    cr_assert_eq(find_nic(&r, "down")->paths_active, 0);
    cr_assert_not(REC_HAS(find_nic(&r, "down"), nic, carrier));
    cr_assert_eq(find_nic(&r, "down")->paths_total, 1);
}

Test(net_rules, a_bonds_paths_are_the_slaves_that_its_monitor_calls_up)
{
    struct net_rows r =
        ROWS(NULL, LINK(2, "e0", UP, PCI("0000:03:00.0") SLAVE("bond0", "UP", 0)),
             LINK(3, "e1", UP, PCI("0000:03:00.1") SLAVE("bond0", "DOWN", 0)),
             LINK(4, "e2", DARK, PCI("0000:03:00.2") SLAVE("bond0", "UP", 0)),
             LINK(5, "e3", UP, PCI("0000:03:00.3") SLAVE("bond0", "GOING_BACK", 0)),
             LINK(6, "bond0", UP, BOND("active-backup")), LINK(7, "v", UP, ON("bond0") VLAN(5)));

    cr_assert_eq(r.bonds[0].paths_total, 4);
    cr_assert_eq(r.bonds[0].paths_active, 1);
    cr_assert_eq(r.bonds[0].slaves.n, 4);
    cr_assert_str_eq(r.bonds[0].slaves.v[3], "e3");
    cr_assert_eq(find_vlan(&r, "v")->paths_active, 1);
    cr_assert_eq(find_vlan(&r, "v")->paths_total, 4);
    cr_assert_str_eq(find_nic(&r, "e1")->bond_mii_status, "down");
    cr_assert_str_eq(find_nic(&r, "e1")->master, "bond0");
}

Test(net_rules, lacp_counts_the_active_aggregator_alone)
{
    struct net_rows r = ROWS(NULL, LINK(2, "e0", UP, PCI("0000:03:00.0") SLAVE("bond0", "UP", 1)),
                             LINK(3, "e1", UP, PCI("0000:03:00.1") SLAVE("bond0", "UP", 2)),
                             LINK(4, "e2", UP, PCI("0000:03:00.2") SLAVE("bond0", "UP", 2)),
                             LINK(6, "bond0", UP, LACP(2)));

    cr_assert_eq(r.bonds[0].paths_active, 2);
    cr_assert_eq(r.bonds[0].paths_total, 3);
    cr_assert_eq(r.bonds[0].aggregator_id, 2);
    cr_assert_not(REC_HAS(&r.bonds[0], bond, partner_mac), "all zeros is no partner");
}

Test(net_rules, no_slave_carries_frames_for_a_bond_that_is_down)
{
    struct net_rows r = ROWS(NULL, LINK(2, "e0", UP, PCI("0000:03:00.0") SLAVE("bond0", "UP", 0)),
                             LINK(3, "bond0", DOWN, BOND("active-backup")),
                             LINK(4, "e1", UP, PCI("0000:03:00.1") SLAVE("bond1", "UP", 0)),
                             LINK(5, "bond1", DARK, BOND("active-backup")));

    cr_assert_eq(find_bond(&r, "bond0")->paths_active, 0);
    cr_assert_eq(find_bond(&r, "bond1")->paths_active, 0);
    cr_assert_eq(find_bond(&r, "bond1")->paths_total, 1);
}

Test(net_rules, a_bridge_lists_the_hosts_ports_only)
{
    struct net_rows r = ROWS(NULL, LINK(2, "eth1", UP, PCI("0000:03:00.0") MASTER("br0")),
                             LINK(3, "eth0", UP, PCI("0000:03:00.1")),
                             LINK(4, "eth0.5", UP, ON("eth0") VLAN(5) MASTER("br0")),
                             LINK(5, "vif1.0", UP, BACKEND MASTER("br0")),
                             LINK(6, "tap3", UP, KIND("tun") MASTER("br0")),
                             LINK(7, "br0", UP, BRIDGE), LINK(8, "empty", UP, BRIDGE));

    cr_assert_eq(find_bridge(&r, "br0")->ports.n, 2);
    cr_assert_str_eq(find_bridge(&r, "br0")->ports.v[0], "eth0.5");
    cr_assert_str_eq(find_bridge(&r, "br0")->ports.v[1], "eth1");
    cr_assert_eq(find_bridge(&r, "empty")->ports.n, 0);
    cr_assert_str_eq(find_nic(&r, "eth1")->master, "br0");
    cr_assert_eq(find_bridge(&r, "br0")->ageing_ms, 300000);
    cr_assert_eq(find_bridge(&r, "br0")->forward_delay_ms, 15000);
}

Test(net_rules, bonds_vlans_and_bridges_tell_their_alias_and_bridge)
{
    struct net_rows r =
        ROWS(NULL, LINK(2, "bond0", UP, BOND("balance-rr") MASTER("br0") ",'ifalias':'A'"),
             LINK(3, "v", UP, ON("bond0") VLAN(5) MASTER("br0") ",'ifalias':'B'"),
             LINK(4, "br0", UP, BRIDGE ",'ifalias':'C'"));

    cr_assert_str_eq(r.bonds[0].master, "br0");
    cr_assert_str_eq(r.bonds[0].alias, "A");
    cr_assert_str_eq(r.vlans[0].master, "br0");
    cr_assert_str_eq(r.vlans[0].alias, "B");
    cr_assert_str_eq(r.bridges[0].alias, "C");
    cr_assert_eq(r.bridges[0].ports.n, 2);
}

#define TEXT(s)                             \
    {                                       \
        (const uint8_t *)(s), sizeof(s) - 1 \
    }

static const char one_nic[] = "[" LINK(4, "eth0", UP, "") "]";

Test(net_rules, sysfs_makes_a_link_physical_on_kernels_without_parent_names)
{
    struct net_facts f = {
        .index = 4,
        .sys_index = TEXT("4\n"),
        .sys_address = TEXT("02:00:00:00:00:01\n"),
        .assign_type = TEXT("0\n"),
        .device = TEXT("/sys/devices/pci0000:00/0000:00:1c.4/0000:3b:00.1/virtio9"),
        .bus = TEXT("virtio"),
        .numa_node = TEXT("1\n"),
        .sriov_total = TEXT("64\n"),
        .sriov_configured = TEXT("0\n"),
    };
    struct net_rows r = rows_from_ip(a, bytes_of(one_nic), NULL, &f, 1);

    cr_assert_eq(r.nic_count, 1);
    cr_assert_str_eq(r.nics[0].bus_address, "virtio9");
    cr_assert_str_eq(r.nics[0].pci_address, "0000:3b:00.1");
    cr_assert_eq(r.nics[0].numa_node, 1);
    cr_assert_eq(r.nics[0].sriov_total, 64);
    cr_assert(REC_HAS(&r.nics[0], nic, sriov_configured));
    cr_assert_str_eq(r.nics[0].permanent_mac, "02:00:00:00:00:01");
    cr_assert_str_eq(r.lowest_mac, "02:00:00:00:00:01");

    f.assign_type = (struct bytes)TEXT("3\n");
    f.numa_node = (struct bytes)TEXT("-1\n");
    r = rows_from_ip(a, bytes_of(one_nic), NULL, &f, 1);
    cr_assert_not(REC_HAS(&r.nics[0], nic, permanent_mac),
                  "an address set by hand is not permanent");
    cr_assert_not(REC_HAS(&r.nics[0], nic, numa_node), "-1 is none");

    f.bus = (struct bytes)TEXT("xen-backend");
    r = rows_from_ip(a, bytes_of(one_nic), NULL, &f, 1);
    cr_assert_eq(r.nic_count, 0);
}

Test(net_rules, sysfs_of_another_link_is_not_believed)
{
    struct net_facts f = {
        .index = 4,
        .sys_index = TEXT("5\n"),
        .sys_address = TEXT("02:00:00:00:00:01\n"),
        .device = TEXT("/sys/devices/pci0000:00/0000:3b:00.1"),
    };
    struct net_rows r = rows_from_ip(a, bytes_of(one_nic), NULL, &f, 1);

    cr_assert_eq(r.nic_count, 0, "another index");
    f.sys_index = (struct bytes)TEXT("4\n");
    f.sys_address = (struct bytes)TEXT("02:00:00:00:00:99\n");
    r = rows_from_ip(a, bytes_of(one_nic), NULL, &f, 1);
    cr_assert_eq(r.nic_count, 0, "another address");
    f.sys_address = (struct bytes)TEXT("02:00:00:00:00:01\n");
    r = rows_from_ip(a, bytes_of(one_nic), NULL, &f, 1);
    cr_assert_eq(r.nic_count, 1);
}

Test(net_rules, the_lowest_mac_is_no_virtual_functions)
{
    static const char two[] =
        "[{'ifindex':4,'ifname':'pf','flags':[],'mtu':1500,'operstate':'DOWN','link_type':'ether',"
        "'address':'02:00:00:00:00:09','parentbus':'pci','parentdev':'0000:03:00.0'},"
        "{'ifindex':5,'ifname':'vf','flags':[],'mtu':1500,'operstate':'DOWN','link_type':'ether',"
        "'address':'02:00:00:00:00:01','parentbus':'pci','parentdev':'0000:03:10.0'}]";
    struct net_facts f = {
        .index = 5,
        .sys_index = TEXT("5\n"),
        .sys_address = TEXT("02:00:00:00:00:01\n"),
        .device = TEXT("/sys/devices/pci0000:00/0000:03:10.0"),
        .virtual_function = true,
    };
    struct net_rows r = rows_from_ip(a, bytes_of(two), NULL, &f, 1);

    cr_assert_eq(r.nic_count, 2);
    cr_assert_str_eq(r.lowest_mac, "02:00:00:00:00:09");
    r = rows_from_ip(a, bytes_of(two), NULL, NULL, 0);
    cr_assert_str_eq(r.lowest_mac, "02:00:00:00:00:01");
}

Test(net_rules, pci_functions_are_found_in_device_paths)
{
    static const struct {
        const char *path, *directory;
    } cases[] = {
        { "/sys/devices/pci0000:00/0000:00:03.0/virtio2", "/sys/devices/pci0000:00/0000:00:03.0" },
        { "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.1",
          "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.1" },
        { "/sys/devices/pci10000:e0/10000:e1:00.0", "/sys/devices/pci10000:e0/10000:e1:00.0" },
        { "/sys/devices/vif-0", "" },
        { "/sys/devices/0000:00:03.0x/y", "" },
        { "", "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bytes found = pci_directory(bytes_of(cases[i].path));

        cr_assert(bytes_equal(found, cases[i].directory), "%s: got %.*s", cases[i].path,
                  (int)found.n, (const char *)found.p);
    }
}
