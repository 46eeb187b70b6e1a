/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all nodes that see one LUN or volume group should agree on. A resource keeps what it was
 * last said to be, and how many of its sightings say otherwise: none in nearly all, so that to keep
 * it up costs nothing that grows with the number of nodes. Who first says something new makes an
 * event; those that follow make none. Sightings that differ are a doubt, shown until they agree;
 * the list of who says what is made when it is asked for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum {
    SPLIT_MS = 30000, /* in which every node should have read a VG's new metadata */
    VERSIONS = 4,     /* told in one sentence */
    NAMES = 3,        /* of nodes, told for each */
};

static bool differs(const struct resource *r, const struct sighting *g)
{
    return g->seen.size != r->size || g->seen.mark != r->mark;
}

bool version_is_other(const struct edge *e)
{
    return e->sightings != NULL && differs(e->resource, e->sightings);
}

static void recount(struct resource *r)
{
    r->others = 0;
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        for (const struct sighting *g = e->sightings; g != NULL; g = g->next)
            r->others += differs(r, g);
    }
}

/* The newest as far as figures tell: the highest. */
static void pick(struct resource *r)
{
    r->size = 0;
    r->mark = UINT64_MAX;
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        for (const struct sighting *g = e->sightings; g != NULL; g = g->next) {
            if (g->seen.size < r->size || (g->seen.size == r->size && g->seen.mark >= r->mark))
                continue;
            r->size = g->seen.size;
            r->mark = g->seen.mark;
        }
    }
    recount(r);
}

void version_add(struct sighting *g)
{
    struct resource *r = g->edge->resource;

    if (r->kind == RESOURCE_NETWORK)
        return;
    if (r->twin != NULL)
        r->twin->of->stale = true;
    if (r->sightings++ == 0) {
        r->size = g->seen.size;
        r->mark = g->seen.mark;
    }
    r->others += differs(r, g);
}

void version_remove(struct resource *r, const struct sighting *g)
{
    if (r->kind == RESOURCE_NETWORK)
        return;
    if (r->twin != NULL)
        r->twin->of->stale = true;
    r->others -= differs(r, g);
    r->sightings--;
    if (r->sightings == 0)
        r->size = r->mark = 0; /* as after a start: nobody says anything */
    else if (r->others == r->sightings)
        pick(r);
}

static int lun_event(struct step *s, const struct edge *e, uint64_t was, uint64_t is)
{
    char label[200], from[24], to[24];

    resource_label_in(e->resource, label, sizeof label);
    return event(s, is > was ? "lun.grown" : "lun.shrunk",
                 is > was ? SEVERITY_INFO : SEVERITY_WARNING, e->node, e->resource,
                 "LUN %s has %s from %s to %s: %s is the first to see it.", label,
                 is > was ? "grown" : "shrunk", bytes_text(was, from), bytes_text(is, to),
                 e->node->row.name);
}

static int vg_event(struct step *s, const struct edge *e, uint64_t was, uint64_t is)
{
    bool outside = vg_is_outside(e->resource);
    char label[200];

    resource_label_in(e->resource, label, sizeof label);
    return event(s, "vg.changed", is > was && !outside ? SEVERITY_INFO : SEVERITY_WARNING, e->node,
                 e->resource,
                 is == was ? "Volume group %s has other metadata at the same version (%llu, now "
                             "%llu): %s is the first to see it.%s"
                           : "Volume group %s went from version %llu to %llu: %s is the first to "
                             "see it.%s",
                 label, (unsigned long long)was, (unsigned long long)is, e->node->row.name,
                 outside ? " No task has done that, and nobody but muster may change it." : "");
}

/* Is what it says now what nobody has said before? A volume group's version that is older than one
 * that another node sees is what this node has not caught up from. */
static bool is_news(const struct resource *r, const struct sighting *g, uint64_t was)
{
    if (was == 0 || g->seen.size == 0)
        return false;
    if (r->kind == RESOURCE_LUN)
        return g->seen.size != r->size && g->seen.size != was;
    return r->kind == RESOURCE_VG && differs(r, g) &&
           !(g->seen.size < r->size && r->others < r->sightings - 1);
}

int version_change(struct step *s, struct sighting *g, uint64_t size, uint64_t mark)
{
    struct resource *r = g->edge->resource;
    uint64_t was = g->seen.size;
    int rc;

    if (g->seen.size == size && g->seen.mark == mark)
        return 0;
    if (r->twin != NULL)
        r->twin->of->stale = true;
    r->others -= differs(r, g);
    g->seen.size = size;
    g->seen.mark = mark;
    if (!is_news(r, g, was)) {
        r->others += differs(r, g);
        if (r->others == r->sightings)
            pick(r);
        return 0;
    }
    r->size = size;
    r->mark = mark;
    recount(r);
    rc = event_due_of_node(s, g->edge->node);
    if (rc != 1)
        return rc;
    return r->kind == RESOURCE_LUN ? lun_event(s, g->edge, was, size)
                                   : vg_event(s, g->edge, was, size);
}

