/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/explain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/explain_internal.h"

/* ---- the chain ------------------------------------------------------------------------------ */

static struct evidence *chain_room(struct chain *ch)
{
    size_t cap = ch->cap == 0 ? 16 : 2 * ch->cap;
    struct evidence *more;

    if (ch->n < ch->cap)
        return &ch->v[ch->n++];
    more = arena_array(ch->a, cap, sizeof *more);
    if (more == NULL) {
        ch->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < ch->n; i++)
        more[i] = ch->v[i];
    ch->v = more;
    ch->cap = cap;
    return &ch->v[ch->n++];
}

__attribute__((format(printf, 2, 0))) static const char *chain_vtext(struct chain *ch,
                                                                     const char *fmt, va_list ap)
{
    char text[1024];
    const char *copy;

    vsnprintf(text, sizeof text, fmt, ap);
    text_trim(text);
    copy = arena_strdup(ch->a, text);
    if (copy == NULL)
        ch->failed = true;
    return copy == NULL ? "" : copy;
}

const char *chain_text(struct chain *ch, const char *fmt, ...)
{
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = chain_vtext(ch, fmt, ap);
    va_end(ap);
    return text;
}

void chain_add(struct chain *ch, unsigned depth, const char *what, const char *name,
               const char *state, const char *mend, const char *fmt, ...)
{
    struct evidence *e = chain_room(ch);
    va_list ap;

    if (e == NULL)
        return;
    REC_SET(e, evidence, depth, depth);
    REC_SET(e, evidence, what, what);
    if (name != NULL)
        REC_SET(e, evidence, name, name);
    REC_SET(e, evidence, state, state);
    va_start(ap, fmt);
    REC_SET(e, evidence, text, chain_vtext(ch, fmt, ap));
    va_end(ap);
    if (mend != NULL)
        REC_SET(e, evidence, mend, mend);
}

const void *rows_find(const struct section *sections, enum section_id id, const char *key)
{
    const struct section *s = &sections[id];

    for (size_t i = 0; i < s->row_count; i++) {
        const void *row = section_row(s, i);

        if (strcmp(section_row_key(&section_descs[id], row), key) == 0)
            return row;
    }
    return NULL;
}

const void *chain_row(const struct chain *ch, enum section_id id, const char *key)
{
    return rows_find(ch->sections, id, key);
}

const char *chain_node(const struct chain *ch)
{
    return ch->f->node->name != NULL ? ch->f->node->name : "?";
}

uint64_t chain_vlan(const struct chain *ch)
{
    return ch->f->resource->vlan;
}

const char *chain_vlan_option(struct chain *ch)
{
    return chain_vlan(ch) == 0 ? ""
                               : chain_text(ch, " --vlan %llu", (unsigned long long)chain_vlan(ch));
}

/* ---- the resource --------------------------------------------------------------------------- */

const char *explain_had(struct chain *ch, const struct edge_info *e)
{
    char at[TIME_TEXT];

    if (e->paths_had <= e->paths_active)
        return "";
    if (!REC_HAS(e, edge_info, had_until_ms))
        return chain_text(ch, ", had %llu in an earlier boot", (unsigned long long)e->paths_had);
    return chain_text(ch, ", had %llu until %s", (unsigned long long)e->paths_had,
                      wall_rfc3339((wall_ms){ e->had_until_ms }, at));
}

const struct edge_words edge_words[EDGE_QUARANTINED + 1] = {
    [EDGE_OK] = { "", " sees ", " in full" },
    [EDGE_DEGRADED] = { "", " sees ", " in part" },
    [EDGE_LOST] = { "", " has lost ", "" },
    [EDGE_UNKNOWN] = { "Whether ", " sees ", " is unknown now; last known" },
    [EDGE_STUCK] = { "What ", " sees of ", " cannot be read now; last known" },
    [EDGE_QUARANTINED] = { "What ", " says of ", " is not believed; it reports" },
};

static void explain_resource(struct chain *ch)
{
    const struct edge_info *e = ch->f->edge;
    const char *label = ch->f->resource->label;

    if (e == NULL || e->state < EDGE_OK || e->state > EDGE_QUARANTINED) {
        chain_add(ch, 0, "network", label, "missing", NULL,
                  "%s does not see %s: no port of it is known to lead there.", chain_node(ch),
                  label);
        return;
    }
    chain_add(ch, 0, "network", label, edge_state_name((enum edge_state)e->state), NULL,
              "%s%s%s%s%s: %llu of %llu paths%s.", edge_words[e->state].before, chain_node(ch),
              edge_words[e->state].verb, label, edge_words[e->state].after,
              (unsigned long long)e->paths_active, (unsigned long long)e->paths_total,
              explain_had(ch, e));
}

/* ---- what makes it one network -------------------------------------------------------------- */

static const char *vlan_text(struct chain *ch, uint64_t vlan)
{
    return vlan == 0 ? "untagged" : chain_text(ch, "VLAN %llu", (unsigned long long)vlan);
}

