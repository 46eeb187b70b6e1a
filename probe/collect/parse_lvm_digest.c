/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>
#include <stdlib.h>

#include "collect/parse_lvm_rows.h"

/* What each kind of object gives; all of it is read from the metadata. */
static const char *const vg_fields[] = {
    "vg_uuid",      "vg_name",       "vg_seqno", "vg_extent_size", "vg_systemid",
    "vg_lock_type", "vg_lock_args",  "vg_tags",  "vg_exported",    "vg_allocation_policy",
    "vg_profile",   "vg_mda_copies", "max_lv",   "max_pv",         "vg_permissions",
    "vg_extendable"
};
static const char *const pv_fields[] = { "pv_uuid", "pv_pe_count", "pe_start", "pv_tags",
                                         "pv_allocatable" };
static const char *const lv_fields[] = { "lv_uuid",
                                         "lv_name",
                                         "lv_size",
                                         "lv_tags",
                                         "origin",
                                         "pool_lv",
                                         "data_lv",
                                         "metadata_lv",
                                         "mirror_log",
                                         "convert_lv",
                                         "move_pv_uuid",
                                         "lv_lockargs",
                                         "lv_profile",
                                         "lv_fixed_minor",
                                         "lv_allocation_policy",
                                         "lv_major",
                                         "lv_minor",
                                         "lv_when_full",
                                         "lv_skip_activation",
                                         "lv_allocation_locked" };
static const char *const seg_fields[] = { "lv_uuid",     "segtype",        "seg_start_pe",
                                          "seg_size_pe", "stripes",        "stripe_size",
                                          "region_size", "chunk_size",     "zero",
                                          "discards",    "transaction_id", "thin_id",
                                          "cache_mode",  "seg_tags" };
static const char *const pvseg_fields[] = { "pv_uuid", "pvseg_start", "pvseg_size", "lv_uuid" };

struct lines {
    digest128 *v;
    size_t n;
};

static void add_text(crypto_generichash_state *state, const void *p, size_t n)
{
    uint8_t le[4];

    for (size_t i = 0; i < sizeof le; i++)
        le[i] = (uint8_t)(n >> (8 * i));
    crypto_generichash_update(state, le, sizeof le);
    crypto_generichash_update(state, p, n);
}

static void start(crypto_generichash_state *state, json_t *object, const char *const *fields,
                  size_t n)
{
    crypto_generichash_init(state, NULL, 0, sizeof(digest128));
    for (size_t i = 0; i < n; i++) {
        const char *value = lvm_string(object, fields[i]);

        add_text(state, fields[i], strlen(fields[i]));
        add_text(state, value, strlen(value));
    }
}

static void end(crypto_generichash_state *state, struct lines *lines)
{
    digest128 *line = &lines->v[lines->n++];

    crypto_generichash_final(state, line->b, sizeof line->b);
}

static void add_list(struct lines *lines, json_t *list, const char *const *fields, size_t n)
{
    crypto_generichash_state state;

    for (size_t i = 0; i < json_array_size(list); i++) {
        start(&state, json_array_get(list, i), fields, n);
        end(&state, lines);
    }
}

/* "/dev/sda(20)" and "[unknown](20)" have other names elsewhere; "pool_tdata(0)" has not. On which
 * PV the extents are is told by the PV's own list. */
static void add_devices(crypto_generichash_state *state, const char *list)
{
    struct bytes rest = bytes_of(list), word;

    while (bytes_word(&rest, ",", &word)) {
        const uint8_t *extent = word.n == 0 ? NULL : memrchr(word.p, '(', word.n);

        if (extent != NULL && (word.p[0] == '/' || word.p[0] == '[')) {
            word.n -= (size_t)(extent - word.p);
            word.p = extent;
        }
        add_text(state, word.p, word.n);
    }
}

static void add_segments(struct lines *lines, const struct lvm_group *g)
{
    crypto_generichash_state state;

    for (size_t i = 0; i < g->seg_count; i++) {
        start(&state, g->segs[i].json, seg_fields, ARRAY_LEN(seg_fields));
        add_devices(&state, lvm_string(g->segs[i].json, "devices"));
        add_text(&state, "", 0);
        add_devices(&state, lvm_string(g->segs[i].json, "metadata_devices"));
        end(&state, lines);
    }
}

/* R: may be written, but this host has it active for reading alone. */
static void add_lvs(struct lines *lines, const struct lvm_group *g)
{
    crypto_generichash_state state;

    for (size_t i = 0; i < g->lv_count; i++) {
        const char *attr = lvm_string(g->lvs[i].json, "lv_attr");
        bool writable = attr[0] != '\0' && (attr[1] == 'w' || attr[1] == 'R');

        start(&state, g->lvs[i].json, lv_fields, ARRAY_LEN(lv_fields));
        add_text(&state, writable ? "w" : "r", 1);
        end(&state, lines);
    }
}

static int compare_line(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(digest128));
}

const char *lvm_digest(const struct lvm_group *g)
{
    size_t room =
        1 + json_array_size(g->pv_list) + g->lv_count + g->seg_count + json_array_size(g->pvsegs);
    struct lines lines = { .v = NULL };
    crypto_generichash_state state;
    digest128 out;
    char hex[2 * sizeof out + 1];

    lines.v = rows_array(g->r, room, sizeof *lines.v);
    if (lines.v == NULL)
        return NULL;
    start(&state, g->vg, vg_fields, ARRAY_LEN(vg_fields));
    end(&state, &lines);
    add_list(&lines, g->pv_list, pv_fields, ARRAY_LEN(pv_fields));
    add_list(&lines, g->pvsegs, pvseg_fields, ARRAY_LEN(pvseg_fields));
    add_lvs(&lines, g);
    add_segments(&lines, g);
    /* LVM orders PVs and LVs by names that differ from host to host. */
    qsort(lines.v, lines.n, sizeof *lines.v, compare_line);
    crypto_generichash(out.b, sizeof out.b, (const uint8_t *)lines.v, lines.n * sizeof *lines.v,
                       NULL, 0);
    return rows_text(g->r, bytes_of(sodium_bin2hex(hex, sizeof hex, out.b, sizeof out.b)));
}
