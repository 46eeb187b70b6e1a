/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of a reply. Another thread encodes them later, so everything is copied into the reply's
 * arena. */
#include <errno.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "core/trust.h"

/* Copies a text, where there is one, and marks its field present. False: out of memory. */
static bool keep(struct arena *a, uint64_t *present, unsigned field, const char **to,
                 const char *text)
{
    if (text == NULL)
        return true;
    *to = arena_strdup(a, text);
    *present |= UINT64_C(1) << field;
    return *to != NULL;
}

/* Why the node is as it is: what an operator has to know before anything else. */
static const char *node_text(struct arena *a, const struct node *n)
{
    const struct key *k = n->claim;
    char at[TIME_TEXT];

    if (n->row.text != NULL || k == NULL || n->row.admission == NODE_PENDING)
        return n->row.text;
    if (k->state == KEY_SUCCESSOR)
        return arena_printf(
            a, "A new boot of it asked at %s and waits until the earlier one is silent.",
            wall_rfc3339(k->created, at));
    return arena_printf(a, "%s asked at %s and waits for approval: muster node approve %s",
                        k->other_machine ? "Another machine with this node id"
                                         : "Another key of this node",
                        wall_rfc3339(k->created, at), n->row.name);
}

/* The last message of the machine that the row describes; negative: not in this start. */
static int64_t heard_ms(const struct coord *c, const struct node *n)
{
    const struct key *k = n->row.admission == NODE_PENDING && n->claim != NULL ? n->claim : n->key;
    int64_t heard = n->heard_once ? listened_since(c, n->heard) : -1;
    int64_t by_key = k != NULL && k->heard_once ? listened_since(c, k->heard) : -1;

    return heard >= 0 && (by_key < 0 || heard < by_key) ? heard : by_key;
}

static bool slot_is_bad(const struct slot *slot)
{
    return slot->stored && (slot->status == SECTION_STUCK || slot->status == SECTION_FAILED);
}

static int bad_sections(struct arena *a, const struct node *n, struct node_info *out)
{
    const char **v = arena_array(a, SECTION_COUNT, sizeof *v);
    struct strs list = { v, 0 };

    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct slot *slot = &n->sections[i];
        char at[TIME_TEXT];

        if (!slot_is_bad(slot))
            continue;
        v[list.n] = arena_printf(a, "%s %s since %s", section_descs[i].name,
                                 section_status_name((enum section_status)slot->status),
                                 wall_rfc3339(slot->at, at));
        if (v[list.n++] == NULL)
            return -ENOMEM;
    }
    if (list.n > 0)
        REC_SET(out, node_info, sections_bad, list);
    return 0;
}

static int node_texts(struct arena *a, const struct node *n, struct node_info *out)
{
    uint64_t *p = &out->present;
    char id[UUID_TEXT], boot[UUID_TEXT], key[KEY_TEXT];
    const char *boot_id = uuid_is_nil(n->row.boot_id) ? NULL : uuid_text(n->row.boot_id, boot);
    const char *key_id = pubkey_is_nil(n->row.key) ? NULL : key_text(n->row.key, key);

    return keep(a, p, node_info_id, &out->id, uuid_text(n->row.id, id)) &&
                   keep(a, p, node_info_name, &out->name, n->row.name) &&
                   keep(a, p, node_info_text, &out->text, node_text(a, n)) &&
                   keep(a, p, node_info_boot_id, &out->boot_id, boot_id) &&
                   keep(a, p, node_info_identity_source, &out->identity_source, n->row.source) &&
                   keep(a, p, node_info_key, &out->key, key_id) &&
                   keep(a, p, node_info_hostname, &out->hostname, n->row.hostname) &&
                   keep(a, p, node_info_probe_version, &out->probe_version, n->row.probe_version)
               ? 0
               : -ENOMEM;
}

