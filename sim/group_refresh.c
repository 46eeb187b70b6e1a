/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker of a refresh, below the real pool (refresh_pool.c), in the steps of run_refresh.c:
 * what is suspended goes on; LVM reads; devices that are to go are removed, one after the other;
 * and each device with an old table is suspended, gets the new one and goes on. What each device is
 * to the metadata is decided by the real code. It may die, hang or be stopped between any two of
 * these. */
#include <errno.h>
#include <stdlib.h>

#include "change/parse_mapped.h"
#include "group.h"
#include "wire/codec.h"
#include "worker_spawn.h"

enum { START_US = 15000, READ_US = 300000, TABLE_US = 80000 };
enum { DEATH_PPM = 120000, EARLY_PPM = 100000, MOST = 64 };

struct group_refresh {
    const struct refresh_work *work;
    struct refresh_result result;
    struct group_meta read;
    uint64_t tried[MOST]; /* devices, by their numbers */
    size_t tried_n;
    uint64_t at; /* the device that it has suspended */
};

static void removes(struct sim *s, void *host, uint64_t pid);
static void tables(struct sim *s, void *host, uint64_t pid);

static void later(struct sim *s, struct process *p, world_us mean, happen_fn fn)
{
    process_later(s, p, 1000 + dice_about(s, mean), fn);
}

static void ends(struct sim *s, struct process *p)
{
    struct refresh_result *r = arena_memdup(p->arena, &p->refresh->result, sizeof *r);

    if (r == NULL)
        abort();
    if (!REC_HAS(r, refresh_result, refreshed))
        REC_SET(r, refresh_result, refreshed, 0);
    if (!REC_HAS(r, refresh_result, removed))
        REC_SET(r, refresh_result, removed, 0);
    p->result = r;
    p->host->refresh_deaths = 0;
    sim_trace(s, "%s: process %d has refreshed %llu, and removed %llu: %s", p->host->name, p->pid,
              (unsigned long long)r->refreshed, (unsigned long long)r->removed,
              r->reason == NULL ? "all is so" : r->reason);
    process_finish(s, p, 0);
}

static void say(struct process *p, const char *text)
{
    struct refresh_result *r = &p->refresh->result;

    if (!REC_HAS(r, refresh_result, reason))
        REC_SET(r, refresh_result, reason, arena_strdup(p->arena, text));
}

static bool was_tried(const struct group_refresh *r, const struct mapping *m)
{
    for (size_t i = 0; i < r->tried_n; i++) {
        if (r->tried[i] == m->no)
            return true;
    }
    return false;
}

/* The next device that is one of these to the metadata; NULL: there is none. */
static struct mapping *next_that_is(struct sim *s, struct process *p, enum mapped_is from,
                                    enum mapped_is to, enum mapped_is *is)
{
    struct group_refresh *r = p->refresh;
    struct group_devices d;
    const struct lv *lv;

    group_devices(s, p->host, &r->read, r->work->vg_uuid, p->arena, &d);
    for (size_t i = 0; i < d.n; i++) {
        *is = group_device_is(r->work, &d, i, p->arena, &lv);
        if (*is < from || *is > to || was_tried(r, d.of[i]) || r->tried_n == MOST)
            continue;
        r->tried[r->tried_n++] = d.of[i]->no;
        return d.of[i];
    }
    return NULL;
}

static void resumes(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, resumes);
    struct mapping *m = p == NULL ? NULL : group_map_no(s, p->refresh->at);

    if (p == NULL)
        return;
    if (m != NULL)
        group_load(s, p, m);
    REC_SET(&p->refresh->result, refresh_result, refreshed, p->refresh->result.refreshed + 1);
    later(s, p, TABLE_US, tables);
}

static void tables(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, tables);
    enum mapped_is is;
    struct mapping *m;

    if (p == NULL)
        return;
    m = next_that_is(s, p, MAPPED_BARE, MAPPED_OLD, &is);
    if (m == NULL) {
        ends(s, p);
    } else if (is == MAPPED_BARE) {
        say(p, "it is active here without its snapshots");
        later(s, p, TABLE_US, tables);
    } else {
        p->refresh->at = m->no;
        group_suspend(s, p, m);
        later(s, p, TABLE_US, resumes);
    }
}

