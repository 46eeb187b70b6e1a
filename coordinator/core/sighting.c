/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From inventory rows to sightings: which rows show a resource, through which port or device, with
 * how many paths. One function for each section that brings any. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/trust.h"
#include "model/lvm_name.h"

enum { PORT_MOST = 255 }; /* kernels: 15 */

#define REPORTED_ANEW "what it reports of it is not what it reported then."

typedef bool (*sight_fn)(const void *row, char scratch[SIGHT_SCRATCH], struct sight *out);

static uint32_t paths(uint64_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* As it is stored. */
static uint64_t figure(uint64_t n)
{
    return n > INT64_MAX ? INT64_MAX : n;
}

static bool port_set(struct sight *out, const char *port, size_t base_len)
{
    /* A resource's key holds the port: it must fit into every message. */
    if (base_len == 0 || strnlen(port, PORT_MOST + 1) > PORT_MOST)
        return false;
    out->seen.port = port;
    out->seen.base_len = (uint16_t)base_len;
    return true;
}

/* A NIC that is no bond's slave; one without path counts carries frames when it has a carrier. */
static bool sight_nic(const void *row, char scratch[SIGHT_SCRATCH], struct sight *out)
{
    const struct nic *nic = row;

    (void)scratch;
    if (nic->bond_state != NULL)
        return false;
    out->seen.paths_total = REC_HAS(nic, nic, paths_total) ? paths(nic->paths_total) : 1;
    out->seen.paths_active =
        REC_HAS(nic, nic, paths_active) ? paths(nic->paths_active) : nic->admin_up && nic->carrier;
    return port_set(out, nic->name, strlen(nic->name));
}

static bool sight_bond(const void *row, char scratch[SIGHT_SCRATCH], struct sight *out)
{
    const struct bond *bond = row;

    (void)scratch;
    out->seen.paths_active = paths(bond->paths_active);
    out->seen.paths_total = paths(bond->paths_total);
    return port_set(out, bond->name, strlen(bond->name));
}

/* "100" or "200.100": numbers of VLANs from the bottom up. The outermost on the wire is the first.
 */
static bool tags_parse(const char *tags, struct sight *out)
{
    const char *p = tags;

    for (size_t count = 0;; count++, p++) {
        size_t digits = strspn(p, "0123456789");
        unsigned long tag = strtoul(p, NULL, 10);

        if (digits == 0 || digits > 4 || tag >= VLAN_COUNT - 1)
            return false;
        if (count == 0)
            out->seen.vlan = (uint16_t)tag;
        out->seen.stacked = count > 0;
        p += digits;
        if (*p != '.')
            return *p == '\0';
    }
}

/* The port is named by base and tags, whatever the device is called. */
static bool sight_vlan(const void *row, char scratch[SIGHT_SCRATCH], struct sight *out)
{
    const struct vlan *vlan = row;
    const char *base = vlan->base_link != NULL ? vlan->base_link : vlan->link;
    char own_tag[24];
    const char *tags = vlan->tags;
    int len;

    if (base == NULL)
        return false;
    if (tags == NULL) {
        snprintf(own_tag, sizeof own_tag, "%llu", (unsigned long long)vlan->vlan_id);
        tags = own_tag;
    }
    len = snprintf(scratch, SIGHT_SCRATCH, "%s.%s", base, tags);
    if (len < 0 || len >= SIGHT_SCRATCH || !tags_parse(tags, out))
        return false;
    out->seen.paths_active = paths(vlan->paths_active);
    out->seen.paths_total = paths(vlan->paths_total);
    return port_set(out, scratch, strlen(base));
}

/* A name that says of itself that it means something on its node alone. */
bool container_is_local(const char *container)
{
    return strncmp(container, "local.", 6) == 0 || strncmp(container, "dm.", 3) == 0;
}

/* What is no port: its key and its name must fit into every message. */
static bool thing_set(struct sight *out, enum resource_kind kind, const char *key,
                      const char *label, const char *device)
{
    if (key == NULL || *key == '\0' || strnlen(key, KEY_MOST + 1) > KEY_MOST)
        return false;
    out->kind = kind;
    out->key = key;
    out->label = label != NULL && strnlen(label, KEY_MOST + 1) <= KEY_MOST ? label : key;
    out->seen.port = device != NULL && strnlen(device, PORT_MOST + 1) <= PORT_MOST ? device : "";
    return true;
}

static bool sight_lun(const void *row, char scratch[SIGHT_SCRATCH], struct sight *out)
{
    const struct lun *lun = row;

    (void)scratch;
    out->seen.paths_active = paths(lun->paths_active);
    out->seen.paths_total = paths(lun->paths_total);
    out->seen.stuck = text_same(lun->state, "stuck");
    out->seen.flawed = text_same(lun->state, "ghost") || text_same(lun->state, "failed");
    out->seen.size = figure(lun->size_bytes);
    out->seen.mark = text_mark(lun->serial);
    out->alone = container_is_local(lun->key);
    out->devices = &lun->devices;
    return thing_set(out, RESOURCE_LUN, lun->key, lun->file != NULL ? lun->file : lun->key,
                     lun->map != NULL ? lun->map : lun->device);
}

static bool sight_vg(const void *row, char scratch[SIGHT_SCRATCH], struct sight *out)
{
    const struct vg *vg = row;

    (void)scratch;
    out->seen.paths_active = paths(vg->paths_active);
    out->seen.paths_total = paths(vg->paths_total);
    out->seen.size = figure(vg->seqno);
    out->seen.mark = text_mark(vg->metadata_digest);
    out->seen.flawed = vg->fault != NULL;
    out->seen.active = vg->activated_by != NULL;
    return thing_set(out, RESOURCE_VG, vg->uuid, vg->name, vg->name);
}

static bool sight_lv(const void *row, char scratch[SIGHT_SCRATCH], struct sight *out)
{
    const struct lv *lv = row;
    const char *label = NULL;

    out->seen.paths_active = paths(lv->paths_active);
    out->seen.paths_total = paths(lv->paths_total);
    out->seen.active = lv->active && lv->origin == NULL; /* a snapshot is active with its origin */
    out->seen.flawed = lvm_is_lost_snapshot(lv->attr);
    if (lv->vg_name != NULL && lv->name != NULL &&
        snprintf(scratch, SIGHT_SCRATCH, "%s/%s", lv->vg_name, lv->name) < SIGHT_SCRATCH)
        label = scratch;
    return thing_set(out, RESOURCE_LV, lv->uuid, label, lv->device);
}

/* The same UUID in two containers is two filesystems: one of them is a clone. */
static bool sight_filesystem(const void *row, char scratch[SIGHT_SCRATCH], struct sight *out)
{
    const struct filesystem *fs = row;
    const char *uuid = fs->uuid != NULL ? fs->uuid : "";

    out->seen.size = figure(fs->members);
    out->seen.mark = fs->sub_uuid != NULL ? text_mark(fs->sub_uuid) : figure(fs->member_id);
    out->seen.paths_active = REC_HAS(fs, filesystem, paths_total) ? paths(fs->paths_active) : 1;
    out->seen.paths_total = REC_HAS(fs, filesystem, paths_total) ? paths(fs->paths_total) : 1;
    out->alone = container_is_local(fs->container);
    if (snprintf(scratch, SIGHT_SCRATCH, "%s@%s", uuid, fs->container) >= SIGHT_SCRATCH)
        return false;
    return thing_set(out, RESOURCE_FILESYSTEM, scratch,
                     fs->label != NULL ? fs->label
                     : *uuid != '\0'   ? uuid
                                       : fs->container,
                     fs->device);
}

static const sight_fn sights[SECTION_COUNT] = {
    [SECTION_NICS] = sight_nic,
    [SECTION_BONDS] = sight_bond,
    [SECTION_VLANS] = sight_vlan,
    [SECTION_LUNS] = sight_lun,
    [SECTION_VGS] = sight_vg,
    [SECTION_LVS] = sight_lv,
    [SECTION_FILESYSTEMS] = sight_filesystem,
};

const uint32_t sighting_sections = 1u << SECTION_NICS | 1u << SECTION_BONDS | 1u << SECTION_VLANS |
                                   1u << SECTION_LUNS | 1u << SECTION_VGS | 1u << SECTION_LVS |
                                   1u << SECTION_FILESYSTEMS;

bool sight_of_row(enum section_id id, const void *row, char scratch[SIGHT_SCRATCH],
                  struct sight *out)
{
    memset(out, 0, sizeof *out);
    out->kind = RESOURCE_NETWORK;
    return sights[id] != NULL && sights[id](row, scratch, out);
}

/* The port of a NIC or bond is its row's key, which outlives the sighting; a VLAN's is kept behind
 * the struct. */
struct sighting *sighting_new(const char *row_key, enum section_id id, const struct seen *seen)
{
    bool own = strcmp(seen->port, row_key) != 0;
    size_t n = own ? strlen(seen->port) + 1 : 0;
    struct sighting *g = calloc(1, sizeof *g + n);

    if (g == NULL)
        return NULL;
    g->row_key = row_key;
    g->section = (uint8_t)id;
    g->seen = *seen;
    g->seen.port = own ? memcpy(g + 1, seen->port, n) : row_key;
    return g;
}

static int announce_ambiguous(struct step *s, struct node *n, const struct sighting *g,
                              struct network *const found[2])
{
    int rc = event_due_of_node(s, n);

    if (rc != 1)
        return rc;
    return event(s, "network.ambiguous", SEVERITY_WARNING, n, NULL,
                 "Port %s of %s matches the networks %s and %s; it stays unproven until one of "
                 "them is changed.",
                 g->seen.port, n->row.name, found[0]->name, found[1]->name);
}

/* What the port leads to: the one declared network that matches, else the port itself. */
static struct resource *network_target(struct step *s, struct node *n, struct sighting *g,
                                       bool announce, int *rc)
{
    struct network *found[2] = { NULL, NULL };
    uint32_t matches = network_match(s->c, n->row.name, &g->seen, found);
    struct resource *r;

    if (matches > 1 && !g->ambiguous && announce)
        *rc = announce_ambiguous(s, n, g, found);
    g->ambiguous = matches > 1;
    if (*rc < 0)
        return NULL;
    r = matches == 1 ? found[0]->resource : resource_unproven(s, n, g->seen.port, g->seen.vlan);
    if (r == NULL)
        *rc = -ENOMEM;
    return r;
}

static struct resource *target(struct step *s, struct node *n, struct sighting *g,
                               const struct sight *sight, int *rc)
{
    struct resource *r;

    if (sight->kind == RESOURCE_NETWORK)
        return network_target(s, n, g, true, rc);
    r = resource_seen(s, n, sight);
    if (r == NULL)
        *rc = -ENOMEM;
    return r;
}

static struct edge *edge_for(struct step *s, struct node *n, struct resource *r, int *rc)
{
    struct edge *e = edge_find(n, r);

    if (e == NULL) {
        e = edge_new(n, r);
        if (e != NULL)
            e->fresh = true;
    }
    *rc = e == NULL ? -ENOMEM : edge_dirty(s->c, e);
    return e;
}

/* An edge that loses its last sighting to another resource gives its history along: the port is the
 * same, only its name is better known now. What it had through ports that part is nobody's. */
static void history_move(const struct edge *from, struct edge *to)
{
    if (from->sightings != NULL || from->heir != to || !to->fresh)
        return;
    if (to->state == 0)
        to->state = from->state;
    to->bare = from->bare;
    to->paths_had += from->paths_had;
    if (from->had_until.v > to->had_until.v)
        to->had_until = from->had_until;
    if (from->since.v > to->since.v)
        to->since = from->since;
}

int sighting_rematch(struct step *s, struct node *n, struct sighting *g, bool announce)
{
    int rc = 0;
    struct resource *r = network_target(s, n, g, announce, &rc);
    struct edge *from = g->edge, *to;

    if (rc < 0 || from->resource == r)
        return rc;
    to = edge_for(s, n, r, &rc);
    if (rc < 0)
        return rc;
    edge_detach(g);
    from->heir = from->heir == NULL || from->heir == to ? to : from;
    history_move(from, to);
    rc = edge_dirty(s->c, from);
    if (rc < 0)
        return rc;
    edge_attach(to, g);
    return emit_sighting(s, n, g);
}

void row_release(struct coord *c, enum section_id id, struct row *row)
{
    graph_row_drop(c, id, row);
    if (id == SECTION_PVS) {
        twin_pv_drop(c, row);
    } else if ((sighting_sections >> id & 1u) != 0 && row->sighting != NULL) {
        edge_detach(row->sighting);
        free(row->sighting);
    }
    row->sighting = NULL;
}

int sighting_drop(struct step *s, struct node *n, struct row *row)
{
    struct sighting *g = row->sighting;
    int rc;

    if (g == NULL)
        return 0;
    rc = emit_sighting_delete(s, n, g);
    if (rc == 0)
        rc = edge_dirty(s->c, g->edge);
    if (rc < 0)
        return rc;
    edge_detach(g);
    free(g);
    row->sighting = NULL;
    return 0;
}

/* The same resource through the same port. */
static bool is_same(const struct sighting *g, const struct sight *b)
{
    const struct resource *r = g->edge->resource;
    const struct seen *x = &g->seen, *y = &b->seen;

    if (r->kind != b->kind ||
        (b->key != NULL && (strcmp(r->key, b->key) != 0 || b->alone != (r->owner != NULL))))
        return false;
    return x->vlan == y->vlan && x->base_len == y->base_len && x->stacked == y->stacked &&
           strcmp(x->port, y->port) == 0;
}

/* The numbers of a sighting that is otherwise as it was. */
static int sighting_update(struct step *s, struct node *n, struct sighting *g,
                           const struct sight *sight)
{
    const struct seen *now = &sight->seen;
    bool anew = g->seen.size != now->size || g->seen.mark != now->mark;
    bool active = g->seen.active;
    int rc = 0;

    if (sight->label != NULL)
        rc = resource_relabel(s, g->edge->resource, sight->label);
    if (rc < 0 || (g->seen.paths_active == now->paths_active &&
                   g->seen.paths_total == now->paths_total && g->seen.stuck == now->stuck &&
                   g->seen.flawed == now->flawed && g->seen.active == now->active && !anew))
        return rc;
    rc = version_change(s, g, now->size, now->mark);
    if (rc < 0)
        return rc;
    g->seen.flawed = now->flawed;
    g->seen.active = now->active;
    g->seen.paths_active = now->paths_active;
    g->seen.paths_total = now->paths_total;
    g->seen.stuck = now->stuck;
    rc = edge_dirty(s->c, g->edge);
    if (rc == 0 && anew)
        rc = edge_believe(s, g->edge, REPORTED_ANEW);
    if (rc == 0 && !active)
        rc = activation_seen(s, g->edge);
    return rc < 0 ? rc : emit_sighting(s, n, g);
}

int sighting_set(struct step *s, struct node *n, enum section_id id, struct row *row,
                 const struct sight *sight)
{
    struct sighting *g = row->sighting;
    struct resource *r;
    struct edge *e;
    int rc = 0;

    if (g != NULL && sight != NULL && is_same(g, sight))
        return sighting_update(s, n, g, sight);
    rc = sighting_drop(s, n, row);
    if (rc < 0 || sight == NULL)
        return rc;
    g = row->sighting = sighting_new(row->key, id, &sight->seen);
    if (g == NULL)
        return -ENOMEM;
    r = target(s, n, g, sight, &rc);
    if (r == NULL)
        return rc;
    e = edge_for(s, n, r, &rc);
    if (rc < 0)
        return rc;
    edge_attach(e, g);
    if (r->twin != NULL)
        twin_seen(s->c, r->twin);
    rc = edge_believe(s, e, REPORTED_ANEW);
    if (rc == 0)
        rc = activation_seen(s, e);
    return rc < 0 ? rc : emit_sighting(s, n, g);
}
