/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NICs, bonds, VLANs and bridges of a simulated host. */
#include <errno.h>

#include "fleet_gen_internal.h"

const char *fleet_mac(struct arena *a, uint32_t index, uint32_t nic)
{
    return arena_printf(a, "02:4d:%02x:%02x:%02x:%02x", (index >> 16) & 0xff, (index >> 8) & 0xff,
                        index & 0xff, nic & 0xff);
}

/* As the seed made it, or as somebody has said since. */
static bool is_dark(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                    uint32_t nic)
{
    uint64_t r = fleet_mix(s->seed ^ fleet_mix(index + UINT64_C(77)));

    if (nic < 64 && (state->nics_down >> nic & 1) != 0)
        return true;
    return r % 1000 < s->bad_per_mille && nic == (r >> 20) % s->nics;
}

static int nic_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                    struct arena *a, struct section *out)
{
    struct nic *rows = arena_array(a, s->nics, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < s->nics; i++) {
        struct nic *r = &rows[i];
        bool dark = is_dark(s, index, state, i);
        bool slave = (i | 1u) < s->nics;

        REC_SET(r, nic, name, arena_printf(a, "eth%u", i));
        REC_SET(r, nic, ifindex, i + 2);
        REC_SET(r, nic, kind, "physical");
        REC_SET(r, nic, mac, fleet_mac(a, index, i & ~1u));
        REC_SET(r, nic, permanent_mac, fleet_mac(a, index, i));
        REC_SET(r, nic, mtu_bytes, 9000);
        REC_SET(r, nic, admin_up, true);
        REC_SET(r, nic, carrier, !dark);
        REC_SET(r, nic, operstate, dark ? "down" : "up");
        if (!dark) {
            REC_SET(r, nic, speed_mbps, 25000);
            REC_SET(r, nic, duplex, "full");
        }
        REC_SET(r, nic, autoneg, true);
        REC_SET(r, nic, port, "da");
        REC_SET(r, nic, driver, "mlx5_core");
        REC_SET(r, nic, driver_version, "6.1.0");
        REC_SET(r, nic, firmware, "16.35.2000 (MT_0000000080)");
        REC_SET(r, nic, bus_address, arena_printf(a, "0000:%02x:00.%u", 0x3b + i / 2, i & 1u));
        REC_SET(r, nic, pci_address, r->bus_address);
        REC_SET(r, nic, numa_node, (int64_t)(i / 4));
        if (slave) {
            REC_SET(r, nic, master, arena_printf(a, "bond%u", i / 2));
            REC_SET(r, nic, bond_state, "active");
            REC_SET(r, nic, bond_mii_status, dark ? "down" : "up");
            REC_SET(r, nic, bond_aggregator_id, 1);
            REC_SET(r, nic, bond_link_failures, dark ? 1 : 0);
        }
        REC_SET(r, nic, carrier_changes, 1 + state->revision);
        REC_SET(r, nic, paths_active, dark ? 0 : 1);
        REC_SET(r, nic, paths_total, 1);
        REC_SET(r, nic, rx_bytes, fleet_mix(index + state->revision) >> 24);
        REC_SET(r, nic, tx_bytes, fleet_mix(index + state->revision + 1) >> 24);
    }
    out->rows = rows;
    out->row_count = s->nics;
    return 0;
}

static uint32_t bond_active(const struct fleet_shape *s, uint32_t index,
                            const struct fleet_state *state, uint32_t bond)
{
    return (is_dark(s, index, state, 2 * bond) ? 0u : 1u) +
           (is_dark(s, index, state, 2 * bond + 1) ? 0u : 1u);
}

