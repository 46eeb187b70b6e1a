/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands for the worker of a refresh: the name of its volume group says how it behaves. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "worker_refresh.h"
#include "worker_talk.h"

static int answer(const struct refresh_work *work, struct err *e)
{
    struct refresh_result r = { .present = 0 };
    struct worker_result result = { .present = 0 };

    if (strcmp(work->vg, "dies") == 0)
        raise(SIGUSR1);
    while (strcmp(work->vg, "hangs") == 0)
        pause();
    if (strcmp(work->vg, "cannot") == 0)
        return worker_error_send("LVM does not start", e);
    REC_SET(&r, refresh_result, refreshed, 1);
    return worker_record_send(&refresh_result_desc, &r, &result, e);
}

int main(void)
{
    const struct worker_request *request;
    struct arena *a = arena_new(0);
    struct bytes kept;
    struct err e;
    int parent, rc = -1;

    if (a != NULL)
        rc = worker_request_read(WORKER_REFRESH, a, &request, &kept, &parent, &e);
    if (rc >= 0)
        rc = answer(request->refresh, &e);
    arena_free(a);
    return rc < 0;
}
