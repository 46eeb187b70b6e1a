/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_lvm_mapped.h"

#include <string.h>

#define LVM "LVM-"

/* Of lv_attr: state of the device (lvs(8)). */
enum { UUID_LETTERS = 32, PREFIX = MAPPED_PREFIX_TEXT - 1, ATTR_STATE = 4 };

static void plain(const char *uuid, char out[UUID_LETTERS + 1])
{
    size_t n = 0;

    for (const char *p = uuid == NULL ? "" : uuid; *p != '\0' && n < UUID_LETTERS; p++) {
        if (*p != '-')
            out[n++] = *p;
    }
    out[n] = '\0';
}

void mapped_prefix(const char *group, char out[MAPPED_PREFIX_TEXT])
{
    char letters[UUID_LETTERS + 1];

    plain(group, letters);
    out[0] = '\0';
    if (strlen(letters) != UUID_LETTERS)
        return;
    memcpy(out, LVM, sizeof LVM - 1);
    memcpy(out + sizeof LVM - 1, letters, sizeof letters);
}

bool mapped_is_lvs(const char *uuid, const char *volume)
{
    char letters[UUID_LETTERS + 1];

    plain(volume, letters);
    return strlen(letters) == UUID_LETTERS && strncmp(uuid + PREFIX, letters, UUID_LETTERS) == 0;
}

bool mapped_names_lv(const char *uuid)
{
    return strlen(uuid) >= PREFIX + UUID_LETTERS;
}

bool mapped_is_old(const struct lv *lv, const char *uuid)
{
    if (uuid[PREFIX + UUID_LETTERS] != '\0')
        return false;
    return lv->attr == NULL || strlen(lv->attr) <= ATTR_STATE || lv->attr[ATTR_STATE] != 'a';
}

/* ---- faults --------------------------------------------------------------------------------- */

static const struct lv *lv_of(const struct lv *lvs, size_t n, const struct vg *vg, const char *uuid)
{
    for (size_t i = 0; i < n; i++) {
        if (lvs[i].vg_uuid != NULL && strcmp(lvs[i].vg_uuid, vg->uuid) == 0 &&
            mapped_is_lvs(uuid, lvs[i].uuid))
            return &lvs[i];
    }
    return NULL;
}

static const char *sentence(struct rows *r, const struct vg *vg, const struct lv *lv,
                            const char *uuid, struct bytes name)
{
    const char *group = vg->name == NULL ? vg->uuid : vg->name;

    if (lv == NULL)
        return rows_printf(r, "%.*s is a device of a logical volume of %s that is no more",
                           (int)name.n, (const char *)name.p, group);
    if (!mapped_is_old(lv, uuid))
        return NULL;
    return rows_printf(r, "the table of %s/%s is not what the metadata say (%s)", group, lv->name,
                       lv->attr == NULL ? "unknown" : lv->attr);
}

static const char *fault_of(struct rows *r, const struct dm_text *maps, size_t n,
                            const struct vg *vg, const struct lv *lvs, size_t lv_count)
{
    char prefix[MAPPED_PREFIX_TEXT];
    const char *fault = NULL;

    mapped_prefix(vg->uuid, prefix);
    for (size_t i = 0; prefix[0] != '\0' && fault == NULL && i < n; i++) {
        const char *uuid;

        if (maps[i].uuid.n < PREFIX || memcmp(maps[i].uuid.p, prefix, PREFIX) != 0)
            continue;
        uuid = rows_text(r, maps[i].uuid);
        if (uuid != NULL && mapped_names_lv(uuid))
            fault = sentence(r, vg, lv_of(lvs, lv_count, vg, uuid), uuid, maps[i].name);
    }
    return fault;
}

void mapped_faults(struct rows *r, const struct dm_text *maps, size_t map_count, struct vg *vgs,
                   size_t vg_count, const struct lv *lvs, size_t lv_count)
{
    for (size_t i = 0; i < vg_count; i++) {
        const char *fault = fault_of(r, maps, map_count, &vgs[i], lvs, lv_count);

        if (fault != NULL)
            REC_SET(&vgs[i], vg, fault, fault);
    }
}
