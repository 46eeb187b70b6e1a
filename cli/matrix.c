/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who sees what, kind by kind: a grid where it fits, one line an edge for what was asked for by
 * name, and a summary for a fleet. */
#include "matrix.h"

#include <inttypes.h>

/* Edges that are shown one by one without having been asked for by name. */
#define LONGEST_GRID     400
#define LONGEST_LIST     40
#define LONGEST_UNPROVEN 24
#define LEAST_COLUMN     4  /* of a grid, with the gap */
#define MOST_OF_KIND     12 /* resources of one kind of storage */

/* Is it asked for this kind? */
static bool matrix_asks(const struct matrix *m, enum resource_kind kind)
{
    return m->kind == NULL || resource_kind_by_name(m->kind) == (int)kind;
}

/* ---- head ----------------------------------------------------------------------------------- */

static const char *states_text(struct text *t, const struct node_info *nodes, size_t n)
{
    static const char *const states[] = { "up",      "suspect",     "down", "never",
                                          "pending", "quarantined", "dead" };
    const char *s = "";

    for (size_t k = 0; n > 0 && k < ARRAY_LEN(states); k++) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
            count += nodes[i].state != NULL && strcmp(nodes[i].state, states[k]) == 0;
        if (count == n)
            return states[k];
        if (count > 0)
            s = text_format(t, "%s%s%zu %s", s, *s != '\0' ? ", " : "", count, states[k]);
    }
    return s;
}

/* How many nodes, and resources of each kind. */
static void head_text(struct text *t, const struct matrix *m, const struct ranks *k)
{
    static const unsigned order[] = { RESOURCE_NETWORK, RANK_PORT,   RESOURCE_LUN,
                                      RESOURCE_VG,      RESOURCE_LV, RESOURCE_FILESYSTEM,
                                      RANK_OTHER };
    const struct reply *r = m->reply;
    const char *list = "";

    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        bool network = order[i] == RESOURCE_NETWORK || order[i] == RANK_PORT;

        if (k->of[order[i]].n > 0 || (network && matrix_asks(m, RESOURCE_NETWORK)))
            list = text_format(t, "%s, %s", list, rank_counted(t, order[i], k->of[order[i]].n));
    }
    text_line(t, "%s%s%s%s%s; generation %" PRIu64, counted(t, r->nodes.n, "node", "nodes"),
              r->nodes.n > 0 ? " (" : "", states_text(t, r->nodes.v, r->nodes.n),
              r->nodes.n > 0 ? ")" : "", list, r->generation);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void rank_text(struct text *t, const struct matrix *m, unsigned rank, size_t edges)
{
    const struct reply *r = m->reply;
    struct table *grid = NULL;

    if (r->nodes.n > 1 && r->nodes.n < t->columns / LEAST_COLUMN && edges <= LONGEST_GRID)
        grid = matrix_grid(t, r, rank);
    buf_str(t->out, "\n");
    if (grid != NULL && table_fits(grid))
        table_print(grid);
    else if (m->chosen || edges <= LONGEST_LIST)
        matrix_list(t, r, rank);
    else
        matrix_sum(t, r, rank);
}

static void ports_part(struct text *t, const struct matrix *m, size_t edges)
{
    buf_str(t->out, "\n");
    if (m->chosen || edges <= LONGEST_UNPROVEN)
        matrix_list(t, m->reply, RANK_PORT);
    else
        matrix_sum_unproven(t, m->reply);
}

/* The kinds of storage of which there are too many to be shown without having been asked for: a bit
 * for each. */
static unsigned summed_kinds(const struct matrix *m, const struct ranks *k)
{
    unsigned ranks = 0;

    for (unsigned i = RESOURCE_NETWORK + 1; i <= RANK_OTHER; i++) {
        if (k->of[i].edges > 0 && !m->chosen && m->kind == NULL &&
            (k->of[i].n > MOST_OF_KIND || k->of[i].edges > LONGEST_LIST))
            ranks |= 1U << i;
    }
    return ranks;
}

