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

static int scan_record(struct scan *x, const struct record_desc *d, struct input in);

/* The readers return where they stopped, NULL when the input is cut short or no such thing. */

/* At most `longest` bytes. */
static const uint8_t *read_long_varint(struct input in, unsigned longest, uint64_t *out)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < longest && in.p < in.end; i++) {
        uint8_t b = *in.p++;

        if (i == 9 && b > 1)
            return NULL;
        v |= (uint64_t)(b & 0x7f) << (7 * i);
        if (b < 0x80) {
            *out = v;
            return in.p;
        }
    }
    return NULL;
}

/* Nearly all have one byte or two. */
static inline const uint8_t *read_varint(struct input in, unsigned longest, uint64_t *out)
{
    const uint8_t *p = in.p;

    if (in.end - p >= 2) {
        if (p[0] < 0x80) {
            *out = p[0];
            return p + 1;
        }
        if (p[1] < 0x80) {
            *out = (p[0] & 0x7fu) | (uint64_t)p[1] << 7;
            return p + 2;
        }
    }
    return read_long_varint(in, longest, out);
}

/* A length and as many bytes, which become `out`. */
static inline const uint8_t *read_bytes(struct input in, struct bytes *out)
{
    uint64_t n;
    const uint8_t *p = read_varint(in, 5, &n);

    if (p == NULL || n > (size_t)(in.end - p))
        return NULL;
    *out = (struct bytes){ .p = p, .n = (size_t)n };
    return p + n;
}

/* The number of the field with this tag. Fields mostly come in order, so the one that is due is
 * tried first. */
