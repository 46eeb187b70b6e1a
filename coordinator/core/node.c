/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes: their indexes, names and admission. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum { NAME_MAX_BYTES = 64 };

static int node_insert(struct coord *c, struct node *n)
{
    size_t at = c->node_count;

    if (c->node_count == c->node_cap) {
        size_t cap = c->node_cap == 0 ? 64 : 2 * c->node_cap;
        struct node **more = realloc(c->nodes, cap * sizeof(struct node *));

        if (more == NULL)
            return -ENOMEM;
        c->nodes = more;
        c->node_cap = cap;
    }
    while (at > 0 && c->nodes[at - 1]->row.no > n->row.no)
        at--;
    memmove(&c->nodes[at + 1], &c->nodes[at], (c->node_count - at) * sizeof(struct node *));
    c->nodes[at] = n;
    c->node_count++;
    return 0;
}

struct node *node_new(struct coord *c, uuid128 id, uint32_t no)
{
    struct node *n = calloc(1, sizeof *n);

    if (n == NULL)
        return NULL;
    n->row.id = id;
    n->row.no = no;
    n->live = n->logged = NODE_NEVER;
    link_init(&n->live_link);
    link_init(&n->waiting);
    link_init(&n->under_way);
    link_init(&n->held);
    link_init(&n->order_due);
    if (map_put(c->nodes_by_id, n->row.id.b, sizeof n->row.id.b, n) < 0) {
        free(n);
        return NULL;
    }
    link_init(&n->leases);
    link_init(&n->rests);
    link_init(&n->in_way_of);
    link_init(&n->silent);
    if (slot_take(c, n) < 0 || node_insert(c, n) < 0) {
        map_del(c->nodes_by_id, id.b, sizeof id.b);
        free(n);
        return NULL;
    }
    link_append(&c->silent, &n->silent);
    return n;
}

static void row_free(struct row *row, size_t id)
{
    free(row->key);
    if ((sighting_sections >> id & 1u) != 0)
        free(row->sighting);
}

void node_free(struct node *n)
{
    const char *texts[] = { n->row.name,       n->row.text,     n->row.product_uuid,
                            n->row.lowest_mac, n->row.hostname, n->row.probe_version,
                            n->row.source };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free((void *)(uintptr_t)texts[i]);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        for (uint32_t r = 0; r < n->sections[i].row_count; r++)
            row_free(&n->sections[i].rows[r], i);
        free(n->sections[i].rows);
        free(n->sections[i].status_text);
        slot_unpacked(&n->sections[i]);
    }
    better_forget(n);
    free(n->edges);
    free(n);
}

static size_t node_place(const struct coord *c, uint32_t no)
{
    size_t low = 0, high = c->node_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (c->nodes[mid]->row.no < no)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void node_remove(struct coord *c, struct node *n)
{
    size_t at = node_place(c, n->row.no);

    link_remove(&n->live_link);
    link_remove(&n->order_due);
    stamp_remove(&n->stamp);
    map_del(c->nodes_by_id, n->row.id.b, sizeof n->row.id.b);
    if (n->row.name != NULL)
        map_del(c->nodes_by_name, n->row.name, strlen(n->row.name));
    memmove(&c->nodes[at], &c->nodes[at + 1], (c->node_count - at - 1) * sizeof(struct node *));
    c->node_count--;
    slot_leave(c, n);
    node_free(n);
}

struct node *node_by_id(const struct coord *c, uuid128 id)
{
    return map_get(c->nodes_by_id, id.b, sizeof id.b);
}

uint32_t node_places(const struct node *n)
{
    return n->scans > 0 ? n->scans : DEFAULT_SCANS_PER_NODE;
}

struct node *node_by_no(const struct coord *c, uint32_t no)
{
    size_t at = node_place(c, no);

    return at < c->node_count && c->nodes[at]->row.no == no ? c->nodes[at] : NULL;
}

struct node *node_by_name(const struct coord *c, const char *name)
{
    return map_get(c->nodes_by_name, name, strlen(name));
}

int node_set_name(struct coord *c, struct node *n, const char *name)
{
    char *copy = strdup(name);
    int rc;

    if (copy == NULL)
        return -ENOMEM;
    if (n->row.name != NULL)
        map_del(c->nodes_by_name, n->row.name, strlen(n->row.name));
    free((void *)(uintptr_t)n->row.name);
    n->row.name = copy;
    rc = map_put(c->nodes_by_name, copy, strlen(copy), n);
    return rc == -ENOMEM ? rc : 0;
}

static bool name_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           ch == '.' || ch == '_' || ch == '-';
}

bool node_name_valid(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > NAME_MAX_BYTES || name[0] == '.' || name[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!name_char(name[i]))
            return false;
    }
    return true;
}

/* Taken by a node other than `id`. */
static bool name_taken(const struct coord *c, uuid128 id, const char *name)
{
    const struct node *n = node_by_name(c, name);

    return n != NULL && !uuid_eq(n->row.id, id);
}

