/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of queries share. */
#ifndef MUSTER_TESTS_CORE_ASKING_H
#define MUSTER_TESTS_CORE_ASKING_H

#include "fleet.h"

struct request ask_for(enum client_op op);
enum reply_code ask(struct fleet *f, enum client who, struct request req);
/* The local operator's request is refused with this code, in a sentence with this part. */
void expect_refusal(struct fleet *f, struct request req, enum reply_code code, const char *part);
/* In the last reply; NULL: not there. */
const struct node_info *node_of(const struct fleet *f, const char *name);
const struct resource_info *resource_of(const struct fleet *f, const char *label);
const struct edge_info *edge_of(const struct fleet *f, const char *node, const char *label);
/* Asks for a snapshot first. */
const struct edge_info *edge_now(struct fleet *f, const char *node, const char *label);
/* Declares a network with one match; it must work. */
void define(struct fleet *f, const char *name, uint64_t vlan, const char *match);

#endif
