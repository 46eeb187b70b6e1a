/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Load of renewals: nodes that have a lease and renew it, each as soon as it is answered. They
 * enrol, register and report as probes do, and take up what is offered to them; of what a node does
 * at its own times (heartbeats, which would come every 2 s) nothing is done. A first turn is for
 * the leases. See leases.py, which runs this. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "dealers.h"
#include "node_words.h"
#include "wire/codec.h"
#include "wire/token.h"

enum { MOST_NODES = 4096 };

struct renewer {
    struct node_words words;
    char secret[TOKEN_SECRET_TEXT];
    bool offered;
    struct order_key order; /* of the offer */
    uint8_t resource[16];
    uint64_t request, token; /* of the lease; token 0: none yet */
};

struct bench {
    struct fleet_shape shape;
    struct renewer *nodes;
    uint32_t count;
    pubkey server;
    struct arena *kept, *scratch;
    struct dealers *dealers;
};

/* ---- what it says ---------------------------------------------------------------------------- */

static int say_request(struct renewer *r, struct buf *out, struct err *e)
{
    struct envelope env = { 0 };
    struct lease_request body = { 0 };

    r->request = r->words.seq;
    REC_SET(&body, lease_request, order, &r->order);
    REC_SET(&body, lease_request, resource, wire_bytes16(r->resource));
    REC_SET(&env, envelope, lease_request, &body);
    return words_any(&r->words, &env, out, e);
}

static int say_renew(struct renewer *r, struct buf *out, struct err *e)
{
    struct envelope env = { 0 };
    struct lease_renew body = { 0 };
    struct right right = { 0 };

    REC_SET(&right, right, request, r->request);
    REC_SET(&right, right, state, RIGHT_HELD);
    REC_SET(&right, right, token, r->token);
    REC_SET(&right, right, resource, wire_bytes16(r->resource));
    REC_SET(&body, lease_renew, rights, ((struct recs){ .v = &right, .n = 1 }));
    REC_SET(&env, envelope, lease_renew, &body);
    return words_any(&r->words, &env, out, e);
}

static int say_next(struct renewer *r, struct buf *out, struct err *e)
{
    if (r->token != 0)
        return say_renew(r, out, e);
    return r->offered ? say_request(r, out, e) : words_beat(&r->words, out, e);
}

/* ---- what it hears --------------------------------------------------------------------------- */

static int decode(struct bench *b, zmq_msg_t *m, struct envelope **out, struct err *e)
{
    int rc;

    arena_reset(b->scratch);
    rc = wire_decode_envelope(zmq_msg_data(m), zmq_msg_size(m), b->scratch, out, e);
    if (rc == 0 && (*out)->refused != NULL)
        rc = err_set(e, -EPROTO, "a node was refused: %s", (*out)->refused->text);
    return rc;
}

/* 1: it waits on. */
static int hear(struct renewer *r, const struct envelope *env, struct err *e)
{
    if (env->renewed != NULL)
        return env->renewed->rights.n == 1
                   ? 0
                   : err_set(e, -EPROTO, "a node has lost its lease between two renewals");
    if (env->granted != NULL) {
        r->token = env->granted->token;
        return 0;
    }
    if (env->offer == NULL || r->offered)
        return 1;
    r->offered = true;
    r->order = *env->offer->order;
    memcpy(r->resource, env->offer->resource.p, sizeof r->resource);
    return 0;
}

