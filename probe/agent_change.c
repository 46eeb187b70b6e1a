/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of volume groups: orders come under a hold, without an offer, and again until something
 * is heard of them. An order may have come late: only when the coordinator confirms, to a question
 * that was asked after it had come, that its hold still lasts, a worker begins; for from then on
 * the hold ends by what this node says alone. One runs in a volume group at a time, and an older
 * token never follows a newer one. What an order has brought is told until it is answered; an order
 * that comes again after that is carried out again, which finds that it is done. */
#include <errno.h>
#include <stdlib.h>

#include "agent_internal.h"
#include "agent_target.h"
#include "base/guard.h"
#include "base/limits.h"
#include "base/log.h"
#include "wire/codec.h"

enum { BUSY_MS = 1000 }; /* another change ends soon */

static bool same_key(const struct order_key *x, const struct order_key *y)
{
    return x->task == y->task && x->job == y->job && x->attempt == y->attempt;
}

/* What a volume group is known by: one that is made has no UUID yet. */
static const char *group_of(const struct lvm_order *o)
{
    return o->vg_uuid != NULL ? o->vg_uuid : o->vg;
}

static bool same_group(const struct lvm_order *x, const struct lvm_order *y)
{
    return (x->vg_uuid == NULL) == (y->vg_uuid == NULL) && target_same(group_of(x), group_of(y));
}

bool agent_change_is_active(const struct lvm_order *o)
{
    return o->op == LVM_LV_ACTIVATE || o->op == LVM_LV_DEACTIVATE;
}

/* Under whose rights orders follow each other: those of a volume group's changes, and those of the
 * activation of each LV. */
static bool same_subject(const struct lvm_order *x, const struct lvm_order *y)
{
    if (agent_change_is_active(x) != agent_change_is_active(y) || !same_group(x, y))
        return false;
    return !agent_change_is_active(x) || target_same(x->lv_uuid, y->lv_uuid);
}

static const struct lvm_order *order_in(const struct change_slot *s)
{
    return s->change->order;
}

static void slot_clear(struct change_slot *s)
{
    arena_free(s->arena);
    *s = (struct change_slot){ .state = CHANGE_FREE };
}

static bool is_at_work(const struct change_slot *s)
{
    return s->state == CHANGE_ASKED || s->state == CHANGE_WANTED || s->state == CHANGE_RUNS;
}

static struct change_slot *slot_of(struct agent *a, const struct order_key *key)
{
    for (int i = 0; i < CHANGE_SLOTS; i++) {
        struct change_slot *s = &a->changes.slots[i];

        if (s->state != CHANGE_FREE && same_key(order_in(s)->order, key))
            return s;
    }
    return NULL;
}

static struct change_slot *free_slot(struct agent *a)
{
    for (int i = 0; i < CHANGE_SLOTS; i++) {
        if (a->changes.slots[i].state == CHANGE_FREE)
            return &a->changes.slots[i];
    }
    return NULL;
}

/* ---- the past ------------------------------------------------------------------------------- */

static struct change_past *past_of(struct agent *a, const struct lvm_order *o)
{
    for (size_t i = 0; i < a->changes.past_count; i++) {
        if (same_subject(a->changes.past[i].change->order, o))
            return &a->changes.past[i];
    }
    return NULL;
}

/* False: out of memory. There are no more of them than volume groups were changed, and LVs
 * activated, in a boot. */
static bool remember(struct agent *a, const struct lvm_change *change)
{
    struct change_past *p = past_of(a, change->order), *v;
    struct change_past fresh = { .arena = arena_new(0) };

    if (fresh.arena != NULL)
        fresh.change = record_dup(fresh.arena, &lvm_change_desc, change);
    if (fresh.change != NULL && p == NULL) {
        v = realloc(a->changes.past, (a->changes.past_count + 1) * sizeof *v);
        if (v != NULL) {
            a->changes.past = v;
            p = &v[a->changes.past_count++];
            p->arena = NULL;
        }
    }
    if (fresh.change == NULL || p == NULL) {
        arena_free(fresh.arena);
        return false;
    }
    arena_free(p->arena);
    *p = fresh;
    return true;
}

