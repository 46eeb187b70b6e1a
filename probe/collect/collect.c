/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of worker. */
#include "collect/collect.h"

#include <assert.h>
#include <errno.h>

#include "collect/read.h"
#include "collect/read_block.h"

static int collect_nothing_yet(const struct collect_request *req, struct arena *a,
                               struct section *out, size_t *count, struct err *e)
{
    (void)req;
    (void)a;
    (void)out;
    (void)count;
    return err_set(e, -ENOTSUP, "this probe does not ask LVM yet");
}

static const struct {
    int (*run)(const struct collect_request *req, struct arena *a, struct section *out,
               size_t *count, struct err *e);
    bool needs_root;
} kinds[WORKER_KIND_COUNT] = {
    /* product_uuid and product_serial have mode 0400. */
    [WORKER_SYSTEM] = { collect_system, true },   [WORKER_NET] = { collect_net, false },
    [WORKER_LLDP] = { collect_lldp, false },      [WORKER_STORAGE] = { collect_block, true },
    [WORKER_LVM] = { collect_nothing_yet, true },
};

int collect_run(enum worker_kind kind, const struct collect_request *req, struct arena *a,
                struct section *out, size_t *count, struct bytes *memory, struct err *e)
{
    assert((unsigned)kind < WORKER_KIND_COUNT);
    *count = 0;
    *memory = (struct bytes){ NULL, 0 };
    return kinds[kind].run(req, a, out, count, e);
}

bool collect_needs_root(enum worker_kind kind)
{
    assert((unsigned)kind < WORKER_KIND_COUNT);
    return kinds[kind].needs_root;
}