static void body_text(struct text *t, const struct matrix *m, const struct ranks *k)
{
    unsigned summed = summed_kinds(m, k);

    for (unsigned i = 0; i <= RANK_OTHER; i++) {
        if (k->of[i].edges > 0 && !(summed >> i & 1))
            rank_text(t, m, i, k->of[i].edges);
    }
    if (summed != 0) {
        buf_str(t->out, "\n");
        matrix_sum_kinds(t, m->reply, summed);
    }
    if (k->of[RANK_PORT].edges > 0)
        ports_part(t, m, k->of[RANK_PORT].edges);
}

/* The first edge that is not ok, of the first kind that has one; NULL: all are. */
static const struct edge_info *first_bad(const struct reply *r)
{
    const struct edge_info *e = r->edges.v, *bad = NULL;

    for (size_t i = 0; i < r->edges.n; i++) {
        if (e[i].state != EDGE_OK && (bad == NULL || resource_rank(resource_of(r, &e[i])) <
                                                         resource_rank(resource_of(r, bad))))
            bad = &e[i];
    }
    return bad;
}

/* What to ask next: complete commands, about one that is there. */
static void hints_text(struct text *t, const struct matrix *m, const struct ranks *k)
{
    const struct reply *r = m->reply;
    const struct edge_info *bad = first_bad(r);
    const char *node = node_of(r, bad != NULL ? bad : r->edges.v)->name;
    unsigned kinds = summed_kinds(m, k), first = 0;
    bool undeclared = !m->chosen && k->of[RESOURCE_NETWORK].n == 0 && k->of[RANK_PORT].n > 0;
    bool summed = !m->chosen && (k->of[RANK_PORT].edges > LONGEST_UNPROVEN ||
                                 k->of[RESOURCE_NETWORK].edges > LONGEST_LIST || kinds != 0);

    if (bad != NULL || summed || undeclared)
        buf_str(t->out, "\n");
    while (kinds >> first > 1)
        first++;
    if (kinds != 0 && first < RANK_OTHER)
        text_line(t, "One kind by name: muster matrix --kind %s",
                  resource_kind_name((enum resource_kind)first));
    if (summed)
        text_line(t, "All about one node: muster matrix --node %s", typed(t, node));
    if (bad != NULL)
        text_line(t, "Why it is so: muster explain %s %s", typed(t, node),
                  typed(t, resource_word(r, resource_of(r, bad))));
    if (undeclared)
        text_line(t,
                  "No port is in a declared network; 'muster network define --help' tells how to "
                  "say which ports are one.");
}

/* Resources that were asked for by name and that nobody sees. */
static void unseen_text(struct text *t, const struct matrix *m, const char *before)
{
    const struct reply *r = m->reply;
    const struct resource_info *x = r->resources.v;
    const struct node_info *n = r->nodes.v;
    const struct edge_info *e = r->edges.v;

    for (size_t i = 0; i < r->resources.n; i++) {
        bool seen = false;

        for (size_t k = 0; k < r->edges.n; k++)
            seen = seen || e[k].resource == i;
        if (seen)
            continue;
        buf_str(t->out, before);
        before = "";
        if (!m->nodes)
            text_line(t, "No node sees %s.", x[i].label);
        else if (r->nodes.n == 1)
            text_line(t, "%s does not see %s. Why: muster explain %s %s", n->name, x[i].label,
                      typed(t, n->name), typed(t, x[i].label));
        else
            text_line(t, "None of these nodes sees %s.", x[i].label);
    }
}

/* There is no edge to show: why. */
static void nothing_text(struct text *t, const struct matrix *m)
{
    const struct reply *r = m->reply;

    if (m->resources && r->resources.n > 0) {
        unseen_text(t, m, "");
    } else if (m->chosen) {
        text_line(t, "%s no resource.", r->nodes.n == 1 ? "This node sees" : "These nodes see");
    } else if (r->nodes.n == 0) {
        text_line(t,
                  "There are no nodes yet. 'muster token create' makes a token that admits one.");
    } else {
        text_line(t, "No node has reported a %s yet.", m->kind != NULL ? m->kind : "network");
    }
}

