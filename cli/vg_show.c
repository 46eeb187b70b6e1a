/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volume groups: which version of its metadata each node has, and what is in it. */
#include "nouns.h"

#include <inttypes.h>

#include "base/text.h"
#include "sections.h"

/* ---- what the nodes have -------------------------------------------------------------------- */

static const struct resource_info *vg_at(const struct reply *r, const struct vg_info *v)
{
    const struct resource_info *x = r->resources.v;

    return v->resource < r->resources.n ? &x[v->resource] : NULL;
}

static const char *label_of(const struct reply *r, const struct vg_info *v)
{
    const struct resource_info *x = vg_at(r, v);

    return x != NULL && x->label != NULL ? x->label : "?";
}

static const char *task_of(struct text *t, const struct vg_info *v)
{
    if (!REC_HAS(v, vg_info, task))
        return v->waiting > 0 ? text_format(t, "%" PRIu64 " waiting", v->waiting) : "-";
    return v->waiting > 0 ? text_format(t, "%" PRIu64 ", %" PRIu64 " waiting", v->task, v->waiting)
                          : text_format(t, "%" PRIu64, v->task);
}

static void row(struct text *t, struct table *b, const struct reply *r, const struct vg_info *v)
{
    table_cell(b, label_of(r, v), PAINT_NONE);
    table_cell(b, v->adopted ? "yes" : "no", PAINT_NONE);
    table_cellf(b, PAINT_NONE, "%" PRIu64, v->seqno);
    table_cellf(b, PAINT_NONE, "%" PRIu64, v->nodes);
    table_cellf(b, v->behind == 0 ? PAINT_NONE : PAINT_BAD, "%" PRIu64, v->behind);
    table_cellf(b, v->silent == 0 ? PAINT_NONE : PAINT_WARN, "%" PRIu64, v->silent);
    table_cell(b, task_of(t, v), PAINT_NONE);
}

static void list_text(struct text *t, const void *data)
{
    static const struct column columns[] = {
        { "VG", 0 },
        { "ADOPTED", 0 },
        { "VERSION", COLUMN_RIGHT },
        { "NODES", COLUMN_RIGHT },
        { "BEHIND", COLUMN_RIGHT },
        { "SILENT", COLUMN_RIGHT },
        { "TASK", 0 },
    };
    const struct reply *r = data;
    const struct vg_info *v = r->vgs.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));

    if (r->vgs.n == 0) {
        text_line(t, "No node sees a volume group.");
        return;
    }
    for (size_t i = 0; i < r->vgs.n; i++)
        row(t, b, r, &v[i]);
    table_print(b);
    text_line(t, "%s", counted(t, r->vgs.n, "volume group", "volume groups"));
}

static void list_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_array_of(j, "resources", &resource_info_desc, r->resources);
    json_array_of(j, "vgs", &vg_info_desc, r->vgs);
}

