/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "wire/messages.h"

uint64_t gen_seed(void)
{
    const char *given = getenv("MUSTER_SEED");
    struct timespec t;
    uint64_t seed;

    clock_gettime(CLOCK_REALTIME, &t);
    seed = given != NULL ? strtoull(given, NULL, 0)
                         : (uint64_t)t.tv_sec * 1000000007u + (uint64_t)t.tv_nsec;
    fprintf(stderr, "MUSTER_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* SplitMix64. */
uint64_t gen_next(struct gen *g)
{
    uint64_t x = g->state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t gen_below(struct gen *g, uint64_t n)
{
    return gen_next(g) % n;
}

const char *gen_text(struct gen *g, size_t longest)
{
    static const char *const wide[] = { "\xc2\xa0",        "\xc3\xa4",     "\xe2\x82\xac",
                                        "\xed\x9f\xbf",    "\xee\x80\x80", "\xf0\x9f\x90\x84",
                                        "\xf4\x8f\xbf\xbf" };
    size_t n = gen_below(g, longest + 1), at = 0;
    bool ascii = gen_below(g, 4) != 0;
    char *s = arena_alloc(g->a, n + 1);

    while (at < n) {
        const char *w = wide[gen_below(g, ARRAY_LEN(wide))];

        if (!ascii && gen_below(g, 3) == 0 && strlen(w) <= n - at) {
            memcpy(s + at, w, strlen(w));
            at += strlen(w);
        } else {
            s[at++] = (char)(0x20 + gen_below(g, 0x5f));
        }
    }
    s[n] = '\0';
    return s;
}

/* Of every size, small ones more often. */
static uint64_t number(struct gen *g, unsigned bits)
{
    return (gen_next(g) >> (64 - bits)) >> gen_below(g, bits);
}

static struct strs texts(struct gen *g)
{
    size_t n = 1 + gen_below(g, g->longest);
    const char **v = arena_array(g->a, n, sizeof *v);

    for (size_t i = 0; i < n; i++)
        v[i] = gen_text(g, 12);
    return (struct strs){ .v = v, .n = n };
}

static struct bytes bytes(struct gen *g, const struct field *f)
{
    size_t n = (f->flags & FIELD_ID) ? 16 : gen_below(g, 100);
    uint8_t *p = arena_alloc(g->a, n);

    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)gen_next(g);
    return (struct bytes){ .p = p, .n = n };
}

static void fill_record(struct gen *g, const struct record_desc *d, void *rec);

static struct recs records(struct gen *g, const struct record_desc *d)
{
    bool one = d == &system_desc || d == &cpu_desc || d == &xen_desc;
    size_t n = one ? 1 : 1 + gen_below(g, g->longest);
    char *v = arena_array(g->a, n, d->size);

    for (size_t i = 0; i < n; i++)
        fill_record(g, d, v + i * d->size);
    return (struct recs){ .v = v, .n = n };
}

static void fill_field(struct gen *g, const struct field *f, void *at)
{
    switch (f->type) {
    case FIELD_STR:
        *(const char **)at =
            gen_text(g, !g->short_texts && gen_below(g, 20) == 0 ? LIMIT_STRING_BYTES : 24);
        break;
    case FIELD_U64:
        *(uint64_t *)at = number(g, 63);
        break;
    case FIELD_I64:
        *(int64_t *)at = (int64_t)number(g, 64);
        break;
    case FIELD_BOOL:
        *(bool *)at = gen_below(g, 2) == 1;
        break;
    case FIELD_STRS:
        *(struct strs *)at = texts(g);
        break;
    case FIELD_BYTES:
        *(struct bytes *)at = bytes(g, f);
        break;
    case FIELD_REC:
        *(void **)at = gen_record(g, f->sub);
        break;
    case FIELD_RECS:
        *(struct recs *)at = records(g, f->sub);
        break;
    }
}

static void fill_record(struct gen *g, const struct record_desc *d, void *rec)
{
    for (uint32_t i = 0; i < d->count; i++) {
        const struct field *f = &d->fields[i];

        if (!(f->flags & (FIELD_REQUIRED | FIELD_KEY)) && gen_below(g, 100) >= g->fill)
            continue;
        fill_field(g, f, (char *)rec + f->offset);
        *(uint64_t *)rec |= UINT64_C(1) << i;
    }
}

void *gen_record(struct gen *g, const struct record_desc *d)
{
    void *rec = arena_zalloc(g->a, d->size);

    fill_record(g, d, rec);
    return rec;
}

void *gen_envelope(struct gen *g, uint32_t body)
{
    struct envelope *env = gen_record(g, &envelope_desc);

    for (uint32_t i = 0; i < envelope_desc.count; i++) {
        const struct field *f = &envelope_desc.fields[i];
        void *at = (char *)env + f->offset;

        if (f->type != FIELD_REC)
            continue;
        memset(at, 0, sizeof(void *));
        env->present &= ~(UINT64_C(1) << i);
        if (i == body) {
            *(void **)at = gen_record(g, f->sub);
            env->present |= UINT64_C(1) << i;
        }
    }
    return env;
}

void put_varint(struct buf *b, uint64_t v)
{
    uint8_t byte;

    do {
        byte = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        buf_add(b, &byte, 1);
        v >>= 7;
    } while (v > 0);
}

void put_number(struct buf *b, uint32_t tag, uint64_t v)
{
    put_varint(b, (uint64_t)tag << 3 | BY_VARINT);
    put_varint(b, v);
}

void put_bytes(struct buf *b, uint32_t tag, const void *p, size_t n)
{
    put_varint(b, (uint64_t)tag << 3 | BY_LENGTH);
    put_varint(b, n);
    buf_add(b, p, n);
}

void put_text(struct buf *b, uint32_t tag, const char *s)
{
    put_bytes(b, tag, s, strlen(s));
}

void put_message(struct buf *b, uint32_t tag, const struct buf *m)
{
    put_bytes(b, tag, m->p, m->n);
}
