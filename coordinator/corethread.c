/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "corethread_internal.h"
#include "heap.h"
#include "net/net.h"
#include "shell.h"

#define RETRY_MS   1000
#define LONGEST_MS 60000
#define GATHER_MS  3

/* What a message and a change take for long, mostly less; for so many messages it is reserved. */
#define STEP_BYTES    ((size_t)128 << 10)
#define CHANGE_BYTES  ((size_t)512)
#define RESERVE_EVERY 16
#define KEPT_BYTES    ((size_t)16 << 20) /* of a large batch, for the next one */

enum { URGENT_MOST = 256 };

static mono_ms earliest(mono_ms a, mono_ms b)
{
    return a.v < b.v ? a : b;
}

/* ---- one batch ---------------------------------------------------------------------------- */

static void batch_begin(struct core_thread *t)
{
    arena_reset(t->arena);
    coord_update_init(&t->update, t->arena);
    t->batch = NULL;
    t->batch_tail = &t->batch;
    t->batch_count = 0;
    t->batch_weight = 0;
}

static void batch_end(struct core_thread *t)
{
    coord_update_deinit(&t->update);
    work_free_list(t->batch);
    t->batch = NULL;
}

/* Up to when all that came in has been stepped. */
static mono_ms listened(const struct core_thread *t)
{
    mono_ms until = { atomic_load(&t->o.budget->listened) }; /* before what is on its way */

    return atomic_load(&t->o.budget->coming) == 0 ? until : t->listened;
}

static int step(struct core_thread *t, struct coord_event *ev)
{
    ev->now = clock_mono();
    ev->wall = clock_wall();
    random_bytes(ev->random, sizeof ev->random);
    return coord_step(t->coord, ev, &t->update);
}

/* The first reply that a step has added. */
static struct outgoing *find_answer(struct outgoing *first)
{
    while (first != NULL && first->reply == NULL)
        first = first->next;
    return first;
}

/* What an answer says of who asked: of the fleet (1), of it no more (-1), or nothing (0). */
static int standing(const struct work *w, const struct outgoing *o)
{
    uint64_t reason;

    if (o->reply != NULL) {
        if (w->request->op == OP_CLIENT_ENROL || o->reply->code == REPLY_INVALID)
            return 0;
        return o->reply->code == REPLY_FORBIDDEN ? -1 : 1;
    }
    if (o->env->enrolled != NULL)
        return 0;
    if (o->env->refused == NULL)
        return 1;
    reason = o->env->refused->reason;
    return reason == REFUSE_UNKNOWN_KEY || reason == REFUSE_RETIRED_BOOT ? -1 : 0;
}

/* Who is of the fleet is no stranger to flood control. */
static void note_standing(struct work *w, const struct outgoing *o)
{
    int is = 0;

    for (; o != NULL && is == 0; o = o->next)
        is = standing(w, o);
    if (is != 0 && w->peer != NULL)
        peer_accept(w->peer, is > 0);
}

/* Its answer may be as large as the fleet. */
static bool is_large(const struct request *req)
{
    return req->op == OP_SNAPSHOT || req->op == OP_CHANGES || req->op == OP_NODE_LIST ||
           req->op == OP_RESOURCE_LIST || req->op == OP_NETWORK_LIST || req->op == OP_IMPACT ||
           req->op == OP_FS_LIST || req->op == OP_PLACE;
}

/* Answers are built at once and encoded one after the other: those that wait are limited, but so
 * that who asks for one at a time is hardly ever refused for what others ask for. */
static bool is_too_much(const struct core_thread *t, const struct work *w)
{
    size_t weight = t->batch_weight + reader_weight(t->o.reader);
    bool more = w->peer != NULL && peer_waiting(w->peer) > 1;

    return is_large(w->request) && weight > (more ? 1 : 4) * (size_t)LIMIT_ANSWERING_BYTES;
}

static int step_request(struct core_thread *t, struct work *w, struct coord_event *ev,
                        struct outgoing **before)
{
    int rc;

    if (is_too_much(t, w)) {
        w->refusal = "many large answers are under way; ask again in a moment";
        return 0;
    }
    w->refusal = NULL;
    ev->type = COORD_CLIENT_REQUEST;
    ev->local = w->route.socket == SOCKET_LOCAL;
    ev->request = w->request;
    rc = step(t, ev);
    if (rc != 0)
        return rc;
    w->answer = find_answer(*before);
    if (w->answer != NULL)
        t->batch_weight += arena_used(w->answer->reply_arena);
    note_standing(w, *before);
    return 0;
}

