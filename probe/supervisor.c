/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supervisor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sodium/utils.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "supervisor_internal.h"

/* Messages of the coordinator that are taken before the rest has its turn. */
enum { MOST_AT_ONCE = 64 };

void supervisor_log(enum log_level level, const char *fmt, ...)
{
    struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
    char text[1024];
    va_list args;

    /* A reader of the log that hangs costs lines, not heartbeats. */
    if (poll(&p, 1, 0) == 0)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_line(level, "%s", text);
}

void supervisor_complain(struct supervisor *s, const char *text)
{
    if (strcmp(s->said.text, text) == 0)
        return;
    err_set(&s->said, 0, "%s", text);
    supervisor_log(LOG_LEVEL_ERROR, "%s", text);
}

/* ---- carrying out what the agent decides --------------------------------------------------- */

static void save_memory(struct supervisor *s, const struct agent_action *x)
{
    struct probe_state *st = &s->state;
    const struct memory *m = x->memory;
    struct err e;

    REC_SET(st, probe_state, enrolled, x->enrolled);
    if (m != NULL) {
        REC_SET(st, probe_state, db_id, m->db_id);
        REC_SET(st, probe_state, epoch, m->epoch);
        REC_SET(st, probe_state, start_no, m->start_no);
        REC_SET(st, probe_state, nonce, m->nonce);
        REC_SET(st, probe_state, generation, m->generation);
        REC_SET(st, probe_state, token, m->token);
    }
    if (run_dir_save(s->dir, st, &e) < 0)
        supervisor_complain(s, e.text);
    else
        s->said.text[0] = '\0';
}

static void send(struct supervisor *s, const struct envelope *env)
{
    struct err e;
    int rc = uplink_send(s->uplink, env, &e);

    /* The agent repeats what matters. */
    if (rc < 0 && rc != -EAGAIN)
        supervisor_log(LOG_LEVEL_ERROR, "%s", e.text);
}

/* A worker that cannot be started is one that failed; or stuck, if its predecessor is. */
struct failures {
    struct err why[WORKER_KIND_COUNT];
    int code[WORKER_KIND_COUNT];
};

static void carry_out(struct supervisor *s, const struct agent_action *x, mono_ms now,
                      struct failures *f)
{
    switch (x->type) {
    case AGENT_SEND:
        send(s, x->env);
        break;
    case AGENT_RUN_WORKER:
        f->code[x->kind] =
            worker_pool_start(s->pool, x->kind, x->whole, x->timeout_ms, now, &f->why[x->kind]);
        break;
    case AGENT_SAVE_MEMORY:
        save_memory(s, x);
        break;
    case AGENT_RUN_SCAN:
    case AGENT_EXTEND_SCAN:
    case AGENT_KILL_SCAN:
    case AGENT_RUN_REACH:
        supervisor_scan(s, x, now);
        break;
    case AGENT_RUN_RESCAN:
        supervisor_rescan(s, x, now);
        break;
    case AGENT_RUN_CHANGE:
        supervisor_change(s, x, now);
        break;
    case AGENT_RUN_REFRESH:
        supervisor_refresh(s, x);
        break;
    case AGENT_LOG:
        supervisor_log((enum log_level)x->level, "%s", x->text);
        break;
    }
}

static int step_once(struct supervisor *s, const struct agent_event *ev, struct failures *f,
                     struct err *e)
{
    struct agent_action *actions = NULL;
    struct arena *a = arena_new(0);
    int rc = -ENOMEM;

    if (a != NULL)
        rc = agent_step(s->agent, ev, a, &actions);
    for (const struct agent_action *x = actions; x != NULL; x = x->next)
        carry_out(s, x, ev->now, f);
    arena_free(a);
    if (rc == -ENOMEM) /* what was left undone is due again */
        supervisor_log(LOG_LEVEL_WARNING, "out of memory for a moment");
    else if (rc < 0)
        return err_set(e, rc, "the agent failed: %s", strerror(-rc));
    return 0;
}

int supervisor_step(struct supervisor *s, const struct agent_event *ev, struct err *e)
{
    struct failures f = { .code = { 0 } }, more = { .code = { 0 } };
    int rc = step_once(s, ev, &f, e);

    for (int k = 0; rc == 0 && k < WORKER_KIND_COUNT; k++) {
        struct agent_event failed = { .type = AGENT_WORKER_DONE, .now = ev->now };

        if (f.code[k] == 0)
            continue;
        if (f.code[k] == -EBUSY)
            failed.type = AGENT_WORKER_STUCK;
        failed.worker.kind = (enum worker_kind)k;
        failed.worker.error = f.why[k].text;
        rc = step_once(s, &failed, &more, e);
    }
    return rc;
}

/* ---- what happens -------------------------------------------------------------------------- */

