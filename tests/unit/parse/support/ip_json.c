/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ip -d -j link` back into the messages that ip had read. Only what the parser looks at is made.
 */
#include <jansson.h>
#include <net/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/support.h"

struct word {
    const char *text;
    uint32_t number;
};

#define LOWER_UP 0x10000

static const struct word flag_words[] = {
    { "LOOPBACK", IFF_LOOPBACK },
    { "BROADCAST", IFF_BROADCAST },
    { "MULTICAST", IFF_MULTICAST },
    { "UP", IFF_UP },
    { "LOWER_UP", LOWER_UP },
    { "SLAVE", IFF_SLAVE },
    { "MASTER", IFF_MASTER },
    { "NOARP", IFF_NOARP },
    { "PROMISC", IFF_PROMISC },
    { "ALLMULTI", IFF_ALLMULTI },
    { "NO-CARRIER", 0 },
    { "M-DOWN", 0 },
};
static const struct word operstate_words[] = { { "UNKNOWN", 0 }, { "NOTPRESENT", 1 },
                                               { "DOWN", 2 },    { "LOWERLAYERDOWN", 3 },
                                               { "TESTING", 4 }, { "DORMANT", 5 },
                                               { "UP", 6 } };
static const struct word type_words[] = { { "ether", ARPHRD_ETHER },
                                          { "loopback", ARPHRD_LOOPBACK } };
static const struct word mode_words[] = { { "balance-rr", 0 },  { "active-backup", 1 },
                                          { "balance-xor", 2 }, { "broadcast", 3 },
                                          { "802.3ad", 4 },     { "balance-tlb", 5 },
                                          { "balance-alb", 6 } };
static const struct word xmit_words[] = {
    { "layer2", 0 },   { "layer3+4", 1 }, { "layer2+3", 2 },
    { "encap2+3", 3 }, { "encap3+4", 4 }, { "vlan+srcmac", 5 }
};
static const struct word lacp_words[] = { { "slow", 0 }, { "fast", 1 } };
static const struct word state_words[] = { { "ACTIVE", 0 }, { "BACKUP", 1 } };
static const struct word mii_words[] = {
    { "UP", 0 }, { "GOING_DOWN", 1 }, { "DOWN", 2 }, { "GOING_BACK", 3 }
};
static const struct word protocol_words[] = { { "802.1Q", 0x8100 }, { "802.1ad", 0x88a8 } };

static _Noreturn void fail(const char *what, const char *which)
{
    fprintf(stderr, "capture of ip link: %s: %s\n", what, which);
    abort();
}

static uint32_t number_of(const struct word *words, size_t n, const json_t *j)
{
    const char *text = json_string_value(j);

    for (size_t i = 0; i < n && text != NULL; i++) {
        if (strcmp(words[i].text, text) == 0)
            return words[i].number;
    }
    fail("no such word", text == NULL ? "(none)" : text);
}
#define NUMBER_OF(words, j) number_of(words, ARRAY_LEN(words), j)

static json_t *root_of;

static uint32_t index_of(const json_t *root, const json_t *name)
{
    for (size_t i = 0; i < json_array_size(root); i++) {
        const json_t *l = json_array_get(root, i);

        if (strcmp(json_string_value(json_object_get(l, "ifname")), json_string_value(name)) == 0)
            return (uint32_t)json_integer_value(json_object_get(l, "ifindex"));
    }
    fail("no such link", json_string_value(name));
}

static void put_text(struct nl_msg *m, int type, const json_t *j)
{
    if (j != NULL)
        nla_put_string(m, type, json_string_value(j));
}

static void put_u32(struct nl_msg *m, int type, const json_t *j)
{
    if (j != NULL)
        nla_put_u32(m, type, (uint32_t)json_integer_value(j));
}

static void put_link(struct nl_msg *m, int type, const json_t *j)
{
    if (j != NULL)
        nla_put_u32(m, type, index_of(root_of, j));
}

static void put_address(struct nl_msg *m, int type, const json_t *j)
{
    uint8_t b[32];
    const char *p = json_string_value(j);
    int n = 0;

    if (p == NULL)
        return;
    for (;;) {
        char *end;

        b[n++] = (uint8_t)strtoul(p, &end, 16);
        if (*end == '\0')
            break;
        p = end + 1;
    }
    nla_put(m, type, n, b);
}

static void put_be16(struct nl_msg *m, int type, uint32_t v)
{
    uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

    nla_put(m, type, 2, b);
}

static void put_bond(struct nl_msg *m, const json_t *d)
{
    const json_t *ad = json_object_get(d, "ad_info");

    nla_put_u8(m, IFLA_BOND_MODE, (uint8_t)NUMBER_OF(mode_words, json_object_get(d, "mode")));
    put_link(m, IFLA_BOND_ACTIVE_SLAVE, json_object_get(d, "active_slave"));
    put_link(m, IFLA_BOND_PRIMARY, json_object_get(d, "primary"));
    put_u32(m, IFLA_BOND_MIIMON, json_object_get(d, "miimon"));
    put_u32(m, IFLA_BOND_MIN_LINKS, json_object_get(d, "min_links"));
    nla_put_u8(m, IFLA_BOND_XMIT_HASH_POLICY,
               (uint8_t)NUMBER_OF(xmit_words, json_object_get(d, "xmit_hash_policy")));
    nla_put_u8(m, IFLA_BOND_AD_LACP_RATE,
               (uint8_t)NUMBER_OF(lacp_words, json_object_get(d, "ad_lacp_rate")));
    if (ad != NULL) {
        struct nlattr *nest = nla_nest_start(m, IFLA_BOND_AD_INFO);

        nla_put_u16(m, IFLA_BOND_AD_INFO_AGGREGATOR,
                    (uint16_t)json_integer_value(json_object_get(ad, "aggregator")));
        nla_put_u16(m, IFLA_BOND_AD_INFO_NUM_PORTS,
                    (uint16_t)json_integer_value(json_object_get(ad, "num_ports")));
        put_address(m, IFLA_BOND_AD_INFO_PARTNER_MAC, json_object_get(ad, "partner_mac"));
        nla_nest_end(m, nest);
    }
}

static void put_vlan(struct nl_msg *m, const json_t *d)
{
    nla_put_u16(m, IFLA_VLAN_ID, (uint16_t)json_integer_value(json_object_get(d, "id")));
    put_be16(m, IFLA_VLAN_PROTOCOL, NUMBER_OF(protocol_words, json_object_get(d, "protocol")));
}

/* "8000.52:54:0:aa:0:1", without leading zeros as ip prints it. */
static void put_bridge_id(struct nl_msg *m, int type, const json_t *j)
{
    unsigned p, b[6];
    uint8_t id[8];

    if (sscanf(json_string_value(j), "%x.%x:%x:%x:%x:%x:%x", &p, &b[0], &b[1], &b[2], &b[3], &b[4],
               &b[5]) != 7)
        fail("no bridge id", json_string_value(j));
    id[0] = (uint8_t)(p >> 8);
    id[1] = (uint8_t)p;
    for (int i = 0; i < 6; i++)
        id[2 + i] = (uint8_t)b[i];
    nla_put(m, type, 8, id);
}

static void put_bridge(struct nl_msg *m, const json_t *d)
{
    put_u32(m, IFLA_BR_FORWARD_DELAY, json_object_get(d, "forward_delay"));
    put_u32(m, IFLA_BR_AGEING_TIME, json_object_get(d, "ageing_time"));
    put_u32(m, IFLA_BR_STP_STATE, json_object_get(d, "stp_state"));
    nla_put_u8(m, IFLA_BR_VLAN_FILTERING,
               (uint8_t)json_integer_value(json_object_get(d, "vlan_filtering")));
    if (json_object_get(d, "vlan_protocol") != NULL)
        put_be16(m, IFLA_BR_VLAN_PROTOCOL,
                 NUMBER_OF(protocol_words, json_object_get(d, "vlan_protocol")));
    if (json_object_get(d, "vlan_default_pvid") != NULL)
        nla_put_u16(m, IFLA_BR_VLAN_DEFAULT_PVID,
                    (uint16_t)json_integer_value(json_object_get(d, "vlan_default_pvid")));
    put_bridge_id(m, IFLA_BR_BRIDGE_ID, json_object_get(d, "bridge_id"));
    put_bridge_id(m, IFLA_BR_ROOT_ID, json_object_get(d, "root_id"));
}

static void put_bond_slave(struct nl_msg *m, const json_t *d)
{
    const json_t *aggregator = json_object_get(d, "ad_aggregator_id");

    nla_put_u8(m, IFLA_BOND_SLAVE_STATE,
               (uint8_t)NUMBER_OF(state_words, json_object_get(d, "state")));
    nla_put_u8(m, IFLA_BOND_SLAVE_MII_STATUS,
               (uint8_t)NUMBER_OF(mii_words, json_object_get(d, "mii_status")));
    put_u32(m, IFLA_BOND_SLAVE_LINK_FAILURE_COUNT, json_object_get(d, "link_failure_count"));
    put_address(m, IFLA_BOND_SLAVE_PERM_HWADDR, json_object_get(d, "perm_hwaddr"));
    if (aggregator != NULL)
        nla_put_u16(m, IFLA_BOND_SLAVE_AD_AGGREGATOR_ID, (uint16_t)json_integer_value(aggregator));
}

static void put_linkinfo(struct nl_msg *m, const json_t *info)
{
    static const struct {
        const char *kind;
        void (*put)(struct nl_msg *m, const json_t *d);
    } kinds[] = { { "bond", put_bond }, { "vlan", put_vlan }, { "bridge", put_bridge } };
    const char *kind = json_string_value(json_object_get(info, "info_kind"));
    const char *slave = json_string_value(json_object_get(info, "info_slave_kind"));
    struct nlattr *nest = nla_nest_start(m, IFLA_LINKINFO), *inner;

    put_text(m, IFLA_INFO_KIND, json_object_get(info, "info_kind"));
    for (size_t i = 0; i < ARRAY_LEN(kinds) && kind != NULL; i++) {
        if (strcmp(kind, kinds[i].kind) != 0)
            continue;
        inner = nla_nest_start(m, IFLA_INFO_DATA);
        kinds[i].put(m, json_object_get(info, "info_data"));
        nla_nest_end(m, inner);
    }
    put_text(m, IFLA_INFO_SLAVE_KIND, json_object_get(info, "info_slave_kind"));
    if (slave != NULL && strcmp(slave, "bond") == 0) {
        inner = nla_nest_start(m, IFLA_INFO_SLAVE_DATA);
        put_bond_slave(m, json_object_get(info, "info_slave_data"));
        nla_nest_end(m, inner);
    }
    nla_nest_end(m, nest);
}

/* The kernel tells the permanent address of every device that has one; ip prints it only where it
 * differs. */
static void put_addresses(struct nl_msg *m, const json_t *l)
{
    const json_t *permanent = json_object_get(l, "permaddr");

    put_address(m, IFLA_ADDRESS, json_object_get(l, "address"));
    if (permanent == NULL && json_object_get(l, "parentdev") != NULL)
        permanent = json_object_get(l, "address");
    put_address(m, IFLA_PERM_ADDRESS, permanent);
}

static void put_altnames(struct nl_msg *m, const json_t *names)
{
    struct nlattr *nest;

    if (names == NULL)
        return;
    nest = nla_nest_start(m, IFLA_PROP_LIST);
    for (size_t i = 0; i < json_array_size(names); i++)
        put_text(m, IFLA_ALT_IFNAME, json_array_get(names, i));
    nla_nest_end(m, nest);
}

static uint32_t flags_of(const json_t *l)
{
    const json_t *list = json_object_get(l, "flags");
    uint32_t flags = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        flags |= NUMBER_OF(flag_words, json_array_get(list, i));
    return flags;
}

static void put_one(const json_t *l, struct buf *out)
{
    struct nl_msg *m = nlmsg_alloc_size(16384);
    struct nlmsghdr *h = nlmsg_put(m, 1, 1, RTM_NEWLINK, 0, NLM_F_MULTI);
    struct ifinfomsg ifi = {
        .ifi_type = (uint16_t)NUMBER_OF(type_words, json_object_get(l, "link_type")),
        .ifi_index = (int)json_integer_value(json_object_get(l, "ifindex")),
        .ifi_flags = flags_of(l),
    };

    nlmsg_append(m, &ifi, sizeof ifi, NLMSG_ALIGNTO);
    put_text(m, IFLA_IFNAME, json_object_get(l, "ifname"));
    put_u32(m, IFLA_MTU, json_object_get(l, "mtu"));
    nla_put_u8(m, IFLA_OPERSTATE,
               (uint8_t)NUMBER_OF(operstate_words, json_object_get(l, "operstate")));
    nla_put_u8(m, IFLA_CARRIER, (ifi.ifi_flags & LOWER_UP) != 0);
    put_addresses(m, l);
    put_link(m, IFLA_MASTER, json_object_get(l, "master"));
    put_link(m, IFLA_LINK, json_object_get(l, "link"));
    put_text(m, IFLA_IFALIAS, json_object_get(l, "ifalias"));
    put_text(m, IFLA_PARENT_DEV_NAME, json_object_get(l, "parentdev"));
    put_text(m, IFLA_PARENT_DEV_BUS_NAME, json_object_get(l, "parentbus"));
    put_altnames(m, json_object_get(l, "altnames"));
    if (json_object_get(l, "linkinfo") != NULL)
        put_linkinfo(m, json_object_get(l, "linkinfo"));
    h = nlmsg_hdr(m);
    buf_add(out, h, NLMSG_ALIGN(h->nlmsg_len));
    nlmsg_free(m);
}

void netlink_from_ip_json(struct bytes json, struct buf *out)
{
    json_error_t fault;
    json_t *root = json_loadb((const char *)json.p, json.n, 0, &fault);

    if (!json_is_array(root))
        fail("no list of links", fault.text);
    root_of = root;
    for (size_t i = 0; i < json_array_size(root); i++)
        put_one(json_array_get(root, i), out);
    root_of = NULL;
    json_decref(root);
}
