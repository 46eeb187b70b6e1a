/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_lvm.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "collect/parse_lvm_rows.h"

#define LEVEL_MASK  7 /* lib/log/log.h of LVM: the bits above are flags */
#define LEVEL_ERROR 3
#define LEVEL_PRINT 4
#define REPORT_FILE "libdm-report.c"

enum lvm_message lvm_message_kind(int level, const char *file)
{
    size_t n = file == NULL ? 0 : strlen(file), k = sizeof REPORT_FILE - 1;

    level &= LEVEL_MASK;
    if (level > 0 && level <= LEVEL_ERROR)
        return LVM_MESSAGE_ERROR;
    if (level == LEVEL_PRINT && n >= k && strcmp(file + n - k, REPORT_FILE) == 0)
        return LVM_MESSAGE_REPORT;
    return LVM_MESSAGE_OTHER;
}

static void vg_row(const struct lvm_group *g, struct vg *row)
{
    struct rows *r = g->r;
    struct strs tags = lvm_list(r, g->vg, "vg_tags");
    size_t here = 0;

    for (size_t i = 0; i < g->pv_count; i++)
        here += !g->pvs[i].missing;
    ROW_TEXT(row, vg, uuid, g->vg_uuid);
    ROW_TEXT(row, vg, name, g->vg_name);
    ROW_TEXT(row, vg, attr, lvm_text(r, g->vg, "vg_attr"));
    ROW_U64(row, vg, size_bytes, lvm_number(g->vg, "vg_size"));
    ROW_U64(row, vg, free_bytes, lvm_number(g->vg, "vg_free"));
    ROW_U64(row, vg, extent_bytes, lvm_number(g->vg, "vg_extent_size"));
    ROW_U64(row, vg, extents, lvm_number(g->vg, "vg_extent_count"));
    ROW_U64(row, vg, extents_free, lvm_number(g->vg, "vg_free_count"));
    ROW_U64(row, vg, pvs, lvm_number(g->vg, "pv_count"));
    ROW_U64(row, vg, pvs_missing, lvm_number(g->vg, "vg_missing_pv_count"));
    ROW_U64(row, vg, lvs, lvm_number(g->vg, "lv_count"));
    ROW_U64(row, vg, snapshots, lvm_number(g->vg, "snap_count"));
    ROW_U64(row, vg, seqno, lvm_number(g->vg, "vg_seqno"));
    ROW_TEXT(row, vg, metadata_digest, lvm_digest(g));
    ROW_TEXT(row, vg, system_id, lvm_text(r, g->vg, "vg_systemid"));
    ROW_TEXT(row, vg, lock_type, lvm_text(r, g->vg, "vg_lock_type"));
    ROW_BOOL(row, vg, exported, lvm_number(g->vg, "vg_exported"));
    ROW_BOOL(row, vg, partial, lvm_number(g->vg, "vg_partial"));
    ROW_BOOL(row, vg, autoactivation, lvm_number(g->vg, "vg_autoactivation"));
    if (tags.n > 0)
        REC_SET(row, vg, tags, tags);
    REC_SET(row, vg, paths_active, here);
    REC_SET(row, vg, paths_total, g->pv_count);
}

static void group_rows(struct rows *r, const struct lvm_input *in, json_t *object,
                       struct lvm_rows *out)
{
    struct lvm_group g = { .r = r, .in = in };

    g.vg = json_array_get(json_object_get(object, "vg"), 0);
    if (g.vg != NULL) {
        g.vg_uuid = lvm_text(r, g.vg, "vg_uuid");
        g.vg_name = lvm_text(r, g.vg, "vg_name");
    }
    if (!lvm_index(&g, object))
        return;
    for (size_t i = 0; i < g.pv_count; i++)
        lvm_pv_row(&g, json_array_get(g.pv_list, i), &out->pvs[out->pv_count++]);
    if (g.vg_uuid == NULL)
        return;
    vg_row(&g, &out->vgs[out->vg_count++]);
    for (size_t i = 0; i < g.lv_count; i++) {
        struct lv *row = &out->lvs[out->lv_count + i];

        lvm_lv_row(&g, &g.lvs[i], row);
        if (REC_HAS(row, lv, active) && row->active && row->uuid != NULL)
            out->tables.v[out->tables.n++] =
                (struct lvm_table){ row->uuid, lvm_table_text(&g, g.lvs[i].uuid) };
    }
    lvm_pvs_below(&g, &out->lvs[out->lv_count]);
    out->lv_count += g.lv_count;
}

static int compare_first_text(const void *a, const void *b, void *desc)
{
    const struct field *key = &((const struct record_desc *)desc)->fields[0];
    const char *x = *(const char *const *)field_at(key, a);
    const char *y = *(const char *const *)field_at(key, b);

    return strcmp(x == NULL ? "" : x, y == NULL ? "" : y);
}

