/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define GAP        2  /* blanks between columns */
#define LEAST      8  /* a cell is not cut shorter than this */
#define FAIR       20 /* a cell that is cut to this can still be read */
#define SHORT      12 /* nor shorter than this while another can give way */
#define LEAST_LAST 20 /* nor is a wrapped column narrower than this */

#define MOST_COMPARED 500 /* cells of a column; where there are more, they are left whole */

struct cell {
    const char *s;
    size_t width;
    enum paint paint;
};

struct table {
    struct text *t;
    const struct column *columns;
    size_t n, count, cap; /* columns; cells */
    struct cell *cells;
    size_t *widths;
};

struct table *table_new(struct text *t, const struct column *columns, size_t n)
{
    struct table *b = arena_zalloc(t->arena, sizeof *b);
    size_t *widths = arena_array(t->arena, n, sizeof *widths);

    if (b == NULL || widths == NULL) {
        t->failed = true;
        return NULL;
    }
    *b = (struct table){ .t = t, .columns = columns, .n = n, .widths = widths };
    return b;
}

void table_cell(struct table *b, const char *s, enum paint p)
{
    if (b == NULL)
        return;
    if (b->count == b->cap) {
        size_t cap = b->cap == 0 ? 64 : 2 * b->cap;
        struct cell *cells = arena_array(b->t->arena, cap, sizeof *cells);

        if (cells == NULL) {
            b->t->failed = true;
            return;
        }
        if (b->count > 0)
            memcpy(cells, b->cells, b->count * sizeof *cells);
        b->cells = cells;
        b->cap = cap;
    }
    s = text_safe(b->t, s);
    b->cells[b->count++] = (struct cell){ s, text_width(s), p };
}

void table_cellf(struct table *b, enum paint p, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    table_cell(b, text, p);
}

/* Widths that the cells ask for; 0: the column is empty. Returns their sum with the gaps. */
static size_t measure(struct table *b)
{
    size_t total = 0;

    for (size_t c = 0; c < b->n; c++) {
        size_t width = 0;

        for (size_t i = c; i < b->count; i += b->n)
            width = b->cells[i].width > width ? b->cells[i].width : width;
        if (width > 0 && b->columns[c].title != NULL && text_width(b->columns[c].title) > width)
            width = text_width(b->columns[c].title);
        b->widths[c] = width;
        if (width > 0)
            total += width + (total > 0 ? GAP : 0);
    }
    return total;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Do texts of a column that differ still differ when they are cut to `width`? */
static bool differ(struct text *t, const char **whole, size_t n, const char **cut, size_t width)
{
    for (size_t i = 0; i < n; i++)
        cut[i] = text_cut(t, whole[i], width);
    qsort(cut, n, sizeof *cut, by_text);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(cut[i - 1], cut[i]) == 0)
            return false;
    }
    return true;
}

/* The texts of a column, each once; returns how many. */
static size_t texts_of(const struct table *b, size_t column, const char **v)
{
    size_t n = 0, kept = 0;

    for (size_t i = column; i < b->count; i += b->n)
        v[n++] = b->cells[i].s;
    qsort(v, n, sizeof *v, by_text);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(v[i], v[kept - 1]) != 0)
            v[kept++] = v[i];
    }
    return kept;
}

/* How narrow a column may become: names that differ in their middle alone (WWIDs) are not cut
 * there.
 */
static size_t least_width(struct table *b, size_t column)
{
    size_t rows = b->count / b->n, n, width = FAIR;
    const char **whole = arena_array(b->t->arena, rows, sizeof *whole);
    const char **cut = arena_array(b->t->arena, rows, sizeof *cut);

    if (whole == NULL || cut == NULL || b->widths[column] <= FAIR)
        return b->widths[column];
    n = texts_of(b, column, whole);
    if (n > MOST_COMPARED)
        return b->widths[column];
    while (width < b->widths[column] && !differ(b->t, whole, n, cut, width))
        width++;
    return width;
}

bool table_fits(struct table *b)
{
    size_t total;

    if (b == NULL)
        return false;
    total = measure(b);
    for (size_t c = 0; c < b->n; c++) {
        if ((b->columns[c].flags & COLUMN_CUT) && b->widths[c] > FAIR)
            total -= b->widths[c] - (c == 0 ? least_width(b, c) : FAIR);
    }
    return total <= b->t->columns;
}

