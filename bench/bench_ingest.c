/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P1: inventory ingest, against a bare prepared insert of the same rows into the same schema.
 *
 * limit  one process, one connection, prepared INSERTs, every row of a round in one transaction
 * with synchronous=FULL in WAL mode: what SQLite can do at best with these rows. ours   a real
 * coordinator: CURVE over loopback TCP, N nodes send their first report (all rows new), time from
 * the first send until the last node holds the acknowledgement of durable rows. again  the same
 * reports once more, unchanged; rows a second.
 *
 * The sender runs on the same machine and shares its processors; reports are encoded beforehand.
 * The rounds interleave limit and ours; ratios are taken within a round and the median is printed.
 */
#include <errno.h>
#include <getopt.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

#include "base/limits.h"
#include "base/text.h"
#include "daemon.h"
#include "fleet_gen.h"
#include "net/net.h"
#include "store.h"
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
    struct fleet_host host;
    struct keypair key;
    uint64_t seq;
    struct section sections[SECTION_COUNT];
    size_t section_count;
    struct buf report;
};

static int peer_send(struct peer *p, struct envelope *env, struct buf *out, struct err *e)
{
    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, node_id, wire_bytes16(p->host.node_id.b));
    REC_SET(env, envelope, boot_id, wire_bytes16(p->host.boot_id.b));
    REC_SET(env, envelope, seq, p->seq);
    p->seq++;
    buf_reset(out);
    return wire_encode(&envelope_desc, env, out, e);
}

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

static int peer_ask(struct peer *p, struct envelope *env, uint32_t body, struct err *e)
{
    struct buf out = { 0 };
    int rc = peer_send(p, env, &out, e);

    if (rc == 0 && zmq_send(p->socket, out.p, out.n, 0) < 0)
        rc = err_set(e, -errno, "cannot send: %s", strerror(errno));
    buf_deinit(&out);
    return rc < 0 ? rc : peer_await(p, body, e);
}