static const char *matches_text(struct chain *ch, struct strs matches)
{
    const char *text = "";

    for (size_t i = 0; i < matches.n && i < 4; i++)
        text = chain_text(ch, "%s%s%s", text, i > 0 ? ", " : "", matches.v[i]);
    return matches.n <= 4 ? text : chain_text(ch, "%s and %zu more", text, matches.n - 4);
}

static void explain_declared(struct chain *ch)
{
    const struct network_info *w = ch->f->network;

    chain_add(ch, 1, "network", w->name, "info", NULL, "Declared: %s, matches %s.",
              vlan_text(ch, w->vlan), matches_text(ch, w->matches));
}

/* More than one VLAN tag behind the base. */
static bool stacked(const struct sighting_row *g)
{
    const char *tags = g->port + strlen(g->base);

    return *tags == '.' && strchr(tags + 1, '.') != NULL;
}

static void explain_unproven(struct chain *ch)
{
    const struct sighting_row *g = ch->f->sighting_count > 0 ? ch->f->sightings : NULL;

    if (g == NULL)
        return; /* what is lacking says it */
    if (stacked(g)) {
        chain_add(ch, 1, "network", g->port, "info", NULL,
                  "Port %s carries stacked VLAN tags; such a port is a network of its own.",
                  g->port);
        return;
    }
    if (ch->f->rival_count > 0)
        return;
    chain_add(ch, 1, "network", g->port, "info",
              chain_text(ch, "muster network define NAME%s --match '%s/%s'", chain_vlan_option(ch),
                         chain_node(ch), g->base),
              "Unproven: nobody has declared which network port %s is on.", g->port);
}

static void explain_rivals(struct chain *ch)
{
    for (size_t i = 0; i < ch->f->rival_count; i++) {
        const struct explain_rival *r = &ch->f->rivals[i];

        chain_add(
            ch, 1, "network", r->port, "missing",
            chain_text(ch,
                       "'muster network list' shows the matches; define %s or %s anew, so that "
                       "only one of them has this port",
                       r->network, r->other),
            "Port %s matches both %s and %s, so it counts for neither.", r->port, r->network,
            r->other);
    }
}

/* ---- how the facts came here ---------------------------------------------------------------- */

static const struct section_body *state_of(const struct chain *ch, enum section_id id)
{
    const struct section_body *v = ch->f->states.v;

    for (size_t i = 0; i < ch->f->states.n; i++) {
        if (v[i].section == (uint64_t)id)
            return &v[i];
    }
    return NULL;
}

static void explain_bad_section(struct chain *ch, const char *name, const struct section_body *b)
{
    bool is_stuck = b->status == SECTION_STUCK;
    char age[24];

    duration_text(b->status_age_ms, age);
    chain_add(ch, 1, "section", name, "stuck",
              chain_text(ch, "See the log of muster-probe on %s%s", chain_node(ch),
                         is_stuck ? "; something there blocks the worker that reads this" : ""),
              is_stuck ? "Not read for %s, the worker hangs: %s%s"
                       : "Could not be read for %s: %s%s",
              age, b->status_text != NULL ? b->status_text : "no reason given",
              b->status_text != NULL ? "" : ".");
}

static void explain_section(struct chain *ch, enum section_id id)
{
    const struct section_body *b = state_of(ch, id);
    const char *name = section_descs[id].name;
    char age[24];

    if (b == NULL || b->status == SECTION_NEVER)
        chain_add(ch, 1, "section", name, "unknown", NULL,
                  "%s has not reported its %s in this boot.", chain_node(ch), name);
    else if (b->status == SECTION_STUCK || b->status == SECTION_FAILED)
        explain_bad_section(ch, name, b);
    else if (!REC_HAS(b, section_body, age_ms))
        chain_add(ch, 1, "section", name, "unknown", NULL,
                  "Not confirmed since the coordinator started.");
    else if (b->status == SECTION_ABSENT)
        chain_add(ch, 1, "section", name, "info", NULL, "%s has none%s%s, read %s ago.",
                  chain_node(ch), b->status_text != NULL ? ": " : "",
                  b->status_text != NULL ? b->status_text : "", duration_text(b->age_ms, age));
    else
        chain_add(ch, 1, "section", name, "ok", NULL, "Read %s ago%s%s.",
                  duration_text(b->age_ms, age), b->status_text != NULL ? "; " : "",
                  b->status_text != NULL ? b->status_text : "");
}

