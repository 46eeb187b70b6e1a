/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The members of LVM's objects, and one group of them made ready to be searched. */
#include <stdlib.h>

#include "base/limits.h"
#include "collect/parse_lvm_rows.h"

const char *lvm_string(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

const char *lvm_text(struct rows *r, json_t *object, const char *name)
{
    return rows_text(r, bytes_of(lvm_string(object, name)));
}

struct opt lvm_number(json_t *object, const char *name)
{
    return bytes_number(bytes_of(lvm_string(object, name)), 10);
}

bool lvm_is_true(json_t *object, const char *name)
{
    struct opt number = lvm_number(object, name);

    return number.has && number.v != 0;
}

struct strs lvm_list(struct rows *r, json_t *object, const char *name)
{
    struct bytes rest = bytes_of(lvm_string(object, name)), word;
    size_t n = 0;
    const char **v;

    for (struct bytes left = rest; bytes_word(&left, ",", &word);)
        n++;
    v = rows_array(r, n, sizeof *v);
    if (v == NULL || n > LIMIT_STRINGS)
        return (struct strs){ .n = 0 };
    for (size_t i = 0; bytes_word(&rest, ",", &word); i++)
        v[i] = rows_text(r, word);
    return rows_strs(v, n);
}

static int compare_pvs(const void *a, const void *b)
{
    return strcmp(((const struct lvm_pv *)a)->uuid, ((const struct lvm_pv *)b)->uuid);
}

static int compare_lvs(const void *a, const void *b)
{
    return strcmp(((const struct lvm_lv *)a)->uuid, ((const struct lvm_lv *)b)->uuid);
}

static int compare_segs(const void *a, const void *b)
{
    const struct lvm_seg *x = a, *y = b;
    int order = strcmp(x->lv_uuid, y->lv_uuid);

    if (order != 0)
        return order;
    return x->start < y->start ? -1 : x->start > y->start;
}

size_t lvm_find_pv(const struct lvm_group *g, const char *uuid)
{
    struct lvm_pv key = { .uuid = uuid };
    const struct lvm_pv *pv = bsearch(&key, g->pvs, g->pv_count, sizeof key, compare_pvs);

    return pv == NULL ? g->pv_count : (size_t)(pv - g->pvs);
}

size_t lvm_find_lv(const struct lvm_group *g, const char *uuid)
{
    struct lvm_lv key = { .uuid = uuid };
    const struct lvm_lv *lv = bsearch(&key, g->lvs, g->lv_count, sizeof key, compare_lvs);

    return lv == NULL ? g->lv_count : (size_t)(lv - g->lvs);
}

bool lvm_index(struct lvm_group *g, json_t *object)
{
    json_t *lvs = json_object_get(object, "lv"), *segs = json_object_get(object, "seg");

    g->pv_list = json_object_get(object, "pv");
    g->pvsegs = json_object_get(object, "pvseg");
    g->pv_count = json_array_size(g->pv_list);
    g->lv_count = json_array_size(lvs);
    g->seg_count = json_array_size(segs);
    g->pvs = rows_array(g->r, g->pv_count, sizeof *g->pvs);
    g->lvs = rows_array(g->r, g->lv_count, sizeof *g->lvs);
    g->segs = rows_array(g->r, g->seg_count, sizeof *g->segs);
    if (g->r->failed)
        return false;
    for (size_t i = 0; i < g->pv_count; i++) {
        json_t *pv = json_array_get(g->pv_list, i);

        g->pvs[i] = (struct lvm_pv){ lvm_string(pv, "pv_uuid"), lvm_text(g->r, pv, "pv_uuid"),
                                     lvm_is_true(pv, "pv_missing") };
    }
    for (size_t i = 0; i < g->lv_count; i++) {
        json_t *lv = json_array_get(lvs, i);

        g->lvs[i] = (struct lvm_lv){ lvm_string(lv, "lv_uuid"), lvm_string(lv, "lv_name"), lv };
    }
    for (size_t i = 0; i < g->seg_count; i++) {
        json_t *seg = json_array_get(segs, i);

        g->segs[i] =
            (struct lvm_seg){ lvm_string(seg, "lv_uuid"), lvm_number(seg, "seg_start_pe").v, seg };
    }
    qsort(g->pvs, g->pv_count, sizeof *g->pvs, compare_pvs);
    qsort(g->lvs, g->lv_count, sizeof *g->lvs, compare_lvs);
    qsort(g->segs, g->seg_count, sizeof *g->segs, compare_segs);
    return true;
}
