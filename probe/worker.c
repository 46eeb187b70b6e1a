/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker: started by the supervisor for one collection. It may hang, crash or be killed. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "collect/collect.h"
#include "wire/codec.h"
#include "worker_change.h"
#include "worker_limits.h"
#include "worker_refresh.h"
#include "worker_scan.h"
#include "worker_talk.h"

static int collect(enum worker_kind kind, const struct worker_request *request, struct bytes before,
                   struct arena *a, struct err *e)
{
    struct collect_request what = { .interfaces = request->interfaces,
                                    .devices = request->devices,
                                    .touched = request->touched,
                                    .whole = request->whole,
                                    .memory = before,
                                    .sys_root =
                                        request->sys_root == NULL ? "" : request->sys_root };
    struct section sections[SECTION_COUNT];
    struct bytes memory;
    size_t count;
    int rc = collect_run(kind, &what, a, sections, &count, &memory, e);

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = section_normalise(&sections[i], a, e);
    return rc == 0 ? worker_result_send(sections, count, memory, a, e) : rc;
}

static int run(enum worker_kind kind, struct err *e)
{
    struct arena *a = arena_new(LIMIT_WORKER_MEMORY_BYTES / 2);
    const struct worker_request *request;
    struct bytes memory;
    int parent, rc;

    if (a == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = worker_request_read(worker_kind_name(kind), a, &request, &memory, &parent, e);
    if (rc < 0)
        goto out; /* nobody to tell */
    collect_prepare(kind);
    rc = worker_confine(kind, collect_needs_root(kind), parent, e);
    if (rc == 0)
        rc = collect(kind, request, memory, a, e);
    if (rc < 0) {
        struct err again;

        rc = worker_error_send(e->text, &again);
    }
out:
    arena_free(a);
    return rc;
}

/* Those that are started for one order each. */
static int run_order(int argc, char **argv, bool *is_one, struct err *e)
{
    *is_one = true;
    if (argc >= 2 && strcmp(argv[1], WORKER_SCAN) == 0)
        return worker_scan(e);
    if (argc == 4 && strcmp(argv[1], WORKER_CHANGE) == 0)
        return worker_change(argv[2], argv[3], e);
    if (argc == 2 && strcmp(argv[1], WORKER_RESCAN) == 0)
        return worker_rescan(e);
    if (argc == 2 && strcmp(argv[1], WORKER_REFRESH) == 0)
        return worker_refresh(e);
    *is_one = false;
    return 0;
}

int main(int argc, char **argv)
{
    int kind = argc == 2 ? worker_kind_by_name(argv[1]) : -1, rc;
    struct err e = { "" };
    bool is_one;

    rc = run_order(argc, argv, &is_one, &e);
    if (kind < 0 && !is_one) {
        dprintf(STDERR_FILENO, "muster-probe-worker: started by muster-probe with one of: system, "
                               "net, lldp, storage, lvm, xen, scan, rescan, change, refresh\n");
        return 2;
    }
    if (!is_one)
        rc = run((enum worker_kind)kind, &e);
    if (rc == 0)
        _exit(0);
    dprintf(STDERR_FILENO, "muster-probe-worker: %s\n", e.text);
    _exit(1); /* libdevmapper would make nodes at the end */
}