static int hear_kernel(struct supervisor *s, mono_ms now, struct err *e)
{
    struct device_names touched = { .n = 0 };
    struct rescan_hints rescans = { .n = 0 };
    uint32_t kinds = kernel_hints_take(&s->hints, &touched, &rescans);
    int rc = 0;

    worker_pool_touch(s->pool, &touched);

    if (s->agent == NULL) {
        if (kinds != 0)
            s->look_at = now;
        return 0;
    }
    for (int k = 0; rc == 0 && k < WORKER_KIND_COUNT; k++) {
        struct agent_event ev = { .type = AGENT_KERNEL_HINT, .now = now };

        ev.worker.kind = (enum worker_kind)k;
        if ((kinds >> k) & 1u)
            rc = supervisor_step(s, &ev, e);
    }
    return rc == 0 ? supervisor_hint_rescans(s, &rescans, now, e) : rc;
}

int supervisor_look_again(struct supervisor *s, const struct scan_order *order, mono_ms now,
                          struct err *e)
{
    struct agent_event ev = { .type = AGENT_KERNEL_HINT, .now = now };
    struct device_names touched = { .n = 0 };

    device_names_add(&touched, order->device, strlen(order->device));
    for (size_t i = 0; i < order->paths.n; i++) /* DEVICE DESIGNATOR */
        device_names_add(&touched, order->paths.v[i], strcspn(order->paths.v[i], " "));
    worker_pool_touch(s->pool, &touched);
    ev.worker.kind = WORKER_STORAGE;
    return supervisor_step(s, &ev, e);
}

static int hear_workers(struct supervisor *s, mono_ms now, struct err *e)
{
    static const enum agent_event_type types[] = {
        [WORKER_OUTCOME_DONE] = AGENT_WORKER_DONE,
        [WORKER_OUTCOME_STUCK] = AGENT_WORKER_STUCK,
        [WORKER_OUTCOME_GONE] = AGENT_WORKER_GONE,
    };
    struct worker_outcome o;
    int rc = 0;

    arena_reset(s->scratch);
    while (rc == 0 && worker_pool_next(s->pool, now, s->scratch, &o)) {
        struct agent_event ev = { .type = types[o.type], .now = now };

        ev.worker.kind = o.kind;
        ev.worker.sections = o.sections;
        ev.worker.section_count = o.section_count;
        ev.worker.error = o.error;
        rc = s->agent == NULL ? supervisor_found(s, &o, now, e) : supervisor_step(s, &ev, e);
        arena_reset(s->scratch);
    }
    return rc;
}

static int hear_coordinator(struct supervisor *s, mono_ms now, struct err *e)
{
    struct agent_event ev = { .type = AGENT_MESSAGE, .now = now };
    enum log_level level;
    struct envelope *env;
    struct err text;
    int rc = 0;

    for (int i = 0; rc == 0 && i < MOST_AT_ONCE; i++) {
        int got;

        arena_reset(s->scratch);
        got = uplink_receive(s->uplink, s->scratch, &env, &text);
        if (got == 0)
            break;
        if (got < 0) {
            supervisor_log(LOG_LEVEL_WARNING, "a message was dropped: %s", text.text);
            continue;
        }
        ev.message = env;
        rc = supervisor_step(s, &ev, e);
    }
    while (uplink_news(s->uplink, now, &level, &text))
        supervisor_log(level, "%s", text.text);
    return rc;
}

static void hear_signals(struct supervisor *s)
{
    struct signalfd_siginfo i;

    while (read(s->signals, &i, sizeof i) == (ssize_t)sizeof i) {
        if (i.ssi_signo != SIGCHLD)
            s->ending = (int)i.ssi_signo;
    }
}

/* Looks everywhere: after a wake there is something in one place or two, and the rest costs
 * little. */
static int turn(struct supervisor *s, struct err *e)
{
    struct agent_event tick = { .type = AGENT_TICK };
    mono_ms now = clock_mono();
    int rc;

    hear_signals(s);
    rc = hear_kernel(s, now, e);
    if (rc == 0)
        rc = hear_workers(s, now, e);
    if (rc == 0)
        rc = supervisor_hear_scans(s, now, e);
    if (rc == 0)
        rc = supervisor_hear_rescans(s, now, e);
    if (rc == 0)
        rc = supervisor_hear_changes(s, now, e);
    if (rc == 0)
        rc = supervisor_hear_refreshes(s, now, e);
    if (rc == 0 && s->agent == NULL)
        return supervisor_look(s, now, e);
    if (rc == 0)
        rc = hear_coordinator(s, now, e);
    tick.now = clock_mono();
    if (rc == 0 && agent_next_deadline(s->agent).v <= tick.now.v)
        rc = supervisor_step(s, &tick, e);
    return rc;
}

static int wait_ms(const struct supervisor *s)
{
    int64_t until = s->agent == NULL ? s->look_at.v : agent_next_deadline(s->agent).v;
    int64_t workers = worker_pool_deadline(s->pool).v, now = clock_mono().v;
    int64_t scans = scan_pool_deadline(s->scans).v;
    int64_t rescans = s->rescan_failed ? 0 : rescan_pool_deadline(s->rescans).v;
    int64_t changes = s->agent == NULL ? INT64_MAX : change_pool_deadline(s->changes).v;
    int64_t refreshes = refresh_pool_deadline(s->refreshes).v;

    if (s->agent != NULL && uplink_pending(s->uplink))
        return 0;
    if (s->agent != NULL && uplink_deadline(s->uplink).v < until)
        until = uplink_deadline(s->uplink).v;
    until = workers < until ? workers : until;
    until = scans < until ? scans : until;
    until = rescans < until ? rescans : until;
    until = changes < until ? changes : until;
    until = refreshes < until ? refreshes : until;
    if (until <= now)
        return 0;
    return until - now > INT_MAX ? INT_MAX : (int)(until - now);
}

