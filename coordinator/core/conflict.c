/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one function that says whether a node may have a right on a resource now, and who or what is
 * in the way: docs/ARCHITECTURE.md section 5, the storage graph. What it is asked for is one thing;
 * what may be in the way are rows of one table, tried on everything that meets it. */
#include <errno.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "core/trust.h"

/* The most lasting that has been found, and what its sentence is made of. */
struct search {
    const struct coord *c;
    struct arena *a;
    const struct resource *r;
    const struct node *n; /* who wants it; NULL: anybody */
    enum want want;
    struct verdict *out;
    const struct object *at;
    const struct use_at *use;
    const struct lease *lease;
    const char *why;
};

static bool better(const struct search *x, enum way way)
{
    return x->out->way == WAY_FREE || way < x->out->way;
}

static void found(struct search *x, enum way way, const struct node *n, const struct object *at,
                  const char *why)
{
    if (!better(x, way))
        return;
    x->out->way = way;
    x->out->node = n;
    x->at = at;
    x->why = why;
    x->use = NULL;
    x->lease = NULL;
}

/* ---- the resource itself -------------------------------------------------------------------- */

static bool is_scanned(const char *type)
{
    static const char *const types[] = { "ext4", "xfs", "btrfs", "vfat", "iso9660" };

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(type, types[i]) == 0)
            return true;
    }
    return false;
}

static int unfit(struct search *x, const char *text)
{
    if (text == NULL)
        return -ENOMEM;
    found(x, WAY_UNFIT, NULL, NULL, text);
    return 0;
}

static int fit_scan(struct search *x)
{
    const struct seat *seat = x->r->seat;

    if (x->r->kind != RESOURCE_FILESYSTEM)
        return unfit(x, arena_printf(x->a, "it is a %s, and only filesystems are scanned",
                                     resource_kind_name(x->r->kind)));
    if (seat->type == NULL)
        return unfit(x, "no node has told what type of filesystem it is");
    if (!is_scanned(seat->type))
        return unfit(x, arena_printf(x->a,
                                     "it is a %s, and scanned are ext4, xfs, btrfs, vfat and "
                                     "iso9660",
                                     seat->type));
    if (x->r->size > 1)
        return unfit(x, arena_printf(x->a,
                                     "it is a %s over %llu devices, and only those on one "
                                     "device are scanned",
                                     seat->type, (unsigned long long)x->r->size));
    if (seat->scan == NULL || !seat->scan->admitted)
        found(x, WAY_OBSERVE, NULL, NULL, "it is not admitted to scans: muster fs admit");
    return 0;
}

/* Only a volume group has metadata that are muster's to change, when its operator has said so. */
static int fit_change(struct search *x)
{
    const struct seat *seat = x->r->seat;

    if (x->r->kind == RESOURCE_VG && (seat->scan == NULL || !seat->scan->admitted))
        found(x, WAY_OBSERVE, NULL, NULL, "it is not muster's to change: muster vg adopt");
    return 0;
}

/* Where muster has no say, somebody else activates. */
static int fit_activate(struct search *x)
{
    const struct resource *vg = activation_vg(x->r);

    if (x->r->kind != RESOURCE_LV)
        return unfit(x, arena_printf(x->a, "it is a %s, and only LVs are activated",
                                     resource_kind_name(x->r->kind)));
    if (vg == NULL || vg->seat->scan == NULL || !vg->seat->scan->admitted)
        found(x, WAY_OBSERVE, NULL, NULL,
              "its volume group is not muster's to change: muster vg adopt");
    return 0;
}

static int fit(struct search *x)
{
    if (x->want == WANT_SCAN)
        return fit_scan(x);
    if (x->want == WANT_CHANGE)
        return fit_change(x);
    if (x->want == WANT_ACTIVATE)
        return fit_activate(x);
    if (x->r->kind != RESOURCE_FILESYSTEM && x->r->kind != RESOURCE_VG)
        return unfit(x, arena_printf(x->a,
                                     "it is a %s, and holds are of filesystems and volume groups",
                                     resource_kind_name(x->r->kind)));
    return 0;
}

/* ---- the node that wants it ----------------------------------------------------------------- */

static const char *standing(const struct node *n)
{
    if (n->row.admission == NODE_QUARANTINED)
        return "is quarantined";
    if (n->row.admission != NODE_APPROVED)
        return n->row.admission == NODE_DEAD ? "is declared dead" : "is not approved";
    return n->live == NODE_UP && n->registered ? NULL : "is not up";
}

