/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which links are the host's and which rows they make. */
#include "collect/parse_net.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>

#include "base/text.h"
#include "collect/parse_net_rows.h"

static bool matches(const struct link *l, struct strs globs)
{
    for (size_t i = 0; i < globs.n; i++) {
        if (glob_match(globs.v[i], l->name))
            return true;
    }
    return false;
}

bool net_wants_facts(const struct link *l, struct strs interfaces)
{
    if (l->kind != LINK_OTHER || (l->flags & IFF_LOOPBACK) != 0)
        return false;
    return l->parent_dev != NULL || l->kind_name == NULL || matches(l, interfaces);
}

static int compare_facts(const void *key, const void *element)
{
    uint32_t x = *(const uint32_t *)key, y = ((const struct net_facts *)element)->index;

    return x < y ? -1 : x > y;
}

/* The facts about a link, with what sysfs says blanked if it is about another one. */
static struct net_facts facts_of(struct net_build *b, const struct link *l)
{
    const struct net_facts *f = NULL;
    struct net_facts out = { .index = l->index };
    struct opt index;
    const char *address;

    if (b->in->fact_count > 0)
        f = bsearch(&l->index, b->in->facts, b->in->fact_count, sizeof *f, compare_facts);
    if (f == NULL)
        return out;
    index = bytes_number(f->sys_index, 10);
    address = rows_hwaddr(&b->r, &l->address);
    if (index.has && index.v == l->index && address != NULL &&
        bytes_equal(bytes_trim(f->sys_address), address))
        return *f;
    out.drvinfo = f->drvinfo;
    return out;
}

/* A link with a device behind it. Xen's network back ends have one too, on the bus "xen-backend":
 * those are the guests' ends. */
static bool is_physical(const struct link *l, const struct net_facts *f)
{
    if ((l->parent_dev == NULL && f->device.n == 0) || l->kind != LINK_OTHER)
        return false;
    if (l->parent_bus != NULL)
        return strcmp(l->parent_bus, "xen-backend") != 0;
    return !bytes_equal(f->bus, "xen-backend");
}

static enum net_role role_of(struct net_build *b, const struct link *l)
{
    struct net_facts f;

    if (l->kind == LINK_BOND)
        return ROLE_BOND;
    if (l->kind == LINK_BRIDGE)
        return ROLE_BRIDGE;
    if (l->kind == LINK_VLAN || (l->flags & IFF_LOOPBACK) != 0)
        return ROLE_NONE;
    f = facts_of(b, l);
    if (is_physical(l, &f))
        return ROLE_PHYSICAL;
    return matches(l, b->in->interfaces) ? ROLE_NAMED : ROLE_NONE;
}

enum net_role net_role(const struct net_build *b, const struct link *l)
{
    return l == NULL ? ROLE_NONE : b->role[l - b->in->links.v];
}

static const struct link *lower_link(const struct net_build *b, const struct link *l)
{
    return l->lower_elsewhere ? NULL : link_by_index(&b->in->links, l->lower);
}

size_t net_vlan_stack(const struct net_build *b, const struct link *l, const struct link **stack,
                      const struct link **base)
{
    size_t n = 0;

    while (l != NULL && l->kind == LINK_VLAN && n < NET_STACK_MAX) {
        stack[n++] = l;
        l = lower_link(b, l);
    }
    *base = l;
    return l == NULL || l->kind == LINK_VLAN ? 0 : n;
}

/* VLANs come second: whether one is the host's is decided by what it stands on. */
static void assign_roles(struct net_build *b)
{
    const struct link_table *t = &b->in->links;
    const struct link *stack[NET_STACK_MAX], *base;

    for (size_t i = 0; i < t->n; i++) {
        b->role[i] = role_of(b, &t->v[i]);
        b->count[b->role[i]]++;
    }
    for (size_t i = 0; i < t->n; i++) {
        enum net_role role;

        if (t->v[i].kind != LINK_VLAN || net_vlan_stack(b, &t->v[i], stack, &base) == 0)
            continue;
        role = net_role(b, base);
        if (role == ROLE_PHYSICAL || role == ROLE_NAMED || role == ROLE_BOND) {
            b->role[i] = ROLE_VLAN;
            b->count[ROLE_VLAN]++;
        }
    }
}

static void consider_lowest(const struct net_facts *f, const struct nic *nic, struct net_rows *out)
{
    if (!REC_HAS(nic, nic, permanent_mac) || f->virtual_function ||
        strlen(nic->permanent_mac) != 17)
        return;
    if (out->lowest_mac == NULL || strcmp(nic->permanent_mac, out->lowest_mac) < 0)
        out->lowest_mac = nic->permanent_mac;
}

static void make_rows(struct net_build *b, struct net_rows *out)
{
    const struct link_table *t = &b->in->links;

    for (size_t i = 0; i < t->n; i++) {
        const struct link *l = &t->v[i];
        enum net_role role = net_role(b, l);

        if (role == ROLE_PHYSICAL || role == ROLE_NAMED) {
            struct net_facts f = facts_of(b, l);
            struct nic *nic = &out->nics[out->nic_count++];

            net_nic_row(b, l, &f, nic);
            if (role == ROLE_PHYSICAL)
                consider_lowest(&f, nic, out);
        } else if (role == ROLE_BOND) {
            net_bond_row(b, l, &out->bonds[out->bond_count++]);
        } else if (role == ROLE_VLAN) {
            net_vlan_row(b, l, &out->vlans[out->vlan_count++]);
        } else if (role == ROLE_BRIDGE) {
            net_bridge_row(b, l, &out->bridges[out->bridge_count++]);
        }
    }
}

int parse_net(const struct net_input *in, struct arena *a, struct net_rows *out, struct err *e)
{
    struct net_build b = { .r = { .a = a }, .in = in };
    struct net_rows rows = { .nic_count = 0 };

    b.role = rows_array(&b.r, in->links.n, sizeof *b.role);
    if (b.role == NULL)
        return err_set(e, -ENOMEM, "out of memory while reading links");
    assign_roles(&b);
    rows.nics = rows_array(&b.r, b.count[ROLE_PHYSICAL] + b.count[ROLE_NAMED], sizeof *rows.nics);
    rows.bonds = rows_array(&b.r, b.count[ROLE_BOND], sizeof *rows.bonds);
    rows.vlans = rows_array(&b.r, b.count[ROLE_VLAN], sizeof *rows.vlans);
    rows.bridges = rows_array(&b.r, b.count[ROLE_BRIDGE], sizeof *rows.bridges);
    if (!b.r.failed)
        make_rows(&b, &rows);
    if (b.r.failed)
        return err_set(e, -ENOMEM, "out of memory while reading links");
    *out = rows;
    return 0;
}
