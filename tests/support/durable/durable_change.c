/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each change does to the rows, by rules of its own. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/limits.h"
#include "base/text.h"
#include "durable_internal.h"

bool durable_of_node(enum table_id id, const void *row, uint32_t no)
{
    switch (id) {
    case T_KEY:
        return ((const struct key_row *)row)->node_no == no;
    case T_BOOT:
        return ((const struct retired_boot_row *)row)->node_no == no;
    case T_SECTION:
        return ((const struct section_row_state *)row)->node_no == no;
    case T_INVENTORY:
        return ((const struct inventory_row *)row)->node_no == no;
    case T_SIGHTING:
        return ((const struct sighting_row *)row)->node_no == no;
    case T_EDGE:
        return ((const struct edge_row *)row)->node_no == no;
    case T_FENCE:
        return ((const struct fence_row *)row)->node_no == no;
    case T_REACH:
        return ((const struct reach_row *)row)->node_no == no;
    default:
        return false;
    }
}

static void drop_node(struct durable *d, uint32_t no)
{
    for (enum table_id id = 0; id < T_COUNT; id++) {
        for (size_t i = d->t[id].n; i-- > 0;) {
            if (durable_of_node(id, durable_row(d, id, i), no))
                durable_drop_at(d, id, i);
        }
    }
}

static void drop_section(struct durable *d, uint32_t no, enum section_id section)
{
    for (size_t i = d->t[T_INVENTORY].n; i-- > 0;) {
        const struct inventory_row *r = durable_row(d, T_INVENTORY, i);

        if (r->node_no == no && r->section == section)
            durable_drop_at(d, T_INVENTORY, i);
    }
    for (size_t i = d->t[T_SIGHTING].n; i-- > 0;) {
        const struct sighting_row *r = durable_row(d, T_SIGHTING, i);

        if (r->node_no == no && r->section == section)
            durable_drop_at(d, T_SIGHTING, i);
    }
}

static bool has_edges(struct durable *d, uint32_t resource_no)
{
    for (size_t i = 0; i < d->t[T_EDGE].n; i++) {
        if (((const struct edge_row *)durable_row(d, T_EDGE, i))->resource_no == resource_no)
            return true;
    }
    return false;
}

static void drop_jobs(struct durable *d, uint32_t task_no)
{
    for (size_t i = d->t[T_JOB].n; i-- > 0;) {
        if (((const struct job_row *)durable_row(d, T_JOB, i))->task_no == task_no)
            durable_drop_at(d, T_JOB, i);
    }
}

/* What hangs on a filesystem that is scanned no more. */
static void drop_scan(struct durable *d, uint32_t resource_no)
{
    for (size_t i = d->t[T_REACH].n; i-- > 0;) {
        if (((const struct reach_row *)durable_row(d, T_REACH, i))->resource_no == resource_no)
            durable_drop_at(d, T_REACH, i);
    }
    for (size_t i = d->t[T_IMAGE].n; i-- > 0;) {
        if (((const struct image_row *)durable_row(d, T_IMAGE, i))->filesystem_no == resource_no)
            durable_drop_at(d, T_IMAGE, i);
    }
}

static void prune(struct durable *d, uint64_t no)
{
    while (d->t[T_EVENT].n > 0 && ((const struct event_row *)durable_row(d, T_EVENT, 0))->no <= no)
        durable_drop_at(d, T_EVENT, 0);
}

static void prune_tasks(struct durable *d, uint32_t no)
{
    unsigned gone = 0;

    for (size_t i = 0; i < d->t[T_TASK].n && gone < LIMIT_TASKS_PRUNED;) {
        const struct task_row *r = durable_row(d, T_TASK, i);

        if (r->no > no)
            return;
        if (r->ended.v == 0) {
            i++;
            continue;
        }
        drop_jobs(d, r->no);
        durable_drop(d, T_VG_CHANGE, &(struct vg_change_row){ .task_no = r->no });
        durable_drop_at(d, T_TASK, i);
        gone++;
    }
}

