/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator asks for: which volume groups are muster's to change, and changes of them. What
 * is wrong in itself, or can be seen not to be possible, is refused here, before there is a task.
 */
#include <errno.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "core/query.h"
#include "model/lvm_name.h"

#define FOREIGN "VG_XenStorage-" /* what xapi's LVM storage names its volume groups */

/* ---- vg adopt ------------------------------------------------------------------------------- */

int vg_answer(struct answer *q, const char *text, struct resource **out)
{
    int rc = answer_resource(q, text, out);

    if (*out == NULL || (*out)->kind == RESOURCE_VG)
        return rc;
    rc = answer_fail(q, REPLY_INVALID, "'%s' is a %s, and no volume group.", answer_quote(q, text),
                     resource_kind_name((*out)->kind));
    *out = NULL;
    return rc;
}

int op_vg_adopt(struct answer *q)
{
    struct resource *r = NULL;
    struct scan_row *row;
    char label[200];
    int rc = vg_answer(q, q->req->resource, &r);

    if (r == NULL)
        return rc;
    if (q->req->flag && strncmp(r->label, FOREIGN, strlen(FOREIGN)) == 0)
        return answer_fail(q, REPLY_REFUSED,
                           "Volume group %s is xapi's, which changes it by itself: two that change "
                           "one lose LVs.",
                           r->label);
    row = seat_scan(r->seat);
    if (row == NULL)
        return -ENOMEM;
    if (row->admitted == q->req->flag)
        return 0;
    row->admitted = q->req->flag;
    row->admitted_at = q->c->wall;
    touch_resource(q->c, r);
    vgs_wake(q->c);
    rc = emit_scan(q->s, row);
    if (rc < 0)
        return rc;
    resource_label_in(r, label, sizeof label);
    return q->req->flag ? event(q->s, "vg.adopted", SEVERITY_INFO, NULL, r,
                                "Volume group %s is muster's to change from now on.", label)
                        : event(q->s, "vg.released", SEVERITY_INFO, NULL, r,
                                "Volume group %s is not changed by muster any more.", label);
}

/* ---- a change: what it needs ---------------------------------------------------------------- */

struct need {
    const char *name; /* of the task */
    bool luns, lv, new_name, size, new_lv;
};

static const struct need needs[] = {
    [LVM_VG_CREATE] = { .name = "vg create", .luns = true },
    [LVM_VG_EXTEND] = { .name = "vg extend", .luns = true },
    [LVM_VG_REDUCE] = { .name = "vg reduce", .luns = true },
    [LVM_VG_REMOVE] = { .name = "vg remove" },
    [LVM_LV_CREATE] = { .name = "lv create", .lv = true, .size = true, .new_lv = true },
    [LVM_LV_EXTEND] = { .name = "lv extend", .lv = true, .size = true },
    [LVM_LV_REDUCE] = { .name = "lv reduce", .lv = true, .size = true },
    [LVM_LV_REMOVE] = { .name = "lv remove", .lv = true },
    [LVM_LV_RENAME] = { .name = "lv rename", .lv = true, .new_name = true },
    [LVM_LV_SNAPSHOT] = { .name = "lv snapshot", .lv = true, .new_name = true, .size = true },
    [LVM_VG_AUTOACTIVATION_OFF] = { .name = "vg autoactivation off" },
};

static int refuse_name(struct answer *q, const char *what, const char *name, bool lv, bool *good)
{
    const char *fault = lvm_name_fault(name, lv);

    *good = fault == NULL;
    return fault == NULL ? 0
                         : answer_fail(q, REPLY_INVALID, "The name '%s' of the %s %s.",
                                       answer_quote(q, name), what, fault);
}

static int check_extent(struct answer *q, const struct vg_ask *ask, bool *good)
{
    const char *fault = lvm_extent_fault(ask->extent_bytes);

    *good = ask->op == LVM_VG_CREATE && fault == NULL;
    if (*good)
        return 0;
    return fault == NULL ? answer_fail(q, REPLY_INVALID,
                                       "Extents have a size of their own only where a volume "
                                       "group is created.")
                         : answer_fail(q, REPLY_INVALID, "%llu bytes for an extent %s.",
                                       (unsigned long long)ask->extent_bytes, fault);
}

