/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A second coordinator at the same time, by an operator's mistake: on a copy of the database, of
 * now or of long ago, or on the very same one. It has the address too, so that each connection
 * leads to the one or to the other, and now and then to the other. In the end one of them goes. */
#include "sim_internal.h"

enum { MOVE_US = 6000000, SECOND_US = 60000000 };

static bool is_shared(const struct sim *s)
{
    return s->brains[1].disk == s->brains[0].disk;
}

static void lead(struct sim *s, struct host *h, struct brain *b)
{
    if (h->brain == b)
        return;
    sim_trace(s, "%s: its connection leads to coordinator %u", h->name, b->no);
    h->brain = b;
}

static void move(struct sim *s, void *what, uint64_t stamp)
{
    struct brain *b = what;

    if (b->disk == NULL || s->counts.seconds != stamp)
        return;
    lead(s, &s->hosts[dice_below(s, s->o.hosts)], &s->brains[dice_below(s, BRAINS)]);
    agenda_put(s, s->now + dice_about(s, MOVE_US), move, b, stamp);
}

/* The second goes on with its database in place of the first. */
static void takes_over(struct sim *s)
{
    struct brain *to = &s->brains[0], *from = &s->brains[1];

    sim_trace(s, "the database of coordinator 1 takes the place of that of coordinator 0");
    brain_crash(s, to);
    s->forks[to->fork].ended = s->now;
    durable_free(to->disk);
    to->disk = from->disk;
    to->fork = from->fork;
    to->recovered_at = from->recovered_at;
    to->old = from->old;
    to->old_epoch = from->old_epoch;
    from->disk = NULL;
    oracle_follows(s);
    chaos_restart(s, to);
}

static void over(struct sim *s, bool second_stays)
{
    struct brain *b = &s->brains[1];

    brain_crash(s, b);
    b->paused = false;
    if (second_stays && !is_shared(s)) {
        takes_over(s);
    } else if (!is_shared(s)) {
        s->forks[b->fork].ended = s->now;
        durable_free(b->disk);
    }
    b->disk = NULL;
    for (uint32_t i = 0; i < s->o.hosts; i++)
        lead(s, &s->hosts[i], &s->brains[0]);
    users_lost(s, false);
}

void second_end(struct sim *s)
{
    if (s->brains[1].disk != NULL)
        over(s, false);
}

static void ends(struct sim *s, void *what, uint64_t stamp)
{
    struct brain *b = what;

    if (b->disk != NULL && s->counts.seconds == stamp)
        over(s, dice_below(s, 3) == 0);
}

/* Of what, and since when it has gone its own way. False: the state directory is in use. */
static bool choose(struct sim *s, struct brain *b)
{
    uint32_t kind = dice_below(s, 4);

    if (kind == 0) {
        if (GUARD(STATE_LOCK, true)) {
            sim_trace(s, "a second coordinator finds the state directory in use");
            return false;
        }
        b->disk = s->brains[0].disk;
        b->fork = s->brains[0].fork;
        oracle_doubled(s);
    } else if (kind == 1 && s->copy.disk != NULL) {
        b->disk = durable_copy(s->copy.disk);
        b->fork = lineage_fork(s, s->copy.at, s->copy.when);
        oracle_restored(s, b);
    } else {
        b->disk = durable_copy(s->brains[0].disk);
        b->fork = lineage_fork(s, lineage_now(&s->brains[0]), s->now);
        oracle_doubled(s);
    }
    return true;
}

void second_start(struct sim *s)
{
    struct brain *b = &s->brains[1];

    if (b->disk != NULL || s->counts.seconds >= s->seconds || !choose(s, b))
        return;
    s->counts.seconds++;
    b->old = NULL;
    b->recovered_at = 0;
    sim_trace(s, "a second coordinator starts on a copy of the database (fork %u)", b->fork);
    brain_start(s, b);
    for (uint32_t i = 0; i < s->o.hosts; i++)
        lead(s, &s->hosts[i], &s->brains[dice_below(s, BRAINS)]);
    agenda_put(s, s->now + dice_about(s, MOVE_US), move, b, s->counts.seconds);
    agenda_put(s, s->now + dice_about(s, SECOND_US), ends, b, s->counts.seconds);
}
