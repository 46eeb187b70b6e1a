/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_lvm_free.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "collect/parse_lvm_rows.h"

static json_t *group_of(json_t *root, const char *uuid)
{
    json_t *report = json_object_get(root, "report");

    for (size_t i = 0; i < json_array_size(report); i++) {
        json_t *group = json_array_get(report, i);
        json_t *vg = json_array_get(json_object_get(group, "vg"), 0);

        if (strcmp(lvm_string(vg, "vg_uuid"), uuid) == 0)
            return group;
    }
    return NULL;
}

/* The PV of the group, if it can be allocated from. */
static json_t *usable_pv(json_t *group, const char *uuid)
{
    json_t *pvs = json_object_get(group, "pv");

    for (size_t i = 0; i < json_array_size(pvs); i++) {
        json_t *pv = json_array_get(pvs, i);

        if (strcmp(lvm_string(pv, "pv_uuid"), uuid) == 0)
            return lvm_is_true(pv, "pv_missing") || !lvm_is_true(pv, "pv_allocatable") ? NULL : pv;
    }
    return NULL;
}

static void add_run(struct rows *r, json_t *group, uint64_t extent_bytes, json_t *seg,
                    struct lvm_run *out, size_t *n)
{
    struct opt start = lvm_number(seg, "pvseg_start"), count = lvm_number(seg, "pvseg_size");
    json_t *pv = usable_pv(group, lvm_string(seg, "pv_uuid"));
    struct opt first = lvm_number(pv, "pe_start");

    /* An extent that is nobody's has no LV. */
    if (lvm_string(seg, "lv_uuid")[0] != '\0' || pv == NULL || !start.has || !count.has ||
        !first.has || count.v == 0 || start.v > INT64_MAX / extent_bytes)
        return;
    out[*n] = (struct lvm_run){ .pv_uuid = lvm_text(r, pv, "pv_uuid"),
                                .start = start.v,
                                .count = count.v,
                                .offset_bytes = first.v + start.v * extent_bytes };
    if (out[*n].pv_uuid != NULL)
        (*n)++;
}

static int compare(const void *a, const void *b)
{
    const struct lvm_run *x = a, *y = b;
    int order = strcmp(x->pv_uuid, y->pv_uuid);

    return order != 0 ? order : (x->start > y->start) - (x->start < y->start);
}

int parse_lvm_free(struct bytes report, const char *uuid, struct arena *a, struct lvm_run **out,
                   size_t *n, struct err *e)
{
    struct rows r = { .a = a };
    json_t *root = json_loadb((const char *)report.p, report.n, 0, NULL);
    json_t *group = root == NULL ? NULL : group_of(root, uuid);
    json_t *segs = json_object_get(group, "pvseg");
    struct opt extent =
        lvm_number(json_array_get(json_object_get(group, "vg"), 0), "vg_extent_size");
    int rc = 0;

    *n = 0;
    if (group == NULL || !extent.has || extent.v == 0)
        rc = err_set(e, -EBADMSG, "LVM's full report does not tell the extents of %s", uuid);
    else
        *out = rows_array(&r, json_array_size(segs), sizeof **out);
    for (size_t i = 0; rc == 0 && !r.failed && i < json_array_size(segs); i++)
        add_run(&r, group, extent.v, json_array_get(segs, i), *out, n);
    json_decref(root);
    if (r.failed)
        return err_set(e, -ENOMEM, "out of memory while reading LVM's reports");
    if (*n > 1)
        qsort(*out, *n, sizeof **out, compare);
    return rc;
}
