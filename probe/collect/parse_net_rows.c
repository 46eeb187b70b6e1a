/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bonds, VLANs and bridges: a link and those around it into one row. */
#include "collect/parse_net_rows.h"

/* Fields that every kind of link has, under the same names in every record. */
#define LINK_ROW(b, l, row, type)                                            \
    do {                                                                     \
        ROW_TEXT(row, type, name, (l)->name);                                \
        ROW_U64(row, type, ifindex, ((struct opt){ true, (l)->index }));     \
        ROW_TEXT(row, type, mac, rows_hwaddr(&(b)->r, &(l)->address));       \
        ROW_U64(row, type, mtu_bytes, (l)->mtu);                             \
        REC_SET(row, type, admin_up, link_is_up(l));                         \
        if (link_is_up(l))                                                   \
            REC_SET(row, type, carrier, link_carries(l));                    \
        ROW_TEXT(row, type, operstate, link_operstate_name((l)->operstate)); \
        ROW_TEXT(row, type, alias, (l)->alias);                              \
    } while (0)

static struct opt number(uint64_t v)
{
    return (struct opt){ true, v };
}

static const char *name_of(const struct net_build *b, struct opt index)
{
    const struct link *l = link_by_index(&b->in->links, index);

    return l == NULL ? NULL : l->name;
}

static bool is_port(const struct net_build *b, const struct link *l, const struct link *master,
                    bool only_reported)
{
    if (!l->master.has || l->master.v != master->index)
        return false;
    return !only_reported || net_role(b, l) != ROLE_NONE;
}

/* Names of the links that have `master` as theirs; only_reported: only those that become rows. */
static struct strs port_names(struct net_build *b, const struct link *master, bool only_reported)
{
    const struct link_table *t = &b->in->links;
    const char **names;
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += is_port(b, &t->v[i], master, only_reported);
    names = rows_array(&b->r, n, sizeof *names);
    if (names == NULL)
        return (struct strs){ NULL, 0 };
    n = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (is_port(b, &t->v[i], master, only_reported))
            names[n++] = t->v[i].name;
    }
    return rows_strs(names, n);
}

/* A slave carries frames when its bond does, it has a carrier, the bond's monitor (MII or ARP)
 * calls it up and, for LACP, it is in the active aggregator. */
static bool slave_carries(const struct link *bond, const struct link *slave)
{
    const struct link_slave *s = &slave->slave;

    if (!link_carries(bond) || !link_carries(slave))
        return false;
    if (s->mii_status.has && s->mii_status.v != 0)
        return false;
    if (!bond->bond.mode.has || bond->bond.mode.v != BOND_MODE_LACP)
        return true;
    return bond->bond.aggregator.has && s->aggregator.has &&
           bond->bond.aggregator.v == s->aggregator.v;
}

static void count_paths(const struct net_build *b, const struct link *l, uint64_t *active,
                        uint64_t *total)
{
    const struct link_table *t = &b->in->links;

    *active = link_carries(l);
    *total = 1;
    if (l->kind != LINK_BOND)
        return;
    *active = *total = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (is_port(b, &t->v[i], l, false)) {
            *active += slave_carries(l, &t->v[i]);
            (*total)++;
        }
    }
}

static struct opt speed_of(const struct net_build *b, const struct link *l)
{
    const struct ethtool_link *e = ethtool_by_index(&b->in->ethtool, l->index);

    return e == NULL ? (struct opt){ .has = false } : e->speed_mbps;
}

void net_bond_row(struct net_build *b, const struct link *l, struct bond *bond)
{
    const struct link_bond *d = &l->bond;
    uint64_t active, total;

    LINK_ROW(b, l, bond, bond);
    ROW_TEXT(bond, bond, mode, bond_mode_name(d->mode));
    REC_SET(bond, bond, slaves, port_names(b, l, false));
    ROW_TEXT(bond, bond, active_slave, name_of(b, d->active_slave));
    ROW_TEXT(bond, bond, primary_slave, name_of(b, d->primary));
    ROW_U64(bond, bond, miimon_ms, d->miimon);
    ROW_TEXT(bond, bond, xmit_hash_policy, bond_xmit_name(d->xmit_hash_policy));
    ROW_TEXT(bond, bond, lacp_rate, bond_lacp_rate_name(d->lacp_rate));
    ROW_U64(bond, bond, min_links, d->min_links);
    ROW_U64(bond, bond, aggregator_id, d->aggregator);
    ROW_U64(bond, bond, aggregator_ports, d->ports);
    ROW_TEXT(bond, bond, partner_mac, rows_hwaddr(&b->r, &d->partner));
    ROW_U64(bond, bond, speed_mbps, speed_of(b, l));
    ROW_TEXT(bond, bond, master, name_of(b, l->master));
    count_paths(b, l, &active, &total);
    ROW_U64(bond, bond, paths_active, number(active));
    ROW_U64(bond, bond, paths_total, number(total));
}

