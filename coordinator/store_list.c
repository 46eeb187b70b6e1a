/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of texts in a column: a JSON array, so that SQL can look into it (json_each). The texts
 * are clean UTF-8 (text_is_clean), so quotes and backslashes are all that needs an escape; the
 * reader takes what the writer writes. */
#include "store_internal.h"

static void add_text(struct buf *out, const char *s)
{
    const char *from = s;

    buf_add(out, "\"", 1);
    for (; *s != '\0'; s++) {
        if (*s != '"' && *s != '\\')
            continue;
        buf_add(out, from, (size_t)(s - from));
        buf_add(out, "\\", 1);
        from = s;
    }
    buf_add(out, from, (size_t)(s - from));
    buf_add(out, "\"", 1);
}

int store_bind_list(sqlite3_stmt *st, int n, const struct strs *list, struct buf *scratch)
{
    buf_reset(scratch);
    buf_add(scratch, "[", 1);
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0)
            buf_add(scratch, ",", 1);
        add_text(scratch, list->v[i]);
    }
    buf_add(scratch, "]", 1);
    if (scratch->failed)
        return SQLITE_NOMEM;
    /* A row may have several lists and there is one scratch buffer. */
    return sqlite3_bind_text64(st, n, (const char *)scratch->p, scratch->n, SQLITE_TRANSIENT,
                               SQLITE_UTF8);
}

/* The text that starts after a quote, without its escapes, into `out`; the end of it in *at, or
 * NULL. */
static char *take_text(const char **at, char *out)
{
    const char *s = *at;
    char *text = out;

    for (; *s != '"'; s++) {
        if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
            s++;
        else if (*s == '\0' || *s == '\\')
            return NULL;
        *out++ = *s;
    }
    *out = '\0';
    *at = s + 1;
    return text;
}

int store_list_parse(const char *json, struct arena *a, struct strs *out)
{
    size_t length = strlen(json), n = 0;
    /* An element takes three characters at least, its texts less than it. */
    char *text = arena_alloc(a, length + 1);
    const char **v = arena_array(a, length / 3 + 1, sizeof *v);
    const char *s = json;

    if (text == NULL || v == NULL)
        return SQLITE_NOMEM;
    if (*s++ != '[')
        return SQLITE_CORRUPT;
    while (*s == '"') {
        s++;
        v[n] = take_text(&s, text);
        if (v[n] == NULL)
            return SQLITE_CORRUPT;
        text += strlen(v[n]) + 1;
        n++;
        if (*s != ',')
            break;
        if (*++s != '"')
            return SQLITE_CORRUPT;
    }
    if (strcmp(s, "]") != 0)
        return SQLITE_CORRUPT;
    *out = (struct strs){ .v = v, .n = n };
    return SQLITE_OK;
}

int store_column_list(sqlite3_stmt *st, int column, struct arena *a, struct strs *out)
{
    const char *json = (const char *)sqlite3_column_text(st, column);

    return json == NULL ? SQLITE_CORRUPT : store_list_parse(json, a, out);
}
