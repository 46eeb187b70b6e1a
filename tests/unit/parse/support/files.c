/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "support/support.h"

static bool read_path(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    char block[4096];
    size_t n;

    if (f == NULL)
        return false;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buf_add(out, block, n);
    fclose(f);
    return !out->failed;
}

struct bytes capture(struct arena *a, const char *name)
{
    const char *path = arena_printf(a, "%s/captures/%s", TEST_DATA, name);
    struct buf b = { 0 };
    struct bytes out;

    if (!read_path(path, &b)) {
        fprintf(stderr, "%s cannot be read\n", path);
        abort();
    }
    out = (struct bytes){ arena_memdup(a, b.p, b.n), b.n };
    buf_deinit(&b);
    return out;
}

static size_t line_of_difference(const char *a, const char *b)
{
    size_t line = 1;

    for (; *a != '\0' && *a == *b; a++, b++)
        line += *a == '\n';
    return line;
}

bool golden_matches(const char *name, const char *text)
{
    char path[1024];
    struct buf want = { 0 };
    const char *update = getenv("MUSTER_UPDATE_GOLDEN");
    bool same;

    snprintf(path, sizeof path, "%s/golden/parse/%s", TEST_DATA, name);
    if (update != NULL && *update != '\0') {
        FILE *f = fopen(path, "wb");

        same = f != NULL && fwrite(text, 1, strlen(text), f) == strlen(text);
        return f != NULL && fclose(f) == 0 && same;
    }
    same = read_path(path, &want) && strcmp(buf_cstr(&want), text) == 0;
    if (!same)
        fprintf(stderr,
                "differs from %s at line %zu; MUSTER_UPDATE_GOLDEN=1 writes the file anew.\n"
                "It is now:\n%s\n",
                path, want.p == NULL ? 0 : line_of_difference(buf_cstr(&want), text), text);
    buf_deinit(&want);
    return same;
}
