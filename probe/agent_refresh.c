/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether this node has the metadata of a volume group that another has changed: its devices are
 * made what they say, LVM looks anew, and what it finds is compared. A question is answered once
 * each time it comes. */
#include "agent_internal.h"
#include "agent_target.h"
#include "base/guard.h"
#include "base/text.h"
#include "wire/codec.h"

/* Of lv_attr: state of the device (lvs(8)). */
enum { ATTR_STATE = 4 };
/* Of what lies in an LV, before its UUID. */
#define LV_CONTAINER "lv."

void agent_refresh_clear(struct agent *a, struct refresh *r)
{
    if (r->arena != NULL)
        a->changes.refresh_count--;
    arena_free(r->arena);
    *r = (struct refresh){ .arena = NULL };
}

void agent_refresh_deinit(struct agent *a)
{
    for (int i = 0; i < REFRESHES; i++)
        agent_refresh_clear(a, &a->changes.refreshes[i]);
}

static bool same_key(const struct order_key *x, const struct order_key *y)
{
    return x->task == y->task && x->job == y->job && x->attempt == y->attempt;
}

struct refresh *agent_refresh_of(struct agent *a, const struct order_key *key)
{
    for (int i = 0; i < REFRESHES; i++) {
        struct refresh *r = &a->changes.refreshes[i];

        if (r->arena != NULL && same_key(r->ask->order, key))
            return r;
    }
    return NULL;
}

static struct refresh *free_place(struct agent *a)
{
    for (int i = 0; i < REFRESHES; i++) {
        if (a->changes.refreshes[i].arena == NULL)
            return &a->changes.refreshes[i];
    }
    return NULL;
}

void agent_refresh_look(struct agent *a, struct turn *t, struct refresh *r)
{
    r->state = REFRESH_LOOKS;
    r->since = t->now;
    agent_plan_ask(a, WORKER_LVM, t->now);
}

static void begin(struct agent *a, struct turn *t, struct refresh *r)
{
    memcpy(r->start, a->nonce, sizeof r->start);
    r->asked = true;
    if (r->state == REFRESH_LOOKS)
        r->state = REFRESH_WANTED;
    if (!a->config.mends)
        agent_refresh_look(a, t, r);
}

/* By the start that is followed now: another may not know what this one was told. */
static bool is_asked_for(const struct agent *a, const struct refresh *r)
{
    return r->asked && memcmp(r->start, a->nonce, sizeof r->start) == 0;
}

struct refresh *agent_refresh_new(struct agent *a, const struct lvm_refresh *ask)
{
    struct refresh *r = free_place(a);

    if (r == NULL)
        return NULL;
    r->arena = arena_new(0);
    a->changes.refresh_count += r->arena != NULL;
    r->ask = r->arena == NULL ? NULL : record_dup(r->arena, &lvm_refresh_desc, ask);
    r->state = REFRESH_WANTED;
    if (r->ask != NULL)
        return r;
    agent_refresh_clear(a, r);
    return NULL;
}

