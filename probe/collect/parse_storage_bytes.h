/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and texts of what is kept, as bytes. Pure. */
#ifndef MUSTER_COLLECT_PARSE_STORAGE_BYTES_H
#define MUSTER_COLLECT_PARSE_STORAGE_BYTES_H

#include "base/arena.h"
#include "base/buf.h"
#include "collect/rows.h"

/* FNV-1a, 64 bits. */
uint64_t storage_sum(struct bytes b);

/* The lower `n` bytes, the lowest first. */
void put_number(struct buf *b, uint64_t v, unsigned n);
/* A text of a row, or NULL. A UUID as text has 16 bytes. */
void put_text(struct buf *b, const char *text);

/* What is left to be read. After `failed` nothing that was taken counts. */
struct storage_cursor {
    struct bytes rest;
    struct arena *a;
    bool failed, no_memory;
};

uint64_t take_number(struct storage_cursor *c, unsigned n);
const char *take_text(struct storage_cursor *c);
/* Of things of at least `least` bytes each; 0 and failed when so many cannot follow. */
size_t take_count(struct storage_cursor *c, size_t least);
/* Zeroed; NULL and failed: no memory. */
void *take_array(struct storage_cursor *c, size_t n, size_t size);

#endif
