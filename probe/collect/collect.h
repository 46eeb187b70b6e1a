/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collectors: what a worker process runs. Each is one table row and one file that reads bytes, and
 * one pure parse_X.c that makes rows of them. Called in a worker only: they may block. */
#ifndef MUSTER_COLLECT_H
#define MUSTER_COLLECT_H

#include "agent.h"
#include "base/arena.h"
#include "base/err.h"
#include "model/sections.h"

struct collect_request {
    struct strs interfaces; /* globs of links that count as the host's though they are virtual */
    struct strs devices;    /* globs of block devices that are looked at; none: all */
    struct strs touched;    /* those that the kernel has announced something of meanwhile */
    bool whole;             /* nothing that can be asked anew is taken from memory */
    struct bytes memory;    /* what the last worker of this kind wanted kept */
    const char *sys_root;   /* prefix of /sys, /proc and /etc paths; "" on a real host */
};

/* Collects all sections of one worker kind into `out` (room for SECTION_COUNT), not normalised,
 * with status OK, ABSENT (text says why) or FAILED (text); generation and ages are left 0. Rows
 * live in `a`. *memory: at most LIMIT_WORKER_KEEPS_BYTES in `a` for the next worker of this kind,
 * or nothing. 0, -ENOMEM, or a negative errno with a sentence when nothing at all could be
 * collected. */
int collect_run(enum worker_kind kind, const struct collect_request *req, struct arena *a,
                struct section *out, size_t *count, struct bytes *memory, struct err *e);

/* Opens what a confined worker of this kind can open no more: before worker_confine. What is not
 * there is left out. */
void collect_prepare(enum worker_kind kind);

/* What the worker must keep when it drops privileges before collecting: true only for kinds whose
 * sources are readable by root alone (SMBIOS UUID and serial). */
bool collect_needs_root(enum worker_kind kind);

#endif
