/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_storage_memory.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "collect/parse_storage_bytes.h"

/* The first bytes: of what, and of which version. What follows is as long as LENGTH says, has the
 * sum that SUM says, and is of the boot with the hash that BOOT says. */
static const char magic[] = "muster storage 3";

enum {
    MAGIC_BYTES = sizeof magic - 1,
    HEAD_BYTES = MAGIC_BYTES + 4 + 8 + 8,
    STUCK_BYTES = 8 + 8 + 8 + 4 + 8,
};

uint64_t storage_hash(const char *name)
{
    return storage_sum(bytes_of(name));
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static void put_stuck(struct buf *b, const struct label_memory *m)
{
    put_number(b, m->n, 4);
    for (size_t i = 0; i < m->n; i++) {
        put_number(b, m->v[i].devnum, 8);
        put_number(b, (uint64_t)m->v[i].since.v, 8);
        put_number(b, (uint64_t)m->v[i].asked.v, 8);
        put_number(b, (uint64_t)m->v[i].pid, 4);
        put_number(b, m->v[i].pid_started, 8);
    }
}

static void put_loop(struct buf *b, const struct loop_known *k)
{
    put_text(b, k->device);
    put_number(b, k->file, 8);
    put_number(b, k->dev, 8);
    put_number(b, k->inode, 8);
    put_number(b, k->since.v != 0, 1);
    if (k->since.v == 0)
        return;
    put_number(b, (uint64_t)k->since.v, 8);
    put_number(b, (uint64_t)k->pid, 4);
    put_number(b, k->pid_started, 8);
}

/* Whether what was added since `before` may stay. */
static bool fits(struct buf *b, size_t before)
{
    if (b->n <= LIMIT_WORKER_KEEPS_BYTES - HEAD_BYTES - 4) /* the count of what follows */
        return true;
    b->n = before;
    return false;
}

/* A count, and as many of `n` things as there is room for. How many were left out. */
static void set_count(struct buf *b, size_t at, size_t count)
{
    for (size_t i = 0; i < 4 && !b->failed; i++)
        b->p[at + i] = (uint8_t)(count >> 8 * i);
}

static size_t put_loops(struct buf *b, const struct loop_memory *m)
{
    size_t at = b->n, kept = 0;

    put_number(b, 0, 4);
    for (size_t i = 0; i < m->n && !b->failed; i++) {
        size_t before = b->n;

        put_loop(b, &m->v[i]);
        kept += fits(b, before);
    }
    set_count(b, at, kept);
    return m->n - kept;
}

/* Tables come last: what lies in a partition is told by its own label. */
static size_t put_labels(struct buf *b, const struct storage_memory *m)
{
    size_t at = b->n, kept = 0;

    put_number(b, 0, 4);
    for (size_t i = 0; i < 2 * m->label_count && !b->failed; i++) {
        const struct kept_label *k = &m->labels[i % m->label_count];
        size_t before = b->n;

        if ((k->label.table_type != NULL) != (i >= m->label_count))
            continue;
        put_kept_label(b, k);
        kept += fits(b, before);
    }
    set_count(b, at, kept);
    return m->label_count - kept;
}

static void put_tree(struct buf *b, const struct tree *t)
{
    size_t before = b->n;

    put_kept_tree(b, t);
    if (!fits(b, before))
        put_kept_tree(b, &(struct tree){ .n = 0 });
}

int storage_memory_write(const struct storage_memory *m, const char *boot_id, struct arena *a,
                         struct bytes *out, size_t *left_out, struct err *e)
{
    struct buf whole = { 0 }, b = { 0 };
    int rc = 0;

    _Static_assert(4 + LABEL_STUCK_MAX * STUCK_BYTES + HEAD_BYTES + 8 <= LIMIT_WORKER_KEEPS_BYTES,
                   "all stuck devices fit");
    put_stuck(&b, m->stuck);
    *left_out = put_loops(&b, &m->loops);
    *left_out += put_labels(&b, m);
    put_tree(&b, &m->tree);
    buf_add(&whole, magic, MAGIC_BYTES);
    put_number(&whole, b.n, 4);
    put_number(&whole, boot_id == NULL ? 0 : storage_hash(boot_id), 8);
    put_number(&whole, b.failed ? 0 : storage_sum((struct bytes){ b.p, b.n }), 8);
    buf_add(&whole, b.p, b.n);
    out->p = b.failed || whole.failed ? NULL : arena_memdup(a, whole.p, whole.n);
    out->n = out->p == NULL ? 0 : whole.n;
    if (out->p == NULL)
        rc = err_set(e, -ENOMEM, "out of memory while keeping what is known of storage");
    buf_deinit(&b);
    buf_deinit(&whole);
    return rc;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

/* The body; empty: there is none to be trusted. */
static struct bytes body_of(struct bytes kept, const char *boot_id)
{
    struct storage_cursor c = { .rest = kept };
    struct bytes none = { NULL, 0 };

    if (boot_id == NULL || kept.n < HEAD_BYTES || memcmp(kept.p, magic, MAGIC_BYTES) != 0)
        return none;
    c.rest.p += MAGIC_BYTES;
    c.rest.n -= MAGIC_BYTES;
    if (take_number(&c, 4) != kept.n - HEAD_BYTES || take_number(&c, 8) != storage_hash(boot_id) ||
        take_number(&c, 8) != storage_sum((struct bytes){ kept.p + HEAD_BYTES, c.rest.n }))
        return none;
    return c.rest;
}

static mono_ms take_time(struct storage_cursor *c)
{
    uint64_t v = take_number(c, 8);

    c->failed |= v > INT64_MAX;
    return (mono_ms){ (int64_t)v };
}

static pid_t take_pid(struct storage_cursor *c)
{
    uint64_t v = take_number(c, 4);

    c->failed |= v > INT32_MAX;
    return (pid_t)v;
}

static void take_stuck(struct storage_cursor *c, struct label_memory *m)
{
    size_t n = take_count(c, STUCK_BYTES);

    c->failed |= n > LABEL_STUCK_MAX;
    for (size_t i = 0; i < n && !c->failed; i++) {
        m->v[i].devnum = take_number(c, 8);
        m->v[i].since = take_time(c);
        m->v[i].asked = take_time(c);
        m->v[i].pid = take_pid(c);
        m->v[i].pid_started = take_number(c, 8);
        m->n++;
    }
}

static void take_loops(struct storage_cursor *c, struct loop_memory *m)
{
    size_t n = take_count(c, 26);

    m->v = take_array(c, n, sizeof *m->v);
    for (size_t i = 0; i < n && !c->failed; i++) {
        struct loop_known *k = &m->v[i];

        k->device = take_text(c);
        k->file = take_number(c, 8);
        k->dev = take_number(c, 8);
        k->inode = take_number(c, 8);
        if (take_number(c, 1) != 0) {
            k->since = take_time(c);
            k->pid = take_pid(c);
            k->pid_started = take_number(c, 8);
        }
        c->failed |= k->device == NULL;
        m->n++;
    }
}

static void take_labels(struct storage_cursor *c, struct storage_memory *m)
{
    size_t n = take_count(c, KEPT_LABEL_BYTES);

    m->labels = take_array(c, n, sizeof *m->labels);
    for (size_t i = 0; i < n && !c->failed; i++)
        take_kept_label(c, &m->labels[m->label_count++]);
}

static int compare_labels(const void *a, const void *b)
{
    uint64_t x = ((const struct kept_label *)a)->container;
    uint64_t y = ((const struct kept_label *)b)->container;

    return (x > y) - (x < y);
}

int storage_memory_read(struct bytes kept, const char *boot_id, struct arena *a,
                        struct storage_memory *out, struct err *e)
{
    struct storage_cursor c = { .rest = body_of(kept, boot_id), .a = a };
    bool any = c.rest.n > 0;

    *out = (struct storage_memory){ .stuck = arena_zalloc(a, sizeof *out->stuck) };
    if (out->stuck == NULL)
        return err_set(e, -ENOMEM, "out of memory while reading what was kept of storage");
    if (any) {
        take_stuck(&c, out->stuck);
        take_loops(&c, &out->loops);
        take_labels(&c, out);
        take_kept_tree(&c, &out->tree);
    }
    if (c.no_memory)
        return err_set(e, -ENOMEM, "out of memory while reading what was kept of storage");
    if (c.failed || c.rest.n > 0) {
        *out = (struct storage_memory){ .stuck = out->stuck };
        memset(out->stuck, 0, sizeof *out->stuck);
    }
    if (out->label_count > 1)
        qsort(out->labels, out->label_count, sizeof *out->labels, compare_labels);
    return 0;
}

const struct kept_label *storage_memory_label(const struct storage_memory *m, const char *container)
{
    struct kept_label wanted = { .container = storage_hash(container) };

    return m->label_count == 0
               ? NULL
               : bsearch(&wanted, m->labels, m->label_count, sizeof *m->labels, compare_labels);
}
