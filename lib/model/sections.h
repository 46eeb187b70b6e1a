/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections of the inventory: what one node reports about itself. docs/inventory.md tells, for
 * each field, its source in the kernel and the capture that proves the parser. */
#ifndef MUSTER_MODEL_SECTIONS_H
#define MUSTER_MODEL_SECTIONS_H

#include "model/record.h"
#include "model/sections_storage.h"
#include "model/sections_xen.h"

/* clang-format off */

/* One row. What the machine is. */
#define SYSTEM_LIST(X, XREC, XRECS)                                                                \
    X(STR,  hostname,            1,  0, "kernel host name (uname nodename)")                       \
    X(STR,  product_uuid,        2,  0, "SMBIOS product UUID (/sys/class/dmi/id/product_uuid, or /sys/hypervisor in no case)") \
    X(STR,  vendor,              3,  0, "SMBIOS system vendor")                                    \
    X(STR,  product_name,        4,  0, "SMBIOS product name")                                     \
    X(STR,  product_serial,      5,  0, "SMBIOS product serial")                                   \
    X(STR,  bios_version,        6,  0, "SMBIOS BIOS version")                                     \
    X(STR,  boot_id,             7,  0, "/proc/sys/kernel/random/boot_id")                         \
    X(STR,  kernel_release,      8,  0, "uname release")                                           \
    X(STR,  kernel_version,      9,  0, "uname version")                                           \
    X(STR,  machine,             10, 0, "uname machine")                                           \
    X(STR,  os,                  11, 0, "PRETTY_NAME of os-release")                               \
    X(STR,  hypervisor,          12, 0, "xen, or none when this kernel runs under no Xen (/sys/hypervisor/type)") \
    X(STR,  xen_version,         13, 0, "/sys/hypervisor/version, e.g. 4.17.4")                    \
    X(BOOL, dom0,                14, 0, "this kernel is the control domain (/proc/xen/capabilities)") \
    X(U64,  memory_total_bytes,  15, 0, "memory of this kernel: MemTotal of /proc/meminfo")        \
    X(U64,  memory_physical_bytes, 16, 0, "memory of the machine; absent under Xen: see xen") \
    X(U64,  memory_available_bytes, 17, FIELD_VOLATILE, "MemAvailable of /proc/meminfo")           \
    X(U64,  swap_total_bytes,    18, 0, "SwapTotal of /proc/meminfo")                              \
    X(STR,  lowest_mac,          19, 0, "lowest permanent MAC of the physical NICs")               \
    X(U64,  uptime_ms,           20, FIELD_VOLATILE, "CLOCK_BOOTTIME")                             \
    X(STR,  probe_version,       21, 0, "version of muster-probe")

/* One row. Physical processors as this kernel may speak of them; under Xen dom0's view of topology
 * is virtual, so those fields are absent there: see xen. */
#define CPU_LIST(X, XREC, XRECS)                                                                   \
    X(STR,  vendor,              1,  0, "CPUID vendor, e.g. GenuineIntel")                         \
    X(U64,  family,              2,  0, "")                                                        \
    X(U64,  model,               3,  0, "")                                                        \
    X(U64,  stepping,            4,  0, "")                                                        \
    X(STR,  model_name,          5,  0, "CPUID brand string")                                      \
    X(STR,  microcode,           6,  0, "microcode revision, hexadecimal")                         \
    X(U64,  sockets,             7,  0, "distinct physical_package_id")                            \
    X(U64,  cores,               8,  0, "physical cores in all")                                   \
    X(U64,  threads,             9,  0, "online logical processors")                               \
    X(U64,  numa_nodes,          10, 0, "online NUMA nodes")                                       \
    X(U64,  tsc_khz,             11, 0, "TSC rate where the kernel tells it")                      \
    X(BOOL, tsc_invariant,       12, 0, "constant_tsc and nonstop_tsc")                            \
    X(STR,  clocksource,         13, 0, "current kernel clock source")                             \
    X(STRS, flags,               14, 0, "feature flags as the kernel names them, sorted")          \
    X(STR,  source,              19, 0, "cpuinfo")

