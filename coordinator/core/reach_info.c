/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/reach_info.h"

#include <errno.h>

#include "base/text.h"

int reach_info_fill(struct arena *a, const struct reach_row *row, const struct fs_node *n,
                    uint64_t resource, struct reach_info *out)
{
    static const char *const words[] = {
        [REACHED_NOT] = "not_proven", [REACHED_PROVEN] = "proven", [REACHED_READ] = "read_here"
    };
    char boot[UUID_TEXT];

    REC_SET(out, reach_info, node, n->index);
    REC_SET(out, reach_info, resource, resource);
    REC_SET(out, reach_info, how, words[row->how]);
    REC_SET(out, reach_info, at_ms, row->at.v);
    REC_SET(out, reach_info, boot_id, arena_strdup(a, uuid_text(row->boot_id, boot)));
    REC_SET(out, reach_info, this_boot, uuid_eq(row->boot_id, n->boot_id));
    REC_PUT(out, reach_info, reason, row->reason);
    return out->boot_id == NULL ? -ENOMEM : 0;
}
