/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the workers of scans and reaches bring. It is kept until the coordinator has answered. */
#include "agent_internal.h"
#include "base/limits.h"
#include "base/log.h"

/* For all rights and the envelope, beside the rest of a result. */
#define OVERHEAD_BYTES (64u * LIMIT_RIGHTS)

_Static_assert(OVERHEAD_BYTES < LIMIT_NODE_MESSAGE_BYTES / 2, "a message is for its result");

static void not_read(struct scan_slot *s, const char *reason)
{
    s->scan = (struct scan_result){ .present = 0 };
    REC_SET(&s->scan, scan_result, outcome, SCAN_NOT_READ);
    REC_SET(&s->scan, scan_result, reason, reason);
    REC_SET(&s->scan, scan_result, again, true);
}

static const char *keep_text(struct scan_slot *s, const char *text)
{
    const char *copy = text == NULL ? NULL : arena_strdup(s->arena, text);

    return copy == NULL ? "the worker brought no result" : copy;
}

static void keep_scan(struct scan_slot *s, const struct agent_event *ev)
{
    const struct scan_result *copy =
        ev->scan.result == NULL ? NULL : record_dup(s->arena, &scan_result_desc, ev->scan.result);

    if (copy != NULL &&
        agent_record_bound(&scan_result_desc, copy) + OVERHEAD_BYTES > LIMIT_NODE_MESSAGE_BYTES) {
        not_read(s, "what was found is more than one message may carry");
        REC_SET(&s->scan, scan_result, again, false);
    } else if (copy != NULL) {
        s->scan = *copy;
    } else if (ev->scan.result != NULL) {
        not_read(s, "the node has no memory for the result");
    } else {
        not_read(s, s->state == SLOT_ENDING ? s->why : keep_text(s, ev->scan.error));
    }
    REC_SET(&s->scan, scan_result, token, s->token);
    REC_SET(&s->scan, scan_result, order, &s->order);
}

static struct scan_slot *scan_of(struct agent *a, uint64_t request)
{
    for (uint32_t i = 0; i < a->leases.scans; i++) {
        struct scan_slot *s = &a->leases.slots[i];

        if ((s->state == SLOT_RUNNING || s->state == SLOT_ENDING) && s->request == request)
            return s;
    }
    return NULL;
}

void agent_scan_done(struct agent *a, struct turn *t, const struct agent_event *ev)
{
    struct scan_slot *s = scan_of(a, ev->scan.request);

    if (s == NULL)
        return;
    keep_scan(s, ev);
    s->state = SLOT_DONE;
    s->clean = ev->scan.clean;
    s->tell_at = t->now;
    if (s->clean)
        return;
    turn_log(t, LOG_LEVEL_WARNING, "it is not proven that a scan's filesystem is unmounted (%s)",
             s->scan.reason == NULL ? "its worker ended well" : s->scan.reason);
}

void agent_scan_clean(struct agent *a, const struct agent_event *ev)
{
    struct leases *l = &a->leases;

    for (uint32_t i = 0; i < l->scans; i++) {
        if (l->slots[i].state == SLOT_DONE && l->slots[i].request == ev->scan.request)
            l->slots[i].clean = true;
    }
    for (size_t i = 0; i < l->residue_count; i++) {
        if (l->residues[i].request == ev->scan.request) {
            l->residues[i] = l->residues[--l->residue_count];
            return;
        }
    }
}

static bool same_order(const struct order_key *x, const struct order_key *y)
{
    return x->task == y->task && x->job == y->job && x->attempt == y->attempt;
}

void agent_reach_done(struct agent *a, struct turn *t, const struct agent_event *ev)
{
    const struct reach_result *copy;
    struct scan_slot *s = a->leases.slots + a->leases.scans, *end = s + a->leases.scans;

    while (s < end && (s->state != SLOT_RUNNING || !same_order(&s->order, &ev->reach.order)))
        s++;
    if (s == end)
        return;
    copy = ev->reach.result == NULL ? NULL
                                    : record_dup(s->arena, &reach_result_desc, ev->reach.result);
    if (copy != NULL) {
        s->reach = *copy;
    } else {
        REC_SET(&s->reach, reach_result, proven, false);
        REC_SET(&s->reach, reach_result, reason, keep_text(s, ev->reach.error));
        REC_SET(&s->reach, reach_result, again, true);
    }
    REC_SET(&s->reach, reach_result, order, &s->order);
    s->state = SLOT_DONE;
    s->tell_at = t->now;
}
