/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who asks for changes of the volume group, and who maps its LVs without asking muster, as
 * operators did before there was one. */
#include <stdlib.h>

#include "base/text.h"
#include "group.h"

enum {
    ASK_US = 6000000,
    SELDOM_US = 20000000,
    MAP_US = 10000000,
    STAYS_US = 25000000,
    RELOAD_US = 1500000
};
enum {
    NAMES = 8,
    MOST_EXTENTS = 12,
};

/* ---- changes -------------------------------------------------------------------------------- */

static void take_task(void *with, const struct reply *r)
{
    struct sim *s = with;
    struct group *g = s->group;
    const struct task_info *t = r->tasks.v;

    if (r->code != REPLY_OK || r->tasks.n == 0)
        return;
    if (t->no >= g->asked_n) {
        g->asked = realloc(g->asked, (t->no + 1) * sizeof *g->asked);
        if (g->asked == NULL)
            abort();
        while (g->asked_n <= t->no)
            g->asked[g->asked_n++] = 0;
    }
    if (g->asked[t->no] == 0) /* two coordinators may count alike */
        g->asked[t->no] = s->now;
    s->counts.tasks++;
    sim_trace(s, "task %llu: %s", (unsigned long long)t->no, t->text);
}

/* By its key: one that is no more may have the same name. */
static void ask(struct sim *s, struct brain *b, struct vg_ask *ask)
{
    struct request req = { 0 };
    char key[16];

    group_uuid_text(group_newest(s->group)->vg, key);
    REC_SET(ask, vg_ask, vg, ask->op == LVM_VG_CREATE ? GROUP_NAME : key);
    REC_SET(&req, request, op, OP_VG_CHANGE);
    REC_SET(&req, request, vg_ask, ask);
    brain_ask(s, b, &req, take_task, s);
}

static const char *some_name(struct sim *s, char out[16])
{
    snprintf(out, 16, "lv%u", dice_below(s, NAMES));
    return out;
}

/* Where there are devices, mostly one that has some. */
static const struct lv_meta *some_lv(struct sim *s, const struct group_meta *m)
{
    const struct lv_meta *lv = m->n == 0 ? NULL : &m->lvs[dice_below(s, m->n)];

    if (!s->o.mapped || lv == NULL || dice_below(s, 3) == 0)
        return lv;
    for (const struct mapping *x = s->group->mappings; x != NULL; x = x->next) {
        for (uint32_t i = 0; i < m->n; i++) {
            if (m->lvs[i].id == x->lv && x->with == 0)
                return &m->lvs[i];
        }
    }
    return lv;
}

static void ask_lv(struct sim *s, struct brain *b, enum lvm_op op)
{
    const struct group_meta *m = group_newest(s->group);
    const struct lv_meta *lv = some_lv(s, m);
    uint64_t extents = 1 + dice_below(s, MOST_EXTENTS);
    struct vg_ask what = { 0 };
    char name[16], other[16];

    if (op == LVM_LV_CREATE ? m->n == GROUP_LVS : lv == NULL)
        return;
    if (op != LVM_LV_CREATE)
        snprintf(name, sizeof name, "%s", lv->name);
    REC_SET(&what, vg_ask, op, (uint64_t)op);
    REC_SET(&what, vg_ask, lv, op == LVM_LV_CREATE ? some_name(s, name) : name);
    if (op == LVM_LV_RENAME || op == LVM_LV_SNAPSHOT)
        REC_SET(&what, vg_ask, new_name, some_name(s, other));
    else if (op == LVM_LV_EXTEND)
        extents += lv->extents;
    else if (op == LVM_LV_REDUCE)
        extents = lv->extents > 1 ? lv->extents - 1 : 1;
    if (op != LVM_LV_REMOVE && op != LVM_LV_RENAME)
        REC_SET(&what, vg_ask, size_bytes, extents * EXTENT_BYTES);
    ask(s, b, &what);
}

void group_asks_lv(struct sim *s, struct brain *b)
{
    ask_lv(s, b, LVM_LV_CREATE);
}

/* The third PV comes and goes. */
static void ask_pv(struct sim *s, struct brain *b)
{
    bool there = (group_newest(s->group)->pvs >> 2 & 1) != 0;
    struct vg_ask what = { 0 };
    const char *lun;
    char key[40];

    snprintf(key, sizeof key, "naa.600140500000%04u", s->o.luns + 2);
    lun = key;
    REC_SET(&what, vg_ask, op, there ? LVM_VG_REDUCE : LVM_VG_EXTEND);
    REC_SET(&what, vg_ask, luns, ((struct strs){ &lun, 1 }));
    ask(s, b, &what);
}