static inline uint32_t find_field(const struct record_desc *d, uint32_t due, uint32_t tag)
{
    uint32_t low = due, high = d->count;

    if (due < d->count && d->fields[due].tag == tag)
        return due;
    if (due > 0 && d->fields[due - 1].tag >= tag) {
        low = 0;
        high = due;
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
                      struct bytes b)
{
    if (b.n > LIMIT_STRING_BYTES)
        return err_set(x->e, -EBADMSG, "%s.%s is longer than %u bytes", d->name, f->name,
                       LIMIT_STRING_BYTES);
    if (!text_is_clean((const char *)b.p, b.n))
        return err_set(x->e, -EBADMSG, "%s.%s is not clean UTF-8 text", d->name, f->name);
    return 0;
}

static int check_bytes(struct scan *x, const struct record_desc *d, const struct field *f,
                       struct bytes b)
{
    if (f->type == FIELD_REC || f->type == FIELD_RECS)
        return scan_record(x, f->sub, (struct input){ b.p, b.p + b.n });
    if ((f->flags & FIELD_ID) && b.n != 16)
        return err_set(x->e, -EBADMSG, "%s.%s has %zu bytes; it must have 16", d->name, f->name,
                       b.n);
    if (b.n > BACKUP_CHUNK_BYTES)
        return err_set(x->e, -EBADMSG, "%s.%s is longer than %u bytes", d->name, f->name,
                       BACKUP_CHUNK_BYTES);
    return 0;
}

static int check_number(struct scan *x, const struct record_desc *d, const struct field *f,
                        uint64_t v)
{
    if (f->type == FIELD_U64 && v > INT64_MAX)
        return err_set(x->e, -EBADMSG, "%s.%s is %" PRIu64 ", over the largest number %" PRId64,
                       d->name, f->name, v, INT64_MAX);
    return 0;
}

static int cut_short(struct scan *x, const struct record_desc *d)
{
    return err_set(x->e, -EBADMSG, "%s is cut short or not a message", d->name);
}

/* Reads and checks the value of a known field. */
static inline int scan_value(struct scan *x, const struct record_desc *d, const struct field *f,
                             unsigned wire, struct input *in)
{
    bool number = f->type == FIELD_U64 || f->type == FIELD_I64 || f->type == FIELD_BOOL;
    struct bytes b;
    uint64_t v;

    if (wire != (number ? WIRE_VARINT : WIRE_LENGTH))
        return err_set(x->e, -EBADMSG, "%s.%s is of another type", d->name, f->name);
    in->p = number ? read_varint(*in, 10, &v) : read_bytes(*in, &b);
    if (in->p == NULL)
        return cut_short(x, d);
    if (number)
        return check_number(x, d, f, v);
    return f->type == FIELD_STR || f->type == FIELD_STRS ? check_text(x, d, f, b)
                                                         : check_bytes(x, d, f, b);
}

/* Steps over the value of a field that this version does not know. */
static int skip_value(struct scan *x, const struct record_desc *d, unsigned wire, struct input *in)
{
    struct bytes b;
    uint64_t v;

    if (++x->unknown > LIMIT_UNKNOWN_FIELDS)
        return err_set(x->e, -EBADMSG, "%s: more than %u fields that are not known here", d->name,
                       LIMIT_UNKNOWN_FIELDS);
    if (wire == WIRE_VARINT)
        in->p = read_varint(*in, 10, &v);
    else if (wire == WIRE_LENGTH)
        in->p = read_bytes(*in, &b);
    else if (wire == WIRE_64BIT)
        in->p = in->end - in->p >= 8 ? in->p + 8 : NULL;
    else if (wire == WIRE_32BIT)
        in->p = in->end - in->p >= 4 ? in->p + 4 : NULL;
    else
        in->p = NULL; /* groups are no part of the protocol */
    return in->p == NULL ? cut_short(x, d) : 0;
}

/* After the last field: what should be there, and how many of each list there were. */
static int check_whole(struct scan *x, const struct record_desc *d, uint64_t seen, uint64_t lists,
                       const uint32_t *counts)
{
    for (uint64_t missing = ~seen & UINT64_MAX >> (64 - d->count); missing != 0;
         missing &= missing - 1) {
        const struct field *f = &d->fields[__builtin_ctzll(missing)];

        if (f->flags & FIELD_REQUIRED)
            return err_set(x->e, -EBADMSG, "%s has no %s", d->name, f->name);
    }
    for (; lists != 0; lists &= lists - 1) {
        const struct field *f = &d->fields[__builtin_ctzll(lists)];
        uint32_t n = counts[__builtin_ctzll(lists)];

        if (n > list_limit(f))
            return err_set(x->e, -EBADMSG, "%s.%s has %u entries, more than %u", d->name, f->name,
                           n, list_limit(f));
    }
    return 0;
}

static int scan_record(struct scan *x, const struct record_desc *d, struct input in)
{
    uint32_t counts[64]; /* entries of a list, once it has been seen */
    uint64_t seen = 0, lists = 0, key;
    uint32_t due = 0;
    int rc = 0;

    while (in.p < in.end && rc == 0) {
        uint32_t i;

        in.p = read_varint(in, 5, &key);
        if (in.p == NULL || key >> 3 == 0 || key >> 3 > LARGEST_TAG)
            return cut_short(x, d);
        i = find_field(d, due, (uint32_t)(key >> 3));
        if (i == NO_FIELD) {
            rc = skip_value(x, d, key & 7, &in);
            continue;
        }
        due = i + 1;
        if (is_list(&d->fields[i])) {
            counts[i] = (lists >> i & 1u) ? counts[i] + 1 : 1;
            lists |= UINT64_C(1) << i;
        } else if (seen >> i & 1u) {
            return err_set(x->e, -EBADMSG, "%s.%s is there twice", d->name, d->fields[i].name);
        }
        seen |= UINT64_C(1) << i;
        rc = scan_value(x, d, &d->fields[i], key & 7, &in);
    }
    return rc < 0 ? rc : check_whole(x, d, seen, lists, counts);
}

int wire_scan(const struct record_desc *d, const uint8_t *p, size_t n, struct err *e)
{
    struct scan x = { .e = e };
    const uint8_t none = 0;

    return scan_record(&x, d, n == 0 ? (struct input){ &none, &none } : (struct input){ p, p + n });
}
