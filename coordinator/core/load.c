/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the rows of the database to the core's state: at a start and after a failed commit. Nothing
 * of it is believed to be true now: every edge is unknown until its node confirms it. Rows that
 * contradict each other are left out; their section then counts as not met, so that its node is
 * asked for it again. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/trust.h"
#include "core/load.h"

static int load_starts(struct coord *c, const struct stored *im)
{
    c->starts = calloc(im->start_count + 1, sizeof *c->starts);
    if (c->starts == NULL)
        return -ENOMEM;
    if (im->start_count > 0)
        memcpy(c->starts, im->starts, im->start_count * sizeof *c->starts);
    c->start_count = im->start_count;
    return 0;
}

static int load_node(struct coord *c, const struct node_row *row)
{
    struct node *n = node_new(c, row->id, row->no);
    int rc = n == NULL ? -ENOMEM : node_set_name(c, n, row->name);

    if (rc < 0)
        return rc;
    n->row.name_set = row->name_set;
    n->row.admission = row->admission;
    if (row->admission == NODE_APPROVED)
        live_await(c, n);
    n->row.boot_id = row->boot_id;
    n->row.key = row->key;
    n->row.draining = row->draining;
    n->row.rights_unknown = row->rights_unknown;
    n->row.first_seen = row->first_seen;
    return text_set(&n->row.text, row->text) < 0 ||
                   text_set(&n->row.product_uuid, row->product_uuid) < 0 ||
                   text_set(&n->row.lowest_mac, row->lowest_mac) < 0 ||
                   text_set(&n->row.hostname, row->hostname) < 0 ||
                   text_set(&n->row.probe_version, row->probe_version) < 0 ||
                   text_set(&n->row.source, row->source) < 0
               ? -ENOMEM
               : 0;
}

static int load_key(struct step *s, const struct key_row *row)
{
    struct node *n = row->role == ROLE_NODE ? node_by_no(s->c, row->node_no) : NULL;
    struct key *k;

    if ((row->role == ROLE_NODE && n == NULL) || key_by(s->c, &row->key) != NULL)
        return 0;
    k = key_new(s, &row->key, row->role, row->state);
    if (k == NULL)
        return -ENOMEM;
    k->node = n;
    k->boot_id = row->boot_id;
    k->created = row->created;
    k->bound = row->bound;
    if (n != NULL && k->state == KEY_ACTIVE)
        n->key = k;
    else if (n != NULL && (k->state == KEY_PENDING || k->state == KEY_SUCCESSOR))
        n->claim = k;
    return text_set((const char **)&k->name, row->name);
}

int load_section(struct node *n, const struct section_row_state *row)
{
    struct slot *slot;

    if (n == NULL || (unsigned)row->section >= SECTION_COUNT)
        return 0;
    slot = &n->sections[row->section];
    slot->stored = true;
    slot->status = (uint8_t)row->status;
    slot->generation = row->generation;
    slot->digest = row->digest;
    slot->at = row->at;
    return text_set((const char **)&slot->status_text, row->status_text);
}