static void matrix_text(struct text *t, const void *data)
{
    const struct matrix *m = data;
    struct ranks k = ranks_of(m->reply);

    if (m->reply->edges.n > 0 || !m->resources)
        head_text(t, m, &k);
    if (m->reply->edges.n == 0) {
        nothing_text(t, m);
        return;
    }
    body_text(t, m, &k);
    if (m->resources)
        unseen_text(t, m, "\n");
    hints_text(t, m, &k);
}

static void matrix_json(struct json *j, const void *data)
{
    const struct matrix *m = data;
    const struct reply *r = m->reply;
    const struct node_info *n = r->nodes.v;
    const struct resource_info *x = r->resources.v;

    json_int(j, "generation", (int64_t)r->generation);
    json_array(j, "nodes");
    for (size_t i = 0; i < r->nodes.n; i++) {
        json_object(j, NULL);
        json_str(j, "id", n[i].id);
        json_str(j, "name", n[i].name);
        json_str(j, "state", n[i].state);
        json_end_object(j);
    }
    json_end_array(j);
    json_array(j, "resources");
    for (size_t i = 0; i < r->resources.n; i++) {
        json_object(j, NULL);
        json_str(j, "id", x[i].id);
        json_str(j, "kind", x[i].kind);
        json_str(j, "key", x[i].key);
        json_str(j, "label", x[i].label);
        json_end_object(j);
    }
    json_end_array(j);
    json_edges(j, r, false);
}

/* ---- the command ---------------------------------------------------------------------------- */

static int handle(struct run *r)
{
    static const struct view view = { matrix_text, matrix_json };
    REQUEST(req, OP_SNAPSHOT);
    struct strs nodes = option_values(r, "node"), resources = option_values(r, "resource");
    struct matrix m = { .chosen = nodes.n + resources.n > 0,
                        .nodes = nodes.n > 0,
                        .resources = resources.n > 0 };
    struct muster_reply reply;
    const char *kind;
    int rc = kind_checked(r, &kind);

    if (rc != 0)
        return rc;
    m.kind = kind;
    if (kind != NULL)
        REC_SET(&req, request, kind, kind);
    if (nodes.n > 0)
        REC_SET(&req, request, nodes, nodes);
    if (resources.n > 0)
        REC_SET(&req, request, resources, resources);
    rc = ask(r, &req, &reply);
    m.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &view, &m);
    muster_reply_free(&reply);
    return rc;
}

static const struct option options[] = {
    { 0, "kind", "KIND", false, "only this kind: network, lun, vg, lv, filesystem or image" },
    { 0, "node", "NODE", true, "only what this node sees" },
    { 0, "resource", "RESOURCE", true, "only who sees this resource" },
    { 0 },
};

const struct command matrix_command = {
    .noun = "matrix",
    .summary = "which node sees which resource, and how well",
    .about =
        "Shows for each declared network and for storage how every node sees it: ok (2/2: paths in "
        "use of paths there are), degraded (some are lost), lost (all are), unknown (the node or "
        "its facts are silent: not lost, not known), stuck (the device or the node's worker does "
        "not answer), quarantined (the node found something else there when it looked, and is not "
        "believed), - (the node does not see it). The paths of a volume group are its PVs, those "
        "of a logical volume the PVs under it, those of a filesystem the paths of the LUN with the "
        "fewest below it, those of an image its filesystem's.\n"
        "Ports that no declared network matches are unproven, and each is a resource of its own. "
        "A fleet is summed up: counts, and by name only what is not ok. So is each kind of storage "
        "with more than 12 resources, unless it is asked for with --kind.\n"
        "AGE is how long ago the node confirmed the fact.",
    .example = "muster matrix\n"
               "muster matrix --kind lun                       # every LUN, and its paths\n"
               "muster matrix --kind filesystem --node rack7-03\n"
               "muster matrix --resource storage-a --resource mgmt",
    .options = options,
    .handle = handle,
};
