/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports into rows: what a section says now against the keys and hashes of what it said before.
 * Only what differs is written; the attributes themselves are in the event and in the database. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "wire/codec.h"

enum { ASK_AGAIN_MS = 2000 };

/* ---- digests -------------------------------------------------------------------------------- */

static bool is_facts(enum section_status status)
{
    return status == SECTION_OK || status == SECTION_ABSENT;
}

/* The section is as stored; its facts are so old. */
static void confirm(struct coord *c, struct slot *slot, int64_t age_ms)
{
    slot->confirmed = true;
    slot->confirmed_at = c->now;
    slot->age_ms = age_ms > 0 ? age_ms : 0;
}

static bool ask_now(const struct coord *c, struct slot *slot, digest128 digest)
{
    if (c->read_only)
        return false; /* a report could not be stored */
    if (slot->was_asked && digest_eq(slot->asked, digest) &&
        mono_since(c->now, slot->asked_at) < ASK_AGAIN_MS)
        return false;
    slot->was_asked = true;
    slot->asked = digest;
    slot->asked_at = c->now;
    return true;
}

int sections_confirm(struct step *s, struct node *n, struct recs states, struct strs *want)
{
    const struct section_state *v = states.v;
    const char **names = arena_array(s->u->arena, SECTION_COUNT, sizeof *names);
    bool news = false;

    *want = (struct strs){ .v = names, .n = 0 };
    if (names == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < states.n && want->n < SECTION_COUNT; i++) {
        struct slot *slot;
        digest128 digest;

        if (v[i].section >= SECTION_COUNT || !wire_digest(v[i].digest, &digest))
            continue; /* of a newer probe */
        slot = &n->sections[v[i].section];
        if (slot->stored && digest_eq(slot->digest, digest)) {
            news = news || !slot->confirmed;
            confirm(s->c, slot, v[i].age_ms);
        } else if (ask_now(s->c, slot, digest)) {
            names[want->n++] = section_descs[v[i].section].name;
        }
    }
    if (news) {
        touch_node(s->c, n);
        edges_refresh(s->c, n);
    }
    return 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int row_delete(struct step *s, struct node *n, enum section_id id, struct row *row)
{
    int rc = sighting_drop(s, n, row);

    if (rc == 0)
        rc = emit_inventory(s, n, id, row->key, 0, NULL);
    if (rc < 0)
        return rc;
    free(row->key);
    row->key = NULL;
    return 0;
}

static int row_see(struct step *s, struct node *n, enum section_id id, struct row *row,
                   const void *record)
{
    char scratch[300];
    struct sight sight;
    bool sees = sight_of_row(n, id, record, scratch, &sight);

    if (!sees && row->sighting == NULL)
        return 0;
    return sighting_set(s, n, id, row, sees ? &sight : NULL);
}

/* Two sorted lists, the rows as they were and as they are now, become one. */
struct merge {
    struct step *s;
    struct node *n;
    const struct section *in;
    struct slot *slot;
    struct row *rows; /* the new list; owns what has been moved to it */
    uint32_t count;   /* rows in it */
    uint32_t old;     /* next of slot->rows */
};

/* Rows that are gone: all before `key` (NULL: all that are left). */
static int merge_delete_before(struct merge *m, const char *key)
{
    while (m->old < m->slot->row_count &&
           (key == NULL || strcmp(m->slot->rows[m->old].key, key) < 0)) {
        int rc = row_delete(m->s, m->n, m->in->id, &m->slot->rows[m->old]);

        if (rc < 0)
            return rc;
        m->old++;
    }
    return 0;
}

static int merge_one(struct merge *m, size_t i)
{
    const void *record = section_row(m->in, i);
    const char *key = section_row_key(&section_descs[m->in->id], record);
    struct row *row = &m->rows[m->count];
    int rc = merge_delete_before(m, key);
    bool same;

    if (rc < 0)
        return rc;
    same = m->old < m->slot->row_count && strcmp(m->slot->rows[m->old].key, key) == 0;
    if (same) {
        *row = m->slot->rows[m->old];
        memset(&m->slot->rows[m->old++], 0, sizeof *row);
        same = row->hash == m->in->hashes[i];
    } else {
        row->key = strdup(key);
        if (row->key == NULL)
            return -ENOMEM;
    }
    m->count++;
    row->hash = m->in->hashes[i];
    rc = same ? 0 : emit_inventory(m->s, m->n, m->in->id, key, row->hash, record);
    return rc < 0 ? rc : row_see(m->s, m->n, m->in->id, row, record);
}

/* After a failure too the slot holds every row that is left, each once. */
static void merge_end(struct merge *m)
{
    struct slot *slot = m->slot;

    for (uint32_t i = 0; i < slot->row_count; i++) {
        if (slot->rows[i].key == NULL)
            continue;
        free(slot->rows[i].key);
        if (slot->rows[i].sighting != NULL)
            edge_detach(slot->rows[i].sighting);
        free(slot->rows[i].sighting);
    }
    free(slot->rows);
    slot->rows = m->rows;
    slot->row_count = m->count;
}

static int rows_merge(struct step *s, struct node *n, const struct section *in)
{
    struct merge m = { .s = s, .n = n, .in = in, .slot = &n->sections[in->id] };
    int rc = 0;

    m.rows = calloc(in->row_count + 1, sizeof *m.rows);
    if (m.rows == NULL)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < in->row_count; i++)
        rc = merge_one(&m, i);
    if (rc == 0)
        rc = merge_delete_before(&m, NULL);
    merge_end(&m);
    return rc;
}

