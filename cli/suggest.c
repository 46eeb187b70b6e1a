/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Did you mean": the known word at the least distance, counting insertions, deletions, changes and
 * swaps of neighbours as one each. */
#include "command.h"

#define LONGEST 32

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance; LONGEST for words that are too long for it. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), d[LONGEST + 1][LONGEST + 1];

    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
                            d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[n][m];
}

const char *suggest(const char *word, const char *const *words, size_t n)
{
    size_t length = strlen(word), best = LONGEST;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, words[i]);

        /* The beginning of a word is as good as one slip. */
        if (length >= 2 && strncmp(word, words[i], length) == 0)
            d = 1;
        if (d < best && d <= 1 + length / 4 && d < strlen(words[i])) {
            best = d;
            found = words[i];
        }
    }
    return found;
}
