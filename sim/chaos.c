/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong, and when: one fault after the other, of a kind and against a victim that the
 * dice choose; each is mended after a while. */
#include "sim_internal.h"

/* For 100 hosts; fewer hosts have fewer faults, but not too few. */
enum { BETWEEN_US = 1500000, SELDOM_US = 4000000 };
enum { CUT_US = 15000000, LONG_CUT_US = 150000000 };

static world_us between(struct sim *s)
{
    world_us mean = (world_us)BETWEEN_US * 100 / (s->o.hosts + 1);

    return dice_about(s, mean < SELDOM_US ? mean : SELDOM_US);
}

static void brain_up(struct sim *s, void *what, uint64_t stamp)
{
    (void)stamp;
    brain_start(s, what);
}

static void brain_on(struct sim *s, void *what, uint64_t stamp)
{
    (void)stamp;
    brain_go_on(s, what);
}

static void probe_up(struct sim *s, void *what, uint64_t stamp)
{
    (void)stamp;
    host_probe_start(s, what);
}

static void power_up(struct sim *s, void *what, uint64_t stamp)
{
    (void)stamp;
    host_power_on(s, what);
}

static void host_on(struct sim *s, void *what, uint64_t stamp)
{
    (void)stamp;
    host_go_on(s, what);
}

static void join(struct sim *s, void *what, uint64_t stamp)
{
    struct host *h = what;

    (void)stamp;
    if (s->storm && s->now < h->cut_until) /* it has been cut again */
        return;
    if (h->cut_up || h->cut_down)
        sim_trace(s, "%s: has a network again", h->name);
    h->cut_up = h->cut_down = false;
}

static struct host *victim(struct sim *s)
{
    return &s->hosts[dice_below(s, s->o.hosts)];
}

/* The first, unless there are two. */
static struct brain *brain_of(struct sim *s)
{
    return &s->brains[s->brains[1].disk != NULL ? dice_below(s, BRAINS) : 0];
}

void chaos_restart(struct sim *s, struct brain *b)
{
    agenda_put(s, s->now + dice_about(s, 3000000), brain_up, b, 0);
}

static void crash(struct sim *s)
{
    struct brain *b = brain_of(s);

    brain_crash(s, b);
    chaos_restart(s, b);
}

static void crash_again(struct sim *s, void *what, uint64_t stamp)
{
    (void)what, (void)stamp;
    if (s->storm)
        crash(s);
}

/* Often it does not live for long after that. */
static void crashes(struct sim *s)
{
    crash(s);
    if (dice_below(s, 3) == 0)
        agenda_put(s, s->now + dice_about(s, 8000000), crash_again, NULL, 0);
}

static void stop_brain(struct sim *s)
{
    struct brain *b = brain_of(s);

    brain_pause(s, b);
    agenda_put(s, s->now + dice_about(s, 8000000), brain_on, b, 0);
}

static void end_probe(struct sim *s)
{
    struct host *h = victim(s);

    host_probe_end(s, h);
    agenda_put(s, s->now + dice_about(s, 2000000), probe_up, h, 0);
}

static void reboot(struct sim *s)
{
    struct host *h = victim(s);

    if (h->boots >= HOST_TOKENS)
        return;
    s->counts.reboots++;
    host_power_off(s, h);
    agenda_put(s, s->now + 1000000 + dice_about(s, 20000000), power_up, h, 0);
}

static void stop_host(struct sim *s)
{
    struct host *h = victim(s);

    host_pause(s, h, dice_below(s, 4) == 0);
    agenda_put(s, s->now + dice_about(s, 15000000), host_on, h, 0);
}

static void cut_off(struct sim *s, struct host *h, uint32_t kind, world_us mean)
{
    world_us ends;

    s->counts.partitions++;
    h->cut_up |= kind != 0;
    h->cut_down |= kind != 1;
    sim_trace(s, "%s: has no network%s", h->name,
              kind == 0   ? " that brings it anything"
              : kind == 1 ? " that takes anything of it"
                          : "");
    ends = s->now + dice_about(s, mean);
    if (ends > h->cut_until)
        h->cut_until = ends;
    agenda_put(s, ends, join, h, 0);
}