/* ---- sections ------------------------------------------------------------------------------- */

static int status_event(struct step *s, const struct node *n, const struct section *in,
                        enum section_status was, bool first)
{
    const char *name = section_descs[in->id].name, *text = in->status_text;
    char age[24];

    if (is_facts(in->status) && (first || is_facts(was)))
        return 0;
    if (is_facts(in->status))
        return event(s, "section.ok", SEVERITY_INFO, n, NULL, "%s: %s is collected again.",
                     n->row.name, name);
    duration_text(in->status_age_ms > 0 ? in->status_age_ms : 0, age);
    if (in->status == SECTION_STUCK)
        return event(s, "section.stuck", SEVERITY_ERROR, n, NULL, "%s: %s is stuck since %s: %s",
                     n->row.name, name, age, text != NULL ? text : "its worker does not answer.");
    return event(s, "section.failed", SEVERITY_WARNING, n, NULL, "%s: %s cannot be collected: %s",
                 n->row.name, name, text != NULL ? text : "no reason was given.");
}

/* Since when: of a section that is stuck or failed the status, else the content. */
static wall_ms since(const struct coord *c, const struct section *in, const struct slot *slot,
                     bool same_status)
{
    wall_ms at = { c->wall.v - (in->status_age_ms > 0 ? in->status_age_ms : 0) };

    if (is_facts(in->status))
        return c->wall;
    return same_status ? slot->at : at;
}

static int section_ingest(struct step *s, struct node *n, const struct section *in)
{
    struct slot *slot = &n->sections[in->id];
    bool first = !slot->stored, same_status = slot->stored && slot->status == in->status;
    enum section_status was = (enum section_status)slot->status;
    int rc;

    confirm(s->c, slot, in->age_ms);
    if (!first && digest_eq(slot->digest, in->digest))
        return 0;
    rc = rows_merge(s, n, in);
    if (rc == 0)
        rc = text_set((const char **)&slot->status_text, in->status_text);
    if (rc < 0)
        return rc;
    slot->at = since(s->c, in, slot, same_status);
    slot->stored = true;
    slot->generation = in->generation;
    slot->digest = in->digest;
    slot->status = (uint8_t)in->status;
    touch_node(s->c, n);
    rc = emit_section(s, n, in->id);
    return rc < 0 || same_status ? rc : status_event(s, n, in, was, first);
}

