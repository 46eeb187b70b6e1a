/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which user the coordinator runs as. It needs no root: started as root it becomes `user`. */
#ifndef MUSTER_COORDINATOR_PRIVILEGE_H
#define MUSTER_COORDINATOR_PRIVILEGE_H

#include "config.h"

/* Can this process run as the configured user? 0 or a negative errno with a sentence. */
int privilege_check(const struct config *c, struct err *e);

/* Makes the folders that are missing (state directory 0700, the one of the operators' socket 0755),
 * gives them to the configured user and becomes that user for good. Before any thread is started. 0
 * or a negative errno with a sentence. */
int privilege_enter(const struct config *c, struct err *e);

#endif
