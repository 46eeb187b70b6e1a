/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_storage.h"

#include <errno.h>
#include <stdlib.h>

static const struct label *label_of(const struct block_container *c)
{
    return c->answer != NULL && c->answer->status == LABEL_READ ? &c->answer->label : NULL;
}

/* It should have been read, and neither was nor said why not. */
static bool is_silent(const struct block_container *c)
{
    return c->top && (c->answer == NULL || c->answer->status == LABEL_STUCK ||
                      c->answer->status == LABEL_SKIPPED);
}

/* What is, or was, on a container; NULL: nothing is known. */
static const struct label *known(const struct storage *s, const struct block_container *c)
{
    const struct label *l = label_of(c);
    const struct kept_label *k =
        l == NULL && is_silent(c) ? storage_memory_label(&s->before, c->container) : NULL;

    return k != NULL ? &k->label : l;
}

/* ---- partitions --------------------------------------------------------------------------------
 */

static void fill(const struct label *table, const struct label_partition *p, struct partition *row)
{
    ROW_TEXT(row, partition, table_type, table->table_type);
    ROW_TEXT(row, partition, type, p->type);
    ROW_TEXT(row, partition, uuid, p->uuid);
    ROW_TEXT(row, partition, label, p->label);
}

static int compare_key(const void *key, const void *row)
{
    return strcmp(key, ((const struct partition *)row)->key);
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct partition *)a)->key, ((const struct partition *)b)->key);
}

/* A container for more partitions, which only hold others (DOS: extended). */
static bool is_extended(const struct label_partition *p)
{
    static const char *const types[] = { "0x5", "0x05", "0xf", "0x0f", "0x85" };

    for (size_t i = 0; i < ARRAY_LEN(types) && p->type != NULL; i++) {
        if (strcmp(p->type, types[i]) == 0)
            return true;
    }
    return false;
}

static void add_row(struct storage *s, const struct block_container *lun, const struct label *table,
                    const struct label_partition *p, const char *key)
{
    struct partition *row = &s->rows.partitions[s->rows.partition_count++];
    struct block_container *c = &s->containers[s->container_count++];

    REC_SET(row, partition, key, key);
    REC_SET(row, partition, container, lun->container);
    REC_SET(row, partition, number, p->number);
    ROW_U64(row, partition, start_bytes, ((struct opt){ true, p->start_bytes }));
    ROW_U64(row, partition, size_bytes, ((struct opt){ true, p->size_bytes }));
    fill(table, p, row);
    *c = (struct block_container){ .kind = CONTAINER_PARTITION,
                                   .container = key,
                                   .lun = lun->container,
                                   .size_bytes = { true, p->size_bytes },
                                   .start_bytes = { true, p->start_bytes },
                                   .paths_active = lun->paths_active,
                                   .paths_total = lun->paths_total,
                                   .top = p->size_bytes > 0 && !is_extended(p) };
}

static void add_table(struct storage *s, const struct block_container *lun, size_t sorted,
                      const struct label *table)
{
    for (size_t i = 0; table != NULL && i < table->partition_count; i++) {
        const struct label_partition *p = &table->partitions[i];
        const char *key =
            rows_printf(&s->r, "%s-part%llu", lun->container, (unsigned long long)p->number);
        struct partition *row = NULL;

        if (key == NULL)
            return;
        if (sorted > 0)
            row = bsearch(key, s->rows.partitions, sorted, sizeof *row, compare_key);
        if (row != NULL)
            fill(table, p, row);
        else
            add_row(s, lun, table, p, key);
    }
}

static bool make_room(struct storage *s, size_t more)
{
    size_t rows = s->rows.partition_count, n = s->container_count;
    struct partition *partitions = rows_array(&s->r, rows + more, sizeof *partitions);
    struct block_container *containers = rows_array(&s->r, n + more, sizeof *containers);

    if (s->r.failed)
        return false;
    if (rows > 0)
        memcpy(partitions, s->rows.partitions, rows * sizeof *partitions);
    if (n > 0)
        memcpy(containers, s->containers, n * sizeof *containers);
    s->rows.partitions = partitions;
    s->containers = containers;
    return true;
}

void storage_partitions(struct storage *s)
{
    size_t n = s->container_count, sorted = s->rows.partition_count, more = 0;
    const struct label **tables = rows_array(&s->r, n, sizeof(void *));

    for (size_t i = 0; i < n && tables != NULL; i++) {
        if (s->containers[i].kind == CONTAINER_LUN)
            tables[i] = known(s, &s->containers[i]);
        if (tables[i] != NULL && tables[i]->table_type == NULL)
            tables[i] = NULL;
        more += tables[i] == NULL ? 0 : tables[i]->partition_count;
    }
    if (tables == NULL || !make_room(s, more))
        return;
    for (size_t i = 0; i < n; i++)
        add_table(s, &s->containers[i], sorted, tables[i]);
    if (s->rows.partition_count > 1)
        qsort(s->rows.partitions, s->rows.partition_count, sizeof *s->rows.partitions,
              compare_rows);
    containers_sort(&s->r, s->containers, s->container_count);
}

