/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/record.h"

int record_field_index(const struct record_desc *d, const char *name)
{
    for (uint32_t i = 0; i < d->count; i++) {
        if (strcmp(d->fields[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static bool dup_strs(struct arena *a, struct strs *s)
{
    const char **v = arena_array(a, s->n, sizeof *v);

    if (v == NULL)
        return false;
    for (size_t i = 0; i < s->n; i++) {
        v[i] = arena_strdup(a, s->v[i]);
        if (v[i] == NULL)
            return false;
    }
    s->v = v;
    return true;
}

static bool dup_fields(struct arena *a, const struct record_desc *d, void *rec);

static bool dup_recs(struct arena *a, const struct record_desc *d, struct recs *r)
{
    char *v = arena_array(a, r->n, d->size);

    if (v == NULL)
        return false;
    if (r->n > 0)
        memcpy(v, r->v, r->n * d->size);
    for (size_t i = 0; i < r->n; i++) {
        if (!dup_fields(a, d, v + i * d->size))
            return false;
    }
    r->v = v;
    return true;
}

static bool dup_field(struct arena *a, const struct field *f, void *at)
{
    struct bytes *bytes = at;

    switch (f->type) {
    case FIELD_STR:
        *(const char **)at = arena_strdup(a, *(const char **)at);
        return *(const char **)at != NULL;
    case FIELD_STRS:
        return dup_strs(a, at);
    case FIELD_BYTES:
        bytes->p = arena_memdup(a, bytes->p, bytes->n);
        return bytes->p != NULL;
    case FIELD_REC:
        *(void **)at = record_dup(a, f->sub, *(void **)at);
        return *(void **)at != NULL;
    case FIELD_RECS:
        return dup_recs(a, f->sub, at);
    case FIELD_U64:
    case FIELD_I64:
    case FIELD_BOOL:
        break;
    }
    return true;
}

/* `rec` is a shallow copy already: makes it a deep one. */
static bool dup_fields(struct arena *a, const struct record_desc *d, void *rec)
{
    for (uint32_t i = 0; i < d->count; i++) {
        if (field_present(d, i, rec) &&
            !dup_field(a, &d->fields[i], (char *)rec + d->fields[i].offset))
            return false;
    }
    return true;
}

void *record_dup(struct arena *a, const struct record_desc *d, const void *rec)
{
    void *copy = arena_memdup(a, rec, d->size);

    return copy != NULL && dup_fields(a, d, copy) ? copy : NULL;
}

static bool equal_strs(const struct strs *a, const struct strs *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->v[i], b->v[i]) != 0)
            return false;
    }
    return true;
}

static bool equal_recs(const struct record_desc *d, const struct recs *a, const struct recs *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!record_equal(d, (const char *)a->v + i * d->size, (const char *)b->v + i * d->size))
            return false;
    }
    return true;
}

static bool equal_field(const struct field *f, const void *a, const void *b)
{
    const struct bytes *x = a, *y = b;

    switch (f->type) {
    case FIELD_STR:
        return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
    case FIELD_U64:
    case FIELD_I64:
        return memcmp(a, b, sizeof(uint64_t)) == 0;
    case FIELD_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case FIELD_STRS:
        return equal_strs(a, b);
    case FIELD_BYTES:
        return x->n == y->n && (x->n == 0 || memcmp(x->p, y->p, x->n) == 0);
    case FIELD_REC:
        return record_equal(f->sub, *(const void *const *)a, *(const void *const *)b);
    case FIELD_RECS:
        return equal_recs(f->sub, a, b);
    }
    return false;
}

bool record_equal(const struct record_desc *d, const void *a, const void *b)
{
    if (*(const uint64_t *)a != *(const uint64_t *)b)
        return false;
    for (uint32_t i = 0; i < d->count; i++) {
        const struct field *f = &d->fields[i];

        if (field_present(d, i, a) && !equal_field(f, field_at(f, a), field_at(f, b)))
            return false;
    }
    return true;
}
