/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "corethread.h"
#include "decode.h"
#include "reader.h"
#include "router.h"
#include "store.h"

#define KEY_FILE   "server.key"
#define IO_THREADS 2

struct service {
    struct config config;
    struct store_options store_options;
    struct store *store;
    struct keypair key;
    uint8_t hash_seed[16];
    struct budget budget;
    struct queue *in, *out; /* to the core, to the sockets */
    struct reader *reader, *backup_reader;
    struct core_thread *core;
    struct decoders *decoders;
    void *ctx;
    struct router *router;
    size_t nodes;
    uint64_t generation;
};

/* ---- the state directory -------------------------------------------------------------------- */

static uuid128 random_uuid(void)
{
    uint8_t random[16];

    random_bytes(random, sizeof random);
    return uuid_v4_from(random);
}

static int open_key(struct service *s, bool new_database, struct err *e)
{
    char path[PATH_MAX];
    int rc;

    if (snprintf(path, sizeof path, "%s/" KEY_FILE, s->config.state_dir) >= (int)sizeof path)
        return err_set(e, -ENAMETOOLONG, "the path of the state directory is too long");
    rc = keyfile_load(path, &s->key, NULL, e);
    if (rc != -ENOENT)
        return rc;
    if (!new_database)
        log_line(LOG_LEVEL_WARNING,
                 "%s is missing and is made anew: nodes and clients that know the earlier key need "
                 "a new token",
                 path);
    keypair_new(&s->key);
    return keyfile_save(path, &s->key, NULL, e);
}

static int open_state(struct service *s, struct err *e)
{
    char path[PATH_MAX];
    bool fresh;
    int rc;

    if (snprintf(path, sizeof path, "%s/" STORE_FILE, s->config.state_dir) >= (int)sizeof path)
        return err_set(e, -ENAMETOOLONG, "the path of the state directory is too long");
    fresh = access(path, F_OK) != 0;
    rc = store_open(&s->store_options, &s->store, e);
    if (rc == 0)
        rc = store_init_identity(s->store, random_uuid(), e);
    if (rc == 0)
        rc = open_key(s, fresh, e);
    if (rc == 0 && store_is_copy(s->store))
        log_line(LOG_LEVEL_WARNING,
                 "%s is a copy of the file that it was, and may be older than the fleet: nothing "
                 "changes until an operator decides: muster recover --confirm recover",
                 path);
    return rc > 0 ? -EIO : rc; /* what it is, the sentence says */
}

/* ---- the threads ---------------------------------------------------------------------------- */

