/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order, limits, hashes and the digest of a section's rows. */
#include <errno.h>
#include <inttypes.h>
#include <sodium/crypto_generichash.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/text.h"
#include "model/sections.h"

/* Rows are hashed over many small pieces; gathering them costs one copy and saves a call for each.
 */
struct gather {
    crypto_generichash_state state;
    size_t n;
    uint8_t bytes[512];
};

static void gather_flush(struct gather *g)
{
    crypto_generichash_update(&g->state, g->bytes, g->n);
    g->n = 0;
}

static void gather_add(struct gather *g, const void *p, size_t n)
{
    if (n > sizeof g->bytes - g->n) {
        gather_flush(g);
        if (n > sizeof g->bytes) {
            crypto_generichash_update(&g->state, p, n);
            return;
        }
    }
    memcpy(g->bytes + g->n, p, n);
    g->n += n;
}

static void gather_u64(struct gather *g, uint64_t v)
{
    uint8_t le[8];

    for (int i = 0; i < 8; i++)
        le[i] = (uint8_t)(v >> (8 * i));
    gather_add(g, le, sizeof le);
}

static void gather_str(struct gather *g, const char *s)
{
    size_t n = strlen(s);

    gather_u64(g, n);
    gather_add(g, s, n);
}

static void gather_field(struct gather *g, const struct field *f, const void *at)
{
    const struct strs *list = at;

    gather_u64(g, (uint64_t)f->tag << 8 | (uint64_t)f->type);
    if (f->type == FIELD_STR) {
        gather_str(g, *(const char *const *)at);
    } else if (f->type == FIELD_BOOL) {
        gather_u64(g, *(const bool *)at);
    } else if (f->type == FIELD_STRS) {
        gather_u64(g, list->n);
        for (size_t i = 0; i < list->n; i++)
            gather_str(g, list->v[i]);
    } else {
        gather_u64(g, *(const uint64_t *)at);
    }
}

/* A list that is present and empty does not survive the wire, so it counts as absent. */
static bool counts(const struct record_desc *d, uint32_t i, const void *row)
{
    const struct field *f = &d->fields[i];

    if (!field_present(d, i, row) || (f->flags & FIELD_VOLATILE))
        return false;
    return f->type != FIELD_STRS || ((const struct strs *)field_at(f, row))->n > 0;
}

uint64_t record_hash(const struct record_desc *d, const void *row)
{
    struct gather g = { .n = 0 };
    uint8_t out[crypto_generichash_BYTES_MIN];
    uint64_t hash;

    crypto_generichash_init(&g.state, NULL, 0, sizeof out);
    for (uint32_t i = 0; i < d->count; i++) {
        if (counts(d, i, row))
            gather_field(&g, &d->fields[i], field_at(&d->fields[i], row));
    }
    gather_flush(&g);
    crypto_generichash_final(&g.state, out, sizeof out);
    memcpy(&hash, out, sizeof hash);
    return hash;
}

static int check_text(const struct section_desc *d, const struct field *f, const char *s,
                      struct err *e)
{
    size_t n = strnlen(s, LIMIT_STRING_BYTES + 1);

    if (n > LIMIT_STRING_BYTES)
        return err_set(e, -EBADMSG, "section %s: %s is longer than %u bytes", d->name, f->name,
                       LIMIT_STRING_BYTES);
    if (!text_is_clean(s, n))
        return err_set(e, -EBADMSG, "section %s: %s is not clean UTF-8 text", d->name, f->name);
    return 0;
}

static int check_field(const struct section_desc *d, const struct field *f, const void *at,
                       struct err *e)
{
    const struct strs *list = at;
    int rc = 0;

    if (f->type == FIELD_STR)
        return check_text(d, f, *(const char *const *)at, e);
    if (f->type == FIELD_U64 && *(const uint64_t *)at > INT64_MAX)
        return err_set(e, -EBADMSG,
                       "section %s: %s is %" PRIu64 ", over the largest number %" PRId64, d->name,
                       f->name, *(const uint64_t *)at, INT64_MAX);
    if (f->type != FIELD_STRS)
        return 0;
    if (list->n > LIMIT_STRINGS)
        return err_set(e, -EBADMSG, "section %s: %s has %zu entries, more than %u", d->name,
                       f->name, list->n, LIMIT_STRINGS);
    for (size_t i = 0; i < list->n && rc == 0; i++)
        rc = check_text(d, f, list->v[i], e);
    return rc;
}

static int check_row(const struct section_desc *d, const void *row, struct err *e)
{
    const struct record_desc *r = d->row;
    int rc = 0;

    if (!d->singleton && (!field_present(r, 0, row) || *section_row_key(d, row) == '\0'))
        return err_set(e, -EBADMSG, "section %s: a row has no %s", d->name, r->fields[0].name);
    for (uint32_t i = 0; i < r->count && rc == 0; i++) {
        if (field_present(r, i, row))
            rc = check_field(d, &r->fields[i], field_at(&r->fields[i], row), e);
    }
    return rc;
}

static int by_key(const void *a, const void *b, void *desc)
{
    return strcmp(section_row_key(desc, a), section_row_key(desc, b));
}

static bool in_order(const struct section *s, const struct section_desc *d)
{
    for (size_t i = 1; i < s->row_count; i++) {
        if (strcmp(section_row_key(d, section_row(s, i - 1)),
                   section_row_key(d, section_row(s, i))) >= 0)
            return false;
    }
    return true;
}

static void digest_rows(struct section *s, const struct section_desc *d)
{
    struct gather g = { .n = 0 };

    crypto_generichash_init(&g.state, NULL, 0, sizeof s->digest.b);
    gather_u64(&g, (uint64_t)s->id);
    gather_u64(&g, (uint64_t)s->status);
    gather_str(&g, s->status_text == NULL ? "" : s->status_text);
    for (size_t i = 0; i < s->row_count; i++) {
        gather_str(&g, section_row_key(d, section_row(s, i)));
        gather_u64(&g, s->hashes[i]);
    }
    gather_flush(&g);
    crypto_generichash_final(&g.state, s->digest.b, sizeof s->digest.b);
}

int section_normalise(struct section *s, struct arena *a, struct err *e)
{
    const struct section_desc *d;
    int rc = 0;

    if ((unsigned)s->id >= SECTION_COUNT)
        return err_set(e, -EBADMSG, "section number %u is not known here", (unsigned)s->id);
    d = &section_descs[s->id];
    if (s->row_count > d->max_rows)
        return err_set(e, -EBADMSG, "section %s has %zu rows, more than %u", d->name, s->row_count,
                       d->max_rows);
    if (s->status_text != NULL) {
        static const struct field text = { .name = "status_text", .type = FIELD_STR };

        rc = check_text(d, &text, s->status_text, e);
    }
    for (size_t i = 0; i < s->row_count && rc == 0; i++)
        rc = check_row(d, section_row(s, i), e);
    if (rc < 0)
        return rc;
    if (!in_order(s, d)) {
        qsort_r(s->rows, s->row_count, d->row->size, by_key, (void *)d);
        if (!in_order(s, d))
            return err_set(e, -EBADMSG, "section %s: two rows have the same key", d->name);
    }
    s->hashes = arena_array(a, s->row_count, sizeof *s->hashes);
    if (s->hashes == NULL)
        return err_set(e, -ENOMEM, "not enough memory for section %s", d->name);
    for (size_t i = 0; i < s->row_count; i++)
        s->hashes[i] = record_hash(d->row, section_row(s, i));
    digest_rows(s, d);
    return 0;
}
