/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker's half of its talk with the supervisor: one request in, one result out. */
#ifndef MUSTER_WORKER_TALK_H
#define MUSTER_WORKER_TALK_H

#include "base/buf.h"
#include "wire/messages.h"

enum { WORKER_FD = 3 };

/* Waits for the request. The record lives in `a`; *memory is what the last worker of this kind
 * wanted kept, mapped for good, nothing if there is none; *parent is the pid of the supervisor.
 * 0, or a negative errno with a sentence (fd 3 is no such socket, not a request, another kind's).
 */
int worker_request_read(const char *kind, struct arena *a, const struct worker_request **out,
                        struct bytes *memory, int *parent, struct err *e);

/* The sections as a report in a sealed memfd, and the result that carries it. `memory`: for the
 * next worker of this kind, in a second one; nothing if it has no bytes. */
int worker_result_send(const struct section *sections, size_t count, struct bytes memory,
                       struct arena *a, struct err *e);
/* A result without sections: why. */
int worker_error_send(const char *text, struct err *e);

/* Pieces of the above, for tests that get them wrong. A memfd with these bytes, sealed or not; or a
 * negative errno. */
int worker_memfd(const void *p, size_t n, bool sealed);
/* Either may be -1. */
int worker_send(const struct worker_result *result, int memfd, int memory, struct err *e);
/* A record in a sealed memory file, with what else `result` says; its version and length are filled
 * in. */
int worker_record_send(const struct record_desc *d, const void *record,
                       struct worker_result *result, struct err *e);

#endif
