/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "rescan_work.h"
#include "supervisor_internal.h"

static int tell(struct supervisor *s, const struct rescan_outcome_of *o, mono_ms now, struct err *e)
{
    struct agent_event ev = { .type = AGENT_RESCAN_DONE, .now = now };

    ev.rescan.result = o->result;
    ev.rescan.error = o->error;
    ev.rescan.stuck = o->stuck;
    return supervisor_step(s, &ev, e);
}

/* What it cannot be started for is told as its outcome, when the agent's step is over. */
void supervisor_rescan(struct supervisor *s, const struct agent_action *x, mono_ms now)
{
    struct rescan_work work = { .present = 0 };
    struct arena *a = arena_new(0);
    struct err *e = &s->rescan_fault;

    s->rescan_failed = true;
    if (a == NULL) {
        err_set(e, 0, "out of memory");
        return;
    }
    REC_SET(&work, rescan_work, timeout_ms, x->rescan->timeout_ms);
    if (rescan_work(agent_section(s->agent, SECTION_PATHS), x->rescan->what, a, &work, e) == 0 &&
        rescan_pool_run(s->rescans, &work, now, e) == 0)
        s->rescan_failed = false;
    arena_free(a);
}

/* Size and identity of a device are announced by nobody else. */
static int look_again(struct supervisor *s, mono_ms now, struct err *e)
{
    struct agent_event ev = { .type = AGENT_KERNEL_HINT, .now = now };

    ev.worker.kind = WORKER_STORAGE;
    return supervisor_step(s, &ev, e);
}

int supervisor_hear_rescans(struct supervisor *s, mono_ms now, struct err *e)
{
    struct rescan_outcome_of o = { .error = s->rescan_fault.text };
    int rc = 0;

    if (s->agent == NULL)
        return 0;
    if (s->rescan_failed) {
        s->rescan_failed = false;
        rc = tell(s, &o, now, e);
    }
    while (rc == 0 && rescan_pool_next(s->rescans, now, &o)) {
        rc = tell(s, &o, now, e);
        if (rc == 0 && o.result != NULL)
            rc = look_again(s, now, e);
    }
    return rc;
}

/* Announcements that were lost may have been of any target. */
int supervisor_hint_rescans(struct supervisor *s, const struct rescan_hints *h, mono_ms now,
                            struct err *e)
{
    char text[RESCAN_TEXT];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < h->n + h->all; i++) {
        struct agent_event ev = { .type = AGENT_RESCAN_HINT, .now = now };

        ev.rescan.what = i == h->n ? "all" : rescan_hint_text(&h->v[i], text);
        rc = supervisor_step(s, &ev, e);
    }
    return rc;
}

int supervisor_open_rescans(struct supervisor *s, const char *worker_path, struct err *e)
{
    s->rescans = rescan_pool_new(worker_path, NULL);
    return s->rescans == NULL ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* ---- children of scans, rescans, changes and refreshes --------------------------------------- */

bool supervisor_owns(void *supervisor, pid_t group)
{
    struct supervisor *s = supervisor;

    return scan_pool_owns(s->scans, group) || rescan_pool_owns(s->rescans, group) ||
           change_pool_owns(s->changes, group) || refresh_pool_owns(s->refreshes, group);
}

void supervisor_reaped(void *supervisor, pid_t pid, int status)
{
    struct supervisor *s = supervisor;

    if (s->scans != NULL)
        scan_pool_reaped(s->scans, pid, status);
    rescan_pool_reaped(s->rescans, pid, status);
    change_pool_reaped(s->changes, pid, status);
    refresh_pool_reaped(s->refreshes, pid, status);
}
