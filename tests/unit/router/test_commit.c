/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Persist, then send: with a disk whose sync waits for us. What came in while a commit was under
 * way is one commit afterwards. */
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "lab.h"
#include "vfs_shim.h"

#define VFS_GATE "gate"

enum { REQUESTS = 60, NOTHING_MS = 100, MOST_SYNCS = 4, TIMES = 5 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool closed, waiting;
    unsigned syncs;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, 0 };

static int on_sync(struct shim_file *f)
{
    (void)f;
    pthread_mutex_lock(&gate.lock);
    gate.syncs++;
    gate.waiting = true;
    pthread_cond_broadcast(&gate.change);
    while (gate.closed)
        pthread_cond_wait(&gate.change, &gate.lock);
    gate.waiting = false;
    pthread_mutex_unlock(&gate.lock);
    return SQLITE_OK;
}

static void gate_set(bool closed)
{
    pthread_mutex_lock(&gate.lock);
    gate.closed = closed;
    pthread_cond_broadcast(&gate.change);
    pthread_mutex_unlock(&gate.lock);
}

static void gate_wait(void)
{
    pthread_mutex_lock(&gate.lock);
    while (!gate.waiting)
        pthread_cond_wait(&gate.change, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static unsigned gate_syncs(void)
{
    unsigned n;

    pthread_mutex_lock(&gate.lock);
    n = gate.syncs;
    pthread_mutex_unlock(&gate.lock);
    return n;
}

static void send_define(struct lab *l)
{
    const char *match[] = { "*/none" };
    struct request req = { 0 };
    char name[32];

    snprintf(name, sizeof name, "net-%u", (unsigned)l->last);
    REC_SET(&req, request, op, OP_NETWORK_DEFINE);
    REC_SET(&req, request, name, name);
    REC_SET(&req, request, matches, ((struct strs){ match, 1 }));
    lab_send(l, &req);
}

static bool anything(struct lab *l, int64_t ms)
{
    zmq_pollitem_t item = { .socket = l->local, .events = ZMQ_POLLIN };

    return zmq_poll(&item, 1, (long)ms) > 0;
}

/* How many syncs there were after the first, for so many changes that came in meanwhile. */
static unsigned changes_during_a_commit(struct lab *l)
{
    bool heard[REQUESTS + 1] = { false };
    uint64_t first = l->last;
    unsigned before;

    gate_set(true);
    send_define(l);
    gate_wait();
    while (l->last < first + REQUESTS)
        send_define(l);
    assert(!anything(l, NOTHING_MS)); /* not durable, not answered */
    before = gate_syncs();
    gate_set(false);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct told t = lab_hear(l);

        assert(t.reply->code == REPLY_OK && !heard[t.reply->correlation - first]);
        heard[t.reply->correlation - first] = true;
        told_free(&t);
    }
    printf("%d changes, %u syncs after the first\n", REQUESTS, gate_syncs() - before);
    return gate_syncs() - before;
}

int main(void)
{
    static const struct shim_hooks hooks = { .sync = on_sync };
    static sqlite3_vfs vfs;
    unsigned syncs = UINT_MAX;
    struct lab l;

    assert(shim_register(&vfs, VFS_GATE, &hooks) == SQLITE_OK);
    lab_init(&l);
    lab_start(&l, VFS_GATE);
    /* What ZeroMQ's thread, which was not run, has brought only after that comes in other batches.
     */
    for (unsigned i = 0; i < TIMES && syncs > MOST_SYNCS; i++)
        syncs = changes_during_a_commit(&l);
    assert(syncs <= MOST_SYNCS);
    lab_deinit(&l);
    return 0;
}
