/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker of a change of a volume group. */
#ifndef MUSTER_WORKER_CHANGE_H
#define MUSTER_WORKER_CHANGE_H

#include <stdio.h>

#include "base/err.h"
#include "wire/messages.h"

#define WORKER_CHANGE "change" /* its kind */

enum { CHANGE_KEY_TEXT = 66, CHANGE_COMM_TEXT = 16 };

/* The last of its arguments: TASK-JOB-ATTEMPT. */
void change_key_text(const struct order_key *key, char out[CHANGE_KEY_TEXT]);
/* The name that it goes by in the kernel. A process that ends keeps it until all of its I/O is
 * over, when its arguments are gone already. */
void change_comm(const char *boot, const char *key, char out[CHANGE_COMM_TEXT]);

/* Reads its order, carries it out and sends its result. `boot` and `key` are its arguments. 0, or a
 * negative errno with a sentence: nobody was told. */
int worker_change(const char *boot, const char *key, struct err *e);

#endif
