/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "walk_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "scan/limits.h"
#include "scan/parse_image.h"

enum { IN_A_FOLDER = 100, IMAGE_BYTES = 256 << 10, EXTENTS = 64 };

static int fail(struct err *e, const char *what)
{
    int code = errno == 0 ? EIO : errno;

    return err_set(e, -code, "%s: %s", what, strerror(code));
}

/* ---- the loop device ------------------------------------------------------------------------ */

static int attach(struct walk_disk *d, struct err *e)
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int file = open(d->file, O_RDWR | O_CLOEXEC), rc = -1;
    struct loop_config config = { .fd = (uint32_t)file,
                                  .info = { .lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO } };

    for (int i = 0; i < 8 && rc != 0 && control >= 0 && file >= 0; i++) {
        snprintf(d->device, sizeof d->device, "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
        d->fd = open(d->device, O_RDWR | O_CLOEXEC);
        rc = d->fd < 0 ? -1 : ioctl(d->fd, LOOP_CONFIGURE, &config);
        if (rc != 0 && d->fd >= 0) { /* somebody else was faster */
            close(d->fd);
            d->fd = -1;
        }
    }
    if (rc != 0)
        rc = fail(e, "no loop device can be had (root is needed)");
    if (file >= 0)
        close(file);
    if (control >= 0)
        close(control);
    return rc;
}

static void see_direct(struct walk_disk *d)
{
    struct loop_info64 info = { .lo_flags = 0 };

    d->direct =
        ioctl(d->fd, LOOP_GET_STATUS64, &info) == 0 && (info.lo_flags & LO_FLAGS_DIRECT_IO) != 0;
}

