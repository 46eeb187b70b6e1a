/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator decides about rights: what may be scanned, and holds, which no time ends. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

/* ---- fs admit, fs retire -------------------------------------------------------------------- */

struct scan_row *seat_scan(struct seat *seat)
{
    if (seat->scan == NULL) {
        seat->scan = calloc(1, sizeof *seat->scan);
        if (seat->scan != NULL)
            seat->scan->resource_no = seat->resource->no;
    }
    return seat->scan;
}

int scan_load(struct coord *c, const struct scan_row *row, struct resource *r)
{
    struct scan_row *to = r == NULL || r->seat == NULL ? NULL : seat_scan(r->seat);

    if (r == NULL || r->seat == NULL)
        return 0;
    if (to == NULL)
        return -ENOMEM;
    learnt_drop(&c->learnt, to->ms);
    learnt_add(&c->learnt, row->ms);
    *to = *row;
    to->reason = to->fingerprint = NULL;
    return text_set(&to->reason, row->reason) < 0 ||
                   text_set(&to->fingerprint, row->fingerprint) < 0
               ? -ENOMEM
               : 0;
}

int emit_scan(struct step *s, const struct scan_row *row)
{
    struct change *ch = emit(s, CHANGE_SCAN);

    if (ch == NULL)
        return -ENOMEM;
    ch->scan = *row;
    ch->scan.reason = arena_strdup(s->u->arena, row->reason);
    ch->scan.fingerprint = arena_strdup(s->u->arena, row->fingerprint);
    return (row->reason != NULL && ch->scan.reason == NULL) ||
                   (row->fingerprint != NULL && ch->scan.fingerprint == NULL)
               ? -ENOMEM
               : 0;
}

int scan_possible(struct answer *q, const struct chosen *ch, bool admitted, bool *good)
{
    for (size_t i = 0; i < ch->resource_count; i++) {
        struct verdict v;
        int rc = conflict(q->c, q->a, ch->resources[i], WANT_SCAN, NULL, &v);

        if (rc < 0)
            return rc;
        *good = v.way != WAY_UNFIT && !(admitted && v.way == WAY_OBSERVE);
        if (!*good)
            return answer_fail(q, REPLY_REFUSED, "%s", v.text);
    }
    return 0;
}

/* *changed: it was not so before. */
static int admit(struct answer *q, struct resource *r, bool on, bool *changed)
{
    struct scan_row *scan;
    char label[200];
    int rc;

    if (r->seat == NULL || (r->seat->scan == NULL && !on))
        return 0;
    scan = seat_scan(r->seat);
    if (scan == NULL)
        return -ENOMEM;
    if (scan->admitted == on)
        return 0;
    *changed = true;
    scan->admitted = on;
    scan->admitted_at = q->c->wall;
    touch_resource(q->c, r);
    rc = emit_scan(q->s, scan);
    if (rc < 0)
        return rc;
    resource_label_in(r, label, sizeof label);
    return on ? event(q->s, "fs.admitted", SEVERITY_INFO, NULL, r,
                      "Filesystem %s was admitted to scans by an operator.", label)
              : event(q->s, "fs.retired", SEVERITY_INFO, NULL, r,
                      "Filesystem %s is not scanned any more, as an operator wants it.", label);
}

/* Those that were named; where all were meant, those that changed. */
static int answer_admitted(struct answer *q, const struct chosen *ch, const bool *changed)
{
    bool named = q->req->resources.n > 0;
    struct resource_info *v;
    struct pick p;
    int rc = pick_init(&p, q->a, 0, ch->resource_count, 0);

    for (size_t i = 0; rc == 0 && i < ch->resource_count; i++) {
        if (named || changed[i])
            p.resources[p.resource_count++] = ch->resources[i];
    }
    if (rc == 0)
        rc = pick_reply(q, &p);
    if (rc < 0 || q->r->code != REPLY_OK)
        return rc;
    v = arena_memdup(q->a, q->r->resources.v, p.resource_count * sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < p.resource_count; i++)
        REC_SET(&v[i], resource_info, changed, named ? changed[i] : true);
    REC_SET(q->r, reply, resources, ((struct recs){ v, p.resource_count }));
    return 0;
}

/* Of all filesystems those that can be what is asked: no node may have told yet what one is. */
static int choose_fit(struct answer *q, struct chosen *ch)
{
    size_t n = 0;
    int rc = choose_all_filesystems(q, ch);

    for (size_t i = 0; rc == 0 && i < ch->resource_count; i++) {
        struct verdict v = { .way = WAY_FREE };

        if (q->req->flag)
            rc = conflict(q->c, q->a, ch->resources[i], WANT_SCAN, NULL, &v);
        if (v.way != WAY_UNFIT)
            ch->resources[n++] = ch->resources[i];
    }
    ch->resource_count = n;
    return rc;
}

int op_fs_admit(struct answer *q)
{
    bool good = true, named = q->req->resources.n > 0, *changed;
    struct chosen ch = { 0 };
    int rc;

    if (!REC_HAS(q->req, request, flag))
        return answer_fail(q, REPLY_INVALID,
                           "The request needs a flag: true admits filesystems to scans, false "
                           "retires them.");
    rc = named ? choose_resources(q, &ch, &good) : choose_fit(q, &ch);
    if (rc == 0 && good && named && q->req->flag)
        rc = scan_possible(q, &ch, false, &good);
    if (rc < 0 || !good)
        return rc;
    changed = arena_array(q->a, ch.resource_count, sizeof *changed);
    if (changed == NULL)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < ch.resource_count; i++)
        rc = admit(q, ch.resources[i], q->req->flag, &changed[i]);
    return rc < 0 ? rc : answer_admitted(q, &ch, changed);
}

