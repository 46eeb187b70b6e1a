/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"
#include "collect/parse_lvm_rows.h"

#define DEV "/dev/"

static const char *append_device(struct rows *r, const char *to, struct bytes device)
{
    size_t prefix = sizeof DEV - 1;
    const char *text;

    if (device.n > prefix && memcmp(device.p, DEV, prefix) == 0) {
        device.p += prefix;
        device.n -= prefix;
    }
    text = arena_printf(r->a, "%s%s%.*s", to, to[0] == '\0' ? "" : ",", (int)device.n,
                        (const char *)device.p);
    r->failed |= text == NULL;
    return text;
}

/* "0+32 striped sda(0),sdb(0)", "0+32 thin". */
static const char *segment_text(struct rows *r, json_t *seg)
{
    struct bytes rest = bytes_of(lvm_string(seg, "devices")), word;
    struct opt start = lvm_number(seg, "seg_start_pe"), extents = lvm_number(seg, "seg_size_pe");
    const char *devices = "", *text;

    if (!start.has || !extents.has)
        return NULL;
    while (devices != NULL && bytes_word(&rest, ",", &word))
        devices = append_device(r, devices, word);
    if (devices == NULL)
        return NULL;
    text = arena_printf(r->a, "%llu+%llu %s%s%s", (unsigned long long)start.v,
                        (unsigned long long)extents.v, lvm_string(seg, "segtype"),
                        devices[0] == '\0' ? "" : " ", devices);
    r->failed |= text == NULL;
    return text == NULL ? NULL : rows_text(r, bytes_of(text));
}

size_t lvm_first_segment(const struct lvm_group *g, const char *uuid)
{
    size_t low = 0, high = g->seg_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(g->segs[middle].lv_uuid, uuid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void segment_fields(const struct lvm_group *g, const struct lvm_lv *lv, struct lv *row)
{
    size_t first = lvm_first_segment(g, lv->uuid), n = 0, kept = 0, shown;
    const char **v;

    while (first + n < g->seg_count && strcmp(g->segs[first + n].lv_uuid, lv->uuid) == 0)
        n++;
    if (n == 0)
        return;
    ROW_TEXT(row, lv, type, lvm_text(g->r, g->segs[first].json, "segtype"));
    shown = n <= LIMIT_STRINGS ? n : LIMIT_STRINGS - 1;
    v = rows_array(g->r, shown + 1, sizeof *v);
    for (size_t i = 0; i < shown && v != NULL; i++) {
        v[kept] = segment_text(g->r, g->segs[first + i].json);
        kept += v[kept] != NULL;
    }
    if (shown < n && v != NULL)
        v[kept++] = rows_printf(g->r, "%zu more segments", n - shown);
    if (kept > 0 && !g->r->failed)
        REC_SET(row, lv, segments, ((struct strs){ v, kept }));
}

/* What the kernel has of it. LVM says "unknown" when it could not ask. */
static void kernel_fields(const struct lvm_group *g, const struct lvm_lv *lv, struct lv *row)
{
    struct opt major = lvm_number(lv->json, "lv_kernel_major");
    struct opt minor = lvm_number(lv->json, "lv_kernel_minor");

    if (!g->in->device_mapper) {
        REC_SET(row, lv, active, false);
        return;
    }
    if (strcmp(lvm_string(lv->json, "lv_active"), "unknown") == 0)
        return;
    REC_SET(row, lv, active, major.has && minor.has);
    if (!row->active)
        return;
    ROW_BOOL(row, lv, open, lvm_number(lv->json, "lv_device_open"));
    ROW_BOOL(row, lv, suspended, lvm_number(lv->json, "lv_suspended"));
    ROW_TEXT(row, lv, device, rows_printf(g->r, "dm-%llu", (unsigned long long)minor.v));
    ROW_TEXT(
        row, lv, devnum,
        rows_printf(g->r, "%llu:%llu", (unsigned long long)major.v, (unsigned long long)minor.v));
}

void lvm_lv_row(const struct lvm_group *g, const struct lvm_lv *lv, struct lv *row)
{
    struct rows *r = g->r;
    const char *attr = lvm_string(lv->json, "lv_attr");
    const char *health = lvm_text(r, lv->json, "lv_health_status");
    struct strs list;

    ROW_TEXT(row, lv, uuid, rows_text(r, bytes_of(lv->uuid)));
    ROW_TEXT(row, lv, name, rows_text(r, bytes_of(lv->name)));
    ROW_TEXT(row, lv, vg_uuid, g->vg_uuid);
    ROW_TEXT(row, lv, vg_name, g->vg_name);
    ROW_TEXT(row, lv, attr, rows_text(r, bytes_of(attr)));
    ROW_U64(row, lv, size_bytes, lvm_number(lv->json, "lv_size"));
    ROW_TEXT(row, lv, origin, lvm_text(r, lv->json, "origin"));
    ROW_TEXT(row, lv, pool, lvm_text(r, lv->json, "pool_lv"));
    if ((list = lvm_list(r, lv->json, "lv_layout")).n > 0)
        REC_SET(row, lv, layout, list);
    if ((list = lvm_list(r, lv->json, "lv_role")).n > 0)
        REC_SET(row, lv, role, list);
    if ((list = lvm_list(r, lv->json, "lv_tags")).n > 0)
        REC_SET(row, lv, tags, list);
    if (health != NULL && strcmp(health, "unknown") != 0)
        REC_SET(row, lv, health, health);
    if (attr[0] != '\0' && attr[1] != '\0')
        REC_SET(row, lv, read_only, attr[1] == 'r' || attr[1] == 'R');
    segment_fields(g, lv, row);
    kernel_fields(g, lv, row);
}
