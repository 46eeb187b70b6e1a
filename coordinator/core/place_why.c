/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a node is not eligible, or not the first choice: all that is against it, each with what would
 * mend it, in the words that explain and the conflict function have for it. */
#include <errno.h>

#include "base/bits.h"
#include "core/core_internal.h"
#include "core/trust.h"
#include "core/explain_internal.h"
#include "core/place.h"

/* The reasons of one node that are being put together. */
struct why {
    const struct place *p;
    const struct node *n;
    struct chain ch; /* texts, and whether memory was out */
    struct place_reason *v;
    size_t count;
};

enum { OF_A_NODE = 2, OF_A_NEED = 3 }; /* reasons, at most */

/* `need` NULL: of the node itself. */
static void add(struct why *w, const struct place_need *need, const char *state, const char *text,
                const char *mend)
{
    struct place_reason *r = &w->v[w->count++];

    if (need != NULL)
        REC_SET(r, place_reason, resource, need->resource->index);
    REC_SET(r, place_reason, state, state);
    REC_SET(r, place_reason, text, text);
    REC_PUT(r, place_reason, mend, mend);
}

/* ---- the node itself ------------------------------------------------------------------------ */

static void of_node(struct why *w)
{
    const char *state = node_state_name(w->n);
    const char *name = chain_text(&w->ch, "%s", w->n->row.name);
    struct node_fault fault;

    if (explain_node_fault(&w->ch, state, name, &fault))
        add(w, NULL, state, chain_text(&w->ch, "%s %s.", name, fault.text), fault.mend);
    else if (!may_order(w->n))
        add(w, NULL, "unregistered",
            chain_text(&w->ch, "%s is not registered: its probe has ended, or begins.", name),
            chain_text(&w->ch, "Is muster-probe running on %s?", name));
    if (w->n->row.draining)
        add(w, NULL, "draining",
            chain_text(&w->ch, "%s is draining: nothing new is placed on it.", name),
            chain_text(&w->ch, "muster node drain %s --end", name));
}

/* ---- what it sees of a need ----------------------------------------------------------------- */

/* The first section, of those that tell of the resource, that is in this state; -1: none. */
static int section_that(const struct edge *e, bool (*is)(const struct slot *slot))
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        if ((e->held_by >> i & 1u) != 0 && is(&e->node->sections[i]))
            return i;
    }
    return -1;
}

static bool is_untold(const struct slot *slot)
{
    return !slot->stored || slot->status == SECTION_NEVER;
}

static bool is_unconfirmed(const struct slot *slot)
{
    return !slot->confirmed;
}

static bool is_bad(const struct slot *slot)
{
    return slot->status == SECTION_STUCK || slot->status == SECTION_FAILED;
}

/* Of a node that is not heard the node's own reason says it. */
static const char *why_unknown(struct why *w, const struct edge *e)
{
    int untold = section_that(e, is_untold), unconfirmed = section_that(e, is_unconfirmed);

    if (w->n->row.admission != NODE_APPROVED || w->n->live != NODE_UP)
        return "";
    if (untold >= 0)
        return chain_text(&w->ch, "; it has not reported its %s in this boot",
                          section_descs[untold].name);
    if (unconfirmed >= 0)
        return chain_text(&w->ch,
                          "; it has not confirmed its %s since the coordinator started, or since "
                          "it was silent",
                          section_descs[unconfirmed].name);
    return "; an earlier boot of it has seen it, and this one has not told of it";
}

static const char *why_stuck(struct why *w, const struct edge *e)
{
    int bad = section_that(e, is_bad);
    const char *text = bad < 0 ? NULL : w->n->sections[bad].status_text;

    if (bad < 0)
        return "; it does not answer";
    return chain_text(&w->ch, "; its %s cannot be read%s%s%s", section_descs[bad].name,
                      text != NULL ? " (" : "", text != NULL ? text : "", text != NULL ? ")" : "");
}

static const char *edge_why(struct why *w, const struct edge *e)
{
    if (e->shown == EDGE_UNKNOWN)
        return why_unknown(w, e);
    if (e->shown == EDGE_STUCK)
        return why_stuck(w, e);
    if (e->shown == EDGE_QUARANTINED)
        return chain_text(&w->ch, "; when it looked, something else was there (%s)",
                          e->distrust->text);
    return "";
}

static const char *edge_text(struct why *w, const struct edge *e, const char *label)
{
    struct edge_info had = { .paths_active = e->paths_active, .paths_had = e->paths_had };
    const struct edge_words *words = &edge_words[e->shown];

    if (e->had_until.v != 0)
        REC_SET(&had, edge_info, had_until_ms, e->had_until.v);
    return chain_text(&w->ch, "%s%s%s%s%s: %u of %u %s%s%s.", words->before, w->n->row.name,
                      words->verb, label, words->after, e->paths_active, e->paths_total,
                      kind_parts((enum resource_kind)e->resource->kind), explain_had(&w->ch, &had),
                      edge_why(w, e));
}

static void of_edge(struct why *w, const struct place_need *need)
{
    const struct edge *e = edge_find(w->n, need->carrier);
    const char *label = resource_label(w->p->a, need->resource), *mend;

    if (label == NULL) {
        w->ch.failed = true;
        return;
    }
    mend = chain_text(&w->ch, "muster explain %s %s", w->n->row.name, label);
    if (e == NULL)
        add(w, need, "missing", chain_text(&w->ch, "%s does not see %s.", w->n->row.name, label),
            mend);
    else if (e->shown != EDGE_OK)
        add(w, need, edge_state_name((enum edge_state)e->shown), edge_text(w, e, label), mend);
}

/* ---- what it may not have, though it sees it ------------------------------------------------- */

static int of_version(struct why *w, const struct place_need *need)
{
    const struct edge *e = need->vg == NULL ? NULL : edge_find(w->n, need->vg);
    const char *text;

    if (e == NULL || !version_is_other(e))
        return 0;
    if (activation_stale(w->p->a, w->n, need->vg, &text) < 0)
        return -ENOMEM;
    add(w, need, "behind", chain_text(&w->ch, "%s.", text),
        chain_text(&w->ch,
                   "It reads the metadata again at its next rescan; muster vg show %s "
                   "tells who has which",
                   need->vg->label));
    return 0;
}

static void of_taker(struct why *w, const struct place_need *need)
{
    const struct place_bar *bar = w->n == need->taker ? &need->taker_bar : &need->bar;

    if (bar->text != NULL)
        add(w, need, "taken", bar->text, bar->mend);
}

int place_reasons(const struct place *p, const struct node *n, uint64_t mask, struct recs *out)
{
    size_t most = OF_A_NODE + OF_A_NEED * (size_t)bits_in(mask);
    struct why w = { .p = p, .n = n, .ch = { .a = p->a } };
    int rc = 0;

    w.v = arena_array(p->a, most, sizeof *w.v);
    if (w.v == NULL)
        return -ENOMEM;
    if ((mask & PLACE_OUT) != 0)
        of_node(&w);
    for (size_t i = 0; rc == 0 && i < p->need_count; i++) {
        if ((mask & (PLACE_UNFIT(i) | PLACE_DEGRADED(i))) == 0)
            continue;
        of_edge(&w, &p->needs[i]);
        rc = of_version(&w, &p->needs[i]);
        of_taker(&w, &p->needs[i]);
    }
    *out = (struct recs){ w.v, w.count };
    return w.ch.failed ? -ENOMEM : rc;
}
