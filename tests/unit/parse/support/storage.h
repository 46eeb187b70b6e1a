/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts written by hand, and what their devices answered, for tests of what becomes of labels. */
#ifndef MUSTER_TESTS_PARSE_STORAGE_H
#define MUSTER_TESTS_PARSE_STORAGE_H

#include <criterion/criterion.h>

#include "collect/parse_storage.h"
#include "support/block.h"

#define BOOT "00000000-1111-4222-8333-444444444444"
#define NAA  "naa.60000000000000000000000000000aaa"
#define NAB  "naa.60000000000000000000000000000bbb"

static struct arena *a;
static struct err e;
static const struct tree *tree; /* of the last host */

static inline void storage_open(void)
{
    a = arena_new(0);
}

static inline void storage_close(void)
{
    arena_free(a);
}

/* Disks of SCSI host 1; `more` goes into the folder of the disk. */
static inline const char *disk(const char *name, int minor, const char *wwid, const char *more)
{
    const char *device = arena_printf(a, "/sys/devices/pci0/host1/target1/1:0:0:%d", minor);

    return arena_printf(a,
                        "[%s/block/%s]\nclass block %s\ndev = 8:%d\nsize = 4096\nro = 0\n"
                        "removable = 0\ndevice -> %s\nholders/\n%s\n[%s]\ntype = 0\n"
                        "state = running\nwwid = %s\n",
                        device, name, name, minor, device, more, device, wwid);
}

static inline const char *on_top(const char *name, const char *devnum, const char *more)
{
    return arena_printf(a,
                        "[/sys/devices/virtual/block/%s]\nclass block %s\ndev = %s\nsize = 2048\n"
                        "holders/\n%s\n",
                        name, name, devnum, more);
}

static inline struct storage host_of(const char *const *parts, size_t n)
{
    struct block_host *h = arena_alloc(a, sizeof *h);
    struct storage s = { .r = { .a = a }, .now = { 9000 } };

    block_host_init(h, a);
    for (size_t i = 0; i < n; i++)
        block_host_text(h, bytes_of(parts[i]));
    s.rows = block_host_rows(h);
    tree = &h->in.tree;
    cr_assert_eq(parse_containers(&h->in, &s.rows, a, &s.containers, &s.container_count, &e), 0);
    cr_assert_eq(storage_memory_read((struct bytes){ NULL, 0 }, BOOT, a, &s.before, &e), 0);
    for (size_t i = 1; i < s.container_count; i++)
        cr_assert_lt(strcmp(s.containers[i - 1].container, s.containers[i].container), 0);
    return s;
}

#define STORAGE(...)                              \
    host_of((const char *const[]){ __VA_ARGS__ }, \
            sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static inline struct block_container *the(struct storage *s, const char *name)
{
    struct block_container *c = container_by_name(s->containers, s->container_count, name);

    cr_assert_not_null(c, "there is no %s", name);
    return c;
}

static inline struct label_answer *answer(enum label_status status)
{
    struct label_answer *out = arena_zalloc(a, sizeof *out);

    out->status = status;
    out->since = (mono_ms){ 4000 };
    out->text = "it does not answer";
    return out;
}

/* An ext4 beside, or in, a table with two partitions. */
static inline struct label_answer *with_table(void)
{
    static const struct label_partition parts[] = {
        { 1, 1 << 20, 1 << 20, "0x83", "1234-01", "one" },
        { 2, 2 << 20, 1 << 20, "0x5", "1234-02", NULL },
    };
    struct label_answer *out = answer(LABEL_READ);

    out->label.table_type = "dos";
    out->label.partitions = parts;
    out->label.partition_count = 2;
    return out;
}

static struct label_answer *with_ext4(void)
{
    struct label_answer *out = answer(LABEL_READ);

    out->label.type = "ext4";
    out->label.usage = "filesystem";
    out->label.uuid = "01234567-89ab-4cde-8f01-23456789abcd";
    out->label.label = "data";
    return out;
}

/* What the next worker knows, after this one's memory went through its bytes. */
static inline void next_worker(struct storage *s)
{
    struct storage_memory m = { .stuck = s->before.stuck };
    struct bytes kept;
    size_t left_out;

    storage_remember(s, &m);
    cr_assert_eq(storage_memory_write(&m, BOOT, a, &kept, &left_out, &e), 0);
    cr_assert_eq(left_out, 0);
    cr_assert_eq(storage_memory_read(kept, BOOT, a, &s->before, &e), 0);
}

#endif
