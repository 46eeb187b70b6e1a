/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_lvm_rows.h"

/* By the path that LVM was given, or by number where it calls the device otherwise. */
const struct lvm_device *lvm_device_of(struct rows *r, const struct lvm_input *in, json_t *pv)
{
    const char *path = lvm_string(pv, "pv_name");
    const char *devnum =
        rows_printf(r, "%s:%s", lvm_string(pv, "pv_major"), lvm_string(pv, "pv_minor"));

    for (size_t i = 0; i < in->device_count; i++) {
        if (strcmp(in->devices[i].path, path) == 0)
            return &in->devices[i];
    }
    for (size_t i = 0; i < in->device_count && devnum != NULL; i++) {
        if (in->devices[i].devnum != NULL && strcmp(in->devices[i].devnum, devnum) == 0)
            return &in->devices[i];
    }
    return NULL;
}

/* A PV that is flagged as missing in the metadata, though its device is back, keeps its device. */
static void place_fields(struct rows *r, const struct lvm_input *in, json_t *json, struct pv *row)
{
    const struct lvm_device *device;
    struct opt bytes = lvm_number(json, "dev_size");

    if (lvm_string(json, "pv_name")[0] != '/')
        return;
    device = lvm_device_of(r, in, json);
    if (device != NULL) {
        ROW_TEXT(row, pv, device, rows_text(r, bytes_of(device->name)));
        ROW_TEXT(row, pv, container, rows_text(r, bytes_of(device->container)));
    }
    if (bytes.has && bytes.v > 0)
        ROW_U64(row, pv, device_bytes, bytes);
}

void lvm_pv_row(const struct lvm_group *g, json_t *json, struct pv *row)
{
    struct rows *r = g->r;
    struct strs tags = lvm_list(r, json, "pv_tags");

    ROW_TEXT(row, pv, uuid, lvm_text(r, json, "pv_uuid"));
    ROW_TEXT(row, pv, vg_uuid, g->vg_uuid);
    ROW_TEXT(row, pv, vg_name, g->vg_name);
    ROW_TEXT(row, pv, format, lvm_text(r, json, "pv_fmt"));
    ROW_TEXT(row, pv, attr, lvm_text(r, json, "pv_attr"));
    ROW_U64(row, pv, size_bytes, lvm_number(json, "pv_size"));
    ROW_U64(row, pv, free_bytes, lvm_number(json, "pv_free"));
    ROW_U64(row, pv, extents, lvm_number(json, "pv_pe_count"));
    ROW_U64(row, pv, extents_allocated, lvm_number(json, "pv_pe_alloc_count"));
    REC_SET(row, pv, missing, lvm_is_true(json, "pv_missing"));
    REC_SET(row, pv, duplicate, false);
    if (!row->missing)
        ROW_U64(row, pv, metadata_areas, lvm_number(json, "pv_mda_used_count"));
    if (tags.n > 0)
        REC_SET(row, pv, tags, tags);
    place_fields(r, g->in, json, row);
}

void lvm_duplicate_rows(struct rows *r, const struct lvm_input *in, json_t *list,
                        struct lvm_rows *out)
{
    size_t chosen = out->pv_count;

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct pv *row = &out->pvs[out->pv_count];
        json_t *json = json_array_get(list, i);
        const char *uuid = lvm_text(r, json, "pv_uuid");

        if (!lvm_is_true(json, "pv_duplicate") || uuid == NULL)
            continue;
        place_fields(r, in, json, row);
        if (!REC_HAS(row, pv, device)) {
            *row = (struct pv){ .present = 0 };
            continue;
        }
        ROW_TEXT(row, pv, uuid, rows_printf(r, "%s/%s", uuid, row->device));
        ROW_TEXT(row, pv, vg_uuid, lvm_text(r, json, "vg_uuid"));
        ROW_TEXT(row, pv, vg_name, lvm_text(r, json, "vg_name"));
        ROW_TEXT(row, pv, format, lvm_text(r, json, "pv_fmt"));
        ROW_TEXT(row, pv, attr, lvm_text(r, json, "pv_attr"));
        REC_SET(row, pv, missing, false);
        REC_SET(row, pv, duplicate, true);
        out->pv_count++;
        for (size_t k = 0; k < chosen; k++) {
            if (REC_HAS(&out->pvs[k], pv, uuid) && strcmp(out->pvs[k].uuid, uuid) == 0)
                REC_SET(&out->pvs[k], pv, duplicate, true);
        }
    }
}