static int step_work(struct core_thread *t, struct work *w)
{
    struct outgoing **before = t->update.messages_tail;
    struct coord_event ev = { .route = w->route, .key = w->key, .listened = w->listened };
    int rc;

    /* One that may have overtaken others says nothing of what was heard. */
    if (w->node.urgent)
        ev.listened = t->only_asked ? listened(t) : t->listened;
    else if (w->listened.v > t->listened.v)
        t->listened = w->listened;
    switch (w->type) {
    case WORK_NODE:
        ev.type = COORD_NODE_MESSAGE;
        ev.node.env = w->env;
        ev.node.sections = w->sections;
        ev.node.section_count = w->section_count;
        break;
    case WORK_REQUEST:
        return step_request(t, w, &ev, before);
    case WORK_RAW: /* cannot come out of a decoder */
        assert(false);
        break;
    case WORK_BAD:
        ev.type = COORD_NODE_BAD;
        ev.bad.reason = w->bad.reason;
        ev.bad.text = w->bad.text;
        ev.bad.correlation = w->bad.correlation;
        ev.bad.answer = w->bad.answer;
        ev.bad.count = w->bad.count;
        break;
    }
    rc = step(t, &ev);
    if (rc == 0 && w->type == WORK_NODE)
        note_standing(w, *before);
    return rc;
}

/* Steps works off *list until the batch is full. */
static int step_list(struct core_thread *t, struct queue_node **list)
{
    int rc = 0;

    while (rc == 0 && *list != NULL && t->batch_count < LIMIT_BATCH_EVENTS &&
           t->update.change_count < LIMIT_BATCH_ROWS) {
        struct queue_node *n = *list;

        *list = n->next;
        n->next = NULL;
        *t->batch_tail = n;
        t->batch_tail = &n->next;
        if (t->batch_count++ % RESERVE_EVERY == 0)
            heap_reserve(RESERVE_EVERY * STEP_BYTES);
        rc = step_work(t, (struct work *)n);
    }
    return rc;
}

/* ---- loading, and the failure path ---------------------------------------------------------- */

static int step_image(struct core_thread *t, const struct stored *image, bool first)
{
    struct coord_event ev = { .type = COORD_STORE_STATE, .listened = listened(t) };
    int rc = 0;

    if (t->read_only) {
        /* Before the image, so that loading knows that nothing can be written. */
        ev.store.read_only = true;
        ev.store.text = t->why;
        rc = step(t, &ev);
    }
    if (rc < 0)
        return rc;
    ev = (struct coord_event){ .type = COORD_LOADED, .listened = listened(t) };
    ev.loaded.image = image;
    ev.loaded.first = first;
    ev.loaded.nonce = t->o.nonce;
    ev.loaded.started = t->began;
    return step(t, &ev);
}

/* The core is made while its packs come. */
static int load_image(struct core_thread *t, struct stored *image, struct arena *a, bool first,
                      struct err *e)
{
    int rc = store_load_begin(t->o.store, a, image, e), end;

    if (rc != 0)
        return rc;
    rc = step_image(t, image, first);
    if (rc == -EBADMSG)
        err_set(e, rc,
                "the database holds a pack of a node that is none: empty its table node_pack");
    else if (rc < 0)
        err_set(e, rc, "out of memory while the database was loaded");
    end = store_load_end(t->o.store, e); /* why a pack has not come counts before that it has not */
    if (end == 0 && image->packs_damaged > 0)
        log_line(LOG_LEVEL_WARNING,
                 "the packs of %zu nodes in the database are damaged; their rows were read",
                 image->packs_damaged);
    return end != 0 ? end : rc;
}

/* A new core from the database. 0, a negative errno or STORE_E_DAMAGED, with a sentence. */
static int load(struct core_thread *t, bool first, struct err *e)
{
    struct arena *a = arena_new(0);
    struct stored *image = a == NULL ? NULL : arena_zalloc(a, sizeof *image);
    int rc;

    t->coord = image == NULL ? NULL : coord_new(&t->o.config);
    rc = t->coord == NULL ? err_set(e, -ENOMEM, "out of memory while the database was loaded")
                          : load_image(t, image, a, first, e);
    if (rc == 0)
        t->nodes = image->node_count;
    if (rc != 0) {
        coord_free(t->coord);
        t->coord = NULL;
    }
    arena_free(a);
    return rc;
}