/* Cuts the widest of the columns that may be cut until the rows fit, none narrower than it may be.
 * Returns what the rows need then. */
static size_t narrow(struct table *b, size_t total, const size_t *least)
{
    while (total > b->t->columns) {
        size_t widest = b->n;

        for (size_t c = 0; c < b->n; c++) {
            if ((b->columns[c].flags & COLUMN_CUT) && b->widths[c] > least[c] &&
                (widest == b->n || b->widths[c] > b->widths[widest]))
                widest = c;
        }
        if (widest == b->n)
            break;
        b->widths[widest]--;
        total--;
    }
    return total;
}

/* Takes what is too much from the last column if it may be wrapped, then from those that may be
 * cut: at first only as far as the rows can be told apart by their first column. */
static void fit(struct table *b, size_t total)
{
    size_t columns = b->t->columns, *least;

    for (size_t c = 0; c < b->n && total > columns; c++) {
        size_t most = b->widths[c] > LEAST_LAST ? b->widths[c] - LEAST_LAST : 0;
        size_t over = total - columns < most ? total - columns : most;

        if (!(b->columns[c].flags & COLUMN_WRAP))
            continue;
        b->widths[c] -= over;
        total -= over;
    }
    least = total > columns ? arena_array(b->t->arena, b->n, sizeof *least) : NULL;
    if (least == NULL)
        return;
    for (size_t c = 0; c < b->n; c++)
        least[c] = c == 0 ? least_width(b, c) : SHORT;
    total = narrow(b, total, least);
    for (size_t c = 1; c < b->n; c++)
        least[c] = LEAST;
    total = narrow(b, total, least);
    least[0] = LEAST;
    narrow(b, total, least);
}

static bool is_last(const struct table *b, size_t column)
{
    for (size_t c = column + 1; c < b->n; c++) {
        if (b->widths[c] > 0)
            return false;
    }
    return true;
}

static void print_cell(struct table *b, size_t column, const struct cell *cell, size_t at)
{
    const struct column *c = &b->columns[column];
    size_t width = b->widths[column];
    const char *s = cell->s;
    size_t have;

    if ((c->flags & COLUMN_WRAP) && cell->width > width && is_last(b, column)) {
        text_wrap(b->t, s, at, at, cell->paint);
        return;
    }
    s = text_cut(b->t, s, width);
    have = text_width(s);
    if (c->flags & COLUMN_RIGHT)
        buf_printf(b->t->out, "%*s", (int)(width - have), "");
    text_paint(b->t, cell->paint, s);
    if (is_last(b, column))
        buf_str(b->t->out, "\n");
    else if (!(c->flags & COLUMN_RIGHT))
        buf_printf(b->t->out, "%*s", (int)(width - have), "");
}

/* Cells of one row after each other; blanks before a cell, never at the end of a line. */
static void print_row(struct table *b, const struct cell *row)
{
    size_t at = 0, pending = 0;

    for (size_t c = 0; c < b->n; c++) {
        bool rest_empty = true;

        if (b->widths[c] == 0)
            continue;
        for (size_t k = c; k < b->n; k++)
            rest_empty = rest_empty && (b->widths[k] == 0 || row[k].width == 0);
        if (rest_empty) {
            while (b->t->out->n > 0 && b->t->out->p[b->t->out->n - 1] == ' ')
                b->t->out->n--;
            buf_str(b->t->out, "\n");
            return;
        }
        buf_printf(b->t->out, "%*s", (int)pending, "");
        at += pending;
        print_cell(b, c, &row[c], at);
        at += b->widths[c];
        pending = GAP;
    }
}

void table_print(struct table *b)
{
    struct cell *titles;
    bool titled = false;

    if (b == NULL || b->t->failed || b->count == 0)
        return;
    fit(b, measure(b));
    titles = arena_array(b->t->arena, b->n, sizeof *titles);
    if (titles == NULL) {
        b->t->failed = true;
        return;
    }
    for (size_t c = 0; c < b->n; c++) {
        const char *title = b->columns[c].title != NULL ? b->columns[c].title : "";

        titles[c] = (struct cell){ title, text_width(title), PAINT_DIM };
        titled = titled || *title != '\0';
    }
    if (titled)
        print_row(b, titles);
    for (size_t i = 0; i + b->n <= b->count; i += b->n)
        print_row(b, &b->cells[i]);
}
