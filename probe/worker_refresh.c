/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_refresh.h"

#include <errno.h>

#include "base/limits.h"
#include "change/run_refresh.h"
#include "wire/codec.h"
#include "worker_limits.h"
#include "worker_talk.h"

static int carry_out(const struct refresh_work *w, struct arena *a, int parent, struct err *e)
{
    struct refresh_run run = { .work = w, .arena = a };
    struct worker_result result = { .present = 0 };
    struct err why;
    int did = refresh_open(&run, &why);
    int rc = worker_confine_refresh(parent, e);

    if (rc < 0)
        return rc;
    if (did == 0)
        did = refresh_carry_out(&run, &why);
    return did < 0 ? worker_error_send(why.text, e)
                   : worker_record_send(&refresh_result_desc, &run.result, &result, e);
}

int worker_refresh(struct err *e)
{
    struct arena *a = arena_new(LIMIT_WORKER_MEMORY_BYTES / 2);
    const struct worker_request *request;
    struct bytes kept; /* nothing, of this kind */
    int parent, rc;

    if (a == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = worker_request_read(WORKER_REFRESH, a, &request, &kept, &parent, e);
    if (rc == 0 && !REC_HAS(request, worker_request, refresh))
        rc = err_set(e, -EBADMSG, "the request has no work");
    if (rc == 0)
        rc = carry_out(request->refresh, a, parent, e);
    arena_free(a);
    return rc;
}