/* Sorts by key; drops doubles and rows without one. */
static size_t unique_rows(void *rows, size_t n, const struct record_desc *d)
{
    size_t kept = 0;
    char *at = rows;

    if (n > 1)
        qsort_r(rows, n, d->size, compare_first_text, (void *)(uintptr_t)d);
    for (size_t i = 0; i < n; i++) {
        char *row = at + i * d->size, *last = at + (kept - (kept > 0)) * d->size;

        if (!field_present(d, 0, row) ||
            (kept > 0 && compare_first_text(last, row, (void *)(uintptr_t)d) == 0))
            continue;
        memmove(at + kept++ * d->size, row, d->size);
    }
    return kept;
}

/* Bytes that are no UTF-8, which JSON cannot have, become \xHH. */
static struct bytes clean_bytes(struct rows *r, struct bytes in)
{
    size_t n = 0;
    char *out;

    out = in.n > SIZE_MAX / 8 ? NULL : arena_alloc(r->a, 5 * in.n + 1);
    if (out == NULL) {
        r->failed = true;
        return (struct bytes){ NULL, 0 };
    }
    for (size_t i = 0; i < in.n;) {
        size_t k = 1;

        while (k <= 4 && k <= in.n - i && !text_is_clean((const char *)in.p + i, k))
            k++;
        if (in.p[i] == '\n') {
            out[n++] = '\n';
            i++;
        } else if (k <= 4 && k <= in.n - i) {
            memcpy(out + n, in.p + i, k);
            n += k;
            i += k;
        } else {
            n += (size_t)snprintf(out + n, 6, "\\\\x%02x", in.p[i]);
            i++;
        }
    }
    return (struct bytes){ (const uint8_t *)out, n };
}

/* NULL with a sentence: it is none. */
static json_t *load(struct rows *r, struct bytes text, const char *what, struct err *e)
{
    json_error_t fault;
    json_t *root = json_loadb((const char *)text.p, text.n, 0, &fault);

    if (root == NULL) {
        struct bytes clean = clean_bytes(r, text);

        if (clean.p != NULL)
            root = json_loadb((const char *)clean.p, clean.n, 0, &fault);
    }
    if (root == NULL) {
        err_set(e, -EBADMSG, "%s is not JSON: %s in line %d", what, fault.text, fault.line);
        return NULL;
    }
    if (json_is_array(json_object_get(root, "report")))
        return root;
    err_set(e, -EBADMSG, "%s has no \"report\" in it", what);
    json_decref(root);
    return NULL;
}

static void make_rows(struct rows *r, const struct lvm_input *in, json_t *report, json_t *others,
                      struct lvm_rows *out)
{
    json_t *duplicates = json_object_get(json_array_get(others, 0), "pv");
    size_t groups = json_array_size(report), pvs = json_array_size(duplicates), lvs = 0;

    for (size_t i = 0; i < groups; i++) {
        json_t *group = json_array_get(report, i);

        pvs += json_array_size(json_object_get(group, "pv"));
        lvs += json_array_size(json_object_get(group, "lv"));
    }
    out->pvs = rows_array(r, pvs, sizeof *out->pvs);
    out->vgs = rows_array(r, groups, sizeof *out->vgs);
    out->lvs = rows_array(r, lvs, sizeof *out->lvs);
    out->tables.v = rows_array(r, lvs, sizeof *out->tables.v);
    for (size_t i = 0; i < groups && !r->failed; i++)
        group_rows(r, in, json_array_get(report, i), out);
    if (r->failed)
        return;
    lvm_duplicate_rows(r, in, duplicates, out);
    out->pv_count = unique_rows(out->pvs, out->pv_count, &pv_desc);
    out->vg_count = unique_rows(out->vgs, out->vg_count, &vg_desc);
    out->lv_count = unique_rows(out->lvs, out->lv_count, &lv_desc);
}

int parse_lvm(const struct lvm_input *in, struct arena *a, struct lvm_rows *out, struct err *e)
{
    struct rows r = { .a = a };
    json_t *report, *others = NULL;
    int rc = -EBADMSG;

    *out = (struct lvm_rows){ .pv_count = 0 };
    report = load(&r, in->report, "LVM's full report", e);
    if (report == NULL)
        goto out;
    if (in->duplicates.n > 0) {
        others = load(&r, in->duplicates, "LVM's report of duplicate PVs", e);
        if (others == NULL)
            goto out;
    }
    make_rows(&r, in, json_object_get(report, "report"), json_object_get(others, "report"), out);
    rc = 0;
out:
    json_decref(others);
    json_decref(report);
    return r.failed ? err_set(e, -ENOMEM, "out of memory while reading LVM's reports") : rc;
}
