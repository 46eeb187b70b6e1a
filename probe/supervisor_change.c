/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supervisor_internal.h"

void supervisor_change(struct supervisor *s, const struct agent_action *x, mono_ms now)
{
    change_pool_run(s->changes, x->change, now);
}

int supervisor_hear_changes(struct supervisor *s, mono_ms now, struct err *e)
{
    struct change_outcome o;
    int rc = 0;

    while (rc == 0 && s->agent != NULL && change_pool_next(s->changes, now, &o)) {
        struct agent_event ev = { .type = AGENT_CHANGE_DONE, .now = now };

        ev.change.order = o.order;
        ev.change.result = o.result;
        ev.change.error = o.error;
        rc = supervisor_step(s, &ev, e);
    }
    return rc;
}

int supervisor_open_changes(struct supervisor *s, const char *worker_path, struct err *e)
{
    const struct change_pool_config config = { .worker_path = worker_path,
                                               .dir = s->dir,
                                               .boot_id = s->boot_id,
                                               .timeout_ms = DEFAULT_CHANGE_TIMEOUT_MS };
    int rc;

    s->changes = change_pool_new(&config, clock_mono(), &rc, e);
    return rc;
}
