/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links as rtnetlink tells them: the bytes of RTM_NEWLINK messages into a table of structs. Pure.
 *
 * libnl-route parses RTM_NEWLINK too, but only through its process-wide cache operations, and its
 * link object has neither the permanent address, alternative names and parent device nor anything
 * of bonds (its bonding.c only writes), bridges and bond slaves. So the attributes are read with
 * libnl's nla_*. Meaning of the attributes: linux/if_link.h, rtnetlink(7). */
#ifndef MUSTER_COLLECT_PARSE_LINK_H
#define MUSTER_COLLECT_PARSE_LINK_H

#include "base/err.h"
#include "collect/rows.h"

enum link_kind { LINK_OTHER, LINK_BOND, LINK_VLAN, LINK_BRIDGE };

struct link_stats {
    bool has;
    uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped,
        tx_dropped;
};

struct link_bond {
    struct opt mode, active_slave, primary, miimon, xmit_hash_policy, lacp_rate, min_links;
    struct opt aggregator, ports; /* the active LACP aggregator */
    struct hwaddr partner;
};

struct link_vlan {
    struct opt id, protocol; /* protocol: the Ethernet type */
};

struct link_bridge {
    struct opt stp, vlan_filtering, vlan_protocol, default_pvid;
    struct opt ageing, forward_delay; /* hundredths of a second */
    struct hwaddr bridge_id, root_id; /* 8 bytes: priority and address */
};

/* A bond's view of one of its slaves. */
struct link_slave {
    bool has;
    struct opt state, mii_status, failures, aggregator;
    struct hwaddr permanent;
};

struct link {
    uint32_t index;
    uint32_t flags;       /* IFF_* */
    uint16_t type;        /* ARPHRD_* */
    bool lower_elsewhere; /* `lower` is an index of another network namespace */
    enum link_kind kind;
    const char *name, *alias; /* name is never NULL */
    const char *kind_name;    /* IFLA_INFO_KIND or NULL */
    const char *parent_dev, *parent_bus;
    struct hwaddr address, permanent;
    struct opt mtu, operstate, carrier, carrier_changes;
    struct opt master, lower; /* link indexes */
    struct strs altnames;
    struct link_stats stats;
    struct link_slave slave;
    union {
        struct link_bond bond;
        struct link_vlan vlan;
        struct link_bridge bridge;
    };
};

/* Sorted by index; indexes and names are unique. */
struct link_table {
    struct link *v;
    size_t n;
};

/* Messages other than RTM_NEWLINK are passed over, attributes of a wrong size count as missing.
 * 0; -ENOMEM; -EBADMSG with a sentence: a message that is cut short, a link without a name or
 * index, two links with one name or index. */
int parse_links(struct bytes messages, struct arena *a, struct link_table *out, struct err *e);

const struct link *link_by_index(const struct link_table *t, struct opt index); /* NULL: none */

bool link_is_up(const struct link *l);   /* by the operator's will (IFF_UP) */
bool link_carries(const struct link *l); /* up, and has a carrier */
/* The words that iproute2 and sysfs use; NULL for a number that has none. */
const char *link_operstate_name(struct opt operstate);
const char *bond_mode_name(struct opt mode);
const char *bond_xmit_name(struct opt policy);
const char *bond_slave_state_name(struct opt state);
const char *bond_mii_name(struct opt status);
const char *bond_lacp_rate_name(struct opt rate);

#define BOND_MODE_LACP 4u /* 802.3ad */

#endif
