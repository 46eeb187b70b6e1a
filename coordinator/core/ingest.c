/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports into rows: what a section says now against the keys and hashes of what it said before.
 * Only what differs is written; the attributes themselves are in the event and in the database. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/trust.h"
#include "wire/codec.h"

#define AGE_MOST_MS (INT64_C(1) << 42) /* a century: what a node says may be anything */

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
    slot->age_ms = age_ms < 0 ? 0 : age_ms > AGE_MOST_MS ? AGE_MOST_MS : age_ms;
    slot->was_asked = false;
}

/* The section is not as stored. Its report should be on its way; asked for in vain, what is stored
 * is no longer what is known. */
static bool ask_now(const struct coord *c, struct slot *slot, digest128 digest)
{
    bool again = slot->was_asked && digest_eq(slot->asked, digest);

    if (c->read_only) { /* a report could not be stored */
        slot->confirmed = false;
        return false;
    }
    if (again && mono_since(c->now, slot->asked_at) < ASK_AGAIN_MS)
        return false;
    if (again)
        slot->confirmed = false;
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
        bool was;

        if (v[i].section >= SECTION_COUNT || !wire_digest(v[i].digest, &digest))
            continue; /* of a newer probe */
        slot = &n->sections[v[i].section];
        was = slot->confirmed;
        if (slot->stored && digest_eq(slot->digest, digest))
            confirm(s->c, slot, v[i].age_ms);
        else if (ask_now(s->c, slot, digest))
            names[want->n++] = section_descs[v[i].section].name;
        news = news || was != slot->confirmed;
    }
    if (news) {
        touch_node(s->c, n);
        edges_refresh(s->c, n);
    }
    return rights_known(s, n);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int row_delete(struct step *s, struct node *n, enum section_id id, struct row *row)
{
    int rc = 0;

    if ((sighting_sections >> id) & 1u)
        rc = sighting_drop(s, n, row);
    else if (id == SECTION_PATHS)
        rc = emit_path_lost(s, n, row->key);
    if (rc == 0)
        row_release(s->c, id, row);
    if (rc == 0)
        rc = emit_inventory(s, n, id, row->key, 0, NULL);
    if (rc < 0)
        return rc;
    free(row->key);
    row->key = NULL;
    return 0;
}

/* Its edge is degraded at best, whatever its paths say: why. */
static int lun_event(struct step *s, struct node *n, const struct resource *r,
                     const struct lun *lun)
{
    bool ghost = text_same(lun->state, "ghost");
    char label[200];
    int rc = event_due_of_node(s, n);

    if (rc != 1)
        return rc;
    resource_label_in(r, label, sizeof label);
    return event(s, ghost ? "lun.ghost" : "lun.failed", SEVERITY_WARNING, n, r, "%s: LUN %s %s: %s",
                 n->row.name, label,
                 ghost ? "has paths that contradict each other" : "answers with errors",
                 lun->state_text != NULL ? lun->state_text : "no reason was given.");
}

static int flaw_event(struct step *s, struct node *n, const struct resource *r, const void *row)
{
    int rc;

    if (r->kind != RESOURCE_VG && r->kind != RESOURCE_LV)
        return lun_event(s, n, r, row);
    rc = event_due_of_node(s, n);
    if (rc != 1)
        return rc;
    if (r->kind == RESOURCE_LV)
        return event(s, "lv.fault", SEVERITY_WARNING, n, r,
                     "%s: the snapshot %s was full, and shows nothing any more.", n->row.name,
                     r->label);
    return event(s, "vg.fault", SEVERITY_WARNING, n, r, "%s: %s.", n->row.name,
                 ((const struct vg *)row)->fault);
}

/* A filesystem's type; nodes that disagree do not take turns. */
static int type_follow(struct step *s, struct resource *r, const struct filesystem *fs)
{
    int rc = seat_type(r, fs->type);

    return rc == 1 ? emit_resource(s, r) : rc;
}

static int row_see(struct step *s, struct node *n, enum section_id id, struct row *row,
                   const void *record, bool changed)
{
    char scratch[SIGHT_SCRATCH];
    struct inventory_row kept = { .node_no = n->row.no };
    struct sight sight;
    bool sees, flaw, fresh = row->sighting == NULL;
    int rc = 0;

    row_kept(id, record, &kept);
    if (changed)
        rc = graph_row_set(s->c, n, id, row, &kept);
    if (rc < 0 || id == SECTION_USES)
        return rc;
    if (id == SECTION_PVS)
        return twin_pv_set(s->c, n, row, kept.container);
    sees = sight_of_row(id, record, scratch, &sight);
    if (!changed)
        sight.label = NULL; /* nodes that disagree on a name do not take turns */
    if (!sees && row->sighting == NULL)
        return 0;
    flaw = sees && sight.seen.flawed && (row->sighting == NULL || !row->sighting->seen.flawed);
    rc = sighting_set(s, n, id, row, sees ? &sight : NULL);
    if (rc == 0 && sees && (changed || fresh)) /* its paths may be others */
        rc = better_known(s, n, &sight, row->sighting->edge);
    if (rc == 0 && changed && sees && id == SECTION_FILESYSTEMS)
        rc = type_follow(s, row->sighting->edge->resource, record);
    return rc == 0 && flaw ? flaw_event(s, n, row->sighting->edge->resource, record) : rc;
}

