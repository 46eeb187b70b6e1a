/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One change of one volume group, from the first look at its devices to the version that it has
 * become. */
#ifndef MUSTER_CHANGE_RUN_CHANGE_H
#define MUSTER_CHANGE_RUN_CHANGE_H

#include "base/arena.h"
#include "base/err.h"
#include "wire/messages.h"

struct change_run {
    const struct lvm_change *change;
    struct arena *arena;
    bool device_mapper;
    struct lvm_result result;
};

/* As root, before it gives anything up: who the devices are, and a /dev with no others. 0, or a
 * negative errno with a sentence. */
int change_open(struct change_run *r, struct err *e);
/* The rest. Fills the result, whatever happens. */
void change_carry_out(struct change_run *r);
/* A result for what change_open said: refused only if no earlier attempt can have done anything. */
void change_not_opened(struct change_run *r, int rc, const struct err *e);

/* Fills the result; `reason` is copied. */
void change_set_outcome(struct change_run *r, enum lvm_outcome outcome, const char *reason);
/* This node, or what it finds on the devices, will not have it, now or later. */
bool change_is_refusal(int rc);

#endif
