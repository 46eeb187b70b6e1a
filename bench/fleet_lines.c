/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_lines.h"

#include <string.h>

void fleet_line_cut(char *line)
{
    line[strcspn(line, "#\r\n")] = '\0';
}

int fleet_lines_each(FILE *f, const char *path, int (*each)(void *ctx, char *line, struct err *e),
                     void *ctx, struct err *e)
{
    char line[FLEET_LINE_BYTES];
    struct err why = { "" };
    int rc = 0;

    for (unsigned no = 1; rc == 0 && fgets(line, sizeof line, f) != NULL; no++) {
        rc = each(ctx, line, &why);
        if (rc < 0)
            err_set(e, rc, "%s line %u: %s", path, no, why.text);
    }
    return rc;
}
