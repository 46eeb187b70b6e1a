/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lldpctl's JSON into rows. Pure. */
#ifndef MUSTER_COLLECT_PARSE_LLDP_H
#define MUSTER_COLLECT_PARSE_LLDP_H

#include "base/err.h"
#include "collect/rows.h"
#include "model/sections.h"

struct lldp_rows {
    struct lldp *v;
    size_t n;
};

/* Takes both `lldpctl -f json0` (every element a list) and `-f json` (single elements unwrapped,
 * names as keys). A neighbour without chassis or port id is left out, and so is a second one with
 * the same key (heard by another protocol). 0; -ENOMEM; -EBADMSG with a sentence: not such JSON. */
int parse_lldp(struct bytes json, struct arena *a, struct lldp_rows *out, struct err *e);

#endif
