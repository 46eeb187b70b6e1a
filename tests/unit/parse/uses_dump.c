/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects the uses of devices and prints them as one JSON document, with the milliseconds that it
 * took: uses-dump [--root DIR] CONTAINER=DEVICE... A container may have several devices. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collect/read.h"
#include "collect/read_uses.h"
#include "support/support.h"

enum { DEVICES = 256, HOLDERS = 64 };

static struct strs holders_of(const char *device, struct arena *a)
{
    const char **names = arena_array(a, HOLDERS, sizeof *names);
    char path[512];
    struct dirent *d;
    size_t n = 0;
    DIR *dir;

    snprintf(path, sizeof path, "/sys/class/block/%s/holders", device);
    dir = opendir(path);
    while (dir != NULL && n < HOLDERS && (d = readdir(dir)) != NULL) {
        if (d->d_name[0] != '.')
            names[n++] = arena_strdup(a, d->d_name);
    }
    if (dir != NULL)
        closedir(dir);
    return (struct strs){ names, n };
}

static bool make(const char *text, const struct collect_request *req, struct arena *a,
                 struct block_container *out)
{
    const char *device = strchr(text, '=');
    char path[READ_PATH_MAX];

    if (device == NULL)
        return false;
    out->container = arena_strndup(a, text, (size_t)(device - text));
    out->device = ++device;
    out->holders = holders_of(device, a);
    return read_path(req, path, "/sys/class/block/%s/dev", device) &&
           dm_devnum(read_file(a, path, 64, NULL), &out->devnum);
}

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    struct block_container devices[DEVICES];
    struct collect_request req = { .sys_root = "" };
    struct arena *a = arena_new(0);
    struct buf out = { 0 };
    struct section s;
    struct err e = { "" };
    int64_t start;
    size_t n = 0;
    int rc;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--root") == 0 && i + 1 < argc) {
            req.sys_root = argv[++i];
        } else if (n == DEVICES || !make(argv[i], &req, a, &devices[n++])) {
            fprintf(stderr, "usage: uses-dump [--root DIR] CONTAINER=DEVICE...; %s is none\n",
                    argv[i]);
            return 2;
        }
    }
    start = now_us();
    rc = collect_uses(
        &req,
        &(struct used_devices){ .tree = &(struct tree){ .n = 0 }, .containers = devices, .n = n },
        a, &s, &e);
    start = now_us() - start;
    if (rc == 0)
        rc = sections_json(&s, 1, a, &out, &e);
    if (rc == 0)
        printf("%s", buf_cstr(&out));
    fprintf(stderr, "%s%s%.1f ms\n", e.text, rc == 0 ? "" : "\n", (double)start / 1000);
    buf_deinit(&out);
    arena_free(a);
    return rc == 0 ? 0 : 1;
}