/* A row for each NIC: a link with a device behind it, or one that the configuration names. Links of
 * guests (vif, tap, veth, ...) and lo are left out. */
#define NIC_LIST(X, XREC, XRECS)                                                                   \
    X(STR,  name,                1,  FIELD_KEY, "IFLA_IFNAME")                                     \
    X(U64,  ifindex,             2,  0, "")                                                        \
    X(STR,  kind,                3,  0, "physical, or the link kind (IFLA_INFO_KIND) of a named virtual one") \
    X(STR,  mac,                 4,  0, "IFLA_ADDRESS")                                            \
    X(STR,  permanent_mac,       5,  0, "IFLA_PERM_ADDRESS, else the address if it was not set by hand") \
    X(U64,  mtu_bytes,           6,  0, "IFLA_MTU")                                                \
    X(BOOL, admin_up,            7,  0, "IFF_UP")                                                  \
    X(BOOL, carrier,             8,  0, "IFLA_CARRIER; absent while administratively down")        \
    X(STR,  operstate,           9,  0, "IFLA_OPERSTATE in lower case: up, down, dormant, ...")    \
    X(U64,  speed_mbps,          10, 0, "ETHTOOL_A_LINKMODES_SPEED; absent when unknown")          \
    X(STR,  duplex,              11, 0, "full or half; absent when unknown")                       \
    X(BOOL, autoneg,             12, 0, "ETHTOOL_A_LINKMODES_AUTONEG")                             \
    X(STR,  port,                13, 0, "connector: tp, fibre, da, other, ... (ETHTOOL_A_LINKINFO_PORT)") \
    X(STR,  driver,              14, 0, "ETHTOOL_GDRVINFO")                                        \
    X(STR,  driver_version,      15, 0, "ETHTOOL_GDRVINFO")                                        \
    X(STR,  firmware,            16, 0, "ETHTOOL_GDRVINFO fw_version")                             \
    X(STR,  bus_address,         17, 0, "IFLA_PARENT_DEV_NAME: PCI address, virtio device")        \
    X(STR,  pci_address,         18, 0, "PCI function, through virtio too")                        \
    X(I64,  numa_node,           19, 0, "absent when the platform has none (-1)")                  \
    X(U64,  sriov_total,         20, 0, "sriov_totalvfs; absent when not capable")                 \
    X(U64,  sriov_configured,    21, 0, "sriov_numvfs")                                            \
    X(STR,  master,              22, 0, "name of the bond or bridge that it is a port of")         \
    X(STR,  alias,               23, 0, "IFLA_IFALIAS")                                            \
    X(STRS, altnames,            24, 0, "IFLA_PROP_LIST, sorted")                                  \
    X(STR,  bond_state,          25, 0, "active or backup, when a bond's slave")                   \
    X(STR,  bond_mii_status,     26, 0, "up, going_down, down, going_back")                        \
    X(U64,  bond_aggregator_id,  27, 0, "LACP aggregator of this slave")                           \
    X(U64,  bond_link_failures,  28, 0, "IFLA_BOND_SLAVE_LINK_FAILURE_COUNT")                      \
    X(U64,  carrier_changes,     29, 0, "IFLA_CARRIER_CHANGES")                                    \
    X(U64,  paths_active,        30, 0, "1 if it carries frames (up and carrier), else 0")         \
    X(U64,  paths_total,         31, 0, "1")                                                       \
    X(U64,  rx_bytes,            32, FIELD_VOLATILE, "IFLA_STATS64")                               \
    X(U64,  rx_packets,          33, FIELD_VOLATILE, "")                                           \
    X(U64,  rx_errors,           34, FIELD_VOLATILE, "")                                           \
    X(U64,  rx_dropped,          35, FIELD_VOLATILE, "")                                           \
    X(U64,  tx_bytes,            36, FIELD_VOLATILE, "")                                           \
    X(U64,  tx_packets,          37, FIELD_VOLATILE, "")                                           \
    X(U64,  tx_errors,           38, FIELD_VOLATILE, "")                                           \
    X(U64,  tx_dropped,          39, FIELD_VOLATILE, "")

