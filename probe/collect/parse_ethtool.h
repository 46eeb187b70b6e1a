/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ethtool netlink (linux/ethtool_netlink.h) and the driver say of links: bytes to structs.
 * Pure. */
#ifndef MUSTER_COLLECT_PARSE_ETHTOOL_H
#define MUSTER_COLLECT_PARSE_ETHTOOL_H

#include "base/err.h"
#include "collect/rows.h"

struct ethtool_link {
    uint32_t index;
    struct opt speed_mbps, duplex, autoneg, port; /* numbers of linux/ethtool.h, unknown: absent */
};

struct ethtool_table {
    struct ethtool_link *v; /* sorted by index, which is unique */
    size_t n;
};

/* `messages`: ETHTOOL_MSG_LINKMODES_GET_REPLY and ETHTOOL_MSG_LINKINFO_GET_REPLY in any order, as
 * generic netlink messages; others are passed over. 0, -ENOMEM, -EBADMSG with a sentence. */
int parse_ethtool(struct bytes messages, struct arena *a, struct ethtool_table *out, struct err *e);

const struct ethtool_link *ethtool_by_index(const struct ethtool_table *t, uint32_t index);
const char *ethtool_duplex_name(struct opt duplex); /* "full", "half", NULL */
const char *ethtool_port_name(struct opt port);     /* "tp", "fibre", "da", "other", ..., NULL */

/* ETHTOOL_GDRVINFO's struct, as bytes. */
struct driver_info {
    const char *driver, *version, *firmware, *bus_info; /* each may be NULL */
};
void parse_driver_info(struct rows *r, struct bytes drvinfo, struct driver_info *out);

#endif
