/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_change.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/limits.h"
#include "change/run_activate.h"
#include "change/run_change.h"
#include "wire/codec.h"
#include "worker_limits.h"
#include "worker_talk.h"

static int carry_out(const struct lvm_change *c, struct arena *a, int parent, struct err *e)
{
    struct change_run run = { .change = c, .arena = a };
    struct worker_result result = { .present = 0 };
    struct err why;
    bool devices = activate_is_for(c->order);
    int opened = devices ? activate_open(&run, &why) : change_open(&run, &why);
    int rc = devices                           ? worker_confine_activate(parent, e)
             : c->order->op == LVM_LV_SNAPSHOT ? worker_confine_snapshot(parent, e)
                                               : worker_confine_change(parent, e);

    if (rc < 0)
        return rc;
    if (opened < 0)
        change_not_opened(&run, opened, &why);
    else if (devices)
        activate_carry_out(&run);
    else
        change_carry_out(&run);
    return worker_record_send(&lvm_result_desc, &run.result, &result, e);
}

int worker_change(const char *boot, const char *key, struct err *e)
{
    struct arena *a = arena_new(LIMIT_WORKER_MEMORY_BYTES / 2);
    const struct worker_request *request;
    char comm[CHANGE_COMM_TEXT];
    struct bytes kept; /* nothing, of this kind */
    int parent, rc;

    if (a == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    change_comm(boot, key, comm);
    prctl(PR_SET_NAME, comm, 0, 0, 0);
    rc = worker_request_read(WORKER_CHANGE, a, &request, &kept, &parent, e);
    if (rc == 0 && !REC_HAS(request, worker_request, change))
        rc = err_set(e, -EBADMSG, "the request has no order");
    if (rc == 0)
        rc = carry_out(request->change, a, parent, e);
    arena_free(a);
    return rc;
}
