/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P1: inventory ingest, against a bare prepared insert of the same rows (bare.h).
 *
 * ours       a real coordinator: CURVE over loopback TCP, N nodes send their first report (all rows
 *            new), from the first send until the last node holds the acknowledgement of durable
 * rows. again      what a probe sends of an unchanged inventory: a heartbeat with the digests,
 * which confirms every row; rows confirmed a second. in full    the same reports once more,
 * unchanged; what a probe does only when it is asked.
 *
 * The sender runs on the same machine and shares its processors; reports are encoded beforehand.
 * The rounds interleave limit and ours; ratios are taken within a round and the median is printed.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

#include "bare.h"
#include "base/limits.h"
#include "base/text.h"
#include "daemon.h"
#include "net/net.h"
#include "node_words.h"
#include "wire/codec.h"
#include "wire/token.h"

#define MAX_ROUNDS 99

struct bench {
    const char *program;
    uint32_t nodes, rounds;
    struct fleet_shape shape;
    struct daemon_run daemon;
    void *zmq;
};

struct peer {
    void *socket;
    struct keypair key;
    struct node_words words;
    struct buf report, beat;
};

/* Receives until an envelope of the wanted kind is there. */
static int peer_await(struct peer *p, uint32_t body, struct err *e)
{
    struct arena *a = arena_new(0);
    struct envelope *env;
    zmq_msg_t msg;
    int rc = 0;

    zmq_msg_init(&msg);
    for (;;) {
        arena_reset(a);
        if (zmq_msg_recv(&msg, p->socket, 0) < 0) {
            rc = err_set(e, -errno, "the coordinator did not answer a node: %s", strerror(errno));
            break;
        }
        rc = wire_decode_envelope(zmq_msg_data(&msg), zmq_msg_size(&msg), a, &env, e);
        if (rc < 0 || field_present(&envelope_desc, body, env))
            break;
        if (env->refused != NULL) {
            rc = err_set(e, -EPROTO, "refused: %s", env->refused->text);
            break;
        }
    }
    zmq_msg_close(&msg);
    arena_free(a);
    return rc;
}

static int peer_ask(struct peer *p, const struct buf *message, uint32_t body, struct err *e)
{
    if (zmq_send(p->socket, message->p, message->n, 0) < 0)
        return err_set(e, -errno, "cannot send: %s", strerror(errno));
    return peer_await(p, body, e);
}

