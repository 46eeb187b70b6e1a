/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/map.h"

#define PEER_ID_BYTES 33
#define STRANGER_MS   5000  /* idle for so long: forgotten */
#define ACCEPTED_MS   60000 /* the same, of one that was accepted */
#define PEER_TELL_MS  1000

/* Level in thousandths, so that a millisecond's share of a rate is a whole number. */
struct bucket {
    uint64_t level;
    mono_ms filled;
};

struct buckets {
    struct bucket messages, bytes;
};

struct peer {
    uint8_t id[PEER_ID_BYTES];
    uint8_t n;
    struct buckets buckets;
    mono_ms seen;
    mono_ms told;         /* of a drop */
    atomic_bool accepted; /* no stranger */
    atomic_uint queued;   /* tickets out */
    atomic_size_t unread; /* bytes of answers on their way out */
};

struct peers {
    struct map *map;
    struct peer_limits limits;
    struct buckets strangers;
};

static struct buckets full_buckets(const struct peer_rate *r, mono_ms now)
{
    return (struct buckets){ .messages = { r->messages_burst * 1000, now },
                             .bytes = { r->bytes_burst * 1000, now } };
}

struct peers *peers_new(const uint8_t seed[16], const struct peer_limits *limits, mono_ms now)
{
    struct peers *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->limits = *limits;
    p->strangers = full_buckets(&limits->strangers, now);
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
    peer->buckets = full_buckets(&p->limits.each, now);
    peer->seen = now;
    peer->told = (mono_ms){ now.v - PEER_TELL_MS };
    atomic_init(&peer->accepted, false);
    atomic_init(&peer->queued, 0);
    atomic_init(&peer->unread, 0);
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

static bool both_cover(struct buckets *b, const struct peer_rate *r, size_t bytes, mono_ms now)
{
    return covers(&b->messages, r->messages_per_s, r->messages_burst, 1, now) &&
           covers(&b->bytes, r->bytes_per_s, r->bytes_burst, bytes, now);
}

static void spend(struct bucket *b, uint64_t amount)
{
    b->level = b->level > amount * 1000 ? b->level - amount * 1000 : 0;
}

static void spend_both(struct buckets *b, size_t bytes)
{
    spend(&b->messages, 1);
    spend(&b->bytes, bytes);
}

enum peer_verdict peers_take(struct peers *p, struct peer *peer, size_t bytes, mono_ms now)
{
    const struct peer_limits *l = &p->limits;
    bool stranger = !atomic_load(&peer->accepted);
    unsigned queued = atomic_load(&peer->queued);

    peer->seen = now;
    if (!both_cover(&peer->buckets, &l->each, bytes, now))
        return PEER_FLOOD;
    if (stranger && !both_cover(&p->strangers, &l->strangers, bytes, now))
        return PEER_STRANGER;
    spend_both(&peer->buckets, bytes);
    if (stranger)
        spend_both(&p->strangers, bytes);
    if (queued >= l->queued)
        return queued >= 2 * l->queued ? PEER_FULL : PEER_BUSY;
    return PEER_OK;
}

bool peer_drop(struct peer *peer, mono_ms now)
{
    if (mono_since(now, peer->told) < PEER_TELL_MS)
        return false;
    peer->told = now;
    return true;
}

void peer_accept(struct peer *peer, bool accepted)
{
    if (atomic_load(&peer->accepted) != accepted)
        atomic_store(&peer->accepted, accepted);
}

unsigned peer_waiting(const struct peer *peer)
{
    return atomic_load(&peer->queued);
}

bool peer_accepted(const struct peer *peer)
{
    return atomic_load(&peer->accepted);
}

static bool is_full(struct bucket *b, uint64_t per_s, uint64_t burst, mono_ms now)
{
    if (per_s == 0)
        return true;
    fill(b, per_s, burst, now);
    return b->level == burst * 1000;
}

static bool forgettable(const struct peers *p, struct peer *peer, mono_ms now)
{
    const struct peer_rate *r = &p->limits.each;
    int64_t idle_ms = atomic_load(&peer->accepted) ? ACCEPTED_MS : STRANGER_MS;

    /* A ticket may come back from another thread at any time, but none can be taken there. */
    return mono_since(now, peer->seen) >= idle_ms && atomic_load(&peer->queued) == 0 &&
           is_full(&peer->buckets.messages, r->messages_per_s, r->messages_burst, now) &&
           is_full(&peer->buckets.bytes, r->bytes_per_s, r->bytes_burst, now);
}

void peers_expire(struct peers *p, mono_ms now)
{
    struct peer *peer;
    size_t it = 0;

    while ((peer = map_next(p->map, &it)) != NULL) {
        if (!forgettable(p, peer, now))
            continue;
        map_del(p->map, peer->id, peer->n);
        free(peer);
    }
}

size_t peers_count(const struct peers *p)
{
    return map_count(p->map);
}

int budget_init(struct budget *b)
{
    atomic_init(&b->messages, 0);
    atomic_init(&b->bytes, 0);
    atomic_init(&b->coming, 0);
    atomic_init(&b->stalled, false);
    atomic_init(&b->listened, 0);
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
    atomic_fetch_add(&b->coming, 1);
    if (peer != NULL)
        atomic_fetch_add(&peer->queued, 1);
}

size_t ticket_arrive(struct ticket *t)
{
    if (t->budget == NULL)
        return 0;
    if (!t->arrived)
        atomic_fetch_sub(&t->budget->coming, 1);
    t->arrived = true;
    return atomic_load(&t->budget->coming);
}

bool ticket_answer(struct ticket *t, size_t bytes)
{
    size_t before;

    if (t->budget == NULL || t->peer == NULL)
        return true;
    before = atomic_fetch_add(&t->peer->unread, bytes);
    t->unread += bytes;
    return before == 0 || before + bytes <= LIMIT_UNREAD_BYTES;
}

void ticket_release(struct ticket *t)
{
    struct budget *b = t->budget;
    uint64_t one = 1;

    if (b == NULL)
        return;
    ticket_arrive(t);
    t->budget = NULL;
    if (t->peer != NULL) {
        atomic_fetch_sub(&t->peer->unread, t->unread);
        atomic_fetch_sub(&t->peer->queued, 1); /* the peer may be gone from here on */
    }
    atomic_fetch_sub(&b->messages, 1);
    atomic_fetch_sub(&b->bytes, t->bytes);
    /* EAGAIN would mean that it is readable already. */
    if (atomic_load(&b->stalled) && !budget_full(b, 3) && write(b->fd, &one, sizeof one) < 0 &&
        errno != EAGAIN)
        abort();
}