static int put(struct durable *d, enum table_id id, const void *row, size_t size)
{
    union {
        struct change room;
        char bytes[sizeof(struct change)];
    } copy;

    assert(size == durable_row_size(id) && size <= sizeof copy);
    memcpy(&copy, row, size);
    durable_own(d, id, &copy);
    durable_put(d, id, &copy);
    return 0;
}

#define PUT(d, id, row) put((d), (id), &(row), sizeof(row))

static int apply_inventory(struct durable *d, const struct change *ch, struct err *e)
{
    const struct inventory_row *r = &ch->inventory;
    const struct section_desc *desc = &section_descs[r->section];

    if (r->row == NULL)
        return durable_drop(d, T_INVENTORY, r)
                   ? 0
                   : err_set(e, -EINVAL, "delete of row %s, which is not there", r->key);
    if (r->hash != record_hash(desc->row, r->row) ||
        strcmp(r->key, section_row_key(desc, r->row)) != 0)
        return err_set(e, -EINVAL, "row %s has another key or hash than its record", r->key);
    return PUT(d, T_INVENTORY, *r);
}

/* Only the store keeps lost paths; it takes them from a row that must be there. */
static int apply_path_lost(struct durable *d, const struct path_lost_row *r, struct err *e)
{
    const struct inventory_row of = { .node_no = r->node_no,
                                      .section = SECTION_PATHS,
                                      .key = r->device };

    return durable_find(d, T_INVENTORY, &of) != NULL
               ? 0
               : err_set(e, -EINVAL, "path %s, which is not there, is lost", r->device);
}

static int must(bool done, const char *what, struct err *e)
{
    return done ? 0 : err_set(e, -EINVAL, "delete of %s that is not there", what);
}

static int apply_delete(struct durable *d, const struct change *ch, struct err *e)
{
    switch (ch->type) {
    case CHANGE_NODE_DELETE:
        drop_node(d, ch->node.no);
        return must(durable_drop(d, T_NODE, &ch->node), "a node", e);
    case CHANGE_KEY_DELETE:
        return must(durable_drop(d, T_KEY, &ch->key), "a key", e);
    case CHANGE_RETIRED_BOOT_DELETE:
        return must(durable_drop(d, T_BOOT, &ch->retired_boot), "a retired boot", e);
    case CHANGE_SECTION_CLEAR:
        drop_section(d, ch->section.node_no, ch->section.section);
        return must(durable_drop(d, T_SECTION, &ch->section), "a section", e);
    case CHANGE_RESOURCE_DELETE:
        if (has_edges(d, ch->resource.no))
            return err_set(e, -EINVAL, "resource %u is deleted before its edges", ch->resource.no);
        return must(durable_drop(d, T_RESOURCE, &ch->resource), "a resource", e);
    case CHANGE_SIGHTING_DELETE:
        return must(durable_drop(d, T_SIGHTING, &ch->sighting), "a sighting", e);
    case CHANGE_EDGE_DELETE:
        return must(durable_drop(d, T_EDGE, &ch->edge), "an edge", e);
    case CHANGE_NETWORK_DELETE:
        return must(durable_drop(d, T_NETWORK, &ch->network), "a network", e);
    case CHANGE_TOKEN_DELETE:
        return must(durable_drop(d, T_TOKEN, &ch->token), "a token", e);
    case CHANGE_EVENT_PRUNE:
        prune(d, ch->event.no);
        return 0;
    case CHANGE_LEASE_DELETE:
        return must(durable_drop(d, T_LEASE, &ch->lease), "a lease", e);
    case CHANGE_LEASE_HISTORY_PRUNE:
        while (d->t[T_LEASE_HISTORY].n > ch->lease_history.token)
            durable_drop_at(d, T_LEASE_HISTORY, 0);
        return 0;
    case CHANGE_FENCE_DELETE:
        return must(durable_drop(d, T_FENCE, &ch->fence), "a fence", e);
    case CHANGE_TASK_PRUNE:
        prune_tasks(d, ch->task.no);
        return 0;
    case CHANGE_SCAN_DELETE:
        drop_scan(d, ch->scan.resource_no);
        return must(durable_drop(d, T_SCAN, &ch->scan), "a scan", e);
    case CHANGE_REACH_DELETE:
        return must(durable_drop(d, T_REACH, &ch->reach), "a reach", e);
    default:
        return err_set(e, -EINVAL, "change of unknown type %d", (int)ch->type);
    }
}

