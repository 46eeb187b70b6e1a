/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over files and folders of inputs: the corpus as an ordinary test, and inputs
 * that a fuzzer has found, with any compiler and debugger. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "target.h"

static size_t inputs;

static void cannot(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(1);
}

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data;
    struct stat st;
    size_t size;

    if (f == NULL || fstat(fileno(f), &st) != 0)
        cannot(path);
    size = (size_t)st.st_size;
    data = malloc(size > 0 ? size : 1); /* exactly, so that a reader beyond its end is caught */
    if (data == NULL || fread(data, 1, size, f) != size)
        cannot(path);
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    inputs++;
}

static void run_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char inner[4096];

    if (dir == NULL)
        cannot(path);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        run_file(inner);
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat st;

        if (stat(argv[i], &st) != 0)
            cannot(argv[i]);
        if (S_ISDIR(st.st_mode))
            run_folder(argv[i]);
        else
            run_file(argv[i]);
    }
    printf("%zu inputs\n", inputs);
    return inputs == 0;
}
