/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of storage share. */
#ifndef MUSTER_TESTS_CORE_DISKS_H
#define MUSTER_TESTS_CORE_DISKS_H

#include "machine.h"

/* The machine reports the section with these rows alone; it must be taken. */
void disks_report(struct machine *m, enum section_id id, void *rows, size_t n);
/* The same; it may not be taken. */
void disks_say_all(struct machine *m, struct section *v, size_t n);
void disks_report_all(struct machine *m, struct section *v, size_t n); /* several at once */
/* As a query would show it, until the next call; it must be there. */
const struct resource_info *disks_info(struct life *l, enum resource_kind kind, const char *key);
bool disks_doubts(const struct resource_info *r, const char *part); /* has such a sentence */

#endif
