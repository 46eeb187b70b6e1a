/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

#include <inttypes.h>

static void list_text(struct text *t, const void *data)
{
    static const struct column columns[] = {
        { "RESOURCE", COLUMN_CUT }, { "KIND", 0 },
        { "VLAN", COLUMN_RIGHT },   { "OK", COLUMN_RIGHT },
        { "DEGR", COLUMN_RIGHT },   { "LOST", COLUMN_RIGHT },
        { "UNKN", COLUMN_RIGHT },
    };
    const struct reply *r = data;
    const struct resource_info *x = r->resources.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    uint64_t declared = 0;

    for (size_t i = 0; i < r->resources.n; i++) {
        const uint64_t counts[] = { x[i].nodes_ok, x[i].nodes_degraded, x[i].nodes_lost,
                                    x[i].nodes_unknown };

        declared += x[i].declared;
        table_cell(b, x[i].label, PAINT_NONE);
        table_cell(b, x[i].kind, PAINT_NONE);
        table_cell(b, x[i].vlan > 0 ? text_format(t, "%" PRIu64, x[i].vlan) : "-", PAINT_NONE);
        for (size_t k = 0; k < ARRAY_LEN(counts); k++)
            table_cellf(b,
                        counts[k] == 0 || k == 0 ? PAINT_NONE
                        : k == 2                 ? PAINT_BAD
                                                 : PAINT_WARN,
                        "%" PRIu64, counts[k]);
    }
    table_print(b);
    text_line(t, "%s, %" PRIu64 " declared", counted(t, r->resources.n, "resource", "resources"),
              declared);
}

static void list_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_array_of(j, "resources", &resource_info_desc, r->resources);
}

static const struct view list_view = { list_text, list_json };

static int list_handle(struct run *r)
{
    REQUEST(req, OP_RESOURCE_LIST);
    const char *kind;
    int rc = kind_checked(r, &kind);

    if (rc != 0)
        return rc;
    if (kind != NULL)
        REC_SET(&req, request, kind, kind);
    return ask_and_show(r, &req, &list_view);
}

static const struct option list_options[] = {
    { 0, "kind", "KIND", false, "only resources of this kind: network" },
    { 0 },
};

const struct command resource_list_command = {
    .noun = "resource",
    .verb = "list",
    .summary = "all resources and how many nodes see each",
    .about = "One line for each resource: how many nodes see it in full (ok), in part (degr), no "
             "longer (lost), and how many cannot tell just now (unkn).",
    .example = "muster resource list\n"
               "muster resource list --kind network",
    .options = list_options,
    .handle = list_handle,
};

/* ---- show ----------------------------------------------------------------------------------- */

static void show_text(struct text *t, const void *data)
{
    const struct reply *r = data;
    const struct resource_info *x = r->resources.v;

    text_paint(t, PAINT_BOLD, text_safe(t, x->label));
    buf_str(t->out, "\n");
    text_pair(t, "kind", "%s%s", x->kind != NULL ? x->kind : "?",
              x->declared ? ", declared" : ", unproven");
    text_pair(t, "id", "%s", x->id != NULL ? x->id : "?");
    if (x->key != NULL)
        text_pair(t, "key", "%s", x->key);
    if (x->vlan > 0)
        text_pair(t, "vlan", "%" PRIu64, x->vlan);
    text_pair(t, "seen by", "%s",
              edge_counts(t, x->nodes_ok, x->nodes_degraded, x->nodes_lost, x->nodes_unknown, 0));
    if (r->edges.n > 0) {
        buf_str(t->out, "\n");
        edges_text(t, r, false);
    }
}

static void show_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_object_of(j, "resource", &resource_info_desc, r->resources.v);
    json_array_of(j, "nodes", &node_info_desc, r->nodes);
    json_array_of(j, "resources", &resource_info_desc, r->resources);
    json_edges(j, r, true);
}

static const struct view show_view = { show_text, show_json };

static int show_handle(struct run *r)
{
    REQUEST(req, OP_RESOURCE_SHOW);
    struct muster_reply reply;
    int rc;

    REC_SET(&req, request, resource, r->arguments[0]);
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->resources.n == 0)
        rc = fail(r, "failed", NULL, "the coordinator answered without a resource");
    if (rc == 0) {
        const struct resource_info *x = reply.reply->resources.v;

        if (x->nodes_ok + x->nodes_degraded + x->nodes_lost + x->nodes_unknown > 0)
            rc = with_edges(r, NULL, x->id, &reply);
    }
    if (rc == 0 && reply.reply->resources.n == 0)
        rc = fail(r, "not-found", NULL, "%s has just gone", r->arguments[0]);
    if (rc == 0)
        rc = show(r, &show_view, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

const struct command resource_show_command = {
    .noun = "resource",
    .verb = "show",
    .arguments = "RESOURCE",
    .least = 1,
    .most = 1,
    .summary = "one resource and every node that sees it",
    .about = "RESOURCE is a label (storage-a, unproven:rack7-03/eth0), a key, an id, or the "
             "beginning of an id (4 digits or more).",
    .example = "muster resource show storage-a",
    .handle = show_handle,
};
