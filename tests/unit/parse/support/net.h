/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links as the tests write them down, through the real parsers. */
#ifndef MUSTER_TESTS_PARSE_NET_H
#define MUSTER_TESTS_PARSE_NET_H

#include "collect/parse_net.h"
#include "support/support.h"

/* A machine's links in the form of `ip -d -j link`, ' for " allowed. Parses them and makes rows,
 * with `interfaces` (ended by NULL) as configured globs and `facts` (may be NULL). Fails the test
 * if a parser fails. */
struct net_rows rows_from_ip(struct arena *a, struct bytes json, const char *const *interfaces,
                             const struct net_facts *facts, size_t fact_count);

/* The raw capture below tests/captures/NAME, with its sysfs tree if it has one. */
struct net_rows rows_from_capture(struct arena *a, const char *name, const char *const *interfaces);

/* The four sections as JSON, normalised. Without counters and what ethtool and sysfs tell if
 * links_only. */
const char *net_json(struct arena *a, const struct net_rows *rows, bool links_only);

const struct nic *find_nic(const struct net_rows *rows, const char *name);
const struct bond *find_bond(const struct net_rows *rows, const char *name);
const struct vlan *find_vlan(const struct net_rows *rows, const char *name);
const struct bridge *find_bridge(const struct net_rows *rows, const char *name);

#endif
