/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work.h"

#include <stdlib.h>

#include "base/limits.h"
#include "wire/codec.h"

struct work *work_new(enum work_type type, const struct route *route)
{
    struct work *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->type = type;
    w->route = *route;
    w->bad.count = 1;
    return w;
}

void work_free(struct work *w)
{
    if (w == NULL)
        return;
    if (w->has_raw)
        zmq_msg_close(&w->raw);
    arena_free(w->arena);
    ticket_release(&w->ticket);
    free(w);
}

void work_free_list(struct queue_node *list)
{
    while (list != NULL) {
        struct queue_node *next = list->next;

        work_free((struct work *)list);
        list = next;
    }
}

enum reply_code work_reply_code(enum refuse_reason r)
{
    if (r == REFUSE_TOO_LARGE)
        return REPLY_TOO_LARGE;
    return r == REFUSE_MALFORMED ? REPLY_INVALID : REPLY_REFUSED;
}

struct post *post_new(const struct route *route, struct buf *data)
{
    struct post *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->route = *route;
    p->data = data->p;
    p->n = data->n;
    p->node.weight = data->n;
    *data = (struct buf){ 0 };
    return p;
}

void post_free(struct post *p)
{
    if (p == NULL)
        return;
    free(p->data);
    ticket_release(&p->ticket);
    free(p);
}

void post_free_list(struct queue_node *list)
{
    while (list != NULL) {
        struct queue_node *next = list->next;

        post_free((struct post *)list);
        list = next;
    }
}

struct post *post_reply(const struct route *route, struct ticket *ticket, uint64_t correlation,
                        enum reply_code code, const char *text)
{
    struct reply r = { 0 };
    struct buf b = { 0 };
    struct post *p = NULL;

    REC_SET(&r, reply, version, PROTOCOL_VERSION);
    REC_SET(&r, reply, correlation, correlation);
    REC_SET(&r, reply, code, (uint64_t)code);
    if (text != NULL)
        REC_SET(&r, reply, text, text);
    if (wire_encode(&reply_desc, &r, &b, NULL) == 0)
        p = post_new(route, &b);
    buf_deinit(&b);
    if (p != NULL && ticket != NULL) {
        p->ticket = *ticket;
        ticket->budget = NULL;
    }
    return p;
}

void post_push(struct queue *out, struct post *p)
{
    if (p != NULL && !queue_push_wait(out, &p->node))
        post_free(p);
}

void job_free(struct job *j)
{
    if (j == NULL)
        return;
    arena_free(j->arena);
    ticket_release(&j->ticket);
    free(j);
}