/* It is removed when it is empty, and made again. */
static void ask_group(struct sim *s, struct brain *b)
{
    const struct group_meta *m = group_newest(s->group);
    struct vg_ask what = { 0 };
    const char *luns[2];
    char keys[2][40];
    uint32_t first;

    if (m->n > 0) {
        ask_lv(s, b, LVM_LV_REMOVE);
        return;
    }
    first = dice_below(s, 2);
    for (uint32_t i = 0; i < 2; i++) {
        snprintf(keys[i], sizeof keys[i], "naa.600140500000%04u", s->o.luns + (first + i) % 2);
        luns[i] = keys[i];
    }
    REC_SET(&what, vg_ask, op, m->no == 0 ? LVM_VG_CREATE : LVM_VG_REMOVE);
    if (m->no == 0)
        REC_SET(&what, vg_ask, luns, ((struct strs){ luns, 2 }));
    ask(s, b, &what);
}

/* Where there are devices, what changes them is asked for most of the time. */
static enum lvm_op of_devices(struct sim *s, enum lvm_op op)
{
    static const enum lvm_op ops[] = { LVM_LV_SNAPSHOT, LVM_LV_SNAPSHOT, LVM_LV_EXTEND,
                                       LVM_LV_EXTEND, LVM_LV_REMOVE };
    uint32_t i = dice_below(s, 2 * ARRAY_LEN(ops));

    return i < ARRAY_LEN(ops) ? ops[i] : op;
}

static void asks(struct sim *s, void *what, uint64_t stamp)
{
    static const enum lvm_op ops[] = { LVM_LV_CREATE, LVM_LV_CREATE, LVM_LV_CREATE, LVM_LV_EXTEND,
                                       LVM_LV_REDUCE, LVM_LV_REMOVE, LVM_LV_RENAME, LVM_VG_EXTEND };
    enum lvm_op op = ops[dice_below(s, ARRAY_LEN(ops))];
    struct brain *b = &s->brains[s->brains[1].c != NULL ? dice_below(s, BRAINS) : 0];

    (void)what, (void)stamp;
    if (!s->storm)
        return;
    if (s->o.mapped)
        op = of_devices(s, op);
    if (s->o.remade && (group_newest(s->group)->no == 0 || dice_below(s, 2) == 0))
        ask_group(s, b);
    else if (op == LVM_VG_EXTEND)
        ask_pv(s, b);
    else
        ask_lv(s, b, op);
    agenda_put(s, s->now + dice_about(s, s->o.active && !s->o.mapped ? SELDOM_US : ASK_US), asks,
               NULL, 0);
}

void group_admit(struct sim *s, struct brain *b)
{
    struct request req = { 0 };
    char key[16];

    if (s->group == NULL)
        return;
    group_uuid_text(group_newest(s->group)->vg, key);
    REC_SET(&req, request, op, OP_VG_ADOPT);
    REC_SET(&req, request, resource, key);
    REC_SET(&req, request, flag, true);
    brain_ask(s, b, &req, NULL, NULL);
}

/* ---- rights of boots that are over ---------------------------------------------------------- */

static const struct host *host_named(const struct sim *s, const char *name)
{
    for (uint32_t i = 0; i < s->o.hosts; i++) {
        if (strcmp(s->hosts[i].name, name) == 0)
            return &s->hosts[i];
    }
    return NULL;
}

struct found {
    const struct sim *s;
    bool over;
    char id[40]; /* of the volume group, of an LV of it, or of a LUN that becomes a PV */
};

static void find_over(void *with, const struct reply *r)
{
    const struct lease_info *v = r->leases.v;
    struct found *f = with;

    for (size_t i = 0; i < r->leases.n; i++) {
        const struct host *h = host_named(f->s, v[i].node_name);
        uuid128 boot;

        if (h == NULL ||
            (strcmp(v[i].right, "change") != 0 && strcmp(v[i].right, "activation") != 0) ||
            !uuid128_parse(v[i].boot_id, &boot) || (h->powered && uuid_eq(boot, h->boot)))
            continue;
        f->over = true;
        snprintf(f->id, sizeof f->id, "%s", v[i].resource);
    }
}

/* He sees that the machine was off since: nobody else can know. */
void group_frees(struct sim *s, struct brain *b)
{
    struct request list = { 0 }, req = { 0 };
    struct found f = { .s = s };

    if (s->group == NULL)
        return;
    REC_SET(&list, request, op, OP_HOLD_LIST);
    brain_ask(s, b, &list, find_over, &f);
    REC_SET(&req, request, op, OP_HOLD_BREAK);
    REC_SET(&req, request, resource, f.id);
    REC_SET(&req, request, confirm, f.id);
    if (f.over)
        brain_ask(s, b, &req, NULL, NULL);
}

/* ---- maps ----------------------------------------------------------------------------------- */

static void unmap_one(struct sim *s, struct mapping *m)
{
    struct mapping **at = &s->group->mappings;

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    sim_trace(s, "%s: LV%u has no table any more", m->host->name, m->lv);
    free(m);
}

