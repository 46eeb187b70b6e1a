/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that runs out: for programs linked with fail_alloc.c and its --wrap options, which catch
 * the allocations of the archives that they link (not those of shared libraries). */
#ifndef MUSTER_TESTS_FAIL_ALLOC_H
#define MUSTER_TESTS_FAIL_ALLOC_H

#include <stdbool.h>

/* After `n` more allocations one fails; negative: none does. */
void fail_alloc_after(long n);
/* Ends that. True: it has struck. */
bool fail_alloc_end(void);

#endif
