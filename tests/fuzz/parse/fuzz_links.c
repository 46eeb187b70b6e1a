/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A dump of links, with every virtual link configured as the host's. */
#include "collect/parse_net.h"
#include "fuzz.h"

/* sysfs that agrees with the first NIC that asks for it, so that its parsers are reached. */
static void add_facts(struct arena *a, struct net_input *in)
{
    struct net_facts *f = arena_array(a, in->links.n, sizeof *f);
    struct rows r = { .a = a };

    if (f == NULL)
        return;
    for (size_t i = 0; i < in->links.n; i++) {
        const struct link *l = &in->links.v[i];

        f[i].index = l->index;
        f[i].sys_index = bytes_of(rows_printf(&r, "%u", l->index));
        f[i].sys_address = bytes_of(rows_hwaddr(&r, &l->address));
        f[i].device = bytes_of(l->alias);
        f[i].numa_node = f[i].assign_type = bytes_of(l->alias);
        f[i].bus = bytes_of(l->parent_bus);
    }
    in->facts = f;
    in->fact_count = in->links.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const all[] = { "*" };
    struct net_input in = { .interfaces = { all, 1 } };
    struct arena *a = arena_new(64u << 20);
    struct net_rows rows;
    struct err e = { "" };
    int rc = parse_links((struct bytes){ data, size }, a, &in.links, &e);

    result_is_good(rc, &e);
    if (rc == 0) {
        add_facts(a, &in);
        rc = parse_net(&in, a, &rows, &e);
        result_is_good(rc, &e);
    }
    if (rc == 0) {
        rows_are_good(a, SECTION_NICS, rows.nics, rows.nic_count);
        rows_are_good(a, SECTION_BONDS, rows.bonds, rows.bond_count);
        rows_are_good(a, SECTION_VLANS, rows.vlans, rows.vlan_count);
        rows_are_good(a, SECTION_BRIDGES, rows.bridges, rows.bridge_count);
    }
    arena_free(a);
    return 0;
}
