/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The check of an encoded message before anything is allocated for it. Inside lib/wire and its
 * tests only. */
#ifndef MUSTER_WIRE_SCAN_H
#define MUSTER_WIRE_SCAN_H

#include "base/err.h"
#include "model/record.h"

/* Walks the bytes by the record's description. 0 means: well-formed to the end and at every depth,
 * every known field of its own wire type, singular fields at most once, required fields there, text
 * clean, strings, lists, ids, numbers and the count of unknown fields inside their limits.
 * Otherwise -EBADMSG with a sentence. It is stricter than protobuf: see docs/PROTOCOL.md,
 * "Encoding". */
int wire_scan(const struct record_desc *d, const uint8_t *p, size_t n, struct err *e);

#endif
