/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAIR_COLUMN 14
#define DOTS        3

char *local_time(int64_t ms, char *out)
{
    time_t s = (time_t)(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
    struct tm tm;

    if (localtime_r(&s, &tm) == NULL || strftime(out, LOCAL_TIME_TEXT, "%F %T %z", &tm) == 0)
        snprintf(out, LOCAL_TIME_TEXT, "-");
    return out;
}

/* Bytes of the character at `s` and what it is; malformed bytes count as one character each. */
static size_t next_char(const char *s, uint32_t *code)
{
    static const uint8_t lead_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    unsigned char c = (unsigned char)*s;
    size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;

    if (n == 0 || c > 0xf4) {
        *code = 0x110000u + c;
        return 1;
    }
    *code = c & lead_mask[n];
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80) {
            *code = 0x110000u + c;
            return 1;
        }
        *code = *code << 6 | ((unsigned char)s[i] & 0x3f);
    }
    return n;
}

/* Control characters, and those that hide or reorder what stands around them. */
static bool harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           c >= 0x110000u;
}

const char *text_safe(struct text *t, const char *s)
{
    struct buf b = { 0 };
    const char *copy;

    if (s == NULL)
        return "";
    while (*s != '\0') {
        uint32_t c;
        size_t n = next_char(s, &c);

        if (!harmful(c))
            buf_add(&b, s, n);
        else if (c < 0x100 || c >= 0x110000u)
            buf_printf(&b, "\\x%02x", (unsigned)(c & 0xff));
        else
            buf_printf(&b, "\\u%04x", (unsigned)c);
        s += n;
    }
    copy = buf_cstr(&b);
    copy = copy != NULL ? arena_strdup(t->arena, copy) : NULL;
    buf_deinit(&b);
    t->failed = t->failed || copy == NULL;
    return copy != NULL ? copy : "";
}

size_t text_width(const char *s)
{
    size_t width = 0;
    uint32_t c;

    while (*s != '\0') {
        s += next_char(s, &c);
        width += !(c >= 0x300 && c <= 0x36f); /* combining marks take no room */
    }
    return width;
}

/* The bytes of the first `width` characters. */
static size_t prefix_bytes(const char *s, size_t width)
{
    const char *p = s;
    uint32_t c;

    while (width > 0 && *p != '\0') {
        p += next_char(p, &c);
        width--;
    }
    return (size_t)(p - s);
}

const char *text_cut(struct text *t, const char *s, size_t width)
{
    size_t have = text_width(s), head, tail;
    const char *cut;

    if (have <= width || width < DOTS + 2)
        return s;
    tail = (width - DOTS) / 2;
    head = width - DOTS - tail;
    cut = arena_printf(t->arena, "%.*s...%s", (int)prefix_bytes(s, head), s,
                       s + prefix_bytes(s, have - tail));
    t->failed = t->failed || cut == NULL;
    return cut != NULL ? cut : s;
}

__attribute__((format(printf, 2, 0))) static const char *
format_arguments(struct text *t, const char *fmt, va_list ap)
{
    va_list again;
    char *s;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    s = n < 0 ? NULL : arena_alloc(t->arena, (size_t)n + 1);
    if (s == NULL) {
        t->failed = true;
        return "";
    }
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    return s;
}

const char *text_format(struct text *t, const char *fmt, ...)
{
    va_list ap;
    const char *s;

    va_start(ap, fmt);
    s = format_arguments(t, fmt, ap);
    va_end(ap);
    return s;
}

void text_paint(struct text *t, enum paint p, const char *s)
{
    static const char *const codes[] = {
        [PAINT_GOOD] = "32", [PAINT_WARN] = "33", [PAINT_BAD] = "31",
        [PAINT_DIM] = "2",   [PAINT_BOLD] = "1",
    };

    if (!t->color || p == PAINT_NONE || *s == '\0')
        buf_str(t->out, s);
    else
        buf_printf(t->out, "\033[%sm%s\033[0m", codes[p], s);
}

/* The next word at `s`, a place in `text`. A command is one word, so that it can be copied as it
 * stands: one in quotes, or one after a colon or arrow, which goes to the end. */
static size_t word_bytes(const char *text, const char *s, bool *command)
{
    const char *end = strchr(s + 1, '\'');

    *command = true;
    if (end != NULL && (strncmp(s, "'muster", 7) == 0 || strncmp(s, "'systemctl", 10) == 0))
        return (size_t)(end - s) + strcspn(end, " ");
    if (strncmp(s, "muster ", 7) == 0 && s - text >= 2 && (s[-2] == ':' || s[-2] == '>'))
        return strlen(s);
    *command = false;
    return strcspn(s, " ");
}

void text_wrap(struct text *t, const char *s, size_t at, size_t indent, enum paint p)
{
    bool first = true, command;
    const char *whole;

    s = whole = text_safe(t, s);
    if (indent + 20 > t->columns)
        indent = 4;
    while (*s != '\0') {
        size_t n = word_bytes(whole, s, &command);
        const char *word = text_format(t, "%.*s", (int)n, s);
        size_t width = text_width(word);

        if (!first && at + 1 + width > t->columns) {
            buf_printf(t->out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        if (!first) {
            buf_str(t->out, " ");
            at++;
        }
        /* A word longer than any line is broken: nothing may be lost. */
        while (!command && at + width > t->columns) {
            size_t fit = t->columns > at ? t->columns - at : 1;

            if (fit < 8 && at > indent) {
                fit = 0;
            } else {
                text_paint(t, p, text_format(t, "%.*s", (int)prefix_bytes(word, fit), word));
                word += prefix_bytes(word, fit);
                width = text_width(word);
            }
            if (width > 0)
                buf_printf(t->out, "\n%*s", (int)indent, "");
            at = indent;
        }
        text_paint(t, p, word);
        at += width;
        first = false;
        s += n;
        s += strspn(s, " ");
    }
    buf_str(t->out, "\n");
}

void text_line(struct text *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    text_wrap(t, format_arguments(t, fmt, ap), 0, 0, PAINT_NONE);
    va_end(ap);
}

void text_pair(struct text *t, const char *label, const char *fmt, ...)
{
    size_t width = text_width(label);
    va_list ap;

    text_paint(t, PAINT_DIM, label);
    buf_printf(t->out, "%*s", width < PAIR_COLUMN ? (int)(PAIR_COLUMN - width) : 2, "");
    va_start(ap, fmt);
    text_wrap(t, format_arguments(t, fmt, ap), width < PAIR_COLUMN ? PAIR_COLUMN : width + 2,
              PAIR_COLUMN, PAINT_NONE);
    va_end(ap);
}
