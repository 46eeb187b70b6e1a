/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "heap.h"
#include "shell.h"
#include "wire/codec.h"

/* Memory is reserved for so many messages at once, most of which take less than their share. */
#define RESERVE_EVERY 16
#define RESERVE_BYTES ((size_t)2 << 20)

struct decoder {
    pthread_t thread;
    bool started;
    struct queue *in, *core, *out;
};

struct decoders {
    unsigned count;
    struct decoder all[];
};

static void make_bad(struct work *w, enum refuse_reason reason, const char *text)
{
    w->type = WORK_BAD;
    w->bad.reason = reason;
    snprintf(w->bad.text, sizeof w->bad.text, "%s", text);
}

/* -ENOMEM from the decoder is nearly always the arena's limit: the message's fault. */
static void decode_failed(struct work *w, int rc, const struct err *e)
{
    if (rc == -ENOMEM)
        make_bad(w, REFUSE_TOO_LARGE, "the message takes too much memory when decoded");
    else
        make_bad(w, REFUSE_MALFORMED, e->text);
}

/* Rows of a later version may have fields that are not known here, so that their digest is of more
 * than what was read. It is the node's all the same: by it the section is known again. */
static int decode_later(const struct section_body *body, struct arena *a, struct section *out,
                        struct err *e)
{
    struct section_body without = *body;
    digest128 claimed;
    int rc;

    without.present &= ~(UINT64_C(1) << section_body_digest);
    rc = section_from_body(&without, a, out, e);
    if (rc == 0 && REC_HAS(body, section_body, digest) && wire_digest(body->digest, &claimed)) {
        out->partly = !digest_eq(claimed, out->digest);
        out->understood = out->digest;
        out->digest = claimed;
    }
    return rc;
}

static int decode_sections(struct work *w, const struct report *r, struct err *e)
{
    const struct section_body *bodies = r->sections.v;
    bool later = w->env->version > PROTOCOL_VERSION;
    int rc = 0;

    if (r->sections.n > SECTION_COUNT && !later)
        return err_set(e, -EBADMSG, "a report has %zu sections; there are only %d kinds",
                       r->sections.n, SECTION_COUNT);
    w->sections = arena_array(w->arena, r->sections.n, sizeof *w->sections);
    if (w->sections == NULL)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < r->sections.n; i++) {
        if (later && bodies[i].section >= SECTION_COUNT)
            continue;
        rc = (later ? decode_later : section_from_body)(&bodies[i], w->arena,
                                                        &w->sections[w->section_count++], e);
    }
    return rc;
}

static void decode_node(struct work *w)
{
    struct err e = { "" };
    int rc =
        wire_decode_envelope(zmq_msg_data(&w->raw), zmq_msg_size(&w->raw), w->arena, &w->env, &e);

    w->type = WORK_NODE;
    if (rc == 0) {
        w->bad.correlation = w->env->seq;
        if (w->env->report != NULL)
            rc = decode_sections(w, w->env->report, &e);
    }
    if (rc < 0) {
        decode_failed(w, rc, &e);
        w->bad.answer = true;
    }
}

/* A client's answer goes back from here: the core knows no way to tell a client from a node that
 * could not be understood. */
static struct post *decode_request(struct work *w)
{
    struct err e = { "" };
    bool refused = w->bad.reason != 0;
    void *request = NULL;
    int rc = wire_decode(&request_desc, zmq_msg_data(&w->raw), zmq_msg_size(&w->raw), w->arena,
                         &request, &e);

    w->type = WORK_REQUEST;
    w->request = request;
    if (rc == 0)
        w->bad.correlation = w->request->correlation;
    if (refused)
        w->type = WORK_BAD;
    else if (rc < 0)
        decode_failed(w, rc, &e);
    if (w->type != WORK_BAD)
        return NULL;
    w->bad.answer = false;
    return post_reply(&w->route, NULL, w->bad.correlation, work_reply_code(w->bad.reason),
                      w->bad.text);
}

struct post *decode_work(struct work *w)
{
    struct post *answer = NULL;

    w->arena = arena_new(LIMIT_DECODE_ARENA_BYTES);
    if (w->arena == NULL)
        make_bad(w, REFUSE_BUSY, "the coordinator is out of memory; try again");
    else if (w->route.socket == SOCKET_NODES)
        decode_node(w);
    else
        answer = decode_request(w);
    zmq_msg_close(&w->raw);
    w->has_raw = false;
    w->node.weight = w->arena == NULL ? 0 : arena_used(w->arena);
    if (w->type == WORK_BAD && w->arena != NULL) {
        arena_free(w->arena);
        w->arena = NULL;
        w->node.weight = 0;
    }
    return answer;
}

static void *run(void *arg)
{
    struct decoder *d = arg;
    struct queue_node *list;
    unsigned messages = 0;

    while (queue_take(d->in, 1, -1, &list) > 0) {
        struct work *w = (struct work *)list;

        if (messages++ % RESERVE_EVERY == 0)
            heap_reserve(RESERVE_BYTES);
        post_push(d->out, decode_work(w));
        if (!queue_push_wait(d->core, &w->node))
            work_free(w);
    }
    return NULL;
}

struct decoders *decoders_new(unsigned threads, struct queue *core, struct queue *out,
                              struct err *e)
{
    struct decoders *d = calloc(1, sizeof *d + threads * sizeof d->all[0]);

    if (d == NULL) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    d->count = threads;
    for (unsigned i = 0; i < threads; i++) {
        struct decoder *x = &d->all[i];
        int rc;

        x->core = core;
        x->out = out;
        x->in = queue_new(LIMIT_QUEUED_MESSAGES, 0, false);
        rc = x->in == NULL ? err_set(e, -ENOMEM, "out of memory")
                           : shell_thread(&x->thread, "decoder", run, x, e);
        x->started = rc == 0;
        if (rc != 0) {
            decoders_stop(d);
            decoders_free(d);
            return NULL;
        }
    }
    return d;
}

/* FNV-1a: which thread it is need not be hard to guess, as every thread does the same. */
static uint32_t hash_route(const struct route *r)
{
    uint32_t h = 2166136261u ^ r->socket;

    for (unsigned i = 0; i < r->n; i++)
        h = (h ^ r->id[i]) * 16777619u;
    return h;
}

bool decoders_submit(struct decoders *d, struct work *w)
{
    return queue_push(d->all[hash_route(&w->route) % d->count].in, &w->node);
}

void decoders_stop(struct decoders *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        if (d->all[i].in != NULL)
            queue_close(d->all[i].in);
    }
    for (unsigned i = 0; i < d->count; i++) {
        if (d->all[i].started)
            pthread_join(d->all[i].thread, NULL);
        d->all[i].started = false;
    }
}

void decoders_free(struct decoders *d)
{
    if (d == NULL)
        return;
    for (unsigned i = 0; i < d->count; i++)
        queue_free(d->all[i].in);
    free(d);
}
