/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports: the sections that the coordinator does not have as they are now, in as few messages as
 * their sizes allow, and one burst of them at a time. */
#include <assert.h>

#include "agent_internal.h"
#include "base/limits.h"
#include "wire/codec.h"

enum {
    ACK_BEATS = 2,       /* a burst not answered within these many heartbeats is lost */
    OVERHEAD_BYTES = 512 /* the envelope round the sections */
};

_Static_assert(SECTION_COUNT <= 32, "one bit of a burst for each message");

static size_t field_bound(const struct field *f, const void *at)
{
    const struct strs *list = at;
    const struct recs *recs = at;
    size_t n = 8; /* tag and length */

    if (f->type == FIELD_STR)
        return n + strlen(*(const char *const *)at);
    if (f->type == FIELD_BYTES)
        return n + ((const struct bytes *)at)->n;
    if (f->type == FIELD_REC)
        return n + agent_record_bound(f->sub, *(const void *const *)at);
    if (f->type == FIELD_STRS) {
        for (size_t i = 0; i < list->n; i++)
            n += 8 + strlen(list->v[i]);
        return n;
    }
    if (f->type == FIELD_RECS) {
        for (size_t i = 0; i < recs->n; i++)
            n += 8 + agent_record_bound(f->sub, (const char *)recs->v + i * f->sub->size);
        return n;
    }
    return n + 10;
}

size_t agent_record_bound(const struct record_desc *d, const void *rec)
{
    size_t n = 0;

    for (uint32_t i = 0; i < d->count; i++) {
        if (field_present(d, i, rec))
            n += field_bound(&d->fields[i], field_at(&d->fields[i], rec));
    }
    return n;
}

static bool lacking(const struct part *p)
{
    return p->known && !(p->told_any && digest_eq(p->told, p->content.digest));
}

static mono_ms lost_at(const struct agent *a)
{
    return (mono_ms){ a->burst.sent.v + ACK_BEATS * a->heartbeat_ms };
}

/* Sends one report with `n` bodies and notes which sections it carries. */
static bool send_report(struct agent *a, struct turn *t, const struct section_body *bodies,
                        size_t n)
{
    struct report *report = arena_zalloc(t->arena, sizeof *report);
    struct envelope *env = report == NULL ? NULL : agent_envelope(a, t);
    struct burst *b = &a->burst;

    if (env == NULL) {
        t->failed = true;
        return false;
    }
    REC_SET(report, report, sections, ((struct recs){ .v = bodies, .n = n }));
    REC_SET(env, envelope, report, report);
    if (b->open == 0) {
        b->first = env->seq;
        b->sent = t->now;
    }
    b->last = env->seq;
    b->open |= 1u << (b->last - b->first);
    for (size_t i = 0; i < n; i++)
        a->parts[bodies[i].section].reported_seq = env->seq;
    return true;
}

static size_t fill_body(struct agent *a, struct turn *t, struct part *p, struct section_body *body)
{
    struct section s = p->content;

    s.age_ms = part_age_ms(a, p, t->now);
    s.status_age_ms = mono_since(t->now, p->status_since);
    section_to_body(&s, body);
    body->digest = wire_bytes16(p->content.digest.b); /* `s` does not live as long */
    return agent_record_bound(&section_body_desc, body) + 8;
}

void agent_report(struct agent *a, struct turn *t)
{
    size_t first = 0, n = 0, bytes = OVERHEAD_BYTES;
    struct section_body *bodies;

    if (a->burst.open != 0 && t->now.v >= lost_at(a).v)
        a->burst.open = 0;
    if (a->burst.open != 0 || agent_report_deadline(a).v > t->now.v)
        return;
    bodies = arena_array(t->arena, SECTION_COUNT, sizeof *bodies);
    if (bodies == NULL) {
        t->failed = true;
        return;
    }
    for (int i = 0; i < SECTION_COUNT; i++) {
        struct part *p = &a->parts[i];
        size_t more;

        if (!lacking(p) || t->now.v < p->not_before.v)
            continue;
        more = fill_body(a, t, p, &bodies[n]);
        if (n > first && bytes + more > LIMIT_NODE_MESSAGE_BYTES) {
            if (!send_report(a, t, &bodies[first], n - first))
                return;
            first = n;
            bytes = OVERHEAD_BYTES;
        }
        bytes += more;
        n++;
    }
    assert(n > first); /* the deadline says that there is something */
    send_report(a, t, &bodies[first], n - first);
}

mono_ms agent_report_deadline(const struct agent *a)
{
    mono_ms first = { INT64_MAX };

    if (a->burst.open != 0)
        return lost_at(a);
    for (int i = 0; i < SECTION_COUNT; i++) {
        const struct part *p = &a->parts[i];

        if (lacking(p) && p->not_before.v < first.v)
            first = p->not_before;
    }
    return first.v < a->report_at.v ? a->report_at : first;
}
