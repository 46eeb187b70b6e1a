/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which labels need not be read again. */
#include <sys/sysmacros.h>

#include "collect/parse_device_name.h"
#include "collect/parse_storage.h"

/* ---- what a device is, and what uses it --------------------------------------------------------
 */

static uint64_t not_0(uint64_t hash)
{
    return hash == 0 ? 1 : hash;
}

/* The device that a container is read through. */
static const struct block_container *disk_of(struct storage *s, const struct block_container *c)
{
    if (c->kind != CONTAINER_PARTITION)
        return c;
    return container_by_name(s->containers, s->container_count, c->lun);
}

static uint64_t identity(struct storage *s, const struct tree *t, const struct block_container *c)
{
    const struct block_container *disk = disk_of(s, c);
    const char *dir =
        disk == NULL || disk->device == NULL ? NULL : tree_link(t, "/sys/block", disk->device);
    struct opt seq = { .has = false };
    const char *text;

    if (dir != NULL)
        seq = bytes_number(tree_file(t, dir, "diskseq"), 10);
    if (!seq.has)
        return 0;
    text =
        rows_printf(&s->r, "%s %s %s %llx %llu %llu %llu %llu %llu %llx", c->container,
                    c->device == NULL ? "" : c->device, disk->device, (unsigned long long)c->devnum,
                    (unsigned long long)seq.v, (unsigned long long)c->size_bytes.v,
                    (unsigned long long)c->start_bytes.v, (unsigned long long)c->paths_active.v,
                    (unsigned long long)c->paths_total.v, (unsigned long long)disk->devnum);
    return text == NULL ? 0 : not_0(storage_hash(text));
}

void storage_identify(struct storage *s, const struct tree *t)
{
    for (size_t i = 0; i < s->container_count && !s->r.failed; i++) {
        if (s->containers[i].identity == 0)
            s->containers[i].identity = identity(s, t, &s->containers[i]);
    }
}

/* A scan can write nothing: that there is one, or was one, says nothing of a label. */
static bool may_write(const struct use *u)
{
    return !REC_HAS(u, use, kind) || strcmp(u->kind, "scan") != 0;
}

void storage_uses(struct storage *s, const struct use *uses, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct block_container *c = NULL;

        if (REC_HAS(&uses[i], use, container) && may_write(&uses[i]))
            c = container_by_name(s->containers, s->container_count, uses[i].container);
        if (c != NULL)
            c->uses += record_hash(&use_desc, &uses[i]);
    }
    for (size_t i = 0; i < s->container_count; i++) {
        struct block_container *c = &s->containers[i];

        for (size_t k = 0; k < c->holders.n; k++)
            c->uses += storage_hash(c->holders.v[k]);
        c->uses = not_0(c->uses);
    }
}

/* ---- which have changed ------------------------------------------------------------------------
 */

static bool touch_own(struct storage *s, const char *name)
{
    bool any = false;

    for (size_t i = 0; i < s->container_count; i++) {
        struct block_container *c = &s->containers[i];

        if (c->device == NULL || strcmp(c->device, name) != 0)
            continue;
        c->touched = any = true;
    }
    return any;
}

static bool is_of(const char *name, const char *device)
{
    return strcmp(name, device) == 0 || device_is_partition_of(name, device);
}

/* The name of a path, or of a partition of a LUN or of a path, that has no container of its own. */
static void touch_lun(struct storage *s, const char *name)
{
    for (size_t i = 0; i < s->container_count; i++) {
        struct block_container *c = &s->containers[i];

        c->touched |= c->kind == CONTAINER_LUN && c->device != NULL && is_of(name, c->device);
    }
    for (size_t i = 0; i < s->rows.path_count; i++) {
        const struct path *p = &s->rows.paths[i];
        struct block_container *c = NULL;

        if (is_of(name, p->device))
            c = container_by_name(s->containers, s->container_count, p->lun);
        if (c != NULL)
            c->touched = true;
    }
}

static void touch(struct storage *s, struct strs touched)
{
    for (size_t i = 0; i < touched.n; i++) {
        if (!touch_own(s, touched.v[i]))
            touch_lun(s, touched.v[i]);
    }
}

/* ---- the answer --------------------------------------------------------------------------------
 */

dev_t storage_dev(uint64_t devnum)
{
    return makedev((unsigned)(devnum >> 32), (unsigned)(devnum & UINT32_MAX));
}

static bool is_stuck(const struct label_memory *m, uint64_t devnum)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].devnum == storage_dev(devnum))
            return true;
    }
    return false;
}

static bool may_reuse(struct storage *s, const struct block_container *c,
                      const struct kept_label *k, const struct storage_hint *h)
{
    const struct block_container *disk = disk_of(s, c);

    if (k == NULL || k->identity == 0 || k->identity != c->identity || k->uses != c->uses)
        return false;
    if (h->pvs && label_pv_uuid(&k->label) != NULL)
        return false;
    if (is_stuck(s->before.stuck, c->devnum) || is_stuck(s->before.stuck, disk->devnum))
        return false;
    /* When a LUN is read again, so is what is in it. */
    return disk == c || (disk->answer == NULL ? !disk->top : disk->answer->remembered);
}

static void reuse(struct storage *s, const struct storage_hint *h, bool in_luns)
{
    for (size_t i = 0; i < s->container_count && !s->r.failed; i++) {
        struct block_container *c = &s->containers[i];
        const struct kept_label *k;
        struct label_answer *answer;

        if (!c->top || c->suspended || c->answer != NULL ||
            in_luns != (c->kind == CONTAINER_PARTITION))
            continue;
        k = storage_memory_label(&s->before, c->container);
        if (c->touched || !may_reuse(s, c, k, h))
            continue;
        answer = rows_array(&s->r, 1, sizeof *answer);
        if (answer == NULL)
            return;
        answer->status = LABEL_READ;
        answer->remembered = true;
        answer->label = k->label;
        c->answer = answer;
    }
}

void storage_reuse(struct storage *s, const struct storage_hint *h)
{
    if (h->whole)
        return;
    touch(s, h->touched);
    reuse(s, h, false);
    reuse(s, h, true);
}
