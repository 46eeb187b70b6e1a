/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_link_kind.h"

#include <linux/if_link.h>

#include "collect/parse_netlink.h"

static void read_bond(struct nlattr *data, struct link *l)
{
    struct nlattr *tb[IFLA_BOND_MAX + 1], *ad[IFLA_BOND_AD_INFO_MAX + 1];
    struct link_bond *b = &l->bond;

    nested_attrs(data, tb, IFLA_BOND_MAX);
    nested_attrs(tb[IFLA_BOND_AD_INFO], ad, IFLA_BOND_AD_INFO_MAX);
    b->mode = attr_u8(tb[IFLA_BOND_MODE]);
    b->active_slave = attr_u32(tb[IFLA_BOND_ACTIVE_SLAVE]);
    b->primary = attr_u32(tb[IFLA_BOND_PRIMARY]);
    b->miimon = attr_u32(tb[IFLA_BOND_MIIMON]);
    b->xmit_hash_policy = attr_u8(tb[IFLA_BOND_XMIT_HASH_POLICY]);
    b->lacp_rate = attr_u8(tb[IFLA_BOND_AD_LACP_RATE]);
    b->min_links = attr_u32(tb[IFLA_BOND_MIN_LINKS]);
    b->aggregator = attr_u16(ad[IFLA_BOND_AD_INFO_AGGREGATOR]);
    b->ports = attr_u16(ad[IFLA_BOND_AD_INFO_NUM_PORTS]);
    b->partner = attr_hwaddr(ad[IFLA_BOND_AD_INFO_PARTNER_MAC]);
}

static void read_vlan(struct nlattr *data, struct link *l)
{
    struct nlattr *tb[IFLA_VLAN_MAX + 1];

    nested_attrs(data, tb, IFLA_VLAN_MAX);
    l->vlan.id = attr_u16(tb[IFLA_VLAN_ID]);
    l->vlan.protocol = attr_be16(tb[IFLA_VLAN_PROTOCOL]);
}

static void read_bridge(struct nlattr *data, struct link *l)
{
    struct nlattr *tb[IFLA_BR_MAX + 1];
    struct link_bridge *b = &l->bridge;

    nested_attrs(data, tb, IFLA_BR_MAX);
    b->stp = attr_u32(tb[IFLA_BR_STP_STATE]);
    b->vlan_filtering = attr_u8(tb[IFLA_BR_VLAN_FILTERING]);
    b->vlan_protocol = attr_be16(tb[IFLA_BR_VLAN_PROTOCOL]);
    b->default_pvid = attr_u16(tb[IFLA_BR_VLAN_DEFAULT_PVID]);
    b->ageing = attr_u32(tb[IFLA_BR_AGEING_TIME]);
    b->forward_delay = attr_u32(tb[IFLA_BR_FORWARD_DELAY]);
    b->bridge_id = attr_hwaddr(tb[IFLA_BR_BRIDGE_ID]);
    b->root_id = attr_hwaddr(tb[IFLA_BR_ROOT_ID]);
}

static void read_slave(struct nlattr *data, struct link_slave *s)
{
    struct nlattr *tb[IFLA_BOND_SLAVE_MAX + 1];

    nested_attrs(data, tb, IFLA_BOND_SLAVE_MAX);
    s->has = true;
    s->state = attr_u8(tb[IFLA_BOND_SLAVE_STATE]);
    s->mii_status = attr_u8(tb[IFLA_BOND_SLAVE_MII_STATUS]);
    s->failures = attr_u32(tb[IFLA_BOND_SLAVE_LINK_FAILURE_COUNT]);
    s->aggregator = attr_u16(tb[IFLA_BOND_SLAVE_AD_AGGREGATOR_ID]);
    s->permanent = attr_hwaddr(tb[IFLA_BOND_SLAVE_PERM_HWADDR]);
}

static const struct {
    const char *name;
    enum link_kind kind;
    void (*read)(struct nlattr *data, struct link *l);
} kinds[] = {
    { "bond", LINK_BOND, read_bond },
    { "vlan", LINK_VLAN, read_vlan },
    { "bridge", LINK_BRIDGE, read_bridge },
};

void link_read_kind(struct rows *r, struct nlattr *linkinfo, struct link *l)
{
    struct nlattr *tb[IFLA_INFO_MAX + 1];
    const char *slave_kind;

    nested_attrs(linkinfo, tb, IFLA_INFO_MAX);
    l->kind_name = attr_text(r, tb[IFLA_INFO_KIND]);
    for (size_t i = 0; i < ARRAY_LEN(kinds) && l->kind_name != NULL; i++) {
        if (strcmp(kinds[i].name, l->kind_name) == 0) {
            l->kind = kinds[i].kind;
            kinds[i].read(tb[IFLA_INFO_DATA], l);
        }
    }
    slave_kind = attr_text(r, tb[IFLA_INFO_SLAVE_KIND]);
    if (slave_kind != NULL && strcmp(slave_kind, "bond") == 0)
        read_slave(tb[IFLA_INFO_SLAVE_DATA], &l->slave);
}

static const char *name_of(const char *const *names, size_t n, struct opt number)
{
    return number.has && number.v < n ? names[number.v] : NULL;
}

const char *link_operstate_name(struct opt operstate)
{
    static const char *const names[] = { "unknown", "notpresent", "down", "lowerlayerdown",
                                         "testing", "dormant",    "up" };

    return name_of(names, ARRAY_LEN(names), operstate);
}

const char *bond_mode_name(struct opt mode)
{
    static const char *const names[] = { "balance-rr", "active-backup", "balance-xor", "broadcast",
                                         "802.3ad",    "balance-tlb",   "balance-alb" };

    return name_of(names, ARRAY_LEN(names), mode);
}

const char *bond_xmit_name(struct opt policy)
{
    static const char *const names[] = { "layer2",   "layer3+4", "layer2+3",
                                         "encap2+3", "encap3+4", "vlan+srcmac" };

    return name_of(names, ARRAY_LEN(names), policy);
}

const char *bond_slave_state_name(struct opt state)
{
    static const char *const names[] = { "active", "backup" };

    return name_of(names, ARRAY_LEN(names), state);
}

const char *bond_mii_name(struct opt status)
{
    static const char *const names[] = { "up", "going_down", "down", "going_back" };

    return name_of(names, ARRAY_LEN(names), status);
}

const char *bond_lacp_rate_name(struct opt rate)
{
    static const char *const names[] = { "slow", "fast" };

    return name_of(names, ARRAY_LEN(names), rate);
}
