/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the shell adds to a reply from the database, here from the model of it. */
#ifndef MUSTER_TESTS_CORE_JOIN_H
#define MUSTER_TESTS_CORE_JOIN_H

#include "life.h"

/* Before the change is applied: the store keeps what the row of a lost path says. */
void join_path_lost(struct life *l, const struct path_lost_row *lost);
/* Completes the reply; when memory is out it says that it has failed, as the shell does. */
void join_reply(struct life *l, const struct outgoing *o);

#endif