static int bond_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                     struct arena *a, struct section *out)
{
    uint32_t n = s->nics / 2;
    struct bond *rows = arena_array(a, n, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct bond *r = &rows[i];
        const char **slaves = arena_array(a, 2, sizeof *slaves);

        if (slaves == NULL)
            return -ENOMEM;
        slaves[0] = arena_printf(a, "eth%u", 2 * i);
        slaves[1] = arena_printf(a, "eth%u", 2 * i + 1);
        REC_SET(r, bond, name, arena_printf(a, "bond%u", i));
        REC_SET(r, bond, ifindex, 100 + i);
        REC_SET(r, bond, mode, "802.3ad");
        REC_SET(r, bond, mac, fleet_mac(a, index, 2 * i));
        REC_SET(r, bond, mtu_bytes, 9000);
        REC_SET(r, bond, admin_up, true);
        REC_SET(r, bond, carrier, bond_active(s, index, state, i) > 0);
        REC_SET(r, bond, operstate, bond_active(s, index, state, i) > 0 ? "up" : "down");
        REC_SET(r, bond, slaves, ((struct strs){ .v = slaves, .n = 2 }));
        REC_SET(r, bond, miimon_ms, 100);
        REC_SET(r, bond, xmit_hash_policy, "layer3+4");
        REC_SET(r, bond, lacp_rate, "fast");
        REC_SET(r, bond, aggregator_id, 1);
        REC_SET(r, bond, partner_mac, "02:5a:00:00:00:01");
        REC_SET(r, bond, paths_active, bond_active(s, index, state, i));
        REC_SET(r, bond, paths_total, 2);
    }
    out->rows = rows;
    out->row_count = n;
    return 0;
}

static int vlan_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                     struct arena *a, struct section *out)
{
    uint32_t bonds = s->nics / 2, n = bonds > 0 ? s->vlans : 0;
    struct vlan *rows = arena_array(a, n, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct vlan *r = &rows[i];
        uint32_t bond = i % bonds, id = 100 + i;

        REC_SET(r, vlan, base_link, arena_printf(a, "bond%u", bond));
        REC_SET(r, vlan, link, r->base_link);
        REC_SET(r, vlan, name, arena_printf(a, "bond%u.%u", bond, id));
        REC_SET(r, vlan, ifindex, 200 + i);
        REC_SET(r, vlan, tags, arena_printf(a, "%u", id));
        REC_SET(r, vlan, vlan_id, id);
        REC_SET(r, vlan, protocol, "802.1Q");
        REC_SET(r, vlan, mac, fleet_mac(a, index, 2 * bond));
        REC_SET(r, vlan, mtu_bytes, 9000);
        REC_SET(r, vlan, admin_up, true);
        REC_SET(r, vlan, carrier, bond_active(s, index, state, bond) > 0);
        REC_SET(r, vlan, operstate, bond_active(s, index, state, bond) > 0 ? "up" : "down");
        REC_SET(r, vlan, master, arena_printf(a, "xenbr%u", id));
        REC_SET(r, vlan, paths_active, bond_active(s, index, state, bond));
        REC_SET(r, vlan, paths_total, 2);
    }
    out->rows = rows;
    out->row_count = n;
    return 0;
}

static int bridge_rows(const struct fleet_shape *s, uint32_t index, struct arena *a,
                       struct section *out)
{
    uint32_t bonds = s->nics / 2, n = bonds > 0 ? s->vlans : 0;
    struct bridge *rows = arena_array(a, n, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct bridge *r = &rows[i];
        const char **ports = arena_array(a, 1, sizeof *ports);

        if (ports == NULL)
            return -ENOMEM;
        ports[0] = arena_printf(a, "bond%u.%u", i % bonds, 100 + i);
        REC_SET(r, bridge, name, arena_printf(a, "xenbr%u", 100 + i));
        REC_SET(r, bridge, ifindex, 300 + i);
        REC_SET(r, bridge, mac, fleet_mac(a, index, 2 * (i % bonds)));
        REC_SET(r, bridge, mtu_bytes, 9000);
        REC_SET(r, bridge, admin_up, true);
        REC_SET(r, bridge, operstate, "up");
        REC_SET(r, bridge, ports, ((struct strs){ .v = ports, .n = 1 }));
        REC_SET(r, bridge, stp, false);
        REC_SET(r, bridge, vlan_filtering, false);
    }
    out->rows = rows;
    out->row_count = n;
    return 0;
}

int fleet_net_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                   struct arena *a, struct section *out)
{
    switch (out->id) {
    case SECTION_NICS:
        return nic_rows(s, index, state, a, out);
    case SECTION_BONDS:
        return bond_rows(s, index, state, a, out);
    case SECTION_VLANS:
        return vlan_rows(s, index, state, a, out);
    default:
        return bridge_rows(s, index, a, out);
    }
}