/* ---- arrays ------------------------------------------------------------------------------------
 */

static bool holds(const struct block_container *c, const char *device)
{
    for (size_t i = 0; i < c->holders.n; i++) {
        if (strcmp(c->holders.v[i], device) == 0)
            return true;
    }
    return false;
}

static const char *array_uuid(const struct storage *s, const char *device)
{
    for (size_t i = 0; i < s->container_count; i++) {
        const struct label *l = label_of(&s->containers[i]);

        if (l != NULL && l->type != NULL && strcmp(l->type, "linux_raid_member") == 0 &&
            l->uuid != NULL && holds(&s->containers[i], device))
            return l->uuid;
    }
    return NULL;
}

static void rename_uses(struct use *uses, size_t n, const char *from, const char *to)
{
    for (size_t i = 0; i < n; i++) {
        if (REC_HAS(&uses[i], use, container) && strcmp(uses[i].container, from) == 0)
            REC_SET(&uses[i], use, container, to);
    }
}

void storage_name_arrays(struct storage *s, struct use *uses, size_t use_count)
{
    bool any = false;

    for (size_t i = 0; i < s->container_count; i++) {
        struct block_container *c = &s->containers[i];
        const char *uuid = NULL, *name;

        if (c->kind == CONTAINER_MD && strncmp(c->container, "local.", 6) == 0)
            uuid = array_uuid(s, c->device);
        if (uuid == NULL)
            continue;
        name = rows_printf(&s->r, "md.%s", uuid);

        if (name == NULL)
            return;
        rename_uses(uses, use_count, c->container, name);
        c->container = name;
        any = true;
    }
    if (any)
        containers_sort(&s->r, s->containers, s->container_count);
}

/* ---- filesystems -------------------------------------------------------------------------------
 */

/* Of what does not answer: what cannot have changed without that it answers. */
static bool fill_from_memory(const struct block_container *c, const struct label *l,
                             struct filesystem *row)
{
    if (l->type == NULL || label_pv_uuid(l) != NULL)
        return false;
    REC_SET(row, filesystem, container, c->container);
    ROW_TEXT(row, filesystem, device, c->device);
    ROW_TEXT(row, filesystem, type, l->type);
    ROW_TEXT(row, filesystem, usage, l->usage);
    ROW_TEXT(row, filesystem, uuid, l->uuid);
    ROW_TEXT(row, filesystem, sub_uuid, l->sub_uuid);
    ROW_TEXT(row, filesystem, label, l->label);
    if (c->answer == NULL || c->answer->status == LABEL_STUCK)
        REC_SET(row, filesystem, state, "stuck");
    if (c->holders.n > 0)
        REC_SET(row, filesystem, holders, c->holders);
    ROW_U64(row, filesystem, paths_active, c->paths_active);
    ROW_U64(row, filesystem, paths_total, c->paths_total);
    return true;
}

static bool fill_filesystem(struct storage *s, const struct block_container *c,
                            struct filesystem *row)
{
    const struct label *l = label_of(c);
    const struct label_container where = { .container = c->container,
                                           .device = c->device,
                                           .holders = c->holders,
                                           .paths_active = c->paths_active,
                                           .paths_total = c->paths_total };

    if (l != NULL)
        return parse_label_filesystem(&s->r, &where, l, row);
    l = known(s, c);
    return l != NULL && fill_from_memory(c, l, row);
}

struct filesystem *storage_filesystems(struct storage *s, size_t *n)
{
    struct filesystem *rows = rows_array(&s->r, s->container_count, sizeof *rows);

    *n = 0;
    for (size_t i = 0; i < s->container_count && rows != NULL; i++)
        *n += fill_filesystem(s, &s->containers[i], &rows[*n]);
    return rows;
}

/* ---- LUNs --------------------------------------------------------------------------------------
 */

static void say(struct storage *s, struct lun *row, const char *state, const char *text)
{
    if (REC_HAS(row, lun, state_text))
        text = rows_printf(&s->r, "%s; %s", text, row->state_text);
    REC_SET(row, lun, state, state);
    ROW_TEXT(row, lun, state_text, text);
}

static void say_since(const struct storage *s, struct lun *row, mono_ms since)
{
    int64_t ms = mono_since(s->now, since);
    uint64_t v = ms < 0 ? 0 : (uint64_t)ms;

    if (!REC_HAS(row, lun, stuck_ms) || row->stuck_ms < v)
        REC_SET(row, lun, stuck_ms, v);
}

