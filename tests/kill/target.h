/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The coordinator that is killed: a process of its own, its state directory, and who asks it. */
#ifndef MUSTER_TESTS_KILL_TARGET_H
#define MUSTER_TESTS_KILL_TARGET_H

#include <sys/types.h>

#include "base/err.h"
#include "client/muster.h"

struct target {
    const char *program, *listen;
    char dir[256], state[300], client[300], notify[300];
    pid_t pid;
    int ready; /* readable once it serves */
    struct muster_client *conn;
};

/* All in `dir`, which is there. 0, or a negative errno with a sentence. */
int target_init(struct target *t, const char *program, const char *listen, const char *dir,
                struct err *e);
void target_deinit(struct target *t); /* kills it */

int target_start(struct target *t, struct err *e); /* does not wait */
/* True once it has said that it serves. -ECHILD: it has ended instead. */
int target_serves(struct target *t, struct err *e);
int target_wait(struct target *t, struct err *e); /* until it serves */
void target_kill(struct target *t);               /* SIGKILL, and waits until it is gone */
void target_stop(struct target *t);               /* SIGTERM: all is synced */

/* 0, or MUSTER_E_... with a sentence. */
int target_ask(struct target *t, const struct request *req, struct muster_reply *out,
               struct err *e);

/* With it killed: the database and all that belongs to it into another folder, or back. */
int target_copy(const char *from, const char *to, struct err *e);

#endif