int load_rows(struct coord *c, struct node *n, const struct inventory_row *rows, size_t count)
{
    struct slot *slot;

    if (n == NULL)
        return 0;
    slot = &n->sections[rows[0].section];
    slot->stored = true; /* if it was not, its node will be asked for it */
    slot->rows = calloc(count, sizeof *slot->rows);
    if (slot->rows == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        slot->rows[i].hash = rows[i].hash;
        slot->rows[i].key = strdup(rows[i].key);
        if (slot->rows[i].key == NULL)
            return -ENOMEM;
        slot->row_count++;
        if (rows[0].section == SECTION_PATHS)
            slot->rows[i].mark = rows[i].mark;
        else if (rows[0].section == SECTION_PVS &&
                 twin_pv_set(c, n, &slot->rows[i], rows[i].container) < 0)
            return -ENOMEM;
        if (graph_row_set(c, n, rows[i].section, &slot->rows[i], &rows[i]) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int load_inventory(struct coord *c, const struct stored *im)
{
    size_t first = 0;

    for (size_t i = 1; i <= im->inventory_count; i++) {
        const struct inventory_row *a = &im->inventory[first];
        int rc;

        if (i < im->inventory_count && im->inventory[i].node_no == a->node_no &&
            im->inventory[i].section == a->section)
            continue;
        rc = load_rows(c, node_by_no(c, a->node_no), a, i - first);
        if (rc < 0)
            return rc;
        first = i;
    }
    return 0;
}

static struct network *network_by_id(const struct coord *c, uuid128 id)
{
    for (struct link *l = c->networks.next; l != &c->networks; l = l->next) {
        struct network *w = container_of(l, struct network, link);

        if (uuid_eq(w->id, id))
            return w;
    }
    return NULL;
}

/* The node and the rest of "ID/REST". */
static struct node *owner_of(const struct coord *c, const char *key, const char **rest)
{
    char text[UUID_TEXT];
    uuid128 id;

    if (strlen(key) < UUID_TEXT || key[UUID_TEXT - 1] != '/')
        return NULL;
    memcpy(text, key, UUID_TEXT - 1);
    text[UUID_TEXT - 1] = '\0';
    if (!uuid128_parse(text, &id))
        return NULL;
    *rest = key + UUID_TEXT;
    return node_by_id(c, id);
}

/* A resource's own key, and its owner, from the row; false: the row leads nowhere. */
static bool resource_roots(const struct coord *c, const struct resource_row *row,
                           struct resource *like, const char **key)
{
    static const char unproven[] = "unproven:";

    *key = "";
    if (row->kind != RESOURCE_NETWORK) {
        *key = row->key;
        like->owner = owner_of(c, row->key, key);
        return uuid_eq(row->id, resource_seen_id(like->owner, row->kind, *key));
    }
    if (row->declared) {
        like->network = network_by_id(c, row->id);
        return like->network != NULL;
    }
    if (strncmp(row->key, unproven, strlen(unproven)) == 0)
        like->owner = owner_of(c, row->key + strlen(unproven), key);
    return like->owner != NULL;
}

/* Its label, without the name of its owner. */
static int load_label(struct resource *r, const struct resource_row *row)
{
    const char *label = row->label;
    size_t n = r->owner != NULL ? strlen(r->owner->row.name) : 0;

    if (r->kind == RESOURCE_NETWORK)
        return 0;
    if (n > 0 && strncmp(label, r->owner->row.name, n) == 0 && label[n] == '/')
        label += n + 1;
    r->label = strdup(label);
    return r->label == NULL ? -ENOMEM : 0;
}

struct resource *resource_by_no(struct numbers *ns, uint32_t no)
{
    size_t low = 0, high = ns->image->resource_count;

    if (ns->last + 1 < high && ns->image->resources[ns->last + 1].no == no)
        return ns->at[++ns->last];
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (ns->image->resources[mid].no == no) {
            ns->last = mid;
            return ns->at[mid];
        }
        if (ns->image->resources[mid].no < no)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static int load_resource(struct coord *c, const struct resource_row *row, struct numbers *ns,
                         struct resource **out)
{
    struct resource like = { .owner = NULL }, *r;
    const char *key;

    if (row->no >= c->meta.next_resource_no)
        return 0;
    if (row->kind == RESOURCE_IMAGE) /* its filesystem was there before it, with a lower number */
        return image_load(c, row, resource_by_no(ns, row->parent_no), out);
    if (!resource_roots(c, row, &like, &key))
        return 0;
    r = resource_new(row->kind, row->id, row->no, key);
    if (r == NULL)
        return -ENOMEM;
    r->vlan = (uint16_t)(row->vlan % VLAN_COUNT);
    r->owner = like.owner;
    r->network = like.network;
    r->doubt_since = row->doubt_since;
    r->doubt_told = row->doubt_told;
    if (load_label(r, row) < 0 || resource_index(c, r) < 0) {
        resource_free(r);
        return -ENOMEM;
    }
    if (r->network != NULL)
        r->network->resource = r;
    *out = r;
    if (graph_seat(c, r) < 0 || seat_type(r, row->type) < 0)
        return -ENOMEM;
    return twin_of_filesystem(c, r) < 0 ? -ENOMEM : twin_sets_load(r->twin, row->seen_together);
}

/* Which sections bring sightings of the resource: for an edge that has none just now. */
static uint32_t holders(const struct resource *r)
{
    static const uint32_t sections[RESOURCE_KINDS] = {
        [RESOURCE_NETWORK] = 1u << SECTION_NICS | 1u << SECTION_BONDS,
        [RESOURCE_LUN] = 1u << SECTION_LUNS,
        [RESOURCE_VG] = 1u << SECTION_VGS,
        [RESOURCE_LV] = 1u << SECTION_LVS,
        [RESOURCE_FILESYSTEM] = 1u << SECTION_FILESYSTEMS,
    };

    return r->vlan != 0 ? 1u << SECTION_VLANS : sections[r->kind];
}

int load_edge(struct node *n, const struct edge_row *row, struct numbers *ns, struct edge **out)
{
    struct resource *r = resource_by_no(ns, row->resource_no);
    struct edge *e;

    *out = NULL;
    if (n == NULL || r == NULL || edge_find(n, r) != NULL)
        return 0;
    e = *out = edge_new(n, r);
    if (e == NULL)
        return -ENOMEM;
    e->state = (uint8_t)row->state;
    e->paths_active = row->paths_active;
    e->paths_total = row->paths_total;
    e->paths_had = row->paths_had;
    e->had_until = row->had_until;
    e->since = row->since;
    e->held_by = holders(r);
    if (row->distrust != NULL)
        e->distrust = distrust_new(row->distrust, row->distrusted);
    return row->distrust != NULL && e->distrust == NULL ? -ENOMEM : 0;
}

struct row *row_by_key(const struct slot *slot, const char *key)
{
    uint32_t low = 0, high = slot->row_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = strcmp(slot->rows[mid].key, key);

        if (order == 0)
            return &slot->rows[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static struct seen seen_of_sighting(const struct sighting_row *row)
{
    size_t base_len = row->base != NULL ? strlen(row->base) : 0;
    const char *tag;

    if (base_len > strlen(row->port))
        base_len = strlen(row->port);
    tag = strchr(row->port + base_len, '.');
    return (struct seen){
        .port = row->port,
        .base_len = (uint16_t)base_len,
        .vlan = (uint16_t)(row->vlan % VLAN_COUNT),
        .stacked = tag != NULL && strchr(tag + 1, '.') != NULL,
        .paths_active = row->paths_active,
        .paths_total = row->paths_total,
        .stuck = row->stuck,
        .flawed = row->flawed,
        .active = row->active,
        .size = row->size,
        .mark = row->mark,
    };
}

int load_sighting(struct coord *c, struct node *n, const struct sighting_row *row, struct row *at,
                  struct edge *e)
{
    struct seen seen = seen_of_sighting(row);
    struct network *found[2];
    const struct resource *r;
    struct sighting *g;

    if (at == NULL || e == NULL || !((sighting_sections >> row->section) & 1u) ||
        at->sighting != NULL) {
        memset(&n->sections[row->section].digest, 0, sizeof(digest128));
        return 0;
    }
    r = e->resource;
    g = at->sighting = sighting_new(at->key, row->section, &seen);
    if (g == NULL)
        return -ENOMEM;
    g->ambiguous =
        r->kind == RESOURCE_NETWORK && network_match(c, n->row.name, &g->seen, found) > 1;
    if (e->bare)
        e->held_by = 0;
    e->held_by |= 1u << g->section;
    e->bare = false;
    e->stuck = e->stuck || seen.stuck;
    edge_attach(e, g);
    return 0;
}

static int load_sighting_row(struct coord *c, const struct sighting_row *row, struct numbers *ns)
{
    struct node *n = node_by_no(c, row->node_no);
    struct resource *r = resource_by_no(ns, row->resource_no);

    if (n == NULL || (unsigned)row->section >= SECTION_COUNT)
        return 0;
    return load_sighting(c, n, row, row_by_key(&n->sections[row->section], row->row_key),
                         r == NULL ? NULL : edge_find(n, r));
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* A declared network whose resource is missing gets another. */
static int networks_complete(struct step *s)
{
    struct link *at = s->c->networks.next;

    while (at != &s->c->networks) {
        struct network *w = container_of(at, struct network, link);
        int rc;

        at = at->next;
        if (w->resource != NULL)
            continue;
        if (s->c->read_only) {
            network_remove(s->c, w);
            continue;
        }
        rc = resource_declare(s, w);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* To a client that follows changes all of it is news. */
static void touch_all(struct coord *c)
{
    struct resource *r;
    size_t it = 0;

    while ((r = map_next(c->resources, &it)) != NULL)
        touch_resource(c, r);
    for (size_t i = 0; i < c->node_count; i++) {
        touch_node(c, c->nodes[i]);
        edges_refresh(c, c->nodes[i]);
    }
}

static int load_rights(struct coord *c, const struct stored *im, struct numbers *ns)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < im->scan_count; i++)
        rc = scan_load(c, &im->scans[i], resource_by_no(ns, im->scans[i].resource_no));
    for (size_t i = 0; rc == 0 && i < im->lease_count; i++)
        rc = lease_load(c, &im->leases[i], resource_by_no(ns, im->leases[i].resource_no));
    for (size_t i = 0; rc == 0 && i < im->fence_count; i++)
        rc = fence_load(c, &im->fences[i]);
    if (im->meta.waits) /* anew: how long it has waited is not known */
        rights_wait(c);
    c->lease_history_count = im->lease_history_count;
    return rc;
}

static int load_graph(struct step *s, const struct stored *im)
{
    struct coord *c = s->c;
    struct numbers ns = { .image = im, .at = calloc(im->resource_count + 1, sizeof(*ns.at)) };
    struct edge *unused;
    int rc = ns.at == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < im->resource_count; i++)
        rc = load_resource(c, &im->resources[i], &ns, &ns.at[i]);
    images_loaded(c);
    for (size_t i = 0; rc == 0 && i < im->edge_count; i++)
        rc = load_edge(node_by_no(c, im->edges[i].node_no), &im->edges[i], &ns, &unused);
    for (size_t i = 0; rc == 0 && i < im->sighting_count; i++)
        rc = load_sighting_row(c, &im->sightings[i], &ns);
    if (rc == 0)
        rc = load_packs(c, im, &ns);
    if (rc == 0)
        rc = load_rights(c, im, &ns);
    free(ns.at);
    if (rc == 0)
        rc = version_load(c);
    if (rc == 0)
        rc = twins_load(c);
    return rc < 0 ? rc : networks_complete(s);
}

static int load_rest(struct step *s, const struct stored *im)
{
    struct coord *c = s->c;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < im->network_count; i++)
        rc = network_new(c, &im->networks[i]) == NULL ? -ENOMEM : 0;
    for (size_t i = 0; rc == 0 && i < im->token_count; i++)
        rc = token_load(c, &im->tokens[i]);
    for (size_t i = 0; rc == 0 && i < im->node_count; i++)
        rc = load_node(c, &im->nodes[i]);
    for (size_t i = 0; rc == 0 && i < im->key_count; i++)
        rc = load_key(s, &im->keys[i]);
    for (size_t i = 0; rc == 0 && i < im->boot_count; i++)
        rc = boot_load(c, &im->boots[i]);
    for (size_t i = 0; rc == 0 && i < im->section_count; i++)
        rc = load_section(node_by_no(c, im->sections[i].node_no), &im->sections[i]);
    if (rc == 0)
        rc = load_inventory(c, im);
    return rc < 0 ? rc : load_graph(s, im);
}

/* A start of the process is a row of its own: nodes remember it, and a copy of the database does
 * not know it. */
static int start(struct step *s)
{
    struct coord *c = s->c;
    struct change *ch = emit(s, CHANGE_START);

    if (ch == NULL)
        return -ENOMEM;
    c->meta.start_no++;
    ch->start = (struct start_row){
        .epoch = c->meta.epoch,
        .start_no = c->meta.start_no,
        .nonce = c->nonce,
        .generation = c->meta.generation,
        .at = c->wall,
    };
    c->starts[c->start_count++] = ch->start;
    return event(s, "coordinator.started", SEVERITY_INFO, NULL, NULL,
                 "The coordinator has started (start %llu of epoch %llu); what it knows of %zu "
                 "node%s is unknown until each has confirmed it.",
                 (unsigned long long)c->meta.start_no, (unsigned long long)c->meta.epoch,
                 c->node_count, c->node_count == 1 ? "" : "s");
}

int load_image(struct step *s)
{
    struct coord *c = s->c;
    const struct stored *im = s->ev->loaded.image;
    int rc = load_starts(c, im);

    c->meta = im->meta;
    c->nonce = s->ev->loaded.nonce;
    c->oldest_event_no = im->oldest_event_no;
    c->started = s->ev->loaded.started;
    c->listens_from = c->listened;
    /* Whoever stands at this generation knows the liveness of an earlier life; a start raises it.
     */
    c->changes_from = c->meta.generation + (s->ev->loaded.first ? 1 : 0);
    c->recover = c->meta.recover;
    lease_ttl_load(c);
    if (rc == 0)
        rc = load_rest(s, im);
    if (rc < 0)
        return rc;
    touch_all(c);
    c->loaded = true;
    rc = tasks_load(s, im);
    if (rc == 0 && s->ev->loaded.first)
        rc = start(s);
    rescans_loaded(c, s->ev->loaded.first);
    return rc;
}
