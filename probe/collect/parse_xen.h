/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Xen says of the machine and its domains, into the rows of xen and domains. Pure. */
#ifndef MUSTER_COLLECT_PARSE_XEN_H
#define MUSTER_COLLECT_PARSE_XEN_H

#include "collect/rows.h"
#include "model/sections.h"

enum {
    XEN_WORDS_MAX = 64, /* of a featureset; Xen 4.17 has 18 */
    XEN_UUID_BYTES = 16,
};

/* In the order of XEN_SYSCTL_cpu_featureset_* (public/sysctl.h). */
enum xen_set { XEN_RAW, XEN_HOST, XEN_PV, XEN_HVM, XEN_PV_MAX, XEN_HVM_MAX, XEN_SET_COUNT };

struct xen_featureset {
    size_t n; /* words; 0: not known */
    uint32_t words[XEN_WORDS_MAX];
};

/* Xen's public sysctl.h, domctl.h and arch-x86/xen.h, which are no standard C: read_xen.c, which
 * includes them, holds these to them. */
enum {
    XEN_CAN_HVM = 1u << 0,        /* XEN_SYSCTL_PHYSCAP_hvm */
    XEN_CAN_PASS = 1u << 2,       /* XEN_SYSCTL_PHYSCAP_directio */
    XEN_CAN_HAP = 1u << 3,        /* XEN_SYSCTL_PHYSCAP_hap */
    XEN_IS_DYING = 1u << 0,       /* XEN_DOMINF_dying ... */
    XEN_IS_HVM = 1u << 1,         /* hvm_guest */
    XEN_IS_SHUT_DOWN = 1u << 2,   /* shutdown */
    XEN_IS_PAUSED = 1u << 3,      /* paused */
    XEN_WHY_SHIFT = 16,           /* shutdownshift: to one of SHUTDOWN_* of public/sched.h */
    XEN_WHY_MASK = 255,           /* shutdownmask */
    XEN_IMITATES_LAPIC = 1u << 0, /* XEN_X86_EMU_LAPIC */
};

/* struct xen_sysctl_physinfo and XENVER_capabilities, as read. */
struct xen_machine {
    struct bytes guest_kinds; /* divided by blanks */
    uint64_t total_pages, free_pages;
    uint32_t cpus, nodes, threads_per_core, cores_per_socket, cpu_khz;
    uint32_t capabilities; /* XEN_CAN_* */
    struct xen_featureset sets[XEN_SET_COUNT];
};

/* struct xen_domctl_getdomaininfo, and the name from xenstore. */
struct xen_domain {
    uint32_t domid, vcpus;
    uint32_t flags;     /* XEN_IS_* */
    uint32_t emulation; /* XEN_IMITATES_*: what of a PC Xen imitates for it */
    uint64_t pages, pages_max, cpu_time_ns;
    uint8_t uuid[XEN_UUID_BYTES];
    struct bytes name; /* empty: not known */
};

/* Both fill a zeroed row; out of memory sets r->failed. */
void parse_xen(struct rows *r, const struct xen_machine *in, struct xen *row);
void parse_domain(struct rows *r, const struct xen_domain *in, struct domain *row);

/* "bfebfbff:f7fa3223:..."; NULL: not known, or out of memory. */
const char *featureset_text(struct rows *r, const struct xen_featureset *f);
/* Names of what is set, sorted. */
struct strs featureset_names(struct rows *r, const struct xen_featureset *f);

#endif