/* ---- the sentence --------------------------------------------------------------------------- */

/* What some nodes say: of them all the number, and the first by their numbers. */
struct version {
    uint64_t size, mark;
    const struct node *nodes[NAMES];
    uint32_t count;
};

struct versions {
    struct version v[VERSIONS];
    size_t n;
    bool more, sizes, marks; /* there are more of them; they contradict each other in size, mark */
};

static void version_name(struct version *v, const struct node *n)
{
    size_t at = v->count < NAMES ? v->count : NAMES;

    v->count++;
    while (at > 0 && v->nodes[at - 1]->row.no > n->row.no) {
        if (at < NAMES)
            v->nodes[at] = v->nodes[at - 1];
        at--;
    }
    if (at < NAMES)
        v->nodes[at] = n;
}

static void versions_add(struct versions *vs, const struct node *n, const struct seen *g)
{
    size_t i = 0, end;

    while (i < vs->n &&
           (vs->v[i].size > g->size || (vs->v[i].size == g->size && vs->v[i].mark < g->mark)))
        i++;
    if (i == vs->n || vs->v[i].size != g->size || vs->v[i].mark != g->mark) {
        if (vs->n == VERSIONS) {
            vs->more = true;
            if (i == VERSIONS)
                return;
        }
        end = vs->n < VERSIONS ? vs->n++ : VERSIONS - 1;
        memmove(&vs->v[i + 1], &vs->v[i], (end - i) * sizeof vs->v[0]);
        vs->v[i] = (struct version){ .size = g->size, .mark = g->mark };
    }
    version_name(&vs->v[i], n);
}

static void versions_of(const struct resource *r, struct versions *vs)
{
    uint64_t size = 0, mark = 0;

    memset(vs, 0, sizeof *vs);
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        for (const struct sighting *g = e->sightings; g != NULL; g = g->next) {
            versions_add(vs, e->node, &g->seen);
            vs->sizes = vs->sizes || (size != 0 && g->seen.size != 0 && size != g->seen.size);
            vs->marks = vs->marks || (mark != 0 && g->seen.mark != 0 && mark != g->seen.mark);
            size = g->seen.size != 0 ? g->seen.size : size;
            mark = g->seen.mark != 0 ? g->seen.mark : mark;
        }
    }
}

static char *names_text(struct arena *a, const struct version *v)
{
    char *out = arena_strdup(a, "");
    uint32_t shown = v->count < NAMES ? v->count : NAMES;

    for (uint32_t i = 0; i < shown && out != NULL; i++) {
        const struct node *n = v->nodes[i];
        bool silent = n->live == NODE_SUSPECT || n->live == NODE_DOWN;

        out = arena_printf(a, "%s%s%s%s", out,
                           i == 0              ? ""
                           : i + 1 == v->count ? " and "
                                               : ", ",
                           n->row.name, silent ? " (silent)" : "");
    }
    if (out != NULL && v->count > shown)
        out = arena_printf(a, "%s and %u more", out, v->count - shown);
    return out;
}

/* "20 GiB at n1 and n2; 10 GiB at n3" */
static char *versions_text(struct arena *a, const struct resource *r, const struct versions *vs)
{
    char *out = arena_strdup(a, ""), *names;
    char what[48], size[24];

    for (size_t i = 0; i < vs->n && out != NULL; i++) {
        const struct version *v = &vs->v[i];

        if (v->size == 0)
            snprintf(what, sizeof what, "not known");
        else if (r->kind == RESOURCE_LUN)
            snprintf(what, sizeof what, "%s", bytes_text(v->size, size));
        else
            snprintf(what, sizeof what, "version %llu", (unsigned long long)v->size);
        names = names_text(a, v);
        out = names == NULL ? NULL
                            : arena_printf(a, "%s%s%s at %s", out, i == 0 ? "" : "; ", what, names);
    }
    return out != NULL && vs->more ? arena_printf(a, "%s; and others", out) : out;
}

static bool no_doubt(const struct resource *r, const struct versions *vs)
{
    return !vs->marks && (!vs->sizes || (r->kind != RESOURCE_LUN && r->kind != RESOURCE_VG));
}

