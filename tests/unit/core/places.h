/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sets of nodes say, held against what the edges say. */
#ifndef MUSTER_TESTS_CORE_PLACES_H
#define MUSTER_TESTS_CORE_PLACES_H

struct coord;

/* Of some resources, taken one after the other and two at a time: the nodes that can have them are
 * those, and only those, whose edges say so, and all others are told why not. Fails the test. */
void places_expect(struct coord *c);

#endif
