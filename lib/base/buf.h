/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_BASE_BUF_H
#define MUSTER_BASE_BUF_H

#include "base/types.h"

/* A growing byte buffer. Zero-initialised is empty and valid. After a failed append `failed` is
 * set and later appends do nothing, so a caller may check once at the end. */
struct buf {
    uint8_t *p;
    size_t n;
    size_t cap;
    bool failed;
};

void buf_deinit(struct buf *b);
void buf_reset(struct buf *b); /* empties, keeps the memory, clears `failed` */
bool buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *b, const char *fmt, ...);
/* Appends a NUL that is not counted in `n` and returns the text, or NULL if an append failed. */
const char *buf_cstr(struct buf *b);

#endif
