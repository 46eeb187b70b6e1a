/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The workers of scans as the supervisor knows them: a process number, a socket, an end. The pool
 * above them (scan_pool.c) is the real one; this is its kernel, its run directory and the worker,
 * which does what worker_scan.c and scan_run.c promise. A process may be stopped, hang in the
 * kernel, or die; the timer of its kernel ends it all the same, unless it hangs. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "core/list.h"
#include "net/net.h"
#include "process_internal.h"
#include "scan_pool_internal.h"
#include "wire/codec.h"
#include "worker_result.h"

enum { EXEC_US = 500, OPEN_US = 2000, UMOUNT_US = 5000, LOSS_US = 2000 };
enum { PROVE_US = 3000000, AGAIN_US = 50000 };
enum { LEFT_PPM = 100000, LEFT_US = 20000000, CALM_WALK_US = 150000 };

/* The system calls of the pool are made here. */
static struct {
    struct sim *s;
    struct host *h;
    bool deaf; /* the supervisor is dead already, and kills nobody */
} here;

int sim_kill(pid_t pid, int signal);
ssize_t sim_send(int sock, const void *bytes, size_t n, int flags);

void process_at(struct sim *s, struct host *h)
{
    here.s = s;
    here.h = h;
    here.deaf = false;
}

void process_deaf(bool deaf)
{
    here.deaf = deaf;
}

struct host *process_here(struct sim **s)
{
    *s = here.s;
    return here.h;
}

mono_ms clock_mono(void)
{
    return clock_shows(&here.h->clock, here.s->now);
}

/* ---- processes ------------------------------------------------------------------------------ */

struct process *process_find(const struct host *h, uint64_t pid)
{
    for (size_t i = 0; i < h->process_n; i++) {
        if ((uint64_t)h->processes[i]->pid == pid)
            return h->processes[i];
    }
    return NULL;
}

void process_free(struct process *p)
{
    struct host *h = p->host;
    size_t i = 0;

    while (h->processes[i] != p)
        i++;
    h->processes[i] = h->processes[--h->process_n];
    arena_free(p->arena);
    free(p);
}

void process_later(struct sim *s, struct process *p, world_us in, happen_fn fn)
{
    agenda_put(s, s->now + in, fn, p->host, (uint64_t)p->pid);
}

/* The process that is to do `fn` now; NULL: it cannot, or not yet. */
struct process *process_at_work(void *host, uint64_t pid, happen_fn fn)
{
    struct process *p = process_find(host, pid);

    if (p == NULL || p->killed || p->ended)
        return NULL;
    if (!p->host->paused && !p->stopped && !p->hangs)
        return p;
    p->blocked = fn;
    return NULL;
}

void process_unblock(struct sim *s, struct process *p)
{
    happen_fn fn = p->blocked;

    p->blocked = NULL;
    if (fn != NULL)
        process_later(s, p, 0, fn);
}

static void lets_go(struct sim *s, void *what, uint64_t token)
{
    disks_let_go(s, what, token);
}

/* What is left of a worker that was killed may outlive it: a loop device that is busy. */
static void unmount(struct sim *s, struct process *p, bool killed)
{
    if (killed && s->rough && p->mount->kind == MOUNT_SCAN && dice_chance(s, LEFT_PPM)) {
        sim_trace(s, "%s: process %d leaves its mount behind", p->host->name, p->pid);
        p->mount->excused = p->mount->left = true;
        agenda_put(s, s->now + dice_about(s, LEFT_US), lets_go, p->host, p->mount->token);
    } else {
        disk_unmount(s, p->disk, p->mount);
    }
}

void process_finish(struct sim *s, struct process *p, int status)
{
    struct host *h = p->host;

    if (p->work != NULL && status != 0)
        group_work_dies(s, p);
    if (p->refresh != NULL && status != 0)
        h->refresh_deaths++;
    if (p->mount != NULL)
        unmount(s, p, status != 0);
    p->mount = NULL;
    p->ended = true;
    p->status = status;
    if (p->closed)
        process_free(p);
    host_turn(s, h);
}

/* The kernel has taken its mounts apart. */
static void gone(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_find(what, pid);

    if (p == NULL || p->ended)
        return;
    if (p->hangs || p->host->clock.stopped)
        p->blocked = gone;
    else
        process_finish(s, p, SIGKILL);
}

void process_kill(struct sim *s, struct process *p)
{
    world_us budget = LEASE_STOP_BUDGET_MS * 1000 - 1;

    if (p->killed || p->ended)
        return;
    p->killed = true;
    p->blocked = NULL;
    if (p->hangs && p->mount != NULL)
        p->mount->excused = true;
    process_later(s, p,
                  p->mount == NULL        ? LOSS_US
                  : dice_below(s, 4) == 0 ? budget
                                          : dice_below(s, (uint32_t)budget),
                  gone);
}

