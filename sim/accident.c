/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to workers of scans, one by one and to all of a host. */
#include "process_internal.h"
#include "scan_pool_internal.h"

enum { HANG_PPM = 50000, STOP_PPM = 20000, DEATH_PPM = 20000, ORPHAN_PPM = 200000 };
enum { LOSS_US = 2000 };
enum { HANGS_US = 20000000, STOPS_US = 12000000, CALM_WALK_US = 150000 };

static void dies(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_find(what, pid);

    if (p != NULL)
        process_kill(s, p);
}

static void hangs_no_more(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_find(what, pid);

    if (p == NULL || !p->hangs)
        return;
    sim_trace(s, "%s: process %d hangs no more", p->host->name, p->pid);
    p->hangs = false;
    process_unblock(s, p);
}

static void hangs(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_find(what, pid);

    if (p == NULL || p->ended || !s->storm)
        return;
    s->counts.hangs++;
    sim_trace(s, "%s: process %d hangs", p->host->name, p->pid);
    p->hangs = true;
    if (p->killed && p->mount != NULL)
        p->mount->excused = true;
    process_later(s, p, dice_about(s, HANGS_US), hangs_no_more);
}

static void goes_on(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_find(what, pid);

    if (p != NULL) {
        p->stopped = false;
        process_unblock(s, p);
    }
}

static void stops(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_find(what, pid);

    if (p == NULL || !s->storm)
        return;
    sim_trace(s, "%s: process %d is stopped", p->host->name, p->pid);
    p->stopped = true;
    process_later(s, p, dice_about(s, STOPS_US), goes_on);
}

void process_accidents(struct sim *s, struct process *p, world_us walk)
{
    if (!s->rough)
        return;
    if (dice_chance(s, HANG_PPM))
        process_later(s, p, dice_about(s, walk), hangs);
    if (dice_chance(s, STOP_PPM))
        process_later(s, p, dice_about(s, walk), stops);
    if (dice_chance(s, DEATH_PPM))
        process_later(s, p, dice_about(s, walk), dies);
}

void processes_stop(struct sim *s, struct host *h, const struct disk *d, bool hang)
{
    for (size_t i = 0; i < h->process_n; i++) {
        struct process *p = h->processes[i];

        if (p->ended || p->disk != d || p->mount == NULL)
            continue;
        sim_trace(s, "%s: process %d %s", h->name, p->pid, hang ? "hangs" : "is stopped");
        p->hangs |= hang;
        p->stopped |= !hang;
        p->mount->excused |= hang && p->killed;
    }
}

/* ---- what happens to all of a host ---------------------------------------------------------- */

void processes_reap(struct host *h)
{
    for (size_t i = 0; i < h->process_n; i++) {
        struct process *x = h->processes[i];

        if (!x->ended || x->reaped || x->life != h->life)
            continue;
        x->reaped = true;
        scan_pool_reaped(h->supervisor.scans, x->pid, x->status);
        change_pool_reaped(h->supervisor.changes, x->pid, x->status);
        refresh_pool_reaped(h->supervisor.refreshes, x->pid, x->status);
    }
}

/* Most hear of its end, and die of it. */
void processes_lose_supervisor(struct sim *s, struct host *h)
{
    process_at(s, h);
    process_deaf(true);
    scan_pool_free(h->supervisor.scans);
    change_pool_free(h->supervisor.changes);
    refresh_pool_free(h->supervisor.refreshes);
    h->supervisor.scans = NULL;
    h->supervisor.changes = NULL;
    h->supervisor.refreshes = NULL;
    process_deaf(false);
    for (size_t i = 0; i < h->process_n; i++) {
        if (!h->processes[i]->ended &&
            (h->processes[i]->refresh != NULL || !dice_chance(s, ORPHAN_PPM)))
            process_later(s, h->processes[i], dice_about(s, LOSS_US), dies);
    }
}

void processes_end(struct host *h)
{
    while (h->process_n > 0)
        process_free(h->processes[0]);
    notes_end(&h->run);
    refresh_notes_end(&h->run);
    h->refresh_deaths = 0;
}

void processes_freeze(struct host *h)
{
    for (size_t i = 0; i < h->process_n; i++) {
        if (h->processes[i]->mount != NULL)
            h->processes[i]->mount->excused = true;
    }
}

void processes_go_on(struct sim *s, struct host *h)
{
    for (size_t i = 0; i < h->process_n; i++) {
        struct process *p = h->processes[i];

        if (p->ended)
            continue;
        process_later(s, p, 0, process_timer);
        if (!p->stopped && !p->hangs)
            process_unblock(s, p);
    }
}

void processes_calm(struct sim *s, struct host *h)
{
    for (size_t i = 0; i < h->process_n; i++) {
        h->processes[i]->stopped = h->processes[i]->hangs = false;
        if (!h->processes[i]->ended)
            process_unblock(s, h->processes[i]);
        if (!h->processes[i]->ended && h->processes[i]->walks)
            process_later(s, h->processes[i], dice_about(s, CALM_WALK_US), process_walked);
    }
}
