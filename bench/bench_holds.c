/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Load of one durable operation: each client takes a hold of a filesystem of its own, ends it, and
 * so on. A hold is the exclusive right of a node, as a lease is, and is granted and ended by the
 * same code (coordinator/core/lease.c); but a client asks for it, so that one question and one
 * answer are one operation, as with the peers. See leases.py, which runs this. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "dealers.h"
#include "wire/codec.h"
#include "wire/token.h"

enum { MOST_CLIENTS = 4096 };

struct client {
    char node[64], resource[64];
    uint64_t token; /* 0: it has no hold */
    char secret[TOKEN_SECRET_TEXT];
};

struct bench {
    struct client *clients;
    uint32_t count;
    pubkey server;
    struct arena *scratch;
    struct dealers *dealers;
};

static int encode(const struct request *what, uint32_t index, struct buf *out, struct err *e)
{
    struct request req = *what;

    REC_SET(&req, request, version, PROTOCOL_VERSION);
    REC_SET(&req, request, correlation, index + 1);
    return wire_encode(&request_desc, &req, out, e);
}

static int ask_for(const struct client *c, uint32_t index, struct buf *out, struct err *e)
{
    struct request req = { 0 };

    if (c->token != 0) {
        REC_SET(&req, request, op, OP_HOLD_END);
        REC_SET(&req, request, count, c->token);
    } else {
        REC_SET(&req, request, op, OP_HOLD_TAKE);
        REC_SET(&req, request, node, c->node);
        REC_SET(&req, request, resource, c->resource);
        REC_SET(&req, request, name, "a benchmark");
    }
    return encode(&req, index, out, e);
}

/* 1: a hint. */
static int hear(struct bench *b, zmq_msg_t *m, struct reply **out, struct err *e)
{
    void *rec;
    int rc;

    arena_reset(b->scratch);
    rc = wire_decode(&reply_desc, zmq_msg_data(m), zmq_msg_size(m), b->scratch, &rec, e);
    if (rc < 0)
        return rc;
    *out = rec;
    if ((*out)->code != REPLY_OK)
        return err_set(e, -EPROTO, "refused: %s", (*out)->text);
    return (*out)->correlation == 0;
}

static int next(void *ctx, uint32_t index, zmq_msg_t *answer, struct buf *out, struct err *e)
{
    struct bench *b = ctx;
    struct client *c = &b->clients[index];
    const struct lease_info *l;
    struct reply *r;
    int rc = answer == NULL ? 0 : hear(b, answer, &r, e);

    if (rc != 0)
        return rc;
    if (answer != NULL && c->token != 0) {
        c->token = 0;
    } else if (answer != NULL) {
        l = r->leases.v;
        if (r->leases.n != 1)
            return err_set(e, -EPROTO, "a hold was taken, and nothing says which");
        c->token = strtoull(l->token, NULL, 10);
    }
    return ask_for(c, index, out, e);
}

/* ---- set-up ---------------------------------------------------------------------------------- */

/* A line is: TOKEN NODE RESOURCE. On the local socket there are no tokens: the first word is -. */
static int read_clients(struct bench *b, const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");
    char line[512], token[256];
    int rc = 0;

    b->clients = calloc(MOST_CLIENTS, sizeof *b->clients);
    if (f == NULL || b->clients == NULL)
        rc = err_set(e, -EIO, "cannot read %s: %s", path, strerror(errno));
    while (rc == 0 && b->count < MOST_CLIENTS && fgets(line, sizeof line, f) != NULL) {
        struct client *c = &b->clients[b->count++];

        if (sscanf(line, "%255s %63s %63s", token, c->node, c->resource) != 3)
            rc = err_set(e, -EINVAL, "%s: a line is TOKEN NODE RESOURCE", path);
        else if (strcmp(token, "-") != 0)
            rc = token_parse(token, &b->server, c->secret, e);
    }
    if (f != NULL)
        fclose(f);
    return rc;
}

static int enrol(struct bench *b, uint32_t index, struct err *e)
{
    struct request req = { 0 };
    struct buf out = { 0 };
    struct reply *r;
    char name[32];
    zmq_msg_t m;
    int rc;

    zmq_msg_init(&m);
    snprintf(name, sizeof name, "bench-%u", index);
    REC_SET(&req, request, op, OP_CLIENT_ENROL);
    REC_SET(&req, request, name, name);
    REC_SET(&req, request, secret, b->clients[index].secret);
    rc = encode(&req, index, &out, e);
    if (rc == 0)
        rc = dealers_ask(b->dealers, index, &out, &m, e);
    if (rc == 0)
        rc = hear(b, &m, &r, e);
    zmq_msg_close(&m);
    buf_deinit(&out);
    return rc;
}

static int run(struct bench *b, const char *endpoint, struct err *e)
{
    struct dealers_options o = { .endpoint = endpoint,
                                 .server = &b->server,
                                 .count = b->count,
                                 .most_bytes = LIMIT_REPLY_BYTES,
                                 .next = next,
                                 .ctx = b };
    int rc;

    b->scratch = arena_new(LIMIT_DECODE_ARENA_BYTES);
    b->dealers = b->scratch == NULL ? NULL : dealers_new(&o, e);
    rc = b->dealers == NULL ? -EIO : 0;
    for (uint32_t i = 0; rc == 0 && i < b->count; i++) {
        if (b->clients[i].secret[0] != '\0')
            rc = enrol(b, i, e);
    }
    return rc == 0 ? turns(dealers_turn, b->dealers, 0, e) : rc;
}

int main(int argc, char **argv)
{
    struct err e = { "" };
    struct bench b = { 0 };
    int rc;

    if (argc != 3) {
        fputs("Usage: bench-holds ENDPOINT FILE (of lines: TOKEN NODE RESOURCE)\n", stderr);
        return 2;
    }
    rc = read_clients(&b, argv[2], &e);
    if (rc == 0)
        rc = run(&b, argv[1], &e);
    if (rc != 0)
        fprintf(stderr, "bench-holds: %s\n", e.text);
    dealers_free(b.dealers);
    arena_free(b.scratch);
    free(b.clients);
    return rc == 0 ? 0 : 1;
}
