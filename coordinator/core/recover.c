/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Restored databases and second coordinators: nodes remember whom they have followed and how far.
 * What one of them remembers and this database does not know proves that the database is older than
 * the fleet, or a copy (docs/PROTOCOL.md, "Restored databases, second coordinators"). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "wire/codec.h"

/* Epochs and counters that are higher cannot have been counted up to; believed, they would leave no
 * room above them, nor below what JSON can tell exactly (2^53). */
#define MEMORY_MOST (UINT64_C(1) << 52)

/* Clients and nodes that have not told may have seen more than those that have. */
enum { MARGIN = 1000000 };

static const char recover_sentence[] =
    "This database is a backup, a copy, or older than what nodes have seen of it; nothing changes "
    "until an operator decides: muster recover --confirm recover";

const char *recover_text(void)
{
    return recover_sentence;
}

/* After a recovery this database itself may be beyond. */
static bool absurd(uint64_t seen, uint64_t here)
{
    return seen > MEMORY_MOST && seen > here;
}

const char *memory_fault(const struct coord *c, const struct memory *m)
{
    uuid128 id;

    if (m == NULL)
        return NULL;
    if (!wire_uuid(m->db_id, &id) || !wire_uuid(m->nonce, &id))
        return "What a node remembers names the database and the start that it has followed.";
    if (absurd(m->epoch, c->meta.epoch) || absurd(m->generation, c->meta.generation) ||
        absurd(m->token, c->meta.token))
        return "What this node remembers has a number that no coordinator can have reached.";
    return NULL;
}

static bool start_known(const struct coord *c, uint64_t epoch, uint64_t start_no, uuid128 nonce)
{
    for (size_t i = c->start_count; i-- > 0;) {
        const struct start_row *r = &c->starts[i];

        if (r->epoch == epoch && r->start_no == start_no)
            return uuid_eq(r->nonce, nonce);
    }
    return false;
}

/* The highest generation that can have been acknowledged in the start that is remembered: what was
 * durable when the next one began. */
static uint64_t generation_reached(const struct coord *c, const struct memory *m)
{
    uint64_t reached = c->meta.generation;

    for (size_t i = c->start_count; i-- > 0 && c->starts[i].epoch == m->epoch;) {
        if (c->starts[i].start_no <= m->start_no)
            break;
        reached = c->starts[i].generation;
    }
    return reached;
}

enum { CONTRADICTION_TEXT = 96 };

static bool higher(char out[CONTRADICTION_TEXT], const char *what, uint64_t seen, uint64_t here)
{
    if (seen <= here)
        return false;
    snprintf(out, CONTRADICTION_TEXT, "a higher %s (%llu; here it was %llu)", what,
             (unsigned long long)seen, (unsigned long long)here);
    return true;
}

/* Whether something of it contradicts this database, and what. What was remembered in an earlier
 * epoch is settled by the recovery that raised the epoch. */
static bool contradicts(const struct coord *c, const struct memory *m, char out[CONTRADICTION_TEXT])
{
    static const uuid128 nil;
    uuid128 db = nil, nonce = nil;

    if (m->epoch < c->meta.epoch)
        return false;
    if (GUARD(DETECT_EPOCH, higher(out, "epoch", m->epoch, c->meta.epoch)))
        return true;
    if (!wire_uuid(m->db_id, &db) || !uuid_eq(db, c->meta.db_id)) {
        snprintf(out, CONTRADICTION_TEXT, "another database");
        return true;
    }
    if (GUARD(DETECT_GENERATION,
              higher(out, "generation", m->generation, generation_reached(c, m))) ||
        GUARD(DETECT_TOKEN, higher(out, "token", m->token, c->meta.token)))
        return true;
    if (wire_uuid(m->nonce, &nonce) && start_known(c, m->epoch, m->start_no, nonce))
        return false;
    snprintf(out, CONTRADICTION_TEXT, "a start of the coordinator that is not in this database");
    return GUARD(DETECT_START, true);
}

static void raise_to(uint64_t *highest, uint64_t seen)
{
    if (seen > *highest)
        *highest = seen;
}

/* A figure that a node has seen, to be kept. */
static void seen(struct coord *c, uint64_t *highest, uint64_t figure)
{
    if (figure > *highest)
        c->meta_changed = true;
    raise_to(highest, figure);
}

/* Nobody follows any more: each must register again. */
static void release_nodes(struct coord *c)
{
    for (size_t i = 0; i < c->node_count; i++) {
        struct node *n = c->nodes[i];

        n->registered = false;
        placeable_settle(c, n);
        for (size_t k = 0; k < SECTION_COUNT; k++)
            n->sections[k].confirmed = false;
        edges_refresh(c, n);
    }
}

int recover_detect(struct step *s, struct node *n, const struct memory *m)
{
    struct coord *c = s->c;
    char what[CONTRADICTION_TEXT];

    if (m == NULL || !(c->recover || contradicts(c, m, what)))
        return 0;
    seen(c, &c->meta.seen_epoch, m->epoch);
    seen(c, &c->meta.seen_generation, m->generation);
    seen(c, &c->meta.seen_token, m->token);
    if (c->recover)
        return 0;
    c->recover = true;
    release_nodes(c);
    return event(
        s, "node.restore-detected", SEVERITY_ERROR, n, NULL,
        "%s has seen %s: this database is older than the fleet, or a copy. Nothing changes "
        "until: muster recover --confirm recover",
        n->row.name, what);
}

/* The same start goes on in the new epoch; nodes will remember it under that. */
static int epoch_start(struct step *s)
{
    struct coord *c = s->c;
    struct start_row *more = realloc(c->starts, (c->start_count + 1) * sizeof *more);
    struct change *ch = more == NULL ? NULL : emit(s, CHANGE_START);

    if (more != NULL)
        c->starts = more;
    if (ch == NULL)
        return -ENOMEM;
    ch->start = (struct start_row){
        .epoch = c->meta.epoch,
        .start_no = c->meta.start_no,
        .nonce = c->nonce,
        .generation = c->meta.generation,
        .at = c->wall,
    };
    c->starts[c->start_count++] = ch->start;
    return 0;
}

int op_recover(struct answer *q)
{
    struct coord *c = q->c;
    int rc;

    if (!c->recover)
        return answer_fail(q, REPLY_REFUSED,
                           "There is nothing to recover from: no node has seen more than this "
                           "database knows.");
    if (q->req->confirm == NULL || strcmp(q->req->confirm, "recover") != 0)
        return answer_fail(q, REPLY_INVALID,
                           "What was defined after the backup is gone for good; confirm with the "
                           "word: recover.");
    c->recover = false;
    raise_to(&c->meta.epoch, c->meta.seen_epoch);
    raise_to(&c->meta.generation, c->meta.seen_generation);
    raise_to(&c->meta.token, GUARD(EPOCH, c->meta.seen_token));
    c->meta.seen_epoch = c->meta.seen_generation = c->meta.seen_token = 0;
    c->meta.epoch += GUARD(EPOCH, 1);
    c->meta.generation += MARGIN;
    c->meta.token += GUARD(EPOCH, MARGIN);
    c->changes_from = c->meta.generation + 1;
    release_nodes(c);
    rc = rights_forget(q->s);
    if (rc == 0)
        rc = epoch_start(q->s);
    if (rc < 0)
        return rc;
    return event(q->s, "coordinator.recovered", SEVERITY_WARNING, NULL, NULL,
                 "An operator has decided to go on with this database: epoch %llu, generation "
                 "%llu; what it says of each node is unknown until the node has reported.",
                 (unsigned long long)c->meta.epoch, (unsigned long long)c->meta.generation + 1);
}