static int open_queues(struct service *s, struct err *e)
{
    if (budget_init(&s->budget) < 0)
        return err_set(e, -ENFILE, "no more files can be opened");
    s->in = queue_new(LIMIT_QUEUED_MESSAGES, LIMIT_DECODED_BYTES, false);
    s->out = queue_new(LIMIT_QUEUED_MESSAGES, LIMIT_QUEUED_BYTES, true);
    if (s->in == NULL || s->out == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    return 0;
}

static int open_core(struct service *s, struct err *e)
{
    const struct config *c = &s->config;
    struct reader_options reader = { .store = &s->store_options,
                                     .out = s->out,
                                     .backup_idle_ms = DEFAULT_BACKUP_IDLE_MS };
    struct core_thread_options o = {
        .config = {
            .heartbeat_ms = c->heartbeat_ms,
            .suspect_ms = c->suspect_ms,
            .down_ms = c->down_ms,
            .edge_retention_ms = c->edge_retention_ms,
            .event_retention_rows = (uint64_t)c->event_retention_rows,
            .lease_ttl_ms = c->lease_ttl_ms,
            .lease_history_rows = (uint64_t)c->lease_history_rows,
            .task_history_rows = (uint64_t)c->task_history_rows,
            .rescans = (uint64_t)c->rescans,
            .rescans_per_target = (uint64_t)c->rescans_per_target,
            .rescan_timeout_ms = c->rescan_timeout_ms,
            .enrol_by_token = c->enrol_by_token,
            .server_key = s->key.public_key,
        },
        .store = s->store,
        .in = s->in,
        .out = s->out,
        .budget = &s->budget,
        .nonce = random_uuid(),
    };

    memcpy(o.config.hash_seed, s->hash_seed, sizeof o.config.hash_seed);
    s->reader = reader_new(&reader, e);
    reader.backups = true;
    if (s->reader != NULL)
        s->backup_reader = reader_new(&reader, e);
    if (s->backup_reader == NULL)
        return -EIO;
    o.reader = s->reader;
    o.backup_reader = s->backup_reader;
    s->core = core_thread_new(&o, e);
    if (s->core == NULL)
        return -EIO;
    core_thread_loaded(s->core, &s->nodes, &s->generation);
    return 0;
}

static int open_sockets(struct service *s, struct err *e)
{
    struct router_options o = {
        .config = &s->config,
        .key = &s->key,
        .hash_seed = s->hash_seed,
        .core = s->in,
        .out = s->out,
        .budget = &s->budget,
    };
    unsigned seed;

    s->decoders = decoders_new((unsigned)s->config.decoder_threads, s->in, s->out, e);
    if (s->decoders == NULL)
        return -EIO;
    s->ctx = zmq_ctx_new();
    /* Where libzmq's routing ids begin must not be guessed: a peer that takes the next one ends the
     * process. */
    random_bytes(&seed, sizeof seed);
    srandom(seed); /* that of rand() too */
    if (s->ctx == NULL || zmq_ctx_set(s->ctx, ZMQ_IO_THREADS, IO_THREADS) != 0)
        return err_set(e, -errno, "ZeroMQ cannot be set up: %s", zmq_strerror(errno));
    o.ctx = s->ctx;
    o.decoders = s->decoders;
    s->router = router_new(&o, e);
    return s->router == NULL ? -EIO : 0;
}

struct service *service_start(const struct config *c, const char *vfs, struct err *e)
{
    struct service *s = calloc(1, sizeof *s);

    if (s == NULL) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    s->config = *c;
    s->store_options = (struct store_options){ .dir = s->config.state_dir, .vfs = vfs };
    s->budget.fd = -1;
    random_bytes(s->hash_seed, sizeof s->hash_seed);
    /* Sockets last: whoever can connect is served. */
    if (open_state(s, e) < 0 || open_queues(s, e) < 0 || open_core(s, e) < 0 ||
        open_sockets(s, e) < 0 || core_thread_start(s->core, e) < 0 ||
        router_start(s->router, e) < 0) {
        service_stop(s);
        return NULL;
    }
    return s;
}

void service_status(const struct service *s, struct service_status *out)
{
    for (unsigned i = 0; i < SOCKET_COUNT; i++)
        out->endpoints[i] = router_endpoint(s->router, i);
    out->server_key = s->key.public_key;
    out->nodes = s->nodes;
    out->generation = s->generation;
}

/* With the stream: each thread ends when the one before it can send it nothing more. */
static void stop_threads(struct service *s)
{
    if (s->router != NULL)
        router_pause(s->router);
    if (s->decoders != NULL)
        decoders_stop(s->decoders);
    if (s->in != NULL)
        queue_close(s->in);
    if (s->core != NULL)
        core_thread_stop(s->core);
    reader_stop(s->reader);
    reader_stop(s->backup_reader);
    if (s->out != NULL)
        queue_close(s->out);
    if (s->router != NULL)
        router_stop(s->router);
}

void service_stop(struct service *s)
{
    if (s == NULL)
        return;
    stop_threads(s);
    if (s->ctx != NULL)
        zmq_ctx_term(s->ctx);
    router_free(s->router);
    decoders_free(s->decoders);
    core_thread_free(s->core);
    reader_free(s->reader);
    reader_free(s->backup_reader);
    queue_free(s->in);
    queue_free(s->out);
    budget_deinit(&s->budget);
    store_close(s->store);
    keypair_wipe(&s->key);
    free(s);
}
