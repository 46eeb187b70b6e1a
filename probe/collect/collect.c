/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of worker. */
#include "collect/collect.h"

#include <assert.h>

#include "collect/read.h"

static const struct {
    int (*run)(const struct collect_request *req, struct arena *a, struct section *out,
               size_t *count, struct err *e);
    /* Of kinds that keep something. */
    int (*run_with_memory)(const struct collect_request *req, struct arena *a, struct section *out,
                           size_t *count, struct bytes *memory, struct err *e);
    bool needs_root;
} kinds[WORKER_KIND_COUNT] = {
    /* product_uuid and product_serial have mode 0400. */
    [WORKER_SYSTEM] = { .run = collect_system, .needs_root = true },
    [WORKER_NET] = { .run = collect_net },
    [WORKER_LLDP] = { .run = collect_lldp },
    [WORKER_STORAGE] = { .run_with_memory = collect_storage, .needs_root = true },
    [WORKER_XEN] = { .run = collect_xen },
    [WORKER_LVM] = { .run_with_memory = collect_lvm_worker, .needs_root = true },
};

int collect_run(enum worker_kind kind, const struct collect_request *req, struct arena *a,
                struct section *out, size_t *count, struct bytes *memory, struct err *e)
{
    assert((unsigned)kind < WORKER_KIND_COUNT);
    *count = 0;
    *memory = (struct bytes){ NULL, 0 };
    if (kinds[kind].run_with_memory != NULL)
        return kinds[kind].run_with_memory(req, a, out, count, memory, e);
    return kinds[kind].run(req, a, out, count, e);
}

bool collect_needs_root(enum worker_kind kind)
{
    assert((unsigned)kind < WORKER_KIND_COUNT);
    return kinds[kind].needs_root;
}
