/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for a terminal: colours, times, wrapped lines and tables. Whatever is printed through it is
 * made harmless: control characters and such as reorder text are shown as \x1b or \u202e. */
#ifndef MUSTER_CLI_TEXT_H
#define MUSTER_CLI_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_WARN, PAINT_BAD, PAINT_DIM, PAINT_BOLD };

struct text {
    struct buf *out;
    struct arena *arena; /* for what lives until the answer is printed */
    bool color;
    unsigned columns; /* of a line */
    bool failed;      /* out of memory somewhere on the way */
};

#define LOCAL_TIME_TEXT 40
/* "2026-11-24 16:11:51 +0100"; `out` has LOCAL_TIME_TEXT bytes. */
char *local_time(int64_t ms, char *out);

/* A copy without anything that a terminal would act on, in the arena; "" for NULL. */
const char *text_safe(struct text *t, const char *s);
/* Characters on the screen. */
size_t text_width(const char *s);
/* `s` cut in its middle to `width` characters ("unproven:nod...bond0.100"), or `s`. */
const char *text_cut(struct text *t, const char *s, size_t width);
__attribute__((format(printf, 2, 3))) const char *text_format(struct text *t, const char *fmt, ...);

void text_paint(struct text *t, enum paint p, const char *s); /* as it is, without a line end */
/* Words of `s` over as many lines as they need: the first goes on at column `at`, those after it
 * are indented by `indent`. Ends the line. */
void text_wrap(struct text *t, const char *s, size_t at, size_t indent, enum paint p);
/* A paragraph by format, wrapped, without an indentation. */
__attribute__((format(printf, 2, 3))) void text_line(struct text *t, const char *fmt, ...);
/* "label      value", the value wrapped under itself. */
__attribute__((format(printf, 3, 4))) void text_pair(struct text *t, const char *label,
                                                     const char *fmt, ...);

/* Tables. Columns that are empty in every row are left out. Where the rows are too wide, columns
 * with COLUMN_CUT lose the middle of their cells, and the last one is wrapped with COLUMN_WRAP. */
enum { COLUMN_RIGHT = 1, COLUMN_CUT = 2, COLUMN_WRAP = 4 };

struct column {
    const char *title;
    unsigned flags;
};

struct table;

/* In the text's arena. `columns` must live as long as the table. */
struct table *table_new(struct text *t, const struct column *columns, size_t n);
/* The next cell, row by row; `s` may be NULL (empty) and is made safe. */
void table_cell(struct table *b, const char *s, enum paint p);
__attribute__((format(printf, 3, 4))) void table_cellf(struct table *b, enum paint p,
                                                       const char *fmt, ...);
/* Does it fit without cutting any cell so short that it cannot be read? */
bool table_fits(struct table *b);
void table_print(struct table *b);

#endif
