/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where something can run: the nodes that can have all that it needs, in order, and what is against
 * the others. */
#include "nouns.h"

#include <inttypes.h>

#include "base/limits.h"

enum { LISTED = 20 }; /* nodes of either kind, unless all are asked for */

static const char *node_name(const struct reply *r, const struct place_node *p)
{
    const struct node_info *n = r->nodes.v;

    return p->node < r->nodes.n && n[p->node].name != NULL ? n[p->node].name : "?";
}

/* What the reason is about: the node itself, or a needed resource. */
static const char *subject(struct text *t, const struct reply *r, const struct place_reason *x)
{
    const struct resource_info *v = r->resources.v;

    if (!REC_HAS(x, place_reason, resource))
        return "the node";
    return x->resource < r->resources.n ? resource_shown(t, r, &v[x->resource]) : "?";
}

/* ---- the eligible --------------------------------------------------------------------------- */

static const char *degraded_text(struct text *t, const struct reply *r, const struct place_node *p)
{
    const struct place_reason *v = p->reasons.v;
    const char *all = NULL;

    for (size_t i = 0; i < p->reasons.n; i++)
        all = text_format(t, "%s%s%s", all != NULL ? all : "", all != NULL ? " " : "",
                          v[i].text != NULL ? v[i].text : subject(t, r, &v[i]));
    return all;
}

static void order_text(struct text *t, const struct placement *sum)
{
    const char *all = "";

    for (size_t i = 0; i < sum->order.n; i++)
        all = text_format(t, "%s%s%zu. %s", all, i > 0 ? ", " : "", i + 1, sum->order.v[i]);
    if (sum->order.n > 0)
        text_line(t, "Ranked by %s.", all);
}

/* Of all that are (not) eligible, which `what` says, so many are listed. */
static void more_text(struct text *t, uint64_t all, size_t listed, const char *what)
{
    if (all > listed)
        text_line(t, "%s %s; --all lists all.", counted(t, all - listed, "more node", "more nodes"),
                  what);
}

static size_t eligible_text(struct text *t, const struct reply *r)
{
    static const struct column columns[] = {
        { "RANK", COLUMN_RIGHT },
        { "NODE", COLUMN_CUT },
        { "UNDER WAY", COLUMN_RIGHT },
        { "DEGRADED", COLUMN_WRAP },
    };
    const struct place_node *v = r->place_nodes.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    size_t n = 0;

    while (n < r->place_nodes.n && REC_HAS(&v[n], place_node, rank)) {
        table_cellf(b, PAINT_NONE, "%" PRIu64, v[n].rank);
        table_cell(b, node_name(r, &v[n]), PAINT_GOOD);
        table_cellf(b, PAINT_NONE, "%" PRIu64, v[n].under_way);
        table_cell(b, degraded_text(t, r, &v[n]), PAINT_WARN);
        n++;
    }
    if (n == 0)
        return 0;
    text_line(t,
              "%s:", counted(t, r->placement->eligible, "node is eligible", "nodes are eligible"));
    table_print(b);
    more_text(t, r->placement->eligible, n, "can have all of it");
    order_text(t, r->placement);
    return n;
}

/* ---- the others ----------------------------------------------------------------------------- */

static void reason_text(struct text *t, const struct reply *r, const struct place_reason *x)
{
    buf_str(t->out, "  ");
    text_paint(t, PAINT_NONE, text_safe(t, subject(t, r, x)));
    buf_str(t->out, "  ");
    text_paint(t, paint_of_word(x->state), text_safe(t, x->state));
    buf_str(t->out, "\n");
    if (x->text != NULL) {
        buf_str(t->out, "    ");
        text_wrap(t, x->text, 4, 4, PAINT_NONE);
    }
    if (x->mend != NULL) {
        buf_str(t->out, "    ");
        text_wrap(t, text_format(t, "-> %s", x->mend), 4, 7, PAINT_WARN);
    }
}