/* Not being allowed to look says nothing of the device. */
static bool is_refusal(const struct label_answer *answer)
{
    return answer->status == LABEL_FAILED && (answer->error == EACCES || answer->error == EPERM);
}

/* It went away meanwhile, or is another one by now: the kernel says so at once, and the next look
 * will tell. */
static bool is_gone(const struct label_answer *answer)
{
    static const int errors[] = { ESTALE, ENOENT, ENXIO, ENODEV, ENOMEDIUM };
    bool gone = false;

    for (size_t i = 0; i < ARRAY_LEN(errors); i++)
        gone |= answer->error == errors[i];
    return gone;
}

static void fill_lun(struct storage *s, const struct label_answer *answer, struct lun *row)
{
    if (answer->status == LABEL_STUCK) {
        say(s, row, "stuck", answer->text);
        say_since(s, row, answer->since);
    } else if (answer->status == LABEL_FAILED && !is_refusal(answer) && !is_gone(answer) &&
               strcmp(row->state, "ok") == 0) {
        say(s, row, "failed", answer->text);
    }
}

/* What does not answer says so by its state. */
static const char *why_unread(struct storage *s, const char *container)
{
    const struct block_container *c =
        container_by_name(s->containers, s->container_count, container);

    return c == NULL || c->answer == NULL || c->answer->status == LABEL_READ ||
                   c->answer->status == LABEL_STUCK
               ? NULL
               : c->answer->text;
}

void storage_luns(struct storage *s, const struct loop_facts *loops, size_t loop_count)
{
    for (size_t i = 0; i < s->rows.partition_count; i++)
        ROW_TEXT(&s->rows.partitions[i], partition, unread,
                 why_unread(s, s->rows.partitions[i].key));
    for (size_t i = 0; i < s->rows.lun_count; i++) {
        struct lun *row = &s->rows.luns[i];
        const struct block_container *c =
            container_by_name(s->containers, s->container_count, row->key);

        ROW_TEXT(row, lun, unread, why_unread(s, row->key));
        if (strcmp(row->state, "ghost") == 0)
            continue;
        for (size_t k = 0; k < loop_count && strcmp(row->state, "stuck") == 0; k++) {
            if (loops[k].stuck && REC_HAS(row, lun, device) &&
                strcmp(loops[k].device, row->device) == 0)
                say_since(s, row, loops[k].since);
        }
        if (c != NULL && c->answer != NULL)
            fill_lun(s, c->answer, row);
    }
}

/* Of a LUN and a partition that answer with an error its own row says so. */
static bool is_told(const struct block_container *c)
{
    return c->answer->status != LABEL_SKIPPED && !is_refusal(c->answer) &&
           (c->kind == CONTAINER_LUN || c->kind == CONTAINER_PARTITION);
}

const char *storage_unread(struct storage *s)
{
    const char *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < s->container_count; i++) {
        const struct label_answer *answer = s->containers[i].answer;

        if (answer == NULL || answer->status == LABEL_READ || answer->status == LABEL_STUCK ||
            answer->status == LABEL_GONE || is_told(&s->containers[i]))
            continue;
        if (n++ == 0)
            first = answer->text;
    }
    if (n < 2)
        return first;
    return rows_printf(&s->r, "%s, and %zu more were not read", first, n - 1);
}

/* ---- memory ------------------------------------------------------------------------------------
 */

/* What has just begun or ceased to use a device may still write to it: it is read once more. */
static uint64_t settled_uses(const struct storage *s, const struct block_container *c)
{
    const struct kept_label *k = storage_memory_label(&s->before, c->container);
    bool changed = k != NULL && k->identity != 0 && k->uses != c->uses && k->uses != 0;

    return changed ? 0 : c->uses;
}

static bool keep(const struct storage *s, const struct block_container *c, struct kept_label *out)
{
    const struct label *l = known(s, c);

    if (l == NULL)
        return false;
    *out = (struct kept_label){ .container = storage_hash(c->container), .label = *l };
    if (label_of(c) != NULL) {
        out->identity = c->identity;
        out->uses = settled_uses(s, c);
    }
    return out->identity != 0 || l->type != NULL || l->table_type != NULL;
}

void storage_remember(struct storage *s, struct storage_memory *out)
{
    struct kept_label *v = rows_array(&s->r, s->container_count, sizeof *v);
    size_t n = 0;

    for (size_t i = 0; i < s->container_count && v != NULL; i++)
        n += keep(s, &s->containers[i], &v[n]);
    out->labels = v;
    out->label_count = n;
}
