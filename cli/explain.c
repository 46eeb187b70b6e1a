/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/order.h"

#define INDENT     2
#define DEEPEST    12 /* what is deeper is not indented further */
#define MOST_NAMES 24 /* names or ranges of names in one row */
#define MOST_LEADS 8  /* resources that one port is said to lead to */
#define MOST_PORTS 12 /* that are named where none was found */
#define TOLD       -1 /* a failure has been printed */

struct asked {
    const struct reply *reply;
    const char *node, *resource;
};

static const char *label_of(const struct asked *a)
{
    const struct resource_info *x = a->reply->resources.v;

    return a->reply->resources.n > 0 && x->label != NULL ? x->label : a->resource;
}

static const char *name_of(const struct asked *a)
{
    const struct node_info *n = a->reply->nodes.v;

    return a->reply->nodes.n > 0 && n->name != NULL ? n->name : a->node;
}

/* What the paths of an edge are. */
static const char *paths_word(const struct asked *a)
{
    unsigned rank = a->reply->resources.n > 0 ? resource_rank(a->reply->resources.v) : RANK_OTHER;

    return rank == RESOURCE_VG || rank == RESOURCE_LV ? "PVs" : "paths";
}

static void verdict_text(struct text *t, const struct asked *a)
{
    const struct edge_info *e = a->reply->edges.v;

    if (a->reply->edges.n == 0)
        text_line(t, "%s does not see %s.", name_of(a), label_of(a));
    else
        text_line(t, "%s sees %s: %s, %" PRIu64 " of %" PRIu64 " %s.", name_of(a), label_of(a),
                  edge_state_name((enum edge_state)e->state), e->paths_active, e->paths_total,
                  paths_word(a));
}

/* What it is and how it is. A name that leaves no room for the state has lines of its own. */
static void link_head(struct text *t, const char *name, const char *state, size_t indent)
{
    size_t width = text_width(text_safe(t, name));

    buf_printf(t->out, "%*s", (int)indent, "");
    if (*state == '\0' || strcmp(state, "info") == 0) {
        text_wrap(t, name, indent, indent + INDENT, PAINT_BOLD);
    } else if (indent + width + 2 + text_width(state) <= t->columns) {
        text_paint(t, PAINT_BOLD, text_safe(t, name));
        buf_str(t->out, "  ");
        text_paint(t, paint_of_word(state), text_safe(t, state));
        buf_str(t->out, "\n");
    } else {
        text_wrap(t, name, indent, indent + INDENT, PAINT_BOLD);
        buf_printf(t->out, "%*s", (int)indent + INDENT, "");
        text_wrap(t, state, indent + INDENT, indent + INDENT, paint_of_word(state));
    }
}

/* One link of the chain: the fact, and what would mend it. */
static void link_text(struct text *t, const struct evidence *e, const char *name)
{
    size_t depth = e->depth < DEEPEST ? (size_t)e->depth : DEEPEST, indent = depth * INDENT;

    link_head(t, text_format(t, "%s %s", e->what != NULL ? e->what : "", name),
              e->state != NULL ? e->state : "", indent);
    indent += INDENT;
    if (e->text != NULL && e->text[0] != '\0') {
        buf_printf(t->out, "%*s", (int)indent, "");
        text_wrap(t, e->text, indent, indent, PAINT_NONE);
    }
    if (e->mend != NULL && e->mend[0] != '\0') {
        buf_printf(t->out, "%*s", (int)indent, "");
        text_wrap(t, text_format(t, "-> %s", e->mend), indent, indent + 3, PAINT_WARN);
    }
}

static void explain_text(struct text *t, const void *data)
{
    const struct asked *a = data;
    const struct evidence *chain = a->reply->evidence.v;

    verdict_text(t, a);
    for (size_t i = 0; i < a->reply->evidence.n; i++)
        link_text(t, &chain[i], chain[i].name != NULL ? chain[i].name : "");
}

static void explain_json(struct json *j, const void *data)
{
    const struct asked *a = data;
    const struct reply *r = a->reply;

    json_head(j, r);
    json_object_of(j, "node", &node_info_desc, r->nodes.n > 0 ? r->nodes.v : NULL);
    json_object_of(j, "resource", &resource_info_desc, r->resources.n > 0 ? r->resources.v : NULL);
    json_object_of(j, "edge", &edge_info_desc, r->edges.n > 0 ? r->edges.v : NULL);
    json_object_of(j, "reach", &reach_info_desc, r->reaches.n > 0 ? r->reaches.v : NULL);
    json_array_of(j, "evidence", &evidence_desc, r->evidence);
}

static const struct view explain_view = { explain_text, explain_json };

/* ---- a port in place of the resource that it leads to ---------------------------------------- */

/* What the ports of a node lead to. */
struct lead {
    const char *port;
    const char *ids[MOST_LEADS], *labels[MOST_LEADS]; /* of those that `port` leads to */
    size_t n;
    const char *ports; /* that lead anywhere, in a list */
    size_t told;       /* so many there are */
};

