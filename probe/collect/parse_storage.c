/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_storage.h"

#include <stdlib.h>

#define MD_MEMBER "linux_raid_member"

static bool is_type(const struct storage_fact *f, const char *type)
{
    return f->kind == FACT_LABEL && f->label->type != NULL && strcmp(f->label->type, type) == 0;
}

static bool has(struct strs list, const char *text)
{
    for (size_t i = 0; i < list.n; i++) {
        if (strcmp(list.v[i], text) == 0)
            return true;
    }
    return false;
}

/* Without a name of its own it is "local.md0". */
static const char *array_name(struct storage *s, const struct block_container *c)
{
    for (size_t i = 0; i < s->count; i++) {
        if (is_type(&s->facts[i], MD_MEMBER) && s->facts[i].label->uuid != NULL &&
            has(s->containers[i].holders, c->device))
            return rows_printf(&s->r, "md.%s", s->facts[i].label->uuid);
    }
    return c->container;
}

void storage_name(struct storage *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct block_container *c = &s->containers[i];

        if (c->kind == CONTAINER_MD && strncmp(c->container, "local.", 6) == 0)
            c->container = array_name(s, c);
    }
}

/* ---- partitions -------------------------------------------------------------------------------
 */

static struct partition *find_partition(struct storage *s, const char *lun, uint64_t number)
{
    for (size_t i = 0; i < s->rows->partition_count; i++) {
        struct partition *p = &s->rows->partitions[i];

        if (p->number == number && strcmp(p->container, lun) == 0)
            return p;
    }
    return NULL;
}

/* Of DOS: what holds the logical ones, and nothing else. */
static bool is_extended(const struct label_partition *p)
{
    return p->type != NULL && (strcmp(p->type, "0x5") == 0 || strcmp(p->type, "0xf") == 0 ||
                               strcmp(p->type, "0x85") == 0);
}

static struct partition *add_row(struct storage *s, const char *lun,
                                 const struct label_partition *p)
{
    struct partition *row = &s->rows->partitions[s->rows->partition_count];
    const char *key = rows_printf(&s->r, "%s-part%llu", lun, (unsigned long long)p->number);

    if (key == NULL)
        return NULL;
    s->rows->partition_count++;
    REC_SET(row, partition, key, key);
    REC_SET(row, partition, container, lun);
    REC_SET(row, partition, number, p->number);
    ROW_U64(row, partition, start_bytes, ((struct opt){ true, p->start_bytes }));
    ROW_U64(row, partition, size_bytes, ((struct opt){ true, p->size_bytes }));
    return row;
}

static struct block_container *find_container(struct storage *s, const char *container)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->containers[i].container, container) == 0)
            return &s->containers[i];
    }
    s->containers[s->count] = (struct block_container){ .container = container };
    return &s->containers[s->count++];
}

static void add_partition(struct storage *s, const struct block_container *lun,
                          const struct label_partition *p)
{
    struct partition *row = find_partition(s, lun->container, p->number);
    struct block_container *c;

    if (row == NULL)
        row = add_row(s, lun->container, p);
    if (row == NULL || row->device != NULL || is_extended(p))
        return;
    c = find_container(s, row->key);
    c->kind = CONTAINER_PARTITION;
    c->lun = lun->container;
    c->size_bytes = (struct opt){ true, p->size_bytes };
    c->paths_active = lun->paths_active;
    c->paths_total = lun->paths_total;
    c->suspended = lun->suspended;
    c->top = lun->top && lun->device != NULL && p->size_bytes > 0;
    c->through = lun->device;
    c->through_devnum = lun->devnum;
    c->start_bytes = p->start_bytes;
}

static size_t count_partitions(const struct storage *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++) {
        if (s->facts[i].kind == FACT_LABEL && s->containers[i].kind == CONTAINER_LUN)
            n += s->facts[i].label->partition_count;
    }
    return n;
}

static void *grown(struct storage *s, const void *v, size_t n, size_t more, size_t size)
{
    void *out = rows_array(&s->r, n + more, size);

    if (out != NULL && n > 0)
        memcpy(out, v, n * size);
    return out;
}

void storage_add_partitions(struct storage *s)
{
    size_t more = count_partitions(s), before = s->count;
    struct partition *rows;
    struct block_container *containers;
    struct storage_fact *facts;

    if (more == 0)
        return;
    rows = grown(s, s->rows->partitions, s->rows->partition_count, more, sizeof *rows);
    containers = grown(s, s->containers, s->count, more, sizeof *containers);
    facts = grown(s, s->facts, s->count, more, sizeof *facts);
    if (s->r.failed)
        return;
    s->rows->partitions = rows;
    s->containers = containers;
    s->facts = facts;
    for (size_t i = 0; i < before; i++) {
        const struct label *l = facts[i].kind == FACT_LABEL ? facts[i].label : NULL;

        for (size_t k = 0;
             l != NULL && containers[i].kind == CONTAINER_LUN && k < l->partition_count; k++)
            add_partition(s, &containers[i], &l->partitions[k]);
    }
}

