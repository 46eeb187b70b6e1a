/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which block devices are paths, and what sysfs says of each. */
#include <ctype.h>
#include <stdlib.h>

#include "collect/parse_block_rows.h"
#include "collect/parse_use.h"

#define NAME_MAX_BYTES 64 /* the kernel's DISK_NAME_LEN is 32 */
#define SECTOR_BYTES   512

const char *block_text(struct block_build *b, const char *dir, const char *name)
{
    return rows_text(&b->r, tree_file(b->t, dir, name));
}

struct opt block_number(struct block_build *b, const char *dir, const char *name)
{
    return bytes_number(tree_file(b->t, dir, name), 10);
}

const char *block_known(const char *text)
{
    static const char *const nothing[] = { "(null)",  "<NULL>", "<null>", "unknown",
                                           "Unknown", "none",   "default" };

    for (size_t i = 0; i < ARRAY_LEN(nothing) && text != NULL; i++) {
        if (strcmp(text, nothing[i]) == 0)
            return NULL;
    }
    return text;
}

const char *block_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

const char *block_cut(struct block_build *b, const char *path, size_t n)
{
    const char *out = arena_strndup(b->r.a, path, n);

    b->r.failed |= out == NULL;
    return out;
}

const char *block_part(struct block_build *b, const char *path, const char *prefix, size_t *end)
{
    size_t n = strlen(path), k = strlen(prefix);

    while (n > 0) {
        size_t from = n;

        while (from > 0 && path[from - 1] != '/')
            from--;
        if (n - from > k && memcmp(path + from, prefix, k) == 0 &&
            isdigit((unsigned char)path[from + k])) {
            if (end != NULL)
                *end = n;
            return block_cut(b, path + from, n - from);
        }
        n = from == 0 ? 0 : from - 1;
    }
    return NULL;
}

const char *block_devnum_text(struct block_build *b, uint64_t devnum)
{
    return rows_printf(&b->r, "%u:%u", (unsigned)(devnum >> 32), (unsigned)(devnum & UINT32_MAX));
}

const char *block_class(struct block_build *b, const char *class, const char *name)
{
    const char *dir = rows_printf(&b->r, "/sys/class/%s", class);

    return dir == NULL || name == NULL ? NULL : tree_link(b->t, dir, name);
}

struct strs block_entries(struct block_build *b, const char *dir, const char *sub)
{
    return tree_names(b->t, &b->r, dir, sub);
}

int block_compare_names(const char *x, const char *y)
{
    size_t n = strlen(x), m = strlen(y);

    return n != m ? (n > m) - (n < m) : strcmp(x, y);
}

/* As kernels name disks: keys and lists of rows are made of these names. */
static bool is_name(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n >= NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)name[i]) && strchr("!-_.", name[i]) == NULL)
            return false;
    }
    return true;
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A CD-ROM, and whatever else is no disk (SPC-4 6.6.2, peripheral device type). */
static bool is_scsi_disk(struct block_build *b, const char *device)
{
    struct opt type = block_number(b, device, "type");

    return !type.has || type.v == 0 || type.v == 7 || type.v == 14;
}

/* One of a scan is another way to its container, or the memory of its snapshot, for the scan alone.
 */
static bool is_loop(struct block_build *b, const char *dir)
{
    const char *loop = rows_printf(&b->r, "%s/loop", dir);
    struct bytes token, file;
    uint64_t devnum;

    if (loop == NULL || tree_find(b->t, loop, "backing_file") == NULL)
        return false;
    file = bytes_trim(tree_file(b->t, loop, "backing_file"));
    return !use_is_scan(file, &token, &devnum) && !use_is_scan_memory(file);
}

/* Devices on top of other devices have sections of their own; RAM disks are nobody's storage. */
static bool is_virtual_path(struct block_build *b, const struct block_path *p)
{
    static const char *const others[] = { "dm-", "md", "ram", "bcache", "drbd" };

    if (starts(p->name, "loop"))
        return is_loop(b, p->dir);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (starts(p->name, others[i]))
            return false;
    }
    return p->size_bytes.has;
}

/* Kernel: nvme_set_disk_name(). "nvme0c1n2" is a hidden path of "nvme0n2". */
static bool is_nvme(const char *name)
{
    return starts(name, "nvme") && isdigit((unsigned char)name[4]);
}

static bool is_path(struct block_build *b, const struct block_path *p)
{
    struct opt removable = block_number(b, p->dir, "removable");

    if (is_nvme(p->name))
        return strstr(p->dir, "/nvme-subsystem/") == NULL;
    if (strstr(p->dir, "/devices/virtual/block/") != NULL || p->device == NULL)
        return is_virtual_path(b, p);
    if (removable.has && removable.v != 0 && !p->size_bytes.has)
        return false; /* no medium in it */
    return starts(p->name, "sr") || starts(p->name, "fd") ? false : is_scsi_disk(b, p->device);
}

static struct opt size_of(struct block_build *b, const char *dir)
{
    struct opt sectors = block_number(b, dir, "size");

    if (!sectors.has || sectors.v == 0 || sectors.v > INT64_MAX / SECTOR_BYTES)
        return (struct opt){ .has = false };
    return (struct opt){ true, sectors.v * SECTOR_BYTES };
}

