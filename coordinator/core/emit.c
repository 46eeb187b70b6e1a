/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows to persist. Everything that a change points to is copied into the update's arena: the core's
 * own memory may be freed before the batch ends. */
#include <assert.h>
#include <errno.h>

#include "core/core_internal.h"
#include "core/trust.h"

struct change *emit(struct step *s, enum change_type type)
{
    struct change *ch = arena_zalloc(s->u->arena, sizeof *ch);

    assert(!s->c->read_only);
    if (ch == NULL)
        return NULL;
    ch->type = type;
    *s->u->changes_tail = ch;
    s->u->changes_tail = &ch->next;
    s->u->change_count++;
    if (type != CHANGE_META)
        s->c->pending = true;
    return ch;
}

/* Copies *text in place; false: out of memory. */
static bool keep(struct step *s, const char **text)
{
    if (*text == NULL)
        return true;
    *text = arena_strdup(s->u->arena, *text);
    return *text != NULL;
}

int emit_node(struct step *s, const struct node *n)
{
    struct change *ch = emit(s, CHANGE_NODE);
    struct node_row *r;

    if (ch == NULL)
        return -ENOMEM;
    r = &ch->node;
    *r = n->row;
    return keep(s, &r->name) && keep(s, &r->text) && keep(s, &r->product_uuid) &&
                   keep(s, &r->lowest_mac) && keep(s, &r->hostname) && keep(s, &r->probe_version) &&
                   keep(s, &r->source)
               ? 0
               : -ENOMEM;
}

int emit_key(struct step *s, const struct key *k, enum change_type type)
{
    struct change *ch = emit(s, type);

    if (ch == NULL)
        return -ENOMEM;
    ch->key = (struct key_row){
        .key = k->key,
        .role = k->role,
        .state = k->state,
        .node_no = k->node != NULL ? k->node->row.no : 0,
        .boot_id = k->boot_id,
        .name = k->name,
        .created = k->created,
        .bound = k->bound,
    };
    return keep(s, &ch->key.name) ? 0 : -ENOMEM;
}

int emit_section(struct step *s, const struct node *n, enum section_id id)
{
    struct change *ch = emit(s, CHANGE_SECTION);
    const struct slot *slot = &n->sections[id];

    if (ch == NULL)
        return -ENOMEM;
    /* So what is stored in part is asked for after the next start, which may know more of it. */
    ch->section = (struct section_row_state){
        .node_no = n->row.no,
        .section = id,
        .generation = slot->generation,
        .digest = slot->partly ? slot->understood : slot->digest,
        .status = (enum section_status)slot->status,
        .status_text = slot->status_text,
        .at = slot->at,
    };
    return keep(s, &ch->section.status_text) ? 0 : -ENOMEM;
}

void row_kept(enum section_id id, const void *row, struct inventory_row *out)
{
    if (id == SECTION_PATHS) {
        out->mark = path_mark(row);
    } else if (id == SECTION_PVS) {
        out->container = ((const struct pv *)row)->container;
        out->above = ((const struct pv *)row)->vg_uuid;
    } else if (id == SECTION_LVS) {
        out->above = ((const struct lv *)row)->vg_uuid;
    } else if (id == SECTION_FILESYSTEMS) {
        out->above = ((const struct filesystem *)row)->journal_uuid;
    } else if (id == SECTION_USES) {
        out->container = ((const struct use *)row)->container;
        out->mark = use_mark(row);
    }
}

/* `row` belongs to the event, which outlives the batch; with it so does `key`. A deleted row's key
 * is the core's own and is copied. */
int emit_inventory(struct step *s, const struct node *n, enum section_id id, const char *key,
                   uint64_t hash, const void *row)
{
    struct change *ch = emit(s, CHANGE_INVENTORY);

    if (ch == NULL)
        return -ENOMEM;
    ch->inventory = (struct inventory_row){
        .node_no = n->row.no,
        .section = id,
        .key = key,
        .hash = hash,
        .row = row,
    };
    if (row != NULL)
        row_kept(id, row, &ch->inventory);
    return row != NULL || keep(s, &ch->inventory.key) ? 0 : -ENOMEM;
}

