/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shared filesystems: what is on them, and who has them mounted. Whoever mounts one for writing
 * changes it, and leaves its journal dirty until it is unmounted in good order. */
#include <stdlib.h>

#include "sim_internal.h"

static bool writes(enum mount_kind kind)
{
    return kind == MOUNT_HELD || kind == MOUNT_FOREIGN;
}

void disk_write(struct sim *s, struct disk *d)
{
    if (d->version == d->replaced_cap) {
        d->replaced_cap = d->replaced_cap == 0 ? 64 : 2 * d->replaced_cap;
        d->replaced = realloc(d->replaced, d->replaced_cap * sizeof *d->replaced);
        if (d->replaced == NULL)
            abort();
    }
    d->replaced[d->version++] = s->now;
    oracle_written(s, d);
}

struct mount *disk_mount(struct sim *s, struct disk *d, struct host *h, enum mount_kind kind,
                         uint64_t token)
{
    struct mount *m = malloc(sizeof *m);

    if (m == NULL)
        abort();
    *m = (struct mount){
        .next = d->mounts, .host = h, .kind = kind, .token = token, .since = s->now
    };
    d->mounts = m;
    if (writes(kind)) {
        disk_write(s, d);
        d->dirty = true;
    }
    sim_trace(s, "%s: mounts disk %u (%s, token %llu)", h->name, d->no,
              writes(kind) ? "to write" : "to scan", (unsigned long long)token);
    oracle_mounted(s, d, m);
    host_mounts_changed(s, h);
    return m;
}

static void unlink_mount(struct disk *d, struct mount *m)
{
    struct mount **at = &d->mounts;

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
}

static bool is_written(const struct disk *d)
{
    const struct mount *m = d->mounts;

    while (m != NULL && !writes(m->kind))
        m = m->next;
    return m != NULL;
}

void disk_unmount(struct sim *s, struct disk *d, struct mount *m)
{
    struct host *h = m->host;

    sim_trace(s, "%s: unmounts disk %u (token %llu)", h->name, d->no, (unsigned long long)m->token);
    unlink_mount(d, m);
    if (writes(m->kind)) {
        disk_write(s, d);
        d->dirty = is_written(d);
    }
    free(m);
    host_mounts_changed(s, h);
}

void disks_let_go(struct sim *s, const struct host *h, uint64_t token)
{
    for (uint32_t i = 0; i < s->o.luns; i++) {
        struct mount *m = s->disks[i].mounts;

        while (m != NULL && (!m->left || m->host != h || m->token != token))
            m = m->next;
        if (m != NULL)
            disk_unmount(s, &s->disks[i], m);
    }
}

struct mount *disk_mount_of(const struct disk *d, const struct host *h)
{
    struct mount *m = d->mounts;

    while (m != NULL && (m->host != h || m->kind == MOUNT_OWN))
        m = m->next;
    return m;
}

void disk_fingerprint(const struct disk *d, char out[80])
{
    out[0] = '\0';
    if (!d->dirty && d->no % 2 == 0) /* others are of a type that has none */
        snprintf(out, 80, "ext4 version=%llu", (unsigned long long)d->version);
}

void disks_host_ends(struct sim *s, struct host *h)
{
    for (uint32_t i = 0; i < s->o.luns; i++) {
        struct mount *m, *next;

        for (m = s->disks[i].mounts; m != NULL; m = next) {
            next = m->next;
            if (m->host != h)
                continue;
            unlink_mount(&s->disks[i], m);
            free(m);
        }
    }
}

struct disk *disk_of_host(struct sim *s, const struct host *h)
{
    uint32_t n = (uint32_t)__builtin_popcountll(h->luns), pick;

    if (n == 0)
        return NULL;
    pick = dice_below(s, n);
    for (uint32_t i = 0; i < s->o.luns; i++) {
        if ((h->luns >> i & 1) != 0 && pick-- == 0)
            return &s->disks[i];
    }
    return NULL;
}

void disks_free(struct sim *s)
{
    for (uint32_t i = 0; s->disks != NULL && i < s->o.luns; i++)
        free(s->disks[i].replaced);
    free(s->disks);
}
