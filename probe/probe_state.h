/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a probe keeps for a later probe of the same boot, and its text: a line "name value" for each
 * field. */
#ifndef MUSTER_PROBE_STATE_H
#define MUSTER_PROBE_STATE_H

#include "base/buf.h"
#include "base/err.h"
#include "model/record.h"

/* clang-format off */
#define PROBE_STATE_LIST(X, XREC, XRECS)                                                           \
    X(STR,   boot_id,      1,  FIELD_REQUIRED, "the boot that all of it belongs to")               \
    X(STR,   node_id,      2,  0, "whom the key in node.key was made for")                         \
    X(STR,   product_uuid, 3,  0, "as it was when this boot was enrolled")                         \
    X(STR,   lowest_mac,   4,  0, "as above: a NIC that is pulled makes no other node")            \
    X(BOOL,  enrolled,     5,  0, "the key is known to be admitted")                               \
    X(BYTES, db_id,        6,  FIELD_ID, "this and what follows: struct memory")                   \
    X(U64,   epoch,        7,  0, "")                                                              \
    X(U64,   start_no,     8,  0, "")                                                              \
    X(BYTES, nonce,        9,  FIELD_ID, "")                                                       \
    X(U64,   generation,   10, 0, "")                                                              \
    X(U64,   token,        11, 0, "")
/* clang-format on */
#define RECORD_ENUM_probe_state(TYPE, member, ...) probe_state_##member,
RECORD_DECLARE(probe_state, PROBE_STATE_LIST);

void probe_state_text(const struct probe_state *s, struct buf *out);
/* The strings go to `a`. 0, -ENOMEM, or -EBADMSG: not a text that probe_state_text makes. */
int probe_state_parse(const char *text, size_t n, struct arena *a, struct probe_state *out);

#endif