/* All of it in the run's arena. */
static void lead_add(struct run *r, struct lead *l, const char *port, const struct resource_info *x)
{
    if (strcmp(port, l->port) == 0 && l->n < MOST_LEADS) {
        l->ids[l->n] = arena_strdup(r->arena, x->id != NULL ? x->id : "");
        l->labels[l->n] = arena_strdup(r->arena, x->label != NULL ? x->label : "");
        l->n++;
    }
    if (l->told++ < MOST_PORTS)
        l->ports = arena_printf(r->arena, "%s%s%s", l->ports != NULL ? l->ports : "",
                                l->ports != NULL ? ", " : "", port);
}

static void lead_find(struct run *r, const char *node, struct lead *l)
{
    REQUEST(req, OP_SNAPSHOT);
    struct muster_reply reply;

    REC_SET(&req, request, nodes, ((struct strs){ &node, 1 }));
    if (muster_call(r->client, &req, &reply) == 0 && reply.reply->nodes.n == 1 &&
        reply_order(reply.reply) == 0) {
        const struct edge_info *e = reply.reply->edges.v;

        for (size_t i = 0; i < reply.reply->edges.n; i++) {
            for (size_t k = 0; k < e[i].ports.n; k++)
                lead_add(r, l, e[i].ports.v[k], resource_of(reply.reply, &e[i]));
        }
    }
    muster_reply_free(&reply);
}

static int explain_ask(struct run *r, struct asked *a, struct muster_reply *reply)
{
    REQUEST(req, OP_EXPLAIN);
    int rc;

    REC_SET(&req, request, node, a->node);
    REC_SET(&req, request, resource, a->resource);
    rc = muster_call(r->client, &req, reply);
    a->reply = reply->reply;
    return rc;
}

/* No resource is called so: is a port of the node? Then asks again; else says what there is. */
static int explain_port(struct run *r, struct asked *a, struct muster_reply *reply)
{
    struct lead l = { .port = a->resource };
    struct failure f = { .code = "not-found",
                         .text = arena_strdup(r->arena, muster_error(r->client)) };

    lead_find(r, a->node, &l);
    if (l.n == 1) {
        a->resource = l.ids[0];
        muster_reply_free(reply);
        return explain_ask(r, a, reply);
    }
    if (l.n > 1) {
        f.code = "ambiguous";
        f.text =
            arena_printf(r->arena, "port %s leads to %zu resources; name one of them", l.port, l.n);
        f.candidates = (struct strs){ l.labels, l.n };
    } else {
        f.hint = l.ports == NULL
                     ? "'muster node list' and 'muster resource list' show what there is."
                     : arena_printf(r->arena,
                                    "'muster resource list' shows the resources; ports of %s that "
                                    "lead to one: %s%s.",
                                    a->node, l.ports, l.told > MOST_PORTS ? ", ..." : "");
    }
    fail_with(r, &f);
    return TOLD;
}

static int explain_handle(struct run *r)
{
    struct asked a = { .node = r->arguments[0], .resource = r->arguments[1] };
    struct muster_reply reply = { NULL, NULL };
    int rc = ask_connect(r);

    if (rc != 0)
        return rc;
    rc = explain_ask(r, &a, &reply);
    if (rc == MUSTER_E_REPLY && reply.reply->code == REPLY_NOT_FOUND)
        rc = explain_port(r, &a, &reply);
    if (rc == TOLD)
        rc = EXIT_FAILED;
    else if (rc != 0)
        rc = ask_failed(r, rc, reply.reply);
    else
        rc = show(r, &explain_view, &a);
    muster_reply_free(&reply);
    return rc;
}

const struct command explain_command = {
    .noun = "explain",
    .arguments = "NODE RESOURCE",
    .least = 2,
    .most = 2,
    .summary = "why a node sees, half-sees or does not see a resource",
    .about =
        "Shows the whole chain of evidence, from the resource down to the hardware. Of a network: "
        "port, VLAN, bond, NIC, what the switch says (LLDP). Of storage: filesystem, logical "
        "volume, volume group, PVs, partitions, LUNs, paths, ports (HBAs), and who uses it on "
        "which node. For each broken link it says since when, what there was before, and what "
        "would mend it (->); of what the node has never seen, which link it lacks. In place of "
        "the resource the name of one of the node's ports or devices will do (eth0, mpatha).",
    .example = "muster explain rack7-03 storage-a\n"
               "muster explain rack7-03 guests/data            # a logical volume: VG/LV\n"
               "muster explain rack7-03 eth0                   # whatever port eth0 leads to\n"
               "muster explain rack7-03 unproven:rack7-03/eth0",
    .handle = explain_handle,
};

/* ---- impact --------------------------------------------------------------------------------- */

