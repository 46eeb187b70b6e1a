/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core thread lets out once it is durable. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "corethread_internal.h"
#include "net/net.h"
#include "wire/codec.h"

static void post_envelope(struct core_thread *t, const struct outgoing *o)
{
    struct err e = { "" };
    struct buf b = { 0 };
    struct post *p = NULL;

    arena_reset(t->scratch);
    if (wire_encode_in(t->scratch, &envelope_desc, o->env, &b, &e) == 0)
        p = post_new(&o->route, &b);
    else
        log_line(LOG_LEVEL_ERROR, "an answer to a node cannot be encoded: %s", e.text);
    buf_deinit(&b);
    post_push(t->o.out, p);
}

static void submit_reply(struct core_thread *t, struct outgoing *o, struct ticket *ticket)
{
    struct job *j = calloc(1, sizeof *j);
    bool backup = o->join.type == JOIN_BACKUP_BEGIN || o->join.type == JOIN_BACKUP_READ ||
                  o->join.type == JOIN_BACKUP_END;

    if (j == NULL) {
        post_push(t->o.out, post_reply(&o->route, ticket, o->reply->correlation, REPLY_FAILED,
                                       "the coordinator is out of memory"));
        return; /* coord_update_deinit frees the reply */
    }
    j->route = o->route;
    j->join = o->join;
    j->reply = o->reply;
    j->arena = o->reply_arena;
    o->reply_arena = NULL;
    if (ticket != NULL) {
        j->ticket = *ticket;
        ticket->budget = NULL;
    }
    reader_submit(backup ? t->o.backup_reader : t->o.reader, j);
}

/* A watch that the core has granted begins with the state that its reply shows. */
static void add_watch(struct core_thread *t, struct work *w)
{
    struct reply *r = w->answer->reply;

    if (w->request->op != OP_WATCH || r->code != REPLY_OK)
        return;
    if (watches_add(t->watches, &w->route, clock_mono()) == 0)
        return;
    REC_SET(r, reply, code, REPLY_REFUSED);
    REC_SET(r, reply, text, "too many clients watch already; ask again later");
}

static struct work *next_request(struct queue_node *n)
{
    while (n != NULL && ((struct work *)n)->type != WORK_REQUEST)
        n = n->next;
    return (struct work *)n;
}

static void answer(struct core_thread *t, struct work *w, enum reply_code code, const char *text)
{
    post_push(t->o.out, post_reply(&w->route, &w->ticket, w->request->correlation, code, text));
}

static void answer_unanswered(struct core_thread *t, struct work *w)
{
    if (w->refusal != NULL)
        answer(t, w, REPLY_REFUSED, w->refusal);
    else
        answer(t, w, REPLY_FAILED, "the coordinator has no answer to this");
}

void deliver_batch(struct core_thread *t)
{
    struct work *w = next_request(t->batch);

    for (struct outgoing *o = t->update.messages; o != NULL; o = o->next) {
        if (o->reply == NULL) {
            post_envelope(t, o);
            continue;
        }
        while (w != NULL && w->answer == NULL) {
            answer_unanswered(t, w);
            w = next_request(w->node.next);
        }
        if (w != NULL && w->answer == o) {
            add_watch(t, w);
            submit_reply(t, o, &w->ticket);
            w = next_request(w->node.next);
        } else {
            submit_reply(t, o, NULL);
        }
    }
    for (; w != NULL; w = next_request(w->node.next))
        answer_unanswered(t, w);
    if (t->update.visible)
        watches_changed(t->watches);
}

void deliver_refusals(struct core_thread *t, struct queue_node *list)
{
    for (struct work *w = next_request(list); w != NULL; w = next_request(w->node.next))
        answer(t, w, REPLY_READ_ONLY, t->why);
    work_free_list(list);
}

void deliver_hints(struct core_thread *t)
{
    const struct route *route;
    mono_ms now = clock_mono();
    size_t it = 0;

    if (t->coord == NULL || watches_next(t->watches).v > now.v)
        return;
    while ((route = watches_due(t->watches, now, &it)) != NULL) {
        struct reply r = { 0 };
        struct buf b = { 0 };
        struct post *p = NULL;

        REC_SET(&r, reply, version, PROTOCOL_VERSION);
        REC_SET(&r, reply, correlation, 0);
        REC_SET(&r, reply, code, REPLY_OK);
        REC_SET(&r, reply, generation, coord_generation(t->coord));
        REC_SET(&r, reply, event_no, coord_event_no(t->coord));
        if (wire_encode(&reply_desc, &r, &b, NULL) == 0)
            p = post_new(route, &b);
        buf_deinit(&b);
        /* Only a hint: rather lost than waited for. */
        if (p != NULL && !queue_push(t->o.out, &p->node))
            post_free(p);
    }
}
