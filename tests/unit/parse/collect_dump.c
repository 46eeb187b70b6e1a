/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one kind of worker's collection, or that of block devices alone, in this process and prints
 * its sections as one JSON document: collect-dump KIND [--root DIR] [--interface GLOB]...
 * [--device GLOB]... [--memory FILE [--hint DEVICE]...]. FILE has what the last run wanted kept,
 * and gets what this one does. With --hint what is remembered need not be read again, unless it is
 * of one of these devices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "collect/collect.h"
#include "collect/read_block.h"
#include "model/render.h"
#include "support/support.h"

enum { GLOBS = 64 };

static const char *const kinds[] = { "system", "net", "lldp", "storage", "lvm", "xen" };

static int usage(void)
{
    fprintf(stderr, "usage: collect-dump system|net|lldp|storage|lvm|xen|block [--root DIR] "
                    "[--interface GLOB]... [--device GLOB]... "
                    "[--memory FILE [--hint DEVICE]...]\n");
    return 2;
}

static int kind_of(const char *name)
{
    for (int i = 0; i < (int)ARRAY_LEN(kinds); i++) {
        if (strcmp(name, kinds[i]) == 0)
            return i;
    }
    return -1;
}

static struct bytes read_memory(struct arena *a, const char *path)
{
    uint8_t *p = arena_alloc(a, LIMIT_WORKER_KEEPS_BYTES + 1);
    FILE *f = fopen(path, "rb");
    struct bytes out = { p, 0 };

    if (f == NULL)
        return out;
    out.n = fread(p, 1, LIMIT_WORKER_KEEPS_BYTES + 1, f);
    fclose(f);
    return out;
}

static void write_memory(struct bytes memory, const char *path)
{
    FILE *f = fopen(path, "wb");

    if (f == NULL || fwrite(memory.p, 1, memory.n, f) != memory.n || fclose(f) != 0)
        perror(path);
}

/* False: no such option. */
static bool set_option(const char *name, const char *value, struct collect_request *req,
                       const char **memory_path)
{
    struct strs *list = strcmp(name, "--interface") == 0 ? &req->interfaces
                        : strcmp(name, "--device") == 0  ? &req->devices
                        : strcmp(name, "--hint") == 0    ? &req->touched
                                                         : NULL;

    req->whole &= list != &req->touched;

    if (strcmp(name, "--root") == 0)
        req->sys_root = value;
    else if (strcmp(name, "--memory") == 0)
        *memory_path = value;
    else if (list != NULL && list->n < GLOBS)
        ((const char **)list->v)[list->n++] = value;
    else
        return false;
    return true;
}

static int collect(bool block, int kind, const char *memory_path, struct collect_request *req,
                   struct arena *a, struct buf *out, struct err *e)
{
    struct section sections[SECTION_COUNT];
    struct bytes memory = { NULL, 0 };
    size_t count = 0;
    int rc;

    if (memory_path != NULL)
        req->memory = read_memory(a, memory_path);
    if (block)
        rc = collect_block(req, a, sections, &count, e);
    else
        rc = collect_run((enum worker_kind)kind, req, a, sections, &count, &memory, e);
    if (rc == 0 && memory_path != NULL)
        write_memory(memory, memory_path);
    return rc == 0 ? sections_json(sections, count, a, out, e) : rc;
}

int main(int argc, char **argv)
{
    const char *globs[GLOBS], *devices[GLOBS], *touched[GLOBS], *memory_path = NULL;
    struct collect_request req = { .interfaces = { globs, 0 },
                                   .devices = { devices, 0 },
                                   .touched = { touched, 0 },
                                   .whole = true,
                                   .sys_root = "" };
    struct arena *a = arena_new(0);
    struct buf out = { 0 };
    struct err e = { "" };
    bool block = argc >= 2 && strcmp(argv[1], "block") == 0;
    int kind = argc < 2 ? -1 : kind_of(argv[1]), rc;

    if ((kind < 0 && !block) || argc % 2 != 0)
        return usage();
    for (int i = 2; i < argc; i += 2) {
        if (!set_option(argv[i], argv[i + 1], &req, &memory_path))
            return usage();
    }
    rc = collect(block, kind, memory_path, &req, a, &out, &e);
    if (rc == 0)
        printf("%s", buf_cstr(&out));
    else
        fprintf(stderr, "%s\n", e.text);
    buf_deinit(&out);
    arena_free(a);
    return rc == 0 ? 0 : 1;
}