static void scsi_facts(struct block_build *b, struct block_path *p)
{
    struct opt relative = { .has = false }, group = { .has = false };
    const char *access = block_text(b, p->device, "access_state");

    p->vendor = block_text(b, p->device, "vendor");
    p->model = block_text(b, p->device, "model");
    p->revision = block_text(b, p->device, "rev");
    p->serial = parse_vpd80(&b->r, tree_file(b->t, p->device, "vpd_pg80"));
    parse_vpd83(&b->r, tree_file(b->t, p->device, "vpd_pg83"), &p->designators, &relative, &group);
    designator_add(&b->r, &p->designators, tree_file(b->t, p->device, "wwid"));
    ROW_U64(&p->row, path, relative_port, relative);
    ROW_U64(&p->row, path, target_port_group, group);
    ROW_TEXT(&p->row, path, address, rows_text(&b->r, bytes_of(block_base(p->device))));
    ROW_TEXT(&p->row, path, state, block_text(b, p->device, "state"));
    ROW_TEXT(&p->row, path, access_state, block_known(access));
    ROW_U64(&p->row, path, io_errors, bytes_number(tree_file(b->t, p->device, "ioerr_cnt"), 16));
    block_scsi_target(b, p);
}

/* "5c d2 e4 ..." (eui) and "5cd2e4...-..." (nguid) as one number. */
static void add_eui(struct block_build *b, struct block_path *p, const char *name)
{
    struct bytes raw = bytes_trim(tree_file(b->t, p->dir, name));
    char text[4 + 32 + 1] = "eui.";
    size_t n = 4;

    for (size_t i = 0; i < raw.n && n + 1 < sizeof text; i++) {
        if (isxdigit(raw.p[i]))
            text[n++] = (char)raw.p[i];
    }
    designator_add(&b->r, &p->designators, bytes_of(text));
}

static void nvme_facts(struct block_build *b, struct block_path *p)
{
    const char *uuid = block_text(b, p->dir, "uuid");

    designator_add(&b->r, &p->designators, tree_file(b->t, p->dir, "wwid"));
    add_eui(b, p, "nguid");
    add_eui(b, p, "eui");
    if (uuid != NULL)
        designator_add(&b->r, &p->designators, bytes_of(rows_printf(&b->r, "uuid.%s", uuid)));
    ROW_TEXT(&p->row, path, access_state, block_text(b, p->dir, "ana_state"));
    block_nvme_target(b, p);
}

static void loop_facts(struct block_build *b, struct block_path *p)
{
    p->file = block_text(b, rows_printf(&b->r, "%s/loop", p->dir), "backing_file");
    ROW_TEXT(&p->row, path, transport, "loop");
}

static void fill(struct block_build *b, struct block_path *p)
{
    ROW_TEXT(&p->row, path, device, rows_text(&b->r, bytes_of(p->name)));
    ROW_U64(&p->row, path, size_bytes, p->size_bytes);
    if (p->devnum.has && !p->hidden)
        ROW_TEXT(&p->row, path, devnum, block_devnum_text(b, p->devnum.v));
    if (is_nvme(p->name)) {
        nvme_facts(b, p);
    } else if (starts(p->name, "loop") && p->device == NULL) {
        loop_facts(b, p);
    } else if (p->device == NULL) {
        ROW_TEXT(&p->row, path, transport, "virtual");
    } else if (block_is_virtio(b, p->device)) {
        p->controller = rows_text(&b->r, bytes_of(block_base(p->device)));
        p->serial = block_text(b, p->dir, "serial");
        ROW_TEXT(&p->row, path, transport, "virtio");
    } else if (tree_find(b->t, p->device, "type") != NULL ||
               tree_find(b->t, p->device, "vendor") != NULL) {
        scsi_facts(b, p);
    } else if (strstr(p->device, "/vbd-") != NULL) {
        ROW_TEXT(&p->row, path, transport, "xen");
    } else if (strstr(p->device, "/mmc") != NULL) {
        ROW_TEXT(&p->row, path, transport, "mmc");
    }
    ROW_TEXT(&p->row, path, hba, p->controller);
}

static int compare_paths(const void *a, const void *b)
{
    return block_compare_names(((const struct block_path *)a)->name,
                               ((const struct block_path *)b)->name);
}

static bool look_at(struct block_build *b, const struct tree_entry *entry, struct block_path *p)
{
    struct opt hidden;

    *p = (struct block_path){ .name = entry->name, .dir = (const char *)entry->data };
    if (entry->kind != TREE_LINK || !is_name(entry->name))
        return false;
    p->device = tree_link(b->t, p->dir, "device");
    p->size_bytes = size_of(b, p->dir);
    p->devnum.has = dm_devnum(tree_file(b->t, p->dir, "dev"), &p->devnum.v);
    hidden = block_number(b, p->dir, "hidden");
    p->hidden = hidden.has && hidden.v != 0;
    return is_path(b, p);
}

void block_find_paths(struct block_build *b)
{
    struct tree all = tree_children(b->t, "/sys/block");

    b->paths = rows_array(&b->r, all.n, sizeof *b->paths);
    if (b->paths == NULL)
        return;
    for (size_t i = 0; i < all.n; i++)
        b->path_count += look_at(b, &all.v[i], &b->paths[b->path_count]);
    if (b->path_count > 1)
        qsort(b->paths, b->path_count, sizeof *b->paths, compare_paths);
    for (size_t i = 0; i < b->path_count; i++)
        fill(b, &b->paths[i]);
}
