/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one node sees, or who sees one resource. */
#include "nouns.h"

#include <inttypes.h>

#define MOST_STORAGE 12 /* resources of one kind */

/* "2/2", "1/2, had 2" */
static const char *paths(struct text *t, const struct edge_info *e)
{
    if (e->paths_had > e->paths_active)
        return text_format(t, "%" PRIu64 "/%" PRIu64 ", had %" PRIu64, e->paths_active,
                           e->paths_total, e->paths_had);
    return text_format(t, "%" PRIu64 "/%" PRIu64, e->paths_active, e->paths_total);
}

const char *ports_text(struct text *t, const struct edge_info *e)
{
    const char *s = "";

    for (size_t i = 0; i < e->ports.n; i++)
        s = text_format(t, "%s%s%s", s, i > 0 ? ", " : "", e->ports.v[i]);
    return s;
}

static const char *since(struct text *t, const struct edge_info *e)
{
    char time[LOCAL_TIME_TEXT];

    if (!REC_HAS(e, edge_info, since_ms))
        return "";
    return text_format(t, "%s", local_time(e->since_ms, time));
}

static void edge_row(struct text *t, struct table *b, const struct reply *r,
                     const struct edge_info *e, bool by_node)
{
    const struct resource_info *x = resource_of(r, e);
    const char *state = edge_state_name((enum edge_state)e->state);

    table_cell(b, by_node ? resource_shown(t, r, x) : node_of(r, e)->name, PAINT_NONE);
    table_cell(b, state, paint_of_word(state));
    table_cell(b, paths(t, e), PAINT_NONE);
    table_cell(b, since(t, e), PAINT_NONE);
    /* The label of an unproven port names it already. */
    table_cell(b, resource_rank(x) != RANK_PORT ? ports_text(t, e) : "", PAINT_NONE);
}

/* The edges to resources of one rank. Where a node sees much storage, what is not ok is shown. */
static void some_edges(struct text *t, const struct reply *r, bool by_node, unsigned rank,
                       size_t count)
{
    const struct column columns[] = { { by_node ? rank_title(rank) : "NODE", COLUMN_CUT },
                                      { "STATE", 0 },
                                      { "PATHS", 0 },
                                      { "SINCE", 0 },
                                      { "THROUGH", COLUMN_CUT } };
    const struct edge_info *edges = r->edges.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    bool storage = rank != RESOURCE_NETWORK && rank != RANK_PORT;
    size_t well = 0;

    for (size_t i = 0; i < r->edges.n; i++) {
        if (resource_rank(resource_of(r, &edges[i])) != rank)
            continue;
        if (by_node && storage && count > MOST_STORAGE && edges[i].state == EDGE_OK)
            well++;
        else
            edge_row(t, b, r, &edges[i], by_node);
    }
    if (count > 0)
        buf_str(t->out, "\n");
    table_print(b);
    if (well > 0)
        text_line(t, well < count ? "and %s that it sees in full" : "%s, all seen in full",
                  rank_counted(t, rank, well));
}

void edges_text(struct text *t, const struct reply *r, bool by_node)
{
    struct ranks k = ranks_of(r);

    for (unsigned i = 0; i < RANKS; i++)
        some_edges(t, r, by_node, i, k.of[i].edges);
}

int with_edges(struct run *r, const char *node_id, const char *resource_id,
               struct muster_reply *reply)
{
    REQUEST(req, OP_SNAPSHOT);
    struct muster_reply snapshot;
    struct reply *to = reply->reply;
    int rc;

    if (to->edges.n > 0 || (node_id == NULL && resource_id == NULL))
        return 0;
    if (node_id != NULL)
        REC_SET(&req, request, nodes, ((struct strs){ &node_id, 1 }));
    if (resource_id != NULL)
        REC_SET(&req, request, resources, ((struct strs){ &resource_id, 1 }));
    rc = ask(r, &req, &snapshot);
    if (rc == 0) {
        const struct reply *copy = record_dup(reply->arena, &reply_desc, snapshot.reply);

        if (copy == NULL) {
            rc = fail(r, "local", NULL, "out of memory");
        } else {
            REC_SET(to, reply, edges, copy->edges);
            REC_SET(to, reply, nodes, copy->nodes);
            REC_SET(to, reply, resources, copy->resources);
        }
    }
    muster_reply_free(&snapshot);
    return rc;
}
