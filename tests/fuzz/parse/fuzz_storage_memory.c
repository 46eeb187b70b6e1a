/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker of storage has kept, if it comes back as something else. The sum in its head would
 * refuse all that a fuzzer makes, so the input is the body, and once the whole. */
#include "base/buf.h"
#include "base/limits.h"
#include "collect/parse_storage_bytes.h"
#include "collect/parse_storage_memory.h"
#include "fuzz.h"

#define BOOT "00000000-1111-4222-8333-444444444444"

/* What was understood is written and read again as the same. */
static void round_trip(const struct storage_memory *m, struct arena *a)
{
    struct storage_memory again;
    struct bytes kept, twice;
    struct err e = { "" };
    size_t left_out;

    if (storage_memory_write(m, BOOT, a, &kept, &left_out, &e) < 0)
        return;
    if (kept.n > LIMIT_WORKER_KEEPS_BYTES || storage_memory_read(kept, BOOT, a, &again, &e) < 0)
        abort();
    if (left_out == 0 && (again.label_count != m->label_count || again.loops.n != m->loops.n ||
                          again.stuck->n != m->stuck->n || again.tree.n != m->tree.n))
        abort();
    if (storage_memory_write(&again, BOOT, a, &twice, &left_out, &e) < 0)
        return;
    if (twice.n > LIMIT_WORKER_KEEPS_BYTES)
        abort();
}

static void one(struct bytes kept, struct arena *a)
{
    struct storage_memory m;
    struct err e = { "" };
    int rc = storage_memory_read(kept, BOOT, a, &m, &e);

    result_is_good(rc, &e);
    if (rc < 0)
        return;
    for (size_t i = 0; i < m.stuck->n; i++) {
        if (m.stuck->v[i].pid < 0 || m.stuck->v[i].since.v < 0)
            abort();
    }
    round_trip(&m, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64u << 20);
    struct bytes body = { data, size };
    struct buf b = { 0 };

    buf_str(&b, "muster storage 3");
    put_number(&b, size, 4);
    put_number(&b, storage_hash(BOOT), 8);
    put_number(&b, storage_sum(body), 8);
    buf_add(&b, data, size);
    if (!b.failed)
        one((struct bytes){ b.p, b.n }, a);
    one(body, a);
    buf_deinit(&b);
    arena_free(a);
    return 0;
}
