/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections of the hypervisor. Included by sections.h alone.
 *
 * A featureset is written as Xen's own xen-cpuid prints it: words of 32 bits in hexadecimal,
 * divided by colons, in the order of Xen's public arch-x86/cpufeatureset.h. A feature has the name
 * that it has there, in lower case and with '-' for '_', as Xen's command line takes it; a bit
 * without a name is word.bit, "9.13". */
#ifndef MUSTER_MODEL_SECTIONS_XEN_H
#define MUSTER_MODEL_SECTIONS_XEN_H

/* clang-format off */

/* One row: the machine, as Xen knows it. */
#define XEN_LIST(X, XREC, XRECS)                                                                   \
    X(STRS, guest_kinds,         1,  0, "what guests it can run, sorted: hvm-3.0-x86_64, xen-3.0-x86_64, ...") \
    X(U64,  memory_physical_bytes, 2, 0, "memory of the machine")                                  \
    X(U64,  memory_free_bytes,   3,  FIELD_VOLATILE, "of it, what no domain has")                  \
    X(U64,  sockets,             4,  0, "")                                                        \
    X(U64,  cores,               5,  0, "physical cores in all")                                   \
    X(U64,  threads,             6,  0, "online logical processors")                               \
    X(U64,  numa_nodes,          7,  0, "online NUMA nodes")                                       \
    X(U64,  cpu_khz,             8,  0, "")                                                        \
    X(BOOL, hvm,                 9,  0, "hardware virtualisation is there and switched on")        \
    X(BOOL, hap,                 10, 0, "and with it nested paging")                               \
    X(BOOL, iommu,               11, 0, "devices can be passed to guests of every kind")           \
    X(STR,  featureset_raw,      12, 0, "what the processor has, whoever has switched it off")     \
    X(STR,  featureset_host,     13, 0, "what Xen uses of it, after its command line and firmware") \
    X(STR,  featureset_pv,       14, 0, "what a paravirtual guest gets if nothing else is said")   \
    X(STR,  featureset_hvm,      15, 0, "the same of a guest with hardware virtualisation (HVM, PVH)") \
    X(STR,  featureset_pv_max,   16, 0, "what a paravirtual guest can be given at most")           \
    X(STR,  featureset_hvm_max,  17, 0, "the same of a guest with hardware virtualisation")        \
    X(STRS, features_raw,        18, 0, "names of what is set in it, sorted")                      \
    X(STRS, features_host,       19, 0, "as above")                                                \
    X(STRS, features_pv_max,     20, 0, "as above")                                                \
    X(STRS, features_hvm_max,    21, 0, "as above")

/* A row for each domain, dom0 too. */
#define DOMAIN_LIST(X, XREC, XRECS)                                                                \
    X(STR,  domid,               1,  FIELD_KEY, "number, of this boot: \"0\" is dom0")             \
    X(STR,  name,                2,  0, "in xenstore")                                             \
    X(STR,  uuid,                3,  0, "absent when it has none")                                 \
    X(STR,  kind,                4,  0, "pv, pvh, hvm")                                            \
    X(STR,  state,               5,  0, "running (also when it waits), paused, shutdown, suspended, crashed, dying") \
    X(U64,  vcpus,               6,  0, "online virtual processors")                               \
    X(U64,  memory_max_bytes,    7,  0, "that it may have; absent when there is no limit")         \
    X(U64,  memory_bytes,        8,  FIELD_VOLATILE, "that it has")                                \
    X(U64,  cpu_time_ms,         9,  FIELD_VOLATILE, "of all its processors since it was made")

/* clang-format on */

#endif
