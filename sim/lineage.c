/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may follow whom (ARCHITECTURE.md section 5, backup and restore), judged by how databases have
 * been copied. Their numbers say nothing here: two that have gone their own ways may well count to
 * the same. */
#include <stdlib.h>

#include "sim_internal.h"

uint32_t lineage_fork(struct sim *s, struct point from, world_us at)
{
    s->forks = realloc(s->forks, (s->fork_n + 1) * sizeof *s->forks);
    if (s->forks == NULL)
        abort();
    s->forks[s->fork_n] = (struct fork){ from, at, WORLD_NEVER };
    return s->fork_n++;
}

struct point lineage_now(const struct brain *b)
{
    return (struct point){ b->fork, durable_meta(b->disk)->generation };
}

bool lineage_has(const struct sim *s, uint32_t fork, struct point p)
{
    uint64_t most = UINT64_MAX;

    while (fork != p.fork) {
        if (fork == 0)
            return false;
        most = s->forks[fork].from.generation;
        fork = s->forks[fork].from.fork;
    }
    return p.generation <= most;
}

bool lineage_heard_of(const struct sim *s, uint32_t fork, struct point p, world_us at)
{
    bool stored = lineage_has(s, fork, p);

    for (; stored && fork != p.fork; fork = s->forks[fork].from.fork)
        stored = s->forks[fork].at >= at;
    return stored;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static bool is_start(struct bytes start, const uint8_t nonce[16])
{
    return start.n == 16 && memcmp(start.p, nonce, 16) == 0;
}

/* What of the sender's database the answer is about: of a batch the first may say less than has
 * been stored when it is sent. A grant is stored with all before it. */
static uint64_t generation_of(const struct letter *l, const struct envelope *env)
{
    return env->registered != NULL      ? env->registered->coordinator->generation
           : env->heartbeat_ack != NULL ? env->heartbeat_ack->generation
           : env->report_ack != NULL    ? env->report_ack->generation
                                        : l->from.generation;
}

/* An answer that comes when it is not waited for any more acknowledges nothing. */
static bool is_remembered(const struct host *h, const struct envelope *env, uint64_t generation)
{
    return env->granted != NULL ? env->granted->token == h->memory.token
                                : (env->registered != NULL || env->heartbeat_ack != NULL ||
                                   env->report_ack != NULL) &&
                                      generation <= h->memory.generation;
}

/* Does the database lack what the node knows to be durable? One that has counted on to the token of
 * a grant that it lacks cannot know, as section 5 says. */
static bool lacks(const struct sim *s, const struct brain *b, uint32_t fork, const struct acked *k)
{
    return k->any &&
           (!lineage_has(s, fork, k->at) || (!lineage_has(s, fork, k->granted) && b->disk != NULL &&
                                             k->token > durable_meta(b->disk)->token));
}

static void acknowledged(struct acked *k, const struct envelope *env, struct point at)
{
    if (env->granted != NULL) {
        k->granted = at;
        k->token = env->granted->token;
    } else if (at.generation > k->at.generation) {
        k->at = at;
    }
}

void lineage_heard(struct sim *s, const struct letter *l, const struct envelope *env,
                   const struct memory *before, const uint8_t start[16])
{
    const struct memory *m = env->registered != NULL ? env->registered->coordinator : NULL;
    const struct point at = { l->from.fork, generation_of(l, env) };
    struct host *h = l->host;

    if (!h->remembers || !is_remembered(h, env, at.generation))
        return;
    if (env->granted != NULL && before->token < env->granted->token &&
        lacks(s, l->brain, at.fork, &h->acked))
        sim_fail(s, "%s uses a lease of coordinator %u, whose database lacks what was acknowledged",
                 h->name, l->brain->no);
    if (!is_start(m != NULL ? m->nonce : env->start, h->nonce))
        return;
    if (m == NULL || memcmp(start, h->nonce, 16) == 0) {
        acknowledged(&h->acked, env, at);
        return;
    }
    if (m->epoch <= h->acked.epoch && lacks(s, l->brain, at.fork, &h->acked))
        sim_fail(s, "%s follows coordinator %u, whose database lacks what was acknowledged to it",
                 h->name, l->brain->no);
    h->acked = (struct acked){ .any = true, .at = at, .epoch = m->epoch, .granted = at };
}

/* ---- coordinators --------------------------------------------------------------------------- */

/* What was acknowledged in an earlier epoch is settled by the recovery that raised it. */
void lineage_told(struct sim *s, const struct letter *l, const struct envelope *env)
{
    const struct brain *b = l->brain;

    if (env->node_register == NULL)
        return;
    l->host->asks = 0;
    if (l->knows.epoch >= durable_meta(b->disk)->epoch && lacks(s, b, b->fork, &l->knows))
        l->host->asks = env->seq;
}

/* Either answer means that it has weighed what the node remembers. While it can store nothing it
 * may forget that with its process. */
void lineage_sent_down(struct sim *s, struct brain *b, struct host *h, const struct envelope *env)
{
    bool weighed =
        env->registered != NULL || (env->refused != NULL && env->refused->reason == REFUSE_RECOVER);

    (void)s;
    if (!weighed || h->asks == 0 || env->correlation != h->asks || h->brain != b || b->read_only)
        return;
    b->old = h;
    b->old_epoch = durable_meta(b->disk)->epoch;
}

/* An operator whose recovery is on the disk may not have heard of it. */
void lineage_grants(struct sim *s, const struct brain *b)
{
    if (b->old != NULL && durable_meta(b->disk)->epoch == b->old_epoch)
        sim_fail(s, "coordinator %u grants, and %s has told it of what its database lacks", b->no,
                 b->old->name);
}
