/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does every row lead to where it should? */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "durable_internal.h"

static bool has_edge(const struct durable *d, uint32_t node_no, uint32_t resource_no)
{
    struct edge_row r = { .node_no = node_no, .resource_no = resource_no };

    return durable_find(d, T_EDGE, &r) != NULL;
}

static int check_sighting(const struct durable *d, const struct sighting_row *g, struct err *e)
{
    struct inventory_row row = { .node_no = g->node_no, .section = g->section, .key = g->row_key };

    if (durable_find(d, T_INVENTORY, &row) == NULL)
        return err_set(e, -EINVAL, "sighting %s of no row", g->row_key);
    if (!has_edge(d, g->node_no, g->resource_no))
        return err_set(e, -EINVAL, "sighting %s of no edge", g->row_key);
    return 0;
}

/* What is written for people who read the database: the node's name of today, before what is its
 * own. */
static bool label_is_right(const struct durable *d, const struct resource_row *r)
{
    const char *head = r->kind == RESOURCE_NETWORK ? "unproven:" : "";

    for (size_t i = 0; i < d->t[T_NODE].n; i++) {
        const struct node_row *n = durable_row(d, T_NODE, i);
        char key[64], label[128], id[UUID_TEXT];

        snprintf(key, sizeof key, "%s%s/", head, uuid_text(n->id, id));
        if (strncmp(r->key, key, strlen(key)) != 0)
            continue;
        snprintf(label, sizeof label, "%s%s/", head, n->name);
        return strncmp(r->label, label, strlen(label)) == 0 &&
               (r->kind != RESOURCE_NETWORK ||
                strcmp(r->label + strlen(label), r->key + strlen(key)) == 0);
    }
    return r->declared || r->kind != RESOURCE_NETWORK;
}

static int check_resource(const struct durable *d, const struct resource_row *r, struct err *e)
{
    struct network_row w = { .id = r->id };
    struct resource_row parent = { .no = r->parent_no };
    bool edge = r->kind == RESOURCE_IMAGE && durable_find(d, T_RESOURCE, &parent) != NULL;

    for (size_t i = 0; i < d->t[T_EDGE].n && !edge; i++)
        edge = ((const struct edge_row *)durable_row(d, T_EDGE, i))->resource_no == r->no;
    for (size_t i = 0; i < d->t[T_LEASE].n && !edge; i++)
        edge = ((const struct lease_row *)durable_row(d, T_LEASE, i))->resource_no == r->no;
    if (r->declared != (durable_find(d, T_NETWORK, &w) != NULL))
        return err_set(e, -EINVAL, "resource %s and its network contradict", r->key);
    if (!label_is_right(d, r))
        return err_set(e, -EINVAL, "resource %s is labelled %s", r->key, r->label);
    if (!r->declared && !edge)
        return err_set(e, -EINVAL, "resource %s is seen by nobody", r->key);
    return r->no < d->meta.next_resource_no
               ? 0
               : err_set(e, -EINVAL, "resource %s has a number that is not used yet", r->key);
}

/* Places of its rows, one after the other: from `first`, before `end`. */
struct span {
    size_t first, end;
};

static struct span rows_of_section(const struct durable *d, const struct section_row_state *s)
{
    struct inventory_row key = { .node_no = s->node_no, .section = s->section, .key = "" };
    struct span v = { .first = durable_from(d, T_INVENTORY, &key) };

    for (v.end = v.first; v.end < d->t[T_INVENTORY].n; v.end++) {
        const struct inventory_row *r = durable_row(d, T_INVENTORY, v.end);

        if (r->node_no != s->node_no || r->section != s->section)
            break;
    }
    return v;
}

/* Rows of a section that was collected are those that its digest is of. */
static int check_digest(struct durable *d, const struct section_row_state *row, struct err *e)
{
    const struct record_desc *desc = section_descs[row->section].row;
    struct section s = { .id = row->section,
                         .status = row->status,
                         .status_text = row->status_text };
    struct span v = rows_of_section(d, row);
    struct arena *a;
    int rc;

    if (row->status != SECTION_OK && row->status != SECTION_ABSENT)
        return 0;
    a = arena_new(0);
    s.rows = arena_array(a, v.end - v.first, desc->size);
    for (size_t i = v.first; i < v.end; i++) {
        const struct inventory_row *r = durable_row(d, T_INVENTORY, i);

        memcpy((char *)s.rows + s.row_count++ * desc->size, r->row, desc->size);
    }
    rc = section_normalise(&s, a, e);
    if (rc == 0 && !digest_eq(s.digest, row->digest))
        rc = err_set(e, -EINVAL, "the rows of section %s of node %u are not those of its digest",
                     section_descs[row->section].name, row->node_no);
    arena_free(a);
    return rc;
}

