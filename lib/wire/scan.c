/* SPDX-License-Identifier: GPL-2.0-or-later */
/* protobuf-c allocates before it validates, merges what is sent twice, and cuts a string at a NUL.
 * So the bytes are checked first, in one pass that allocates nothing; after it an unpack can fail
 * for lack of memory alone, and text and numbers need no second look. */
#include "wire/scan.h"

#include <errno.h>
#include <inttypes.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/messages.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_LENGTH = 2, WIRE_32BIT = 5 };

#define LARGEST_TAG ((1u << 29) - 1)
#define NO_FIELD    UINT32_MAX

struct scan {
    struct err *e;
    uint32_t unknown;
};

/* What is left of the message that is being read. */
struct input {
    const uint8_t *p, *end;
};

struct value {
    uint64_t number;  /* WIRE_VARINT */
    const uint8_t *p; /* WIRE_LENGTH */
    size_t n;
};

static int scan_record(struct scan *x, const struct record_desc *d, struct input in);

/* At most `longest` bytes. False: cut short or too long. */
static bool read_varint(struct input *in, unsigned longest, uint64_t *out)
{
    uint64_t v = 0;

    if (in->p < in->end && *in->p < 0x80) {
        *out = *in->p++;
        return true;
    }
    for (unsigned i = 0; i < longest && in->p < in->end; i++) {
        uint8_t b = *in->p++;

        if (i == 9 && b > 1)
            return false;
        v |= (uint64_t)(b & 0x7f) << (7 * i);
        if (b < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

static bool read_fixed(struct input *in, size_t n)
{
    if ((size_t)(in->end - in->p) < n)
        return false;
    in->p += n;
    return true;
}

static bool read_length(struct input *in, struct value *v)
{
    uint64_t n;

    if (!read_varint(in, 5, &n) || n > (size_t)(in->end - in->p))
        return false;
    v->p = in->p;
    v->n = (size_t)n;
    in->p += n;
    return true;
}

static bool read_value(struct input *in, unsigned wire, struct value *v)
{
    switch (wire) {
    case WIRE_VARINT:
        return read_varint(in, 10, &v->number);
    case WIRE_LENGTH:
        return read_length(in, v);
    case WIRE_64BIT:
        return read_fixed(in, 8);
    case WIRE_32BIT:
        return read_fixed(in, 4);
    default:
        return false; /* groups are no part of the protocol */
    }
}

/* The number of the field with this tag. Fields mostly come in order, so the search starts at the
 * one that is due. */
static uint32_t find_field(const struct record_desc *d, uint32_t due, uint32_t tag)
{
    uint32_t low = 0, high = d->count;

    for (uint32_t i = due; i < d->count && i < due + 4; i++) {
        if (d->fields[i].tag == tag)
            return i;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (d->fields[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low < d->count && d->fields[low].tag == tag ? low : NO_FIELD;
}

static unsigned wire_type_of(enum field_type t)
{
    return t == FIELD_U64 || t == FIELD_I64 || t == FIELD_BOOL ? WIRE_VARINT : WIRE_LENGTH;
}

static bool is_list(const struct field *f)
{
    return f->type == FIELD_STRS || f->type == FIELD_RECS;
}

/* Lists without a limit of their own are bounded by the size of the message that holds them. */
static uint32_t list_limit(const struct field *f)
{
    if (f->type == FIELD_STRS)
        return LIMIT_STRINGS;
    if (f->sub == &section_body_desc || f->sub == &section_state_desc)
        return LIMIT_SECTIONS;
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (section_descs[i].row == f->sub)
            return section_descs[i].max_rows;
    }
    return UINT32_MAX;
}

static int check_text(struct scan *x, const struct record_desc *d, const struct field *f,
                      const struct value *v)
{
    if (v->n > LIMIT_STRING_BYTES)
        return err_set(x->e, -EBADMSG, "%s.%s is longer than %u bytes", d->name, f->name,
                       LIMIT_STRING_BYTES);
    if (!text_is_clean((const char *)v->p, v->n))
        return err_set(x->e, -EBADMSG, "%s.%s is not clean UTF-8 text", d->name, f->name);
    return 0;
}

static int check_bytes(struct scan *x, const struct record_desc *d, const struct field *f,
                       const struct value *v)
{
    if ((f->flags & FIELD_ID) && v->n != 16)
        return err_set(x->e, -EBADMSG, "%s.%s has %zu bytes; it must have 16", d->name, f->name,
                       v->n);
    if (v->n > BACKUP_CHUNK_BYTES)
        return err_set(x->e, -EBADMSG, "%s.%s is longer than %u bytes", d->name, f->name,
                       BACKUP_CHUNK_BYTES);
    return 0;
}

static int check_value(struct scan *x, const struct record_desc *d, const struct field *f,
                       const struct value *v)
{
    switch (f->type) {
    case FIELD_STR:
    case FIELD_STRS:
        return check_text(x, d, f, v);
    case FIELD_BYTES:
        return check_bytes(x, d, f, v);
    case FIELD_REC:
    case FIELD_RECS:
        return scan_record(x, f->sub, (struct input){ v->p, v->p + v->n });
    case FIELD_U64:
        if (v->number > INT64_MAX)
            return err_set(x->e, -EBADMSG, "%s.%s is %" PRIu64 ", over the largest number %" PRId64,
                           d->name, f->name, v->number, INT64_MAX);
        break;
    case FIELD_I64:
    case FIELD_BOOL:
        break;
    }
    return 0;
}

static int unknown_field(struct scan *x, const struct record_desc *d)
{
    if (++x->unknown > LIMIT_UNKNOWN_FIELDS)
        return err_set(x->e, -EBADMSG, "%s: more than %u fields that are not known here", d->name,
                       LIMIT_UNKNOWN_FIELDS);
    return 0;
}

/* After the last field: what should be there, and how many of each list there were. */
static int check_whole(struct scan *x, const struct record_desc *d, uint64_t seen,
                       const uint32_t *counts)
{
    for (uint32_t i = 0; i < d->count; i++) {
        const struct field *f = &d->fields[i];
        bool there = (seen >> i) & 1u;

        if (!there && (f->flags & FIELD_REQUIRED))
            return err_set(x->e, -EBADMSG, "%s has no %s", d->name, f->name);
        if (there && is_list(f) && counts[i] > list_limit(f))
            return err_set(x->e, -EBADMSG, "%s.%s has %u entries, more than %u", d->name, f->name,
                           counts[i], list_limit(f));
    }
    return 0;
}

static int scan_record(struct scan *x, const struct record_desc *d, struct input in)
{
    uint32_t counts[64]; /* of a list, valid once it is seen */
    uint64_t seen = 0, key;
    uint32_t due = 0;
    int rc = 0;

    while (in.p < in.end && rc == 0) {
        struct value v = { 0 };
        uint32_t i;

        if (!read_varint(&in, 5, &key) || key >> 3 == 0 || key >> 3 > LARGEST_TAG ||
            !read_value(&in, key & 7, &v))
            return err_set(x->e, -EBADMSG, "%s is cut short or not a message", d->name);
        i = find_field(d, due, (uint32_t)(key >> 3));
        if (i == NO_FIELD) {
            rc = unknown_field(x, d);
            continue;
        }
        if (wire_type_of(d->fields[i].type) != (key & 7))
            return err_set(x->e, -EBADMSG, "%s.%s is of another type", d->name, d->fields[i].name);
        if (!((seen >> i) & 1u)) {
            seen |= UINT64_C(1) << i;
            counts[i] = 0;
        } else if (!is_list(&d->fields[i])) {
            return err_set(x->e, -EBADMSG, "%s.%s is there twice", d->name, d->fields[i].name);
        }
        counts[i]++;
        due = i;
        rc = check_value(x, d, &d->fields[i], &v);
    }
    return rc < 0 ? rc : check_whole(x, d, seen, counts);
}

int wire_scan(const struct record_desc *d, const uint8_t *p, size_t n, struct err *e)
{
    struct scan x = { .e = e };

    return n == 0 ? check_whole(&x, d, 0, NULL) : scan_record(&x, d, (struct input){ p, p + n });
}
