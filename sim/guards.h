/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guards that muster-sim-guards can take away. */
#ifndef MUSTER_SIM_GUARDS_H
#define MUSTER_SIM_GUARDS_H

#include "base/guard.h"

int guard_by_name(const char *name); /* -1: there is none */
const char *guard_name(enum guard g);
const char *guard_text(enum guard g);

#endif
