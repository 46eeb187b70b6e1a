/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filesystems, and who has what they lie in mounted or open. */
#include "scan.h"

#include <inttypes.h>

#include "base/text.h"

#define MOST_NAMES      8   /* names or ranges of names in one line */
#define MOST_DOUBTS     20  /* below the table */
#define WIDE            120 /* columns of a line in which no name is cut */
#define SHORT_NAME      18
#define SHORT_TYPE      8
#define SHORT_CONTAINER 14
#define SCAN_SHORTER    3 /* characters that each of the two gives for what was scanned */
#define GIB             1073741824.0
#define BEFORE_USES     6 /* columns */

struct list {
    const struct reply *reply;
    bool chosen; /* filesystems by name: all about each */
    bool nodes;  /* those of some nodes */
};

/* What the key names behind the UUID. */
static const char *container_of_key(const struct resource_info *x)
{
    const char *at = x->key != NULL ? strchr(x->key, '@') : NULL;

    return at != NULL ? at + 1 : "";
}

/* The nodes that see it in one state, as ranges. */
static const char *nodes_in(struct text *t, const struct reply *r, size_t resource, uint64_t state)
{
    const struct edge_info *e = r->edges.v;
    const char **names = arena_array(t->arena, r->edges.n, sizeof *names);
    size_t n = 0;

    if (names == NULL) {
        t->failed = true;
        return "";
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        if (e[i].resource == resource && e[i].state == state)
            names[n++] = node_of(r, &e[i])->name;
    }
    return n > 0 ? name_ranges(t, names, n, MOST_NAMES) : "";
}

/* "ok xen1, xen3; degraded xen2" */
static const char *seen_text(struct text *t, const struct reply *r, size_t resource)
{
    static const uint64_t states[] = { EDGE_OK,   EDGE_DEGRADED, EDGE_QUARANTINED,
                                       EDGE_LOST, EDGE_STUCK,    EDGE_UNKNOWN };
    const char *s = "";

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        const char *names = nodes_in(t, r, resource, states[i]);

        if (*names != '\0')
            s = text_format(t, "%s%s%s: %s", s, *s != '\0' ? "; " : "",
                            edge_state_name((enum edge_state)states[i]), names);
    }
    return *s != '\0' ? s : "no node";
}

/* What is known of it; NULL: nothing. They are in the order of their resources. */
static const struct fs_info *told_of(const struct reply *r, size_t resource)
{
    const struct fs_info *v = r->filesystems.v;
    size_t first = FIRST_OF_RESOURCE(r->filesystems, fs_info, resource);

    return first < r->filesystems.n && v[first].resource == resource ? &v[first] : NULL;
}

static const char *gib_text(struct text *t, const struct fs_info *f)
{
    double gib;

    if (f == NULL || !REC_HAS(f, fs_info, size_bytes))
        return "";
    gib = (double)f->size_bytes / GIB;
    return text_format(t, gib >= 100 ? "%.0f" : "%.2f", gib);
}

/* ---- who uses it ----------------------------------------------------------------------------- */

/* How each kind of use is told: a word before who uses it. */
static const char *kind_word(const char *kind)
{
    static const char *const words[][2] = {
        { "mount", "at" }, { "swap", "as swap" }, { "dm", "by device" },   { "md", "by array" },
        { "loop", "by" },  { "xen", "by guest" }, { "open", "opened by" },
    };

    for (size_t i = 0; kind != NULL && i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i][0], kind) == 0)
            return words[i][1];
    }
    return kind != NULL ? kind : "by";
}

static const char *mode_of(const struct use_info *u)
{
    if (!REC_HAS(u, use_info, read_only))
        return "";
    return u->read_only ? "ro" : "rw";
}