void agent_refresh_hear(struct agent *a, struct turn *t, const struct envelope *env)
{
    struct refresh *r;

    if (a->state != AGENT_FOLLOWING || !agent_is_followed(a, env->start))
        return;
    r = agent_refresh_of(a, env->lvm_refresh->order);
    if (r != NULL) { /* of another start it is another question: much may have changed since */
        if (!is_asked_for(a, r))
            begin(a, t, r);
        return;
    }
    if (free_place(a) == NULL)
        return; /* it comes again */
    r = agent_refresh_new(a, env->lvm_refresh);
    if (r != NULL)
        begin(a, t, r);
    else
        t->failed = true;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static const struct vg *vg_of(const struct agent *a, const char *uuid)
{
    const struct section *rows = agent_section(a, SECTION_VGS);

    for (size_t i = 0; i < rows->row_count; i++) {
        const struct vg *vg = section_row(rows, i);

        if (target_same(vg->uuid, uuid))
            return vg;
    }
    return NULL;
}

static bool is_named(const struct strs *v, const char *text)
{
    for (size_t i = 0; i < v->n; i++) {
        if (target_same(v->v[i], text))
            return true;
    }
    return false;
}

/* Who uses it here; NULL: nobody that is known. */
static const struct use *use_of(const struct agent *a, const char *volume)
{
    const struct section *rows = agent_section(a, SECTION_USES);

    for (size_t i = 0; i < rows->row_count; i++) {
        const struct use *u = section_row(rows, i);

        if (u->container != NULL &&
            strncmp(u->container, LV_CONTAINER, sizeof LV_CONTAINER - 1) == 0 &&
            target_same(u->container + sizeof LV_CONTAINER - 1, volume))
            return u;
    }
    return NULL;
}

/* It is sent when the refresh is no more. */
static const char *left_text(struct turn *t, const struct refresh *r)
{
    const char *copy = arena_strdup(t->arena, r->left);

    return copy == NULL ? "out of memory" : copy;
}

/* Who uses it may not be among the rows yet: that somebody does the worker has found. */
static const char *still_active(const struct agent *a, struct turn *t, const struct refresh *r,
                                const struct lv *lv)
{
    const struct use *u = use_of(a, lv->uuid);
    const struct lvm_refresh *ask = r->ask;

    if (u == NULL && r->left != NULL)
        return left_text(t, r);
    if (u == NULL)
        return arena_printf(t->arena, "logical volume %s/%s is active", ask->vg, lv->name);
    return arena_printf(t->arena, "logical volume %s/%s is in use here: %s %s", ask->vg, lv->name,
                        u->kind == NULL ? "by" : u->kind,
                        u->used_by == NULL ? "somebody" : u->used_by);
}

/* LVM compares the table of an active LV with the metadata, and shows a state that is not "active"
 * when it is another one, or suspended; of a snapshot also when it was full, which its table says
 * as it is. Without device-mapper it shows that it does not know, and
 * no LV is active. */
static const char *lv_fault(const struct agent *a, struct turn *t, const struct refresh *r,
                            const struct lv *lv)
{
    const struct lvm_refresh *ask = r->ask;
    char state = lv->attr != NULL && strlen(lv->attr) > ATTR_STATE ? lv->attr[ATTR_STATE] : '?';

    if (is_named(&ask->unmapped, lv->uuid) && is_named(&lv->role, "thickorigin"))
        return arena_printf(t->arena, "logical volume %s/%s has snapshots", ask->vg, lv->name);
    if (REC_HAS(lv, lv, active) && !lv->active)
        return NULL;
    if (is_named(&ask->unmapped, lv->uuid))
        return still_active(a, t, r, lv);
    if (GUARD(REFRESH_TABLE, state != 'a' && state != 'I'))
        return arena_printf(t->arena, "the table of %s/%s is not what the metadata say (%s)",
                            ask->vg, lv->name, lv->attr == NULL ? "unknown" : lv->attr);
    return NULL;
}

static const char *lvs_fault(const struct agent *a, struct turn *t, const struct refresh *r)
{
    const struct section *rows = agent_section(a, SECTION_LVS);

    for (size_t i = 0; i < rows->row_count; i++) {
        const struct lv *lv = section_row(rows, i);
        const char *why;

        if (!target_same(lv->vg_uuid, r->ask->vg_uuid))
            continue;
        why = lv_fault(a, t, r, lv);
        if (why != NULL)
            return why;
    }
    return NULL;
}

/* Why this node is behind; NULL: it is not. */
static const char *fault(const struct agent *a, struct turn *t, const struct refresh *r,
                         const struct vg *vg)
{
    const struct lvm_refresh *ask = r->ask;
    const struct section *rows = agent_section(a, SECTION_VGS);
    bool wanted = REC_HAS(ask, lvm_refresh, seqno);

    if (rows->status != SECTION_OK)
        return arena_printf(t->arena, "LVM could not look: %s",
                            rows->status_text == NULL ? section_status_name(rows->status)
                                                      : rows->status_text);
    if (wanted && vg == NULL)
        return arena_printf(t->arena, "this node does not see volume group %s", ask->vg);
    if (!wanted && vg != NULL)
        return arena_printf(t->arena, "this node still sees volume group %s", ask->vg);
    if (GUARD(REFRESH_VERSION, wanted && vg->seqno != ask->seqno))
        return arena_printf(t->arena, "this node sees version %llu of volume group %s",
                            (unsigned long long)vg->seqno, ask->vg);
    if (GUARD(REFRESH_VERSION, wanted && text_mark(vg->metadata_digest) != ask->mark))
        return arena_printf(t->arena, "this node sees another version %llu of volume group %s",
                            (unsigned long long)vg->seqno, ask->vg);
    return lvs_fault(a, t, r);
}

/* What the node has found of the devices of this volume group, sector by sector. */
static const char *devices_fault(struct turn *t, const struct vg *vg)
{
    const char *copy;

    if (!GUARD(FAULT_TOLD, vg != NULL && vg->fault != NULL))
        return NULL;
    copy = arena_strdup(t->arena, vg->fault);
    return copy == NULL ? "out of memory" : copy;
}

/* The same, and what the worker could not mend. */
static const char *why_not(const struct agent *a, struct turn *t, const struct refresh *r,
                           const struct vg *vg)
{
    const char *found = fault(a, t, r, vg);

    if (found != NULL)
        return found;
    return GUARD(LEFT_TOLD, r->left != NULL) ? left_text(t, r) : devices_fault(t, vg);
}

static void answer(struct agent *a, struct turn *t, const struct refresh *r)
{
    const struct lvm_refresh *ask = r->ask;
    struct lvm_refreshed *body = arena_zalloc(t->arena, sizeof *body);
    struct order_key *key = arena_memdup(t->arena, ask->order, sizeof *key);
    const struct vg *vg = vg_of(a, ask->vg_uuid);
    const char *why = why_not(a, t, r, vg);
    struct envelope *env = body == NULL || key == NULL ? NULL : agent_envelope(a, t);

    if (env == NULL) {
        t->failed = true;
        return; /* it is asked again */
    }
    REC_SET(body, lvm_refreshed, order, key);
    REC_SET(body, lvm_refreshed, current, why == NULL);
    if (why != NULL)
        REC_SET(body, lvm_refreshed, reason, why);
    if (vg != NULL) {
        REC_SET(body, lvm_refreshed, seqno, vg->seqno);
        REC_SET(body, lvm_refreshed, mark, text_mark(vg->metadata_digest));
    }
    REC_SET(env, envelope, lvm_refreshed, body);
}

void agent_refresh_looked(struct agent *a, struct turn *t, mono_ms began)
{
    for (int i = 0; i < REFRESHES; i++) {
        struct refresh *r = &a->changes.refreshes[i];

        if (r->arena == NULL || r->state != REFRESH_LOOKS ||
            GUARD(REFRESH_ANEW, r->since.v > began.v))
            continue;
        if (a->state == AGENT_FOLLOWING && !GUARD(REFRESH_START, !is_asked_for(a, r)))
            answer(a, t, r);
        agent_refresh_clear(a, r);
    }
}