static int list_handle(struct run *r)
{
    static const struct view view = { list_text, list_json };
    REQUEST(req, OP_VG_LIST);
    struct muster_reply reply;
    int rc = ask(r, &req, &reply);

    if (rc == 0)
        rc = show(r, &view, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

const struct command vg_list_command = {
    .noun = "vg",
    .verb = "list",
    .summary = "volume groups, and who is behind",
    .about =
        "VERSION is the newest that a node has of its metadata. BEHIND counts nodes that are up "
        "and have another one, SILENT those that are not up. TASK is what changes it now.",
    .example = "muster vg list",
    .handle = list_handle,
};

/* ---- one ------------------------------------------------------------------------------------ */

static struct recs rows_of(const struct reply *r, enum section_id id)
{
    const struct section_body *v = r->sections.v;

    for (size_t i = 0; i < r->sections.n; i++) {
        if (v[i].section == (uint64_t)id)
            return section_rows(&v[i]);
    }
    return (struct recs){ NULL, 0 };
}

static bool is_of(const char *uuid, const struct resource_info *x)
{
    return uuid != NULL && x != NULL && x->key != NULL && strcmp(uuid, x->key) == 0;
}

static void sizes_text(struct text *t, const struct reply *r, const struct resource_info *x)
{
    struct recs rows = rows_of(r, SECTION_VGS);
    const struct vg *v = rows.v;
    char size[24], free[24], extent[24];

    for (size_t i = 0; i < rows.n; i++) {
        if (is_of(v[i].uuid, x))
            text_pair(t, "size", "%s, %s free, in extents of %s", bytes_text(v[i].size_bytes, size),
                      bytes_text(v[i].free_bytes, free), bytes_text(v[i].extent_bytes, extent));
    }
}

static void pvs_text(struct text *t, const struct reply *r, const struct resource_info *x)
{
    struct recs rows = rows_of(r, SECTION_PVS);
    const struct pv *p = rows.v;
    char size[24], free[24];

    for (size_t i = 0; i < rows.n; i++) {
        if (is_of(p[i].vg_uuid, x))
            text_pair(t, "PV", "%s, %s, %s free",
                      p[i].container != NULL ? p[i].container : "missing",
                      bytes_text(p[i].size_bytes, size), bytes_text(p[i].free_bytes, free));
    }
}

/* "rack7-03, rack7-04 (outside muster)"; NULL: it is active nowhere. */
static const char *active_on(struct text *t, const struct reply *r, const struct lv *lv)
{
    const char *label = text_format(t, "%s/%s", lv->vg_name == NULL ? "" : lv->vg_name, lv->name);
    const struct lease_info *v = r->leases.v;
    const char *all = NULL;

    for (size_t i = 0; i < r->leases.n; i++) {
        bool outside = v[i].right != NULL && strcmp(v[i].right, "outside") == 0;
        const char *name = v[i].node_name == NULL ? "?" : v[i].node_name;

        if (v[i].label == NULL || strcmp(v[i].label, label) != 0)
            continue;
        all = text_format(t, "%s%s%s%s", all == NULL ? "" : all, all == NULL ? "" : ", ", name,
                          outside ? " (outside muster)" : "");
    }
    return all;
}

static void lvs_text(struct text *t, const struct reply *r, const struct resource_info *x)
{
    static const struct column columns[] = {
        { "LV", 0 }, { "SIZE", COLUMN_RIGHT }, { "TYPE", 0 }, { "ACTIVE ON", COLUMN_WRAP }
    };
    struct recs rows = rows_of(r, SECTION_LVS);
    const struct lv *v = rows.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    char size[24];
    size_t n = 0;

    for (size_t i = 0; i < rows.n; i++) {
        if (!is_of(v[i].vg_uuid, x))
            continue;
        table_cell(b, v[i].name, PAINT_NONE);
        table_cell(b, text_format(t, "%s", bytes_text(v[i].size_bytes, size)), PAINT_NONE);
        table_cell(b, v[i].type, PAINT_NONE);
        table_cell(b, active_on(t, r, &v[i]), PAINT_NONE);
        n++;
    }
    text_line(t, "%s", "");
    if (n > 0)
        table_print(b);
    else
        text_line(t, "There is no LV in it.");
}

enum { MOST_NAMES = 4 };

/* "xen1, xen3 and 2 more nodes activate LVs ..." */
static const char *activators(struct text *t, const struct reply *r)
{
    const struct vg_node *v = r->vg_nodes.v;
    const struct node_info *n = r->nodes.v;
    const char *list = "";
    uint64_t count = 0, left;

    for (size_t i = 0; i < r->vg_nodes.n; i++) {
        if (v[i].activates && v[i].node < r->nodes.n && count++ < MOST_NAMES)
            list = text_format(t, "%s%s%s", list, *list == '\0' ? "" : ", ", n[v[i].node].name);
    }
    left = count > MOST_NAMES ? count - MOST_NAMES : 0;
    if (left > 0)
        list = text_format(t, "%s and %s", list, counted(t, left, "more node", "more nodes"));
    return text_format(t, "%s %s", list,
                       count == 1 ? "activates LVs of it by itself"
                                  : "activate LVs of it by themselves");
}

/* LVM's own property, as a node that is current has read it, and what comes of it. */
static void autoactivation_text(struct text *t, const struct reply *r,
                                const struct resource_info *x)
{
    struct recs rows = rows_of(r, SECTION_VGS);
    const struct vg_info *info = r->vgs.v;
    const struct vg *v = rows.v;
    bool known = false, on = false;

    for (size_t i = 0; i < rows.n; i++) {
        if (is_of(v[i].uuid, x) && REC_HAS(&v[i], vg, autoactivation)) {
            known = true;
            on = v[i].autoactivation;
        }
    }
    if (info->activating > 0)
        text_pair(t, "autoactivate", "yes: %s%s", activators(t, r),
                  info->adopted ? " (muster vg autoactivation-off)" : "");
    else if (known)
        text_pair(t, "autoactivate", on ? "yes, and no node makes use of it" : "no");
}

static void nodes_text(struct text *t, const struct reply *r)
{
    static const struct column columns[] = {
        { "NODE", 0 }, { "VERSION", COLUMN_RIGHT }, { "STATE", 0 }, { "WHY", COLUMN_WRAP }
    };
    const struct vg_node *v = r->vg_nodes.v;
    const struct node_info *n = r->nodes.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));

    for (size_t i = 0; i < r->vg_nodes.n; i++) {
        bool good = v[i].state != NULL && strcmp(v[i].state, "current") == 0;

        table_cell(b, v[i].node < r->nodes.n ? n[v[i].node].name : "?", PAINT_NONE);
        table_cellf(b, PAINT_NONE, "%" PRIu64, v[i].seqno);
        table_cell(b, v[i].state, good ? PAINT_GOOD : PAINT_WARN);
        table_cell(b, v[i].text, PAINT_NONE);
    }
    text_line(t, "%s", "");
    if (r->vg_nodes.n > 0)
        table_print(b);
    else
        text_line(t, "No node sees it.");
}