/* The sections that each kind of resource is told from. */
static const uint32_t sections_of[RESOURCE_KINDS] = {
    [RESOURCE_NETWORK] =
        1u << SECTION_NICS | 1u << SECTION_BONDS | 1u << SECTION_VLANS | 1u << SECTION_LLDP,
    [RESOURCE_LUN] =
        1u << SECTION_HBAS | 1u << SECTION_LUNS | 1u << SECTION_PATHS | 1u << SECTION_USES,
    [RESOURCE_VG] = 1u << SECTION_LUNS | 1u << SECTION_PVS | 1u << SECTION_VGS,
    [RESOURCE_LV] = 1u << SECTION_LUNS | 1u << SECTION_PVS | 1u << SECTION_VGS | 1u << SECTION_LVS |
                    1u << SECTION_USES,
    [RESOURCE_FILESYSTEM] = 1u << SECTION_LUNS | 1u << SECTION_PARTITIONS | 1u << SECTION_LVS |
                            1u << SECTION_FILESYSTEMS | 1u << SECTION_USES,
};

static void explain_sections(struct chain *ch)
{
    uint32_t wanted = sections_of[ch->f->kind];

    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        if ((wanted >> i & 1u) != 0 && (i != SECTION_VLANS || chain_vlan(ch) != 0))
            explain_section(ch, (enum section_id)i);
    }
}

#define APPROVE "muster node approve " /* and the node's name */

/* What each state of a node means for what it sees. */
static const struct {
    const char *state;
    struct node_fault fault;
} node_states[] = {
    { "suspect", { "unknown", "is suspect", "Is it up, and does it reach the coordinator?" } },
    { "down", { "unknown", "is down", "Is it up, and does it reach the coordinator?" } },
    { "never",
      { "unknown", "has not been heard since the coordinator started",
        "Is it up, and does it reach the coordinator?" } },
    { "pending", { "unknown", "waits for approval", "To let it in: " APPROVE } },
    { "quarantined",
      { "unknown", "is quarantined: two machines claim to be it",
        "Stop the one that is not it, then: " APPROVE } },
    { "dead", { "unknown", "was declared dead", "It is in again once a new boot of it enrols" } },
};

bool explain_node_fault(struct chain *ch, const char *state, const char *name,
                        struct node_fault *out)
{
    for (size_t i = 0; i < ARRAY_LEN(node_states); i++) {
        if (strcmp(node_states[i].state, state) != 0)
            continue;
        *out = node_states[i].fault;
        if (strstr(out->mend, APPROVE) != NULL)
            out->mend = chain_text(ch, "%s%s", out->mend, name);
        return true;
    }
    return false;
}

static void explain_node(struct chain *ch)
{
    const struct node_info *n = ch->f->node;
    const char *name = chain_node(ch);
    struct node_fault fault;
    char heard[24];

    duration_text(n->heard_ms, heard);
    if (!explain_node_fault(ch, n->state, name, &fault))
        chain_add(ch, 1, "node", name, "ok", NULL, "%s is up: heard %s ago.", name, heard);
    else if (REC_HAS(n, node_info, heard_ms))
        chain_add(ch, 1, "node", name, fault.evidence, fault.mend, "%s %s; heard %s ago.", name,
                  fault.text, heard);
    else
        chain_add(ch, 1, "node", name, fault.evidence, fault.mend, "%s %s.", name, fault.text);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void explain_network(struct chain *ch)
{
    const struct explain_facts *f = ch->f;

    explain_resource(ch);
    if (f->network != NULL)
        explain_declared(ch);
    else
        explain_unproven(ch);
    explain_rivals(ch);
    if (f->sighting_count == 0)
        explain_lack(ch);
    for (size_t i = 0; i < f->sighting_count && !chain_full(ch); i++)
        explain_port(ch, 1, &f->sightings[i]);
}

int explain_build(const struct explain_facts *f, const struct section *sections, struct arena *a,
                  struct reply *reply)
{
    struct chain ch = { .f = f, .sections = sections, .a = a };

    if (f->best < f->peer_count)
        ch.peer = &f->peers[f->best];
    if (f->kind == RESOURCE_NETWORK)
        explain_network(&ch);
    else
        explain_storage(&ch);
    explain_holds(&ch);
    if (chain_full(&ch))
        chain_add(&ch, 1, chain_kind(&ch), f->resource->label, "info", NULL,
                  "There are more ports and links than the %d that are listed.", EVIDENCE_MOST);
    explain_sections(&ch);
    explain_node(&ch);
    if (ch.failed)
        return -ENOMEM;
    REC_SET(reply, reply, evidence, ((struct recs){ ch.v, ch.n }));
    return 0;
}

void section_ages(struct recs states, struct section_body *bodies, size_t n)
{
    const struct section_body *v = states.v;

    for (size_t i = 0; i < n; i++) {
        const struct section_body *state = NULL;

        for (size_t k = 0; k < states.n && state == NULL; k++)
            state = v[k].section == bodies[i].section ? &v[k] : NULL;
        REC_CLEAR(&bodies[i], section_body, age_ms);
        REC_CLEAR(&bodies[i], section_body, status_age_ms);
        if (state != NULL && REC_HAS(state, section_body, age_ms))
            REC_SET(&bodies[i], section_body, age_ms, state->age_ms);
        if (state != NULL && REC_HAS(state, section_body, status_age_ms))
            REC_SET(&bodies[i], section_body, status_age_ms, state->status_age_ms);
    }
}
