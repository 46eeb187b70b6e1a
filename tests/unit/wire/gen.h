/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random records of any description, and messages built byte by byte: for the tests and for the
 * fuzzers' corpus. */
#ifndef MUSTER_TESTS_WIRE_GEN_H
#define MUSTER_TESTS_WIRE_GEN_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/record.h"

struct gen {
    uint64_t state;
    struct arena *a;
    unsigned fill;    /* per cent of the optional fields that are present */
    unsigned longest; /* entries of a list */
    bool short_texts; /* else one in twenty may be as long as a string may be */
};

/* From MUSTER_SEED, else from the clock; says on stderr which it is. */
uint64_t gen_seed(void);
uint64_t gen_next(struct gen *g);
uint64_t gen_below(struct gen *g, uint64_t n); /* 0 to n - 1 */
/* Clean text of at most `longest` bytes, some of it not ASCII. */
const char *gen_text(struct gen *g, size_t longest);
/* A record with random content: every required field, others by `fill`. Content alone is random: an
 * envelope may have many bodies. */
void *gen_record(struct gen *g, const struct record_desc *d);
/* An envelope with exactly one body, the field number `body`. */
void *gen_envelope(struct gen *g, uint32_t body);

/* One field of a message, by hand. */
enum { BY_VARINT = 0, BY_64BIT = 1, BY_LENGTH = 2, BY_32BIT = 5 };
void put_varint(struct buf *b, uint64_t v);
void put_number(struct buf *b, uint32_t tag, uint64_t v);
void put_bytes(struct buf *b, uint32_t tag, const void *p, size_t n);
void put_text(struct buf *b, uint32_t tag, const char *s);
void put_message(struct buf *b, uint32_t tag, const struct buf *m);

#endif
