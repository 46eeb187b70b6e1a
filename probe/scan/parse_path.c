/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/parse_path.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "collect/parse_superblock.h"
#include "scan/limits.h"

#define ELLIPSIS "..."

enum { COMPONENT_MOST = 255 }; /* NAME_MAX */

/* Length of the clean UTF-8 sequence at `p`, 0: none starts here. */
static size_t clean_length(const uint8_t *p, size_t n)
{
    if (p[0] == '\\')
        return 0;
    for (size_t k = 1; k <= 4 && k <= n; k++) {
        if (text_is_clean((const char *)p, k))
            return k;
    }
    return 0;
}

const char *path_text(struct rows *r, struct bytes b)
{
    size_t room = LIMIT_STRING_BYTES - (sizeof ELLIPSIS - 1), used = 0, most;
    char *out;

    if (b.n == 0)
        return NULL;
    most = b.n > LIMIT_STRING_BYTES / 4 ? LIMIT_STRING_BYTES : 4 * b.n;
    out = rows_array(r, most + 1, 1);
    for (size_t i = 0; out != NULL && i < b.n;) {
        size_t k = clean_length(b.p + i, b.n - i), need = k == 0 ? 4 : k;

        if (need > room - used) {
            memcpy(out + used, ELLIPSIS, sizeof ELLIPSIS);
            break;
        }
        if (k == 0)
            snprintf(out + used, 5, "\\x%02x", b.p[i]);
        else
            memcpy(out + used, b.p + i, k);
        used += need;
        i += k == 0 ? 1 : k;
    }
    return out;
}

static struct path_answer unclear(const char *why)
{
    return (struct path_answer){ PATH_UNCLEAR, NULL, why };
}

static struct path_answer outside(void)
{
    return (struct path_answer){ PATH_OUTSIDE, NULL, "it is outside of this file system" };
}

/* The path so far, as parts. */
struct way {
    char text[IMAGE_NAME_BYTES + 1];
    size_t n;
};

enum step { STEP_DONE, STEP_OUTSIDE, STEP_LONG };

static enum step take_part(struct way *w, struct bytes part)
{
    if (part.n == 0 || bytes_equal(part, "."))
        return STEP_DONE;
    if (bytes_equal(part, "..")) {
        if (w->n == 0)
            return STEP_OUTSIDE;
        while (w->n > 0 && w->text[--w->n] != '/')
            continue;
        return STEP_DONE;
    }
    if (part.n > COMPONENT_MOST || part.n + 1 > IMAGE_NAME_BYTES - w->n)
        return STEP_LONG;
    if (w->n > 0)
        w->text[w->n++] = '/';
    memcpy(w->text + w->n, part.p, part.n);
    w->n += part.n;
    return STEP_DONE;
}

static enum step take_parts(struct way *w, struct bytes path)
{
    enum step step = STEP_DONE;
    struct bytes part;

    while (step == STEP_DONE && bytes_word(&path, "/", &part))
        step = take_part(w, part);
    return step;
}

static struct bytes folder_of(struct bytes path)
{
    const uint8_t *slash = path.n == 0 ? NULL : memrchr(path.p, '/', path.n);

    return (struct bytes){ path.p, slash == NULL ? 0 : (size_t)(slash - path.p) };
}

static bool names_folder(struct bytes path)
{
    size_t n = folder_of(path).n;
    bool has_slash = n > 0 || (path.n > 0 && path.p[0] == '/');
    struct bytes last = has_slash ? (struct bytes){ path.p + n + 1, path.n - n - 1 } : path;

    return last.n == 0 || bytes_equal(last, ".") || bytes_equal(last, "..");
}

/* `path` from the file system's root, or from the folder. */
static struct path_answer follow(struct rows *r, struct bytes folder, struct bytes path)
{
    struct way w = { .n = 0 };
    enum step step = take_parts(&w, folder);
    char *copy;

    if (step == STEP_DONE)
        step = take_parts(&w, path);
    if (step == STEP_OUTSIDE)
        return outside();
    if (step == STEP_LONG)
        return unclear("it is longer than a path can be");
    if (w.n == 0 || names_folder(path))
        return unclear("it names a folder");
    copy = arena_strndup(r->a, w.text, w.n);
    r->failed |= copy == NULL;
    return copy == NULL ? unclear("out of memory")
                        : (struct path_answer){ PATH_WITHIN, copy, NULL };
}