static struct mapping *snapshot_of(const struct sim *s, const struct host *h, uint32_t origin)
{
    struct mapping *m = s->group->mappings;

    while (m != NULL && (m->host != h || m->with != origin))
        m = m->next;
    return m;
}

/* With an origin go the devices of its snapshots. */
void group_unmap(struct sim *s, struct mapping *m)
{
    struct host *h = m->host;
    uint32_t lv = m->lv;

    unmap_one(s, m);
    while ((m = snapshot_of(s, h, lv)) != NULL)
        unmap_one(s, m);
}

/* An address may be that of an earlier one. */
static struct mapping *map_of(struct sim *s, uint64_t no)
{
    struct mapping *m = s->group->mappings;

    while (m != NULL && m->no != no)
        m = m->next;
    return m;
}

static void goes(struct sim *s, void *what, uint64_t no)
{
    struct mapping *m = map_of(s, no);

    (void)what;
    if (m != NULL && m->token == 0)
        group_unmap(s, m);
}

/* Who uses it has its table made what the metadata say. */
static void reloads(struct sim *s, void *what, uint64_t no)
{
    struct mapping *m = map_of(s, no);
    const struct group_meta *meta = group_newest(s->group);

    (void)what;
    if (m == NULL)
        return;
    for (uint32_t i = 0; !m->host->paused && i < meta->n; i++) {
        if (meta->lvs[i].id == m->lv)
            m->extents = meta->lvs[i].extents;
    }
    agenda_put(s, s->now + dice_about(s, RELOAD_US), reloads, NULL, no);
}

struct mapping *group_map(struct sim *s, struct host *h, const struct lv_meta *lv)
{
    struct mapping *m = malloc(sizeof *m);

    if (m == NULL)
        abort();
    *m = (struct mapping){ .next = s->group->mappings,
                           .no = ++s->group->mapping_no,
                           .host = h,
                           .boots = h->boots,
                           .lv = lv->id,
                           .vg = group_newest(s->group)->vg,
                           .extents = lv->extents,
                           .since = s->now,
                           .listed_at = WORLD_NEVER };
    s->group->mappings = m;
    sim_trace(s, "%s: LV%u (%s) is mapped", h->name, lv->id, lv->name);
    if (!s->o.mapped) /* else a worker of its probe does it */
        agenda_put(s, s->now + dice_about(s, RELOAD_US), reloads, NULL, m->no);
    return m;
}

static void map(struct sim *s, struct host *h, const struct lv_meta *lv)
{
    world_us at = s->now + dice_about(s, STAYS_US);
    struct mapping *m = group_map(s, h, lv);

    s->counts.foreign_maps++;
    m->open = s->o.mapped && dice_below(s, 2) == 0;
    agenda_put(s, at, goes, NULL, m->no);
}

/* With an origin its snapshots would be mapped, and of two hosts that have these neither keeps
 * them: nobody does that by hand. */
static bool is_plain(const struct group_meta *m, const struct lv_meta *lv)
{
    return lv->origin == 0 && !group_has_snapshots(m, lv->id);
}

static void maps(struct sim *s, void *what, uint64_t stamp)
{
    struct host *h = &s->hosts[dice_below(s, s->o.hosts)];
    const struct group_meta *m = group_newest(s->group);
    const struct lv_meta *lv = m->n == 0 ? NULL : &m->lvs[dice_below(s, m->n)];

    (void)what, (void)stamp;
    if (!s->storm)
        return;
    if (h->powered && !h->paused && h->supervisor.agent != NULL &&
        agent_registered(h->supervisor.agent) && lv != NULL &&
        group_mapping(s, h, lv->id) == NULL && is_plain(m, lv))
        map(s, h, lv);
    agenda_put(s, s->now + dice_about(s, s->o.mapped ? MAP_US / 2 : MAP_US), maps, NULL, 0);
}

void group_host_ends(struct sim *s, const struct host *h)
{
    struct mapping *next;

    for (struct mapping *m = s->group == NULL ? NULL : s->group->mappings; m != NULL; m = next) {
        next = m->next;
        if (m->host == h)
            unmap_one(s, m);
    }
}

void group_users_start(struct sim *s)
{
    if (s->group == NULL || s->stage.alone)
        return;
    agenda_put(s, s->now + dice_about(s, ASK_US), asks, NULL, 0);
    agenda_put(s, s->now + dice_about(s, MAP_US), maps, NULL, 0);
    group_outside_starts(s);
    group_active_start(s);
}

void group_users_calm(struct sim *s)
{
    struct mapping *m = s->group == NULL ? NULL : s->group->mappings;

    while (m != NULL) {
        bool goes = m->token == 0 && m->with == 0;

        if (goes)
            group_unmap(s, m);
        m = goes ? s->group->mappings : m->next;
    }
    group_outside_ends(s);
}
