/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "images.h"

#include <inttypes.h>

/* Unproven ports that are listed without having been asked for. */
#define FEW_UNPROVEN 24

struct list {
    const struct reply *reply;
    bool all; /* unproven ports one by one, however many */
};

static void list_row(struct text *t, struct table *b, const struct reply *r,
                     const struct resource_info *x, bool quarantined)
{
    const uint64_t counts[] = { x->nodes_ok, x->nodes_degraded, x->nodes_lost, x->nodes_unknown };
    static const enum edge_state states[] = { EDGE_OK, EDGE_DEGRADED, EDGE_LOST, EDGE_UNKNOWN };

    bool network = resource_rank(x) == RESOURCE_NETWORK || resource_rank(x) == RANK_PORT;

    table_cell(b, resource_shown(t, r, x), PAINT_NONE);
    table_cell(b, x->kind, PAINT_NONE);
    table_cell(b,
               x->vlan > 0 ? text_format(t, "%" PRIu64, x->vlan)
               : network   ? "-"
                           : "",
               PAINT_NONE);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        table_cell(b, counts[i] > 0 ? text_format(t, "%" PRIu64, counts[i]) : "-",
                   counts[i] > 0 ? paint_of_word(edge_state_name(states[i])) : PAINT_DIM);
    table_cell(b, x->doubts.n > 0 ? text_format(t, "%zu", x->doubts.n) : "", PAINT_WARN);
    if (quarantined)
        table_cell(
            b, x->nodes_quarantined > 0 ? text_format(t, "%" PRIu64, x->nodes_quarantined) : "-",
            x->nodes_quarantined > 0 ? PAINT_BAD : PAINT_DIM);
}

/* "2 declared networks, 3 LUNs" */
static const char *kinds_text(struct text *t, const struct ranks *k)
{
    const char *s = "";

    for (unsigned i = 0; i < RANKS; i++) {
        if (k->of[i].n > 0)
            s = text_format(t, "%s%s%s", s, *s != '\0' ? ", " : ": ",
                            rank_counted(t, i, k->of[i].n));
    }
    return s;
}

static bool some_quarantined(const struct resource_info *x, size_t n)
{
    size_t i = 0;

    while (i < n && x[i].nodes_quarantined == 0)
        i++;
    return i < n;
}

/* The unproven ports come last. */
static void list_text(struct text *t, const void *data)
{
    static const struct column columns[] = {
        { "RESOURCE", COLUMN_CUT }, { "KIND", 0 },
        { "VLAN", COLUMN_RIGHT },   { "OK", COLUMN_RIGHT },
        { "DEGR", COLUMN_RIGHT },   { "LOST", COLUMN_RIGHT },
        { "UNKN", COLUMN_RIGHT },   { "DOUBTS", COLUMN_RIGHT },
        { "QUAR", COLUMN_RIGHT }, /* where there is one */
    };
    const struct list *l = data;
    const struct resource_info *x = l->reply->resources.v;
    size_t n = l->reply->resources.n;
    bool quarantined = some_quarantined(x, n);
    struct table *b = table_new(t, columns, ARRAY_LEN(columns) - !quarantined);
    struct ranks k = ranks_of(l->reply);
    size_t shown = l->all || k.of[RANK_PORT].n <= FEW_UNPROVEN ? n : n - k.of[RANK_PORT].n;

    for (size_t i = 0; i < shown; i++)
        list_row(t, b, l->reply, &x[i], quarantined);
    table_print(b);
    text_line(t, "%s%s%s", counted(t, n, "resource", "resources"), kinds_text(t, &k),
              shown < n ? "; --unproven lists the ports too" : "");
}

static void list_json(struct json *j, const void *data)
{
    const struct list *l = data;

    json_head(j, l->reply);
    json_array_of(j, "resources", &resource_info_desc, l->reply->resources);
}

static const struct view list_view = { list_text, list_json };

static int list_handle(struct run *r)
{
    REQUEST(req, OP_RESOURCE_LIST);
    struct list l = { .all = option_given(r, "unproven") };
    struct muster_reply reply;
    const char *kind;
    int rc = kind_checked(r, &kind);

    if (rc != 0)
        return rc;
    if (kind != NULL && strcmp(kind, "image") == 0)
        return images_list(r);
    if (kind != NULL)
        REC_SET(&req, request, kind, kind);
    rc = ask(r, &req, &reply);
    l.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &list_view, &l);
    muster_reply_free(&reply);
    return rc;
}

static const struct option list_options[] = {
    { 0, "kind", "KIND", false, "only this kind: network, lun, vg, lv, filesystem or image" },
    { 0, "unproven", NULL, false, "unproven ports one by one, however many there are" },
    { 0 },
};

const struct command resource_list_command = {
    .noun = "resource",
    .verb = "list",
    .summary = "all resources and how many nodes see each",
    .about =
        "One line for each resource: how many nodes see it in full (ok), in part (degr), no "
        "longer (lost), and of how many it is not known just now (unkn). DOUBTS counts what is "
        "wrong with its identity: 'muster resource show' tells it. Many unproven ports are "
        "only counted; with --json all are there.\n"
        "Images are listed with their format, the size that the guest sees, what the file takes, "
        "and the file that they stand on.",
    .example = "muster resource list\n"
               "muster resource list --kind filesystem\n"
               "muster resource list --kind image",
    .options = list_options,
    .handle = list_handle,
};

