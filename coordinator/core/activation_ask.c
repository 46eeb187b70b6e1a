/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator asks of activation, and what is answered of it. */
#include <errno.h>

#include "core/core_internal.h"
#include "core/query.h"

/* ---- what is asked for ---------------------------------------------------------------------- */

/* The volume group and the LV that the request names; *lv NULL: the answer says why not. */
static int find(struct answer *q, struct vg_change_row *row, struct resource **lv)
{
    const struct vg_ask *ask = q->req->vg_ask;
    struct resource *vg;
    int rc;

    *lv = NULL;
    if (ask == NULL || ask->lv == NULL ||
        (ask->op != LVM_LV_ACTIVATE && ask->op != LVM_LV_DEACTIVATE))
        return answer_fail(q, REPLY_INVALID, "The request does not say which LV is to be active.");
    rc = vg_answer(q, ask->vg, &vg);
    if (vg == NULL)
        return rc;
    *lv = vg_lv_by_name(q->c, vg, ask->lv);
    if (*lv == NULL)
        return answer_fail(q, REPLY_NOT_FOUND, "Volume group %s has no LV '%s'.", vg->label,
                           answer_quote(q, ask->lv));
    *row = (struct vg_change_row){ .op = (uint32_t)ask->op,
                                   .vg = vg->label,
                                   .vg_uuid = vg->key,
                                   .lv = ask->lv,
                                   .lv_uuid = (*lv)->key };
    return 0;
}

static int begin(struct answer *q, const struct vg_change_row *row, const struct node *n)
{
    bool on = row->op == LVM_LV_ACTIVATE;
    const char *text = arena_printf(q->a, "%s %s/%s on %s.", on ? "activate" : "deactivate",
                                    row->vg, row->lv, n->row.name);
    struct task *t;
    int rc;

    if (!tasks_room(q->c) || !jobs_room(q->c, 1))
        return answer_fail(q, REPLY_REFUSED, "%u tasks run already; end some, or wait.",
                           LIMIT_TASKS);
    rc = text == NULL ? -ENOMEM : task_new(q->s, TASK_ACTIVATION, false, text, row, &t);
    return rc < 0 ? rc : answer_task(q, t);
}

/* What will pass by itself is waited for by the task. */
static bool passes(enum way way)
{
    return way == WAY_FREE || way == WAY_HELD || way == WAY_LEASED || way == WAY_UNTOLD ||
           way == WAY_UNKNOWN;
}

static int activate(struct answer *q, struct vg_change_row *row, struct resource *lv)
{
    struct node *n;
    struct verdict v;
    int rc = answer_node(q, q->req->node, false, &n);

    if (n == NULL)
        return rc;
    rc = conflict(q->c, q->a, lv, WANT_ACTIVATE, n, &v);
    if (rc < 0)
        return rc;
    if (!passes(v.way))
        return answer_fail(q, REPLY_REFUSED, "%s", v.text);
    row->node_no = n->row.no;
    return begin(q, row, n);
}

static const struct node *outside(const struct coord *c, const struct resource *lv)
{
    for (const struct edge *e = lv->edges; e != NULL; e = e->next) {
        if (activation_is_outside(c, e))
            return e->node;
    }
    return NULL;
}

static int deactivate(struct answer *q, struct vg_change_row *row, struct resource *lv)
{
    const struct lease *l = activation_right(lv);
    const struct node *other = outside(q->c, lv);

    if (l == NULL && other != NULL)
        return answer_fail(q, REPLY_REFUSED,
                           "%s has %s active, outside muster, which did not activate it and leaves "
                           "it alone: give it the right first (muster lv activate %s %s %s), or "
                           "deactivate it there.",
                           other->row.name, lv->label, row->vg, row->lv, other->row.name);
    if (l == NULL)
        return answer_fail(q, REPLY_REFUSED, "No node has the right to have %s active.", lv->label);
    if (!uuid_eq(l->row.boot_id, l->node->row.boot_id))
        return answer_fail(q, REPLY_REFUSED,
                           "An earlier boot of %s may have %s active, and is not proven over: if "
                           "you know that it is, muster hold break %s.",
                           l->node->row.name, lv->label, lv->label);
    row->node_no = l->node->row.no;
    return begin(q, row, l->node);
}

