/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links, ethtool's answers and sysfs into the rows of nics, bonds, vlans and bridges. Pure. */
#ifndef MUSTER_COLLECT_PARSE_NET_H
#define MUSTER_COLLECT_PARSE_NET_H

#include "collect/parse_ethtool.h"
#include "collect/parse_link.h"
#include "model/sections.h"

/* What sysfs and the driver say of one link, as read; an empty `bytes` is a file that is not there.
 * Files are found by the link's name, so they may be of another link (renamed meanwhile, or /sys of
 * another network namespace): they count only while sys_index and sys_address agree with netlink.
 */
struct net_facts {
    uint32_t index;                                        /* the link that was asked about */
    struct bytes sys_index;                                /* /sys/class/net/NAME/ifindex */
    struct bytes sys_address;                              /* .../address */
    struct bytes assign_type;                              /* .../addr_assign_type */
    struct bytes device;                                   /* real path of .../device */
    struct bytes bus;                                      /* last part of .../device/subsystem */
    struct bytes numa_node, sriov_total, sriov_configured; /* of the PCI function below device */
    bool virtual_function;                                 /* .../device/physfn is there */
    struct bytes drvinfo; /* struct ethtool_drvinfo of ETHTOOL_GDRVINFO */
};

struct net_input {
    struct link_table links;
    struct ethtool_table ethtool;
    const struct net_facts *facts; /* sorted by index */
    size_t fact_count;
    struct strs interfaces; /* globs of virtual links that count as the host's */
};

struct net_rows {
    struct nic *nics;
    struct bond *bonds;
    struct vlan *vlans;
    struct bridge *bridges;
    size_t nic_count, bond_count, vlan_count, bridge_count;
    /* The lowest permanent Ethernet address of the physical NICs (SR-IOV virtual functions do not
     * count: theirs may differ from boot to boot), or NULL. */
    const char *lowest_mac;
};

/* Which links become rows: docs/inventory.md. 0, or -ENOMEM with a sentence. */
int parse_net(const struct net_input *in, struct arena *a, struct net_rows *out, struct err *e);

/* True when the link may become a NIC's row, so that it is worth asking sysfs and the driver. */
bool net_wants_facts(const struct link *l, struct strs interfaces);

/* The part of a device's path up to its last PCI function: "/sys/devices/pci0000:00/0000:00:03.0"
 * of
 * "/sys/devices/pci0000:00/0000:00:03.0/virtio2"; n == 0: no PCI function in it. */
struct bytes pci_directory(struct bytes device_path);

#endif