/* ---- show ----------------------------------------------------------------------------------- */

void doubts_text(struct text *t, const struct resource_info *x)
{
    for (size_t i = 0; i < x->doubts.n; i++) {
        text_paint(t, PAINT_WARN, "doubt");
        buf_str(t->out, "         ");
        text_wrap(t, x->doubts.v[i], 14, 14, PAINT_WARN);
    }
}

struct shown {
    struct reply *reply;
    struct images own, all;         /* of an image: itself; all of its filesystem */
    const struct image_info *image; /* NULL: it is none */
    struct chain chain;
};

static void show_text(struct text *t, const void *data)
{
    const struct shown *w = data;
    const struct reply *r = w->reply;
    const struct resource_info *x = r->resources.v;
    unsigned rank = resource_rank(x);

    text_paint(t, PAINT_BOLD, text_safe(t, x->label));
    buf_str(t->out, "\n");
    text_pair(t, "kind", "%s%s", x->kind != NULL ? x->kind : "?",
              rank == RESOURCE_NETWORK ? ", declared"
              : rank == RANK_PORT      ? ", unproven"
                                       : "");
    text_pair(t, "id", "%s", x->id != NULL ? x->id : "?");
    if (x->key != NULL)
        text_pair(t, "key", "%s", x->key);
    if (x->vlan > 0)
        text_pair(t, "vlan", "%" PRIu64, x->vlan);
    if (w->image != NULL)
        image_text(t, w->image, &w->chain);
    if (rank == RESOURCE_FILESYSTEM)
        admitted_text(t, x);
    text_pair(t, "seen by", "%s",
              edge_counts(t, x->nodes_ok, x->nodes_degraded, x->nodes_lost, x->nodes_unknown, 0,
                          x->nodes_quarantined));
    if (x->conflict_class != NULL)
        text_pair(t, "copies", "conflict class %s: what is forbidden on one is on all",
                  x->conflict_class);
    doubts_text(t, x);
    edges_text(t, r, false);
}

static void show_json(struct json *j, const void *data)
{
    const struct shown *w = data;
    const struct reply *r = w->reply;

    json_head(j, r);
    json_object_of(j, "resource", &resource_info_desc, r->resources.v);
    json_array_of(j, "nodes", &node_info_desc, r->nodes);
    json_array_of(j, "resources", &resource_info_desc, r->resources);
    json_edges(j, r, true);
    image_json(j, "image", w->image);
    chain_json(j, "chain", &w->chain);
}

static const struct view show_view = { show_text, show_json };

/* What scans have found of the image, and of those that it may stand on. 0 or an exit code. */
static int with_image(struct run *r, const struct resource_info *x, struct shown *w)
{
    int rc = images_fetch(r, (struct strs){ &x->id, 1 }, &w->own);
    const struct image_info *top = rc == 0 && w->own.n > 0 ? w->own.v[0] : NULL;

    if (top == NULL || top->image == NULL)
        return rc;
    w->image = top;
    if (top->image->backing_path != NULL && top->filesystem != NULL)
        rc = images_fetch(r, (struct strs){ &top->filesystem, 1 }, &w->all);
    if (rc == 0)
        chain_of(&w->all, top, &w->chain);
    return rc;
}

static int show_handle(struct run *r)
{
    REQUEST(req, OP_RESOURCE_SHOW);
    struct shown w = { .image = NULL };
    struct muster_reply reply;
    int rc;

    REC_SET(&req, request, resource, r->arguments[0]);
    rc = ask(r, &req, &reply);
    w.reply = reply.reply;
    if (rc == 0 && reply.reply->resources.n == 0)
        rc = fail(r, "failed", NULL, "the coordinator answered without a resource");
    if (rc == 0) {
        const struct resource_info *x = reply.reply->resources.v;

        if (resource_rank(x) == RESOURCE_IMAGE)
            rc = with_image(r, x, &w);
        if (rc == 0 && x->nodes_ok + x->nodes_degraded + x->nodes_lost + x->nodes_unknown +
                               x->nodes_quarantined >
                           0)
            rc = with_edges(r, NULL, x->id, &reply);
    }
    if (rc == 0 && reply.reply->resources.n == 0)
        rc = fail(r, "not-found", NULL, "%s has just gone", r->arguments[0]);
    if (rc == 0)
        rc = show(r, &show_view, &w);
    images_free(&w.own);
    images_free(&w.all);
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
    .about =
        "RESOURCE is a label (storage-a, unproven:rack7-03/eth0, VG, VG/LV, a filesystem's "
        "label or UUID, an image's FILESYSTEM:/PATH), a key (naa.6001405..., UUID@CONTAINER), an "
        "id, or the beginning of an id (4 digits or more). Where several have one label, their keys "
        "are listed.\n"
        "A doubt is a sentence about what is wrong with its identity: another filesystem with "
        "the same UUID, nodes that contradict each other about its size. Copies share a "
        "conflict class. Of an image its format, sizes and backing files are told, and which of "
        "those are missing.",
    .example = "muster resource show storage-a\n"
               "muster resource show guests/data\n"
               "muster resource show data:/guests/web-01.qcow2\n"
               "muster resource show naa.600a098038304437415d4b6a59676d33",
    .handle = show_handle,
};