static int loop(struct supervisor *s, struct err *e)
{
    int rc = 0;

    while (rc == 0 && s->ending == 0) {
        struct epoll_event one;
        int n = epoll_wait(s->epoll, &one, 1, wait_ms(s));

        if (n < 0 && errno != EINTR)
            return err_set(e, -errno, "cannot wait for events: %s", strerror(errno));
        if (n > 0)
            kernel_hints_told(&s->hints, one.data.fd);
        rc = turn(s, e);
    }
    return rc;
}

/* ---- start and end ------------------------------------------------------------------------- */

static void signal_set(sigset_t *set)
{
    struct sigaction hup;

    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN) /* nohup */
        sigaddset(set, SIGHUP);
}

void supervisor_block_signals(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, usual = { .sa_handler = SIG_DFL };
    sigset_t set;

    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGCHLD, &usual, NULL); /* ignored, it would hide how a child ended */
    signal_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int supervisor_watch(struct supervisor *s, int fd, uint32_t events, struct err *e)
{
    struct epoll_event what = { .events = events, .data.fd = fd };

    if (fd >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &what) != 0)
        return err_set(e, -errno, "cannot wait for events: %s", strerror(errno));
    return 0;
}

static int open_all(struct supervisor *s, const struct worker_pool_config *pool, struct err *e)
{
    sigset_t set;
    int rc;

    signal_set(&set);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->signals < 0 || s->epoll < 0)
        return err_set(e, -errno, "cannot wait for events: %s", strerror(errno));
    s->pool = worker_pool_new(pool);
    s->kept = arena_new(0);
    s->scratch = arena_new(LIMIT_DECODE_ARENA_BYTES);
    if (s->pool == NULL || s->kept == NULL || s->scratch == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = supervisor_watch(s, s->signals, EPOLLIN, e);
    /* Before the first look, so that nothing falls between. */
    if (rc == 0 && kernel_hints_open(&s->hints, e) < 0)
        supervisor_log(LOG_LEVEL_WARNING, "%s", e->text);
    for (int i = 0; rc == 0 && i < KERNEL_SOURCES; i++)
        rc = supervisor_watch(s, s->hints.fd[i], s->hints.events[i], e);
    return rc;
}

static void close_all(struct supervisor *s)
{
    scan_pool_free(s->scans);
    rescan_pool_free(s->rescans);
    change_pool_free(s->changes);
    refresh_pool_free(s->refreshes);
    worker_pool_free(s->pool);
    agent_free(s->agent);
    uplink_close(s->uplink);
    kernel_hints_close(&s->hints);
    run_dir_close(s->dir);
    if (s->epoll >= 0)
        close(s->epoll);
    if (s->signals >= 0)
        close(s->signals);
    arena_free(s->scratch);
    arena_free(s->kept);
    keypair_wipe(&s->key);
    sodium_memzero(s->secret, sizeof s->secret);
}

static void say_goodbye(struct supervisor *s)
{
    struct agent_event stop = { .type = AGENT_STOP, .now = clock_mono() };
    char reason[64];
    struct err e;

    snprintf(reason, sizeof reason, "the probe ends on SIG%s", sigabbrev_np(s->ending));
    supervisor_log(LOG_LEVEL_INFO, "%s", reason);
    stop.reason = reason;
    if (s->agent != NULL)
        supervisor_step(s, &stop, &e);
}

int supervise(const struct probe_options *o, const char *worker_path, struct err *e)
{
    struct supervisor s = {
        .options = o, .epoll = -1, .signals = -1, .hints = { .fd = { -1, -1, -1, -1 } }
    };
    const struct worker_pool_config pool = {
        .worker_path = worker_path,
        .interfaces = { o->interfaces, o->interface_count },
        .devices = { o->devices, o->device_count },
        .owns = supervisor_owns,
        .reaped = supervisor_reaped,
        .others = &s,
    };
    int rc = open_all(&s, &pool, e);

    if (rc == 0)
        rc = supervisor_prepare(&s, e);
    if (rc == 0)
        rc = supervisor_open_scans(&s, worker_path, e);
    if (rc == 0)
        rc = supervisor_open_rescans(&s, worker_path, e);
    if (rc == 0)
        rc = supervisor_open_changes(&s, worker_path, e);
    if (rc == 0)
        rc = supervisor_open_refreshes(&s, worker_path, e);
    if (rc == 0)
        rc = supervisor_look(&s, clock_mono(), e);
    if (rc == 0)
        rc = loop(&s, e);
    if (rc == 0)
        say_goodbye(&s);
    close_all(&s);
    return rc;
}