#define BOND_LIST(X, XREC, XRECS)                                                                  \
    X(STR,  name,                1,  FIELD_KEY, "")                                                \
    X(U64,  ifindex,             2,  0, "")                                                        \
    X(STR,  mode,                3,  0, "as iproute2 names it: active-backup, 802.3ad, ...")       \
    X(STR,  mac,                 4,  0, "")                                                        \
    X(U64,  mtu_bytes,           5,  0, "")                                                        \
    X(BOOL, admin_up,            6,  0, "")                                                        \
    X(BOOL, carrier,             7,  0, "")                                                        \
    X(STR,  operstate,           8,  0, "")                                                        \
    X(STRS, slaves,              9,  0, "sorted")                                                  \
    X(STR,  active_slave,        10, 0, "")                                                        \
    X(STR,  primary_slave,       11, 0, "")                                                        \
    X(U64,  miimon_ms,           12, 0, "")                                                        \
    X(STR,  xmit_hash_policy,    13, 0, "")                                                        \
    X(STR,  lacp_rate,           14, 0, "slow or fast")                                            \
    X(U64,  min_links,           15, 0, "")                                                        \
    X(U64,  aggregator_id,       16, 0, "active LACP aggregator")                                  \
    X(U64,  aggregator_ports,    17, 0, "ports in it")                                             \
    X(STR,  partner_mac,         18, 0, "LACP partner; absent when 00:00:00:00:00:00 (none)")      \
    X(U64,  speed_mbps,          19, 0, "")                                                        \
    X(STR,  master,              20, 0, "bridge that it is a port of")                             \
    X(STR,  alias,               21, 0, "")                                                        \
    X(U64,  paths_active,        22, 0, "slaves that carry frames; for 802.3ad those in the active aggregator") \
    X(U64,  paths_total,         23, 0, "slaves")

#define VLAN_LIST(X, XREC, XRECS)                                                                  \
    X(STR,  name,                1,  FIELD_KEY, "")                                                \
    X(U64,  ifindex,             2,  0, "")                                                        \
    X(STR,  link,                3,  0, "the lower link")                                          \
    X(STR,  base_link,           4,  0, "the NIC or bond at the bottom")                           \
    X(STR,  tags,                5,  0, "VLAN ids from the bottom up: \"100\", \"200.100\" (stacked)") \
    X(U64,  vlan_id,             6,  0, "")                                                        \
    X(STR,  protocol,            7,  0, "802.1Q or 802.1ad")                                       \
    X(STR,  mac,                 8,  0, "")                                                        \
    X(U64,  mtu_bytes,           9,  0, "")                                                        \
    X(BOOL, admin_up,            10, 0, "")                                                        \
    X(BOOL, carrier,             11, 0, "")                                                        \
    X(STR,  operstate,           12, 0, "")                                                        \
    X(STR,  master,              13, 0, "bridge that it is a port of")                             \
    X(STR,  alias,               14, 0, "")                                                        \
    X(U64,  paths_active,        15, 0, "those of the base while this link and all below are up")  \
    X(U64,  paths_total,         16, 0, "those of the base")

#define BRIDGE_LIST(X, XREC, XRECS)                                                                \
    X(STR,  name,                1,  FIELD_KEY, "")                                                \
    X(U64,  ifindex,             2,  0, "")                                                        \
    X(STR,  mac,                 3,  0, "")                                                        \
    X(U64,  mtu_bytes,           4,  0, "")                                                        \
    X(BOOL, admin_up,            5,  0, "")                                                        \
    X(BOOL, carrier,             6,  0, "")                                                        \
    X(STR,  operstate,           7,  0, "")                                                        \
    X(STRS, ports,               8,  0, "host ports (NIC, bond, VLAN), sorted; guests' ports are left out") \
    X(BOOL, stp,                 9,  0, "")                                                        \
    X(BOOL, vlan_filtering,      10, 0, "")                                                        \
    X(STR,  vlan_protocol,       11, 0, "")                                                        \
    X(U64,  default_pvid,        12, 0, "")                                                        \
    X(STR,  bridge_id,           13, 0, "")                                                        \
    X(STR,  root_id,             14, 0, "")                                                        \
    X(U64,  ageing_ms,           15, 0, "")                                                        \
    X(U64,  forward_delay_ms,    16, 0, "")                                                        \
    X(STR,  alias,               17, 0, "")

