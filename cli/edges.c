/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one node sees, or who sees one resource. */
#include "nouns.h"

#include <inttypes.h>

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

/* The edges to declared resources, or those to unproven ports, whose labels name node and port
 * already. */
static void some_edges(struct text *t, const struct reply *r, bool by_node, bool declared)
{
    const struct column columns[] = { { by_node ? "RESOURCE" : "NODE", COLUMN_CUT },
                                      { "STATE", 0 },
                                      { "PATHS", 0 },
                                      { "SINCE", 0 },
                                      { "THROUGH", COLUMN_CUT } };
    const struct edge_info *edges = r->edges.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    bool any = false;

    for (size_t i = 0; i < r->edges.n; i++) {
        const struct edge_info *e = &edges[i];
        const char *state = edge_state_name((enum edge_state)e->state);

        if (resource_of(r, e)->declared != declared)
            continue;
        any = true;
        table_cell(b, by_node ? resource_of(r, e)->label : node_of(r, e)->name, PAINT_NONE);
        table_cell(b, state, paint_of_word(state));
        table_cell(b, paths(t, e), PAINT_NONE);
        table_cell(b, since(t, e), PAINT_NONE);
        table_cell(b, declared ? ports_text(t, e) : "", PAINT_NONE);
    }
    if (any)
        buf_str(t->out, "\n");
    table_print(b);
}

void edges_text(struct text *t, const struct reply *r, bool by_node)
{
    some_edges(t, r, by_node, true);
    some_edges(t, r, by_node, false);
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
