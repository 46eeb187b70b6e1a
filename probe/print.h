/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_PRINT_H
#define MUSTER_PRINT_H

#include "probe_options.h"

/* Collects once, by workers as always, and prints the sections to stdout as one JSON document, in
 * the shape of `muster --json node show`. Signals must be blocked as for supervise. 0, or a
 * negative errno with a sentence; a section that failed is printed so and is no failure of this. */
int print_inventory(const struct probe_options *o, const char *worker_path, struct err *e);

#endif