/* A device that leads to another LUN, or is at another address, is another path than it was. */
static int path_see(struct step *s, struct node *n, struct remaps **remaps, struct row *row,
                    const struct path *path)
{
    uint64_t was = row->mark;
    int rc;

    row->mark = path_mark(path);
    rc = was != 0 && was != row->mark ? emit_path_lost(s, n, row->key) : 0;
    return rc < 0 ? rc : remap_note(s, n, remaps, path, was);
}

/* Two sorted lists, the rows as they were and as they are now, become one. */
struct merge {
    struct step *s;
    struct node *n;
    const struct section *in;
    struct slot *slot;
    struct remaps *remaps;
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
    if (m->in->id == SECTION_PATHS)
        rc = path_see(m->s, m->n, &m->remaps, row, record);
    if (rc < 0)
        return rc;
    row->hash = m->in->hashes[i];
    rc = same ? 0 : emit_inventory(m->s, m->n, m->in->id, key, row->hash, record);
    if (rc < 0 || m->in->id == SECTION_PATHS)
        return rc;
    return row_see(m->s, m->n, m->in->id, row, record, !same);
}

/* After a failure too the slot holds every row that is left, each once. */
static void merge_end(struct merge *m)
{
    struct slot *slot = m->slot;

    for (uint32_t i = 0; i < slot->row_count; i++) {
        if (slot->rows[i].key == NULL)
            continue;
        row_release(m->s->c, m->in->id, &slot->rows[i]);
        free(slot->rows[i].key);
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
    return rc < 0 ? rc : remaps_tell(s, n, m.remaps);
}

/* ---- sections ------------------------------------------------------------------------------- */

static int status_event(struct step *s, struct node *n, const struct section *in,
                        enum section_status was)
{
    const char *name = section_descs[in->id].name, *text = in->status_text;
    char at[TIME_TEXT];
    int rc;

    if (is_facts(in->status) && (was == SECTION_NEVER || is_facts(was)))
        return 0;
    rc = in->status != SECTION_NEVER ? event_due_of_node(s, n) : 0;
    if (rc != 1)
        return rc;
    if (is_facts(in->status))
        return event(s, "section.ok", SEVERITY_INFO, n, NULL, "%s: %s is collected again.",
                     n->row.name, name);
    if (in->status == SECTION_STUCK)
        return event(s, "section.stuck", SEVERITY_ERROR, n, NULL, "%s: %s is stuck since %s: %s",
                     n->row.name, name, wall_rfc3339(n->sections[in->id].at, at),
                     text != NULL ? text : "its worker does not answer.");
    return event(s, "section.failed", SEVERITY_WARNING, n, NULL, "%s: %s cannot be collected: %s",
                 n->row.name, name, text != NULL ? text : "no reason was given.");
}

/* Since when: of a section that is stuck or failed the status, else the content. */
static wall_ms since(const struct coord *c, const struct section *in, const struct slot *slot,
                     bool same_status)
{
    int64_t ms = in->status_age_ms;

    if (is_facts(in->status) || ms < 0)
        return c->wall;
    if (same_status)
        return slot->at;
    return (wall_ms){ ms < c->wall.v ? c->wall.v - ms : 0 };
}

/* Who is stuck, has failed or has not begun says nothing of the rows, unless it brings those of its
 * last good collection: those of an earlier probe of this boot are kept then. */
static bool brings_rows(const struct section *in)
{
    return is_facts(in->status) || in->row_count > 0;
}

static int section_ingest(struct step *s, struct node *n, const struct section *in)
{
    struct slot *slot = &n->sections[in->id];
    bool same_status = slot->stored && slot->status == in->status;
    enum section_status was = (enum section_status)slot->status;
    int rc;

    confirm(s->c, slot, in->age_ms);
    if (slot->stored && digest_eq(slot->digest, in->digest))
        return 0;
    rc = brings_rows(in) ? rows_merge(s, n, in) : 0;
    if (rc == 0)
        rc = text_set((const char **)&slot->status_text, in->status_text);
    if (rc < 0)
        return rc;
    slot->at = since(s->c, in, slot, same_status);
    slot->stored = true;
    slot->changes++;
    slot->generation = in->generation;
    slot->digest = in->digest;
    slot->partly = in->partly;
    slot->understood = in->understood;
    slot->status = (uint8_t)in->status;
    touch_node(s->c, n);
    rc = emit_section(s, n, in->id);
    return rc < 0 || same_status ? rc : status_event(s, n, in, was);
}

/* Edges of an earlier boot that nothing shows any more: they are lost once their sections have
 * spoken. */
static int settle_bare(struct coord *c, struct node *n)
{
    for (uint32_t i = 0; i < n->edge_count; i++) {
        struct edge *e = n->edges[i];
        int rc = e->sightings == NULL && e->state != EDGE_LOST ? edge_dirty(c, e) : 0;

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* NULL: the section says nothing that its status forbids; else a sentence. */
static const char *section_fault(const struct section *in)
{
    if (in->status == SECTION_NEVER && in->row_count > 0)
        return "A section that was never collected has no rows.";
    if (in->status == SECTION_ABSENT && in->row_count > 0)
        return "A section that is absent has no rows.";
    return NULL;
}

/* So many more resources the report may make at most. */
static size_t growth(const struct node *n, const struct section *in)
{
    size_t known = n->sections[in->id].row_count;

    if (!((sighting_sections >> in->id) & 1u) || in->row_count <= known)
        return 0;
    return in->row_count - known;
}

/* 1: refused, nothing has been done. */
static int report_check(struct step *s, const struct node *n)
{
    const struct section *v = s->ev->node.sections;
    enum refuse_reason reason = REFUSE_MALFORMED;
    const char *fault = NULL;
    uint32_t seen = 0;
    size_t more = 0;
    int rc;

    for (size_t i = 0; i < s->ev->node.section_count && fault == NULL; i++) {
        fault = (seen >> v[i].id) & 1u ? "A section is in the report twice." : section_fault(&v[i]);
        seen |= 1u << v[i].id;
        more += growth(n, &v[i]);
    }
    if (fault == NULL && more > 0 && map_count(s->c->resources) + more > LIMIT_RESOURCES) {
        reason = REFUSE_TOO_LARGE;
        fault = "The fleet has as many resources as one coordinator serves.";
    }
    if (fault == NULL && s->c->meta.next_resource_no > NUMBERS_MOST) {
        reason = REFUSE_TOO_LARGE;
        fault = "The numbers for resources of this database are used up.";
    }
    if (fault == NULL)
        return 0;
    rc = answer_refused(s, reason, fault, 0);
    return rc < 0 ? rc : 1;
}

int ingest_report(struct step *s, struct node *n)
{
    uint32_t quiet = 0;
    int rc = report_check(s, n);

    if (rc != 0)
        return rc;
    rc = rows_unpack(s->c, n);
    for (size_t i = 0; i < s->ev->node.section_count && rc == 0; i++) {
        const struct section *in = &s->ev->node.sections[i];
        const struct slot *slot = &n->sections[in->id];

        if (!slot->stored || slot->status == SECTION_NEVER)
            quiet |= 1u << in->id;
        rc = section_ingest(s, n, in);
    }
    if (rc == 0)
        rc = settle_bare(s->c, n);
    if (rc == 0)
        rc = better_settle(s, n);
    if (rc == 0)
        rc = matrix_settle(s, quiet);
    if (rc == 0)
        rc = twins_settle(s, n);
    if (rc == 0)
        edges_refresh(s->c, n);
    if (rc == 0)
        rc = rights_known(s, n);
    silent_settle(s->c, n);
    scans_wake(s->c, n); /* its uses, or what lies in what */
    return rc < 0 ? rc : history_trim(s, n);
}

/* ---- a new boot ----------------------------------------------------------------------------- */

static int slot_clear(struct step *s, struct node *n, enum section_id id)
{
    struct slot *slot = &n->sections[id];
    uint32_t changes = slot->changes;
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

        if (((sighting_sections >> id) & 1u) && row->sighting != NULL) {
            row->sighting->edge->bare = true;
            row->sighting->edge->stuck = false;    /* the boot that is over waits no more */
            touch_edge(s->c, row->sighting->edge); /* it has no ports any more */
        }
        row_release(s->c, id, row);
        free(row->key);
    }
    free(slot->rows);
    free(slot->status_text);
    slot_unpacked(slot);
    memset(slot, 0, sizeof *slot);
    slot->changes = changes + 1; /* what the new boot tells is never what the old one has told */
    return 0;
}

/* What a lost edge had, it had in the boot that is over: a new sighting starts anew. */
static int history_end(struct step *s, struct edge *e)
{
    bool ends = e->sightings == NULL && edge_word_ends(e);

    if (!ends && (e->state != EDGE_LOST || e->had_until.v == 0))
        return 0;
    if (e->state == EDGE_LOST)
        e->had_until.v = 0;
    touch_edge(s->c, e);
    return emit_edge(s, e, CHANGE_EDGE);
}

int ingest_clear(struct step *s, struct node *n)
{
    better_forget(n);
    for (int id = 0; id < SECTION_COUNT; id++) {
        int rc = slot_clear(s, n, (enum section_id)id);

        if (rc < 0)
            return rc;
    }
    for (uint32_t i = 0; i < n->edge_count; i++) {
        int rc = history_end(s, n->edges[i]);

        if (rc == 0)
            rc = version_settle(s, n->edges[i]->resource, NULL);

        if (rc < 0)
            return rc;
    }
    silent_settle(s->c, n);
    edges_refresh(s->c, n);
    return 0;
}
