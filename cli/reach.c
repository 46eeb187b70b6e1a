/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has read a filesystem here, or proven that he reaches it, when, and who has not. */
#include "scan.h"

#define MOST_REACHES 40 /* nodes of one kind that are listed one by one */
#define MOST_UNASKED 8  /* names or ranges of names */

/* In this order: what is not well comes first. */
static const struct {
    const char *how, *words;
} kinds[] = {
    { "not_proven", "reach not proven" },
    { "read_here", "read here" },
    { "proven", "reach proven" },
};

/* They are in the order of their resources: the first of this one, and how many there are. */
static const struct reach_info *reaches_of(const struct reply *r, size_t resource, size_t *n)
{
    const struct reach_info *v = r->reaches.v;
    size_t first = FIRST_OF_RESOURCE(r->reaches, reach_info, resource);

    *n = 0;
    while (first + *n < r->reaches.n && v[first + *n].resource == resource)
        ++*n;
    return v + first;
}

static bool is_kind(const struct reach_info *x, size_t kind)
{
    return x->how != NULL && strcmp(x->how, kinds[kind].how) == 0;
}

/* "xen1: reach not proven at 2026-11-24 15:59:11 +0100: It does not answer." */
static const char *reach_line(struct text *t, const struct reply *r, const struct reach_info *x,
                              size_t kind)
{
    const struct node_info *n = (const struct node_info *)r->nodes.v + x->node;
    char time[LOCAL_TIME_TEXT];

    return text_format(t, "%s: %s at %s%s%s%s", n->name, kinds[kind].words,
                       local_time(x->at_ms, time), x->this_boot ? "" : ", in an earlier boot",
                       x->reason != NULL ? ": " : "", x->reason != NULL ? x->reason : "");
}

/* Of one kind. Returns how many lines there are now. */
static size_t kind_pairs(struct text *t, const struct reply *r, size_t resource, size_t kind,
                         size_t lines)
{
    size_t count, n = 0;
    const struct reach_info *x = reaches_of(r, resource, &count);

    for (size_t i = 0; i < count; i++) {
        if (!is_kind(&x[i], kind))
            continue;
        if (n++ < MOST_REACHES)
            text_pair(t, lines++ == 0 ? "reach" : "", "%s", reach_line(t, r, &x[i], kind));
    }
    if (n > MOST_REACHES)
        text_pair(t, "", "%s; --json has all",
                  text_format(t, "and %zu more: %s", n - MOST_REACHES, kinds[kind].words));
    return lines;
}

static bool is_told(const struct reply *r, const struct edge_info *e)
{
    size_t count;
    const struct reach_info *x = reaches_of(r, (size_t)e->resource, &count);

    for (size_t i = 0; i < count; i++) {
        if (x[i].node == e->node)
            return true;
    }
    return false;
}

/* Who sees it, and has not been asked yet. */
static const char *unasked(struct text *t, const struct reply *r, size_t resource)
{
    const struct edge_info *e = r->edges.v;
    const char **names = arena_array(t->arena, r->edges.n, sizeof *names);
    size_t n = 0;

    if (names == NULL) {
        t->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        if (e[i].resource == resource && e[i].state != EDGE_LOST && !is_told(r, &e[i]))
            names[n++] = node_of(r, &e[i])->name;
    }
    return n > 0 ? name_ranges(t, names, n, MOST_UNASKED) : NULL;
}

void reach_pairs(struct text *t, const struct reply *r, size_t resource, bool scanned)
{
    size_t lines = 0;
    const char *rest;

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        lines = kind_pairs(t, r, resource, k, lines);
    rest = lines > 0 || scanned ? unasked(t, r, resource) : NULL;
    if (rest != NULL)
        text_pair(t, lines == 0 ? "reach" : "", "%s: not asked yet", rest);
}