static void reload(struct core_thread *t)
{
    struct err e = { "" };
    int rc;

    coord_free(t->coord);
    t->coord = NULL;
    batch_begin(t);
    rc = load(t, false, &e);
    assert(t->update.changes == NULL); /* read-only: the core changes nothing */
    batch_end(t);
    if (rc == STORE_E_DAMAGED)
        shell_die("%s", e.text);
    if (rc != 0)
        log_line(LOG_LEVEL_ERROR, "the database cannot be loaded: %s; trying again each second",
                 e.text);
}

static void begin_read_only(struct core_thread *t, int rc, const struct err *e)
{
    if (rc == -ENOMEM)
        snprintf(t->why, sizeof t->why, "The coordinator is out of memory.");
    else
        snprintf(t->why, sizeof t->why, "%s", e->text);
    log_line(LOG_LEVEL_ERROR, "read-only: %s", t->why);
    t->read_only = true;
    t->retry = (mono_ms){ clock_mono().v + RETRY_MS };
}

/* The batch could not be made durable: nothing of it has happened. Its messages are taken up again
 * by a core that is loaded anew and read-only, so that what only asks is answered and what would
 * change something is refused. Returns them, or NULL when they failed in such a core already. */
static struct queue_node *fail_batch(struct core_thread *t, int rc, const struct err *e)
{
    struct queue_node *again = NULL;

    if (rc == STORE_E_FATAL)
        shell_die("%s", e->text);
    if (t->read_only) {
        deliver_refusals(t, t->batch);
    } else {
        again = t->batch;
        for (struct queue_node *n = again; n != NULL; n = n->next)
            ((struct work *)n)->answer = NULL;
    }
    t->batch = NULL;
    batch_end(t);
    begin_read_only(t, rc, e);
    reload(t);
    return again;
}

static int commit(struct core_thread *t, struct err *e)
{
    int rc = coord_end_batch(t->coord, &t->update);

    heap_reserve(t->update.change_count * CHANGE_BYTES);
    quiet_note(t);
    if (rc == 0 && t->update.changes != NULL)
        rc = store_commit(t->o.store, t->update.changes, e);
    return rc;
}

/* Commits what the steps of this batch gave (or did not: rc != 0), then lets its messages out.
 * Returns what is to be taken up again. */
static struct queue_node *finish_batch(struct core_thread *t, int rc)
{
    struct err e = { "" };

    if (rc == 0)
        rc = commit(t, &e);
    if (rc != 0)
        return fail_batch(t, rc, &e);
    deliver_batch(t);
    batch_end(t);
    return NULL;
}

