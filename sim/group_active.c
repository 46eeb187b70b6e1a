/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Activation of LVs of the volume group: who asks for it, the worker that makes and removes tables,
 * and what must be so: an LV has tables of muster's making where the right says, and nowhere else.
 */
#include <stdlib.h>

#include "group.h"

enum { ASK_US = 7000000, START_US = 20000, READ_US = 150000, TABLE_US = 40000 };
enum { IN_USE_PPM = 100000 };

bool group_is_activation(const struct lvm_order *o)
{
    return o->op == LVM_LV_ACTIVATE || o->op == LVM_LV_DEACTIVATE;
}

static uint32_t lv_of(const struct lvm_order *o)
{
    return o->lv_uuid == NULL ? 0 : (uint32_t)strtoul(o->lv_uuid + strlen("LV"), NULL, 10);
}

/* ---- what must be so ------------------------------------------------------------------------ */

/* Somebody has it by a right that this one's database must know of. */
static void judge_alone(struct sim *s, const struct host *h, uint32_t lv, uint64_t token,
                        const char *verb)
{
    for (const struct mapping *m = s->group->mappings; m != NULL; m = m->next) {
        if (m->lv != lv || m->host == h || m->token == 0 ||
            oracle_group_lost(s, token, h, m->token, m->host))
            continue;
        sim_fail(s, "%s %s LV%u (token %llu) while %s has it active (token %llu)", h->name, verb,
                 lv, (unsigned long long)token, m->host->name, (unsigned long long)m->token);
    }
}

void oracle_active_ordered(struct sim *s, const struct host *h, const struct lvm_order *o)
{
    if (o->op == LVM_LV_ACTIVATE)
        judge_alone(s, h, lv_of(o), o->token, "is told to activate");
}

/* It tells of no version. */
bool group_active_is_done(const struct lvm_result *in)
{
    return in->outcome == LVM_DONE && !REC_HAS(in, lvm_result, seqno);
}

/* ---- the worker ----------------------------------------------------------------------------- */

static void activates(struct sim *s, struct process *p, const struct lvm_order *o)
{
    const struct lv_meta *lv = group_lv_by_uuid(group_newest(s->group), o->lv_uuid);
    struct mapping *m = lv == NULL ? NULL : group_mapping(s, p->host, lv->id);

    if (lv == NULL) {
        group_work_ends(s, p, LVM_REFUSED, "there is no such LV");
        return;
    }
    judge_alone(s, p->host, lv->id, o->token, "activates");
    if (m == NULL)
        m = group_map(s, p->host, lv);
    m->token = o->token;
    s->counts.activations++;
}

static void deactivates(struct sim *s, struct process *p, const struct lvm_order *o)
{
    struct mapping *m = group_mapping(s, p->host, lv_of(o));

    if (m != NULL && dice_chance(s, IN_USE_PPM))
        group_work_ends(s, p, LVM_REFUSED, "it is in use");
    else if (m != NULL)
        group_unmap(s, m);
}

static void says(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, says);
    const struct lvm_order *o = p == NULL ? NULL : p->work->change->order;
    struct mapping *m = p == NULL ? NULL : group_mapping(s, p->host, lv_of(o));

    if (p != NULL)
        group_work_ends(s, p, (m != NULL) == (o->op == LVM_LV_ACTIVATE) ? LVM_DONE : LVM_FAILED,
                        "it is not so");
}

static void works(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, works);
    const struct lvm_order *o = p == NULL ? NULL : p->work->change->order;

    if (p == NULL)
        return;
    if (o->op == LVM_LV_ACTIVATE)
        activates(s, p, o);
    else
        deactivates(s, p, o);
    if (p->result == NULL)
        process_later(s, p, 1000 + dice_about(s, TABLE_US), says);
}

void group_active_begins(struct sim *s, struct process *p)
{
    process_later(s, p, 1000 + dice_about(s, START_US + READ_US), works);
}

/* ---- who asks ------------------------------------------------------------------------------- */

static void asks(struct sim *s, void *with, uint64_t stamp)
{
    const struct group_meta *m = group_newest(s->group);
    const struct lv_meta *lv = m->n == 0 ? NULL : &m->lvs[dice_below(s, m->n)];
    struct brain *b = &s->brains[s->brains[1].c != NULL ? dice_below(s, BRAINS) : 0];
    bool on = dice_below(s, 3) != 0;
    struct request req = { 0 };
    struct vg_ask what = { 0 };

    (void)with, (void)stamp;
    if (!s->storm)
        return;
    agenda_put(s, s->now + dice_about(s, ASK_US), asks, NULL, 0);
    if (lv == NULL)
        return;
    REC_SET(&what, vg_ask, op, on ? LVM_LV_ACTIVATE : LVM_LV_DEACTIVATE);
    REC_SET(&what, vg_ask, vg, GROUP_NAME);
    REC_SET(&what, vg_ask, lv, lv->name);
    REC_SET(&req, request, op, OP_LV_ACTIVATE);
    REC_SET(&req, request, vg_ask, &what);
    if (on)
        REC_SET(&req, request, node, s->hosts[dice_below(s, s->o.hosts)].name);
    brain_ask(s, b, &req, NULL, NULL);
}

void group_active_start(struct sim *s)
{
    if (s->group != NULL && s->o.active)
        agenda_put(s, s->now + dice_about(s, ASK_US), asks, NULL, 0);
}
