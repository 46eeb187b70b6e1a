/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words and colours that several nouns use. */
#include "nouns.h"

#include <inttypes.h>

#include "base/text.h"

static bool lookup(const char *const *words, size_t n, const char *word)
{
    for (size_t i = 0; word != NULL && i < n; i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

enum paint paint_of_word(const char *state)
{
    static const char *const good[] = { "ok",      "up",     "unused", "normal",
                                        "running", "Online", "live",   "clean" };
    static const char *const warn[] = { "degraded", "suspect", "pending",   "unknown",
                                        "never",    "warning", "stuck",     "read-only",
                                        "missing",  "blocked", "connecting" };
    static const char *const bad[] = { "lost",     "down",    "quarantined",       "dead",
                                       "error",    "failed",  "recover",           "ghost",
                                       "Linkdown", "offline", "transport-offline", "Offline" };

    if (lookup(good, ARRAY_LEN(good), state))
        return PAINT_GOOD;
    if (lookup(warn, ARRAY_LEN(warn), state))
        return PAINT_WARN;
    return lookup(bad, ARRAY_LEN(bad), state) ? PAINT_BAD : PAINT_NONE;
}

const char *typed(struct text *t, const char *word)
{
    const char *s = word != NULL ? word : "", *quoted;

    if (*s != '\0' && *s != '-' &&
        s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-")] ==
            '\0')
        return s;
    quoted = "'";
    for (; *s != '\0'; s += strcspn(s, "'")) {
        if (*s == '\'') {
            quoted = text_format(t, "%s'\\''", quoted);
            s++;
        }
        quoted = text_format(t, "%s%.*s", quoted, (int)strcspn(s, "'"), s);
    }
    return text_format(t, "%s'", quoted);
}

const char *counted(struct text *t, uint64_t n, const char *one, const char *many)
{
    return text_format(t, "%" PRIu64 " %s", n, n == 1 ? one : many);
}

const char *edge_counts(struct text *t, uint64_t ok, uint64_t degraded, uint64_t lost,
                        uint64_t unknown, uint64_t stuck, uint64_t quarantined)
{
    const struct {
        uint64_t n;
        const char *word;
    } counts[] = { { ok, "ok" },           { degraded, "degraded" },
                   { lost, "lost" },       { quarantined, "quarantined" },
                   { unknown, "unknown" }, { stuck, "stuck" } };
    const char *list = "";

    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        if (counts[i].n > 0)
            list = text_format(t, "%s%s%" PRIu64 " %s", list, *list != '\0' ? ", " : "",
                               counts[i].n, counts[i].word);
    }
    return *list != '\0' ? list : "none";
}

const char *age_text(struct text *t, bool present, int64_t ms)
{
    char text[24];

    return present ? text_format(t, "%s", duration_text(ms, text)) : NULL;
}
