/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks xenstore by its protocol (Xen's docs/misc/xenstore.txt, public/io/xs_wire.h): the calls of
 * libxenstore have no time limit, and a xenstored that hangs would hang the collection. Ask for
 * what is named and no more: beside it lie passwords of consoles. */
#ifndef MUSTER_COLLECT_XENSTORE_H
#define MUSTER_COLLECT_XENSTORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"

enum {
    XENSTORE_PAYLOAD_MAX = 4096, /* of its protocol */
    XENSTORE_PATH_BYTES = 128,
};

enum xenstore_question {
    XENSTORE_LIST = 1, /* XS_DIRECTORY */
    XENSTORE_READ = 2, /* XS_READ */
};

struct xenstore {
    int fd;
    int limit_ms;
    int64_t deadline_ms;
    uint32_t asked;
    struct arena *a;
    struct err *e;
};

/* `fd` does not block. What is asked from now on may take `limit_ms` in all; values go to `a`,
 * sentences to `e`. */
void xenstore_start(struct xenstore *s, int fd, int limit_ms, struct arena *a, struct err *e);

/* The answer is in `out` (room for XENSTORE_PAYLOAD_MAX). 0; 1: there is no such thing; or a
 * negative errno with a sentence. */
int xenstore_ask(struct xenstore *s, enum xenstore_question type, const char *path, uint8_t *out,
                 size_t *n);

/* *out: the value of a path, nothing if there is none. 0 or a negative errno with a sentence. */
int xenstore_value(struct xenstore *s, const char *path, struct bytes *out);

#endif