static void cut(struct sim *s)
{
    uint32_t kind = dice_below(s, 4);

    cut_off(s, victim(s), kind, dice_below(s, 6) == 0 ? LONG_CUT_US : CUT_US);
}

struct host *chaos_put_back(struct sim *s)
{
    struct brain *b = &s->brains[0];

    s->counts.restores++;
    brain_crash(s, b);
    durable_free(b->disk);
    b->disk = durable_copy(s->copy.disk);
    s->forks[b->fork].ended = s->now;
    b->fork = lineage_fork(s, s->copy.at, s->copy.when);
    b->recovered_at = 0;
    b->old = NULL;
    sim_trace(s, "the copy is put in the place of the database (fork %u)", b->fork);
    oracle_restored(s, b);
    return users_lost(s, !s->copy.plain);
}

static void restore(struct sim *s)
{
    struct brain *b = &s->brains[0];
    struct host *lost;

    if (s->copy.disk == NULL || s->counts.restores >= s->restores || s->brains[1].disk == b->disk)
        return;
    lost = chaos_put_back(s);
    chaos_restart(s, b);
    if (dice_below(s, 2) == 0) { /* what has made it necessary has not spared the network */
        struct host *h = victim(s);

        cut_off(s, lost != NULL ? lost : h, 2, LONG_CUT_US);
    }
    operator_hastens(s);
}

static void restored(struct sim *s, void *what, uint64_t stamp)
{
    (void)what, (void)stamp;
    if (s->storm)
        restore(s);
}

void chaos_copy(struct sim *s, bool plain)
{
    if (s->copy.disk != NULL)
        durable_free(s->copy.disk);
    s->copy.disk = durable_copy(s->brains[0].disk);
    s->copy.at = lineage_now(&s->brains[0]);
    s->copy.when = s->now;
    s->copy.plain = plain;
    if (GUARD(BACKUP_MARK, !s->copy.plain))
        durable_mark_backup(s->copy.disk);
    sim_trace(s, "the database is copied%s", s->copy.plain ? "" : " by muster backup");
    oracle_copied(s);
}

/* Now and then there is a backup, or a copy of the files. */
static void copy(struct sim *s)
{
    if (s->copy.disk != NULL && dice_below(s, 2) == 0)
        return;
    chaos_copy(s, dice_below(s, 2) == 0);
    if (dice_below(s, 4) == 0) { /* what begins now is lost before long */
        operator_hastens(s);
        agenda_put(s, s->now + dice_about(s, 20000000), restored, NULL, 0);
    }
}

static void fault(struct sim *s, void *what, uint64_t stamp)
{
    static void (*const faults[])(
        struct sim *) = { crashes, stop_brain, end_probe, end_probe, stop_host, stop_host,
                          cut,     cut,        reboot,    copy,      restore,   second_start };

    (void)what, (void)stamp;
    if (!s->storm)
        return;
    faults[dice_below(s, ARRAY_LEN(faults))](s);
    agenda_put(s, s->now + between(s), fault, NULL, 0);
}

void chaos_start(struct sim *s)
{
    s->storm = true;
    s->rough = !s->stage.alone;
    if (s->rough)
        agenda_put(s, s->now + between(s), fault, NULL, 0);
    stage_begin(s);
    group_users_start(s);
}

void chaos_end(struct sim *s)
{
    s->storm = s->rough = false;
    sim_trace(s, "the storm is over");
    stage_end(s);
    second_end(s);
    brain_start(s, &s->brains[0]);
    brain_go_on(s, &s->brains[0]);
    users_calm(s);
    group_users_calm(s);
    for (uint32_t i = 0; i < s->o.hosts; i++) {
        struct host *h = &s->hosts[i];

        processes_calm(s, h);
        join(s, h, 0);
        host_go_on(s, h);
        host_has_luns(s, h);
        host_power_on(s, h);
        host_probe_start(s, h);
    }
}
