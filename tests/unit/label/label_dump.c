/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the labels of devices, or of image files, and prints what they told as one JSON document:
 * label-dump [--limit-ms N] [--times N] PATH... With --times the devices are read as often, with
 * one memory; the last answers are printed, each with how long its read took in all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collect/read_label.h"
#include "model/render.h"

static int usage(void)
{
    fprintf(stderr, "usage: label-dump [--limit-ms N] [--times N] PATH...\n");
    return 2;
}

/* Image files too, which not every file system lets be read with O_DIRECT. */
static int open_any(const struct label_device *d, struct label_source *out)
{
    struct stat st;

    if (stat(d->path, &st) != 0 || !S_ISREG(st.st_mode))
        return label_open(d, out);
    out->fd = open(d->path, O_RDONLY | O_CLOEXEC);
    if (out->fd < 0)
        return -errno;
    out->size_bytes = (uint64_t)st.st_size;
    out->sector_bytes = 512;
    return out->size_bytes == 0 ? -ENOMEDIUM : 0;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void text(struct json *j, const char *name, const char *value)
{
    if (value != NULL)
        json_str(j, name, value);
}

static void one_label(struct json *j, struct arena *a, const char *path, const struct label *l)
{
    struct label_container c = { .container = path };
    struct rows r = { .a = a };
    struct filesystem row = { .present = 0 };

    text(j, "pv_uuid", label_pv_uuid(l));
    text(j, "table_type", l->table_type);
    text(j, "table_uuid", l->table_uuid);
    if (parse_label_filesystem(&r, &c, l, &row)) {
        json_object(j, "filesystem");
        json_record(j, &filesystem_desc, &row);
        json_end_object(j);
    }
    json_array(j, "partitions");
    for (size_t i = 0; i < l->partition_count; i++) {
        const struct label_partition *p = &l->partitions[i];

        json_object(j, NULL);
        json_int(j, "number", (int64_t)p->number);
        json_int(j, "start_bytes", (int64_t)p->start_bytes);
        json_int(j, "size_bytes", (int64_t)p->size_bytes);
        text(j, "type", p->type);
        text(j, "uuid", p->uuid);
        text(j, "label", p->label);
        json_end_object(j);
    }
    json_end_array(j);
}

static void one_answer(struct json *j, struct arena *a, const char *path,
                       const struct label_answer *answer)
{
    static const char *const names[] = { "read", "failed", "stuck", "skipped" };

    json_object(j, NULL);
    json_str(j, "path", path);
    json_str(j, "status", names[answer->status]);
    text(j, "text", answer->text);
    if (answer->status == LABEL_STUCK)
        json_int(j, "since_ms", answer->since.v);
    if (answer->status == LABEL_READ) {
        json_int(j, "size_bytes", (int64_t)answer->size_bytes);
        one_label(j, a, path, &answer->label);
    }
    json_end_object(j);
}

static int dump(char **paths, size_t n, int64_t limit_ms, int times)
{
    static struct label_memory memory;
    struct arena *a = arena_new(0);
    struct label_device *devices = arena_array(a, n, sizeof *devices);
    struct label_answer *answers = arena_array(a, n, sizeof *answers);
    struct buf out = { 0 };
    struct json j;
    struct err e = { "" };
    int64_t start = 0;
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        struct stat st = { .st_rdev = 0 };

        stat(paths[i], &st);
        devices[i].path = paths[i];
        /* The number of a file must be no device's, which an inode's small number may be. */
        devices[i].devnum = st.st_rdev != 0 ? st.st_rdev : ~(dev_t)i;
    }
    for (int i = 0; i < times && rc == 0; i++) {
        start = now_ms();
        rc = read_labels(devices, n, open_any, limit_ms, &memory, a, answers, &e);
    }
    if (rc < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    json_init(&j, &out);
    json_object(&j, NULL);
    json_int(&j, "took_ms", now_ms() - start);
    json_array(&j, "answers");
    for (size_t i = 0; i < n; i++)
        one_answer(&j, a, paths[i], &answers[i]);
    json_end_array(&j);
    json_end_object(&j);
    printf("%s\n", buf_cstr(&out));
    buf_deinit(&out);
    arena_free(a);
    return 0;
}

int main(int argc, char **argv)
{
    int64_t limit_ms = LABEL_LIMIT_MS;
    int i, times = 1;

    for (i = 1; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "--limit-ms") == 0)
            limit_ms = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--times") == 0)
            times = (int)strtol(argv[i + 1], NULL, 10);
        else
            return usage();
    }
    if (i >= argc || limit_ms <= 0 || times <= 0)
        return usage();
    return dump(argv + i, (size_t)(argc - i), limit_ms, times);
}
