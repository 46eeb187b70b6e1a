/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer to "where can this run": the eligible nodes in their order, then the others with all
 * that is against them. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "core/core_internal.h"
#include "core/place.h"

/* Of all nodes together; those that come after it are not listed, and the answer says that there
 * are more. */
enum { REASONS_MOST = 65536 };

struct candidate {
    struct node *node;
    uint64_t mask;
    uint32_t degraded, under_way, against; /* how many */
};

struct candidates {
    struct candidate *v; /* eligible first */
    size_t n, eligible;
};

/* ---- the total order ------------------------------------------------------------------------ */

/* In the order in which by_rank() asks. */
static const char *const order[] = {
    "fewest needed resources that it sees in part",
    "fewest orders and scans under way on it",
    "known to the coordinator for longest",
};

static int compare(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

/* The eligible as `order` says; then the others, those first that least is against. */
static int by_rank(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int d = compare(x->against, y->against);

    if (d == 0)
        d = compare(x->degraded, y->degraded);
    if (d == 0)
        d = compare(x->under_way, y->under_way);
    return d != 0 ? d : compare(x->node->row.no, y->node->row.no);
}

static uint32_t under_way(const struct node *n)
{
    uint32_t count = 0;

    for (const struct link *l = n->under_way.next; l != &n->under_way; l = l->next)
        count++;
    return count;
}

static void candidate_add(struct candidates *x, struct node *n, bool eligible, uint64_t mask)
{
    uint64_t against = mask & PLACE_AGAINST;

    assert(eligible == (against == 0));
    x->v[x->n++] = (struct candidate){ .node = n,
                                       .mask = mask,
                                       .degraded = bits_in(mask & ~PLACE_AGAINST),
                                       .under_way = eligible ? under_way(n) : 0,
                                       .against = bits_in(against) };
    x->eligible += eligible;
}

/* All nodes, or those that were chosen. */
static int candidates_find(struct answer *q, const struct place *p, const struct chosen *ch,
                           struct candidates *x)
{
    size_t all = ch->node_count > 0 ? ch->node_count : q->c->node_count;
    uint64_t *set = arena_array(q->a, p->words, sizeof *set);
    uint64_t *masks = arena_array(q->a, p->words * BITS_A_WORD, sizeof *masks);

    *x = (struct candidates){ .v = arena_array(q->a, all, sizeof *x->v) };
    if (set == NULL || masks == NULL || x->v == NULL)
        return -ENOMEM;
    place_eligible(p, set);
    place_masks(p, masks);
    for (size_t i = 0; i < all; i++) {
        struct node *n = ch->node_count > 0 ? ch->nodes[i] : q->c->nodes[i];

        candidate_add(x, n, bits_has(set, n->slot), masks[n->slot]);
    }
    qsort(x->v, x->n, sizeof *x->v, by_rank);
    return 0;
}

/* ---- what is listed ------------------------------------------------------------------------- */

/* Takes out what is over the request's limit of each of the two lists, and over what one answer
 * holds. */
static void candidates_cut(const struct answer *q, struct candidates *x)
{
    uint64_t limit = REC_HAS(q->req, request, limit) ? q->req->limit : UINT64_MAX;
    size_t kept = 0, reasons = 0;

    for (size_t i = 0; i < x->n && reasons < REASONS_MOST; i++) {
        size_t at = i < x->eligible ? i : i - x->eligible;

        if (at >= limit)
            continue;
        reasons += 1 + x->v[i].against + x->v[i].degraded;
        x->v[kept++] = x->v[i];
    }
    x->n = kept;
}

/* Gives nodes and resources of the reply their numbers. */
static int pick_them(struct answer *q, const struct candidates *x, const struct chosen *ch)
{
    struct pick p;
    int rc = pick_init(&p, q->a, x->n, ch->resource_count, 0);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < x->n; i++)
        p.nodes[p.node_count++] = x->v[i].node;
    for (size_t i = 0; i < ch->resource_count; i++)
        p.resources[p.resource_count++] = ch->resources[i];
    return pick_reply(q, &p);
}

static int fill_node(const struct place *p, const struct candidate *x, uint64_t rank,
                     struct place_node *out)
{
    struct recs reasons;
    int rc = place_reasons(p, x->node, x->mask, &reasons);

    REC_SET(out, place_node, node, x->node->index);
    if (rank > 0)
        REC_SET(out, place_node, rank, rank);
    REC_SET(out, place_node, degraded, x->degraded);
    if (rank > 0)
        REC_SET(out, place_node, under_way, x->under_way);
    REC_SET(out, place_node, reasons, reasons);
    return rc;
}

static int fill(struct answer *q, const struct place *p, const struct candidates *x, size_t all)
{
    struct place_node *v = arena_array(q->a, x->n, sizeof *v);
    struct placement *sum = arena_zalloc(q->a, sizeof *sum);
    int rc = v == NULL || sum == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < x->n; i++)
        rc = fill_node(p, &x->v[i], x->v[i].against == 0 ? i + 1 : 0, &v[i]);
    if (rc < 0)
        return rc;
    REC_SET(sum, placement, eligible, x->eligible);
    REC_SET(sum, placement, not_eligible, all - x->eligible);
    REC_SET(sum, placement, order, ((struct strs){ order, ARRAY_LEN(order) }));
    REC_SET(q->r, reply, placement, sum);
    REC_SET(q->r, reply, place_nodes, ((struct recs){ v, x->n }));
    REC_SET(q->r, reply, more, x->n < all);
    return 0;
}

/* ---- the operation -------------------------------------------------------------------------- */

int op_place(struct answer *q)
{
    struct chosen ch = { .nodes = NULL };
    struct candidates x = { .v = NULL };
    struct place p;
    bool good = true;
    size_t all;
    int rc;

    if (q->req->resources.n == 0 || q->req->resources.n > LIMIT_NEEDS)
        return answer_fail(q, REPLY_INVALID,
                           "The request names %zu resources that are needed, and it takes 1 to %u.",
                           q->req->resources.n, LIMIT_NEEDS);
    rc = choose_nodes(q, &ch, &good);
    if (rc == 0 && good)
        rc = choose_resources(q, &ch, &good);
    if (rc < 0 || !good)
        return rc;
    rc = place_begin(&p, q->c, q->a, ch.resources, ch.resource_count);
    if (rc == 0)
        rc = candidates_find(q, &p, &ch, &x);
    if (rc < 0)
        return rc;
    all = x.n;
    candidates_cut(q, &x);
    rc = pick_them(q, &x, &ch);
    return rc < 0 || q->r->code != REPLY_OK ? rc : fill(q, &p, &x, all);
}