static int peer_join(struct bench *b, struct peer *p, const char *token, struct err *e)
{
    char secret[TOKEN_SECRET_TEXT];
    struct buf out = { 0 };
    pubkey server;
    int wait_ms = 60000, rc = token_parse(token, &server, secret, e);

    if (rc < 0)
        return rc;
    keypair_new(&p->key);
    p->socket = net_dealer(b->zmq, b->daemon.nodes, &p->key, &server, LIMIT_NODE_MESSAGE_BYTES, e);
    if (p->socket == NULL)
        return -EIO;
    zmq_setsockopt(p->socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    zmq_setsockopt(p->socket, ZMQ_SNDTIMEO, &wait_ms, sizeof wait_ms);
    rc = words_enrol(&p->words, secret, &out, e);
    if (rc == 0)
        rc = peer_ask(p, &out, envelope_enrolled, e);
    if (rc == 0)
        rc = words_register(&p->words, &out, e);
    if (rc == 0)
        rc = peer_ask(p, &out, envelope_registered, e);
    buf_deinit(&out);
    return rc;
}

/* All messages out, all acknowledgements in: seconds, or negative. */
static double timed_messages(struct peer *peers, uint32_t n, bool beats, struct err *e)
{
    double start = seconds_now();

    for (uint32_t i = 0; i < n; i++) {
        const struct buf *b = beats ? &peers[i].beat : &peers[i].report;

        if (zmq_send(peers[i].socket, b->p, b->n, 0) < 0)
            return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (peer_await(&peers[i], beats ? envelope_heartbeat_ack : envelope_report_ack, e) < 0)
            return -1;
    }
    return seconds_now() - start;
}

struct round {
    double inventory, limit, ours, again, in_full, cpu;
    uint64_t rows;
};

/* A node of the round: its inventory, its connection, its first report. */
static int peer_make(struct bench *b, struct peer *p, uint32_t index, const char *token,
                     struct arena *a, struct err *e)
{
    static const enum worker_kind kinds[] = { WORKER_SYSTEM, WORKER_NET };
    int rc = words_init(&p->words, &b->shape, index, kinds, ARRAY_LEN(kinds), a, e);

    if (rc == 0)
        rc = peer_join(b, p, token, e);
    return rc < 0 ? rc : words_report(&p->words, &p->report, e);
}

static int measure(struct bench *b, struct peer *peers, struct round *out, struct err *e)
{
    struct bare_node *nodes = calloc(b->nodes, sizeof *nodes);
    double cpu;
    int rc = 0;

    if (nodes == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < b->nodes; i++) {
        nodes[i] = (struct bare_node){ peers[i].words.sections, peers[i].words.section_count };
        for (size_t j = 0; j < peers[i].words.section_count; j++)
            out->rows += peers[i].words.sections[j].row_count;
    }
    out->inventory = bare_insert(nodes, b->nodes, BARE_INVENTORY, e);
    out->limit = bare_insert(nodes, b->nodes, BARE_ALL, e);
    free(nodes);
    cpu = daemon_cpu_s(&b->daemon);
    out->ours = timed_messages(peers, b->nodes, false, e);
    out->cpu = daemon_cpu_s(&b->daemon) - cpu;
    for (uint32_t i = 0; rc == 0 && i < b->nodes; i++)
        rc = words_beat(&peers[i].words, &peers[i].beat, e);
    out->again = timed_messages(peers, b->nodes, true, e);
    for (uint32_t i = 0; rc == 0 && i < b->nodes; i++)
        rc = words_report(&peers[i].words, &peers[i].report, e);
    out->in_full = timed_messages(peers, b->nodes, false, e);
    return out->inventory < 0 || out->limit < 0 || out->ours < 0 || out->again < 0 ||
                   out->in_full < 0
               ? -EIO
               : rc;
}

static int run_round(struct bench *b, uint32_t number, struct round *out, struct err *e)
{
    struct peer *peers = calloc(b->nodes, sizeof *peers);
    struct arena *a = arena_new(0);
    char **tokens = NULL;
    int rc = peers == NULL || a == NULL ? -ENOMEM : daemon_tokens(&b->daemon, b->nodes, &tokens, e);

    for (uint32_t i = 0; rc == 0 && i < b->nodes; i++)
        rc = peer_make(b, &peers[i], number * b->nodes + i, tokens[i], a, e);
    if (rc == 0)
        rc = measure(b, peers, out, e);
    for (uint32_t i = 0; peers != NULL && i < b->nodes; i++) {
        if (peers[i].socket != NULL)
            zmq_close(peers[i].socket);
        buf_deinit(&peers[i].report);
        buf_deinit(&peers[i].beat);
        if (tokens != NULL)
            free(tokens[i]);
    }
    free(tokens);
    free(peers);
    arena_free(a);
    return rc;
}

/* One line: rows a second, and the ratio to the limit of the same round. */
static void print_line(const char *name, const struct round *r, uint32_t n, size_t offset,
                       const char *target)
{
    double rate[MAX_ROUNDS], ratio[MAX_ROUNDS];

    for (uint32_t i = 0; i < n; i++) {
        double took = *(const double *)(const void *)((const char *)&r[i] + offset);

        rate[i] = (double)r[i].rows / took;
        ratio[i] = r[i].limit / took;
    }
    printf("  %-44s %10.0f rows/s   ratio %6.2f%s\n", name, median(rate, n), median(ratio, n),
           target);
}

static void print_results(const struct bench *b, const struct round *r, uint32_t n)
{
    double cpu[MAX_ROUNDS];

    for (uint32_t i = 0; i < n; i++)
        cpu[i] = r[i].cpu / (double)r[i].rows * 1e6;
    printf(
        "P1 inventory ingest: %u rounds of %u nodes, %llu inventory rows each; CURVE on loopback, "
        "sender on the same %ld processors; medians\n",
        n, b->nodes, (unsigned long long)r[0].rows, sysconf(_SC_NPROCESSORS_ONLN));
    print_line("limit  bare insert of every row ours writes", r, n, offsetof(struct round, limit),
               "");
    print_line("       bare insert, inventory rows alone", r, n, offsetof(struct round, inventory),
               "");
    print_line("ours   first report, durable", r, n, offsetof(struct round, ours),
               "   (target 0.65)");
    print_line("ours   unchanged, by its digests", r, n, offsetof(struct round, again),
               "   (target 10)");
    print_line("ours   unchanged, sent in full all the same", r, n, offsetof(struct round, in_full),
               "");
    printf("  coordinator's processor time of the first report: %.1f us a row\n", median(cpu, n));
}

static int parse(int argc, char **argv, struct bench *b)
{
    int c;

    while ((c = getopt(argc, argv, "c:n:r:h")) != -1) {
        if (c == 'c')
            b->program = optarg;
        else if (c == 'n')
            b->nodes = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'r')
            b->rounds = (uint32_t)strtoul(optarg, NULL, 10);
        else
            return -1;
    }
    return b->program == NULL || b->nodes == 0 || b->rounds == 0 || b->rounds > MAX_ROUNDS ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct bench b = { .nodes = 100,
                       .rounds = 5,
                       .shape = { .seed = 1,
                                  .rack = 40,
                                  .cpus = 3,
                                  .group = 40,
                                  .nics = 8,
                                  .vlans = 20,
                                  .bad_per_mille = 20 } };
    struct round rounds[MAX_ROUNDS] = { 0 };
    struct err e = { "" };
    struct rlimit files;
    int rc;

    if (parse(argc, argv, &b) != 0) {
        fputs("Usage: bench-ingest -c PATH-TO-muster-coordinator [-n NODES] [-r ROUNDS]\n", stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    b.zmq = zmq_ctx_new();
    zmq_ctx_set(b.zmq, ZMQ_MAX_SOCKETS, (int)b.nodes + 16);
    rc = daemon_start(b.program, &b.daemon, &e);
    for (uint32_t i = 0; rc == 0 && i < b.rounds; i++)
        rc = run_round(&b, i, &rounds[i], &e);
    if (rc == 0)
        print_results(&b, rounds, b.rounds);
    else
        fprintf(stderr, "bench-ingest: %s\n", e.text);
    daemon_stop(&b.daemon);
    zmq_ctx_term(b.zmq);
    return rc == 0 ? 0 : 1;
}
