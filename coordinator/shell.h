/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_SHELL_H
#define MUSTER_SHELL_H

/* One sentence to the log, then the process ends at once with exit code 1: nothing may run on
 * beside a thread that cannot. Everything acknowledged is durable already. */
__attribute__((noreturn, format(printf, 1, 2))) void shell_die(const char *fmt, ...);

#endif
