/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/block.h"

/* The classes that tell of disks. */
static const char *const classes[] = { "scsi_host",    "fc_host",         "fc_remote_ports",
                                       "fc_transport", "iscsi_host",      "iscsi_session",
                                       "sas_host",     "iscsi_connection" };

static void add_once(struct block_host *h, const char *dir, const char *name, const char *target)
{
    tree_add_link(&h->tree, dir, name, target);
}

/* "/sys/devices/.../iscsi_session/session1" is a member of the class iscsi_session. */
static void add_class_link(struct block_host *h, const char *dir)
{
    const char *name = strrchr(dir, '/'), *before;
    char *above = name == NULL ? NULL : arena_strndup(h->a, dir, (size_t)(name - dir));

    before = above == NULL ? NULL : strrchr(above, '/');
    if (before == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (strcmp(before + 1, classes[i]) == 0)
            add_once(h, arena_printf(h->a, "/sys/class/%s", classes[i]), name + 1, dir);
    }
    if (strcmp(before + 1, "block") == 0) {
        add_once(h, "/sys/block", name + 1, dir);
        add_once(h, dir, "device", arena_strndup(h->a, dir, (size_t)(before - above)));
    }
}

static void add_file(struct block_host *h, const char *path, struct bytes data)
{
    const char *slash = strrchr(path, '/');
    const uint8_t *nul = data.n == 0 ? NULL : memchr(data.p, 0, data.n);
    const char *dir;

    if (slash == NULL || data.n == 0)
        return; /* tar gets nothing of the binary files, whose size sysfs gives as 0 */
    if (nul != NULL)
        data.n = (size_t)(nul - data.p); /* tar pads what is shorter than sysfs says */
    dir = arena_strndup(h->a, path, (size_t)(slash - path));
    tree_add_file(&h->tree, dir, slash + 1, data);
    add_class_link(h, dir);
}

/* Where a relative link leads: "../../devices/x" from "/sys/class/net". */
static const char *resolved(struct block_host *h, const char *dir, const char *target)
{
    size_t n = strlen(dir);

    while (strncmp(target, "../", 3) == 0) {
        target += 3;
        while (n > 0 && dir[n - 1] != '/')
            n--;
        n -= n > 0;
    }
    return arena_printf(h->a, "%.*s/%s", (int)n, dir, target);
}

static void add_link(struct block_host *h, const char *path, const char *target)
{
    const char *slash = strrchr(path, '/'), *dir, *real;

    if (slash == NULL)
        return;
    dir = arena_strndup(h->a, path, (size_t)(slash - path));
    real = resolved(h, dir, target);
    tree_add_link(&h->tree, dir, slash + 1, real);
    if (strcmp(dir, "/sys/block") == 0 && strstr(real, "/virtual/") == NULL)
        add_once(h, real, "device", resolved(h, real, "../.."));
}

void block_host_tar(struct block_host *h, struct bytes tar)
{
    const char *long_name = NULL, *long_target = NULL;
    size_t at = 0;

    while (at + 512 <= tar.n && tar.p[at] != 0) {
        const char *header = (const char *)tar.p + at;
        size_t size = strtoul(header + 124, NULL, 8);
        struct bytes data = { tar.p + at + 512, size };
        const char *name = long_name, *target = long_target;

        if (size > tar.n - at - 512)
            abort();
        at += 512 + (size + 511) / 512 * 512;
        if (header[156] == 'L') {
            long_name =
                arena_strndup(h->a, (const char *)data.p, strnlen((const char *)data.p, size));
            continue;
        }
        if (header[156] == 'K') {
            long_target =
                arena_strndup(h->a, (const char *)data.p, strnlen((const char *)data.p, size));
            continue;
        }
        if (name == NULL)
            name = arena_strndup(h->a, header, strnlen(header, 100));
        if (target == NULL)
            target = arena_strndup(h->a, header + 157, strnlen(header + 157, 100));
        name = arena_printf(h->a, "/%s", name);
        long_name = long_target = NULL;
        if (header[156] == '0')
            add_file(h, name, data);
        else if (header[156] == '2')
            add_link(h, name, target);
    }
}

/* The folder of SCSI device "0:0:0:1", known from the tar. */
static const char *scsi_dir(struct block_host *h, const char *address)
{
    const char *suffix = arena_printf(h->a, "/%s", address);
    size_t k = strlen(suffix);

    for (size_t i = 0; i < h->tree.n; i++) {
        size_t n = strlen(h->tree.v[i].dir);

        if (n > k && strcmp(h->tree.v[i].dir + n - k, suffix) == 0 &&
            strstr(h->tree.v[i].dir, "/scsi_d") == NULL)
            return h->tree.v[i].dir;
    }
    return NULL;
}

/* "== /sys/class/scsi_device/0:0:0:0 -> ..." */
static const char *header_dir(struct block_host *h, struct bytes line)
{
    const char *text = arena_strndup(h->a, (const char *)line.p, line.n);
    const char *arrow = strstr(text, " -> "), *device = strstr(text, "/scsi_device/");
    const char *end;

    if (device == NULL)
        return arrow == NULL ? NULL : arrow + 4;
    device += strlen("/scsi_device/");
    end = strpbrk(device, " ");
    return scsi_dir(h, end == NULL ? device : arena_strndup(h->a, device, (size_t)(end - device)));
}

