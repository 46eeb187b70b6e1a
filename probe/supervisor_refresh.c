/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supervisor_internal.h"

void supervisor_refresh(struct supervisor *s, const struct agent_action *x)
{
    refresh_pool_run(s->refreshes, x->refresh);
}

int supervisor_hear_refreshes(struct supervisor *s, mono_ms now, struct err *e)
{
    struct refresh_outcome o;
    int rc = 0;

    while (rc == 0 && refresh_pool_next(s->refreshes, now, &o)) {
        struct agent_event ev = { .type = AGENT_REFRESH_DONE, .now = now };

        if (o.result == NULL)
            supervisor_log(LOG_LEVEL_WARNING, "a refresh came to no end: %s", o.error);
        ev.refresh.order = o.order;
        ev.refresh.result = o.result;
        ev.refresh.error = o.error;
        if (s->agent != NULL)
            rc = supervisor_step(s, &ev, e);
    }
    return rc;
}

int supervisor_open_refreshes(struct supervisor *s, const char *worker_path, struct err *e)
{
    const struct refresh_pool_config config = { .worker_path = worker_path,
                                                .dir = s->dir,
                                                .boot_id = s->boot_id,
                                                .timeout_ms = DEFAULT_CHANGE_TIMEOUT_MS };
    int rc;

    s->refreshes = refresh_pool_new(&config, &rc, e);
    return rc;
}
