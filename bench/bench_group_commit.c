/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit of a durable operation: a bare ROUTER (CURVE, loopback) in front of bare SQLite (WAL,
 * synchronous=FULL). The server takes all that there is, upserts one row for each message in one
 * transaction, commits, and answers. It decides nothing. Without a database it answers alone: the
 * limit of what need not be durable. See leases.py, which runs this. */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "dealers.h"

enum { ID_BYTES = 5, MOST_GROUP = 1024, MOST_BYTES = 4096, IO_THREADS = 2 };

static const char table_sql[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                "CREATE TABLE lease(resource INTEGER PRIMARY KEY, holder INTEGER,"
                                " token INTEGER)";
static const char upsert_sql[] =
    "INSERT INTO lease VALUES(?1, ?1, 1) ON CONFLICT(resource) DO UPDATE SET token = token + 1";

/* ---- the server ------------------------------------------------------------------------------ */

struct asked {
    uint8_t id[ID_BYTES];
    uint32_t resource;
};

struct server {
    void *socket;
    sqlite3 *db;
    sqlite3_stmt *upsert;
    struct asked group[MOST_GROUP];
};

/* Waits for the first. */
static size_t take(struct server *s)
{
    size_t n = 0;

    while (n < MOST_GROUP) {
        struct asked *a = &s->group[n];

        if (zmq_recv(s->socket, a->id, ID_BYTES, n > 0 ? ZMQ_DONTWAIT : 0) != ID_BYTES ||
            zmq_recv(s->socket, &a->resource, sizeof a->resource, 0) != sizeof a->resource)
            return n;
        n++;
    }
    return n;
}

static bool commit(struct server *s, size_t n)
{
    bool good =
        s->db == NULL || sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;

    for (size_t i = 0; good && s->db != NULL && i < n; i++) {
        sqlite3_bind_int64(s->upsert, 1, s->group[i].resource);
        good = sqlite3_step(s->upsert) == SQLITE_DONE;
        sqlite3_reset(s->upsert);
    }
    return good && (s->db == NULL || sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
}

static bool answer(struct server *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (zmq_send(s->socket, s->group[i].id, ID_BYTES, ZMQ_SNDMORE) < 0 ||
            zmq_send(s->socket, &s->group[i].resource, sizeof s->group[i].resource, 0) < 0)
            return false;
    }
    return true;
}

/* With NULL: there is nothing to open. */
static bool open_file(struct server *s, const char *file)
{
    return file == NULL || (sqlite3_open(file, &s->db) == SQLITE_OK &&
                            sqlite3_exec(s->db, table_sql, NULL, NULL, NULL) == SQLITE_OK &&
                            sqlite3_prepare_v3(s->db, upsert_sql, -1, SQLITE_PREPARE_PERSISTENT,
                                               &s->upsert, NULL) == SQLITE_OK);
}

static int serve(const char *endpoint, const struct keypair *key, const char *file)
{
    static struct server s;
    void *zmq = zmq_ctx_new();
    struct err e = { "" };
    size_t n = 1;

    zmq_ctx_set(zmq, ZMQ_IO_THREADS, IO_THREADS);
    s.socket = net_router(zmq, endpoint, key, "group-commit", MOST_BYTES, 0, &e);
    if (s.socket == NULL || !open_file(&s, file)) {
        fprintf(stderr, "bench-group-commit: the server does not come up: %s\n", e.text);
        return 1;
    }
    while (n > 0) {
        n = take(&s);
        if (n > 0 && (!commit(&s, n) || !answer(&s, n)))
            n = 0;
    }
    fprintf(stderr, "bench-group-commit: the server has ended: %s\n",
            s.db == NULL ? zmq_strerror(zmq_errno()) : sqlite3_errmsg(s.db));
    return 1;
}

/* ---- the clients ----------------------------------------------------------------------------- */

static int next(void *ctx, uint32_t index, zmq_msg_t *answered, struct buf *out, struct err *e)
{
    (void)ctx, (void)answered;
    buf_add(out, &index, sizeof index);
    return out->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

static int run(const char *endpoint, const struct keypair *key, uint32_t count, int server,
               struct err *e)
{
    struct dealers_options o = { .endpoint = endpoint,
                                 .server = &key->public_key,
                                 .count = count,
                                 .most_bytes = MOST_BYTES,
                                 .next = next };
    struct dealers *d = dealers_new(&o, e);
    int rc = d == NULL ? -EIO : turns(dealers_turn, d, server, e);

    dealers_free(d);
    return rc;
}

int main(int argc, char **argv)
{
    uint32_t count = argc == 2 || argc == 3 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    struct err e = { "" };
    struct keypair key;
    char endpoint[64];
    pid_t server;
    int rc;

    if (count == 0) {
        fputs("Usage: bench-group-commit CLIENTS [DATABASE]\n", stderr);
        return 2;
    }
    keypair_new(&key);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", loopback_port());
    server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(serve(endpoint, &key, argc == 3 ? argv[2] : NULL));
    }
    rc = server < 0 ? err_set(&e, -errno, "no process can be made: %s", strerror(errno))
                    : run(endpoint, &key, count, server, &e);
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    if (rc < 0)
        fprintf(stderr, "bench-group-commit: %s\n", e.text);
    return rc < 0 ? 1 : 0;
}