/* Whether what is asked has what it needs, and names that LVM takes. */
static int check_form(struct answer *q, const struct vg_ask *ask, bool *good)
{
    const struct need *n;
    const char *lacks;
    int rc = 0;

    *good = false;
    if (ask == NULL || ask->op == 0 || ask->op >= ARRAY_LEN(needs))
        return answer_fail(q, REPLY_INVALID, "The request does not say what is to be changed.");
    n = &needs[ask->op];
    lacks = n->luns && ask->luns.n == 0            ? "LUNs"
            : n->lv && ask->lv == NULL             ? "an LV"
            : n->new_name && ask->new_name == NULL ? "a new name"
            : n->size && ask->size_bytes == 0      ? "a size"
                                                   : NULL;
    if (lacks != NULL)
        return answer_fail(q, REPLY_INVALID, "%s needs %s.", n->name, lacks);
    *good = true;
    if (REC_HAS(ask, vg_ask, extent_bytes))
        rc = check_extent(q, ask, good);
    if (rc == 0 && *good && ask->op == LVM_VG_CREATE)
        rc = refuse_name(q, "volume group", ask->vg, false, good);
    if (rc == 0 && *good && n->lv)
        rc = refuse_name(q, "LV", ask->lv, true, good);
    if (rc == 0 && *good && n->new_name)
        rc = refuse_name(q, "LV", ask->new_name, true, good);
    return rc;
}

/* ---- a change: what it is about ------------------------------------------------------------- */

/* What was removed is lost to all, and is remembered for a while: its name is free. */
bool vg_is_seen(const struct resource *r)
{
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        if (e->state != EDGE_LOST)
            return true;
    }
    return false;
}

struct resource *vg_lv_by_name(const struct coord *c, const struct resource *vg, const char *name)
{
    size_t n = strlen(vg->label);
    struct resource *r;
    size_t it = 0;

    while ((r = map_next(c->resources, &it)) != NULL) {
        if (r->kind == RESOURCE_LV && r->label != NULL && strncmp(r->label, vg->label, n) == 0 &&
            r->label[n] == '/' && strcmp(r->label + n + 1, name) == 0 && vg_is_seen(r))
            return r;
    }
    return NULL;
}

static struct resource *vg_by_name(const struct coord *c, const char *name)
{
    struct resource *r;
    size_t it = 0;

    while ((r = map_next(c->resources, &it)) != NULL) {
        if (r->kind == RESOURCE_VG && r->label != NULL && strcmp(r->label, name) == 0 &&
            vg_is_seen(r))
            return r;
    }
    return NULL;
}

static int find_lv(struct answer *q, const struct vg_ask *ask, const struct resource *vg,
                   struct vg_change_row *row, bool *good)
{
    const struct need *n = &needs[ask->op];
    struct resource *r = vg_lv_by_name(q->c, vg, ask->lv);
    const char *taken = n->new_lv ? ask->lv : ask->new_name;

    *good = false;
    if (!n->new_lv && r == NULL)
        return answer_fail(q, REPLY_NOT_FOUND, "Volume group %s has no LV '%s'.", vg->label,
                           answer_quote(q, ask->lv));
    if (taken != NULL && vg_lv_by_name(q->c, vg, taken) != NULL)
        return answer_fail(q, REPLY_REFUSED, "Volume group %s has an LV '%s' already.", vg->label,
                           answer_quote(q, taken));
    *good = true;
    row->lv = ask->lv;
    row->lv_uuid = n->new_lv ? NULL : r->key;
    row->new_name = ask->new_name;
    return 0;
}

static int find_vg(struct answer *q, const struct vg_ask *ask, struct vg_change_row *row,
                   struct resource **vg, bool *good)
{
    int rc;