void node_own_name(const struct coord *c, uuid128 id, const struct identity *i, char *out)
{
    const char *want[] = { i->configured_name, i->hostname };
    char text[UUID_TEXT], base[NAME_MAX_BYTES + 1] = "";

    uuid_text(id, text);
    for (size_t w = 0; w < ARRAY_LEN(want) && base[0] == '\0'; w++) {
        if (want[w] == NULL)
            continue;
        snprintf(base, 51, "%s", want[w]); /* leaves room for a short id */
        for (char *p = base; *p != '\0'; p++) {
            if (!name_char(*p))
                *p = '-';
        }
        if (!node_name_valid(base))
            base[0] = '\0';
    }
    if (base[0] == '\0')
        snprintf(base, sizeof base, "%.8s", text);
    snprintf(out, 80, "%s", base);
    if (name_taken(c, id, out))
        snprintf(out, 80, "%s-%.8s", base, text);
    if (name_taken(c, id, out))
        snprintf(out, 80, "%s", text);
}

int node_rename(struct step *s, struct node *n, const char *name)
{
    int rc = node_set_name(s->c, n, name);

    if (rc == 0)
        rc = emit_node(s, n);
    if (rc < 0)
        return rc;
    touch_node(s->c, n);
    for (uint32_t i = 0; i < n->edge_count; i++) {
        struct resource *r = n->edges[i]->resource;

        if (r->owner == NULL)
            continue;
        touch_resource(s->c, r); /* its label names the node */
        rc = emit_resource(s, r);
        if (rc == 0)
            rc = images_rename(s, r);
        if (rc < 0)
            return rc;
    }
    rc = network_rematch_node(s, n, -1);
    return rc < 0 ? rc : matrix_settle(s, 0);
}

static void keys_forget(struct coord *c, const struct node *n)
{
    size_t it = 0;
    struct key *k;
    struct retired_boot *b;

    while ((k = map_next(c->keys, &it)) != NULL) {
        if (k->node == n)
            key_remove(c, k);
    }
    it = 0;
    while ((b = map_next(c->retired, &it)) != NULL) {
        if (b->id.node_no == n->row.no) {
            map_del(c->retired, &b->id, sizeof b->id);
            free(b);
        }
    }
}

static void sightings_forget(struct coord *c, struct node *n)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        for (uint32_t r = 0; r < n->sections[i].row_count; r++)
            row_release(c, (enum section_id)i, &n->sections[i].rows[r]);
    }
}

int node_forget(struct step *s, struct node *n)
{
    struct coord *c = s->c;
    struct change *ch = emit(s, CHANGE_NODE_DELETE);
    static const uuid128 nil;
    int rc;

    if (ch == NULL)
        return -ENOMEM;
    ch->node.no = n->row.no;
    ch->node.id = n->row.id;
    rc = node_jobs_lost(s, n, LOSS_NODE);
    if (rc < 0)
        return rc;
    sightings_forget(c, n);
    while (n->edge_count > 0) {
        struct edge *e = n->edges[n->edge_count - 1];
        struct resource *r = e->resource;

        touch_resource(c, r);
        edge_unlink(c, e); /* the row goes with the node's */
        rc = r->network == NULL && r->edges == NULL && !resource_is_kept(r)
                 ? resource_delete(s, r)
                 : version_settle(s, r, NULL);
        if (rc < 0)
            return rc;
    }
    rc = bury(c, n->row.id, nil);
    if (rc < 0)
        return rc;
    keys_forget(c, n);
    fences_forget(c, n);
    scan_node_gone(c, n);
    node_remove(c, n);
    return 0;
}

int node_admit(struct step *s, struct node *n, enum node_admission a, const char *text)
{
    int rc;

    n->row.admission = a;
    rc = text_set(&n->row.text, text);
    if (rc < 0)
        return rc;
    if (a == NODE_APPROVED)
        live_await(s->c, n);
    else
        live_reset(n);
    placeable_settle(s->c, n);
    touch_node(s->c, n);
    edges_refresh(s->c, n);
    rc = a == NODE_APPROVED ? 0 : node_jobs_lost(s, n, LOSS_OUT);
    return rc < 0 ? rc : emit_node(s, n);
}

const char *node_state_name(const struct node *n)
{
    static const char *const admission[] = {
        [NODE_PENDING] = "pending",
        [NODE_APPROVED] = NULL,
        [NODE_QUARANTINED] = "quarantined",
        [NODE_DEAD] = "dead",
    };
    static const char *const liveness[] = {
        [NODE_UP] = "up",
        [NODE_SUSPECT] = "suspect",
        [NODE_DOWN] = "down",
        [NODE_NEVER] = "never",
    };

    return n->row.admission == NODE_APPROVED ? liveness[n->live] : admission[n->row.admission];
}
