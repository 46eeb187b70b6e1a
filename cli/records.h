/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of a reply as JSON objects: every field of the record under its own name, null when it is
 * absent, so that a reader need not ask whether a member is there. Wall times become RFC 3339 UTC
 * and lose the _ms of their name. */
#ifndef MUSTER_CLI_RECORDS_H
#define MUSTER_CLI_RECORDS_H

#include "client/muster.h"
#include "model/render.h"

/* Members of the object that is open. */
void json_members(struct json *j, const struct record_desc *d, const void *rec);
/* An object, or null. */
void json_object_of(struct json *j, const char *name, const struct record_desc *d, const void *rec);
/* An array of objects. */
void json_array_of(struct json *j, const char *name, const struct record_desc *d, struct recs list);
void json_strings(struct json *j, const char *name, struct strs list);
void json_time(struct json *j, const char *name, int64_t ms);
/* "generation" and "event_no" of a reply. */
void json_head(struct json *j, const struct reply *r);
/* "edges", their node and resource as places in the reply's two arrays; `full`: with all that is
 * known of each edge, else the six members of the matrix. */
void json_edges(struct json *j, const struct reply *r, bool full);

/* In records of a type that are in the order of their `resource`: the index of the first that is
 * not before this one, list.n if all are. */
#define FIRST_OF_RESOURCE(list, type, which) \
    first_of_resource(list, sizeof(struct type), offsetof(struct type, resource), which)
size_t first_of_resource(struct recs list, size_t size, size_t offset, uint64_t resource);

/* Of an edge of a reply that is in order (cli/order.h). */
const struct node_info *node_of(const struct reply *r, const struct edge_info *e);
const struct resource_info *resource_of(const struct reply *r, const struct edge_info *e);

#endif
