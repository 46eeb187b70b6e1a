/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/read_links.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan/read_beneath.h"

static const char *const state_names[] = {
    [LINK_NONE] = NULL,     [LINK_FOUND] = "found",     [LINK_MISSING] = "missing",
    [LINK_SHORT] = "short", [LINK_OUTSIDE] = "outside", [LINK_UNCLEAR] = "unclear",
};

const char *link_state_name(enum link_state s)
{
    return state_names[s];
}

static struct image_link link_of(enum link_state state, const char *path, const char *why)
{
    return (struct image_link){ state, path, why };
}

static struct image_link not_opened(struct rows *r, const char *path, int error)
{
    if (error == ENOENT || error == ENOTDIR)
        return link_of(LINK_MISSING, path, "there is no such file");
    if (error == EXDEV)
        return link_of(LINK_OUTSIDE, NULL, "another file system is mounted on its way");
    if (error == ELOOP)
        return link_of(LINK_UNCLEAR, path, "a symbolic link is on its way, which is not followed");
    return link_of(LINK_UNCLEAR, path, rows_printf(r, "it cannot be opened: %s", strerror(error)));
}

/* O_PATH: nothing happens to what is found. */
static struct image_link look(int root, struct rows *r, const char *where, uint64_t least)
{
    const char *path = path_text(r, bytes_of(where));
    int fd = open_beneath(root, where, O_PATH | O_NOFOLLOW);
    struct stat st;
    int rc;

    if (fd < 0)
        return not_opened(r, path, -fd);
    rc = fstat(fd, &st) == 0 ? 0 : errno;
    close(fd);
    if (rc != 0)
        return not_opened(r, path, rc);
    if (S_ISLNK(st.st_mode))
        return not_opened(r, path, ELOOP);
    if (!S_ISREG(st.st_mode))
        return link_of(LINK_UNCLEAR, path, "it is no regular file");
    if ((uint64_t)st.st_size < least)
        return link_of(LINK_SHORT, path, "it is smaller than the extent that is in it");
    return link_of(LINK_FOUND, path, NULL);
}

/* Of how many bytes it must have at least. */
static struct image_link read_link(int root, struct rows *r, const struct image_name *name,
                                   struct bytes image, const char *mounted, uint64_t least)
{
    struct path_answer at;

    if (name->raw.n == 0)
        return link_of(LINK_NONE, NULL, NULL);
    at = path_resolve(r, name, image, mounted);
    if (at.result == PATH_OUTSIDE)
        return link_of(LINK_OUTSIDE, NULL, at.why);
    if (at.result == PATH_UNCLEAR)
        return link_of(LINK_UNCLEAR, NULL, at.why);
    return look(root, r, at.path, least);
}

/* Only flat extents are as large as what they hold. */
static uint64_t least_bytes(const struct image_extent *e)
{
    bool flat = e->type != NULL && (strcmp(e->type, "FLAT") == 0 || strcmp(e->type, "VMFS") == 0);

    return flat ? e->bytes + (e->start_bytes.has ? e->start_bytes.v : 0) : 0;
}

static bool is_there(const struct image_link *l)
{
    return l->state == LINK_NONE || l->state == LINK_FOUND;
}

struct image_links read_image_links(int root, struct rows *r, const char *path,
                                    const struct parsed_image *image, const char *mounted)
{
    struct bytes own = bytes_of(path);
    struct image_links out = { .all_found = true };

    out.backing = read_link(root, r, &image->backing, own, mounted, 0);
    out.data_file = read_link(root, r, &image->data_file, own, mounted, 0);
    out.all_found = is_there(&out.backing) && is_there(&out.data_file);
    out.extents = rows_array(r, image->extent_count, sizeof *out.extents);
    for (size_t i = 0; out.extents != NULL && i < image->extent_count; i++) {
        const struct image_extent *e = &image->extents[i];

        if (!e->is_itself)
            out.extents[i] = read_link(root, r, &e->file, own, mounted, least_bytes(e));
        out.all_found = out.all_found && is_there(&out.extents[i]);
    }
    return out;
}