/* Appends the bytes of one line of hexdump -C: "00000010  60 01 ...  |text|". False: it is none. */
static bool hexdump_line(struct bytes line, struct buf *out)
{
    struct bytes word;

    if (line.n < 10 || line.p[8] != ' ' || !bytes_number((struct bytes){ line.p, 8 }, 16).has)
        return false;
    line.p += 9;
    line.n -= 9;
    while (bytes_word(&line, " ", &word)) {
        struct opt byte = bytes_number(word, 16);
        uint8_t b = (uint8_t)byte.v;

        if (word.n == 0)
            continue;
        if (word.n != 2 || !byte.has)
            break;
        buf_add(out, &b, 1);
    }
    return true;
}

static void end_page(struct block_host *h, const char *dir, struct buf *page)
{
    if (page->n > 4 && dir != NULL)
        tree_add_file(&h->tree, dir, arena_printf(h->a, "vpd_pg%02x", page->p[1]),
                      (struct bytes){ arena_memdup(h->a, page->p, page->n), page->n });
    buf_reset(page);
}

void block_host_sysfs_text(struct block_host *h, struct bytes text)
{
    struct buf page = { 0 };
    const char *dir = NULL;
    struct bytes line;

    while (bytes_line(&text, &line)) {
        const uint8_t *equals = line.n == 0 ? NULL : memchr(line.p, '=', line.n);

        if (line.n > 3 && memcmp(line.p, "== ", 3) == 0) {
            end_page(h, dir, &page);
            dir = header_dir(h, line);
            if (dir != NULL)
                add_class_link(h, dir);
        } else if (line.n == 8 && bytes_number(line, 16).has) {
            end_page(h, dir, &page); /* hexdump's last line: the length alone */
        } else if (hexdump_line(line, &page)) {
            continue;
        } else if (equals != NULL && dir != NULL && memmem(line.p, line.n, "=cat: ", 6) == NULL) {
            size_t n = (size_t)(equals - line.p);

            tree_add_file(&h->tree, dir, arena_strndup(h->a, (const char *)line.p, n),
                          (struct bytes){ equals + 1, line.n - n - 1 });
        }
    }
    end_page(h, dir, &page);
    buf_deinit(&page);
}

static const char *block_dir(struct block_host *h, const char *name)
{
    for (size_t i = 0; i < h->tree.n; i++) {
        if (strcmp(h->tree.v[i].dir, "/sys/block") == 0 && strcmp(h->tree.v[i].name, name) == 0)
            return (const char *)h->tree.v[i].data;
    }
    return NULL;
}

static void add_dev(struct block_host *h, const char *name, struct bytes dev)
{
    const char *dir = block_dir(h, name);

    if (dir == NULL && strncmp(name, "dm-", 3) == 0) {
        dir = arena_printf(h->a, "/sys/devices/virtual/block/%s", name);
        add_once(h, "/sys/block", name, dir);
    }
    if (dir != NULL)
        tree_add_file(&h->tree, dir, "dev", dev);
}

void block_host_multipath(struct block_host *h, struct bytes text)
{
    struct bytes line;

    while (bytes_line(&text, &line)) {
        char name[32], devnum[32];
        char *copy = arena_strndup(h->a, (const char *)line.p, line.n);

        if (strncmp(copy, "## show", 7) == 0)
            return;
        if (sscanf(copy, "%*s dm-%31[0-9]", devnum) == 1)
            add_dev(h, arena_printf(h->a, "dm-%s", devnum),
                    bytes_of(arena_printf(h->a, "253:%s", devnum)));
        else if (sscanf(copy, " |- %*[0-9:] %31s %31[0-9:]", name, devnum) == 2 ||
                 sscanf(copy, " `- %*[0-9:] %31s %31[0-9:]", name, devnum) == 2)
            add_dev(h, arena_strdup(h->a, name), bytes_of(arena_strdup(h->a, devnum)));
    }
}

static struct dm_text *map_named(struct block_host *h, struct bytes name)
{
    struct dm_text *m;

    for (size_t i = 0; i < h->in.map_count; i++) {
        if (h->maps[i].name.n == name.n && memcmp(h->maps[i].name.p, name.p, name.n) == 0)
            return &h->maps[i];
    }
    m = &h->maps[h->in.map_count];
    m->name = name;
    m->uuid = bytes_of(arena_printf(h->a, "mpath-%.*s", (int)name.n, (const char *)name.p));
    m->major = 253;
    m->minor = (uint32_t)h->in.map_count++;
    return m;
}

void block_host_dmsetup(struct block_host *h, struct bytes text)
{
    const uint8_t *from = memmem(text.p, text.n, "## dmsetup\n", 11);
    struct bytes line, name;

    if (from == NULL)
        abort();
    text.n -= (size_t)(from + 11 - text.p);
    text.p = from + 11;
    while (bytes_line(&text, &line) && line.n > 0 && line.p[0] != '#') {
        struct dm_text *m;

        if (!bytes_word(&line, ":", &name))
            continue;
        m = map_named(h, name);
        *(m->table.n == 0 ? &m->table : &m->status) = line;
    }
}