/* A token is given out once: it is live or over, and none is above the highest. */
static int apply_lease(struct durable *d, const struct lease_row *r, struct err *e)
{
    struct lease_history_row over = { .token = r->token };

    if (durable_find(d, T_LEASE_HISTORY, &over) != NULL)
        return err_set(e, -EINVAL, "token %" PRIu64 " was over already", r->token);
    return PUT(d, T_LEASE, *r);
}

static int apply_right(struct durable *d, const struct change *ch, struct err *e)
{
    switch (ch->type) {
    case CHANGE_LEASE:
        return apply_lease(d, &ch->lease, e);
    case CHANGE_LEASE_HISTORY:
        return PUT(d, T_LEASE_HISTORY, ch->lease_history);
    case CHANGE_FENCE:
        return PUT(d, T_FENCE, ch->fence);
    case CHANGE_TASK:
        return PUT(d, T_TASK, ch->task);
    case CHANGE_JOB:
        return PUT(d, T_JOB, ch->job);
    case CHANGE_VG_CHANGE:
        return PUT(d, T_VG_CHANGE, ch->vg_change);
    case CHANGE_SCAN:
        return PUT(d, T_SCAN, ch->scan);
    case CHANGE_REACH:
        return PUT(d, T_REACH, ch->reach);
    case CHANGE_IMAGE:
        if (ch->image.image == NULL)
            return must(durable_drop(d, T_IMAGE, &ch->image), "an image", e);
        return PUT(d, T_IMAGE, ch->image);
    default:
        return apply_delete(d, ch, e);
    }
}

static int apply(struct durable *d, const struct change *ch, struct err *e)
{
    switch (ch->type) {
    case CHANGE_META:
        d->meta = ch->meta;
        return 0;
    case CHANGE_START:
        return PUT(d, T_START, ch->start);
    case CHANGE_NODE:
        return PUT(d, T_NODE, ch->node);
    case CHANGE_KEY:
        return PUT(d, T_KEY, ch->key);
    case CHANGE_RETIRED_BOOT:
        return PUT(d, T_BOOT, ch->retired_boot);
    case CHANGE_SECTION:
        return PUT(d, T_SECTION, ch->section);
    case CHANGE_INVENTORY:
        return apply_inventory(d, ch, e);
    case CHANGE_PATH_LOST:
        return apply_path_lost(d, &ch->path_lost, e);
    case CHANGE_RESOURCE:
        return PUT(d, T_RESOURCE, ch->resource);
    case CHANGE_SIGHTING:
        return PUT(d, T_SIGHTING, ch->sighting);
    case CHANGE_EDGE:
        return PUT(d, T_EDGE, ch->edge);
    case CHANGE_NETWORK:
        return PUT(d, T_NETWORK, ch->network);
    case CHANGE_TOKEN:
        return PUT(d, T_TOKEN, ch->token);
    case CHANGE_EVENT:
        if (!text_is_clean(ch->event.text, strlen(ch->event.text)))
            return err_set(e, -EINVAL, "event %s has text that no reply can hold", ch->event.kind);
        return PUT(d, T_EVENT, ch->event);
    default:
        return apply_right(d, ch, e);
    }
}

int durable_store(struct durable *d, const struct change *changes, struct err *e)
{
    int rc = 0;

    for (const struct change *ch = changes; ch != NULL && rc == 0; ch = ch->next)
        rc = apply(d, ch, e);
    return rc;
}

int durable_apply(struct durable *d, const struct change *changes, struct err *e)
{
    int rc = durable_store(d, changes, e);

    return rc == 0 ? durable_check(d, e) : rc;
}
