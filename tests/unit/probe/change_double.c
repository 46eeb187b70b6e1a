/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of a change's worker: does what the name of the order's volume group says. */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/limits.h"
#include "wire/codec.h"
#include "worker_change.h"
#include "worker_talk.h"

static int send_result(const struct lvm_order *o)
{
    struct worker_result result = { .present = 0 };
    struct lvm_result r = { .present = 0 };
    struct buf b = { 0 };
    struct err e;
    int fd, rc;

    REC_SET(&r, lvm_result, order, o->order);
    REC_SET(&r, lvm_result, token, o->token);
    REC_SET(&r, lvm_result, outcome, LVM_DONE);
    wire_encode(&lvm_result_desc, &r, &b, &e);
    fd = worker_memfd(b.p, b.n, true);
    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, b.n);
    rc = worker_send(&result, fd, -1, &e);
    buf_deinit(&b);
    return rc;
}

int main(int argc, char **argv)
{
    const struct worker_request *request;
    struct arena *a = arena_new(0);
    struct err e;
    struct bytes kept; /* nothing, of this kind */
    char comm[CHANGE_COMM_TEXT];
    int parent, rc;

    if (argc != 4 || worker_request_read(WORKER_CHANGE, a, &request, &kept, &parent, &e) < 0)
        return 1;
    change_comm(argv[2], argv[3], comm);
    prctl(PR_SET_NAME, comm, 0, 0, 0);
    if (strcmp(request->change->order->vg, "dies") == 0)
        raise(SIGUSR1);
    if (strcmp(request->change->order->vg, "hangs") == 0)
        pause();
    rc = send_result(request->change->order);
    arena_free(a);
    return rc < 0;
}