int info_node(const struct coord *c, struct arena *a, const struct node *n, struct node_info *out)
{
    int64_t heard = heard_ms(c, n);
    int rc;

    memset(out, 0, sizeof *out);
    REC_SET(out, node_info, state, node_state_name(n));
    if (heard >= 0)
        REC_SET(out, node_info, heard_ms, heard);
    REC_SET(out, node_info, draining, n->row.draining);
    REC_SET(out, node_info, edges_ok, n->counts[EDGE_OK]);
    REC_SET(out, node_info, edges_degraded, n->counts[EDGE_DEGRADED]);
    REC_SET(out, node_info, edges_lost, n->counts[EDGE_LOST]);
    REC_SET(out, node_info, edges_unknown,
            (uint64_t)n->counts[EDGE_UNKNOWN] + n->counts[EDGE_STUCK]);
    REC_SET(out, node_info, edges_quarantined, n->counts[EDGE_QUARANTINED]);
    REC_SET(out, node_info, first_seen_ms, n->row.first_seen.v);
    REC_SET(out, node_info, index, n->index);
    if (n->protocol != 0)
        REC_SET(out, node_info, protocol, n->protocol);
    rc = node_texts(a, n, out);
    return rc < 0 ? rc : bad_sections(a, n, out);
}

/* What scans have to do with a filesystem. */
static int info_scan(const struct coord *c, struct arena *a, const struct seat *seat,
                     struct resource_info *out)
{
    static const char *const results[] = {
        [SCAN_COMPLETE] = "complete", [SCAN_INCOMPLETE] = "incomplete", [SCAN_NOT_READ] = "not_read"
    };
    const struct scan_row *scan = seat->scan;
    const struct node *n = scan != NULL ? node_by_no(c, scan->node_no) : NULL;
    uint64_t *p = &out->present;

    REC_SET(out, resource_info, admitted, scan != NULL && scan->admitted);
    REC_SET(out, resource_info, images, seat->image_count);
    if (scan == NULL || scan->outcome == 0 || scan->outcome >= ARRAY_LEN(results))
        return 0;
    REC_SET(out, resource_info, scan, results[scan->outcome]);
    REC_SET(out, resource_info, scanned_ms, scan->at.v);
    return keep(a, p, resource_info_scan_reason, &out->scan_reason, scan->reason) &&
                   keep(a, p, resource_info_scan_node, &out->scan_node,
                        n != NULL ? n->row.name : NULL)
               ? 0
               : -ENOMEM;
}

int info_resource(const struct coord *c, struct arena *a, const struct resource *r,
                  struct resource_info *out)
{
    const uint32_t *counts = r->filesystem != NULL ? r->filesystem->counts : r->counts;
    char id[UUID_TEXT];

    memset(out, 0, sizeof *out);
    REC_SET(out, resource_info, id, arena_strdup(a, uuid_text(r->id, id)));
    REC_SET(out, resource_info, kind, resource_kind_name(r->kind));
    REC_SET(out, resource_info, key, resource_key(a, r));
    REC_SET(out, resource_info, label, resource_label(a, r));
    if (out->id == NULL || out->key == NULL || out->label == NULL)
        return -ENOMEM;
    REC_SET(out, resource_info, vlan, r->vlan);
    REC_SET(out, resource_info, declared, r->network != NULL);
    REC_SET(out, resource_info, nodes_ok, counts[EDGE_OK]);
    REC_SET(out, resource_info, nodes_degraded, counts[EDGE_DEGRADED]);
    REC_SET(out, resource_info, nodes_lost, counts[EDGE_LOST]);
    REC_SET(out, resource_info, nodes_unknown, (uint64_t)counts[EDGE_UNKNOWN] + counts[EDGE_STUCK]);
    REC_SET(out, resource_info, nodes_quarantined, counts[EDGE_QUARANTINED]);
    REC_SET(out, resource_info, index, r->index);
    if (r->kind == RESOURCE_FILESYSTEM && info_scan(c, a, r->seat, out) < 0)
        return -ENOMEM;
    return doubts_fill(c, a, r, out);
}

