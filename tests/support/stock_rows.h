/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LUN number i of the hosts that tests make up, and the filesystem in it. Texts are in the arena;
 * what it has no memory for is missing. */
#ifndef MUSTER_TESTS_STOCK_ROWS_H
#define MUSTER_TESTS_STOCK_ROWS_H

#include "model/sections.h"

void stock_lun_row(unsigned i, struct arena *a, struct lun *row);
void stock_filesystem_row(unsigned i, struct arena *a, struct filesystem *row);

#endif
