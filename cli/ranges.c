/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many names in one line, in the way of hostlists: node[1-3,7]. */
#include "order.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST_DIGITS 18

/* A name around its last number. */
struct parts {
    const char *name;
    size_t prefix, digits; /* lengths; the rest is the suffix */
    uint64_t number;
    bool padded; /* it has leading zeros, or as many digits as one that has */
};

static struct parts split(const char *name)
{
    struct parts p = { .name = name };
    size_t end = strlen(name), begin;

    while (end > 0 && (name[end - 1] < '0' || name[end - 1] > '9'))
        end--;
    begin = end;
    while (begin > 0 && name[begin - 1] >= '0' && name[begin - 1] <= '9')
        begin--;
    p.prefix = begin;
    p.digits = end - begin;
    if (p.digits > 0 && p.digits <= MOST_DIGITS)
        p.number = strtoull(name + begin, NULL, 10);
    p.padded = p.digits > 1 && name[begin] == '0';
    return p;
}

/* Can both stand in one pair of brackets? */
static bool same_group(const struct parts *a, const struct parts *b)
{
    if (a->digits == 0 || b->digits == 0 || a->digits > MOST_DIGITS || b->digits > MOST_DIGITS ||
        a->prefix != b->prefix || memcmp(a->name, b->name, a->prefix) != 0)
        return false;
    if (strcmp(a->name + a->prefix + a->digits, b->name + b->prefix + b->digits) != 0)
        return false;
    return a->digits == b->digits || (!a->padded && !b->padded);
}

/* "7" or "1-3", `n` names from `p` on which follow each other. */
static const char *span(struct text *t, const struct parts *p, size_t n)
{
    const struct parts *last = p + n - 1;

    if (n == 1)
        return text_format(t, "%.*s", (int)p->digits, p->name + p->prefix);
    return text_format(t, "%.*s-%.*s", (int)p->digits, p->name + p->prefix, (int)last->digits,
                       last->name + last->prefix);
}

/* The group that begins at `p`, with at most *left spans; *used: how many names are in it. */
static const char *group(struct text *t, const struct parts *p, size_t n, size_t *left,
                         size_t *used)
{
    const char *s = "";
    size_t count = 1;

    while (count < n && same_group(&p[0], &p[count]))
        count++;
    *used = 0;
    while (*used<count && * left> 0) {
        const struct parts *first = &p[*used];
        size_t run = 1;

        while (*used + run < count && first[run].number == first->number + run)
            run++;
        s = text_format(t, "%s%s%s", s, *used > 0 ? "," : "", span(t, first, run));
        *used += run;
        --*left;
    }
    if (*used == 1)
        return p->name;
    return text_format(t, "%.*s[%s]%s", (int)p->prefix, p->name, s,
                       p->name + p->prefix + p->digits);
}

const char *name_ranges(struct text *t, const char *const *names, size_t n, size_t most)
{
    struct parts *parts = arena_array(t->arena, n, sizeof *parts);
    const char *s = "";

    if (parts == NULL) {
        t->failed = true;
        return "";
    }
    for (size_t i = 0; i < n; i++)
        parts[i] = split(names[i] != NULL ? names[i] : "?");
    for (size_t i = 0, used; i < n; i += used) {
        const char *one;

        if (most == 0)
            return text_format(t, "%s and %zu more", s, n - i);
        one = group(t, &parts[i], n - i, &most, &used);
        s = text_format(t, "%s%s%s", s, i > 0 ? ", " : "", one);
    }
    return s;
}
