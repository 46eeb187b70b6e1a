/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_label.h"

#include "base/text.h"

static const char *const state_names[] = {
    [STATE_UNTOLD] = NULL,
    [STATE_CLEAN] = "clean",
    [STATE_DIRTY] = "dirty",
    [STATE_ERROR] = "error",
};
static const char *const journal_names[] = {
    [JOURNAL_UNTOLD] = NULL,
    [JOURNAL_NONE] = "none",
    [JOURNAL_INTERNAL] = "internal",
    [JOURNAL_EXTERNAL] = "external",
};

static bool is_pv(const struct label *l)
{
    return l->type != NULL && strcmp(l->type, "LVM2_member") == 0;
}

const char *label_pv_uuid(const struct label *l)
{
    return is_pv(l) ? l->uuid : NULL;
}

const struct label_partition *label_partition(const struct label *l, uint64_t number)
{
    for (size_t i = 0; i < l->partition_count; i++) {
        if (l->partitions[i].number == number)
            return &l->partitions[i];
    }
    return NULL;
}

static void fill_identity(const struct label *l, struct filesystem *row)
{
    ROW_TEXT(row, filesystem, type, l->type);
    ROW_TEXT(row, filesystem, usage, l->usage);
    ROW_TEXT(row, filesystem, uuid, l->uuid);
    ROW_TEXT(row, filesystem, sub_uuid, l->sub_uuid);
    ROW_TEXT(row, filesystem, label, l->label);
    ROW_TEXT(row, filesystem, version, l->version);
}

static void fill_superblock(struct rows *r, const struct superblock *s, struct filesystem *row)
{
    char uuid[UUID_TEXT];

    ROW_U64(row, filesystem, size_bytes, s->size_bytes);
    ROW_U64(row, filesystem, block_bytes, s->block_bytes);
    ROW_U64(row, filesystem, free_bytes, s->free_bytes);
    ROW_TEXT(row, filesystem, state, state_names[s->state]);
    ROW_TEXT(row, filesystem, journal, journal_names[s->journal]);
    if (!uuid_is_nil(s->journal_uuid))
        ROW_TEXT(row, filesystem, journal_uuid,
                 rows_text(r, bytes_of(uuid_text(s->journal_uuid, uuid))));
    ROW_BOOL(row, filesystem, mmp, s->mmp);
    ROW_U64(row, filesystem, members, s->members);
    ROW_U64(row, filesystem, member_id, s->member_id);
}

bool parse_label_filesystem(struct rows *r, const struct label_container *c, const struct label *l,
                            struct filesystem *row)
{
    if (is_pv(l) || (l->type == NULL && !l->ambivalent))
        return false;
    REC_SET(row, filesystem, container, c->container);
    ROW_TEXT(row, filesystem, device, c->device);
    fill_identity(l, row);
    fill_superblock(r, &l->superblock, row);
    if (l->signatures.n > 1)
        REC_SET(row, filesystem, signatures, l->signatures);
    if (c->holders.n > 0)
        REC_SET(row, filesystem, holders, c->holders);
    ROW_U64(row, filesystem, paths_active, c->paths_active);
    ROW_U64(row, filesystem, paths_total, c->paths_total);
    return true;
}
