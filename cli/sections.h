/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections of a node's inventory as text. */
#ifndef MUSTER_CLI_SECTIONS_H
#define MUSTER_CLI_SECTIONS_H

#include "cli/nouns.h"

enum section_shape {
    SHAPE_OVERVIEW, /* a line for each row, if there are not too many; nothing of an empty section
                     */
    SHAPE_ROWS,     /* a line for each row */
    SHAPE_FIELDS,   /* every field of every row */
};

/* The rows in the body; those of a section that this program does not know are none. */
struct recs section_rows(const struct section_body *b);
/* `node`: its name, to tell how to see the rest. */
void section_text(struct text *t, const struct section_body *body, enum section_shape shape,
                  const char *node);

#endif