/* NULL: out of memory. */
static const char *edge_fault(const struct search *x, const struct edge *e)
{
    if (e == NULL)
        return "does not see it";
    if (e->shown == EDGE_QUARANTINED)
        return arena_printf(x->a,
                            "is not believed to see it, since it found something else there (%s)",
                            e->distrust->text);
    return arena_printf(x->a, "sees it as %s", edge_state_name((enum edge_state)e->shown));
}

static int reached(struct search *x)
{
    const char *why = standing(x->n), *text;
    const struct edge *e = edge_find(x->n, x->r);

    if (why == NULL && e != NULL && (e->shown == EDGE_OK || e->shown == EDGE_DEGRADED))
        return 0;
    if (why == NULL)
        why = edge_fault(x, e);
    text = why == NULL ? NULL : arena_printf(x->a, "%s %s", x->n->row.name, why);
    if (text == NULL)
        return -ENOMEM;
    found(x, WAY_UNREACHED, x->n, NULL, text);
    return 0;
}

/* ---- the nodes that could be in the way and have not told ----------------------------------- */

static bool is_over(const struct coord *c, const struct node *n)
{
    return n->row.admission == NODE_PENDING || is_fenced(c, n->row.no, n->row.boot_id);
}

/* In this boot, and so that it is the whole of it. */
static bool has_told(const struct node *n)
{
    const struct slot *slot = &n->sections[SECTION_USES];

    return slot->stored && slot->status != SECTION_NEVER &&
           (slot->status == SECTION_OK || slot->status == SECTION_ABSENT || slot->row_count > 0);
}

void silent_settle(struct coord *c, struct node *n)
{
    link_remove(&n->silent);
    if (!has_told(n) || !n->rights_told || n->row.rights_unknown)
        link_append(&c->silent, &n->silent);
}

int silent_check(const struct coord *c, struct err *e)
{
    for (size_t i = 0; i < c->node_count; i++) {
        const struct node *n = c->nodes[i];
        bool told = has_told(n) && n->rights_told && !n->row.rights_unknown;

        if (told != link_empty(&n->silent))
            return err_set(e, -EINVAL, "%s %s", n->row.name,
                           told ? "has told all and is waited for"
                                : "has not told all and is not waited for");
    }
    return 0;
}

/* Has the node anything to do with what was met? */
static const struct object *sees(const struct node *n, const struct object *met)
{
    for (const struct object *o = met; o != NULL; o = o->next) {
        for (const struct link *l = o->seats.next; l != &o->seats; l = l->next) {
            const struct edge *e = edge_find(n, container_of(l, struct seat, link)->resource);

            if (e != NULL && e->state != EDGE_LOST)
                return o;
        }
    }
    return NULL;
}

/* A lease that this database may have lost ends by time; a hold does not. */
static bool is_unknown(const struct search *x, const struct node *n)
{
    bool lost = x->c->now.v < x->c->lost_until.v;

    return GUARD(UNKNOWN_RIGHTS, n->row.rights_unknown) ||
           (!n->rights_told &&
            (x->want != WANT_SCAN ? GUARD(TOLD_FOR_HOLD, true) : GUARD(TOLD_FOR_SCAN, lost)));
}

static int tell_of(struct search *x, const struct node *n, const struct object *met)
{
    bool untold = GUARD(UNTOLD_BLOCKS, n != x->n) && !has_told(n) && better(x, WAY_UNTOLD);
    bool unknown = is_unknown(x, n) && better(x, WAY_UNKNOWN);
    const struct object *at;
    const char *text;

    if ((!untold && !unknown) || is_over(x->c, n))
        return 0;
    at = sees(n, met);
    if (at == NULL)
        return 0;
    text = untold ? arena_printf(x->a, "%s sees it and has not told yet what it uses", n->row.name)
                  : arena_printf(x->a,
                                 "what rights %s has is not known since the %s: it must be "
                                 "heard, or be declared dead",
                                 n->row.name,
                                 n->row.rights_unknown ? "recovery" : "start of the coordinator");
    if (text == NULL)
        return -ENOMEM;
    found(x, untold ? WAY_UNTOLD : WAY_UNKNOWN, n, at, text);
    return 0;
}