/* A row for each neighbour that lldpd heard. */
#define LLDP_LIST(X, XREC, XRECS)                                                                  \
    X(STR,  key,                 1,  FIELD_KEY, "interface/chassis id/port id")                    \
    X(STR,  interface,           2,  0, "local NIC")                                               \
    X(STR,  chassis_id,          3,  0, "")                                                        \
    X(STR,  chassis_name,        4,  0, "")                                                        \
    X(STR,  chassis_descr,       5,  0, "")                                                        \
    X(STR,  port_id,             6,  0, "")                                                        \
    X(STR,  port_descr,          7,  0, "")                                                        \
    X(U64,  ttl_s,               8,  0, "")                                                        \
    X(U64,  pvid,                9,  0, "port VLAN id TLV")                                        \
    X(STRS, vlans,               10, 0, "VLAN ids announced, sorted by number")                    \
    X(BOOL, aggregated,          11, 0, "link aggregation TLV says enabled")                       \
    X(STRS, management_addresses, 12, 0, "sorted")

/* clang-format on */

#define RECORD_ENUM_system(TYPE, member, ...)     system_##member,
#define RECORD_ENUM_cpu(TYPE, member, ...)        cpu_##member,
#define RECORD_ENUM_nic(TYPE, member, ...)        nic_##member,
#define RECORD_ENUM_bond(TYPE, member, ...)       bond_##member,
#define RECORD_ENUM_vlan(TYPE, member, ...)       vlan_##member,
#define RECORD_ENUM_bridge(TYPE, member, ...)     bridge_##member,
#define RECORD_ENUM_lldp(TYPE, member, ...)       lldp_##member,
#define RECORD_ENUM_hba(TYPE, member, ...)        hba_##member,
#define RECORD_ENUM_lun(TYPE, member, ...)        lun_##member,
#define RECORD_ENUM_path(TYPE, member, ...)       path_##member,
#define RECORD_ENUM_partition(TYPE, member, ...)  partition_##member,
#define RECORD_ENUM_pv(TYPE, member, ...)         pv_##member,
#define RECORD_ENUM_vg(TYPE, member, ...)         vg_##member,
#define RECORD_ENUM_lv(TYPE, member, ...)         lv_##member,
#define RECORD_ENUM_filesystem(TYPE, member, ...) filesystem_##member,
#define RECORD_ENUM_use(TYPE, member, ...)        use_##member,
#define RECORD_ENUM_xen(TYPE, member, ...)        xen_##member,
#define RECORD_ENUM_domain(TYPE, member, ...)     domain_##member,

RECORD_DECLARE(system, SYSTEM_LIST);
RECORD_DECLARE(cpu, CPU_LIST);
RECORD_DECLARE(nic, NIC_LIST);
RECORD_DECLARE(bond, BOND_LIST);
RECORD_DECLARE(vlan, VLAN_LIST);
RECORD_DECLARE(bridge, BRIDGE_LIST);
RECORD_DECLARE(lldp, LLDP_LIST);
RECORD_DECLARE(hba, HBA_LIST);
RECORD_DECLARE(lun, LUN_LIST);
RECORD_DECLARE(path, PATH_LIST);
RECORD_DECLARE(partition, PARTITION_LIST);
RECORD_DECLARE(pv, PV_LIST);
RECORD_DECLARE(vg, VG_LIST);
RECORD_DECLARE(lv, LV_LIST);
RECORD_DECLARE(filesystem, FILESYSTEM_LIST);
RECORD_DECLARE(use, USE_LIST);
RECORD_DECLARE(xen, XEN_LIST);
RECORD_DECLARE(domain, DOMAIN_LIST);