/* A copy of the change in the slot. */
static bool slot_fill(struct change_slot *s, const struct lvm_change *change)
{
    s->arena = arena_new(0);
    s->change = s->arena == NULL ? NULL : record_dup(s->arena, &lvm_change_desc, change);
    if (s->change != NULL)
        return true;
    slot_clear(s);
    return false;
}

int agent_change_init(struct agent *a)
{
    const struct agent_config *c = &a->config;

    for (size_t i = 0; i < c->change_count; i++) {
        struct change_slot *s = c->changes[i].runs ? free_slot(a) : NULL;

        if (!remember(a, c->changes[i].change))
            return -ENOMEM;
        if (GUARD(LEFT_SUSPENDED, !c->changes[i].runs) &&
            agent_mend_after(a, c->changes[i].change) < 0)
            return -ENOMEM;
        if (s == NULL) /* there are never more that run than slots */
            continue;
        if (!slot_fill(s, c->changes[i].change))
            return -ENOMEM;
        s->state = CHANGE_RUNS;
    }
    a->config.changes = NULL;
    return 0;
}

void agent_change_deinit(struct agent *a)
{
    for (int i = 0; i < CHANGE_SLOTS; i++)
        slot_clear(&a->changes.slots[i]);
    for (size_t i = 0; i < a->changes.past_count; i++)
        arena_free(a->changes.past[i].arena);
    free(a->changes.past);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void decline(struct agent *a, struct turn *t, const struct lvm_order *o, const char *reason,
                    uint64_t retry_ms)
{
    struct decline *body = arena_zalloc(t->arena, sizeof *body);
    const char *copy = arena_strdup(t->arena, reason);
    struct envelope *env = body == NULL || copy == NULL ? NULL : agent_envelope(a, t);

    if (env == NULL) {
        t->failed = true;
        return; /* the order comes again */
    }
    REC_SET(body, decline, order, o->order);
    REC_SET(body, decline, reason, copy);
    if (retry_ms > 0)
        REC_SET(body, decline, retry_ms, retry_ms);
    REC_SET(env, envelope, decline, body);
}

static const struct section *section_of(const void *ctx, enum section_id id)
{
    return agent_section(ctx, id);
}

/* All that change_target looks at. After a start nothing is known, not even that a disk is in use.
 */
static bool is_read(const struct agent *a)
{
    static const enum section_id needed[] = { SECTION_LUNS, SECTION_PATHS, SECTION_PARTITIONS,
                                              SECTION_PVS,  SECTION_VGS,   SECTION_USES };
    bool read = true;

    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        read = read && a->parts[needed[i]].known;
    return read;
}

/* Why it is not taken up now, and for how long; NULL: it may be. */
static const char *in_the_way(struct agent *a, const struct lvm_order *o, uint64_t *retry_ms)
{
    const struct change_past *past = past_of(a, o);
    size_t running = 0;

    *retry_ms = 0;
    if (past != NULL && o->token < past->change->order->token)
        return "a change under a newer hold of the volume group has been begun here";
    *retry_ms = BUSY_MS;
    if (!is_read(a))
        return "the storage of this node has not been read yet since its probe was started";
    for (int i = 0; i < CHANGE_SLOTS; i++) {
        const struct change_slot *s = &a->changes.slots[i];

        if (!is_at_work(s))
            continue;
        if (same_group(order_in(s), o))
            return "another change of the volume group has not ended here";
        running++;
    }
    if (running >= LIMIT_CHANGES_PER_NODE)
        return "as many changes of volume groups run here as may";
    return free_slot(a) == NULL ? "too many results of changes are not answered yet" : NULL;
}

static void take_up(struct agent *a, struct turn *t, const struct lvm_order *o)
{
    const struct change_past *past = past_of(a, o);
    struct change_slot *s = free_slot(a);
    struct lvm_change change = { .present = 0 };
    struct err e;
    int rc =
        change_target(section_of, a, o, past == NULL ? NULL : past->change, t->arena, &change, &e);

    if (rc == -ENOENT) {
        decline(a, t, o, e.text, 0);
        return;
    }
    if (rc < 0 || !slot_fill(s, &change)) {
        t->failed = true;
        return;
    }
    if (!remember(a, &change)) {
        slot_clear(s);
        t->failed = true;
        return;
    }
    s->state = GUARD(CHANGE_CONFIRMED, true) ? CHANGE_ASKED : CHANGE_WANTED;
    s->say_started = true; /* when the token is saved */
    agent_saw_token(a, o->token);
}

void agent_change_hear(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct lvm_order *o = env->lvm_order;
    struct change_slot *s;
    const char *why;
    uint64_t retry_ms;

    if (a->state != AGENT_FOLLOWING || !agent_is_followed(a, env->start))
        return;
    s = slot_of(a, o->order);
    if (s != NULL && is_at_work(s)) {
        s->say_started = true;
    } else if (s != NULL) {
        s->tell_at = t->now;
    } else {
        why = in_the_way(a, o, &retry_ms);
        if (why != NULL)
            decline(a, t, o, why, retry_ms);
        else
            take_up(a, t, o);
    }
}

/* ---- devices -------------------------------------------------------------------------------- */

/* A worker makes what it finds suspended go on, and so nobody else may hold it still: LVM must not
 * make devices of a volume group while another worker makes them what its metadata say, and the
 * other way round. */
bool agent_change_makes(const struct agent *a, const char *group)
{
    for (int i = 0; i < CHANGE_SLOTS; i++) {
        const struct change_slot *s = &a->changes.slots[i];

        if (s->state == CHANGE_RUNS && target_same(order_in(s)->vg_uuid, group))
            return true;
    }
    return false;
}

static bool waits(const struct agent *a, const struct change_slot *s)
{
    const char *group = order_in(s)->vg_uuid;

    return GUARD(CHANGE_WAITS, group != NULL && agent_mend_runs(a, group));
}

/* ---- workers -------------------------------------------------------------------------------- */

void agent_change_run(struct agent *a, struct turn *t)
{
    for (int i = 0; i < CHANGE_SLOTS; i++) {
        struct change_slot *s = &a->changes.slots[i];
        struct agent_action *x;

        if (s->state != CHANGE_WANTED || waits(a, s))
            continue;
        x = turn_action(t, AGENT_RUN_CHANGE);
        if (x == NULL)
            return; /* still wanted */
        x->change = s->change;
        s->state = CHANGE_RUNS;
    }
}

static void keep_result(struct change_slot *s, const struct agent_event *ev)
{
    const struct lvm_result *copy = ev->change.result == NULL
                                        ? NULL
                                        : record_dup(s->arena, &lvm_result_desc, ev->change.result);
    const char *why = ev->change.error == NULL ? NULL : arena_strdup(s->arena, ev->change.error);

    if (copy != NULL) {
        s->result = *copy;
    } else {
        REC_SET(&s->result, lvm_result, outcome, LVM_FAILED);
        REC_SET(&s->result, lvm_result, reason, why == NULL ? "the worker brought no result" : why);
    }
    REC_SET(&s->result, lvm_result, order, order_in(s)->order);
    REC_SET(&s->result, lvm_result, token, order_in(s)->token);
}

void agent_change_done(struct agent *a, struct turn *t, const struct agent_event *ev)
{
    struct change_slot *s = slot_of(a, &ev->change.order);

    if (s == NULL || s->state != CHANGE_RUNS)
        return;
    if (ev->change.result == NULL && agent_mend_after(a, s->change) < 0)
        t->failed = true;
    keep_result(s, ev);
    s->state = CHANGE_OVER;
    s->say_started = false;
    s->tell_at = t->now;
    if (s->result.outcome == LVM_FAILED)
        turn_log(t, LOG_LEVEL_WARNING, "a change of volume group %s failed: %s", order_in(s)->vg,
                 s->result.reason == NULL ? "nothing is known of it" : s->result.reason);
    agent_plan_ask(a, WORKER_LVM, t->now); /* this node's own rows are of the past */
}

/* ---- results -------------------------------------------------------------------------------- */

static void send_started(struct agent *a, struct turn *t, struct change_slot *s)
{
    struct lvm_result *body = arena_zalloc(t->arena, sizeof *body);
    struct envelope *env = body == NULL ? NULL : agent_envelope(a, t);

    s->say_started = false;
    if (env == NULL) {
        t->failed = true;
        return; /* the order comes again */
    }
    REC_SET(body, lvm_result, order, order_in(s)->order);
    REC_SET(body, lvm_result, token, order_in(s)->token);
    REC_SET(body, lvm_result, outcome, LVM_STARTED);
    REC_SET(env, envelope, lvm_result, body);
    s->asked = env->seq;
    s->tell_at.v = t->now.v + TELL_BEATS * a->heartbeat_ms;
}

static void send_result(struct agent *a, struct turn *t, struct change_slot *s)
{
    struct envelope *env = agent_envelope(a, t);

    if (env == NULL)
        return;
    REC_SET(env, envelope, lvm_result, &s->result);
    s->told = s->told == 0 ? env->seq : s->told;
    s->last_told = env->seq;
    s->tell_at.v = t->now.v + TELL_BEATS * a->heartbeat_ms;
}

void agent_change_talk(struct agent *a, struct turn *t)
{
    for (int i = 0; i < CHANGE_SLOTS; i++) {
        struct change_slot *s = &a->changes.slots[i];

        if (s->state == CHANGE_OVER && t->now.v >= s->tell_at.v)
            send_result(a, t, s);
        else if (is_at_work(s) &&
                 (s->say_started || (s->state == CHANGE_ASKED && t->now.v >= s->tell_at.v)))
            send_started(a, t, s);
    }
}

/* An answer to an earlier question may be older than the end of the hold. */
static void confirm(struct change_slot *s, struct turn *t, const struct result_ack *ack)
{
    if (ack->taken) {
        s->state = CHANGE_WANTED;
        return;
    }
    turn_log(t, LOG_LEVEL_INFO, "a change of volume group %s is not begun: %s", order_in(s)->vg,
             ack->text == NULL ? "the coordinator gave no reason" : ack->text);
    slot_clear(s);
}

void agent_change_ack(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct result_ack *ack = env->result_ack;
    struct change_slot *s = slot_of(a, ack->order);

    if (s != NULL && s->state == CHANGE_ASKED && s->asked != 0 && env->correlation == s->asked) {
        confirm(s, t, ack);
        return;
    }
    if (s == NULL || s->state != CHANGE_OVER || s->told == 0 || env->correlation < s->told)
        return;
    if (!ack->taken)
        turn_log(t, LOG_LEVEL_INFO, "the result of a change was not taken: %s",
                 ack->text == NULL ? "the coordinator gave no reason" : ack->text);
    slot_clear(s);
}

void agent_change_refused(struct agent *a, struct turn *t, const struct envelope *env)
{
    for (int i = 0; i < CHANGE_SLOTS; i++) {
        struct change_slot *s = &a->changes.slots[i];

        if (s->state != CHANGE_OVER || s->last_told == 0 || s->last_told != env->correlation)
            continue;
        turn_log(t, LOG_LEVEL_ERROR,
                 "the result of a change is given up, since it would be refused again");
        slot_clear(s);
    }
}

mono_ms agent_change_deadline(const struct agent *a)
{
    mono_ms first = { INT64_MAX };

    if (agent_mend_waits(a))
        first.v = 0; /* memory was short */
    for (int i = 0; i < CHANGE_SLOTS; i++) {
        const struct change_slot *s = &a->changes.slots[i];

        if (s->state == CHANGE_WANTED && !waits(a, s))
            first.v = 0; /* memory was short */
        else if ((s->state == CHANGE_OVER || s->state == CHANGE_ASKED) &&
                 a->state == AGENT_FOLLOWING && s->tell_at.v < first.v)
            first = s->tell_at;
    }
    return first;
}
