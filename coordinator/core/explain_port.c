/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port from the top down: VLAN link, bond, NICs, and what the switch says of itself. */
#include <stdio.h>

#include "core/explain_internal.h"

static const char *paths_state(uint64_t active, uint64_t total)
{
    return active == 0 ? "lost" : active < total ? "degraded" : "ok";
}

static unsigned long long number(uint64_t n)
{
    return n;
}

/* ---- LLDP ----------------------------------------------------------------------------------- */

static const char *chassis(const struct lldp *l)
{
    return l->chassis_name != NULL ? l->chassis_name : l->chassis_id != NULL ? l->chassis_id : "?";
}

static const char *switch_port(const struct lldp *l)
{
    return l->port_id != NULL ? l->port_id : l->port_descr != NULL ? l->port_descr : "?";
}

static const struct lldp *neighbour_next(const struct chain *ch, const char *nic, size_t *at)
{
    const struct section *s = &ch->sections[SECTION_LLDP];

    while (*at < s->row_count) {
        const struct lldp *l = section_row(s, (*at)++);

        if (l->interface != NULL && strcmp(l->interface, nic) == 0)
            return l;
    }
    return NULL;
}

/* Does the switch announce VLANs on its port, and not this one? */
static bool not_announced(const struct lldp *l, uint64_t vlan)
{
    char text[24];

    if (vlan == 0 || l->vlans.n == 0)
        return false;
    snprintf(text, sizeof text, "%llu", number(vlan));
    for (size_t i = 0; i < l->vlans.n; i++) {
        if (strcmp(l->vlans.v[i], text) == 0)
            return false;
    }
    return true;
}

static void explain_neighbours(struct chain *ch, unsigned depth, const char *nic)
{
    const struct lldp *l;
    size_t at = 0, n = 0;

    for (; !chain_full(ch) && (l = neighbour_next(ch, nic, &at)) != NULL; n++) {
        if (not_announced(l, chain_vlan(ch)))
            chain_add(ch, depth, "lldp", chassis(l), "missing",
                      chain_text(ch, "Allow VLAN %llu on port %s of %s", number(chain_vlan(ch)),
                                 switch_port(l), chassis(l)),
                      "The switch %s does not announce VLAN %llu on port %s.", chassis(l),
                      number(chain_vlan(ch)), switch_port(l));
        else
            chain_add(ch, depth, "lldp", chassis(l), "info", NULL,
                      "%s is connected to port %s of %s.", nic, switch_port(l), chassis(l));
    }
    if (n == 0 && ch->sections[SECTION_LLDP].status == SECTION_OK)
        chain_add(ch, depth, "lldp", nic, "info", NULL, "No LLDP neighbour was heard on %s.", nic);
}

/* ---- NICs ----------------------------------------------------------------------------------- */

const char *explain_bond_of(const struct chain *ch, const struct nic *nic)
{
    if (nic->master != NULL && chain_row(ch, SECTION_BONDS, nic->master) != NULL)
        return nic->master;
    return nic->bond_state != NULL ? (nic->master != NULL ? nic->master : "a bond") : NULL;
}

static const char *cable(struct chain *ch, const char *nic)
{
    size_t at = 0;
    const struct lldp *l = neighbour_next(ch, nic, &at);

    if (l == NULL)
        return "Check the cable and the port of the switch";
    return chain_text(ch, "Check the cable and port %s of %s", switch_port(l), chassis(l));
}

static bool other_aggregator(const struct nic *nic, const struct bond *bond)
{
    return bond != NULL && REC_HAS(nic, nic, bond_aggregator_id) &&
           REC_HAS(bond, bond, aggregator_id) && nic->bond_aggregator_id != bond->aggregator_id;
}

static const char *speed_text(struct chain *ch, const struct nic *nic)
{
    return REC_HAS(nic, nic, speed_mbps) ? chain_text(ch, ", %llu Mbit/s", number(nic->speed_mbps))
                                         : "";
}

static void explain_good_nic(struct chain *ch, unsigned depth, const struct nic *nic,
                             const struct bond *bond)
{
    if (other_aggregator(nic, bond))
        chain_add(ch, depth, "nic", nic->name, "lost",
                  "Check that all slaves end in one LACP group of the switch",
                  "%s has carrier but is in aggregator %llu; the active one is %llu.", nic->name,
                  number(nic->bond_aggregator_id), number(bond->aggregator_id));
    else if (nic->bond_mii_status != NULL && strcmp(nic->bond_mii_status, "up") != 0)
        chain_add(ch, depth, "nic", nic->name, "lost", cable(ch, nic->name),
                  "%s has carrier, but its bond holds it for %s.", nic->name, nic->bond_mii_status);
    else if (REC_HAS(nic, nic, paths_active) && nic->paths_active == 0)
        chain_add(ch, depth, "nic", nic->name, "lost", NULL, "%s carries no frames.", nic->name);
    else
        chain_add(ch, depth, "nic", nic->name, "ok", NULL, "%s is up with carrier%s%s.", nic->name,
                  speed_text(ch, nic),
                  nic->bond_state != NULL && strcmp(nic->bond_state, "backup") == 0
                      ? ", as the bond's backup"
                      : "");
}