static const char *protocol_name(struct net_build *b, struct opt protocol)
{
    if (!protocol.has)
        return NULL;
    if (protocol.v == 0x8100)
        return "802.1Q";
    if (protocol.v == 0x88a8)
        return "802.1ad";
    return rows_printf(&b->r, "0x%04x", (unsigned)protocol.v);
}

/* "200.100": the ids from the bottom up. NULL: one of them is not known. */
static const char *tags_text(struct net_build *b, const struct link *const *stack, size_t n)
{
    const char *text = "";

    for (size_t i = n; i-- > 0 && text != NULL;) {
        if (!stack[i]->vlan.id.has)
            return NULL;
        text = rows_printf(&b->r, "%s%s%u", text, *text == '\0' ? "" : ".",
                           (unsigned)stack[i]->vlan.id.v);
    }
    return text;
}

void net_vlan_row(struct net_build *b, const struct link *l, struct vlan *vlan)
{
    const struct link *stack[NET_STACK_MAX], *base;
    size_t n = net_vlan_stack(b, l, stack, &base);
    uint64_t active, total;

    LINK_ROW(b, l, vlan, vlan);
    ROW_TEXT(vlan, vlan, link, name_of(b, l->lower));
    ROW_TEXT(vlan, vlan, base_link, base->name);
    ROW_TEXT(vlan, vlan, tags, tags_text(b, stack, n));
    ROW_U64(vlan, vlan, vlan_id, l->vlan.id);
    ROW_TEXT(vlan, vlan, protocol, protocol_name(b, l->vlan.protocol));
    ROW_TEXT(vlan, vlan, master, name_of(b, l->master));
    count_paths(b, base, &active, &total);
    for (size_t i = 0; i < n; i++) {
        if (!link_carries(stack[i]))
            active = 0;
    }
    ROW_U64(vlan, vlan, paths_active, number(active));
    ROW_U64(vlan, vlan, paths_total, number(total));
}

/* "8000.52:54:00:aa:00:01": priority and address, as struct ifla_bridge_id has them. */
static const char *bridge_id_text(struct net_build *b, const struct hwaddr *id)
{
    struct hwaddr address = { .n = 6 };
    const char *text;

    if (id->n != 8)
        return NULL;
    memcpy(address.b, id->b + 2, 6);
    text = rows_hwaddr(&b->r, &address);
    return rows_printf(&b->r, "%02x%02x.%s", id->b[0], id->b[1],
                       text == NULL ? "00:00:00:00:00:00" : text);
}

static struct opt hundredths_to_ms(struct opt t)
{
    return (struct opt){ t.has, t.v * 10 };
}

void net_bridge_row(struct net_build *b, const struct link *l, struct bridge *bridge)
{
    const struct link_bridge *d = &l->bridge;

    LINK_ROW(b, l, bridge, bridge);
    REC_SET(bridge, bridge, ports, port_names(b, l, true));
    ROW_BOOL(bridge, bridge, stp, d->stp);
    ROW_BOOL(bridge, bridge, vlan_filtering, d->vlan_filtering);
    ROW_TEXT(bridge, bridge, vlan_protocol, protocol_name(b, d->vlan_protocol));
    ROW_U64(bridge, bridge, default_pvid, d->default_pvid);
    ROW_TEXT(bridge, bridge, bridge_id, bridge_id_text(b, &d->bridge_id));
    ROW_TEXT(bridge, bridge, root_id, bridge_id_text(b, &d->root_id));
    ROW_U64(bridge, bridge, ageing_ms, hundredths_to_ms(d->ageing));
    ROW_U64(bridge, bridge, forward_delay_ms, hundredths_to_ms(d->forward_delay));
}
