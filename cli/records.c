/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "records.h"

#include <stdlib.h>

#include "base/text.h"

enum how { AS_IS, LEFT_OUT, TIME, EDGE_STATE, COUNTS };

/* Fields that are not shown as they are. */
static const struct rule {
    const struct record_desc *desc;
    uint32_t field;
    enum how how;
    const char *name;
} rules[] = {
    { &node_info_desc, node_info_first_seen_ms, TIME, "first_seen" },
    { &node_info_desc, node_info_index, LEFT_OUT, NULL },
    { &resource_info_desc, resource_info_index, LEFT_OUT, NULL },
    { &resource_info_desc, resource_info_scanned_ms, TIME, "scanned" },
    { &resource_info_desc, resource_info_changed, LEFT_OUT, NULL },
    { &task_info_desc, task_info_created_ms, TIME, "created" },
    { &task_info_desc, task_info_ended_ms, TIME, "ended" },
    { &job_info_desc, job_info_ended_ms, TIME, "ended" },
    { &image_info_desc, image_info_seen_ms, TIME, "seen" },
    { &image_info_desc, image_info_image, LEFT_OUT, NULL },
    { &image_desc, image_mtime_ms, TIME, "mtime" },
    { &edge_info_desc, edge_info_node, LEFT_OUT, NULL },
    { &edge_info_desc, edge_info_resource, LEFT_OUT, NULL },
    { &edge_info_desc, edge_info_state, EDGE_STATE, "state" },
    { &edge_info_desc, edge_info_had_until_ms, TIME, "had_until" },
    { &edge_info_desc, edge_info_since_ms, TIME, "since" },
    { &edge_info_desc, edge_info_distrusted_ms, TIME, "distrusted" },
    { &edge_info_desc, edge_info_removed, LEFT_OUT, NULL },
    { &fs_info_desc, fs_info_resource, LEFT_OUT, NULL },
    { &use_info_desc, use_info_node, LEFT_OUT, NULL },
    { &use_info_desc, use_info_resource, LEFT_OUT, NULL },
    { &reach_info_desc, reach_info_node, LEFT_OUT, NULL },
    { &reach_info_desc, reach_info_resource, LEFT_OUT, NULL },
    { &reach_info_desc, reach_info_at_ms, TIME, "at" },
    { &vg_info_desc, vg_info_differ_ms, TIME, "differ" },
    { &event_info_desc, event_info_wall_ms, TIME, "time" },
    { &network_info_desc, network_info_created_ms, TIME, "created" },
    { &token_info_desc, token_info_expires_ms, TIME, "expires" },
    { &token_info_desc, token_info_created_ms, TIME, "created" },
    { &client_info_desc, client_info_created_ms, TIME, "created" },
    { &status_info_desc, status_info_drops, COUNTS, "drops" },
    { &status_info_desc, status_info_event_no, LEFT_OUT, NULL },
};

static const struct rule *rule_of(const struct record_desc *d, uint32_t field)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].desc == d && rules[i].field == field)
            return &rules[i];
    }
    return NULL;
}

void json_time(struct json *j, const char *name, int64_t ms)
{
    char text[TIME_TEXT];

    json_str(j, name, wall_rfc3339((wall_ms){ ms }, text));
}

void json_strings(struct json *j, const char *name, struct strs list)
{
    json_array(j, name);
    for (size_t i = 0; i < list.n; i++)
        json_str(j, NULL, list.v[i]);
    json_end_array(j);
}

/* "reason 3" becomes {"reason": "reason", "count": 3}. */
static void json_counts(struct json *j, const char *name, struct strs list)
{
    json_array(j, name);
    for (size_t i = 0; i < list.n; i++) {
        const char *blank = strrchr(list.v[i], ' ');
        size_t n = blank != NULL ? (size_t)(blank - list.v[i]) : strlen(list.v[i]);
        char reason[64] = "";

        memcpy(reason, list.v[i], n < sizeof reason ? n : sizeof reason - 1);
        json_object(j, NULL);
        json_str(j, "reason", reason);
        json_int(j, "count", blank != NULL ? strtoll(blank, NULL, 10) : 0);
        json_end_object(j);
    }
    json_end_array(j);
}

