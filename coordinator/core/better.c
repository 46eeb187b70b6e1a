/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device that had no identity and has one: what was named by the device goes, since it is the
 * same storage under a name that means something on one node alone. A LUN goes by its row alone. A
 * filesystem goes when the node sees one with the same UUID at the same place of what the device is
 * known to be, and nothing depends on the old name; what is not proven stays as lost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

#define LOCAL "local."

/* A filesystem that lay in a device without identity. */
struct better {
    struct better *next;
    uuid128 lun, old, now; /* what the device, and the filesystem, was called, and that is now */
    uint64_t mark;         /* which device of its filesystem it was; 0: not known */
    uint32_t address;      /* of the device, in its mark; 0: not known */
    char device[];         /* key of its path */
};

static void entry_free(struct better **at)
{
    struct better *b = *at;

    *at = b->next;
    free(b);
}

void better_forget(struct node *n)
{
    while (n->better != NULL)
        entry_free(&n->better);
}

/* ---- what may be called otherwise ----------------------------------------------------------- */

static uint32_t address_of(const struct node *n, const char *device)
{
    const struct row *row = row_by_key(&n->sections[SECTION_PATHS], device);

    return row != NULL ? (uint32_t)(row->mark >> 32) : 0;
}

/* The id of what a filesystem in the old LUN, or in a partition of it, is in the new one. */
static bool id_in(const struct twin *w, const struct resource *lun, uuid128 *out)
{
    const char *uuid = w->of->key + strlen("fs/"), *part;
    char key[KEY_MOST + 1];

    part = w->container + twin_root_length(w->container);
    if ((size_t)snprintf(key, sizeof key, "%s@%s%s", uuid, lun->key, part) >= sizeof key)
        return false;
    *out = resource_seen_id(lun->owner, RESOURCE_FILESYSTEM, key);
    return true;
}

/* Does it lie in the LUN or a partition of it, and is the node's word on that of this boot? */
static bool lies_in(const struct edge *e, const struct resource *lun)
{
    const struct twin *w = e->resource->twin;
    size_t n = strlen(lun->key);

    return e->resource->kind == RESOURCE_FILESYSTEM && w != NULL &&
           e->resource->owner == lun->owner && twin_root_length(w->container) == n &&
           strncmp(w->container, lun->key, n) == 0 && (e->sightings != NULL || e->had_until.v != 0);
}

static int note_one(struct node *n, const struct edge *e, const struct resource *was,
                    const struct resource *is, const char *device)
{
    size_t len = strlen(device) + 1;
    struct better *b = calloc(1, sizeof *b + len);

    if (b == NULL)
        return -ENOMEM;
    if (!id_in(e->resource->twin, is, &b->now)) {
        free(b);
        return 0;
    }
    b->lun = was->id;
    b->old = e->resource->id;
    b->mark = e->sightings != NULL ? e->sightings->seen.mark : 0;
    b->address = address_of(n, device);
    memcpy(b->device, device, len);
    b->next = n->better;
    n->better = b;
    return 0;
}

/* What was noted before of this LUN is no more what it is called. */
static int note_filesystems(struct node *n, const struct resource *was, const struct resource *is,
                            const char *device)
{
    for (struct better **at = &n->better; *at != NULL;) {
        if (uuid_eq((*at)->lun, was->id))
            entry_free(at);
        else
            at = &(*at)->next;
    }
    for (uint32_t i = 0; i < n->edge_count; i++) {
        int rc = lies_in(n->edges[i], was) ? note_one(n, n->edges[i], was, is, device) : 0;

        if (rc < 0)
            return rc;
    }
    return 0;
}

int better_known(struct step *s, struct node *n, const struct sight *sight, struct edge *to)
{
    size_t count = sight->devices != NULL ? sight->devices->n : 0;
    char key[KEY_MOST + 1];

    for (size_t i = 0; i < count; i++) {
        const char *device = sight->devices->v[i];
        size_t len = (size_t)snprintf(key, sizeof key, LOCAL "%s", device);
        struct resource *r = resource_by_id(s->c, resource_seen_id(n, RESOURCE_LUN, key));
        struct edge *from = r != NULL && len < sizeof key ? edge_find(n, r) : NULL;
        int rc = from != NULL ? edge_dirty(s->c, from) : 0;

        if (rc == 0 && from != NULL && !from->bare) /* it was there a report ago */
            rc = note_filesystems(n, r, to->resource, device);
        if (rc < 0)
            return rc;
        if (from != NULL)
            from->heir = to;
    }
    return 0;
}

/* ---- what is called otherwise --------------------------------------------------------------- */

static struct edge *edge_by_id(const struct step *s, const struct node *n, uuid128 id)
{
    const struct resource *r = resource_by_id(s->c, id);

    return r != NULL ? edge_find(n, r) : NULL;
}

static bool is_seen(const struct edge *e)
{
    return e != NULL && e->sightings != NULL;
}

/* Who has it under its old name? NULL: nobody. */
static const char *in_the_way(const struct edge *e)
{
    const struct seat *seat = e->resource->seat;

    if (!link_empty(&seat->leases))
        return "there is a right on it";
    if (!link_empty(&seat->readings))
        return "a scan of it is under way";
    if (seat->scan != NULL)
        return "it was admitted to scans";
    if (seat->image_count > 0)
        return "images were found in it";
    return e->distrust != NULL ? "something else was found there" : NULL;
}

/* May it be another one, for all that is known? */
static bool may_differ(const struct node *n, const struct better *b, const struct edge *now)
{
    uint64_t mark = now->sightings->seen.mark;
    uint32_t address = address_of(n, b->device);

    return (b->mark != 0 && mark != 0 && b->mark != mark) ||
           (b->address != 0 && address != 0 && b->address != address);
}

static int keep_old(struct step *s, struct node *n, const struct edge *old, const struct edge *now,
                    const char *why)
{
    char was[200], is[200];
    int rc = event_due_of_node(s, n);

    if (rc != 1)
        return rc;
    resource_label_in(old->resource, was, sizeof was);
    snprintf(is, sizeof is, "%s", now->resource->key);
    text_trim(is);
    return event(s, "fs.kept", SEVERITY_WARNING, n, old->resource,
                 "Filesystem %s has an identity now, and is %s; what it was called before stays as "
                 "lost, since %s.",
                 was, is, why);
}

/* 1: there is nothing more to wait for. */
static int settle_one(struct step *s, struct node *n, const struct better *b)
{
    struct edge *old = edge_by_id(s, n, b->old), *now = edge_by_id(s, n, b->now);
    const char *why;
    int rc;

    if (old == NULL || is_seen(edge_by_id(s, n, b->lun)))
        return 1;
    if (old->sightings != NULL || !is_seen(now))
        return 0;
    if (may_differ(n, b, now))
        return 1;
    why = in_the_way(old);
    rc = why != NULL ? keep_old(s, n, old, now, why) : edge_dirty(s->c, old);
    if (rc == 0 && why == NULL)
        old->heir = now;
    return rc < 0 ? rc : 1;
}

int better_settle(struct step *s, struct node *n)
{
    for (struct better **at = &n->better; *at != NULL;) {
        int rc = settle_one(s, n, *at);

        if (rc < 0)
            return rc;
        if (rc == 1)
            entry_free(at);
        else
            at = &(*at)->next;
    }
    return 0;
}