static void removes(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, removes);
    enum mapped_is is;
    struct mapping *m;

    if (p == NULL)
        return;
    m = next_that_is(s, p, MAPPED_UNWANTED, MAPPED_ORPHAN, &is);
    if (m == NULL) {
        later(s, p, TABLE_US, tables);
        return;
    }
    oracle_device_touched(s, p, m);
    if (m->open) {
        say(p, "it is in use here");
    } else {
        group_unmap(s, m);
        REC_SET(&p->refresh->result, refresh_result, removed, p->refresh->result.removed + 1);
    }
    later(s, p, TABLE_US, removes);
}

static void reads(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, reads);
    struct lvm_rows rows;

    if (p == NULL)
        return;
    p->refresh->read = *group_newest(s->group);
    group_rows(s, p->host, &p->refresh->read, p->arena, &rows);
    if (mapped_is_version(p->refresh->work, &rows))
        removes(s, host, pid);
    else
        ends(s, p);
}

static void begins(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, begins);
    bool any = false;

    if (p == NULL)
        return;
    for (const struct mapping *m = s->group->mappings; m != NULL; m = m->next)
        any |= m->host == p->host;
    group_resume_all(s, p);
    if (any)
        later(s, p, READ_US, reads);
    else
        ends(s, p);
}

static void dies(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_find(host, pid);

    if (p != NULL)
        process_kill(s, p);
}

int worker_spawn_refresh(const char *name, const struct refresh_work *work,
                         struct worker_process *out, struct err *e)
{
    struct process *p = process_new(name);
    struct sim *s = p->host->sim;

    (void)e;
    p->refresh = arena_zalloc(p->arena, sizeof *p->refresh);
    if (p->refresh == NULL)
        abort();
    p->refresh->work = record_dup(p->arena, &refresh_work_desc, work);
    if (p->refresh->work == NULL)
        abort();
    sim_trace(s, "%s: process %d is to refresh its devices (task %llu)", p->host->name, p->pid,
              (unsigned long long)work->order->task);
    s->counts.refreshes++;
    process_accidents(s, p, READ_US + 4 * TABLE_US);
    if (s->rough && dice_chance(s, DEATH_PPM))
        process_later(s, p, dice_about(s, READ_US + 2 * TABLE_US), dies);
    if (s->rough && dice_chance(s, EARLY_PPM))
        process_later(s, p, dice_about(s, START_US), dies);
    later(s, p, START_US, begins);
    *out = (struct worker_process){ .pid = p->pid, .sock = p->pid, .err = -1 };
    return 0;
}

/* ---- what is kept in /run ------------------------------------------------------------------- */

struct refresh_note {
    struct refresh_note *next;
    struct arena *arena;
    const struct refresh_work *work;
};

static struct refresh_note **note_of(struct host *h, const char *vg)
{
    struct refresh_note **at = &h->run.refreshes;

    while (*at != NULL && strcmp((*at)->work->vg_uuid, vg) != 0)
        at = &(*at)->next;
    return at;
}

static void note_drop(struct refresh_note **at)
{
    struct refresh_note *n = *at;

    *at = n->next;
    arena_free(n->arena);
    free(n);
}

int run_dir_save_refresh(const struct run_dir *d, uuid128 boot_id, const struct refresh_work *work,
                         struct err *e)
{
    struct refresh_note **at = note_of(d->host, work->vg_uuid), *n = calloc(1, sizeof *n);

    (void)boot_id, (void)e;
    if (n == NULL || (n->arena = arena_new(0)) == NULL ||
        (n->work = record_dup(n->arena, &refresh_work_desc, work)) == NULL)
        abort();
    if (*at != NULL)
        note_drop(at);
    n->next = d->host->run.refreshes;
    d->host->run.refreshes = n;
    return 0;
}

void run_dir_remove_refresh(const struct run_dir *d, uuid128 boot_id,
                            const struct refresh_work *work)
{
    struct refresh_note **at = note_of(d->host, work->vg_uuid);

    (void)boot_id;
    if (*at != NULL)
        note_drop(at);
}

int run_dir_each_refresh(const struct run_dir *d, uuid128 boot_id,
                         int (*each)(void *ctx, const struct refresh_work *work), void *ctx,
                         struct err *e)
{
    int rc = 0;

    (void)boot_id, (void)e;
    for (const struct refresh_note *n = d->refreshes; rc == 0 && n != NULL; n = n->next)
        rc = each(ctx, n->work);
    return rc;
}

void refresh_notes_end(struct run_dir *d)
{
    while (d->refreshes != NULL)
        note_drop(&d->refreshes);
}
