/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of parse_net: one function for each kind of row. Pure. */
#ifndef MUSTER_COLLECT_PARSE_NET_ROWS_H
#define MUSTER_COLLECT_PARSE_NET_ROWS_H

#include "collect/parse_net.h"

/* Kernels refuse more than 8 devices on top of each other; links that claim more are lying. */
#define NET_STACK_MAX 16

enum net_role {
    ROLE_NONE,     /* a guest's, or none of the host's networks */
    ROLE_PHYSICAL, /* NIC with a device behind it */
    ROLE_NAMED,    /* virtual link that the configuration names: counts as a NIC */
    ROLE_BOND,
    ROLE_VLAN,
    ROLE_BRIDGE,
    ROLE_COUNT,
};

struct net_build {
    struct rows r;
    const struct net_input *in;
    enum net_role *role; /* of each link of in->links */
    size_t count[ROLE_COUNT];
};

enum net_role net_role(const struct net_build *b, const struct link *l); /* NULL: ROLE_NONE */

/* The VLAN links from `l` down to the first link that is none, which becomes *base. Their number;
 * 0: the stack does not end in a link of this namespace. `stack` has room for NET_STACK_MAX. */
size_t net_vlan_stack(const struct net_build *b, const struct link *l, const struct link **stack,
                      const struct link **base);

void net_nic_row(struct net_build *b, const struct link *l, const struct net_facts *f,
                 struct nic *nic);
void net_bond_row(struct net_build *b, const struct link *l, struct bond *bond);
void net_vlan_row(struct net_build *b, const struct link *l, struct vlan *vlan);
void net_bridge_row(struct net_build *b, const struct link *l, struct bridge *bridge);

#endif
