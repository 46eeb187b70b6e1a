/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the run directory share. Nothing else includes this. */
#ifndef MUSTER_RUN_DIR_INTERNAL_H
#define MUSTER_RUN_DIR_INTERNAL_H

#include "run_dir.h"

enum { RUN_DIR_PATH_BYTES = 512, RUN_DIR_NAME_BYTES = 96 };

struct run_dir {
    char path[RUN_DIR_PATH_BYTES];
    int fd;
    int lock;
};

/* The whole of the file or nothing. 0 or a negative errno. */
int run_dir_replace(const struct run_dir *d, const char *name, const uint8_t *p, size_t n);

#endif