int version_doubt(struct arena *a, const struct resource *r, const char **out)
{
    struct versions vs;
    char at[TIME_TEXT];
    const char *list;

    *out = NULL;
    if (r->doubt_since.v == 0 || r->others == 0)
        return 0;
    versions_of(r, &vs);
    if (no_doubt(r, &vs))
        return 0;
    list = versions_text(a, r, &vs);
    if (list == NULL)
        return -ENOMEM;
    wall_rfc3339(r->doubt_since, at);
    if (r->kind == RESOURCE_VG)
        *out = arena_printf(a, "split: nodes see different metadata since %s: %s.", at, list);
    else if (vs.marks)
        *out = arena_printf(a,
                            "disputed: nodes see different serial numbers under this identifier "
                            "since %s (%s): that they share one LUN is not proven.",
                            at, list);
    else if (r->mark == 0)
        *out = arena_printf(a,
                            "disputed: nodes see different sizes since %s (%s), and there is no "
                            "serial number to compare: that they share one LUN is not proven.",
                            at, list);
    else
        *out = arena_printf(a,
                            "resized: nodes see different sizes since %s, with one serial number: "
                            "%s; those that lag behind have to rescan it.",
                            at, list);
    return *out == NULL ? -ENOMEM : 0;
}

/* ---- since when ----------------------------------------------------------------------------- */

static int split_await(struct coord *c, const struct resource *r)
{
    if (c->split_count == c->split_cap) {
        size_t cap = c->split_cap == 0 ? 16 : 2 * c->split_cap;
        struct split *more = realloc(c->splits, cap * sizeof *more);

        if (more == NULL)
            return -ENOMEM;
        c->splits = more;
        c->split_cap = cap;
    }
    c->splits[c->split_count++] = (struct split){ r->id, { c->now.v + SPLIT_MS } };
    return 0;
}

/* Nodes that differ in size alone see a LUN grow one after the other, which is no news. */
static int dispute_event(struct step *s, const struct edge *e)
{
    struct versions vs;
    char label[200];
    int rc;

    versions_of(e->resource, &vs);
    if (no_doubt(e->resource, &vs) || (!vs.marks && e->resource->mark != 0))
        return 0;
    rc = event_due_of_node(s, e->node);
    if (rc != 1)
        return rc;
    resource_label_in(e->resource, label, sizeof label);
    return event(s, "lun.disputed", SEVERITY_WARNING, e->node, e->resource,
                 "%s sees LUN %s with another %s than other nodes: that they share one LUN is not "
                 "proven.",
                 e->node->row.name, label, vs.marks ? "serial number" : "size");
}

int version_settle(struct step *s, struct resource *r, const struct edge *by)
{
    bool is = r->others > 0 && (r->kind == RESOURCE_LUN || r->kind == RESOURCE_VG);
    int rc = 0;

    if (is == (r->doubt_since.v != 0))
        return 0;
    r->doubt_since = is ? s->c->wall : (wall_ms){ 0 };
    r->doubt_told = false;
    touch_resource(s->c, r);
    if (is && r->kind == RESOURCE_VG)
        rc = split_await(s->c, r);
    else if (is && by != NULL)
        rc = dispute_event(s, by);
    return rc < 0 ? rc : emit_resource(s, r);
}

int version_load(struct coord *c)
{
    struct resource *r;
    size_t it = 0;

    while ((r = map_next(c->resources, &it)) != NULL) {
        int rc = 0;

        if (r->others > 0)
            pick(r);
        if (r->kind == RESOURCE_VG && r->doubt_since.v != 0 && !r->doubt_told)
            rc = split_await(c, r);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int split_event(struct step *s, struct resource *r)
{
    const char *doubt;
    char label[200];
    int rc = version_doubt(s->u->arena, r, &doubt);

    if (rc < 0 || doubt == NULL)
        return rc;
    r->doubt_told = true;
    touch_resource(s->c, r);
    resource_label_in(r, label, sizeof label);
    rc = event(s, "vg.split", SEVERITY_WARNING, NULL, r, "Volume group %s is %s", label, doubt);
    return rc < 0 ? rc : emit_resource(s, r);
}

int version_tick(struct step *s)
{
    struct coord *c = s->c;
    size_t kept = 0;
    int rc = 0;

    if (c->read_only)
        return 0;
    for (size_t i = 0; i < c->split_count; i++) {
        struct split *p = &c->splits[i];
        struct resource *r = resource_by_id(c, p->resource);

        if (r == NULL || r->doubt_since.v == 0 || r->doubt_told)
            continue;
        if (rc < 0 || p->due.v > c->now.v)
            c->splits[kept++] = *p;
        else
            rc = split_event(s, r);
    }
    c->split_count = kept;
    return rc;
}

mono_ms version_deadline(const struct coord *c)
{
    mono_ms at = MONO_NEVER;

    for (size_t i = 0; i < c->split_count && !c->read_only; i++) {
        if (c->splits[i].due.v < at.v)
            at = c->splits[i].due;
    }
    return at;
}