int emit_path_lost(struct step *s, const struct node *n, const char *device)
{
    struct change *ch = emit(s, CHANGE_PATH_LOST);

    if (ch == NULL)
        return -ENOMEM;
    ch->path_lost =
        (struct path_lost_row){ .node_no = n->row.no, .device = device, .at = s->c->wall };
    return keep(s, &ch->path_lost.device) ? 0 : -ENOMEM;
}

int emit_resource(struct step *s, const struct resource *r)
{
    struct change *ch = emit(s, CHANGE_RESOURCE);

    if (ch == NULL)
        return -ENOMEM;
    ch->resource = (struct resource_row){
        .no = r->no,
        .id = r->id,
        .kind = r->kind,
        .key = resource_key(s->u->arena, r),
        .label = resource_label(s->u->arena, r),
        .vlan = r->vlan,
        .declared = r->network != NULL,
        .doubt_since = r->doubt_since,
        .parent_no = r->filesystem != NULL ? r->filesystem->no : 0,
        .type = r->seat != NULL ? r->seat->type : NULL,
        .doubt_told = r->doubt_told,
    };
    if (ch->resource.key == NULL || ch->resource.label == NULL || !keep(s, &ch->resource.type))
        return -ENOMEM;
    return twin_sets_text(s->u->arena, r->twin, &ch->resource.seen_together);
}

int emit_sighting(struct step *s, const struct node *n, const struct sighting *g)
{
    struct change *ch = emit(s, CHANGE_SIGHTING);

    if (ch == NULL)
        return -ENOMEM;
    ch->sighting = (struct sighting_row){
        .node_no = n->row.no,
        .section = (enum section_id)g->section,
        .row_key = g->row_key,
        .resource_no = g->edge->resource->no,
        .port = g->seen.port,
        .base = arena_strndup(s->u->arena, g->seen.port, g->seen.base_len),
        .vlan = g->seen.vlan,
        .paths_active = g->seen.paths_active,
        .paths_total = g->seen.paths_total,
        .stuck = g->seen.stuck,
        .flawed = g->seen.flawed,
        .active = g->seen.active,
        .size = g->seen.size,
        .mark = g->seen.mark,
    };
    return keep(s, &ch->sighting.row_key) && keep(s, &ch->sighting.port) &&
                   ch->sighting.base != NULL
               ? 0
               : -ENOMEM;
}

int emit_sighting_delete(struct step *s, const struct node *n, const struct sighting *g)
{
    struct change *ch = emit(s, CHANGE_SIGHTING_DELETE);

    if (ch == NULL)
        return -ENOMEM;
    ch->sighting.node_no = n->row.no;
    ch->sighting.section = (enum section_id)g->section;
    ch->sighting.row_key = g->row_key;
    return keep(s, &ch->sighting.row_key) ? 0 : -ENOMEM;
}

int emit_edge(struct step *s, const struct edge *e, enum change_type type)
{
    struct change *ch = emit(s, type);

    if (ch == NULL)
        return -ENOMEM;
    ch->edge = (struct edge_row){
        .node_no = e->node->row.no,
        .resource_no = e->resource->no,
        .state = (enum edge_state)e->state,
        .paths_active = e->paths_active,
        .paths_total = e->paths_total,
        .paths_had = e->paths_had,
        .had_until = e->had_until,
        .since = e->since,
        .distrust = e->distrust != NULL ? e->distrust->text : NULL,
        .distrusted = e->distrust != NULL ? e->distrust->since : (wall_ms){ 0 },
    };
    return keep(s, &ch->edge.distrust) ? 0 : -ENOMEM;
}

int emit_network(struct step *s, const struct network *w, enum change_type type)
{
    struct change *ch = emit(s, type);
    const char **v;

    if (ch == NULL)
        return -ENOMEM;
    v = arena_array(s->u->arena, w->match_count, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < w->match_count; i++) {
        v[i] = match_text(s->u->arena, &w->matches[i]);
        if (v[i] == NULL)
            return -ENOMEM;
    }
    ch->network = (struct network_row){
        .id = w->id,
        .name = w->name,
        .vlan = w->vlan,
        .matches = { .v = v, .n = w->match_count },
        .created = w->created,
    };
    return keep(s, &ch->network.name) ? 0 : -ENOMEM;
}

int emit_token(struct step *s, const struct token_row *t, enum change_type type)
{
    struct change *ch = emit(s, type);

    if (ch == NULL)
        return -ENOMEM;
    ch->token = *t;
    return 0;
}
