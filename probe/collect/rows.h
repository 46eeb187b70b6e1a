/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all parsers share: text and numbers from bytes that nobody vouches for, into rows. Pure. */
#ifndef MUSTER_COLLECT_ROWS_H
#define MUSTER_COLLECT_ROWS_H

#include "base/arena.h"
#include "base/types.h"
#include "model/record.h"

/* Where rows are built. `failed`: out of memory at some point; a parser checks it once, at its end,
 * and then returns -ENOMEM. */
struct rows {
    struct arena *a;
    bool failed;
};

/* A number that the source may not give. */
struct opt {
    bool has;
    uint64_t v;
};

/* A hardware address; n == 0: none. Ethernet has 6 bytes, InfiniBand 20. */
struct hwaddr {
    uint8_t n;
    uint8_t b[32];
};

/* Clean text of bytes up to the first NUL: blanks at both ends are cut, bytes that are no printable
 * UTF-8 become \xHH, what is longer than LIMIT_STRING_BYTES ends with "...". NULL: nothing is left,
 * or out of memory. */
const char *rows_text(struct rows *r, struct bytes b);
/* "52:54:00:aa:00:01", or NULL when there is none or all bytes are zero. */
const char *rows_hwaddr(struct rows *r, const struct hwaddr *h);
__attribute__((format(printf, 2, 3))) const char *rows_printf(struct rows *r, const char *fmt, ...);
/* Zeroed memory for `count` things of `size` bytes; NULL: out of memory. */
void *rows_array(struct rows *r, size_t count, size_t size);
/* Sorts the texts in `v` (NULLs are left out), drops doubles, and makes a list of them. */
struct strs rows_strs(const char **v, size_t n);

static inline struct bytes bytes_of(const char *s)
{
    return (struct bytes){ (const uint8_t *)s, s == NULL ? 0 : strlen(s) };
}

bool bytes_equal(struct bytes b, const char *s);
struct bytes bytes_trim(struct bytes b);
/* Takes the next line (without its end) off `rest`. False: no more. */
bool bytes_line(struct bytes *rest, struct bytes *line);
/* Takes what is before the first of `separators` off `rest`, separator too. False: no more. */
bool bytes_word(struct bytes *rest, const char *separators, struct bytes *word);
/* The value of the first line "NAME<blanks>SEPARATOR VALUE", trimmed; p NULL: no such line. */
struct bytes bytes_value(struct bytes text, const char *name, char separator);
/* The whole trimmed text as a number in base 10 or 16 (with or without 0x). */
struct opt bytes_number(struct bytes b, unsigned base);

/* A present field for a value that is there. Numbers over INT64_MAX count as not there: no source
 * means them, and the record has no room. */
#define ROW_TEXT(row, type, member, text)          \
    do {                                           \
        const char *row_text_ = (text);            \
        if (row_text_ != NULL)                     \
            REC_SET(row, type, member, row_text_); \
    } while (0)
#define ROW_U64(row, type, member, number)                 \
    do {                                                   \
        struct opt row_number_ = (number);                 \
        if (row_number_.has && row_number_.v <= INT64_MAX) \
            REC_SET(row, type, member, row_number_.v);     \
    } while (0)
#define ROW_BOOL(row, type, member, number)                 \
    do {                                                    \
        struct opt row_number_ = (number);                  \
        if (row_number_.has)                                \
            REC_SET(row, type, member, row_number_.v != 0); \
    } while (0)

#endif