static void explain_nic(struct chain *ch, unsigned depth, const char *name, const struct bond *bond)
{
    const struct nic *nic = chain_row(ch, SECTION_NICS, name);

    if (nic == NULL) {
        chain_add(ch, depth, "nic", name, "missing", NULL, "%s reports no NIC %s.", chain_node(ch),
                  name);
        return;
    }
    if (!nic->admin_up)
        chain_add(ch, depth, "nic", nic->name, "lost",
                  chain_text(ch, "On %s: ip link set %s up", chain_node(ch), nic->name),
                  "%s is switched off.", nic->name);
    else if (REC_HAS(nic, nic, carrier) && !nic->carrier)
        chain_add(ch, depth, "nic", nic->name, "lost", cable(ch, nic->name), "%s has no carrier.",
                  nic->name);
    else
        explain_good_nic(ch, depth, nic, bond);
    explain_neighbours(ch, depth + 1, nic->name);
}

/* ---- bonds ---------------------------------------------------------------------------------- */

static const char *bond_mend(struct chain *ch, const struct bond *b)
{
    bool lacp = b->mode != NULL && strcmp(b->mode, "802.3ad") == 0;

    if (!b->admin_up)
        return chain_text(ch, "On %s: ip link set %s up", chain_node(ch), b->name);
    if (b->slaves.n == 0)
        return chain_text(ch, "On %s, give it a slave: ip link set NIC master %s", chain_node(ch),
                          b->name);
    if (lacp && b->partner_mac == NULL)
        return "Check that LACP is on in the switch's ports: no partner answers";
    return NULL; /* the slaves say it */
}

static void explain_bond(struct chain *ch, unsigned depth, const struct bond *b)
{
    const char *state = b->admin_up ? paths_state(b->paths_active, b->paths_total) : "lost";
    const char *mode = b->mode != NULL ? b->mode : "unknown mode";
    const char *active =
        b->active_slave != NULL ? chain_text(ch, ", %s is the active one", b->active_slave) : "";

    if (!b->admin_up)
        chain_add(ch, depth, "bond", b->name, state, bond_mend(ch, b), "%s is switched off.",
                  b->name);
    else
        chain_add(ch, depth, "bond", b->name, state,
                  b->paths_active < b->paths_total || b->paths_total == 0 ? bond_mend(ch, b) : NULL,
                  "%s (%s): %llu of %llu slaves carry frames%s.", b->name, mode,
                  number(b->paths_active), number(b->paths_total), active);
    for (size_t i = 0; i < b->slaves.n && !chain_full(ch); i++)
        explain_nic(ch, depth + 1, b->slaves.v[i], b);
}

void explain_base(struct chain *ch, unsigned depth, const char *base)
{
    const struct bond *b = chain_row(ch, SECTION_BONDS, base);

    if (b != NULL)
        explain_bond(ch, depth, b);
    else
        explain_nic(ch, depth, base, NULL);
}

/* ---- VLAN links and the port ---------------------------------------------------------------- */

static void explain_vlan(struct chain *ch, unsigned depth, const char *name)
{
    const struct vlan *v = chain_row(ch, SECTION_VLANS, name);
    unsigned long long tag;

    if (v == NULL) {
        chain_add(ch, depth, "vlan", name, "missing", NULL, "The link %s has just gone.", name);
        return;
    }
    tag = number(v->vlan_id);
    if (!v->admin_up)
        chain_add(ch, depth, "vlan", v->name, "lost",
                  chain_text(ch, "On %s: ip link set %s up", chain_node(ch), v->name),
                  "The link %s (VLAN %llu) is switched off.", v->name, tag);
    else if (REC_HAS(v, vlan, carrier) && !v->carrier)
        chain_add(ch, depth, "vlan", v->name, "lost", NULL,
                  "The link %s (VLAN %llu) is on, but nothing below it carries frames.", v->name,
                  tag);
    else
        chain_add(ch, depth, "vlan", v->name, "ok", NULL, "The link %s (VLAN %llu) is up%s.",
                  v->name, tag,
                  v->master != NULL ? chain_text(ch, ", a port of bridge %s", v->master) : "");
}

enum { BRIDGED_MOST = 8 };

static void explain_bridge(struct chain *ch, unsigned depth, const struct bridge *b)
{
    chain_add(
        ch, depth, "port", b->name, b->admin_up ? "ok" : "lost",
        b->admin_up ? NULL : chain_text(ch, "On %s: ip link set %s up", chain_node(ch), b->name),
        b->admin_up ? "The bridge %s is up, with %zu port%s." : "The bridge %s is off: %zu port%s.",
        b->name, b->ports.n, b->ports.n == 1 ? "" : "s");
    for (size_t i = 0; i < b->ports.n && i < BRIDGED_MOST; i++) {
        if (chain_row(ch, SECTION_BRIDGES, b->ports.v[i]) == NULL)
            explain_link(ch, depth + 1, b->ports.v[i]);
    }
}

void explain_link(struct chain *ch, unsigned depth, const char *name)
{
    const struct vlan *v = chain_row(ch, SECTION_VLANS, name);
    const struct bridge *b = chain_row(ch, SECTION_BRIDGES, name);
    const char *base;

    if (b != NULL) {
        explain_bridge(ch, depth, b);
        return;
    }
    if (v == NULL) {
        explain_base(ch, depth, name);
        return;
    }
    explain_vlan(ch, depth, name);
    base = v->base_link != NULL ? v->base_link : v->link;
    if (base != NULL)
        explain_base(ch, depth + 1, base);
}

void explain_port(struct chain *ch, unsigned depth, const struct sighting_row *g)
{
    bool tagged = g->section == SECTION_VLANS;

    chain_add(ch, depth, "port", g->port, paths_state(g->paths_active, g->paths_total), NULL,
              "Port %s leads there: %u of %u paths.", g->port, g->paths_active, g->paths_total);
    if (tagged)
        explain_vlan(ch, depth + 1, g->row_key);
    explain_base(ch, depth + (tagged ? 2 : 1), g->base);
}