/* Read-only, once a second: is the disk writable again? */
static void try_again(struct core_thread *t)
{
    struct coord_event ev = { .type = COORD_STORE_STATE, .listened = listened(t) };
    struct err e = { "" };
    int rc;

    t->retry = (mono_ms){ clock_mono().v + RETRY_MS };
    if (t->coord == NULL)
        reload(t);
    if (t->coord == NULL)
        return;
    rc = store_try_write(t->o.store, &e);
    if (rc == STORE_E_FATAL)
        shell_die("%s", e.text);
    if (rc != 0) {
        log_line(LOG_LEVEL_DEBUG, "still read-only: %s", e.text);
        return;
    }
    t->read_only = false;
    log_line(LOG_LEVEL_INFO, "the database can be written again");
    batch_begin(t);
    finish_batch(t, step(t, &ev));
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void run_tick(struct core_thread *t)
{
    struct coord_event ev = { .type = COORD_TICK, .listened = listened(t) };

    if (t->coord == NULL || coord_next_deadline(t->coord).v > clock_mono().v)
        return;
    batch_begin(t);
    finish_batch(t, step(t, &ev));
}

/* Whether no message of a node is among them. */
static bool only_asks(const struct queue_node *list)
{
    while (list != NULL && list->urgent)
        list = list->next;
    return list == NULL;
}

static struct queue_node *joined(struct queue_node *first, struct queue_node *second)
{
    struct queue_node *last = first;

    if (first == NULL)
        return second;
    while (last->next != NULL)
        last = last->next;
    last->next = second;
    return first;
}

/* All of the list is here now. How many messages are still on their way goes to *coming. */
static void arrive(struct queue_node *n, size_t *coming)
{
    for (; n != NULL; n = n->next)
        *coming = ticket_arrive(&((struct work *)n)->ticket);
}

/* Between batches, so that who asks does not wait for all that nodes have reported. Not so many
 * that nodes wait for clients. They come after those that are urgent and were taken before: what
 * one client asks is answered in its order. */
static struct queue_node *urgent(struct core_thread *t)
{
    struct queue_node *list;
    size_t coming;

    queue_take_urgent(t->o.in, URGENT_MOST, &list);
    arrive(list, &coming);
    return list;
}

static void run_list(struct core_thread *t, struct queue_node *list)
{
    t->only_asked = only_asks(list);
    while (list != NULL && t->coord != NULL) {
        struct queue_node *again;

        batch_begin(t);
        again = finish_batch(t, step_list(t, &list));
        if (list != NULL)
            list = queue_urgent_first(joined(list, urgent(t)));
        list = joined(again, list);
    }
    deliver_refusals(t, list);
}

static int64_t wait_ms(struct core_thread *t)
{
    mono_ms now = clock_mono(), next = { INT64_MAX };

    if (t->coord != NULL)
        next = earliest(watches_next(t->watches), coord_next_deadline(t->coord));
    if (t->read_only)
        next = earliest(next, t->retry);
    next = earliest(next, quiet_next(t));
    if (next.v <= now.v)
        return 0;
    return next.v - now.v < LONGEST_MS ? next.v - now.v : LONGEST_MS;
}

/* What there is to do. A commit costs as much for one message as for many, so while others are on
 * their way through the decoders they are waited for, a little: alone, a message never waits. */
static struct queue_node *gather(struct core_thread *t)
{
    struct queue_node *list = NULL, **tail = &list;
    size_t n = queue_take(t->o.in, LIMIT_BATCH_EVENTS, wait_ms(t), &list);
    mono_ms until = { clock_mono().v + GATHER_MS };
    size_t coming = 0;

    arrive(list, &coming);
    while (coming > 0 && n < LIMIT_BATCH_EVENTS && clock_mono().v < until.v) {
        while (*tail != NULL)
            tail = &(*tail)->next;
        n += queue_take(t->o.in, LIMIT_BATCH_EVENTS - n, 1, tail);
        arrive(*tail, &coming);
    }
    return list;
}

static void *run(void *arg)
{
    struct core_thread *t = arg;

    while (!queue_ended(t->o.in)) {
        run_list(t, gather(t));
        run_tick(t);
        if (t->read_only && t->retry.v <= clock_mono().v)
            try_again(t);
        deliver_hints(t);
        quiet_run(t);
    }
    return NULL;
}

static int load_first(struct core_thread *t, struct err *e)
{
    int rc;

    batch_begin(t);
    rc = load(t, true, e);
    if (rc == 0)
        rc = commit(t, e);
    batch_end(t);
    return rc == 0 || rc < 0 ? rc : -EIO;
}

struct core_thread *core_thread_new(const struct core_thread_options *o, struct err *e)
{
    struct core_thread *t = calloc(1, sizeof *t);

    if (t == NULL) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    t->o = *o;
    t->began = clock_mono();
    t->arena = arena_new(0);
    t->scratch = arena_new(0);
    t->watches = watches_new();
    if (t->arena == NULL || t->scratch == NULL || t->watches == NULL) {
        err_set(e, -ENOMEM, "out of memory");
        core_thread_free(t);
        return NULL;
    }
    arena_keep(t->arena, KEPT_BYTES);
    if (load_first(t, e) != 0) {
        core_thread_free(t);
        return NULL;
    }
    return t;
}

void core_thread_loaded(const struct core_thread *t, size_t *nodes, uint64_t *generation)
{
    *nodes = t->nodes;
    *generation = coord_generation(t->coord);
}

int core_thread_start(struct core_thread *t, struct err *e)
{
    int rc = shell_thread(&t->thread, "core", run, t, e);

    t->started = rc == 0;
    return rc;
}

void core_thread_stop(struct core_thread *t)
{
    if (t->started)
        pthread_join(t->thread, NULL);
    t->started = false;
}

void core_thread_free(struct core_thread *t)
{
    if (t == NULL)
        return;
    coord_free(t->coord);
    watches_free(t->watches);
    arena_free(t->arena);
    arena_free(t->scratch);
    free(t);
}