static int next(void *ctx, uint32_t index, zmq_msg_t *answer, struct buf *out, struct err *e)
{
    struct bench *b = ctx;
    struct renewer *r = &b->nodes[index];
    struct envelope *env;
    int rc = answer == NULL ? 0 : decode(b, answer, &env, e);

    if (rc == 0 && answer != NULL)
        rc = hear(r, env, e);
    return rc == 0 ? say_next(r, out, e) : rc;
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static int read_tokens(struct bench *b, const char *path, struct err *e)
{
    static const enum worker_kind kinds[] = { WORKER_SYSTEM, WORKER_NET, WORKER_STORAGE };
    FILE *f = fopen(path, "re");
    char line[256];
    int rc = 0;

    b->nodes = calloc(MOST_NODES, sizeof *b->nodes);
    b->kept = arena_new(0);
    b->scratch = arena_new(LIMIT_DECODE_ARENA_BYTES);
    if (f == NULL || b->nodes == NULL || b->kept == NULL || b->scratch == NULL)
        rc = err_set(e, -EIO, "cannot read %s: %s", path, strerror(errno));
    while (rc == 0 && b->count < MOST_NODES && fgets(line, sizeof line, f) != NULL) {
        struct renewer *r = &b->nodes[b->count];

        line[strcspn(line, "\r\n")] = '\0';
        rc = words_init(&r->words, &b->shape, b->count++, kinds, ARRAY_LEN(kinds), b->kept, e);
        if (rc == 0)
            rc = token_parse(line, &b->server, r->secret, e);
    }
    if (f != NULL)
        fclose(f);
    return rc;
}

/* One message of those that come before the turns. */
static int ask(struct bench *b, uint32_t index, const struct buf *message, uint32_t body,
               struct err *e)
{
    struct envelope *env;
    zmq_msg_t m;
    int rc;

    zmq_msg_init(&m);
    rc = dealers_ask(b->dealers, index, message, &m, e);
    if (rc == 0)
        rc = decode(b, &m, &env, e);
    if (rc == 0 && !field_present(&envelope_desc, body, env))
        rc = err_set(e, -EPROTO, "a node was answered something else");
    zmq_msg_close(&m);
    return rc;
}

static int join(struct bench *b, uint32_t index, struct err *e)
{
    struct renewer *r = &b->nodes[index];
    struct buf out = { 0 };
    int rc = words_enrol(&r->words, r->secret, &out, e);

    if (rc == 0)
        rc = ask(b, index, &out, envelope_enrolled, e);
    if (rc == 0)
        rc = words_register(&r->words, &out, e);
    if (rc == 0)
        rc = ask(b, index, &out, envelope_registered, e);
    if (rc == 0)
        rc = words_report(&r->words, &out, e);
    if (rc == 0)
        rc = ask(b, index, &out, envelope_report_ack, e);
    buf_deinit(&out);
    return rc;
}

static int run(struct bench *b, const char *endpoint, struct err *e)
{
    struct dealers_options o = { .endpoint = endpoint,
                                 .server = &b->server,
                                 .count = b->count,
                                 .most_bytes = LIMIT_NODE_MESSAGE_BYTES,
                                 .next = next,
                                 .ctx = b };
    int rc;

    b->dealers = dealers_new(&o, e);
    rc = b->dealers == NULL ? -EIO : 0;
    for (uint32_t i = 0; rc == 0 && i < b->count; i++)
        rc = join(b, i, e);
    return rc == 0 ? turns(dealers_turn, b->dealers, 0, e) : rc;
}

/* Each node sees one filesystem, which no other sees. */
static void shape_of(struct fleet_shape *s)
{
    fleet_shape_usual(s);
    s->group = 1;
    s->filesystems = 1;
    s->vgs = s->vlans = s->images = 0;
    s->nics = s->ports = s->paths = 1;
}

int main(int argc, char **argv)
{
    struct err e = { "" };
    struct bench b = { 0 };
    int rc;

    if (argc != 3) {
        fputs("Usage: bench-renewals tcp://HOST:PORT FILE (of enrolment tokens)\n", stderr);
        return 2;
    }
    shape_of(&b.shape);
    rc = read_tokens(&b, argv[2], &e);
    if (rc == 0)
        rc = run(&b, argv[1], &e);
    if (rc != 0)
        fprintf(stderr, "bench-renewals: %s\n", e.text);
    dealers_free(b.dealers);
    arena_free(b.kept);
    arena_free(b.scratch);
    free(b.nodes);
    return rc == 0 ? 0 : 1;
}
