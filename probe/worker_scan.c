/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_scan.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "scan/scan_run.h"
#include "wire/codec.h"
#include "worker_limits.h"
#include "worker_talk.h"

enum { PROVE_MS = 3000, EXTEND_BYTES = 256 };

/* ---- the timer ----------------------------------------------------------------------------- */

/* The kernel ends the process at its time, stopped or not. */
static int arm(timer_t timer, uint64_t deadline_ms)
{
    struct itimerspec at = { .it_value = { .tv_sec = (time_t)(deadline_ms / 1000),
                                           .tv_nsec = (long)(deadline_ms % 1000) * 1000000 } };

    if (deadline_ms == 0)
        at.it_value.tv_nsec = 1; /* 0 would be never */
    return timer_settime(timer, TIMER_ABSTIME, &at, NULL) == 0 ? 0 : -errno;
}

static int make_timer(timer_t *timer, uint64_t deadline_ms, struct err *e)
{
    struct sigevent end = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
    int rc = timer_create(CLOCK_BOOTTIME, &end, timer) == 0 ? 0 : -errno;

    if (rc == 0)
        rc = arm(*timer, deadline_ms);
    return rc < 0 ? err_set(e, rc, "a scan's worker cannot limit its life: %s", strerror(-rc)) : 0;
}

/* Takes extensions as long as there is a supervisor, and no longer. */
static void *listen_on(void *arg)
{
    timer_t timer = *(timer_t *)arg;
    struct arena *a = arena_new(1 << 16);
    uint8_t bytes[EXTEND_BYTES];
    struct err e;
    ssize_t n;

    while (a != NULL && ((n = recv(WORKER_FD, bytes, sizeof bytes, 0)) > 0 || errno == EINTR)) {
        void *record;

        arena_reset(a);
        if (n > 0 && wire_decode(&scan_extend_desc, bytes, (size_t)n, a, &record, &e) == 0)
            arm(timer, ((const struct scan_extend *)record)->deadline_ms);
    }
    raise(SIGKILL);
    return NULL;
}

static int start_listener(timer_t *timer, struct err *e)
{
    pthread_t thread;
    int rc = -pthread_create(&thread, NULL, listen_on, timer);

    return rc < 0 ? err_set(e, rc, "a scan's worker cannot listen: %s", strerror(-rc)) : 0;
}

/* ---- what it sends ------------------------------------------------------------------------- */

static int send_record(const struct record_desc *d, const void *record, const struct scan *s,
                       struct err *e)
{
    struct worker_result result = { .present = 0 };

    REC_SET(&result, worker_result, clean, s->clean);
    if (s->stale)
        REC_SET(&result, worker_result, stale, true);
    return worker_record_send(d, record, &result, e);
}

static int send_proof(int proof, const char *why, struct err *e)
{
    struct worker_result result = { .present = 0 };

    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, 0);
    REC_SET(&result, worker_result, clean, proof == 0);
    if (proof < 0)
        REC_SET(&result, worker_result, error, why);
    return worker_send(&result, -1, -1, e);
}

/* ---- orders -------------------------------------------------------------------------------- */

/* What it mounts is its own affair, and ends with it. */
static int hide_mounts(struct err *e)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return err_set(e, -errno, "a scan's worker cannot have mounts of its own: %s",
                       strerror(errno));
    return 0;
}

static int run_scan(struct scan *s, timer_t *timer, int parent, struct err *e)
{
    struct err why;
    int rc = hide_mounts(&why), opened = rc;

    if (rc == 0)
        opened = scan_open(s, &why);
    /* What is on the device is for somebody who can do less. */
    rc = worker_confine_scan(parent, e);
    if (rc == 0)
        rc = start_listener(timer, e);
    if (rc < 0)
        return rc;
    s->confine = worker_confine_walk;
    if (opened < 0)
        scan_not_opened(s, opened, &why);
    else
        scan_read(s);
    return send_record(&scan_result_desc, &s->result, s, e);
}

static int run_reach(struct scan *s, int parent, struct err *e)
{
    struct reach_result result = { .present = 0 };
    struct err why;
    int found = scan_open(s, &why), rc = worker_confine_scan(parent, e);

    if (rc < 0)
        return rc;
    if (found == 0)
        found = scan_reach(s, &why);
    REC_SET(&result, reach_result, order, s->order->order);
    REC_SET(&result, reach_result, proven, found == 0);
    if (found < 0)
        REC_SET(&result, reach_result, reason, why.text);
    if (found < 0 && scan_may_mend(found))
        REC_SET(&result, reach_result, again, true);
    if (s->mismatch)
        REC_SET(&result, reach_result, mismatch, true);
    s->clean = true;
    return send_record(&reach_result_desc, &result, s, e);
}

static int run_proof(const struct scan_order *o, int parent, struct err *e)
{
    struct err why = { "" };
    int rc;

    snapshot_sweep(o->token);
    rc = worker_confine_scan(parent, e);
    return rc < 0 ? rc : send_proof(scan_prove(o->device, o->devnum, PROVE_MS, &why), why.text, e);
}

static int carry_out(const struct scan_order *o, struct arena *a, int parent, struct err *e)
{
    struct scan *s = arena_zalloc(a, sizeof *s);
    static timer_t timer; /* the listener has it until the end */
    int rc;

    if (s == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    s->order = o;
    s->arena = a;
    rc = make_timer(&timer, o->deadline_ms, e);
    if (rc < 0)
        return rc;
    if (o->kind == SCAN_ORDER_SCAN)
        return o->mount_at == NULL ? err_set(e, -EINVAL, "the order does not say where to mount")
                                   : run_scan(s, &timer, parent, e);
    return o->kind == SCAN_ORDER_REACH ? run_reach(s, parent, e) : run_proof(o, parent, e);
}

int worker_scan(struct err *e)
{
    struct arena *a = arena_new(LIMIT_SCAN_MEMORY_BYTES / 4);
    const struct worker_request *request;
    struct bytes kept; /* nothing, of this kind */
    int parent, rc;

    if (a == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = worker_request_read(WORKER_SCAN, a, &request, &kept, &parent, e);
    if (rc == 0 && !REC_HAS(request, worker_request, scan))
        rc = err_set(e, -EBADMSG, "the request has no order");
    if (rc == 0)
        rc = carry_out(request->scan, a, parent, e);
    return rc; /* the arena may be of use to the threads that are left */
}
