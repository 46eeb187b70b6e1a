/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the run directory share. Nothing else includes this. */
#ifndef MUSTER_RUN_DIR_INTERNAL_H
#define MUSTER_RUN_DIR_INTERNAL_H

#include "run_dir.h"

enum { RUN_DIR_PATH_BYTES = 512, RUN_DIR_NAME_BYTES = 224 };

struct run_dir {
    char path[RUN_DIR_PATH_BYTES];
    int fd;
    int lock;
};

/* The whole of the file or nothing. 0 or a negative errno. */
int run_dir_replace(const struct run_dir *d, const char *name, const uint8_t *p, size_t n);

/* run_dir_scan.c: records in files KIND-BOOT-NAME. */
int run_dir_save_record(const struct run_dir *d, const char *name, const struct record_desc *desc,
                        const void *record, struct err *e);
/* Calls `each` for all of this kind ("scan-") and boot; those of other boots are removed. `what`:
 * of what such a file is, for a person who has to remove one that cannot be read. */
int run_dir_each_record(const struct run_dir *d, const char *kind, uuid128 boot_id,
                        const struct record_desc *desc, const char *what,
                        int (*each)(void *ctx, const void *record), void *ctx, struct err *e);

#endif