/* Edges of an earlier boot that nothing shows any more: they are lost once their sections have
 * spoken. */
static int settle_bare(struct coord *c, struct node *n)
{
    for (uint32_t i = 0; i < n->edge_count; i++) {
        int rc = n->edges[i]->sightings == NULL ? edge_dirty(c, n->edges[i]) : 0;

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Whether a NIC shows a network depends on whether it is in a bond, so bonds come first. */
static const enum section_id order[] = { SECTION_SYSTEM, SECTION_CPU,   SECTION_BONDS,
                                         SECTION_NICS,   SECTION_VLANS, SECTION_BRIDGES,
                                         SECTION_LLDP };
_Static_assert(ARRAY_LEN(order) == SECTION_COUNT, "every section has its turn");

/* 1: refused, nothing has been done. */
static int report_check(struct step *s)
{
    const struct section *v = s->ev->node.sections;
    uint32_t seen = 0;
    size_t rows = 0;

    for (size_t i = 0; i < s->ev->node.section_count; i++) {
        int rc;

        if ((seen >> v[i].id) & 1u) {
            rc = answer_refused(s, REFUSE_MALFORMED, "A section is in the report twice.", 0);
            return rc < 0 ? rc : 1;
        }
        seen |= 1u << v[i].id;
        if ((sighting_sections >> v[i].id) & 1u)
            rows += v[i].row_count;
    }
    if (map_count(s->c->resources) + rows > LIMIT_RESOURCES) {
        int rc = answer_refused(s, REFUSE_TOO_LARGE,
                                "The fleet has as many resources as one coordinator serves.", 0);
        return rc < 0 ? rc : 1;
    }
    return 0;
}

int ingest_report(struct step *s, const struct envelope *env, struct node *n)
{
    const struct section *v = s->ev->node.sections;
    uint32_t quiet = 0;
    int rc = report_check(s);

    (void)env;
    if (rc != 0)
        return rc;
    for (size_t k = 0; k < SECTION_COUNT && rc == 0; k++) {
        for (size_t i = 0; i < s->ev->node.section_count && rc == 0; i++) {
            /* A section that has not been collected yet says nothing about what is known. */
            if (v[i].id != order[k] || v[i].status == SECTION_NEVER)
                continue;
            if (!n->sections[v[i].id].stored)
                quiet |= 1u << v[i].id;
            rc = section_ingest(s, n, &v[i]);
        }
    }
    if (rc == 0 && quiet != 0)
        rc = settle_bare(s->c, n);
    if (rc == 0)
        rc = matrix_settle(s, quiet);
    if (rc == 0)
        edges_refresh(s->c, n);
    return rc;
}

/* ---- a new boot ----------------------------------------------------------------------------- */

static int slot_clear(struct step *s, struct node *n, enum section_id id)
{
    struct slot *slot = &n->sections[id];
    struct change *ch;

    if (!slot->stored)
        return 0;
    ch = emit(s, CHANGE_SECTION_CLEAR);
    if (ch == NULL)
        return -ENOMEM;
    ch->section.node_no = n->row.no;
    ch->section.section = id;
    for (uint32_t i = 0; i < slot->row_count; i++) {
        struct row *row = &slot->rows[i];

        if (row->sighting != NULL) {
            row->sighting->edge->bare = true;
            touch_edge(s->c, row->sighting->edge); /* it has no ports any more */
            edge_detach(row->sighting);
            free(row->sighting);
        }
        free(row->key);
    }
    free(slot->rows);
    free(slot->status_text);
    memset(slot, 0, sizeof *slot);
    return 0;
}

int ingest_clear(struct step *s, struct node *n)
{
    for (int id = 0; id < SECTION_COUNT; id++) {
        int rc = slot_clear(s, n, (enum section_id)id);

        if (rc < 0)
            return rc;
    }
    edges_refresh(s->c, n);
    return 0;
}