static void show_text(struct text *t, const void *data)
{
    const struct reply *r = data;
    const struct vg_info *v = r->vgs.v;
    const struct resource_info *x = vg_at(r, v);
    char time[LOCAL_TIME_TEXT];

    text_paint(t, PAINT_BOLD, text_safe(t, label_of(r, v)));
    buf_printf(t->out, "  version %" PRIu64 "%s\n", v->seqno,
               v->adopted ? "" : ", not muster's to change (muster vg adopt)");
    if (x != NULL && x->key != NULL)
        text_pair(t, "UUID", "%s", x->key);
    sizes_text(t, r, x);
    pvs_text(t, r, x);
    if (x != NULL)
        autoactivation_text(t, r, x);
    if (REC_HAS(v, vg_info, task) || v->waiting > 0)
        text_pair(t, "task", "%s", task_of(t, v));
    if (REC_HAS(v, vg_info, differ_ms))
        text_pair(t, "nodes differ", "since %s", local_time(v->differ_ms, time));
    if (x != NULL)
        doubts_text(t, x);
    lvs_text(t, r, x);
    nodes_text(t, r);
}

static void rows_json(struct json *j, const char *name, const struct reply *r, enum section_id id,
                      const struct resource_info *x, size_t offset)
{
    const struct section_desc *d = &section_descs[id];
    struct recs rows = rows_of(r, id);

    json_array(j, name);
    for (size_t i = 0; i < rows.n; i++) {
        const char *at = (const char *)rows.v + i * d->row->size;

        if (!is_of(*(const char *const *)(const void *)(at + offset), x))
            continue;
        json_object(j, NULL);
        json_record(j, d->row, at);
        json_end_object(j);
    }
    json_end_array(j);
}

/* Where each LV is active. */
static void active_json(struct json *j, const struct reply *r)
{
    const struct lease_info *v = r->leases.v;

    json_array(j, "active");
    for (size_t i = 0; i < r->leases.n; i++) {
        json_object(j, NULL);
        json_str(j, "resource", v[i].resource);
        json_str(j, "label", v[i].label);
        json_str(j, "node", v[i].node);
        json_str(j, "node_name", v[i].node_name);
        json_str(j, "right", v[i].right);
        json_str(j, "token", v[i].token);
        json_end_object(j);
    }
    json_end_array(j);
}

static void show_json(struct json *j, const void *data)
{
    const struct reply *r = data;
    const struct resource_info *x = vg_at(r, r->vgs.v);

    json_head(j, r);
    json_object_of(j, "vg", &vg_info_desc, r->vgs.v);
    json_array_of(j, "resources", &resource_info_desc, r->resources);
    json_array_of(j, "nodes", &node_info_desc, r->nodes);
    json_array_of(j, "vg_nodes", &vg_node_desc, r->vg_nodes);
    active_json(j, r);
    rows_json(j, "vgs", r, SECTION_VGS, x, offsetof(struct vg, uuid));
    rows_json(j, "pvs", r, SECTION_PVS, x, offsetof(struct pv, vg_uuid));
    rows_json(j, "lvs", r, SECTION_LVS, x, offsetof(struct lv, vg_uuid));
}

static int show_handle(struct run *r)
{
    static const struct view view = { show_text, show_json };
    REQUEST(req, OP_VG_LIST);
    struct muster_reply reply;
    int rc;

    REC_SET(&req, request, resource, r->arguments[0]);
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->vgs.n == 0)
        rc = fail(r, "failed", NULL, "the coordinator answered without a volume group");
    if (rc == 0)
        rc = show(r, &view, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

const struct command vg_show_command = {
    .noun = "vg",
    .verb = "show",
    .arguments = "VG",
    .least = 1,
    .most = 1,
    .summary = "what is in a volume group, and which node has which version",
    .about =
        "Its PVs and LVs are as a node that is current has read them. Of each node that sees it: "
        "the version of the metadata that it has read, and why that is not the newest. A node "
        "that is behind is used for nothing of it.",
    .example = "muster vg show fast",
    .handle = show_handle,
};
