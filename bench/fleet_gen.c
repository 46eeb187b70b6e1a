/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_gen.h"

#include <errno.h>

#include "base/limits.h"
#include "base/text.h"

#define CPU_GENERATIONS 3u

/* SplitMix64: a good mix of a counter, so every host's facts follow from (seed, index) alone. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uuid128 uuid_of(uint64_t seed, uint32_t index, uint64_t salt)
{
    uint64_t w[2] = { mix(seed ^ mix(index ^ (salt << 32))), mix(seed + index + (salt << 40)) };
    uint8_t raw[16];

    memcpy(raw, w, sizeof raw);
    return uuid_v4_from(raw);
}

static const char *mac_of(struct arena *a, uint32_t index, uint32_t nic)
{
    return arena_printf(a, "02:4d:%02x:%02x:%02x:%02x", (index >> 16) & 0xff, (index >> 8) & 0xff,
                        index & 0xff, nic & 0xff);
}

static bool nic_is_dark(const struct fleet_shape *s, uint32_t index, uint32_t nic)
{
    uint64_t r = mix(s->seed ^ mix(index + UINT64_C(77)));

    return r % 1000 < s->bad_per_mille && nic == (r >> 20) % s->nics;
}

void fleet_host(const struct fleet_shape *s, uint32_t index, struct arena *a,
                struct fleet_host *out)
{
    char id[UUID_TEXT];

    memset(out, 0, sizeof *out);
    out->node_id = uuid_of(s->seed, index, 1);
    out->boot_id = uuid_of(s->seed, index, 2);
    REC_SET(&out->identity, identity, product_uuid, arena_strdup(a, uuid_text(out->node_id, id)));
    REC_SET(&out->identity, identity, lowest_mac, mac_of(a, index, 0));
    REC_SET(&out->identity, identity, hostname,
            arena_printf(a, "sim-r%02u-%05u", index / 40, index));
    REC_SET(&out->identity, identity, probe_version, MUSTER_VERSION);
    REC_SET(&out->identity, identity, source, "smbios");
}

static int system_rows(const struct fleet_shape *s, uint32_t index, struct arena *a,
                       struct section *out)
{
    struct fleet_host host;
    struct system *row = arena_zalloc(a, sizeof *row);
    char boot[UUID_TEXT];

    if (row == NULL)
        return -ENOMEM;
    fleet_host(s, index, a, &host);
    REC_SET(row, system, hostname, host.identity.hostname);
    REC_SET(row, system, product_uuid, host.identity.product_uuid);
    REC_SET(row, system, vendor, "Simulated");
    REC_SET(row, system, product_name, "muster-fleet host");
    REC_SET(row, system, boot_id, arena_strdup(a, uuid_text(host.boot_id, boot)));
    REC_SET(row, system, kernel_release, "6.1.0-sim");
    REC_SET(row, system, machine, "x86_64");
    REC_SET(row, system, hypervisor, "xen");
    REC_SET(row, system, xen_version, "4.17.4");
    REC_SET(row, system, dom0, true);
    REC_SET(row, system, memory_total_bytes, UINT64_C(1) << 29);
    REC_SET(row, system, lowest_mac, host.identity.lowest_mac);
    REC_SET(row, system, probe_version, MUSTER_VERSION);
    *out = (struct section){ .id = SECTION_SYSTEM, .rows = row, .row_count = 1 };
    return 0;
}

static int cpu_rows(const struct fleet_shape *s, uint32_t index, struct arena *a,
                    struct section *out)
{
    static const struct {
        uint64_t family, model;
        const char *name;
    } generations[CPU_GENERATIONS] = { { 6, 85, "Simulated Skylake" },
                                       { 6, 106, "Simulated Ice Lake" },
                                       { 25, 1, "Simulated EPYC" } };
    uint32_t g = (uint32_t)(mix(s->seed ^ (index / 40)) % CPU_GENERATIONS);
    struct cpu *row = arena_zalloc(a, sizeof *row);

    if (row == NULL)
        return -ENOMEM;
    REC_SET(row, cpu, vendor, g == 2 ? "AuthenticAMD" : "GenuineIntel");
    REC_SET(row, cpu, family, generations[g].family);
    REC_SET(row, cpu, model, generations[g].model);
    REC_SET(row, cpu, stepping, 1);
    REC_SET(row, cpu, model_name, generations[g].name);
    REC_SET(row, cpu, tsc_invariant, true);
    REC_SET(row, cpu, source, "cpuinfo");
    *out = (struct section){ .id = SECTION_CPU, .rows = row, .row_count = 1 };
    return 0;
}

static int nic_rows(const struct fleet_shape *s, uint32_t index, uint32_t revision, struct arena *a,
                    struct section *out)
{
    struct nic *rows = arena_array(a, s->nics, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < s->nics; i++) {
        struct nic *r = &rows[i];
        bool dark = nic_is_dark(s, index, i);
        bool slave = (i | 1u) < s->nics;

        REC_SET(r, nic, name, arena_printf(a, "eth%u", i));
        REC_SET(r, nic, ifindex, i + 2);
        REC_SET(r, nic, kind, "physical");
        REC_SET(r, nic, mac, mac_of(a, index, i & ~1u));
        REC_SET(r, nic, permanent_mac, mac_of(a, index, i));
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
        REC_SET(r, nic, carrier_changes, 1 + revision);
        REC_SET(r, nic, paths_active, dark ? 0 : 1);
        REC_SET(r, nic, paths_total, 1);
        REC_SET(r, nic, rx_bytes, mix(index + revision) >> 24);
        REC_SET(r, nic, tx_bytes, mix(index + revision + 1) >> 24);
    }
    *out = (struct section){ .id = SECTION_NICS, .rows = rows, .row_count = s->nics };
    return 0;
}

static uint32_t bond_active(const struct fleet_shape *s, uint32_t index, uint32_t bond)
{
    return (nic_is_dark(s, index, 2 * bond) ? 0u : 1u) +
           (nic_is_dark(s, index, 2 * bond + 1) ? 0u : 1u);
}

static int bond_rows(const struct fleet_shape *s, uint32_t index, struct arena *a,
                     struct section *out)
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
        REC_SET(r, bond, mac, mac_of(a, index, 2 * i));
        REC_SET(r, bond, mtu_bytes, 9000);
        REC_SET(r, bond, admin_up, true);
        REC_SET(r, bond, carrier, bond_active(s, index, i) > 0);
        REC_SET(r, bond, operstate, bond_active(s, index, i) > 0 ? "up" : "down");
        REC_SET(r, bond, slaves, ((struct strs){ .v = slaves, .n = 2 }));
        REC_SET(r, bond, miimon_ms, 100);
        REC_SET(r, bond, xmit_hash_policy, "layer3+4");
        REC_SET(r, bond, lacp_rate, "fast");
        REC_SET(r, bond, aggregator_id, 1);
        REC_SET(r, bond, partner_mac, "02:5a:00:00:00:01");
        REC_SET(r, bond, paths_active, bond_active(s, index, i));
        REC_SET(r, bond, paths_total, 2);
    }
    *out = (struct section){ .id = SECTION_BONDS, .rows = rows, .row_count = n };
    return 0;
}

static int vlan_rows(const struct fleet_shape *s, uint32_t index, struct arena *a,
                     struct section *out)
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
        REC_SET(r, vlan, mac, mac_of(a, index, 2 * bond));
        REC_SET(r, vlan, mtu_bytes, 9000);
        REC_SET(r, vlan, admin_up, true);
        REC_SET(r, vlan, carrier, bond_active(s, index, bond) > 0);
        REC_SET(r, vlan, operstate, bond_active(s, index, bond) > 0 ? "up" : "down");
        REC_SET(r, vlan, master, arena_printf(a, "xenbr%u", id));
        REC_SET(r, vlan, paths_active, bond_active(s, index, bond));
        REC_SET(r, vlan, paths_total, 2);
    }
    *out = (struct section){ .id = SECTION_VLANS, .rows = rows, .row_count = n };
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
        REC_SET(r, bridge, mac, mac_of(a, index, 2 * (i % bonds)));
        REC_SET(r, bridge, mtu_bytes, 9000);
        REC_SET(r, bridge, admin_up, true);
        REC_SET(r, bridge, operstate, "up");
        REC_SET(r, bridge, ports, ((struct strs){ .v = ports, .n = 1 }));
        REC_SET(r, bridge, stp, false);
        REC_SET(r, bridge, vlan_filtering, false);
    }
    *out = (struct section){ .id = SECTION_BRIDGES, .rows = rows, .row_count = n };
    return 0;
}

static int net_rows(const struct fleet_shape *s, uint32_t index, uint32_t revision, struct arena *a,
                    struct section *out)
{
    int rc = nic_rows(s, index, revision, a, &out[0]);

    if (rc == 0)
        rc = bond_rows(s, index, a, &out[1]);
    if (rc == 0)
        rc = vlan_rows(s, index, a, &out[2]);
    if (rc == 0)
        rc = bridge_rows(s, index, a, &out[3]);
    return rc;
}

static size_t absent_sections(enum worker_kind kind, struct section *out)
{
    size_t n = 0;

    for (int i = 0; i < SECTION_COUNT; i++) {
        if ((worker_kind_sections(kind) >> i) & 1u)
            out[n++] = (struct section){ .id = (enum section_id)i,
                                         .status = SECTION_ABSENT,
                                         .status_text = "simulated host" };
    }
    return n;
}

int fleet_sections(const struct fleet_shape *s, uint32_t index, uint32_t revision,
                   enum worker_kind kind, struct arena *a, struct section *out, size_t *count)
{
    int rc = 0;

    *count = 0;
    if (kind == WORKER_SYSTEM) {
        rc = system_rows(s, index, a, &out[0]);
        if (rc == 0)
            rc = cpu_rows(s, index, a, &out[1]);
        *count = 2;
    } else if (kind == WORKER_NET) {
        rc = net_rows(s, index, revision, a, out);
        *count = 4;
    } else {
        *count = absent_sections(kind, out);
    }
    for (size_t i = 0; rc == 0 && i < *count; i++) {
        if (out[i].status == SECTION_NEVER)
            out[i].status = SECTION_OK;
        rc = section_normalise(&out[i], a, NULL);
    }
    return rc;
}