/* "xen1 at /srv/data (ext4, rw)", "xen1 by guest 7/xvda, /web-01.img (rw)" */
static const char *use_text(struct text *t, const struct reply *r, const struct use_info *u,
                            const struct resource_info *x)
{
    const struct node_info *n = (const struct node_info *)r->nodes.v + u->node;
    bool swap = u->kind != NULL && strcmp(u->kind, "swap") == 0;
    bool elsewhere = u->container != NULL && strcmp(u->container, container_of_key(x)) != 0;
    const char *type = u->type != NULL && !swap ? u->type : "", *mode = mode_of(u);
    const char *how =
        text_format(t, "%s%s%s", type, *type != '\0' && *mode != '\0' ? ", " : "", mode);

    return text_format(t, "%s %s%s%s%s%s%s%s%s%s%s", n->name, kind_word(u->kind), swap ? "" : " ",
                       swap || u->used_by == NULL ? "" : u->used_by, u->file != NULL ? ", " : "",
                       u->file != NULL ? u->file : "", *how != '\0' ? " (" : "", how,
                       *how != '\0' ? ")" : "", elsewhere ? ", in " : "",
                       elsewhere ? u->container : "");
}

/* Uses are in the order of their resources; moves *at behind those of this one. */
static size_t uses_of(const struct reply *r, size_t resource, size_t *at)
{
    const struct use_info *u = r->uses.v;
    size_t first;

    while (*at < r->uses.n && u[*at].resource < resource)
        ++*at;
    first = *at;
    while (*at < r->uses.n && u[*at].resource == resource)
        ++*at;
    return *at - first;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* "2/4": nodes that see it in full, of those that see it or have seen it. */
static void nodes_cell(struct text *t, struct table *b, const struct resource_info *x)
{
    uint64_t all =
        x->nodes_ok + x->nodes_degraded + x->nodes_lost + x->nodes_unknown + x->nodes_quarantined;

    table_cell(b, text_format(t, "%" PRIu64 "/%" PRIu64, x->nodes_ok, all),
               x->nodes_ok < all ? PAINT_WARN : PAINT_NONE);
}

/* May it be scanned, and what did the last scan bring? The column is there where one may. */
static void scan_cell(struct table *b, const struct resource_info *x)
{
    if (!x->admitted)
        table_cell(b, NULL, PAINT_NONE);
    else if (x->scan == NULL)
        table_cell(b, "admitted", PAINT_NONE);
    else
        table_cell(b, result_word(x->scan), paint_of_result(x->scan));
}

/* A cell below the last one of the row, or the row's own. */
static void used_cell(struct table *b, const char *s, size_t *rows)
{
    for (size_t c = 0; *rows > 0 && c < BEFORE_USES; c++)
        table_cell(b, NULL, PAINT_NONE);
    table_cell(b, s, PAINT_NONE);
    ++*rows;
}

/* Names before the uses, cut where the line is narrow: the uses need the room. */
static void name_cells(struct text *t, struct table *b, const struct resource_info *x,
                       const struct fs_info *f, bool scans)
{
    size_t shorter = scans ? SCAN_SHORTER : 0;
    bool narrow = t->columns < WIDE;

    table_cell(
        b, text_cut(t, x->label != NULL ? x->label : "?", narrow ? SHORT_NAME - shorter : SIZE_MAX),
        PAINT_NONE);
    table_cell(
        b, f != NULL && f->type != NULL ? text_cut(t, f->type, narrow ? SHORT_TYPE : SIZE_MAX) : "",
        PAINT_NONE);
    table_cell(b, narrow && scans ? NULL : gib_text(t, f), PAINT_NONE);
    table_cell(b, text_cut(t, container_of_key(x), narrow ? SHORT_CONTAINER - shorter : SIZE_MAX),
               PAINT_NONE);
}

static void list_rows(struct text *t, struct table *b, const struct reply *r, size_t i, size_t *at,
                      bool scans)
{
    const struct resource_info *x = (const struct resource_info *)r->resources.v + i;
    size_t n = uses_of(r, i, at), rows = 0;
    const struct use_info *u = (const struct use_info *)r->uses.v + (*at - n);
    const struct lease_info *l = r->leases.v;

    name_cells(t, b, x, told_of(r, i), scans);
    nodes_cell(t, b, x);
    scan_cell(b, x);
    for (size_t k = 0; k < r->leases.n; k++) {
        if (lease_is_of(&l[k], x))
            used_cell(b, lease_text(t, &l[k]), &rows);
    }
    for (size_t k = 0; k < n; k++)
        used_cell(b, use_text(t, r, &u[k], x), &rows);
    if (rows == 0)
        used_cell(b, "-", &rows);
}

static void doubts_of_all(struct text *t, const struct reply *r)
{
    const struct resource_info *x = r->resources.v;
    size_t n = 0;

    for (size_t i = 0; i < r->resources.n; i++) {
        for (size_t k = 0; k < x[i].doubts.n; k++, n++) {
            if (n == 0)
                buf_str(t->out, "\n");
            if (n < MOST_DOUBTS)
                text_wrap(t,
                          text_format(t, "%s: %s", resource_shown(t, r, &x[i]), x[i].doubts.v[k]),
                          0, 2, PAINT_WARN);
        }
    }
    if (n > MOST_DOUBTS)
        text_line(t, "and %zu more in doubt; 'muster fs list FS' tells of one", n - MOST_DOUBTS);
}

static void all_text(struct text *t, const struct reply *r)
{
    static const struct column columns[] = {
        { "FILESYSTEM", COLUMN_CUT }, { "TYPE", 0 },  { "GiB", COLUMN_RIGHT },
        { "IN", COLUMN_CUT },         { "NODES", 0 }, { "SCANNED", 0 },
        { "USED", COLUMN_WRAP },
    };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    const struct resource_info *x = r->resources.v;
    bool scans = false;
    size_t at = 0;

    _Static_assert(ARRAY_LEN(columns) == BEFORE_USES + 1, "a row of more uses leaves them free");
    for (size_t i = 0; i < r->resources.n; i++)
        scans = scans || x[i].admitted;
    for (size_t i = 0; i < r->resources.n; i++)
        list_rows(t, b, r, i, &at, scans);
    table_print(b);
    text_line(t, "%s", counted(t, r->resources.n, "filesystem", "filesystems"));
    doubts_of_all(t, r);
}

/* ---- one by one ------------------------------------------------------------------------------ */

static void one_text(struct text *t, const struct reply *r, size_t i, size_t *at)
{
    const struct resource_info *x = (const struct resource_info *)r->resources.v + i;
    const char *key = x->key != NULL ? x->key : "";
    size_t uuid = strcspn(key, "@"), n = uses_of(r, i, at);
    const struct fs_info *f = told_of(r, i);
    char size[24];
    const struct use_info *u = (const struct use_info *)r->uses.v + (*at - n);

    if (i > 0)
        buf_str(t->out, "\n");
    text_paint(t, PAINT_BOLD, text_safe(t, x->label));
    buf_str(t->out, "\n");
    if (uuid > 0)
        text_pair(t, "uuid", "%.*s", (int)uuid, key);
    if (f != NULL && f->type != NULL)
        text_pair(t, "type", "%s", f->type);
    if (f != NULL && REC_HAS(f, fs_info, size_bytes))
        text_pair(t, "size", "%s", bytes_text(f->size_bytes, size));
    text_pair(t, "in", "%s", container_of_key(x));
    text_pair(t, "seen", "%s", seen_text(t, r, i));
    admitted_text(t, x);
    reach_pairs(t, r, i, x->admitted);
    leases_of_text(t, r, x);
    for (size_t k = 0; k < n; k++) {
        const char *age = age_text(t, REC_HAS(&u[k], use_info, age_ms), u[k].age_ms);

        text_pair(t, k == 0 ? "used" : "", "%s; %s%s", use_text(t, r, &u[k], x),
                  age != NULL ? age : "not confirmed since the coordinator started",
                  age != NULL ? " ago" : "");
    }
    if (n == 0)
        text_pair(t, "used", "by no node, as far as they have told");
    if (x->conflict_class != NULL)
        text_pair(t, "copies", "conflict class %s", x->conflict_class);
    doubts_text(t, x);
}

static void list_text(struct text *t, const void *data)
{
    const struct list *l = data;
    size_t at = 0;

    if (l->reply->resources.n == 0) {
        text_line(t, "No %s.",
                  l->nodes ? "filesystem is known on these nodes"
                           : "node has reported a filesystem yet");
        return;
    }
    for (size_t i = 0; l->chosen && i < l->reply->resources.n; i++)
        one_text(t, l->reply, i, &at);
    if (!l->chosen)
        all_text(t, l->reply);
}

static void reaches_json(struct json *j, const struct reply *r)
{
    const struct reach_info *x = r->reaches.v;

    json_array(j, "reach");
    for (size_t i = 0; i < r->reaches.n; i++) {
        json_object(j, NULL);
        json_int(j, "node", (int64_t)x[i].node);
        json_int(j, "resource", (int64_t)x[i].resource);
        json_members(j, &reach_info_desc, &x[i]);
        json_end_object(j);
    }
    json_end_array(j);
}

static void list_json(struct json *j, const void *data)
{
    const struct list *l = data;
    const struct reply *r = l->reply;
    const struct fs_info *f = r->filesystems.v;
    const struct use_info *u = r->uses.v;

    json_head(j, r);
    json_array_of(j, "nodes", &node_info_desc, r->nodes);
    json_array_of(j, "resources", &resource_info_desc, r->resources);
    json_edges(j, r, true);
    json_array(j, "filesystems");
    for (size_t i = 0; i < r->filesystems.n; i++) {
        json_object(j, NULL);
        json_int(j, "resource", (int64_t)f[i].resource);
        json_members(j, &fs_info_desc, &f[i]);
        json_end_object(j);
    }
    json_end_array(j);
    json_array(j, "uses");
    for (size_t i = 0; i < r->uses.n; i++) {
        json_object(j, NULL);
        json_int(j, "node", (int64_t)u[i].node);
        json_int(j, "resource", (int64_t)u[i].resource);
        json_members(j, &use_info_desc, &u[i]);
        json_end_object(j);
    }
    json_end_array(j);
    reaches_json(j, r);
    json_array(j, "leases");
    for (size_t i = 0; i < r->leases.n; i++)
        lease_json(j, NULL, (const struct lease_info *)r->leases.v + i, false);
    json_end_array(j);
}

static int list_handle(struct run *r)
{
    static const struct view view = { list_text, list_json };
    REQUEST(req, OP_FS_LIST);
    struct strs nodes = option_values(r, "node");
    struct strs names = { r->arguments, r->argument_count };
    struct list l = { .chosen = names.n > 0, .nodes = nodes.n > 0 };
    struct muster_reply reply;
    int rc;

    if (nodes.n > 0)
        REC_SET(&req, request, nodes, nodes);
    if (names.n > 0)
        REC_SET(&req, request, resources, names);
    rc = ask(r, &req, &reply);
    l.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &view, &l);
    muster_reply_free(&reply);
    return rc;
}

