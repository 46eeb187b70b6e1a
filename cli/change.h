/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of volume groups: what the nouns vg and lv share. */
#ifndef MUSTER_CLI_CHANGE_H
#define MUSTER_CLI_CHANGE_H

#include "nouns.h"

/* Asks for it, tells the task; with --wait follows it to its end. 0 or an exit code. */
int change_ask(struct run *r, struct vg_ask *what);
/* The same, for an LV that is to be active on the node, or (NULL) nowhere. */
int change_ask_active(struct run *r, struct vg_ask *what, const char *node);
/* The argument as a size, as LVM's are written: 20G is 20 GiB, a number alone is MiB. 0 or
 * EXIT_USAGE. */
int argument_size(struct run *r, size_t i, uint64_t *out);
int text_size(struct run *r, const char *text, uint64_t *out); /* the same of any text */

extern const struct option change_options[]; /* --wait */

#define CHANGE_ABOUT                                                                               \
    "\nIt becomes a task, which one node carries out while no other changes that volume group; "   \
    "then every node that sees it reads the metadata again. Changes of one volume group go one "   \
    "after the other, in the order in which they were asked for. Without --wait the command ends " \
    "when the task is stored: muster task watch N."
#define CHANGE_EXITS                                                                                 \
    "0 begun, with --wait done; 1 refused, failed, or with --wait not done; 2 usage, 3 coordinator " \
    "not reachable."

#endif