/* ---- holds ---------------------------------------------------------------------------------- */

static int answer_lease(struct answer *q, const struct lease *l)
{
    struct lease_info *out = arena_zalloc(q->a, sizeof *out);
    int rc = out == NULL ? -ENOMEM : info_lease(q->c, q->a, l, out);

    if (rc < 0)
        return rc;
    REC_SET(q->r, reply, leases, ((struct recs){ out, 1 }));
    return 0;
}

static int hold_take(struct answer *q, struct node *n, struct resource *r)
{
    struct lease_row what = { .kind = KIND_HOLD, .text = q->req->name };
    struct verdict v;
    struct lease *l;
    char label[200];
    int rc = lease_grant(q->s, n, r, &what, &l, &v);

    if (rc < 0)
        return rc;
    if (l == NULL)
        return answer_fail(q, REPLY_REFUSED, "%s", v.text);
    rc = event(q->s, "hold.taken", SEVERITY_INFO, n, r, "%s has a hold of %s (token %llu): %s.",
               n->row.name, resource_label_in(r, label, sizeof label),
               (unsigned long long)l->row.token, l->row.text);
    return rc < 0 ? rc : answer_lease(q, l);
}

int op_hold_take(struct answer *q)
{
    struct resource *r = NULL;
    struct node *n;
    int rc = answer_node(q, q->req->node, false, &n);

    if (n != NULL)
        rc = answer_resource(q, q->req->resource, &r);
    if (r == NULL)
        return rc;
    if (q->req->name == NULL || q->req->name[0] == '\0')
        return answer_fail(q, REPLY_INVALID, "The request needs a name: what the hold is for.");
    return hold_take(q, n, r);
}

static int hold_over(struct answer *q, struct lease *l, enum lease_ending how)
{
    bool broken = how == LEASE_BROKEN;
    char label[200];
    int rc = event(q->s, broken ? "hold.broken" : "hold.ended",
                   broken ? SEVERITY_WARNING : SEVERITY_INFO, l->node, l->resource,
                   broken ? "The hold of %s on %s (token %llu) was broken by an operator: if the "
                            "node still writes, there are two writers."
                          : "The hold of %s on %s (token %llu) is over: what it was for is done.",
                   l->node->row.name, resource_label_in(l->resource, label, sizeof label),
                   (unsigned long long)l->row.token);

    return rc < 0 ? rc : lease_end(q->s, l, how);
}

int op_hold_end(struct answer *q)
{
    struct lease *l = lease_by_token(q->c, q->req->count);

    if (l == NULL || l->row.kind != KIND_HOLD)
        return answer_fail(q, REPLY_NOT_FOUND, "There is no hold with token %llu.",
                           (unsigned long long)q->req->count);
    return hold_over(q, l, LEASE_RELEASED);
}

/* Whose boot is over, or silent, and nobody can prove it: the task goes on with another node. */
static int change_break(struct answer *q, const struct lease *l)
{
    const struct node *n = l->node;
    char label[200];
    int rc;

    resource_label_in(l->resource, label, sizeof label);
    if (may_order(n) && uuid_eq(n->row.boot_id, l->row.boot_id))
        return answer_fail(q, REPLY_REFUSED,
                           "Task %u changes %s on %s, which is up and will say how it ends.",
                           l->row.task_no, label, n->row.name);
    rc = event(q->s, "hold.broken", SEVERITY_WARNING, n, l->resource,
               "The right of task %u to change %s on %s (token %llu) was broken by an operator: if "
               "the node still writes, there are two writers.",
               l->row.task_no, label, n->row.name, (unsigned long long)l->row.token);
    return rc < 0 ? rc : vg_break(q->s, l->row.task_no);
}

static bool is_exact(struct answer *q, const struct resource *r, const char *text, int *rc)
{
    const char *key = resource_key(q->a, r), *label = resource_label(q->a, r);
    uuid128 id;

    *rc = key == NULL || label == NULL ? -ENOMEM : 0;
    return *rc == 0 && (strcmp(text, key) == 0 || strcmp(text, label) == 0 ||
                        (uuid128_parse(text, &id) && uuid_eq(id, r->id)));
}

int op_hold_break(struct answer *q)
{
    struct resource *r;
    int rc = answer_resource(q, q->req->resource, &r);

    if (r == NULL)
        return rc;
    if (!is_exact(q, r, q->req->resource, &rc))
        return rc < 0 ? rc
                      : answer_fail(q, REPLY_INVALID,
                                    "What cannot be undone takes the exact key, label or id.");
    if (q->req->confirm == NULL || strcmp(q->req->confirm, q->req->resource) != 0)
        return answer_fail(q, REPLY_INVALID,
                           "This cannot be undone; confirm it with the name once more, exactly: "
                           "%s.",
                           answer_quote(q, q->req->resource));
    for (struct link *at = r->seat != NULL ? r->seat->leases.next : NULL;
         at != NULL && at != &r->seat->leases; at = at->next) {
        struct lease *l = container_of(at, struct lease, on_resource);

        if (l->row.kind == KIND_CHANGE)
            return change_break(q, l);
        if (l->row.kind == KIND_ACTIVATION)
            return activation_break(q, l);
        if (l->row.kind == KIND_HOLD)
            return hold_over(q, l, LEASE_BROKEN);
    }
    return answer_fail(q, REPLY_NOT_FOUND, "Nobody has a hold of '%s'.",
                       answer_quote(q, q->req->resource));
}
