/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of a link's message that depends on its kind, and the names of its numbers. Pure. */
#ifndef MUSTER_COLLECT_PARSE_LINK_KIND_H
#define MUSTER_COLLECT_PARSE_LINK_KIND_H

#include "collect/parse_link.h"

struct nlattr;
/* Fills kind, kind_name, slave and the kind's own struct from IFLA_LINKINFO (NULL: has none). */
void link_read_kind(struct rows *r, struct nlattr *linkinfo, struct link *l);

#endif