static void json_value(struct json *j, const struct field *f, const void *at)
{
    switch (f->type) {
    case FIELD_STR:
        json_str(j, f->name, *(const char *const *)at);
        break;
    case FIELD_U64:
    case FIELD_I64:
        json_int(j, f->name, *(const int64_t *)at);
        break;
    case FIELD_BOOL:
        json_bool(j, f->name, *(const bool *)at);
        break;
    case FIELD_STRS:
        json_strings(j, f->name, *(const struct strs *)at);
        break;
    case FIELD_RECS:
        json_array_of(j, f->name, f->sub, *(const struct recs *)at);
        break;
    case FIELD_REC:
        json_object_of(j, f->name, f->sub, *(const void *const *)at);
        break;
    case FIELD_BYTES:
        break; /* no answer shows bytes */
    }
}

static void json_member(struct json *j, const struct record_desc *d, uint32_t i, const void *rec)
{
    const struct field *f = &d->fields[i];
    const struct rule *rule = rule_of(d, i);
    const void *at = field_at(f, rec);
    enum how how = rule != NULL ? rule->how : AS_IS;

    if (how == LEFT_OUT)
        return;
    /* A list is empty when there is nothing, and a flag is down; anything else is not known. */
    if (!field_present(d, i, rec) && f->type != FIELD_STRS && f->type != FIELD_RECS &&
        f->type != FIELD_BOOL)
        json_null(j, rule != NULL ? rule->name : f->name);
    else if (how == TIME)
        json_time(j, rule->name, *(const int64_t *)at);
    else if (how == EDGE_STATE)
        json_str(j, rule->name, edge_state_name((enum edge_state) * (const uint64_t *)at));
    else if (how == COUNTS)
        json_counts(j, rule->name, *(const struct strs *)at);
    else
        json_value(j, f, at);
}

void json_members(struct json *j, const struct record_desc *d, const void *rec)
{
    for (uint32_t i = 0; i < d->count; i++)
        json_member(j, d, i, rec);
}

void json_object_of(struct json *j, const char *name, const struct record_desc *d, const void *rec)
{
    if (rec == NULL) {
        json_null(j, name);
        return;
    }
    json_object(j, name);
    json_members(j, d, rec);
    json_end_object(j);
}

void json_array_of(struct json *j, const char *name, const struct record_desc *d, struct recs list)
{
    json_array(j, name);
    for (size_t i = 0; i < list.n; i++)
        json_object_of(j, NULL, d, (const char *)list.v + i * d->size);
    json_end_array(j);
}

void json_head(struct json *j, const struct reply *r)
{
    json_int(j, "generation", (int64_t)r->generation);
    json_int(j, "event_no", (int64_t)r->event_no);
}

/* ---- edges ---------------------------------------------------------------------------------- */

size_t first_of_resource(struct recs list, size_t size, size_t offset, uint64_t resource)
{
    size_t low = 0, high = list.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const char *row = (const char *)list.v + mid * size;

        if (*(const uint64_t *)(row + offset) < resource)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct node_info *node_of(const struct reply *r, const struct edge_info *e)
{
    return (const struct node_info *)r->nodes.v + e->node;
}

const struct resource_info *resource_of(const struct reply *r, const struct edge_info *e)
{
    return (const struct resource_info *)r->resources.v + e->resource;
}

static void json_edge(struct json *j, const struct edge_info *e, bool full)
{
    json_object(j, NULL);
    json_int(j, "node", (int64_t)e->node);
    json_int(j, "resource", (int64_t)e->resource);
    if (full) {
        json_members(j, &edge_info_desc, e);
    } else {
        json_str(j, "state", edge_state_name((enum edge_state)e->state));
        json_int(j, "paths_active", (int64_t)e->paths_active);
        json_int(j, "paths_total", (int64_t)e->paths_total);
        if (REC_HAS(e, edge_info, age_ms))
            json_int(j, "age_ms", e->age_ms);
        else
            json_null(j, "age_ms");
    }
    json_end_object(j);
}

void json_edges(struct json *j, const struct reply *r, bool full)
{
    const struct edge_info *edges = r->edges.v;

    json_array(j, "edges");
    for (size_t i = 0; i < r->edges.n; i++)
        json_edge(j, &edges[i], full);
    json_end_array(j);
}