    *vg = NULL;
    *good = false;
    if (ask->op == LVM_VG_CREATE) {
        if (vg_by_name(q->c, ask->vg) != NULL)
            return answer_fail(q, REPLY_REFUSED, "There is a volume group '%s' already.",
                               answer_quote(q, ask->vg));
        row->vg = ask->vg;
        *good = true;
        return 0;
    }
    rc = vg_answer(q, ask->vg, vg);
    if (*vg == NULL)
        return rc;
    row->vg = (*vg)->label;
    row->vg_uuid = (*vg)->key;
    *good = true;
    return 0;
}

/* ---- a change: whether it can be ------------------------------------------------------------ */

/* What will pass by itself is waited for by the task. */
static int check_free(struct answer *q, const struct resource *r, bool *good)
{
    struct verdict v;
    int rc = r == NULL ? 0 : conflict(q->c, q->a, r, WANT_CHANGE, NULL, &v);

    *good = r == NULL || v.way == WAY_FREE || v.way == WAY_HELD || v.way == WAY_UNTOLD ||
            v.way == WAY_UNKNOWN;
    return rc < 0 || *good ? rc : answer_fail(q, REPLY_REFUSED, "%s", v.text);
}

static const char *task_text(struct arena *a, const struct vg_change_row *row)
{
    char size[24];
    const char *name = needs[row->op].name;
    const char *text = row->lv == NULL ? arena_printf(a, "%s %s", name, row->vg)
                                       : arena_printf(a, "%s %s/%s", name, row->vg, row->lv);

    if (text != NULL && row->new_name != NULL)
        text = arena_printf(a, "%s as %s", text, row->new_name);
    if (text != NULL && row->size_bytes > 0)
        text = arena_printf(a, "%s, %s", text, bytes_text(row->size_bytes, size));
    return text == NULL ? NULL : arena_printf(a, "%s.", text);
}

/* It is asked again when it is decided who does it. */
static int check_needed(struct answer *q, const struct vg_change_row *row,
                        const struct resource *vg, bool *good)
{
    const char *why;
    int rc = vg_needed(q->c, q->a, row, vg, &why);

    *good = why == NULL;
    return rc < 0 || *good ? rc
                           : answer_fail(q, REPLY_REFUSED, "Volume group %s: %s.", vg->label, why);
}

/* Nor does a second node give it up by itself. */
static int check_active(struct answer *q, const struct vg_change_row *row, bool *good)
{
    struct node *only;
    const char *why;
    int rc = vg_where_active(q->c, q->a, row, &only, &why);

    *good = why == NULL;
    return rc < 0 || *good ? rc : answer_fail(q, REPLY_REFUSED, "%s.", why);
}

static int change_begin(struct answer *q, const struct vg_change_row *row)
{
    const char *text = task_text(q->a, row);
    struct task *t;
    int rc;

    if (!tasks_room(q->c) || !jobs_room(q->c, 1))
        return answer_fail(q, REPLY_REFUSED, "%u tasks run already; end some, or wait.",
                           LIMIT_TASKS);
    rc = text == NULL ? -ENOMEM : task_new(q->s, TASK_LVM, false, text, row, &t);
    return rc < 0 ? rc : answer_task(q, t);
}

int op_vg_change(struct answer *q)
{
    const struct vg_ask *ask = q->req->vg_ask;
    struct vg_change_row row = { 0 };
    struct resource *vg = NULL;
    bool good;
    int rc = check_form(q, ask, &good);

    if (rc == 0 && good) {
        row.op = (uint32_t)ask->op;
        row.size_bytes = ask->size_bytes;
        row.extent_bytes = ask->extent_bytes;
        rc = find_vg(q, ask, &row, &vg, &good);
    }
    if (rc == 0 && good && needs[ask->op].lv)
        rc = find_lv(q, ask, vg, &row, &good);
    if (rc == 0 && good && needs[ask->op].luns)
        rc = vg_find_luns(q, ask, &row, &good);
    if (rc == 0 && good)
        rc = check_free(q, vg, &good);
    if (rc == 0 && good)
        rc = check_free(q, vg_lv_not_in_use(q->c, &row), &good);
    if (rc == 0 && good)
        rc = check_needed(q, &row, vg, &good);
    if (rc == 0 && good)
        rc = check_active(q, &row, &good);
    return rc < 0 || !good ? rc : change_begin(q, &row);
}
