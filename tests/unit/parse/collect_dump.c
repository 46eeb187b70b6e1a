/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one kind of worker's collection, or that of block devices alone, in this process and prints
 * its sections as one JSON document: collect-dump KIND [--root DIR] [--interface GLOB]...
 * [--device GLOB]... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/collect.h"
#include "collect/read_block.h"
#include "model/render.h"
#include "support/support.h"

static const char *const kinds[] = { "system", "net", "lldp", "storage", "lvm" };

static int usage(void)
{
    fprintf(stderr, "usage: collect-dump system|net|lldp|storage|lvm|block [--root DIR] "
                    "[--interface GLOB]... [--device GLOB]...\n");
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

int main(int argc, char **argv)
{
    const char *globs[64], *devices[64];
    struct collect_request req = { .interfaces = { globs, 0 },
                                   .devices = { devices, 0 },
                                   .sys_root = "" };
    struct section sections[SECTION_COUNT];
    struct arena *a = arena_new(0);
    struct buf out = { 0 };
    struct err e = { "" };
    size_t count = 0;
    bool block = argc >= 2 && strcmp(argv[1], "block") == 0;
    struct bytes memory;
    int kind = argc < 2 ? -1 : kind_of(argv[1]), rc;

    if (kind < 0 && !block)
        return usage();
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 == argc)
            return usage();
        if (strcmp(argv[i], "--root") == 0)
            req.sys_root = argv[i + 1];
        else if (strcmp(argv[i], "--interface") == 0 && req.interfaces.n < ARRAY_LEN(globs))
            globs[req.interfaces.n++] = argv[i + 1];
        else if (strcmp(argv[i], "--device") == 0 && req.devices.n < ARRAY_LEN(devices))
            devices[req.devices.n++] = argv[i + 1];
        else
            return usage();
    }
    if (block)
        rc = collect_block(&req, a, sections, &count, &e);
    else
        rc = collect_run((enum worker_kind)kind, &req, a, sections, &count, &memory, &e);
    if (rc == 0)
        rc = sections_json(sections, count, a, &out, &e);
    if (rc == 0)
        printf("%s", buf_cstr(&out));
    else
        fprintf(stderr, "%s\n", e.text);
    buf_deinit(&out);
    arena_free(a);
    return rc == 0 ? 0 : 1;
}
