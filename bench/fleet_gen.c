/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_gen_internal.h"

#include <errno.h>

#include "base/limits.h"
#include "base/text.h"

uint64_t fleet_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uuid128 fleet_uuid(uint64_t seed, uint32_t index, uint64_t salt)
{
    uint64_t w[2] = { fleet_mix(seed ^ fleet_mix(index ^ (salt << 32))),
                      fleet_mix(seed + index + (salt << 40)) };
    uint8_t raw[16];

    memcpy(raw, w, sizeof raw);
    return uuid_v4_from(raw);
}

void fleet_host(const struct fleet_shape *s, uint32_t index, uint32_t boots, struct arena *a,
                struct fleet_host *out)
{
    char id[UUID_TEXT];

    memset(out, 0, sizeof *out);
    out->node_id = fleet_uuid(s->seed, index, 1);
    out->boot_id = fleet_uuid(s->seed, index, 2 + boots);
    REC_SET(&out->identity, identity, product_uuid, arena_strdup(a, uuid_text(out->node_id, id)));
    REC_SET(&out->identity, identity, lowest_mac, fleet_mac(a, index, 0));
    REC_SET(&out->identity, identity, hostname,
            arena_printf(a, "sim-r%02u-%05u", index / s->rack, index));
    REC_SET(&out->identity, identity, probe_version, MUSTER_VERSION);
    REC_SET(&out->identity, identity, source, "smbios");
}

static int system_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                       struct arena *a, struct section *out)
{
    struct fleet_host host;
    struct system *row = arena_zalloc(a, sizeof *row);
    char boot[UUID_TEXT];

    if (row == NULL)
        return -ENOMEM;
    fleet_host(s, index, state->boots, a, &host);
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
    out->rows = row;
    out->row_count = 1;
    return 0;
}

static int cpu_rows(const struct fleet_shape *s, uint32_t index, struct arena *a,
                    struct section *out)
{
    static const struct {
        uint64_t family, model;
        const char *name;
    } generations[] = { { 6, 85, "Simulated Skylake" },
                        { 6, 106, "Simulated Ice Lake" },
                        { 25, 1, "Simulated EPYC" } };
    uint32_t g = (uint32_t)(fleet_mix(s->seed ^ (index / s->rack)) % s->cpus);
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
    out->rows = row;
    out->row_count = 1;
    return 0;
}

/* Hosts have no LLDP and no Xen here; and storage only if the fleet has any. */
static bool is_absent(const struct fleet_shape *s, enum section_id id)
{
    if (id == SECTION_LLDP || id == SECTION_XEN || id == SECTION_DOMAINS)
        return true;
    return id >= SECTION_HBAS && fleet_luns(s) == 0;
}

static int rows_of(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                   struct arena *a, struct section *out)
{
    switch (out->id) {
    case SECTION_SYSTEM:
        return system_rows(s, index, state, a, out);
    case SECTION_CPU:
        return cpu_rows(s, index, a, out);
    case SECTION_NICS:
    case SECTION_BONDS:
    case SECTION_VLANS:
    case SECTION_BRIDGES:
        return fleet_net_rows(s, index, state, a, out);
    case SECTION_PVS:
    case SECTION_VGS:
    case SECTION_LVS:
        return fleet_lvm_rows(s, index, state, a, out);
    default:
        return fleet_storage_rows(s, index, state, a, out);
    }
}

int fleet_sections(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                   enum worker_kind kind, struct arena *a, struct section *out, size_t *count)
{
    uint32_t set = worker_kind_sections(kind);
    int rc = 0;

    *count = 0;
    for (int i = 0; rc == 0 && i < SECTION_COUNT; i++) {
        struct section *o = &out[*count];

        if ((set >> i & 1) == 0)
            continue;
        *o = (struct section){ .id = (enum section_id)i, .status = SECTION_OK };
        if (is_absent(s, o->id)) {
            o->status = SECTION_ABSENT;
            o->status_text = "simulated host";
        } else {
            rc = rows_of(s, index, state, a, o);
        }
        if (rc == 0)
            rc = section_normalise(o, a, NULL);
        ++*count;
    }
    return rc;
}
