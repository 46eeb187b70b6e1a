/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/storage_memory.h"

#include <sodium/crypto_generichash.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"

/* "MUSTORE" and the version of what follows: three counts, then the entries. */
#define MAGIC "MUSTOR1"

enum { TEXT_MAX = 255, TEXTS = 5, SEEN_MOST = sizeof(uint64_t) + TEXTS * (1 + TEXT_MAX) };

struct head {
    char magic[8];
    uint32_t stuck, loops, seen;
};

struct stuck {
    uint64_t devnum, pid_started;
    int64_t since;
    int64_t pid;
};

uint64_t memory_hash(const char *text)
{
    unsigned char out[crypto_generichash_BYTES_MIN];
    uint64_t h;

    crypto_generichash(out, sizeof out, (const unsigned char *)text, strlen(text), NULL, 0);
    memcpy(&h, out, sizeof h);
    return h;
}

static int compare_seen(const void *a, const void *b)
{
    const struct storage_seen *x = a, *y = b;

    return (x->container > y->container) - (x->container < y->container);
}

const struct storage_seen *storage_memory_seen(const struct storage_memory *m,
                                               const char *container)
{
    struct storage_seen key = { .container = memory_hash(container) };

    return m->seen_count == 0
               ? NULL
               : bsearch(&key, m->seen, m->seen_count, sizeof *m->seen, compare_seen);
}

/* ---- to bytes ---------------------------------------------------------------------------------
 */

static void put_text(struct buf *out, const char *text)
{
    size_t n = text == NULL ? 0 : strnlen(text, TEXT_MAX);
    uint8_t len = (uint8_t)n;

    buf_add(out, &len, sizeof len);
    buf_add(out, text, n);
}

static void put_seen(struct buf *out, const struct storage_seen *s)
{
    buf_add(out, &s->container, sizeof s->container);
    put_text(out, s->type);
    put_text(out, s->usage);
    put_text(out, s->uuid);
    put_text(out, s->sub_uuid);
    put_text(out, s->label);
}

bool storage_memory_encode(const struct storage_memory *m, struct buf *out)
{
    struct head h = { .magic = MAGIC };
    size_t room = LIMIT_WORKER_KEEPS_BYTES - sizeof h;

    buf_reset(out);
    buf_add(out, &h, sizeof h);
    for (; h.stuck < m->stuck.n && room >= sizeof(struct stuck); h.stuck++) {
        const struct label_stuck *s = &m->stuck.v[h.stuck];
        struct stuck x = { s->devnum, s->pid_started, s->since.v, s->pid };

        buf_add(out, &x, sizeof x);
        room -= sizeof x;
    }
    for (; h.loops < m->loop_count && room >= sizeof *m->loops; h.loops++) {
        buf_add(out, &m->loops[h.loops], sizeof *m->loops);
        room -= sizeof *m->loops;
    }
    for (; h.seen < m->seen_count && room >= SEEN_MOST; h.seen++) {
        size_t before = out->n;

        put_seen(out, &m->seen[h.seen]);
        room -= out->n - before;
    }
    if (!out->failed)
        memcpy(out->p, &h, sizeof h);
    return !out->failed;
}

/* ---- from bytes -------------------------------------------------------------------------------
 */

static bool take(struct bytes *b, void *out, size_t n)
{
    if (b->n < n)
        return false;
    memcpy(out, b->p, n);
    b->p += n;
    b->n -= n;
    return true;
}

static bool take_text(struct bytes *b, struct arena *a, const char **out)
{
    uint8_t n;

    *out = NULL;
    if (!take(b, &n, sizeof n) || b->n < n || !text_is_clean((const char *)b->p, n))
        return false;
    if (n > 0)
        *out = arena_strndup(a, (const char *)b->p, n);
    b->p += n;
    b->n -= n;
    return n == 0 || *out != NULL;
}

static bool take_stuck(struct bytes *b, size_t n, struct label_memory *out)
{
    struct stuck x;

    for (; out->n < n; out->n++) {
        if (!take(b, &x, sizeof x) || x.pid < 0 || x.pid > INT32_MAX)
            return false;
        out->v[out->n] = (struct label_stuck){ .devnum = x.devnum,
                                               .since = { x.since },
                                               .pid = (pid_t)x.pid,
                                               .pid_started = x.pid_started };
    }
    return true;
}

static bool take_seen(struct bytes *b, struct arena *a, struct storage_seen *s)
{
    return take(b, &s->container, sizeof s->container) && take_text(b, a, &s->type) &&
           take_text(b, a, &s->usage) && take_text(b, a, &s->uuid) &&
           take_text(b, a, &s->sub_uuid) && take_text(b, a, &s->label);
}

static bool take_all(struct bytes b, struct arena *a, struct storage_memory *m)
{
    struct head h;

    if (!take(&b, &h, sizeof h) || memcmp(h.magic, MAGIC, sizeof h.magic) != 0 ||
        h.stuck > LABEL_STUCK_MAX || h.loops > b.n / sizeof *m->loops ||
        h.seen > b.n / sizeof(uint64_t))
        return false;
    m->loops = arena_array(a, h.loops, sizeof *m->loops);
    m->seen = arena_array(a, h.seen, sizeof *m->seen);
    if (m->loops == NULL || m->seen == NULL || !take_stuck(&b, h.stuck, &m->stuck))
        return false;
    for (; m->loop_count < h.loops; m->loop_count++) {
        if (!take(&b, &m->loops[m->loop_count], sizeof *m->loops))
            return false;
        m->loops[m->loop_count].waits = false; /* whoever asks finds out */
    }
    for (; m->seen_count < h.seen; m->seen_count++) {
        if (!take_seen(&b, a, &m->seen[m->seen_count]))
            return false;
    }
    if (m->seen_count > 1)
        qsort(m->seen, m->seen_count, sizeof *m->seen, compare_seen);
    return b.n == 0;
}

struct storage_memory *storage_memory_decode(struct bytes b, struct arena *a)
{
    struct storage_memory *m = arena_zalloc(a, sizeof *m);

    if (m != NULL && !take_all(b, a, m))
        memset(m, 0, sizeof *m);
    return m;
}
