/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"

#define ELLIPSIS "..."

/* Length of the clean UTF-8 sequence at `p`, 0: none starts here. */
static size_t clean_length(const uint8_t *p, size_t n)
{
    for (size_t k = 1; k <= 4 && k <= n; k++) {
        if (text_is_clean((const char *)p, k))
            return k;
    }
    return 0;
}

static const char *escaped_text(struct rows *r, struct bytes b)
{
    size_t room = LIMIT_STRING_BYTES - (sizeof ELLIPSIS - 1), used = 0;
    char *out = arena_alloc(r->a, LIMIT_STRING_BYTES + 1);

    if (out == NULL) {
        r->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < b.n;) {
        size_t k = clean_length(b.p + i, b.n - i), need = k == 0 ? 4 : k;

        if (need > room - used) {
            memcpy(out + used, ELLIPSIS, sizeof ELLIPSIS);
            return out;
        }
        if (k == 0)
            snprintf(out + used, 5, "\\x%02x", b.p[i]);
        else
            memcpy(out + used, b.p + i, k);
        used += need;
        i += k == 0 ? 1 : k;
    }
    out[used] = '\0';
    return out;
}

const char *rows_text(struct rows *r, struct bytes b)
{
    const uint8_t *end = b.n == 0 ? NULL : memchr(b.p, 0, b.n);
    const char *text;

    if (end != NULL)
        b.n = (size_t)(end - b.p);
    b = bytes_trim(b);
    if (b.n == 0)
        return NULL;
    if (b.n > LIMIT_STRING_BYTES || !text_is_clean((const char *)b.p, b.n))
        return escaped_text(r, b);
    text = arena_strndup(r->a, (const char *)b.p, b.n);
    r->failed |= text == NULL;
    return text;
}

const char *rows_hwaddr(struct rows *r, const struct hwaddr *h)
{
    char out[3 * sizeof h->b + 1];
    uint8_t any = 0;

    for (size_t i = 0; i < h->n; i++) {
        snprintf(out + 3 * i, 4, "%02x:", h->b[i]);
        any |= h->b[i];
    }
    if (any == 0)
        return NULL;
    return rows_text(r, (struct bytes){ (const uint8_t *)out, 3 * (size_t)h->n - 1 });
}

const char *rows_printf(struct rows *r, const char *fmt, ...)
{
    char out[LIMIT_STRING_BYTES + 1];
    va_list args;

    va_start(args, fmt);
    vsnprintf(out, sizeof out, fmt, args);
    va_end(args);
    return rows_text(r, bytes_of(out));
}

void *rows_array(struct rows *r, size_t count, size_t size)
{
    void *p = arena_array(r->a, count, size);

    r->failed |= p == NULL;
    return p;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct strs rows_strs(const char **v, size_t n)
{
    size_t kept = 0, unique = 0;

    for (size_t i = 0; i < n; i++) {
        if (v[i] != NULL)
            v[kept++] = v[i];
    }
    if (kept > 1)
        qsort(v, kept, sizeof *v, compare_text);
    for (size_t i = 0; i < kept; i++) {
        if (unique == 0 || strcmp(v[unique - 1], v[i]) != 0)
            v[unique++] = v[i];
    }
    return (struct strs){ v, unique };
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct bytes bytes_trim(struct bytes b)
{
    while (b.n > 0 && is_blank(b.p[b.n - 1]))
        b.n--;
    while (b.n > 0 && is_blank(b.p[0])) {
        b.p++;
        b.n--;
    }
    return b;
}

bool bytes_equal(struct bytes b, const char *s)
{
    return b.n == strlen(s) && (b.n == 0 || memcmp(b.p, s, b.n) == 0);
}

bool bytes_word(struct bytes *rest, const char *separators, struct bytes *word)
{
    size_t i = 0;

    if (rest->n == 0)
        return false;
    while (i < rest->n && (rest->p[i] == '\0' || strchr(separators, rest->p[i]) == NULL))
        i++;
    *word = (struct bytes){ rest->p, i };
    i += i < rest->n;
    rest->p += i;
    rest->n -= i;
    return true;
}

bool bytes_line(struct bytes *rest, struct bytes *line)
{
    return bytes_word(rest, "\n", line);
}

struct bytes bytes_value(struct bytes text, const char *name, char separator)
{
    const char separators[2] = { separator, '\0' };
    struct bytes line, left;

    while (bytes_line(&text, &line)) {
        if (bytes_word(&line, separators, &left) && bytes_equal(bytes_trim(left), name))
            return bytes_trim(line);
    }
    return (struct bytes){ NULL, 0 };
}

static unsigned digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10u;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10u;
    return 255;
}

struct opt bytes_number(struct bytes b, unsigned base)
{
    struct opt out = { .has = false };

    b = bytes_trim(b);
    if (base == 16 && b.n > 2 && b.p[0] == '0' && (b.p[1] | 0x20) == 'x') {
        b.p += 2;
        b.n -= 2;
    }
    if (b.n == 0)
        return out;
    for (size_t i = 0; i < b.n; i++) {
        unsigned d = digit_value(b.p[i]);

        if (d >= base || out.v > (UINT64_MAX - d) / base)
            return (struct opt){ .has = false };
        out.v = out.v * base + d;
    }
    out.has = true;
    return out;
}
