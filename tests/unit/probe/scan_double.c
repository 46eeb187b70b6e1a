/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of a scan's worker: does what the order's UUID says, and as the prover what its type
 * says. */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "wire/codec.h"
#include "worker_scan.h"
#include "worker_talk.h"

static int send_result(const struct record_desc *d, const void *record, const char *uuid)
{
    struct worker_result result = { .present = 0 };
    struct buf b = { 0 };
    struct err e;
    int fd, rc;

    wire_encode(d, record, &b, &e);
    fd = worker_memfd(b.p, b.n, strcmp(uuid, "unsealed") != 0);
    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, b.n);
    REC_SET(&result, worker_result, clean, strcmp(uuid, "unclean") != 0);
    REC_SET(&result, worker_result, stale, strcmp(uuid, "stale") == 0);
    rc = worker_send(&result, fd, -1, &e);
    buf_deinit(&b);
    return rc;
}

static int scan(const struct scan_order *o)
{
    struct scan_result r = { .present = 0 };
    uint8_t bytes[64];

    REC_SET(&r, scan_result, token, o->token);
    REC_SET(&r, scan_result, order, o->order);
    REC_SET(&r, scan_result, outcome, SCAN_COMPLETE);
    if (strcmp(o->uuid, "dies") == 0)
        raise(SIGUSR1);
    if (strcmp(o->uuid, "hangs") == 0)
        pause();
    if (strcmp(o->uuid, "extended") == 0 && recv(WORKER_FD, bytes, sizeof bytes, 0) <= 0)
        return 1;
    if (strcmp(o->uuid, "ends without it") == 0 && recv(WORKER_FD, bytes, 1, MSG_PEEK) <= 0)
        return 1;
    return send_result(&scan_result_desc, &r, o->uuid);
}

static int reach(const struct scan_order *o)
{
    struct reach_result r = { .present = 0 };

    REC_SET(&r, reach_result, order, o->order);
    REC_SET(&r, reach_result, proven, true);
    if (strcmp(o->uuid, "hangs") == 0)
        pause();
    return send_result(&reach_result_desc, &r, o->uuid);
}

static int prove(const struct scan_order *o)
{
    struct worker_result result = { .present = 0 };
    struct err e;

    if (strcmp(o->type, "hangs") == 0)
        pause();
    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, 0);
    /* A file in its place says what is so by now. */
    REC_SET(&result, worker_result, clean, access(o->mount_at, F_OK) != 0);
    return worker_send(&result, -1, -1, &e);
}

int main(void)
{
    const struct worker_request *request;
    struct arena *a = arena_new(0);
    struct err e;
    struct bytes kept; /* nothing, of this kind */
    int parent, rc;

    if (worker_request_read(WORKER_SCAN, a, &request, &kept, &parent, &e) < 0)
        return 1;
    if (request->scan->kind == SCAN_ORDER_SCAN)
        rc = scan(request->scan);
    else
        rc = request->scan->kind == SCAN_ORDER_REACH ? reach(request->scan) : prove(request->scan);
    arena_free(a);
    return rc < 0;
}
