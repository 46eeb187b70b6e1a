/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/parse_mapped.h"

#include <string.h>

#include "base/guard.h"
#include "base/text.h"

static bool same(const char *x, const char *y)
{
    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static bool is_unwanted(const struct refresh_work *w, const char *uuid)
{
    for (size_t i = 0; i < w->unmapped.n; i++) {
        if (mapped_is_lvs(uuid, w->unmapped.v[i]))
            return true;
    }
    return false;
}

enum mapped_is mapped_judge(const struct refresh_work *w, const struct lvm_rows *rows,
                            const struct dm_text *map, const char *uuid, const struct lv **lv)
{
    const enum mapped_is of[] = { [MAPPED_AS_IT_IS_TO_BE] = MAPPED_FINE,
                                  [MAPPED_IS_OLD] = MAPPED_OLD,
                                  [MAPPED_IS_BARE] =
                                      GUARD(BARE_STAYS, true) ? MAPPED_BARE : MAPPED_OLD };

    *lv = NULL;
    if (!mapped_names_lv(uuid))
        return MAPPED_FINE; /* LVM gives no such UUIDs */
    for (size_t i = 0; i < rows->lv_count && *lv == NULL; i++) {
        if (same(rows->lvs[i].vg_uuid, w->vg_uuid) && mapped_is_lvs(uuid, rows->lvs[i].uuid))
            *lv = &rows->lvs[i];
    }
    if (*lv == NULL)
        return MAPPED_ORPHAN;
    /* One without a table was only just made by a worker that was killed. An origin with snapshots
     * is not taken away, and so keeps its devices. */
    if ((is_unwanted(w, uuid) && !mapped_is_origin(*lv)) || map->table.n == 0)
        return MAPPED_UNWANTED;
    return of[mapped_compare(*lv, &rows->tables, map)];
}

bool mapped_is_version(const struct refresh_work *w, const struct lvm_rows *rows)
{
    for (size_t i = 0; i < rows->vg_count; i++) {
        const struct vg *vg = &rows->vgs[i];

        if (same(vg->uuid, w->vg_uuid))
            return REC_HAS(w, refresh_work, seqno) && vg->seqno == w->seqno &&
                   text_mark(vg->metadata_digest) == w->mark;
    }
    return !REC_HAS(w, refresh_work, seqno);
}