/* An absolute name, below the place where the file system is mounted or not. */
static struct path_answer follow_absolute(struct rows *r, struct bytes path, const char *mounted)
{
    struct way w = { .n = 0 }, top = { .n = 0 };

    if (mounted == NULL)
        return unclear(
            "it is absolute, and where its host has this file system mounted is not known");
    if (take_parts(&top, bytes_of(mounted)) != STEP_DONE || take_parts(&w, path) != STEP_DONE)
        return unclear("it is absolute, and longer than a path can be or above the root");
    if (top.n > 0 && (w.n <= top.n || memcmp(w.text, top.text, top.n) != 0 || w.text[top.n] != '/'))
        return outside();
    if (names_folder(path))
        return unclear("it names a folder");
    return follow(r, (struct bytes){ NULL, 0 },
                  (struct bytes){ (const uint8_t *)w.text + top.n, w.n - top.n });
}

static struct path_answer resolve_path(struct rows *r, struct bytes name, struct bytes image,
                                       const char *mounted)
{
    if (name.n == 0)
        return unclear("it is empty");
    if (name.p[0] == '/')
        return follow_absolute(r, name, mounted);
    return follow(r, folder_of(image), name);
}

/* A prefix of letters and such up to a colon, before any slash, is a protocol; see
 * path_has_protocol in QEMU's block.c. */
static struct path_answer resolve_qemu(struct rows *r, struct bytes name, struct bytes image,
                                       const char *mounted)
{
    size_t i = 0;

    while (i < name.n && name.p[i] != ':' && name.p[i] != '/')
        i++;
    if (i == name.n || name.p[i] == '/')
        return resolve_path(r, name, image, mounted);
    if (bytes_have(name, 0, "file:"))
        return resolve_path(r, (struct bytes){ name.p + 5, name.n - 5 }, image, mounted);
    if (bytes_have(name, 0, "json:"))
        return unclear("it is a description of a disk in JSON, and no path");
    return unclear("it is reached by a protocol of QEMU, and is no path");
}

/* A host is left out or this one, for all that is known; what follows is a path as it is, since the
 * tools that write it do not escape anything. */
static struct path_answer resolve_url(struct rows *r, struct bytes name, struct bytes image,
                                      const char *mounted)
{
    static const char scheme[] = "file://";
    size_t n = sizeof scheme - 1;

    if (!bytes_have(name, 0, scheme))
        return unclear("it is no URL of a file");
    return resolve_path(r, (struct bytes){ name.p + n, name.n - n }, image, mounted);
}

static struct path_answer resolve_windows(struct rows *r, struct bytes name, struct bytes image)
{
    uint8_t *path;

    if (name.n > 1 && name.p[1] == ':')
        return unclear("it is a path on a drive of a Windows host");
    if (name.p[0] == '\\' || name.p[0] == '/')
        return unclear("it is an absolute path of a Windows host");
    path = arena_memdup(r->a, name.p, name.n);
    r->failed |= path == NULL;
    if (path == NULL)
        return unclear("out of memory");
    for (size_t i = 0; i < name.n; i++) {
        if (path[i] == '\\')
            path[i] = '/';
    }
    return resolve_path(r, (struct bytes){ path, name.n }, image, NULL);
}

struct path_answer path_resolve(struct rows *r, const struct image_name *name, struct bytes image,
                                const char *mounted)
{
    struct bytes raw = name->raw;

    if (raw.n == 0)
        return unclear("it is empty");
    if (memchr(raw.p, 0, raw.n) != NULL)
        return unclear("it has a zero byte in it");
    switch (name->kind) {
    case IMAGE_NAME_PATH:
        break;
    case IMAGE_NAME_QEMU:
        return resolve_qemu(r, raw, image, mounted);
    case IMAGE_NAME_URL:
        return resolve_url(r, raw, image, mounted);
    case IMAGE_NAME_WINDOWS:
        return resolve_windows(r, raw, image);
    }
    return resolve_path(r, raw, image, mounted);
}
