/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_SHELL_H
#define MUSTER_SHELL_H

#include <pthread.h>

#include "base/err.h"

/* One sentence to the log, then the process ends at once with exit code 1: nothing may run on
 * beside a thread that cannot. Everything acknowledged is durable already. */
__attribute__((noreturn, format(printf, 1, 2))) void shell_die(const char *fmt, ...);

/* A thread that top and perf show under `name` (15 characters at most). 0, or a negative errno
 * with a sentence. */
int shell_thread(pthread_t *thread, const char *name, void *(*run)(void *), void *arg,
                 struct err *e);

#endif
