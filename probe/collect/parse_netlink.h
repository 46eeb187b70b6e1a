/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading netlink attributes of unknown honesty: every accessor checks the attribute's length.
 * Pure. The attributes given have been through nla_parse, so they lie inside their message. */
#ifndef MUSTER_COLLECT_PARSE_NETLINK_H
#define MUSTER_COLLECT_PARSE_NETLINK_H

#include <linux/netlink.h>

#include "base/err.h"
#include "collect/rows.h"

/* A walk over messages that lie one after another, each at a multiple of 4 bytes. */
struct message_walk {
    struct bytes rest;
    bool cut; /* ended before the end of the bytes: a length was wrong */
};

/* Copies the bytes if they are not aligned. */
struct message_walk message_walk(struct rows *r, struct bytes messages);
const struct nlmsghdr *message_next(struct message_walk *w); /* NULL: no more, or cut */

/* The attributes that follow `header` bytes of a message's payload, or those inside a nested
 * attribute (NULL: none), each at most once, by type; tb has max + 1 entries. False: cut short. */
bool message_attrs(const struct nlmsghdr *m, size_t header, struct nlattr **tb, int max);
void nested_attrs(struct nlattr *a, struct nlattr **tb, int max);

/* All take NULL for a missing attribute. */
struct opt attr_u8(const struct nlattr *a);
struct opt attr_u16(const struct nlattr *a);
struct opt attr_be16(const struct nlattr *a);
struct opt attr_u32(const struct nlattr *a);
struct bytes attr_bytes(const struct nlattr *a);
const char *attr_text(struct rows *r, const struct nlattr *a);
struct hwaddr attr_hwaddr(const struct nlattr *a);

#endif