static int same_text(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int by_fact(const void *a, const void *b)
{
    const struct evidence *x = *(const struct evidence *const *)a;
    const struct evidence *y = *(const struct evidence *const *)b;
    int d = same_text(x->what, y->what);

    if (d == 0)
        d = same_text(x->state, y->state);
    if (d == 0)
        d = same_text(x->text, y->text);
    return d != 0 ? d : natural_compare(x->name, y->name);
}

static bool same_fact(const struct evidence *x, const struct evidence *y)
{
    return same_text(x->what, y->what) == 0 && same_text(x->state, y->state) == 0 &&
           same_text(x->text, y->text) == 0;
}

/* What depends on it: one row for all of which the same is true. */
static void dependents_text(struct text *t, const struct evidence **v, size_t n)
{
    static const struct column columns[] = { { "STATE", 0 },
                                             { "WHAT DEPENDS ON IT", COLUMN_WRAP } };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    const char **names = arena_array(t->arena, n, sizeof *names);

    if (names == NULL) {
        t->failed = true;
        return;
    }
    qsort(v, n, sizeof *v, by_fact);
    for (size_t i = 0, alike; i < n; i += alike) {
        bool state = v[i]->state != NULL && strcmp(v[i]->state, "info") != 0;

        alike = 1;
        while (i + alike < n && same_fact(v[i], v[i + alike]))
            alike++;
        for (size_t k = 0; k < alike; k++)
            names[k] = v[i + k]->name;
        table_cell(b, state ? v[i]->state : "-", paint_of_word(v[i]->state));
        table_cell(b,
                   text_format(t, "%s %s: %s", v[i]->what != NULL ? v[i]->what : "",
                               name_ranges(t, names, alike, MOST_NAMES),
                               v[i]->text != NULL ? v[i]->text : ""),
                   PAINT_NONE);
    }
    table_print(b);
}

/* Things that hang on each other: as a tree, siblings of which the same is true in one line. */
static void dependents_tree(struct text *t, const struct evidence **v, size_t n)
{
    const char **names = arena_array(t->arena, n, sizeof *names);

    if (names == NULL) {
        t->failed = true;
        return;
    }
    for (size_t i = 0, alike; i < n; i += alike) {
        for (alike = 0;
             i + alike < n && v[i + alike]->depth == v[i]->depth && same_fact(v[i], v[i + alike]) &&
             same_text(v[i]->mend, v[i + alike]->mend) == 0;
             alike++)
            names[alike] = v[i + alike]->name;
        link_text(t, v[i], name_ranges(t, names, alike, MOST_NAMES));
    }
}

static void impact_text(struct text *t, const void *data)
{
    const struct asked *a = data;
    const struct evidence *chain = a->reply->evidence.v;
    const struct evidence **v = arena_array(t->arena, a->reply->evidence.n, sizeof *v);
    bool deep = false;
    size_t n = 0;

    if (v == NULL) {
        t->failed = true;
        return;
    }
    text_paint(t, PAINT_BOLD, text_safe(t, a->node != NULL ? name_of(a) : label_of(a)));
    buf_str(t->out, "\n");
    for (size_t i = 0; i < a->reply->evidence.n; i++) {
        deep = deep || chain[i].depth > 1;
        if (chain[i].depth > 0)
            v[n++] = &chain[i];
        else if (chain[i].text != NULL)
            text_line(t, "%s", chain[i].text);
    }
    if (n == 0) {
        text_line(t, "Nothing depends on it.");
        return;
    }
    if (!deep)
        buf_str(t->out, "\n");
    (deep ? dependents_tree : dependents_text)(t, v, n);
}

static void impact_json(struct json *j, const void *data)
{
    const struct asked *a = data;
    const struct reply *r = a->reply;

    json_head(j, r);
    json_array_of(j, "nodes", &node_info_desc, r->nodes);
    json_array_of(j, "resources", &resource_info_desc, r->resources);
    json_edges(j, r, true);
    json_array_of(j, "evidence", &evidence_desc, r->evidence);
    json_array_of(j, "dependents", &dependent_desc, r->dependents);
}

static const struct view impact_view = { impact_text, impact_json };

static int impact_handle(struct run *r)
{
    REQUEST(req, OP_IMPACT);
    struct asked a = { .node = option_value(r, "node") };
    struct muster_reply reply;
    int rc;

    if ((a.node == NULL) == (r->argument_count == 0))
        return fail(r, "usage", "For example: muster impact storage-a",
                    "name one thing: a RESOURCE, or a node with --node N");
    if (a.node != NULL) {
        REC_SET(&req, request, node, a.node);
    } else {
        a.resource = r->arguments[0];
        REC_SET(&req, request, resource, a.resource);
    }
    rc = ask(r, &req, &reply);
    a.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &impact_view, &a);
    muster_reply_free(&reply);
    return rc;
}

static const struct option impact_options[] = {
    { 0, "node", "N", false, "what depends on this node" },
    { 0 },
};

const struct command impact_command = {
    .noun = "impact",
    .arguments = "RESOURCE|--node N",
    .least = 0,
    .most = 1,
    .summary = "what depends on a resource or a node",
    .about =
        "Shows what would be touched if the resource or the node were taken away: what lies on "
        "it (volume groups, logical volumes, filesystems) and who uses that, which nodes see "
        "it, and how well they do now.",
    .example = "muster impact storage-a\n"
               "muster impact naa.600a098038304437415d4b6a59676d33\n"
               "muster impact --node rack7-03",
    .options = impact_options,
    .handle = impact_handle,
};