static int peer_join(struct bench *b, struct peer *p, const char *token, struct err *e)
{
    char secret[TOKEN_SECRET_TEXT];
    pubkey server;
    int wait_ms = 60000, rc = token_parse(token, &server, secret, e);
    struct enrol enrol = { 0 };
    struct node_register reg = { 0 };
    struct envelope env = { 0 };

    if (rc < 0)
        return rc;
    keypair_new(&p->key);
    p->socket = net_dealer(b->zmq, b->daemon.nodes, &p->key, &server, LIMIT_NODE_MESSAGE_BYTES, e);
    if (p->socket == NULL)
        return -EIO;
    zmq_setsockopt(p->socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
    zmq_setsockopt(p->socket, ZMQ_SNDTIMEO, &wait_ms, sizeof wait_ms);
    p->seq = (uint64_t)clock_mono().v * 1000;
    REC_SET(&enrol, enrol, secret, secret);
    REC_SET(&enrol, enrol, identity, &p->host.identity);
    REC_SET(&env, envelope, enrol, &enrol);
    rc = peer_ask(p, &env, envelope_enrolled, e);
    if (rc < 0)
        return rc;
    memset(&env, 0, sizeof env);
    REC_SET(&reg, node_register, identity, &p->host.identity);
    REC_SET(&env, envelope, node_register, &reg);
    return peer_ask(p, &env, envelope_registered, e);
}

static int peer_encode(struct peer *p, struct err *e)
{
    struct section_body bodies[SECTION_COUNT] = { 0 };
    struct report report = { 0 };
    struct envelope env = { 0 };

    for (size_t i = 0; i < p->section_count; i++) {
        p->sections[i].generation = 1;
        section_to_body(&p->sections[i], &bodies[i]);
    }
    REC_SET(&report, report, sections, ((struct recs){ .v = bodies, .n = p->section_count }));
    REC_SET(&env, envelope, report, &report);
    return peer_send(p, &env, &p->report, e);
}

/* All reports out, all acknowledgements in: seconds, or negative. */
static double timed_reports(struct peer *peers, uint32_t n, struct err *e)
{
    double start = seconds_now();

    for (uint32_t i = 0; i < n; i++) {
        if (zmq_send(peers[i].socket, peers[i].report.p, peers[i].report.n, 0) < 0)
            return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (peer_await(&peers[i], envelope_report_ack, e) < 0)
            return -1;
    }
    return seconds_now() - start;
}

static int bind_row(sqlite3_stmt *st, const struct record_desc *d, const void *row)
{
    int rc = SQLITE_OK;

    for (uint32_t i = 0; i < d->count && rc == SQLITE_OK; i++) {
        const struct field *f = &d->fields[i];
        const void *at = field_at(f, row);
        int n = (int)i + 2;

        if (!field_present(d, i, row))
            rc = sqlite3_bind_null(st, n);
        else if (f->type == FIELD_STR)
            rc = sqlite3_bind_text(st, n, *(const char *const *)at, -1, SQLITE_STATIC);
        else if (f->type == FIELD_BOOL)
            rc = sqlite3_bind_int(st, n, *(const bool *)at);
        else if (f->type == FIELD_STRS)
            rc = sqlite3_bind_text(st, n, "[\"eth0\",\"eth1\"]", -1, SQLITE_STATIC);
        else
            rc = sqlite3_bind_int64(st, n, *(const int64_t *)at);
    }
    return rc;
}

static sqlite3_stmt *prepare_insert(sqlite3 *db, const struct section_desc *s)
{
    struct buf sql = { 0 };
    sqlite3_stmt *st = NULL;

    buf_printf(&sql, "INSERT INTO %s(node_no", s->table);
    for (uint32_t i = 0; i < s->row->count; i++)
        buf_printf(&sql, ",%s", s->row->fields[i].name);
    buf_str(&sql, ",hash) VALUES(?1");
    for (uint32_t i = 0; i <= s->row->count; i++)
        buf_printf(&sql, ",?%u", i + 2);
    buf_str(&sql, ")");
    if (sqlite3_prepare_v3(db, buf_cstr(&sql), -1, SQLITE_PREPARE_PERSISTENT, &st, NULL))
        fprintf(stderr, "%s: %s\n", s->table, sqlite3_errmsg(db));
    buf_deinit(&sql);
    return st;
}

static int insert_all(sqlite3_stmt **st, const struct peer *peers, uint32_t n, uint32_t first_no)
{
    for (uint32_t i = 0; i < n; i++) {
        for (size_t j = 0; j < peers[i].section_count; j++) {
            const struct section *s = &peers[i].sections[j];
            const struct section_desc *d = &section_descs[s->id];

            for (size_t k = 0; k < s->row_count; k++) {
                sqlite3_bind_int64(st[s->id], 1, first_no + i);
                bind_row(st[s->id], d->row, section_row(s, k));
                sqlite3_bind_int64(st[s->id], (int)d->row->count + 2, (int64_t)s->hashes[k]);
                if (sqlite3_step(st[s->id]) != SQLITE_DONE)
                    return -1;
                sqlite3_reset(st[s->id]);
            }
        }
    }
    return 0;
}

/* The limit: seconds for a bare insert of the same rows into a fresh database of the same schema.
 */
static double timed_inserts(const struct peer *peers, uint32_t n, uint32_t first_no, struct err *e)
{
    char dir[] = "/tmp/muster-bench-XXXXXX", path[64], command[96];
    struct store *store = NULL;
    sqlite3 *db = NULL;
    sqlite3_stmt *st[SECTION_COUNT] = { NULL };
    double start, took = -1;

    if (mkdtemp(dir) == NULL || store_open(&(struct store_options){ .dir = dir }, &store, e) != 0)
        return -1;
    store_close(store);
    snprintf(path, sizeof path, "%s/%s", dir, STORE_FILE);
    if (sqlite3_open(path, &db) == SQLITE_OK) {
        sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", NULL, NULL, NULL);
        for (int i = 0; i < SECTION_COUNT; i++)
            st[i] = prepare_insert(db, &section_descs[i]);
        start = seconds_now();
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (insert_all(st, peers, n, first_no) == 0 &&
            sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
            took = seconds_now() - start;
        else
            err_set(e, -EIO, "bare insert: %s", sqlite3_errmsg(db));
        for (int i = 0; i < SECTION_COUNT; i++)
            sqlite3_finalize(st[i]);
    }
    sqlite3_close(db);
    for (const char *const *suffix = (const char *const[]){ "", "-wal", "-shm", NULL }; *suffix;
         suffix++) {
        snprintf(command, sizeof command, "%s%s", path, *suffix);
        unlink(command);
    }
    snprintf(path, sizeof path, "%s/lock", dir);
    unlink(path);
    rmdir(dir);
    return took;
}

struct round {
    double limit, ours, again, cpu, again_cpu;
    uint64_t rows;
};

static int run_round(struct bench *b, uint32_t number, struct round *out, struct err *e)
{
    struct peer *peers = calloc(b->nodes, sizeof *peers);
    struct arena *a = arena_new(0);
    char **tokens = NULL;
    int rc = peers == NULL || a == NULL ? -ENOMEM : daemon_tokens(&b->daemon, b->nodes, &tokens, e);
    double cpu;

    for (uint32_t i = 0; rc == 0 && i < b->nodes; i++) {
        struct peer *p = &peers[i];
        size_t more = 0;

        fleet_host(&b->shape, number * b->nodes + i, a, &p->host);
        rc = fleet_sections(&b->shape, number * b->nodes + i, 0, WORKER_SYSTEM, a, p->sections,
                            &p->section_count);
        if (rc == 0)
            rc = fleet_sections(&b->shape, number * b->nodes + i, 0, WORKER_NET, a,
                                p->sections + p->section_count, &more);
        p->section_count += more;
        for (size_t j = 0; j < p->section_count; j++)
            out->rows += p->sections[j].row_count;
        if (rc == 0)
            rc = peer_join(b, p, tokens[i], e);
        if (rc == 0)
            rc = peer_encode(p, e);
    }
    if (rc == 0) {
        out->limit = timed_inserts(peers, b->nodes, 1, e);
        cpu = daemon_cpu_s(&b->daemon);
        out->ours = timed_reports(peers, b->nodes, e);
        out->cpu = daemon_cpu_s(&b->daemon) - cpu;
        for (uint32_t i = 0; rc == 0 && i < b->nodes; i++)
            rc = peer_encode(&peers[i], e);
        cpu = daemon_cpu_s(&b->daemon);
        out->again = timed_reports(peers, b->nodes, e);
        out->again_cpu = daemon_cpu_s(&b->daemon) - cpu;
        if (out->limit < 0 || out->ours < 0 || out->again < 0)
            rc = -EIO;
    }
    for (uint32_t i = 0; peers != NULL && i < b->nodes; i++) {
        if (peers[i].socket != NULL)
            zmq_close(peers[i].socket);
        buf_deinit(&peers[i].report);
        if (tokens != NULL)
            free(tokens[i]);
    }
    free(tokens);
    free(peers);
    arena_free(a);
    return rc;
}

static void print_results(const struct bench *b, const struct round *r, uint32_t n)
{
    double ratio[MAX_ROUNDS], again[MAX_ROUNDS], limit[MAX_ROUNDS], ours[MAX_ROUNDS],
        repeat[MAX_ROUNDS], cpu[MAX_ROUNDS];

    for (uint32_t i = 0; i < n; i++) {
        double rows = (double)r[i].rows;

        limit[i] = rows / r[i].limit;
        ours[i] = rows / r[i].ours;
        repeat[i] = rows / r[i].again;
        ratio[i] = ours[i] / limit[i];
        again[i] = repeat[i] / limit[i];
        cpu[i] = r[i].cpu / rows * 1e6;
    }
    printf(
        "P1 inventory ingest: %u rounds of %u nodes, %llu rows each; CURVE on loopback, sender on "
        "the same %ld processors; medians\n",
        n, b->nodes, (unsigned long long)r[0].rows, sysconf(_SC_NPROCESSORS_ONLN));
    printf("  limit  bare prepared insert    %10.0f rows/s\n", median(limit, n));
    printf("  ours   first report, durable   %10.0f rows/s   ratio %5.2f (target 0.65)   "
           "coordinator CPU %.1f us/row\n",
           median(ours, n), median(ratio, n), median(cpu, n));
    printf("  ours   unchanged re-report     %10.0f rows/s   ratio %5.2f (target 10)\n",
           median(repeat, n), median(again, n));
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
                       .shape = { .seed = 1, .nics = 8, .vlans = 20, .bad_per_mille = 20 } };
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