/* The numbers are on the wire and in the database: append only. */
enum section_id {
    SECTION_SYSTEM,
    SECTION_CPU,
    SECTION_NICS,
    SECTION_BONDS,
    SECTION_VLANS,
    SECTION_BRIDGES,
    SECTION_LLDP,
    SECTION_HBAS,
    SECTION_LUNS,
    SECTION_PATHS,
    SECTION_PARTITIONS,
    SECTION_PVS,
    SECTION_VGS,
    SECTION_LVS,
    SECTION_FILESYSTEMS,
    SECTION_USES,
    SECTION_XEN,
    SECTION_DOMAINS,
    SECTION_COUNT,
};

struct section_desc {
    const char *name;  /* "nics": in JSON, text, events */
    const char *table; /* SQL table "nic"; its columns are the row's fields */
    const struct record_desc *row;
    bool singleton; /* exactly one row, without a key (key text is "") */
    uint32_t max_rows;
};

extern const struct section_desc section_descs[SECTION_COUNT];
int section_by_name(const char *name); /* -1: no such section */

/* On the wire and in the database: append only. */
enum section_status {
    SECTION_NEVER = 0, /* no worker has finished since the probe started */
    SECTION_OK = 1,
    SECTION_ABSENT =
        2, /* this machine has nothing of the kind and that is no fault; text says why */
    SECTION_FAILED = 3, /* the last collection failed (text); rows are those of the last good one */
    SECTION_STUCK = 4,  /* the worker has not answered since `status_age_ms`; rows as for failed */
};
const char *section_status_name(enum section_status s);

/* One section's content at one time. Rows are contiguous records of section_descs[id].row. */
struct section {
    enum section_id id;
    enum section_status status;
    const char *status_text; /* may be NULL */
    uint64_t generation;     /* the probe's count of content changes of this section */
    int64_t age_ms;          /* since the rows were last collected successfully */
    int64_t status_age_ms;   /* since the status last changed */
    void *rows;
    size_t row_count;
    uint64_t *hashes; /* per row, after section_normalise; NULL before */
    digest128 digest; /* after section_normalise */
    /* Of a later version of the protocol `digest` may be of more than these rows; this is theirs.
     */
    bool partly;
    digest128 understood;
};

/* Sorts rows by key, sorts and deduplicates nothing else (collectors keep lists sorted), computes
 * row hashes and the digest (over id, status, status_text and the rows' keys and hashes; only
 * fields that are present and not volatile count, each with its tag, so that a field that an older
 * version does not know changes nothing when absent). Allocates `hashes` in `a`.
 * 0; -ENOMEM; -EBADMSG with a sentence: duplicate or missing key, too many rows, a singleton
 * section with more than one row, text with control characters or not UTF-8 or too long, a number
 * over INT64_MAX. */
struct err;
int section_normalise(struct section *s, struct arena *a, struct err *e);

/* Of what a path leads to and its address: what two reports of it are compared by. The upper half
 * is of the address, the lower of the LUN; 0: one of them is not known. Below 2^63. */
uint64_t path_mark(const struct path *p);

/* What a host does with a container, as far as rights are concerned. */
enum use_kind {
    USE_NONE = 0, /* LVM's own map on a PV */
    USE_MOUNT,
    USE_SWAP,
    USE_DM,
    USE_MD,
    USE_LOOP,
    USE_XEN,
    USE_OPEN,
    USE_SCAN, /* muster's own worker; used_by is its token */
    USE_OTHER,
};
enum { USE_KIND_BITS = 8 };
/* Kind, and above that the token of a scan; below 2^63. */
uint64_t use_mark(const struct use *u);
static inline enum use_kind use_mark_kind(uint64_t mark)
{
    return (enum use_kind)(mark & ((1u << USE_KIND_BITS) - 1));
}
static inline uint64_t use_mark_token(uint64_t mark)
{
    return mark >> USE_KIND_BITS;
}
uint64_t record_hash(const struct record_desc *d, const void *row);
static inline void *section_row(const struct section *s, size_t i)
{
    return (char *)s->rows + i * section_descs[s->id].row->size;
}
const char *section_row_key(const struct section_desc *d, const void *row); /* "" for a singleton */

#endif
