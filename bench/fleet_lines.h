/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of one order or figure a line; what follows # is a comment. */
#ifndef MUSTER_FLEET_LINES_H
#define MUSTER_FLEET_LINES_H

#include <stdio.h>

#include "base/err.h"

enum { FLEET_LINE_BYTES = 512 };

/* Cuts off the comment and the line's end. */
void fleet_line_cut(char *line);
/* Calls for each line until one is wrong, which is told with its number. `line` may be cut up. */
int fleet_lines_each(FILE *f, const char *path, int (*each)(void *ctx, char *line, struct err *e),
                     void *ctx, struct err *e);

#endif
