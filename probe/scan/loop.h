/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loop devices that end by themselves when nothing has them open any more. */
#ifndef MUSTER_SCAN_LOOP_H
#define MUSTER_SCAN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { LOOP_PATH_BYTES = 32 };

struct loop {
    char path[LOOP_PATH_BYTES]; /* "/dev/loop7"; "": none */
    int fd;                     /* of the device; -1: none */
};

/* What it reads, and how. */
struct loop_of {
    int fd;
    uint32_t sector_bytes;
    bool writes; /* else it is read-only, and reads directly */
    uint64_t token;
};

/* 0; -EOPNOTSUPP: it does not read directly; or another negative errno; with a sentence. Whatever
 * it is, loop_close must follow. */
int loop_make(struct loop *l, const struct loop_of *of, struct err *e);
/* The path stays, for those who have it open by other means. */
void loop_close(struct loop *l);

#endif
