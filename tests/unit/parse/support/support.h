/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the parsers share. */
#ifndef MUSTER_TESTS_PARSE_SUPPORT_H
#define MUSTER_TESTS_PARSE_SUPPORT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/sections.h"

/* Normalises the sections (as a worker does) and appends them to `out` as one JSON object, laid out
 * for reading. 0 or a negative errno with a sentence. */
int sections_json(struct section *sections, size_t count, struct arena *a, struct buf *out,
                  struct err *e);

/* A file of the test data: tests/captures/NAME. Fails the test when it cannot be read. */
struct bytes capture(struct arena *a, const char *name);

/* Compares with tests/golden/parse/NAME, or writes it when $MUSTER_UPDATE_GOLDEN is set. False,
 * with the difference on stderr: it differs. */
bool golden_matches(const char *name, const char *text);

/* Test only: the bytes that the kernel would have sent in answer to RTM_GETLINK on the host where
 * this output of `ip -d -j link` was taken. Appends to `out`. Fails the test on anything that it
 * does not understand. */
void netlink_from_ip_json(struct bytes json, struct buf *out);

#endif