static int mount_it(const struct walk_disk *d, unsigned long flags, struct err *e)
{
    if (mount(d->device, d->mount, "ext4", flags | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        return fail(e, "the file system cannot be mounted");
    return 0;
}

int walk_disk_forget(struct walk_disk *d, struct err *e)
{
    if (umount2(d->mount, 0) != 0)
        return fail(e, "the file system cannot be unmounted");
    if (ioctl(d->fd, BLKFLSBUF, 0) != 0)
        return fail(e, "the device's cache cannot be emptied");
    return mount_it(d, MS_RDONLY, e);
}

/* ---- the images ------------------------------------------------------------------------------ */

char *walk_disk_name(unsigned i, char *out)
{
    snprintf(out, 64, "%u/%u.img", i / IN_A_FOLDER, i);
    return out;
}

static void put_be(uint8_t *p, size_t width, uint64_t v)
{
    for (size_t i = 0; i < width; i++)
        p[i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

/* Every other one is a qcow2; the others are disks with an MBR, whose last sector is read too. Each
 * is written in full, so that there is something to be read. */
static void fill(uint8_t *p, unsigned i)
{
    static const uint8_t entry[16] = { 0, 0, 0, 0, 0x83, 0, 0, 0, 63, 0, 0, 0, 100, 0, 0, 0 };

    memset(p, 0xa5, IMAGE_BYTES);
    memset(p, 0, 4096);
    if (i % 2 == 0) {
        memcpy(p, "QFI\xfb", 4);
        put_be(p + 4, 4, 2);
        put_be(p + 20, 4, 16);
        put_be(p + 24, 8, UINT64_C(1) << 30);
    } else {
        memcpy(p + 446, entry, sizeof entry);
        p[510] = 0x55;
        p[511] = 0xaa;
    }
}

static int write_image(const struct walk_disk *d, unsigned i, uint8_t *content, struct err *e)
{
    char path[256], name[64];
    ssize_t n;
    int fd;

    if (i % IN_A_FOLDER == 0) {
        snprintf(path, sizeof path, "%s/%u", d->mount, i / IN_A_FOLDER);
        if (mkdir(path, 0755) != 0)
            return fail(e, "a folder cannot be made");
    }
    snprintf(path, sizeof path, "%s/%s", d->mount, walk_disk_name(i, name));
    fill(content, i);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    n = fd < 0 ? -1 : write(fd, content, IMAGE_BYTES);
    if (fd >= 0)
        close(fd);
    return n == IMAGE_BYTES ? 0 : fail(e, "an image cannot be written");
}

static int write_images(struct walk_disk *d, struct err *e)
{
    uint8_t *content = malloc(IMAGE_BYTES);
    int rc = content == NULL ? fail(e, "no memory") : 0;

    for (unsigned i = 0; i < d->images && rc == 0; i++)
        rc = write_image(d, i, content, e);
    free(content);
    return rc;
}

static int make_file(struct walk_disk *d, struct err *e)
{
    char *const mkfs[] = { "mke2fs", "-q", "-F", "-t", "ext4", d->file, NULL };
    off_t size = (off_t)d->images * (IMAGE_BYTES + (16 << 10)) + (64 << 20);
    int fd = open(d->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -1 : -posix_fallocate(fd, 0, size); /* no holes: reads are real */

    if (fd >= 0)
        close(fd);
    if (rc != 0)
        return fail(e, "the disk's file cannot be made");
    return run_program(mkfs) == 0 ? 0
                                  : err_set(e, -EIO, "'mke2fs' failed: is e2fsprogs installed?");
}

int walk_disk_make(struct walk_disk *d, const char *dir, unsigned images, struct err *e)
{
    int rc;

    *d = (struct walk_disk){ .fd = -1, .images = images };
    rc = folder_make(&d->folder, dir, e);
    if (rc < 0)
        return rc;
    snprintf(d->file, sizeof d->file, "%s/disk", d->folder.path);
    snprintf(d->mount, sizeof d->mount, "%s/mount", d->folder.path);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mkdir(d->mount, 0700) != 0)
        return fail(e, "no mount namespace can be made (root is needed)");
    rc = make_file(d, e);
    if (rc == 0)
        rc = attach(d, e);
    if (rc == 0)
        rc = mount_it(d, 0, e);
    if (rc == 0)
        rc = write_images(d, e);
    if (rc == 0)
        rc = walk_disk_forget(d, e);
    if (rc == 0)
        see_direct(d);
    return rc;
}

void walk_disk_remove(struct walk_disk *d)
{
    if (d->folder.path[0] == '\0')
        return;
    umount2(d->mount, MNT_DETACH);
    if (d->fd >= 0)
        close(d->fd);
    folder_remove(&d->folder);
}

/* ---- where they are ------------------------------------------------------------------------- */

struct pieces {
    struct walk_piece *v;
    size_t n, room;
};

static int add_piece(struct pieces *p, uint64_t offset, size_t bytes)
{
    if (p->n == p->room) {
        size_t room = p->room == 0 ? 1024 : 2 * p->room;
        struct walk_piece *v = realloc(p->v, room * sizeof *v);

        if (v == NULL)
            return -ENOMEM;
        p->v = v;
        p->room = room;
    }
    p->v[p->n++] = (struct walk_piece){ offset, bytes };
    return 0;
}

/* The parts of [offset, offset + bytes) of a file that are on the device. */
static int add_ask(int fd, const struct image_ask *ask, struct pieces *p)
{
    uint64_t end = ask->offset + (ask->bytes + 4095) / 4096 * 4096;
    _Alignas(struct fiemap) char
        bytes[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)] = { 0 };
    struct fiemap *map = (void *)bytes;
    int rc;

    map->fm_start = ask->offset;
    map->fm_length = end - ask->offset;
    map->fm_extent_count = EXTENTS;
    rc = ioctl(fd, FS_IOC_FIEMAP, map);
    for (uint32_t i = 0; rc == 0 && i < map->fm_mapped_extents; i++) {
        const struct fiemap_extent *x = &map->fm_extents[i];
        uint64_t from = x->fe_logical > ask->offset ? x->fe_logical : ask->offset;
        uint64_t to = x->fe_logical + x->fe_length < end ? x->fe_logical + x->fe_length : end;

        rc = add_piece(p, x->fe_physical + (from - x->fe_logical), (size_t)(to - from));
    }
    return rc < 0 ? -errno : rc;
}

static int add_image(const struct walk_disk *d, unsigned i, struct arena *a, void *buffer,
                     struct pieces *p)
{
    char path[256], name[64];
    struct image_parse *parse;
    struct image_ask ask;
    struct stat st;
    int fd, rc = 0;

    snprintf(path, sizeof path, "%s/%s", d->mount, walk_disk_name(i, name));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return -errno;
    arena_reset(a);
    parse = parse_image_start(a, (uint64_t)st.st_size, IMAGE_IN_FILE);
    while (rc == 0 && parse != NULL && parse_image_needs(parse, &ask)) {
        ssize_t n = pread(fd, buffer, ask.bytes, (off_t)ask.offset);

        rc = n < 0 ? -errno : add_ask(fd, &ask, p);
        parse_image_give(parse, (struct bytes){ buffer, n < 0 ? 0 : (size_t)n });
    }
    close(fd);
    return parse == NULL ? -ENOMEM : rc;
}

static int compare_pieces(const void *a, const void *b)
{
    const struct walk_piece *x = a, *y = b;

    return (x->offset > y->offset) - (x->offset < y->offset);
}

int walk_disk_pieces(const struct walk_disk *d, struct walk_piece **out, size_t *n, struct err *e)
{
    struct arena *a = arena_new(0);
    void *buffer = malloc(IMAGE_ASK_BYTES);
    struct pieces p = { .n = 0 };
    int rc = a == NULL || buffer == NULL ? -ENOMEM : 0;

    for (unsigned i = 0; i < d->images && rc == 0; i++)
        rc = add_image(d, i, a, buffer, &p);
    arena_free(a);
    free(buffer);
    if (rc < 0 || p.n == 0) {
        free(p.v);
        return err_set(e, rc, "it cannot be told where the images are: %s", strerror(-rc));
    }
    qsort(p.v, p.n, sizeof *p.v, compare_pieces);
    *out = p.v;
    *n = p.n;
    return 0;
}

static int add_cached(const char *path, uint64_t *bytes)
{
    unsigned char vector[IMAGE_BYTES / 4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, IMAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED) {
        rc = mincore(p, IMAGE_BYTES, vector);
        munmap(p, IMAGE_BYTES);
    }
    for (size_t i = 0; rc == 0 && i < sizeof vector; i++)
        *bytes += (vector[i] & 1) * UINT64_C(4096);
    if (fd >= 0)
        close(fd);
    return rc;
}

int walk_disk_cached(const struct walk_disk *d, uint64_t *bytes, struct err *e)
{
    char path[256], name[64];

    *bytes = 0;
    for (unsigned i = 0; i < d->images; i++) {
        snprintf(path, sizeof path, "%s/%s", d->mount, walk_disk_name(i, name));
        if (add_cached(path, bytes) != 0)
            return fail(e, "the pages of an image cannot be counted");
    }
    return 0;
}
