/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks LVM about devices as the worker does, and prints the sections as one JSON document:
 * lvm-dump [--capture DIR] /dev/NAME=CONTAINER... With --capture it writes what LVM answered into
 * DIR instead. Before the sections it prints nothing, so a time limit of the caller's holds for
 * LVM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "collect/read_lvm.h"
#include "support/support.h"

static struct lvm_device device_of(struct arena *a, const char *argument)
{
    const char *equals = strchr(argument, '=');
    struct lvm_device d = { .path = argument };
    struct stat s;

    if (equals != NULL) {
        d.path = arena_strndup(a, argument, (size_t)(equals - argument));
        d.container = equals + 1;
    }
    d.name = strncmp(d.path, "/dev/", 5) == 0 ? d.path + 5 : d.path;
    if (stat(d.path, &s) == 0 && S_ISBLK(s.st_mode))
        d.devnum = arena_printf(a, "%u:%u", major(s.st_rdev), minor(s.st_rdev));
    return d;
}

static int write_file(const char *dir, const char *name, struct bytes b)
{
    char path[1024];
    FILE *f;
    int rc;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    if (f == NULL || fwrite(b.p, 1, b.n, f) != b.n) {
        perror(path);
        if (f != NULL)
            fclose(f);
        return -1;
    }
    rc = fclose(f);
    return rc;
}

static int capture_answers(const char *dir, const struct lvm_device *devices, size_t n,
                           struct arena *a, struct err *e)
{
    const char *trouble;
    struct lvm_input in;
    int rc = read_lvm(devices, n, read_lvm_device_mapper(""), a, &in, &trouble, e);

    if (rc == 0)
        rc = write_file(dir, "report.json", in.report);
    if (rc == 0)
        rc = write_file(dir, "duplicates.json", in.duplicates);
    return rc;
}

static int print_sections(const struct lvm_device *devices, size_t n, struct arena *a,
                          struct err *e)
{
    struct section sections[3];
    struct buf out = { 0 };
    struct lvm_tables tables = { 0 };
    size_t count = 0;
    int rc = collect_lvm("", devices, n, a, sections, &count, &tables, e);

    if (rc == 0)
        rc = sections_json(sections, count, a, &out, e);
    if (rc == 0)
        printf("%s", buf_cstr(&out));
    buf_deinit(&out);
    return rc;
}

int main(int argc, char **argv)
{
    struct arena *a = arena_new(0);
    struct lvm_device *devices = arena_array(a, (size_t)argc, sizeof *devices);
    const char *dir = NULL;
    struct err e = { "" };
    size_t n = 0;
    int rc;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--capture") == 0 && i + 1 < argc)
            dir = argv[++i];
        else
            devices[n++] = device_of(a, argv[i]);
    }
    rc = dir != NULL ? capture_answers(dir, devices, n, a, &e) : print_sections(devices, n, a, &e);
    if (rc != 0)
        fprintf(stderr, "%s\n", e.text);
    arena_free(a);
    return rc == 0 ? 0 : 1;
}