static void mark_partitions(struct storage *s, const char *lun, const struct label *l)
{
    for (size_t i = 0; i < l->partition_count; i++) {
        struct partition *row = find_partition(s, lun, l->partitions[i].number);

        if (row == NULL)
            continue;
        ROW_TEXT(row, partition, table_type, l->table_type);
        ROW_TEXT(row, partition, type, l->partitions[i].type);
        ROW_TEXT(row, partition, uuid, l->partitions[i].uuid);
        ROW_TEXT(row, partition, label, l->partitions[i].label);
    }
}

static void mark_lun(struct lun *row, const struct storage_fact *f)
{
    if (f->kind == FACT_STUCK) {
        REC_SET(row, lun, state, "stuck");
        REC_SET(row, lun, stuck_ms, f->stuck_ms < 0 ? 0 : (uint64_t)f->stuck_ms);
    } else {
        REC_SET(row, lun, state, "failed");
    }
    ROW_TEXT(row, lun, state_text, f->text);
}

void storage_mark(struct storage *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct storage_fact *f = &s->facts[i];

        if (!s->containers[i].kind == CONTAINER_LUN || f->kind == FACT_NONE)
            continue;
        if (f->kind == FACT_LABEL) {
            mark_partitions(s, s->containers[i].container, f->label);
            continue;
        }
        for (size_t k = 0; k < s->rows->lun_count; k++) {
            if (strcmp(s->rows->luns[k].key, s->containers[i].container) == 0)
                mark_lun(&s->rows->luns[k], f);
        }
    }
}

/* ---- file systems -----------------------------------------------------------------------------
 */

/* By what lay there when it could be read. */
static bool remembered(struct storage *s, const struct label_container *where,
                       const struct storage_fact *f, struct filesystem *row)
{
    const struct storage_seen *seen = storage_memory_seen(s->memory, where->container);
    struct label l = { .type = NULL };

    if (seen == NULL)
        return false;
    l.type = seen->type;
    l.usage = seen->usage;
    l.uuid = seen->uuid;
    l.sub_uuid = seen->sub_uuid;
    l.label = seen->label;
    if (!parse_label_filesystem(&s->r, where, &l, row))
        return false;
    if (f->kind == FACT_STUCK)
        REC_SET(row, filesystem, state, "stuck");
    return true;
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct filesystem *)a)->container,
                  ((const struct filesystem *)b)->container);
}

bool storage_filesystems(struct storage *s, struct filesystem **out, size_t *count)
{
    struct filesystem *v = rows_array(&s->r, s->count, sizeof *v);
    size_t n = 0;

    for (size_t i = 0; i < s->count && v != NULL; i++) {
        const struct block_container *c = &s->containers[i];
        const struct label_container where = { .container = c->container,
                                               .device = c->device,
                                               .holders = c->holders,
                                               .paths_active = c->paths_active,
                                               .paths_total = c->paths_total };

        if (s->facts[i].kind == FACT_LABEL)
            n += parse_label_filesystem(&s->r, &where, s->facts[i].label, &v[n]);
        else
            n += remembered(s, &where, &s->facts[i], &v[n]);
    }
    if (n > 1)
        qsort(v, n, sizeof *v, compare_rows);
    *out = v;
    *count = n;
    return !s->r.failed;
}

/* ---- for the next time ------------------------------------------------------------------------
 */

static int compare_seen(const void *a, const void *b)
{
    const struct storage_seen *x = a, *y = b;

    return (x->container > y->container) - (x->container < y->container);
}

static bool see(struct storage *s, size_t i, struct storage_seen *out)
{
    const struct label *l = s->facts[i].kind == FACT_LABEL ? s->facts[i].label : NULL;
    const struct storage_seen *before =
        l == NULL ? storage_memory_seen(s->memory, s->containers[i].container) : NULL;

    if (before != NULL)
        *out = *before;
    if (l == NULL || l->type == NULL)
        return before != NULL;
    *out = (struct storage_seen){ .container = memory_hash(s->containers[i].container),
                                  .type = l->type,
                                  .usage = l->usage,
                                  .uuid = l->uuid,
                                  .sub_uuid = l->sub_uuid,
                                  .label = l->label };
    return true;
}

bool storage_remember(struct storage *s, struct storage_memory *out)
{
    out->seen = rows_array(&s->r, s->count, sizeof *out->seen);
    out->seen_count = 0;
    for (size_t i = 0; i < s->count && out->seen != NULL; i++)
        out->seen_count += see(s, i, &out->seen[out->seen_count]);
    if (out->seen_count > 1)
        qsort(out->seen, out->seen_count, sizeof *out->seen, compare_seen);
    return !s->r.failed;
}
