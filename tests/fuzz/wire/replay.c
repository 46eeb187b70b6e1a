/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over every file of a folder: the corpus as an ordinary test, with any
 * compiler. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"

static int replay_file(const char *folder, const char *name)
{
    char path[4096];
    uint8_t *data;
    size_t n, cap = 1u << 20;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    data = malloc(cap);
    n = data == NULL ? 0 : fread(data, 1, cap, f);
    fclose(f);
    /* Of exactly that size, so that a reader beyond its end is caught. */
    data = realloc(data, n > 0 ? n : 1);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    struct dirent *entry;
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;

    if (d == NULL) {
        fprintf(stderr, "usage: replay FOLDER\n");
        return 2;
    }
    while ((entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (replay_file(argv[1], entry->d_name) < 0)
            return 1;
        count++;
    }
    closedir(d);
    printf("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
