/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records: C structs that describe themselves.
 *
 * A record type is declared once, as a list of X(TYPE, member, tag, flags, help). RECORD_DECLARE
 * makes of that list the struct, an enum of field numbers and the declaration of its description;
 * RECORD_DEFINE makes the description. One description drives wire, SQL, JSON, text, hash and diff.
 *
 * The first member of every record is `present`: bit i says that field i has a value. A field that
 * is not present is zero (NULL, 0, false, empty). Units are last in the names (_bytes, _ms, _mbps).
 */
#ifndef MUSTER_MODEL_RECORD_H
#define MUSTER_MODEL_RECORD_H

#include "base/types.h"
#include "base/arena.h"

enum field_type {
    FIELD_STR,   /* const char *, UTF-8 without control characters */
    FIELD_U64,   /* uint64_t, at most INT64_MAX (SQLite and JSON) */
    FIELD_I64,   /* int64_t */
    FIELD_BOOL,  /* bool */
    FIELD_STRS,  /* struct strs; present if given, even when empty */
    FIELD_BYTES, /* struct bytes; messages only */
    FIELD_REC,   /* const void *: one record or NULL; messages only */
    FIELD_RECS,  /* struct recs: a list of records; messages only */
};

enum {
    FIELD_KEY = 1,      /* the row's key inside its section; always present, FIELD_STR */
    FIELD_VOLATILE = 2, /* counters and the like: not in hash and digest, refreshed with the row */
    FIELD_REQUIRED = 4, /* messages: a decoder refuses a message without it */
    FIELD_ID = 8,       /* FIELD_BYTES: an id, a digest or a nonce, 16 bytes exactly */
};

struct recs {
    const void *v; /* array of `n` records of the sub-description's size */
    size_t n;
};

struct record_desc;

struct field {
    const char *name; /* in SQL, JSON and .proto alike */
    enum field_type type;
    uint16_t tag; /* protobuf field number */
    uint16_t flags;
    uint32_t offset;
    const char *help;              /* meaning, and the source where there is one */
    const struct record_desc *sub; /* FIELD_REC, FIELD_RECS */
};

struct record_desc {
    const char *name; /* "nic"; the protobuf message is the CamelCase of it */
    const struct field *fields;
    uint32_t count; /* at most 64 */
    uint32_t size;  /* sizeof the struct */
};

/* clang-format off */
#define RECORD_C_STR   const char *
#define RECORD_C_U64   uint64_t
#define RECORD_C_I64   int64_t
#define RECORD_C_BOOL  bool
#define RECORD_C_STRS  struct strs
#define RECORD_C_BYTES struct bytes

#define RECORD_MEMBER(TYPE, member, tag, flags, help)           RECORD_C_##TYPE member;
#define RECORD_MEMBER_REC(sub, member, tag, flags, help)        const struct sub *member;
#define RECORD_MEMBER_RECS(sub, member, tag, flags, help)       struct recs member;

/* LIST(X, XREC, XRECS): X(TYPE, member, tag, flags, help) for plain fields, XREC(sub, member, ...)
 * and XRECS(sub, member, ...) for nested records, `sub` being another record's name. */
#define RECORD_DECLARE(type, LIST)                                                                 \
    struct type {                                                                                  \
        uint64_t present;                                                                          \
        LIST(RECORD_MEMBER, RECORD_MEMBER_REC, RECORD_MEMBER_RECS)                                 \
    };                                                                                             \
    enum type##_field { LIST(RECORD_ENUM_##type, RECORD_ENUM_##type, RECORD_ENUM_##type)           \
                            type##_FIELD_COUNT };                                                  \
    extern const struct record_desc type##_desc

/* C has no way to paste the record's name inside LIST, so each record gives its enum macro:
 * #define RECORD_ENUM_nic(TYPE, member, ...) nic_##member, */

#define RECORD_FIELD(owner, TYPE, member, tag, flags, help)                                        \
    { #member, FIELD_##TYPE, tag, flags, (uint32_t)offsetof(struct owner, member), help, NULL },
#define RECORD_FIELD_REC(owner, subrec, member, tag, flags, help)                                  \
    { #member, FIELD_REC, tag, flags, (uint32_t)offsetof(struct owner, member), help,              \
      &subrec##_desc },
#define RECORD_FIELD_RECS(owner, subrec, member, tag, flags, help)                                 \
    { #member, FIELD_RECS, tag, flags, (uint32_t)offsetof(struct owner, member), help,             \
      &subrec##_desc },

/* REC_SET(&row, nic, mtu_bytes, 1500) sets a field and marks it present. */
#define REC_SET(r, type, member, value)                                                            \
    ((void)((r)->member = (value), (r)->present |= UINT64_C(1) << type##_##member))
/* A pointer that may be NULL: then it stays absent. */
#define REC_PUT(r, type, member, value)                                                            \
    do {                                                                                           \
        if ((value) != NULL)                                                                       \
            REC_SET(r, type, member, value);                                                       \
    } while (0)
#define REC_HAS(r, type, member) ((((r)->present) >> type##_##member) & 1u)
#define REC_CLEAR(r, type, member)                                                                 \
    ((void)(memset(&(r)->member, 0, sizeof (r)->member),                                           \
            (r)->present &= ~(UINT64_C(1) << type##_##member)))
/* clang-format on */

/* Generic access by description. */
static inline const void *field_at(const struct field *f, const void *rec)
{
    return (const char *)rec + f->offset;
}

static inline bool field_present(const struct record_desc *d, uint32_t i, const void *rec)
{
    (void)d;
    return ((*(const uint64_t *)rec) >> i) & 1u;
}

int record_field_index(const struct record_desc *d, const char *name); /* -1: no such field */
/* Deep copy into an arena, nested records too. NULL: out of memory. */
void *record_dup(struct arena *a, const struct record_desc *d, const void *rec);
/* True when both have the same fields with the same values (volatile ones too). */
bool record_equal(const struct record_desc *d, const void *a, const void *b);

#endif