static int edge_ports(struct arena *a, const struct edge *e, struct edge_info *out)
{
    struct strs list = { NULL, 0 };
    const char **v;

    for (const struct sighting *g = e->sightings; g != NULL; g = g->next)
        list.n++;
    if (list.n == 0)
        return 0;
    if (list.n > LIMIT_STRINGS)
        list.n = LIMIT_STRINGS; /* paths_total tells how many there are */
    v = arena_array(a, list.n, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    list.v = v;
    for (const struct sighting *g = e->sightings; g != NULL && v < list.v + list.n; g = g->next) {
        *v = arena_strdup(a, g->seen.port);
        if (*v++ == NULL)
            return -ENOMEM;
    }
    REC_SET(out, edge_info, ports, list);
    return 0;
}

int info_edge(const struct coord *c, struct arena *a, const struct edge *e, struct edge_info *out)
{
    int64_t age = edge_age_ms(c, e);

    memset(out, 0, sizeof *out);
    REC_SET(out, edge_info, node, e->node->index);
    REC_SET(out, edge_info, resource, e->resource->index);
    REC_SET(out, edge_info, state, e->shown);
    REC_SET(out, edge_info, paths_active, e->paths_active);
    REC_SET(out, edge_info, paths_total, e->paths_total);
    REC_SET(out, edge_info, paths_had, e->paths_had);
    if (e->had_until.v != 0)
        REC_SET(out, edge_info, had_until_ms, e->had_until.v);
    if (age >= 0)
        REC_SET(out, edge_info, age_ms, age);
    REC_SET(out, edge_info, since_ms, e->since.v);
    if (e->distrust != NULL) {
        REC_SET(out, edge_info, distrust, arena_strdup(a, e->distrust->text));
        REC_SET(out, edge_info, distrusted_ms, e->distrust->since.v);
    }
    return e->distrust != NULL && out->distrust == NULL ? -ENOMEM : edge_ports(a, e, out);
}

int info_network(struct arena *a, const struct network *w, struct network_info *out)
{
    const char **v = arena_array(a, w->match_count, sizeof *v);
    char id[UUID_TEXT];

    if (v == NULL)
        return -ENOMEM;
    memset(out, 0, sizeof *out);
    REC_SET(out, network_info, id, arena_strdup(a, uuid_text(w->id, id)));
    REC_SET(out, network_info, name, arena_strdup(a, w->name));
    if (out->id == NULL || out->name == NULL)
        return -ENOMEM;
    REC_SET(out, network_info, vlan, w->vlan);
    for (uint32_t i = 0; i < w->match_count; i++) {
        v[i] = match_text(a, &w->matches[i]);
        if (v[i] == NULL)
            return -ENOMEM;
    }
    REC_SET(out, network_info, matches, ((struct strs){ v, w->match_count }));
    REC_SET(out, network_info, ports, w->ports);
    REC_SET(out, network_info, created_ms, w->created.v);
    return 0;
}

static int info_section(const struct coord *c, struct arena *a, const struct slot *slot,
                        enum section_id id, struct section_body *out)
{
    memset(out, 0, sizeof *out);
    REC_SET(out, section_body, section, (uint64_t)id);
    REC_SET(out, section_body, status, slot->status);
    REC_SET(out, section_body, generation, slot->generation);
    if (slot->confirmed)
        REC_SET(out, section_body, age_ms, mono_since(c->now, slot->confirmed_at) + slot->age_ms);
    if (slot_is_bad(slot))
        REC_SET(out, section_body, status_age_ms,
                c->wall.v > slot->at.v ? c->wall.v - slot->at.v : 0);
    return keep(a, &out->present, section_body_status_text, &out->status_text, slot->status_text)
               ? 0
               : -ENOMEM;
}

int info_sections(const struct coord *c, struct arena *a, const struct node *n, struct recs *out)
{
    struct section_body *v = arena_array(a, SECTION_COUNT, sizeof *v);

    if (v == NULL)
        return -ENOMEM;
    *out = (struct recs){ v, 0 };
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        int rc;

        if (!n->sections[i].stored)
            continue;
        rc = info_section(c, a, &n->sections[i], (enum section_id)i, &v[out->n]);
        if (rc < 0)
            return rc;
        out->n++;
    }
    return 0;
}

struct fs_node info_fs_node(const struct coord *c, const struct node *n, uint64_t index)
{
    const struct slot *slot = &n->sections[SECTION_USES];

    return (struct fs_node){
        .no = n->row.no,
        .index = index,
        .age_ms = slot->confirmed ? mono_since(c->now, slot->confirmed_at) + slot->age_ms : -1,
        .boot_id = n->row.boot_id,
    };
}