/* Its own timer, of its machine's clock, which its renewals move. */
void process_timer(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_find(what, pid);

    if (p == NULL || p->killed || p->ended || p->order == NULL || p->host->clock.stopped ||
        !GUARD(WORKER_TIMER, true))
        return;
    if (clock_shows(&p->host->clock, s->now).v >= p->deadline.v)
        process_kill(s, p);
    else
        agenda_put(s, clock_reaches(&p->host->clock, s->now, p->deadline), process_timer, p->host,
                   pid);
}

/* ---- what a worker does --------------------------------------------------------------------- */

static void brings(struct sim *s, struct process *p, const void *result, bool clean)
{
    p->result = result;
    p->clean = clean;
    process_finish(s, p, 0);
}

static struct scan_result *outcome(struct process *p, enum scan_outcome outcome, const char *reason)
{
    struct scan_result *r = arena_zalloc(p->arena, sizeof *r);

    if (r == NULL)
        abort();
    REC_SET(r, scan_result, outcome, outcome);
    if (reason != NULL)
        REC_SET(r, scan_result, reason, reason);
    if (outcome == SCAN_NOT_READ)
        REC_SET(r, scan_result, again, true);
    return r;
}

static const char *fingerprint(struct process *p)
{
    char text[80];

    disk_fingerprint(p->disk, text);
    return arena_strdup(p->arena, text);
}

static void set_images(struct process *p, struct scan_result *r)
{
    struct image *v = arena_zalloc(p->arena, sizeof *v);

    if (v == NULL)
        abort();
    REC_SET(v, image, path,
            arena_printf(p->arena, "/version%llu.img", (unsigned long long)p->version));
    REC_SET(v, image, format, "raw");
    REC_SET(v, image, size_bytes, 1 << 20);
    REC_SET(r, scan_result, images, ((struct recs){ v, 1 }));
    REC_SET(r, scan_result, mounts, 1);
    REC_SET(r, scan_result, ms, 1000);
}

static void leaves(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_at_work(what, pid, leaves);

    if (p == NULL)
        return;
    disk_unmount(s, p->disk, p->mount);
    p->mount = NULL;
    brings(s, p, p->result, true);
}

static const char *doubt(const struct process *p)
{
    if (p->order->own_mount)
        return "it is mounted for writing on this node";
    if (p->version != p->disk->version)
        return "mounted outside muster";
    return p->dirty ? "its journal is dirty" : NULL;
}

void process_walked(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_at_work(what, pid, process_walked);
    struct scan_result *r;
    const char *why;

    if (p == NULL || !p->walks)
        return;
    p->walks = false;
    p->mount->compared = true;
    why = doubt(p);
    r = outcome(p, why == NULL ? SCAN_COMPLETE : SCAN_INCOMPLETE, why);
    set_images(p, r);
    if (why == NULL && *fingerprint(p) != '\0')
        REC_SET(r, scan_result, fingerprint, fingerprint(p));
    p->result = r;
    process_later(s, p, 1000 + dice_about(s, UMOUNT_US), leaves);
}

static void mounts(struct sim *s, struct process *p)
{
    /* In the storm some take longer than their lease; afterwards all is well. */
    world_us share = s->storm ? s->ttl_ms * 1000 / 4 : CALM_WALK_US;
    world_us walk = dice_about(s, share * (1 + p->disk->no % 4));

    p->mount = disk_mount(s, p->disk, p->host, p->order->own_mount ? MOUNT_OWN : MOUNT_SCAN,
                          p->order->token);
    p->version = p->disk->version;
    p->dirty = p->disk->dirty;
    process_accidents(s, p, walk);
    p->walks = true;
    process_later(s, p, walk, process_walked);
}

static bool is_unchanged(struct process *p)
{
    const char *known = p->order->fingerprint;

    return known != NULL && !p->order->own_mount && *known != '\0' &&
           strcmp(known, fingerprint(p)) == 0;
}

static void opens(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_at_work(what, pid, opens);
    const struct mount *m;
    struct scan_result *r;

    if (p == NULL)
        return;
    m = disk_mount_of(p->disk, p->host);
    if (p->order->own_mount ? m == NULL || m->kind == MOUNT_SCAN : m != NULL) {
        brings(s, p,
               outcome(p, SCAN_NOT_READ,
                       m == NULL ? "it is not mounted here" : "something has its container open"),
               true);
        return;
    }
    if (!is_unchanged(p)) {
        mounts(s, p);
        return;
    }
    r = outcome(p, SCAN_COMPLETE, NULL);
    REC_SET(r, scan_result, unchanged, true);
    REC_SET(r, scan_result, fingerprint, fingerprint(p));
    brings(s, p, r, true);
}

