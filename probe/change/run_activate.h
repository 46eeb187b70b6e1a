/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An LV gets its devices on this node, or has none of them afterwards. No metadata are written. Of
 * an order to activate the result *refused* says that there is no device of it here; of one to
 * deactivate, that it is in use. */
#ifndef MUSTER_CHANGE_RUN_ACTIVATE_H
#define MUSTER_CHANGE_RUN_ACTIVATE_H

#include "change/run_change.h"

/* Whether the order is about devices, and about no metadata. */
bool activate_is_for(const struct lvm_order *o);
/* As root, before it gives anything up: who the devices are, and a /dev with no others. 0, or a
 * negative errno with a sentence. */
int activate_open(struct change_run *r, struct err *e);
/* The rest. Fills the result, whatever happens. */
void activate_carry_out(struct change_run *r);

#endif
