/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which PVs an LV lies on. A thin LV has no extents of its own: it leads to its pool, that to its
 * data and metadata, and those to PVs; RAID, mirrors, caches and snapshots likewise. */
#include <stdlib.h>

#include "base/limits.h"
#include "collect/parse_lvm_rows.h"

/* Nodes are the LVs, then the PVs. */
struct edge {
    size_t from, to;
};

struct graph {
    const struct lvm_group *g;
    size_t *by_name;    /* positions of LVs, sorted by name */
    struct edge *edges; /* NULL: they are counted only */
    size_t edge_count;
    size_t *first; /* of each LV in `edges`, and their end */
    size_t *stack; /* nodes to visit */
    size_t *seen;  /* node -> 1 + the last LV from which it was reached */
    size_t *found; /* positions of PVs */
};

static void add_edge(struct graph *x, size_t from, size_t to)
{
    if (x->edges != NULL)
        x->edges[x->edge_count] = (struct edge){ from, to };
    x->edge_count++;
}

static int compare_names(const void *a, const void *b, void *group)
{
    const struct lvm_group *g = group;

    return strcmp(g->lvs[*(const size_t *)a].name, g->lvs[*(const size_t *)b].name);
}

static size_t find_name(const struct graph *x, struct bytes name)
{
    size_t low = 0, high = x->g->lv_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *at = x->g->lvs[x->by_name[middle]].name;
        int order = strncmp(at, (const char *)name.p, name.n);

        if (order == 0 && at[name.n] == '\0')
            return x->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return x->g->lv_count;
}

static void add_name(struct graph *x, size_t from, struct bytes name)
{
    size_t to = name.n == 0 ? x->g->lv_count : find_name(x, name);

    if (to < x->g->lv_count)
        add_edge(x, from, to);
}

/* "NAME(EXTENT),..." of a segment. PVs among them are told by their own lists, by UUID. */
static void add_devices(struct graph *x, size_t from, const char *list)
{
    struct bytes rest = bytes_of(list), word;

    while (bytes_word(&rest, ",", &word)) {
        const uint8_t *extent = word.n == 0 ? NULL : memrchr(word.p, '(', word.n);

        if (extent != NULL)
            add_name(x, from, (struct bytes){ word.p, (size_t)(extent - word.p) });
    }
}

static void add_edges(struct graph *x)
{
    static const char *const names[] = { "origin",      "pool_lv",    "data_lv",
                                         "metadata_lv", "mirror_log", "convert_lv" };
    const struct lvm_group *g = x->g;

    x->edge_count = 0;
    for (size_t i = 0; i < g->lv_count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            add_name(x, i, bytes_of(lvm_string(g->lvs[i].json, names[k])));
    }
    for (size_t i = 0; i < g->seg_count; i++) {
        size_t lv = lvm_find_lv(g, g->segs[i].lv_uuid);

        if (lv == g->lv_count)
            continue;
        add_devices(x, lv, lvm_string(g->segs[i].json, "devices"));
        add_devices(x, lv, lvm_string(g->segs[i].json, "metadata_devices"));
    }
    for (size_t i = 0; i < json_array_size(g->pvsegs); i++) {
        json_t *pvseg = json_array_get(g->pvsegs, i);
        size_t lv = lvm_find_lv(g, lvm_string(pvseg, "lv_uuid"));
        size_t pv = lvm_find_pv(g, lvm_string(pvseg, "pv_uuid"));

        if (lv < g->lv_count && pv < g->pv_count)
            add_edge(x, lv, g->lv_count + pv);
    }
}

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

static bool make(struct graph *x, const struct lvm_group *g)
{
    size_t nodes = g->lv_count + g->pv_count;

    *x = (struct graph){ .g = g };
    x->by_name = rows_array(g->r, g->lv_count, sizeof *x->by_name);
    x->first = rows_array(g->r, g->lv_count + 1, sizeof *x->first);
    x->stack = rows_array(g->r, nodes, sizeof *x->stack);
    x->seen = rows_array(g->r, nodes, sizeof *x->seen);
    x->found = rows_array(g->r, g->pv_count, sizeof *x->found);
    if (g->r->failed)
        return false;
    for (size_t i = 0; i < g->lv_count; i++)
        x->by_name[i] = i;
    qsort_r(x->by_name, g->lv_count, sizeof *x->by_name, compare_names, (void *)(uintptr_t)g);
    add_edges(x);
    x->edges = rows_array(g->r, x->edge_count, sizeof *x->edges);
    if (x->edges == NULL)
        return false;
    add_edges(x);
    qsort(x->edges, x->edge_count, sizeof *x->edges, compare_edges);
    for (size_t i = 0, at = 0; i <= g->lv_count; i++) {
        while (at < x->edge_count && x->edges[at].from < i)
            at++;
        x->first[i] = at;
    }
    return true;
}

/* Fills x->found. Every node is reached once, whatever circles there are. */
static size_t reach(struct graph *x, size_t lv)
{
    size_t depth = 0, found = 0;

    x->stack[depth++] = lv;
    x->seen[lv] = lv + 1;
    while (depth > 0) {
        size_t node = x->stack[--depth];

        if (node >= x->g->lv_count) {
            x->found[found++] = node - x->g->lv_count;
            continue;
        }
        for (size_t i = x->first[node]; i < x->first[node + 1]; i++) {
            size_t to = x->edges[i].to;

            if (x->seen[to] == lv + 1)
                continue;
            x->seen[to] = lv + 1;
            x->stack[depth++] = to;
        }
    }
    return found;
}

void lvm_pvs_below(const struct lvm_group *g, struct lv *rows)
{
    struct graph x;

    if (g->lv_count == 0 || !make(&x, g))
        return;
    for (size_t i = 0; i < g->lv_count; i++) {
        size_t n = reach(&x, i), here = 0;
        const char **v = rows_array(g->r, n, sizeof *v);

        if (v == NULL)
            return;
        for (size_t k = 0; k < n; k++) {
            const struct lvm_pv *pv = &g->pvs[x.found[k]];

            v[k] = pv->row_uuid;
            here += !pv->missing;
        }
        if (n > 0 && n <= LIMIT_STRINGS)
            REC_SET(&rows[i], lv, pvs, rows_strs(v, n));
        REC_SET(&rows[i], lv, paths_active, here);
        REC_SET(&rows[i], lv, paths_total, n);
    }
}
