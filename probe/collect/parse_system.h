/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of /proc, /sys and /etc into the rows of system and cpu. Pure. */
#ifndef MUSTER_COLLECT_PARSE_SYSTEM_H
#define MUSTER_COLLECT_PARSE_SYSTEM_H

#include "collect/rows.h"
#include "model/sections.h"

/* X(name, path): files that are read whole. os-release is the first of its two homes that exists.
 */
#define SYSTEM_FILES(X)                                                                \
    X(BOOT_ID, "/proc/sys/kernel/random/boot_id")                                      \
    X(HOSTNAME, "/proc/sys/kernel/hostname")                                           \
    X(KERNEL_RELEASE, "/proc/sys/kernel/osrelease")                                    \
    X(KERNEL_VERSION, "/proc/sys/kernel/version")                                      \
    X(MACHINE, "/proc/sys/kernel/arch")                                                \
    X(PRODUCT_UUID, "/sys/class/dmi/id/product_uuid")                                  \
    X(VENDOR, "/sys/class/dmi/id/sys_vendor")                                          \
    X(PRODUCT_NAME, "/sys/class/dmi/id/product_name")                                  \
    X(PRODUCT_SERIAL, "/sys/class/dmi/id/product_serial")                              \
    X(BIOS_VERSION, "/sys/class/dmi/id/bios_version")                                  \
    X(OS_RELEASE, "/etc/os-release")                                                   \
    X(HYPERVISOR_TYPE, "/sys/hypervisor/type")                                         \
    X(XEN_MAJOR, "/sys/hypervisor/version/major")                                      \
    X(XEN_MINOR, "/sys/hypervisor/version/minor")                                      \
    X(XEN_EXTRA, "/sys/hypervisor/version/extra")                                      \
    X(XEN_UUID, "/sys/hypervisor/uuid")                                                \
    X(XEN_CAPABILITIES, "/proc/xen/capabilities")                                      \
    X(MEMINFO, "/proc/meminfo")                                                        \
    X(CPUINFO, "/proc/cpuinfo")                                                        \
    X(CPU_ONLINE, "/sys/devices/system/cpu/online")                                    \
    X(NODE_ONLINE, "/sys/devices/system/node/online")                                  \
    X(CLOCKSOURCE, "/sys/devices/system/clocksource/clocksource0/current_clocksource") \
    X(MEMORY_BLOCK_SIZE, "/sys/devices/system/memory/block_size_bytes")

#define SYSTEM_FILE_ENUM(name, path) FILE_##name,
enum system_file { SYSTEM_FILES(SYSTEM_FILE_ENUM) SYSTEM_FILE_COUNT };

/* Of one online logical processor, as read. */
struct cpu_place {
    struct bytes package;  /* topology/physical_package_id */
    struct bytes siblings; /* topology/thread_siblings_list: the threads of its core */
};

struct system_input {
    struct bytes file[SYSTEM_FILE_COUNT]; /* an empty one was not there */
    struct opt memory_blocks;             /* online /sys/devices/system/memory/memoryN */
    struct opt uptime_ms, tsc_khz;
    const struct cpu_place *cpus;
    size_t cpu_count;
    const char *lowest_mac; /* or NULL */
};

/* Both fill a zeroed row; out of memory sets r->failed. */
void parse_system(struct rows *r, const struct system_input *in, struct system *row);
void parse_cpu(struct rows *r, const struct system_input *in, struct cpu *row);

bool system_is_xen(const struct system_input *in);
/* Under Xen, and known not to be its control domain. */
bool system_is_guest(const struct system_input *in);
/* Numbers in a kernel list such as "0-3,8,10-11"; absent when it is none. */
struct opt list_count(struct bytes list);
/* From the scale of struct perf_event_mmap_page: ns = ticks * mult >> shift. */
struct opt tsc_khz_of(uint32_t mult, uint16_t shift);

#endif