static bool owned(const struct durable *d, enum table_id id, const void *row)
{
    for (size_t n = 0; n < d->t[T_NODE].n; n++) {
        if (durable_of_node(id, row, ((const struct node_row *)durable_row(d, T_NODE, n))->no))
            return true;
    }
    return id == T_KEY && ((const struct key_row *)row)->role != ROLE_NODE;
}

static int check_row(struct durable *d, enum table_id id, const void *row, struct err *e)
{
    int rc = 0;

    if (id == T_RESOURCE)
        return check_resource(d, row, e);
    if (id == T_SIGHTING)
        rc = check_sighting(d, row, e);
    else if (id == T_SECTION)
        rc = check_digest(d, row, e);
    if (rc == 0 && !owned(d, id, row))
        rc = err_set(e, -EINVAL, "a row of table %d is of no node", (int)id);
    return rc;
}

/* A right is of a node and a resource that are there; of live leases a resource has one, of holds
 * one, and no hold beside a lease or residue. */
static int check_lease(const struct durable *d, size_t at, struct err *e)
{
    const struct lease_row *r = durable_row(d, T_LEASE, at);
    struct node_row n = { .no = r->node_no };
    struct resource_row of = { .no = r->resource_no };

    if (durable_find(d, T_NODE, &n) == NULL || durable_find(d, T_RESOURCE, &of) == NULL)
        return err_set(e, -EINVAL, "the right %" PRIu64 " leads to no node or resource", r->token);
    if (r->token > d->meta.token)
        return err_set(e, -EINVAL, "the right %" PRIu64 " has a token that is not used yet",
                       r->token);
    for (size_t i = 0; i < at; i++) {
        const struct lease_row *o = durable_row(d, T_LEASE, i);

        if (o->resource_no == r->resource_no && o->node_no != r->node_no &&
            o->state != LEASE_RESIDUE && r->state != LEASE_RESIDUE)
            return err_set(e, -EINVAL, "the rights %" PRIu64 " and %" PRIu64 " exclude each other",
                           o->token, r->token);
    }
    return 0;
}

/* Each image has a row and a resource, called as its filesystem and its path. */
static int check_images(const struct durable *d, struct err *e)
{
    size_t images = 0;

    for (size_t i = 0; i < d->t[T_IMAGE].n; i++) {
        const struct image_row *x = durable_row(d, T_IMAGE, i);
        struct resource_row fs = { .no = x->filesystem_no }, r = { .no = x->resource_no };
        const struct resource_row *in = durable_find(d, T_RESOURCE, &fs);
        const struct resource_row *of = durable_find(d, T_RESOURCE, &r);
        char name[512];

        if (in == NULL || of == NULL || of->kind != RESOURCE_IMAGE || of->parent_no != in->no)
            return err_set(e, -EINVAL, "image %u leads to no filesystem or resource", r.no);
        snprintf(name, sizeof name, "%s:%s", in->key, x->image->path);
        if (strncmp(name, of->key, sizeof name - 1) != 0)
            return err_set(e, -EINVAL, "the image %s has the key %s", name, of->key);
        snprintf(name, sizeof name, "%s:%s", in->label, x->image->path);
        if (strncmp(name, of->label, sizeof name - 1) != 0)
            return err_set(e, -EINVAL, "the image %s has the label %s", name, of->label);
    }
    for (size_t i = 0; i < d->t[T_RESOURCE].n; i++)
        images +=
            ((const struct resource_row *)durable_row(d, T_RESOURCE, i))->kind == RESOURCE_IMAGE;
    return images == d->t[T_IMAGE].n
               ? 0
               : err_set(e, -EINVAL, "%zu images are resources, %zu have rows", images,
                         d->t[T_IMAGE].n);
}

/* What hangs on a resource, a task or a filesystem hangs on one that is there. */
static int check_hanging(const struct durable *d, struct err *e)
{
    for (size_t i = 0; i < d->t[T_SCAN].n; i++) {
        struct resource_row r = { .no =
                                      ((struct scan_row *)durable_row(d, T_SCAN, i))->resource_no };

        if (durable_find(d, T_RESOURCE, &r) == NULL)
            return err_set(e, -EINVAL, "the scan of resource %u is of none", r.no);
    }
    for (size_t i = 0; i < d->t[T_JOB].n; i++) {
        struct task_row t = { .no = ((struct job_row *)durable_row(d, T_JOB, i))->task_no };

        if (durable_find(d, T_TASK, &t) == NULL)
            return err_set(e, -EINVAL, "a job is of task %u, which is not there", t.no);
    }
    return check_images(d, e);
}

int durable_check(struct durable *d, struct err *e)
{
    int rc = check_hanging(d, e);

    for (size_t i = 0; i < d->t[T_LEASE].n && rc == 0; i++)
        rc = check_lease(d, i, e);

    for (enum table_id id = T_KEY; id <= T_EDGE; id++) {
        for (size_t i = 0; i < d->t[id].n && rc == 0; i++)
            rc = check_row(d, id, durable_row(d, id, i), e);
    }
    return rc;
}