static const struct option options[] = {
    { 0, "node", "NODE", true, "only what this node sees, and its uses" },
    { 0 },
};

const struct command fs_list_command = {
    .noun = "fs",
    .verb = "list",
    .arguments = "[FS...]",
    .least = 0,
    .most = MOST_ARGUMENTS,
    .summary = "filesystems: who sees and uses them, what was scanned",
    .about =
        "Shows each filesystem (and swap, and what else has a signature) with its type and size, what "
        "it lies in, how "
        "many nodes see it well and how many not, and every use that any node reports of it or of "
        "what it lies in: mounted, swap, under another device or a loop, given to a guest, opened "
        "by a program. muster makes none of these: they are what must not be disturbed. What muster "
        "itself has a right to stands before them.\n"
        "SCANNED is what the last scan brought; admitted: none has been yet; empty: not admitted, "
        "muster does not mount it.\n"
        "FS is a label, a UUID or UUID@CONTAINER; all about each is shown then, also what is "
        "proven of how each node reaches it: 'read here', it has read it itself; 'reach proven', it "
        "has found the same LUN and the same superblock there without a mount; each at its moment, "
        "and true of that boot of the node. In doubt are "
        "copies (clones, snapshots): two with one UUID.",
    .example = "muster fs list\n"
               "muster fs list --node rack7-03\n"
               "muster fs list data images                   # all about these two",
    .options = options,
    .handle = list_handle,
};
