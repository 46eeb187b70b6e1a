/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A label that is kept, as bytes. */
#include "collect/parse_storage_bytes.h"
#include "collect/parse_storage_memory.h"

/* ---- writing -----------------------------------------------------------------------------------
 */

/* The numbers that a superblock may tell, in the order of their bits. */
enum { NUMBERS = 6, JOURNAL_UUID = 1u << NUMBERS };

static void numbers_of(const struct superblock *s, struct opt out[NUMBERS])
{
    const struct opt v[NUMBERS] = { s->size_bytes, s->block_bytes, s->free_bytes,
                                    s->mmp,        s->members,     s->member_id };

    memcpy(out, v, sizeof v);
}

static void put_superblock(struct buf *b, const struct superblock *s)
{
    struct opt v[NUMBERS];
    unsigned has = uuid_is_nil(s->journal_uuid) ? 0 : JOURNAL_UUID;

    numbers_of(s, v);
    for (unsigned i = 0; i < NUMBERS; i++)
        has |= v[i].has ? 1u << i : 0;
    put_number(b, has, 1);
    put_number(b, s->state, 1);
    put_number(b, s->journal, 1);
    for (unsigned i = 0; i < NUMBERS; i++) {
        if (v[i].has)
            put_number(b, v[i].v, 8);
    }
    if ((has & JOURNAL_UUID) != 0)
        buf_add(b, s->journal_uuid.b, sizeof s->journal_uuid.b);
}

static void put_table(struct buf *b, const struct label *l)
{
    put_number(b, l->partition_count, 2);
    for (size_t i = 0; i < l->partition_count; i++) {
        const struct label_partition *p = &l->partitions[i];

        put_number(b, p->number, 4);
        put_number(b, p->start_bytes, 8);
        put_number(b, p->size_bytes, 8);
        put_text(b, p->type);
        put_text(b, p->uuid);
        put_text(b, p->label);
    }
}

void put_kept_label(struct buf *b, const struct kept_label *k)
{
    const struct label *l = &k->label;

    put_number(b, k->container, 8);
    put_number(b, k->identity, 8);
    put_number(b, k->uses, 8);
    put_text(b, l->type);
    put_text(b, l->usage);
    put_text(b, l->uuid);
    put_text(b, l->sub_uuid);
    put_text(b, l->label);
    put_text(b, l->version);
    put_number(b, l->ambivalent, 1);
    put_number(b, l->signatures.n, 1);
    for (size_t i = 0; i < l->signatures.n; i++)
        put_text(b, l->signatures.v[i]);
    put_superblock(b, &l->superblock);
    put_text(b, l->table_uuid);
    put_text(b, l->table_type);
    if (l->table_type != NULL)
        put_table(b, l);
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static struct opt take_opt(struct storage_cursor *c, bool has)
{
    return (struct opt){ has, has ? take_number(c, 8) : 0 };
}

static void take_superblock(struct storage_cursor *c, struct superblock *s)
{
    unsigned has = (unsigned)take_number(c, 1), state = (unsigned)take_number(c, 1);
    unsigned journal = (unsigned)take_number(c, 1);

    c->failed |= state > STATE_ERROR || journal > JOURNAL_EXTERNAL;
    if (c->failed)
        return;
    s->state = (enum superblock_state)state;
    s->journal = (enum superblock_journal)journal;
    s->size_bytes = take_opt(c, has & 1u);
    s->block_bytes = take_opt(c, has & 2u);
    s->free_bytes = take_opt(c, has & 4u);
    s->mmp = take_opt(c, has & 8u);
    s->members = take_opt(c, has & 16u);
    s->member_id = take_opt(c, has & 32u);
    for (size_t i = 0; i < sizeof s->journal_uuid.b && (has & JOURNAL_UUID) != 0; i++)
        s->journal_uuid.b[i] = (uint8_t)take_number(c, 1);
}

static void take_signatures(struct storage_cursor *c, struct label *l)
{
    size_t n = (size_t)take_number(c, 1);
    const char **v = take_array(c, n, sizeof *v);

    for (size_t i = 0; i < n && !c->failed; i++) {
        v[i] = take_text(c);
        c->failed |= v[i] == NULL;
    }
    if (!c->failed)
        l->signatures = rows_strs(v, n);
}

static void take_table(struct storage_cursor *c, struct label *l)
{
    size_t n = (size_t)take_number(c, 2);
    struct label_partition *v = n > c->rest.n / 23 ? NULL : take_array(c, n, sizeof *v);

    c->failed |= v == NULL;
    for (size_t i = 0; i < n && !c->failed; i++) {
        v[i].number = take_number(c, 4);
        v[i].start_bytes = take_number(c, 8);
        v[i].size_bytes = take_number(c, 8);
        v[i].type = take_text(c);
        v[i].uuid = take_text(c);
        v[i].label = take_text(c);
    }
    l->partitions = v;
    l->partition_count = n;
}

void take_kept_label(struct storage_cursor *c, struct kept_label *k)
{
    struct label *l = &k->label;

    k->container = take_number(c, 8);
    k->identity = take_number(c, 8);
    k->uses = take_number(c, 8);
    l->type = take_text(c);
    l->usage = take_text(c);
    l->uuid = take_text(c);
    l->sub_uuid = take_text(c);
    l->label = take_text(c);
    l->version = take_text(c);
    l->ambivalent = take_number(c, 1) != 0;
    take_signatures(c, l);
    take_superblock(c, &l->superblock);
    l->table_uuid = take_text(c);
    l->table_type = take_text(c);
    if (l->table_type != NULL)
        take_table(c, l);
}
