/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker may ask of the kernel. */
#ifndef MUSTER_WORKER_FILTER_H
#define MUSTER_WORKER_FILTER_H

#include "base/err.h"
#include "base/types.h"

/* From now on this process and its children get EPERM for whatever changes the machine. If it
 * `runs_programs`, these are trusted to change no files but those that their user may; else the
 * process can open nothing for writing, change no name, start no program and signal, trace or talk
 * to none. Needs no_new_privs. A kernel or an architecture without seccomp filters goes without.
 * 0, or a negative errno with a sentence. */
int worker_filter(bool runs_programs, struct err *e);

#endif
