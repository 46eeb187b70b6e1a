/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names in images: a byte of their kind, then the image's path, the place of the mount (empty: not
 * known) and the name, with zero bytes between them. What is within never leads out. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "scan/limits.h"
#include "scan/parse_path.h"
#include "../target.h"

static void bad(const char *what)
{
    fprintf(stderr, "bad: %s\n", what);
    abort();
}

static void path_is_good(const char *path)
{
    struct bytes rest = bytes_of(path), part;

    if (rest.n == 0 || rest.n > IMAGE_NAME_BYTES || path[0] == '/' || path[rest.n - 1] == '/')
        bad("path");
    while (bytes_word(&rest, "/", &part)) {
        if (part.n == 0 || part.n > 255 || bytes_equal(part, ".") || bytes_equal(part, ".."))
            bad("part of a path");
    }
}

/* Takes what is before the next zero byte, and that byte. */
static struct bytes take(struct bytes *rest)
{
    struct bytes part = { rest->p, rest->n == 0 ? 0 : strnlen((const char *)rest->p, rest->n) };
    size_t n = part.n + (part.n < rest->n);

    rest->p += n;
    rest->n -= n;
    return part;
}

static void try_name(struct arena *a, enum image_name_kind kind, struct bytes rest)
{
    struct bytes image = take(&rest), mounted = take(&rest);
    struct image_name name = { .raw = rest, .kind = kind };
    struct rows r = { .a = a };
    struct path_answer answer =
        path_resolve(&r, &name, image,
                     mounted.n == 0 ? NULL : arena_strndup(a, (const char *)mounted.p, mounted.n));
    const char *text = path_text(&r, rest);

    if ((answer.path == NULL) != (answer.result != PATH_WITHIN) ||
        (answer.why == NULL) != (answer.result == PATH_WITHIN))
        bad("answer");
    if (answer.path != NULL)
        path_is_good(answer.path);
    if ((text == NULL) != (rest.n == 0) || (text != NULL && !text_is_clean(text, strlen(text))))
        bad("text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a;

    if (size == 0)
        return 0;
    a = arena_new(4u << 20);
    try_name(a, (enum image_name_kind)(data[0] % 4), (struct bytes){ data + 1, size - 1 });
    arena_free(a);
    return 0;
}