int op_lv_activate(struct answer *q)
{
    struct vg_change_row row;
    struct resource *lv;
    const struct task *t;
    int rc = find(q, &row, &lv);

    if (lv == NULL)
        return rc;
    t = activation_task(q->c, lv);
    if (t != NULL)
        return answer_fail(q, REPLY_REFUSED, "Task %u is at it already: %s", t->row.no,
                           t->row.text);
    return row.op == LVM_LV_ACTIVATE ? activate(q, &row, lv) : deactivate(q, &row, lv);
}

/* ---- what is answered ----------------------------------------------------------------------- */

/* LVs of the volume group, one after the other; NULL at the end. */
static const struct resource *next_lv(const struct object *o, const struct link **at)
{
    for (*at = *at == NULL ? o->below.next : (*at)->next; *at != &o->below; *at = (*at)->next) {
        const struct object *down = container_of(*at, struct relation, of_parent)->child;

        for (const struct link *k = down->seats.next; k != &down->seats; k = k->next) {
            const struct resource *r = container_of(k, struct seat, link)->resource;

            if (r->kind == RESOURCE_LV)
                return r;
        }
    }
    return NULL;
}

static int info_outside(struct arena *a, const struct edge *e, struct lease_info *out)
{
    char text[UUID_TEXT];

    REC_SET(out, lease_info, resource, arena_strdup(a, uuid_text(e->resource->id, text)));
    REC_SET(out, lease_info, kind, resource_kind_name(RESOURCE_LV));
    REC_SET(out, lease_info, label, resource_label(a, e->resource));
    REC_SET(out, lease_info, node, arena_strdup(a, uuid_text(e->node->row.id, text)));
    REC_SET(out, lease_info, node_name, arena_strdup(a, e->node->row.name));
    REC_SET(out, lease_info, right, "outside");
    return out->resource == NULL || out->label == NULL || out->node == NULL ||
                   out->node_name == NULL
               ? -ENOMEM
               : 0;
}

/* Into `out`, unless it is NULL; how many there are, or -ENOMEM. */
static ptrdiff_t list_lv(struct answer *q, const struct resource *lv, struct lease_info *out)
{
    const struct lease *l = activation_right(lv);
    ptrdiff_t n = 0;

    if (l != NULL && out != NULL && info_lease(q->c, q->a, l, &out[n]) < 0)
        return -ENOMEM;
    n += l != NULL;
    for (const struct edge *e = lv->edges; e != NULL; e = e->next) {
        if (!activation_is_outside(q->c, e))
            continue;
        if (out != NULL && info_outside(q->a, e, &out[n]) < 0)
            return -ENOMEM;
        n++;
    }
    return n;
}

int activation_list(struct answer *q, const struct resource *vg)
{
    const struct object *o = vg->seat == NULL ? NULL : vg->seat->object;
    const struct link *at = NULL;
    const struct resource *lv;
    struct lease_info *v;
    size_t n = 0;

    while (o != NULL && (lv = next_lv(o, &at)) != NULL)
        n += (size_t)list_lv(q, lv, NULL);
    v = arena_array(q->a, n, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    n = 0;
    at = NULL;
    while (o != NULL && (lv = next_lv(o, &at)) != NULL) {
        ptrdiff_t more = list_lv(q, lv, &v[n]);

        if (more < 0)
            return -ENOMEM;
        n += (size_t)more;
    }
    REC_SET(q->r, reply, leases, ((struct recs){ v, n }));
    return 0;
}

static const char *right_text(struct arena *a, const struct lease *l)
{
    return arena_printf(a, "%s has the right to have it active (token %llu)%s.", l->node->row.name,
                        (unsigned long long)l->row.token,
                        uuid_eq(l->row.boot_id, l->node->row.boot_id)
                            ? ""
                            : ", in an earlier boot that is not proven over");
}

int activation_explain(struct answer *q, const struct resource *lv, struct strs *out)
{
    const struct lease *l = activation_right(lv);
    size_t n = 1;
    const char **v;

    for (const struct edge *e = lv->edges; e != NULL; e = e->next)
        n += activation_is_outside(q->c, e);
    v = arena_array(q->a, n, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    *out = (struct strs){ v, 0 };
    if (l != NULL)
        v[out->n++] = right_text(q->a, l);
    for (const struct edge *e = lv->edges; e != NULL; e = e->next) {
        if (activation_is_outside(q->c, e))
            v[out->n++] = arena_printf(q->a,
                                       "%s has it active and has no right to: it was not muster "
                                       "that activated it.",
                                       e->node->row.name);
    }
    for (size_t i = 0; i < out->n; i++) {
        if (v[i] == NULL)
            return -ENOMEM;
    }
    return 0;
}
