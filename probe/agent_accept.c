/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which coordinator this boot follows (docs/ARCHITECTURE.md section 5, backup and restore): the one
 * it remembers, its later starts, and any of a higher epoch. */
#include "agent_internal.h"
#include "base/guard.h"
#include "wire/codec.h"

static bool same_bytes(struct bytes x, struct bytes y)
{
    return x.n == y.n && (x.n == 0 || memcmp(x.p, y.p, x.n) == 0);
}

bool agent_same_start(const struct agent *a, const struct memory *c)
{
    return a->remembers && a->memory.epoch == c->epoch && a->memory.start_no == c->start_no &&
           same_bytes(a->memory.db_id, c->db_id) && same_bytes(a->memory.nonce, c->nonce);
}

bool agent_is_followed(const struct agent *a, struct bytes start)
{
    return a->remembers && (!GUARD(FOLLOWED_START, true) || same_bytes(a->memory.nonce, start));
}

const char *agent_decline(const struct agent *a, const struct memory *c)
{
    const struct memory *m = &a->memory;

    if (c->db_id.n != sizeof a->db_id || c->nonce.n != sizeof a->nonce)
        return "the coordinator does not say which database and which start it is";
    if (!a->remembers || c->epoch > m->epoch)
        return NULL;
    if (GUARD(DECLINE_EPOCH, c->epoch < m->epoch))
        return "the coordinator is of an earlier epoch than the one that this node has followed";
    if (!same_bytes(m->db_id, c->db_id))
        return "the coordinator has another database than the one that this node has followed";
    if (GUARD(DECLINE_START, c->start_no < m->start_no))
        return "the coordinator's database is older than the one that this node has followed";
    if (GUARD(DECLINE_NONCE, c->start_no == m->start_no) && !same_bytes(m->nonce, c->nonce))
        return "two coordinators run on copies of one database";
    if (GUARD(DECLINE_GENERATION, c->generation < m->generation))
        return "the coordinator's database lacks what has been acknowledged to this node";
    if (GUARD(DECLINE_TOKEN, c->token < m->token))
        return "the coordinator's database lacks a lease that this node has been granted";
    return NULL;
}

void agent_remember(struct agent *a, const struct memory *c)
{
    uint64_t token = a->remembers ? a->memory.token : 0;
    bool same = agent_same_start(a, c);

    if (c->db_id.n != sizeof a->db_id || c->nonce.n != sizeof a->nonce)
        return;
    memmove(a->db_id, c->db_id.p, sizeof a->db_id);
    memmove(a->nonce, c->nonce.p, sizeof a->nonce);
    if (c->token > token)
        token = c->token;
    if (!same)
        a->leases.token_floor = token; /* what this start grants comes after all there was */
    memset(&a->memory, 0, sizeof a->memory);
    REC_SET(&a->memory, memory, db_id, wire_bytes16(a->db_id));
    REC_SET(&a->memory, memory, epoch, c->epoch);
    REC_SET(&a->memory, memory, start_no, c->start_no);
    REC_SET(&a->memory, memory, nonce, wire_bytes16(a->nonce));
    REC_SET(&a->memory, memory, generation, c->generation);
    REC_SET(&a->memory, memory, token, token);
    a->remembers = true;
    a->dirty = true;
}

void agent_saw_generation(struct agent *a, uint64_t generation)
{
    if (!a->remembers || generation <= a->memory.generation)
        return;
    a->memory.generation = generation;
    a->dirty = true;
}
