/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections as this node knows them: copied from what workers bring, with the last good rows
 * kept when a worker fails. */
#include <errno.h>
#include <stdio.h>

#include "agent_internal.h"
#include "base/limits.h"
#include "base/log.h"
#include "wire/codec.h"

/* Room for the rest of a report that carries one section. */
#define OVERHEAD_BYTES 1024u

int64_t part_age_ms(const struct agent *a, const struct part *p, mono_ms now)
{
    return mono_since(now, p->good ? p->collected : a->started);
}

/* The list of the section's rows in a body. */
static const struct recs *body_rows(const struct section_body *body, enum section_id id)
{
    const struct field *f = section_body_desc.fields;

    while (f->sub != section_descs[id].row)
        f++;
    return field_at(f, body);
}

/* A copy of `from` in an arena of its own. NULL: *rc is -ENOMEM, or -EBADMSG with a
 * sentence. */
static struct arena *copy_section(const struct section *from, struct section *out, int *rc,
                                  struct err *e)
{
    struct section plain = *from;
    struct section_body body, *copy;
    struct arena *a = arena_new(0);

    *rc = -ENOMEM;
    if (a == NULL)
        return NULL;
    plain.hashes = NULL; /* they may be those of another status */
    section_to_body(&plain, &body);
    copy = record_dup(a, &section_body_desc, &body);
    if (copy != NULL) {
        *out = (struct section){ .id = from->id,
                                 .status = from->status,
                                 .status_text = copy->status_text,
                                 .rows = (void *)(uintptr_t)body_rows(copy, from->id)->v,
                                 .row_count = from->row_count };
        *rc = section_normalise(out, a, e);
    }
    if (*rc == 0 &&
        agent_record_bound(&section_body_desc, copy) + OVERHEAD_BYTES > LIMIT_NODE_MESSAGE_BYTES)
        *rc = err_set(e, -EBADMSG, "the section is larger than one message may be (%u bytes)",
                      LIMIT_NODE_MESSAGE_BYTES);
    if (*rc < 0) {
        arena_free(a);
        return NULL;
    }
    return a;
}

/* Makes `to` the part's content. A part whose copy fails keeps what it had. */
static int part_set(struct part *p, const struct section *to, mono_ms now, struct err *e)
{
    struct section content;
    int rc;
    struct arena *arena = copy_section(to, &content, &rc, e);

    if (arena == NULL)
        return rc;
    if (!p->known || p->content.status != content.status)
        p->status_since = now;
    content.generation = p->content.generation;
    if (!p->known || !digest_eq(p->content.digest, content.digest))
        content.generation++;
    arena_free(p->arena);
    p->arena = arena;
    p->content = content;
    p->known = true;
    return 0;
}

static bool same_text(const char *x, const char *y)
{
    return x == y || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

static enum worker_kind kind_of(enum section_id id)
{
    unsigned k = 0;

    while (((worker_kind_sections((enum worker_kind)k) >> id) & 1u) == 0)
        k++;
    return (enum worker_kind)k;
}

/* The part's rows under another status. True if that says something new. */
static bool part_mark(struct agent *a, struct turn *t, enum section_id id,
                      enum section_status status, const char *text)
{
    struct part *p = &a->parts[id];
    struct section to = p->content;
    enum section_status since = p->known ? p->content.status : SECTION_NEVER;
    bool news = !p->known || to.status != status || !same_text(to.status_text, text);
    struct err e;
    int rc;

    to.status = status;
    to.status_text = text;
    rc = part_set(p, &to, t->now, &e);
    if (rc == -EBADMSG) { /* the text: it may come from anywhere */
        to.status_text = "the worker failed and its message is no clean text";
        rc = part_set(p, &to, t->now, &e);
    }
    if (rc < 0)
        t->failed = true;
    else if (status == SECTION_STUCK && since != SECTION_STUCK)
        p->status_since = a->jobs[kind_of(id)].started; /* it has not answered since */
    return news;
}

void agent_mark(struct agent *a, struct turn *t, enum worker_kind kind, enum section_status status,
                const char *text)
{
    bool news = false;

    for (int i = 0; i < SECTION_COUNT; i++) {
        if ((worker_kind_sections(kind) >> i) & 1u)
            news |= part_mark(a, t, (enum section_id)i, status, text);
    }
    if (news)
        turn_log(t, LOG_LEVEL_WARNING, "collecting %s: %s", worker_kind_name(kind),
                 text == NULL ? section_status_name(status) : text);
}

static void part_fail(struct agent *a, struct turn *t, enum section_id id, const char *text)
{
    if (part_mark(a, t, id, SECTION_FAILED, text))
        turn_log(t, LOG_LEVEL_WARNING, "section %s: %s", section_descs[id].name, text);
}

static void part_take(struct agent *a, struct turn *t, const struct section *s)
{
    struct part *p = &a->parts[s->id];
    bool bad = p->content.status == SECTION_FAILED || p->content.status == SECTION_STUCK;
    struct err e;
    int rc;

    if (s->status != SECTION_OK && s->status != SECTION_ABSENT) {
        part_fail(a, t, s->id, s->status_text == NULL ? "the collection failed" : s->status_text);
        return;
    }
    rc = part_set(p, s, t->now, &e);
    if (rc == 0 && bad)
        turn_log(t, LOG_LEVEL_INFO, "section %s is collected again", section_descs[s->id].name);
    if (rc == -EBADMSG) {
        part_fail(a, t, s->id, e.text);
    } else if (rc < 0) {
        t->failed = true;
    } else {
        p->collected = t->now;
        p->good = true;
    }
}

void agent_worker_done(struct agent *a, struct turn *t, const struct agent_event *ev)
{
    uint32_t missing = worker_kind_sections(ev->worker.kind);

    if (ev->worker.error != NULL) {
        agent_mark(a, t, ev->worker.kind, SECTION_FAILED, ev->worker.error);
        return;
    }
    for (size_t i = 0; i < ev->worker.section_count; i++) {
        const struct section *s = &ev->worker.sections[i];

        if ((unsigned)s->id >= SECTION_COUNT || !((missing >> s->id) & 1u))
            continue; /* another kind's, or the same again */
        missing &= ~(1u << s->id);
        part_take(a, t, s);
    }
    for (int i = 0; i < SECTION_COUNT; i++) {
        if ((missing >> i) & 1u)
            part_fail(a, t, (enum section_id)i, "the worker brought no such section");
    }
}