static void others_text(struct text *t, const struct reply *r, size_t from)
{
    const struct place_node *v = r->place_nodes.v;

    if (r->placement->not_eligible == 0)
        return;
    if (from > 0)
        buf_str(t->out, "\n");
    text_line(
        t, "%s:",
        counted(t, r->placement->not_eligible, "node is not eligible", "nodes are not eligible"));
    for (size_t i = from; i < r->place_nodes.n; i++) {
        const struct place_reason *reasons = v[i].reasons.v;

        text_paint(t, PAINT_BOLD, text_safe(t, node_name(r, &v[i])));
        buf_str(t->out, "\n");
        for (size_t k = 0; k < v[i].reasons.n; k++)
            reason_text(t, r, &reasons[k]);
    }
    more_text(t, r->placement->not_eligible, r->place_nodes.n - from, "cannot");
}

static void place_text(struct text *t, const void *data)
{
    const struct reply *r = data;

    others_text(t, r, eligible_text(t, r));
}

static void place_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_members(j, &placement_desc, r->placement);
    json_array_of(j, "resources", &resource_info_desc, r->resources);
    json_array_of(j, "nodes", &node_info_desc, r->nodes);
    json_array_of(j, "places", &place_node_desc, r->place_nodes);
}

/* ---- the command ---------------------------------------------------------------------------- */

/* Whom it was asked of, none of whom is eligible. */
static int none(struct run *r, uint64_t asked)
{
    if (asked == 0)
        return fail(r, "refused", NULL, "there is no node");
    return asked == 1 ? fail(r, "refused", NULL, "the node is not eligible")
                      : fail(r, "refused", NULL, "none of %" PRIu64 " nodes is eligible", asked);
}

static int place_handle(struct run *r)
{
    static const struct view view = { place_text, place_json };
    struct strs needs = option_values(r, "need"), nodes = option_values(r, "node");
    REQUEST(req, OP_PLACE);
    struct muster_reply reply;
    int rc;

    if (needs.n == 0 || needs.n > LIMIT_NEEDS)
        return fail(r, "usage", "For example: muster place --need storage-a",
                    "name 1 to %u resources that are needed: --need RESOURCE", LIMIT_NEEDS);
    REC_SET(&req, request, resources, needs);
    if (nodes.n > 0)
        REC_SET(&req, request, nodes, nodes);
    else if (!option_given(r, "all"))
        REC_SET(&req, request, limit, LISTED);
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->placement == NULL)
        rc = fail(r, "failed", NULL, "the coordinator answered without a placement");
    else if (rc == 0)
        rc = show(r, &view, reply.reply);
    if (rc == 0 && reply.reply->placement->eligible == 0)
        rc = none(r, reply.reply->placement->not_eligible);
    muster_reply_free(&reply);
    return rc;
}

static const struct option options[] = {
    { 0, "need", "RESOURCE", true, "a network, LUN, VG, LV, filesystem or image that is needed" },
    { 0, "node", "NODE", true, "only of this node, whatever is the case with others" },
    { 0, "all", NULL, false, "all nodes, and not the first 20 of each kind" },
    { 0 },
};

const struct command place_command = {
    .noun = "place",
    .needs = "--need RESOURCE",
    .summary = "where something can run, and why not elsewhere",
    .about =
        "Eligible is a node that is up, approved and not draining, and that sees each of the "
        "resources now, in full or in part (DEGRADED). What is unknown counts as not there. An LV "
        "that another node has active, a filesystem that another node has a hold of or uses, and a "
        "volume group whose newest metadata the node has not read yet, are in the way; so is "
        "whoever may have such a right and has not told.\n"
        "The best comes first. Of each node that is not eligible, those first that least is "
        "against, all reasons are told, each with what would mend it (->). Ends with 1 when no "
        "node is eligible.",
    .example = "muster place --need storage-a --need guests/vm7-root\n"
               "muster place --need images --node rack7-03 --node rack7-04\n"
               "muster --json place --all --need naa.600a098038304437415d4b6a59676d33",
    .exits = "0 a node is eligible; 1 none is, or it failed; 2 usage, 3 coordinator not "
             "reachable.",
    .options = options,
    .handle = place_handle,
};