static void reaches(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_at_work(what, pid, reaches);
    struct reach_result *r;

    if (p == NULL)
        return;
    r = arena_zalloc(p->arena, sizeof *r);
    if (r == NULL)
        abort();
    REC_SET(r, reach_result, order, p->order->order);
    REC_SET(r, reach_result, proven, true);
    brings(s, p, r, true);
}

/* An O_EXCL open tells; it is tried for a while. */
static void proves(struct sim *s, void *what, uint64_t pid)
{
    struct process *p = process_at_work(what, pid, proves);
    bool clean;

    if (p == NULL)
        return;
    clean = disk_mount_of(p->disk, p->host) == NULL;
    if (clean || s->now - p->since >= PROVE_US)
        brings(s, p, NULL, clean);
    else
        process_later(s, p, AGAIN_US, proves);
}

/* ---- what the pool calls -------------------------------------------------------------------- */

/* The path of the program is the name of the host that is to run it. */
struct process *process_new(const char *name)
{
    struct host *h = container_of(name, struct host, name);
    struct process *p = calloc(1, sizeof *p);

    if (h->process_n == h->process_cap) {
        h->process_cap = h->process_cap == 0 ? 8 : 2 * h->process_cap;
        h->processes = realloc(h->processes, h->process_cap * sizeof(struct process *));
    }
    if (p == NULL || h->processes == NULL)
        abort();
    p->host = h;
    p->pid = ++h->sim->pids;
    p->since = h->sim->now;
    p->life = h->life;
    p->arena = arena_new(0);
    if (p->arena == NULL)
        abort();
    h->processes[h->process_n++] = p;
    return p;
}

static struct process *process_of_scan(const char *name, const struct scan_order *order)
{
    struct process *p = process_new(name);

    p->order = record_dup(p->arena, &scan_order_desc, order);
    if (p->order == NULL)
        abort();
    p->disk = &p->host->sim->disks[strtoul(order->device + strlen("dm-"), NULL, 10)];
    p->deadline.v = (int64_t)order->deadline_ms;
    return p;
}

int worker_spawn_scan(const char *name, uuid128 boot, const struct scan_order *order,
                      struct worker_process *out, struct err *e)
{
    static const happen_fn first[] = {
        [SCAN_ORDER_SCAN] = opens, [SCAN_ORDER_REACH] = reaches, [SCAN_ORDER_PROVE] = proves
    };
    struct process *p = process_of_scan(name, order);
    struct sim *s = p->host->sim;

    (void)boot; /* the processes of a host end with its boot */
    (void)e;
    agenda_put(s, clock_reaches(&p->host->clock, s->now, p->deadline), process_timer, p->host,
               (uint64_t)p->pid);
    process_later(s, p, EXEC_US + dice_about(s, OPEN_US), first[order->kind]);
    *out = (struct worker_process){ .pid = p->pid, .sock = p->pid, .err = -1 };
    return 0;
}

int worker_scan_take(const struct worker_process *w, int status, const struct record_desc *d,
                     struct arena *a, struct worker_scan_end *out, struct err *e)
{
    const struct process *p = process_find(here.h, (uint64_t)w->pid);

    *out = (struct worker_scan_end){ .record = NULL };
    if (status != 0)
        return err_set(e, -EIO, "the worker was killed by signal %d", status);
    out->clean = p->clean;
    out->record = d == NULL ? NULL : record_dup(a, d, p->result);
    return 0;
}

void worker_process_close(struct worker_process *w)
{
    struct process *p = process_find(here.h, (uint64_t)w->pid);

    p->closed = true;
    if (p->ended)
        process_free(p);
}

int sim_kill(pid_t group, int signal)
{
    struct process *p = here.deaf ? NULL : process_find(here.h, (uint64_t)-group);

    (void)signal;
    if (p != NULL)
        process_kill(here.s, p);
    return 0;
}

/* Extensions alone are sent. A worker that cannot run takes it up when it can, if it lives. */
ssize_t sim_send(int sock, const void *bytes, size_t n, int flags)
{
    struct process *p = process_find(here.h, (uint64_t)sock);
    struct arena *a = arena_new(0);
    struct err e;
    void *record;

    (void)flags;
    if (p != NULL && !p->stopped && !p->hangs &&
        wire_decode(&scan_extend_desc, bytes, n, a, &record, &e) == 0)
        p->deadline.v = (int64_t)((const struct scan_extend *)record)->deadline_ms;
    arena_free(a);
    return (ssize_t)n;
}

int end_workers_of(uuid128 boot, uint64_t request)
{
    int n = 0;

    (void)boot;
    for (size_t i = 0; i < here.h->process_n; i++) {
        struct process *p = here.h->processes[i];

        if (p->ended || p->order == NULL || p->order->kind != SCAN_ORDER_SCAN ||
            p->order->request != request)
            continue;
        process_kill(here.s, p);
        n++;
    }
    return n;
}
