/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A real coordinator for a benchmark: its own process and temporary state, on loopback. */
#ifndef MUSTER_BENCH_DAEMON_H
#define MUSTER_BENCH_DAEMON_H

#include <sys/types.h>

#include "base/err.h"
#include "client/muster.h"
#include "folder.h"

struct daemon_run {
    struct folder folder;
    char state[160];
    char nodes[64];   /* tcp endpoint for nodes */
    char client[160]; /* ipc endpoint */
    pid_t pid;
    struct muster_client *conn;
};

/* Starts `program` and waits until it answers. 0, or a negative errno with a sentence. */
int daemon_start(const char *program, struct daemon_run *d, struct err *e);
/* With more words on its command line, at most 8, and NULL. */
int daemon_start_with(const char *program, const char *const *words, struct daemon_run *d,
                      struct err *e);
/* Ends it and removes its state. */
void daemon_stop(struct daemon_run *d);
/* User and system time of the process so far, in seconds. */
double daemon_cpu_s(const struct daemon_run *d);
/* What is resident of it now, in KiB; negative: not known. */
long daemon_memory_kib(const struct daemon_run *d);
/* `count` enrolment tokens; free each and the array, also after a failure. 0, or a negative errno
 * with a sentence. */
int daemon_tokens(struct daemon_run *d, uint32_t count, char ***out, struct err *e);

int loopback_port(void);             /* that no other test or benchmark takes while we live */
int run_program(char *const argv[]); /* to its end; 0, or -1: it did not end well */
double seconds_now(void);            /* CLOCK_MONOTONIC */
int compare_doubles(const void *a, const void *b);
double median(double *values, size_t n); /* sorts */

#endif