static int told(struct search *x, const struct object *met)
{
    if (GUARD(RECOVER_BLOCKS, x->c->recover))
        found(x, WAY_UNKNOWN, NULL, NULL, recover_text());
    else if (GUARD(RECOVERY_WAIT, mono_since(x->c->now, x->c->grants_from) < 0))
        found(x, WAY_UNKNOWN, NULL, NULL,
              "rights that nobody here knows of may still be in use after the recovery; it takes "
              "two minutes until they are over");
    for (const struct link *l = x->c->silent.next; l != &x->c->silent; l = l->next) {
        int rc = tell_of(x, container_of(l, struct node, silent), met);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- what was met --------------------------------------------------------------------------- */

static bool is_own(const struct search *x, const struct lease *l)
{
    return l->node == x->n && uuid_eq(l->row.boot_id, x->n->row.boot_id);
}

/* Whether what is on it is in the way of a change: of a volume group that is what lies under it and
 * itself, since other LVs may be in use; of an LV or LUN, itself and all that is on it. */
static bool is_changed(const struct search *x, const struct object *o)
{
    return x->r->kind == RESOURCE_VG ? (o->roles & ROLE_UP) != 0 : (o->roles & ROLE_DOWN) != 0;
}

/* A change of a volume group does not touch what is in it, but for what it is asked to. */
static enum way way_of_change(const struct search *x, const struct object *o)
{
    return (x->want == WANT_CHANGE && is_changed(x, o)) ||
                   (x->want == WANT_HOLD && x->r->kind == RESOURCE_VG) || x->want == WANT_ACTIVATE
               ? WAY_HELD
               : WAY_FREE;
}

/* Any right but a change: of what is changed. */
static enum way way_for_change(const struct search *x, const struct object *o,
                               const struct lease *l)
{
    if (!is_changed(x, o))
        return WAY_FREE;
    return l->row.kind == KIND_HOLD     ? WAY_HELD
           : l->row.state == LEASE_LIVE ? WAY_LEASED
                                        : WAY_RESIDUE;
}

/* Who has it active may do with it what it likes, and nobody else. Of a volume group that changes,
 * LVs may be active. */
static enum way way_of_active(const struct search *x, const struct object *o, const struct lease *l)
{
    if (x->want == WANT_CHANGE)
        return x->r->kind != RESOURCE_VG && is_changed(x, o) ? WAY_ACTIVE : WAY_FREE;
    if (x->n == NULL && x->want != WANT_PLACE)
        return WAY_FREE;
    return is_own(x, l) ? WAY_FREE : WAY_ACTIVE;
}

/* Of another: any right on what lies in the LV, or on what it lies in; but for a change, which a
 * volume group goes through with LVs that are active, and which is over soon. */
static enum way way_for_active(const struct search *x, const struct lease *l)
{
    if (is_own(x, l))
        return WAY_FREE;
    return l->row.kind == KIND_HOLD     ? WAY_ACTIVE
           : l->row.state == LEASE_LIVE ? WAY_LEASED
                                        : WAY_RESIDUE;
}

/* A scan ends by itself; what it may have left behind does not. */
static enum way way_for_place(const struct search *x, const struct lease *l)
{
    if (l->row.kind == KIND_HOLD)
        return is_own(x, l) ? WAY_FREE : WAY_HELD;
    return l->row.state == LEASE_LIVE ? WAY_FREE : WAY_RESIDUE;
}

static void try_right(struct search *x, const struct object *o, const struct lease *l)
{
    enum way way = WAY_FREE;

    if (l->row.kind == KIND_ACTIVATION)
        way = GUARD(ACTIVE_BLOCKS, way_of_active(x, o, l));
    else if (l->row.kind == KIND_CHANGE)
        way = GUARD(CHANGE_BLOCKS, way_of_change(x, o));
    else if (x->want == WANT_ACTIVATE)
        way = way_for_active(x, l);
    else if (x->want == WANT_CHANGE)
        way = way_for_change(x, o, l);
    else if (x->want == WANT_PLACE)
        way = way_for_place(x, l);
    else if (l->row.kind == KIND_HOLD)
        way = x->want == WANT_HOLD                ? GUARD(HOLD_BLOCKS_HOLD, WAY_HELD)
              : GUARD(HOLD_BLOCKS, !is_own(x, l)) ? WAY_HELD
                                                  : WAY_FREE;
    else if (l->row.state == LEASE_LIVE && x->want == WANT_HOLD)
        way = GUARD(LEASE_BLOCKS_HOLD, WAY_LEASED);
    else if (l->row.state == LEASE_LIVE && x->want == WANT_SCAN)
        way = GUARD(LEASE_BLOCKS, WAY_LEASED);
    else if (x->want == WANT_HOLD)
        way = GUARD(RESIDUE_BLOCKS, WAY_RESIDUE);
    if (way == WAY_FREE || !better(x, way))
        return;
    found(x, way, l->node, o, NULL);
    x->lease = l;
}

/* The node looked while it was mounted, and is heard later than the proof that it is no more. */
static bool is_late(const struct use_at *u)
{
    for (uint32_t i = 0; i < NODE_OVER && i < u->node->over_count; i++) {
        if (u->node->over[i] == use_mark_token(u->mark))
            return true;
    }
    return false;
}

/* Muster's own scan, under a token that is not over. */
static bool is_scan(const struct coord *c, const struct use_at *u)
{
    const struct lease *l;

    if (use_mark_kind(u->mark) != USE_SCAN)
        return false;
    l = lease_by_token(c, use_mark_token(u->mark));
    return u->over || (l != NULL && l->node == u->node) || is_late(u);
}

/* Its hold makes what it does there its own affair. */
static bool holds(const struct object *met, const struct node *n)
{
    for (const struct object *o = met; o != NULL; o = o->next) {
        for (const struct link *l = o->seats.next; l != &o->seats; l = l->next) {
            const struct seat *seat = container_of(l, struct seat, link);

            for (const struct link *k = seat->leases.next; k != &seat->leases; k = k->next) {
                const struct lease *right = container_of(k, struct lease, on_resource);

                if (right->row.kind == KIND_HOLD && right->node == n &&
                    uuid_eq(right->row.boot_id, n->row.boot_id))
                    return true;
            }
        }
    }
    return false;
}

/* The maps of its LVs are on its PVs; that somebody has a PV open is LVM's own affair as well. */
static bool is_of_lvm(const struct search *x, const struct object *o, const struct use_at *u)
{
    enum use_kind kind = use_mark_kind(u->mark);
    bool below =
        x->r->kind == RESOURCE_VG || (x->want == WANT_ACTIVATE && (o->roles & ROLE_DOWN) == 0);

    return below && (kind == USE_DM || kind == USE_OPEN);
}

/* What the node does with the LV itself, or with what is in it, it does already. */
static bool is_inside(const struct search *x, const struct object *o)
{
    return x->want != WANT_ACTIVATE || (o->roles & ROLE_DOWN) != 0;
}

static void try_use(struct search *x, const struct object *o, const struct use_at *u, bool own)
{
    if (x->want == WANT_CHANGE && !is_changed(x, o))
        return;
    if (x->want == WANT_PLACE && (o->roles & ROLE_DOWN) == 0)
        return; /* what it lies in is shared: LVM has the PVs open on every node */
    if ((x->want == WANT_CHANGE || x->want == WANT_ACTIVATE) && is_of_lvm(x, o, u))
        return;
    if (!GUARD(USE_BLOCKS, better(x, WAY_USED)) || is_scan(x->c, u) ||
        (own && u->node == x->n && is_inside(x, o)) || is_over(x->c, u->node))
        return;
    found(x, WAY_USED, u->node, o, NULL);
    x->use = u;
}

static void try_all(struct search *x, const struct object *met)
{
    bool own = x->n != NULL && x->want != WANT_CHANGE &&
               (x->want == WANT_HOLD || x->want == WANT_ACTIVATE || x->want == WANT_PLACE ||
                holds(met, x->n));

    for (const struct object *o = met; o != NULL; o = o->next) {
        for (const struct link *l = o->uses.next; l != &o->uses; l = l->next)
            try_use(x, o, container_of(l, struct use_at, link), own);
        for (const struct link *l = o->seats.next; l != &o->seats; l = l->next) {
            const struct seat *seat = container_of(l, struct seat, link);

            for (const struct link *k = seat->leases.next; k != &seat->leases; k = k->next)
                try_right(x, o, container_of(k, struct lease, on_resource));
        }
    }
}

/* Devices of the LV that no right explains. What a node said that is silent now counts. */
static int try_outside(struct search *x)
{
    bool asked = x->want == WANT_ACTIVATE || x->want == WANT_PLACE;
    const struct edge *e = asked ? x->r->edges : NULL;

    for (; e != NULL; e = e->next) {
        const char *why;

        if (e->node == x->n || !better(x, WAY_USED) ||
            !GUARD(OUTSIDE_BLOCKS, activation_is_outside(x->c, e)))
            continue;
        why = arena_printf(x->a, "%s has it active, outside muster", e->node->row.name);
        if (why == NULL)
            return -ENOMEM;
        found(x, WAY_USED, e->node, NULL, why);
    }
    return 0;
}

/* ---- the sentence --------------------------------------------------------------------------- */

static const char *lease_text(struct search *x)
{
    const struct lease *l = x->lease;
    const char *name = l->node->row.name;

    if (l->row.kind == KIND_CHANGE)
        return arena_printf(x->a, "task %u changes it on %s (token %llu)", l->row.task_no, name,
                            (unsigned long long)l->row.token);
    if (l->row.kind == KIND_ACTIVATION)
        return arena_printf(x->a, "%s has it active%s (token %llu)", name,
                            uuid_eq(l->row.boot_id, l->node->row.boot_id)
                                ? ""
                                : ", in an earlier boot that is not proven over",
                            (unsigned long long)l->row.token);
    if (l->row.kind == KIND_HOLD)
        return arena_printf(
            x->a, "%s has a hold of it%s (token %llu%s%s): it ends when that is done", name,
            uuid_eq(l->row.boot_id, l->node->row.boot_id)
                ? ""
                : ", of an earlier boot that is not proven over",
            (unsigned long long)l->row.token, l->row.text != NULL ? ", " : "",
            l->row.text != NULL ? l->row.text : "");
    if (l->row.state == LEASE_LIVE)
        return arena_printf(x->a, "%s scans it (token %llu)", name,
                            (unsigned long long)l->row.token);
    return arena_printf(x->a,
                        "%s may still have it mounted from a scan (token %llu): it must be heard, "
                        "or be fenced",
                        name, (unsigned long long)l->row.token);
}

static int sentence(struct search *x)
{
    const char *why = x->use != NULL     ? use_text(x->a, x->use)
                      : x->lease != NULL ? lease_text(x)
                                         : x->why;
    const char *chain = x->at != NULL ? graph_chain(x->c, x->a, x->at) : "";
    char *label = resource_label(x->a, x->r);

    if (why == NULL || chain == NULL || label == NULL)
        return -ENOMEM;
    x->out->text = *chain != '\0' ? arena_printf(x->a, "%s: %s (%s).", label, why, chain)
                                  : arena_printf(x->a, "%s: %s.", label, why);
    if (x->lease != NULL && x->lease->resource != x->r)
        x->out->resource = x->lease->resource;
    return x->out->text == NULL ? -ENOMEM : 0;
}

/* ---- the function --------------------------------------------------------------------------- */

/* Only the holder may scan it, and to the question whether anybody may the holder is the answer. */
const struct node *hold_of(const struct resource *r)
{
    const struct link *l = r->seat != NULL ? r->seat->leases.next : NULL;

    for (; l != NULL && l != &r->seat->leases; l = l->next) {
        const struct lease *right = container_of(l, struct lease, on_resource);

        if (right->row.kind == KIND_HOLD && uuid_eq(right->row.boot_id, right->node->row.boot_id))
            return right->node;
    }
    return NULL;
}

int conflict(const struct coord *c, struct arena *a, const struct resource *r, enum want want,
             const struct node *n, struct verdict *out)
{
    struct search x = { .c = c, .a = a, .r = r, .n = n, .want = want, .out = out };
    const struct object *met;
    int rc;

    *out = (struct verdict){ .way = WAY_FREE };
    rc = want == WANT_READ || want == WANT_PLACE ? 0 : fit(&x);
    if (rc < 0 || r->seat == NULL)
        return rc < 0 ? rc : sentence(&x);
    met = graph_walk(c, r, &rc);
    if (rc == 0 && n != NULL && want != WANT_READ && want != WANT_PLACE)
        rc = reached(&x);
    if (n == NULL && want == WANT_SCAN)
        x.n = hold_of(r);
    if (rc == 0 && want != WANT_READ)
        rc = told(&x, met);
    if (rc < 0)
        return rc;
    try_all(&x, met);
    if (try_outside(&x) < 0)
        return -ENOMEM;
    out->own_mount = want == WANT_SCAN && x.n != NULL && hold_of(r) == x.n;
    return out->way == WAY_FREE ? 0 : sentence(&x);
}
