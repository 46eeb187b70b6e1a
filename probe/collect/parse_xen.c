/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_xen.h"

#include <xen/sched.h>

enum { PAGE_BYTES = 4096, NS_IN_MS = 1000000 };

static struct opt known(uint64_t v)
{
    return (struct opt){ v > 0, v };
}

static struct opt pages(uint64_t n)
{
    return (struct opt){ n <= INT64_MAX / PAGE_BYTES, n * PAGE_BYTES };
}

/* Xen tells threads and cores of the first processor's package alone. */
static void topology(const struct xen_machine *in, struct xen *row)
{
    uint64_t in_core = in->threads_per_core, in_socket = in_core * in->cores_per_socket;

    ROW_U64(row, xen, threads, known(in->cpus));
    ROW_U64(row, xen, numa_nodes, known(in->nodes));
    if (in_core > 0 && in->cpus % in_core == 0)
        ROW_U64(row, xen, cores, known(in->cpus / in_core));
    if (in_socket > 0 && in->cpus % in_socket == 0)
        ROW_U64(row, xen, sockets, known(in->cpus / in_socket));
}

static struct strs kinds(struct rows *r, struct bytes list)
{
    const char **v = rows_array(r, list.n, sizeof *v);
    struct bytes word;
    size_t n = 0;

    while (v != NULL && bytes_word(&list, " ", &word))
        v[n++] = rows_text(r, word);
    return v == NULL ? (struct strs){ NULL, 0 } : rows_strs(v, n);
}

static void featuresets(struct rows *r, const struct xen_featureset *s, struct xen *row)
{
    ROW_TEXT(row, xen, featureset_raw, featureset_text(r, &s[XEN_RAW]));
    ROW_TEXT(row, xen, featureset_host, featureset_text(r, &s[XEN_HOST]));
    ROW_TEXT(row, xen, featureset_pv, featureset_text(r, &s[XEN_PV]));
    ROW_TEXT(row, xen, featureset_hvm, featureset_text(r, &s[XEN_HVM]));
    ROW_TEXT(row, xen, featureset_pv_max, featureset_text(r, &s[XEN_PV_MAX]));
    ROW_TEXT(row, xen, featureset_hvm_max, featureset_text(r, &s[XEN_HVM_MAX]));
    if (s[XEN_RAW].n > 0)
        REC_SET(row, xen, features_raw, featureset_names(r, &s[XEN_RAW]));
    if (s[XEN_HOST].n > 0)
        REC_SET(row, xen, features_host, featureset_names(r, &s[XEN_HOST]));
    if (s[XEN_PV_MAX].n > 0)
        REC_SET(row, xen, features_pv_max, featureset_names(r, &s[XEN_PV_MAX]));
    if (s[XEN_HVM_MAX].n > 0)
        REC_SET(row, xen, features_hvm_max, featureset_names(r, &s[XEN_HVM_MAX]));
}

void parse_xen(struct rows *r, const struct xen_machine *in, struct xen *row)
{
    REC_SET(row, xen, guest_kinds, kinds(r, in->guest_kinds));
    ROW_U64(row, xen, memory_physical_bytes, pages(in->total_pages));
    ROW_U64(row, xen, memory_free_bytes, pages(in->free_pages));
    topology(in, row);
    ROW_U64(row, xen, cpu_khz, known(in->cpu_khz));
    REC_SET(row, xen, hvm, (in->capabilities & XEN_CAN_HVM) != 0);
    REC_SET(row, xen, hap, (in->capabilities & XEN_CAN_HAP) != 0);
    REC_SET(row, xen, iommu, (in->capabilities & XEN_CAN_PASS) != 0);
    featuresets(r, in->sets, row);
}

static const char *state_of(uint32_t flags)
{
    if ((flags & XEN_IS_DYING) != 0)
        return "dying";
    if ((flags & XEN_IS_SHUT_DOWN) != 0) {
        switch (flags >> XEN_WHY_SHIFT & XEN_WHY_MASK) {
        case SHUTDOWN_suspend:
            return "suspended";
        case SHUTDOWN_crash:
        case SHUTDOWN_watchdog:
            return "crashed";
        default:
            return "shutdown";
        }
    }
    return (flags & XEN_IS_PAUSED) != 0 ? "paused" : "running";
}

/* PVH is what has hardware virtualisation, and of a PC no more than the local APIC. */
static const char *kind_of(const struct xen_domain *in)
{
    if ((in->flags & XEN_IS_HVM) == 0)
        return "pv";
    return (in->emulation & ~(uint32_t)XEN_IMITATES_LAPIC) == 0 ? "pvh" : "hvm";
}

static const char *uuid_text(struct rows *r, const uint8_t *u)
{
    static const uint8_t none[XEN_UUID_BYTES];

    if (memcmp(u, none, sizeof none) == 0)
        return NULL;
    return rows_printf(r,
                       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                       "%02x%02x%02x%02x%02x%02x",
                       u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
                       u[12], u[13], u[14], u[15]);
}

void parse_domain(struct rows *r, const struct xen_domain *in, struct domain *row)
{
    REC_SET(row, domain, domid, rows_printf(r, "%u", in->domid));
    ROW_TEXT(row, domain, name, rows_text(r, in->name));
    ROW_TEXT(row, domain, uuid, uuid_text(r, in->uuid));
    REC_SET(row, domain, kind, kind_of(in));
    REC_SET(row, domain, state, state_of(in->flags));
    REC_SET(row, domain, vcpus, in->vcpus);
    /* Dom0 without a limit has the highest number of 32 bits. */
    if (in->pages_max < UINT32_MAX)
        ROW_U64(row, domain, memory_max_bytes, pages(in->pages_max));
    ROW_U64(row, domain, memory_bytes, pages(in->pages));
    ROW_U64(row, domain, cpu_time_ms, ((struct opt){ true, in->cpu_time_ns / NS_IN_MS }));
}
