/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands for the worker of a refresh: the name of its volume group says how it behaves. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "worker_refresh.h"
#include "worker_talk.h"

int main(void)
{
    struct refresh_result r = { .present = 0 };
    struct worker_result result = { .present = 0 };
    const struct worker_request *request;
    struct arena *a = arena_new(0);
    struct bytes kept;
    struct err e;
    int parent;

    if (a == NULL || worker_request_read(WORKER_REFRESH, a, &request, &kept, &parent, &e) < 0)
        return 1;
    if (strcmp(request->refresh->vg, "dies") == 0)
        raise(SIGUSR1);
    while (strcmp(request->refresh->vg, "hangs") == 0)
        pause();
    if (strcmp(request->refresh->vg, "cannot") == 0)
        return worker_error_send("LVM does not start", &e) == 0 ? 0 : 1;
    REC_SET(&r, refresh_result, refreshed, 1);
    return worker_record_send(&refresh_result_desc, &r, &result, &e) == 0 ? 0 : 1;
}
