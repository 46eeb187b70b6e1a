/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/map.h"

#define PEER_ID_BYTES  33
#define PEER_IDLE_MS   5000
#define PEER_ANSWER_MS 1000

/* Level in thousandths, so that a millisecond's share of a rate is a whole number. */
struct bucket {
    uint64_t level;
    mono_ms filled;
};

struct peer {
    uint8_t id[PEER_ID_BYTES];
    uint8_t n;
    struct bucket messages, bytes;
    mono_ms seen;
    mono_ms drop_told;
    uint64_t dropped;         /* not told of yet */
    atomic_uint queued;       /* tickets out */
    atomic_int_fast64_t told; /* time of the last answer, ms */
};

struct peers {
    struct map *map;
    struct peer_limits limits;
};

struct peers *peers_new(const uint8_t seed[16], const struct peer_limits *limits)
{
    struct peers *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->limits = *limits;
    p->map = map_new(seed);
    if (p->map == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

void peers_free(struct peers *p)
{
    struct peer *peer;
    size_t it = 0;

    if (p == NULL)
        return;
    while ((peer = map_next(p->map, &it)) != NULL) {
        assert(atomic_load(&peer->queued) == 0);
        map_del(p->map, peer->id, peer->n);
        free(peer);
    }
    map_free(p->map);
    free(p);
}

struct peer *peers_get(struct peers *p, const void *id, size_t n, mono_ms now)
{
    struct peer *peer = map_get(p->map, id, n);

    assert(n <= PEER_ID_BYTES);
    if (peer != NULL || map_count(p->map) >= LIMIT_PEERS)
        return peer;
    peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    memcpy(peer->id, id, n);
    peer->n = (uint8_t)n;
    peer->messages = (struct bucket){ p->limits.messages_burst * 1000, now };
    peer->bytes = (struct bucket){ p->limits.bytes_burst * 1000, now };
    peer->seen = now;
    peer->drop_told = (mono_ms){ now.v - PEER_ANSWER_MS };
    atomic_init(&peer->queued, 0);
    atomic_init(&peer->told, now.v - PEER_ANSWER_MS);
    if (map_put(p->map, peer->id, n, peer) != 0) {
        free(peer);
        return NULL;
    }
    return peer;
}

static void fill(struct bucket *b, uint64_t per_s, uint64_t burst, mono_ms now)
{
    int64_t ms = mono_since(now, b->filled);

    if (ms <= 0)
        return;
    b->filled = now;
    /* A full bucket's time at most: no overflow after a long silence. */
    if ((uint64_t)ms >= burst * 1000 / per_s + 1)
        b->level = burst * 1000;
    else
        b->level += (uint64_t)ms * per_s;
    if (b->level > burst * 1000)
        b->level = burst * 1000;
}

static bool covers(struct bucket *b, uint64_t per_s, uint64_t burst, uint64_t amount, mono_ms now)
{
    if (per_s == 0)
        return true;
    fill(b, per_s, burst, now);
    /* What is larger than the bucket passes when the bucket is full, and empties it. */
    return b->level >= amount * 1000 || b->level == burst * 1000;
}

static void spend(struct bucket *b, uint64_t amount)
{
    b->level = b->level > amount * 1000 ? b->level - amount * 1000 : 0;
}

enum peer_verdict peers_take(struct peers *p, struct peer *peer, size_t bytes, mono_ms now)
{
    const struct peer_limits *l = &p->limits;

    peer->seen = now;
    if (!covers(&peer->messages, l->messages_per_s, l->messages_burst, 1, now) ||
        !covers(&peer->bytes, l->bytes_per_s, l->bytes_burst, bytes, now))
        return PEER_FLOOD;
    if (atomic_load(&peer->queued) >= l->queued)
        return PEER_BUSY;
    spend(&peer->messages, 1);
    spend(&peer->bytes, bytes);
    return PEER_OK;
}

uint64_t peer_drop(struct peer *peer, mono_ms now)
{
    uint64_t count;

    peer->dropped++;
    if (mono_since(now, peer->drop_told) < PEER_ANSWER_MS)
        return 0;
    peer->drop_told = now;
    count = peer->dropped;
    peer->dropped = 0;
    return count;
}

uint64_t peers_expire(struct peers *p, mono_ms now)
{
    uint64_t untold = 0;
    struct peer *peer;
    size_t it = 0;

    while ((peer = map_next(p->map, &it)) != NULL) {
        if (mono_since(now, peer->drop_told) >= PEER_ANSWER_MS) {
            untold += peer->dropped;
            peer->dropped = 0;
        }
        /* A ticket may come back from another thread at any time, but none can be taken there. */
        if (mono_since(now, peer->seen) < PEER_IDLE_MS || atomic_load(&peer->queued) != 0)
            continue;
        map_del(p->map, peer->id, peer->n);
        free(peer);
    }
    return untold;
}

size_t peers_count(const struct peers *p)
{
    return map_count(p->map);
}

bool peer_may_answer(struct peer *peer, mono_ms now)
{
    int_fast64_t last = atomic_load(&peer->told);

    if (now.v - last < PEER_ANSWER_MS)
        return false;
    return atomic_compare_exchange_strong(&peer->told, &last, now.v);
}

int budget_init(struct budget *b)
{
    atomic_init(&b->messages, 0);
    atomic_init(&b->bytes, 0);
    atomic_init(&b->stalled, false);
    b->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return b->fd < 0 ? -errno : 0;
}

void budget_deinit(struct budget *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

bool budget_full(const struct budget *b, unsigned share)
{
    return atomic_load(&b->messages) * 4 >= (size_t)LIMIT_QUEUED_MESSAGES * share ||
           atomic_load(&b->bytes) * 4 >= (size_t)LIMIT_QUEUED_BYTES * share;
}

void ticket_take(struct ticket *t, struct budget *b, struct peer *peer, size_t bytes)
{
    *t = (struct ticket){ .budget = b, .peer = peer, .bytes = bytes };
    atomic_fetch_add(&b->messages, 1);
    atomic_fetch_add(&b->bytes, bytes);
    if (peer != NULL)
        atomic_fetch_add(&peer->queued, 1);
}

void ticket_release(struct ticket *t)
{
    struct budget *b = t->budget;
    uint64_t one = 1;

    if (b == NULL)
        return;
    t->budget = NULL;
    if (t->peer != NULL)
        atomic_fetch_sub(&t->peer->queued, 1); /* the peer may be gone from here on */
    atomic_fetch_sub(&b->messages, 1);
    atomic_fetch_sub(&b->bytes, t->bytes);
    /* EAGAIN would mean that it is readable already. */
    if (atomic_load(&b->stalled) && !budget_full(b, 3) && write(b->fd, &one, sizeof one) < 0 &&
        errno != EAGAIN)
        abort();
}
