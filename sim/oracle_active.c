/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The invariants of activation (ARCHITECTURE.md section 8), judged by the tables that hosts have,
 * by what they have told of them, and by the rows of rights in the databases. */
#include <stdlib.h>

#include "group.h"

/* ---- one node ------------------------------------------------------------------------------- */

/* The database of `by`, or its operator, knows of what is in `of`. */
static bool is_known(const struct sim *s, struct point by, bool recovered, struct point of)
{
    return recovered || lineage_has(s, by.fork, of);
}

/* Somebody else has it by a right that this one's database knows of, or the other way round: of
 * what was lost in a restore nothing is known until an operator has gone on. */
static void judge_alone(struct sim *s, const struct host *h, uint32_t lv, uint64_t token,
                        struct point in, bool recovered, const char *verb)
{
    for (const struct mapping *m = s->group->mappings; m != NULL; m = m->next) {
        if (m->lv != lv || m->host == h || m->token == 0 || !is_known(s, in, recovered, m->in) ||
            !is_known(s, m->in, m->recovered, in))
            continue;
        sim_fail(s, "%s %s LV%u (token %llu) while %s has it active (token %llu)", h->name, verb,
                 lv, (unsigned long long)token, m->host->name, (unsigned long long)m->token);
    }
}

static bool is_snapshot(const struct sim *s, uint32_t lv)
{
    const struct group_meta *m = group_newest(s->group);

    for (uint32_t i = 0; i < m->n; i++) {
        if (m->lvs[i].id == lv)
            return m->lvs[i].origin != 0;
    }
    return false;
}

/* Whoever has it active without a right has told so. A snapshot no node activates by such an order.
 */
static void judge_outside(struct sim *s, const struct brain *b, const struct group_order *o)
{
    for (const struct mapping *m = s->group->mappings; m != NULL; m = m->next) {
        if (m->lv == o->lv && m->host != o->host && m->told && !is_snapshot(s, o->lv) &&
            lineage_has(s, b->fork, m->told_in))
            sim_fail(s, "%s is told to activate LV%u, and %s has told that it has it active",
                     o->host->name, m->lv, m->host->name);
    }
}

void oracle_active_ordered(struct sim *s, const struct brain *b, const struct group_order *o)
{
    judge_alone(s, o->host, o->lv, o->token, o->in, o->recovered, "is told to activate");
    judge_outside(s, b, o);
}

/* ---- what hosts have told ------------------------------------------------------------------- */

void oracle_active_sent_up(struct sim *s, struct host *h, const struct envelope *env)
{
    const struct section_body *v = env->report == NULL ? NULL : env->report->sections.v;

    for (size_t i = 0; v != NULL && i < env->report->sections.n; i++) {
        if (v[i].section == SECTION_LVS)
            h->active_reports[h->active_report_n++ % ARRAY_LEN(h->active_reports)] =
                (struct active_report){ env->seq, s->now };
    }
}

void oracle_active_acknowledged(struct sim *s, const struct brain *b, struct host *h, uint64_t seq)
{
    world_us at = 0;

    for (size_t i = 0; i < ARRAY_LEN(h->active_reports); i++) {
        if (h->active_reports[i].seq == seq && seq != 0)
            at = h->active_reports[i].at;
    }
    for (struct mapping *m = s->group->mappings; m != NULL; m = m->next) {
        if (m->host != h || m->told || m->listed_at > at)
            continue;
        m->told = true;
        m->told_at = s->now;
        sim_trace(s, "%s: has told that it has LV%u active", h->name, m->lv);
        m->told_in = lineage_now(b);
    }
}

/* ---- where a right says --------------------------------------------------------------------- */

static const struct resource_row *resource_of(const struct stored *db, uint32_t no)
{
    for (size_t i = 0; i < db->resource_count; i++) {
        if (db->resources[i].no == no)
            return &db->resources[i];
    }
    return NULL;
}

static bool has_right(const struct stored *db, const struct mapping *m)
{
    char key[16];

    snprintf(key, sizeof key, "LV%u", m->lv);
    for (size_t i = 0; i < db->lease_count; i++) {
        const struct lease_row *l = &db->leases[i];
        const struct resource_row *r =
            l->kind == KIND_ACTIVATION ? resource_of(db, l->resource_no) : NULL;

        if (r != NULL && strcmp(r->key, key) == 0 && uuid_eq(l->boot_id, m->host->boot))
            return true;
    }
    return false;
}

static void judge_right(struct sim *s, const struct brain *b, const struct mapping *m)
{
    struct stored db;

    if (m->token == 0 || b->disk == NULL || !lineage_has(s, b->fork, m->in))
        return;
    durable_image(b->disk, &db);
    if (!has_right(&db, m))
        sim_fail(
            s, "%s has LV%u active (token %llu), and has no right to in coordinator %u's database",
            m->host->name, m->lv, (unsigned long long)m->token, b->no);
}

void oracle_active_stored(struct sim *s, const struct brain *b)
{
    for (const struct mapping *m = s->group == NULL ? NULL : s->group->mappings; m != NULL;
         m = m->next)
        judge_right(s, b, m);
}

void oracle_active_made(struct sim *s, struct mapping *m, const struct lvm_order *o)
{
    const struct group_order *by = oracle_group_order(s->group, o->token, m->host, m->lv);

    if (by == NULL) {
        sim_fail(s, "%s activates LV%u, and nobody has told it to", m->host->name, m->lv);
        return;
    }
    m->token = o->token;
    m->in = by->in;
    m->recovered = by->recovered;
    judge_alone(s, m->host, m->lv, m->token, m->in, m->recovered, "activates");
    for (uint32_t i = 0; i < BRAINS; i++)
        judge_right(s, &s->brains[i], m);
}
