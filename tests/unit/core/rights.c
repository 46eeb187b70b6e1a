/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rights.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "wire/codec.h"

/* ---- storage -------------------------------------------------------------------------------- */

static size_t luns_fill(const struct shelf *s, struct lun *rows)
{
    const char *seen[SHELF_FS + 1];
    size_t n = 0;

    for (size_t i = 0; i <= SHELF_FS; i++) {
        const char *c = i < SHELF_FS ? s->fs[i].container : s->pv;
        char key[64];
        size_t k = 0;

        if (c == NULL || strncmp(c, "lv.", 3) == 0)
            continue;
        snprintf(key, sizeof key, "%.*s", (int)twin_root_length(c), c);
        while (k < n && strcmp(seen[k], key) != 0)
            k++;
        if (k < n)
            continue;
        seen[n] = strdup(key);
        REC_SET(&rows[n], lun, key, seen[n]);
        REC_SET(&rows[n], lun, paths_active, 1);
        REC_SET(&rows[n], lun, paths_total, 1);
        n++;
    }
    return n;
}

static size_t fs_fill(const struct shelf *s, struct filesystem *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < SHELF_FS; i++) {
        const struct shelf_fs *f = &s->fs[i];
        struct filesystem *row = &rows[n];

        if (f->container == NULL)
            continue;
        n++;
        REC_SET(row, filesystem, container, f->container);
        REC_SET(row, filesystem, uuid, f->uuid);
        if (f->type != NULL)
            REC_SET(row, filesystem, type, f->type);
        if (f->journal_uuid != NULL)
            REC_SET(row, filesystem, journal_uuid, f->journal_uuid);
        if (f->members > 0)
            REC_SET(row, filesystem, members, f->members);
        REC_SET(row, filesystem, paths_active, !f->lost);
        REC_SET(row, filesystem, paths_total, 1);
    }
    return n;
}

static size_t lvs_fill(const struct shelf *s, struct lv *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < SHELF_FS; i++) {
        if (s->lvs[i] == NULL)
            continue;
        REC_SET(&rows[n], lv, uuid, s->lvs[i]);
        REC_SET(&rows[n], lv, vg_uuid, s->vg);
        REC_SET(&rows[n], lv, paths_active, 1);
        REC_SET(&rows[n], lv, paths_total, 1);
        n++;
    }
    return n;
}

static size_t uses_fill(const struct shelf *s, struct use *rows, char keys[][80])
{
    size_t n = 0;

    for (size_t i = 0; i < SHELF_USES; i++) {
        if (s->uses[i].kind == NULL)
            continue;
        snprintf(keys[n], 80, "%s/8:%zu/%s", s->uses[i].kind, i,
                 s->uses[i].by == NULL ? "" : s->uses[i].by);
        REC_SET(&rows[n], use, key, keys[n]);
        REC_SET(&rows[n], use, kind, s->uses[i].kind);
        REC_SET(&rows[n], use, container, s->uses[i].container);
        if (s->uses[i].by != NULL)
            REC_SET(&rows[n], use, used_by, s->uses[i].by);
        if (s->uses[i].type != NULL)
            REC_SET(&rows[n], use, type, s->uses[i].type);
        n++;
    }
    return n;
}

void shelf_report(struct machine *m, const struct shelf *s)
{
    struct lun luns[SHELF_FS + 1] = { { 0 } };
    struct filesystem fs[SHELF_FS] = { { 0 } };
    struct lv lvs[SHELF_FS] = { { 0 } };
    struct vg vg = { 0 };
    struct pv pv = { 0 };
    struct use uses[SHELF_USES] = { { 0 } };
    char keys[SHELF_USES][80];
    struct section v[] = {
        { .id = SECTION_LUNS, .rows = luns, .row_count = luns_fill(s, luns) },
        { .id = SECTION_PVS, .rows = &pv, .row_count = s->pv != NULL },
        { .id = SECTION_VGS, .rows = &vg, .row_count = s->vg != NULL },
        { .id = SECTION_LVS, .rows = lvs, .row_count = lvs_fill(s, lvs) },
        { .id = SECTION_FILESYSTEMS, .rows = fs, .row_count = fs_fill(s, fs) },
        { .id = SECTION_USES, .rows = uses, .row_count = uses_fill(s, uses, keys) },
    };
    size_t lun_count = v[0].row_count;

    if (s->pv != NULL) {
        REC_SET(&pv, pv, uuid, "pv-of-the-shelf");
        REC_SET(&pv, pv, container, s->pv);
        REC_SET(&pv, pv, vg_uuid, s->vg);
    }
    if (s->vg != NULL) {
        REC_SET(&vg, vg, uuid, s->vg);
        REC_SET(&vg, vg, name, "vg0");
        REC_SET(&vg, vg, paths_active, 1);
        REC_SET(&vg, vg, paths_total, 1);
    }
    disks_report_all(m, v, ARRAY_LEN(v));
    for (size_t i = 0; i < lun_count; i++)
        free((void *)(uintptr_t)luns[i].key);
}

const struct resource *shelf_resource(struct life *l, enum resource_kind kind, const char *key)
{
    const struct resource *r = resource_by_id(l->c, resource_seen_id(NULL, kind, key));

    if (r == NULL)
        fprintf(stderr, "there is no %s %s\n", resource_kind_name(kind), key);
    assert(r != NULL);
    return r;
}

/* ---- what a machine has --------------------------------------------------------------------- */

void rights_clear(struct machine *m)
{
    m->right_count = 0;
}

void rights_drop(struct machine *m, uint64_t request)
{
    for (size_t i = 0; i < m->right_count; i++) {
        if (m->rights[i].request == request)
            m->rights[i--] = m->rights[--m->right_count];
    }
}

void rights_add(struct machine *m, uint64_t request, enum right_state state, uint64_t token)
{
    struct right *r;

    rights_drop(m, request);
    r = &m->rights[m->right_count++];
    memset(r, 0, sizeof *r);
    REC_SET(r, right, request, request);
    REC_SET(r, right, state, (uint64_t)state);
    if (token != 0)
        REC_SET(r, right, token, token);
}

/* ---- what is offered to it ------------------------------------------------------------------ */

static const struct resource *offered;

static int offer_make(struct step *s, struct task *t)
{
    struct job *j;

    return job_new(s, t, offered, NULL, &j);
}

static int asked_order(struct step *s, struct job *j, struct envelope *env)
{
    struct heartbeat_ack *body = arena_zalloc(s->u->arena, sizeof *body);

    (void)j;
    REC_SET(env, envelope, heartbeat_ack, body);
    return 0;
}

static int offer_place(struct step *s, struct job *j)
{
    (void)s;
    (void)j;
    return 0;
}

static int offer_denied(struct step *s, struct job *j, struct node *n, const struct verdict *why)
{
    (void)n;
    return job_done(s, j, 2, why->text);
}

static int offer_unleased(struct step *s, struct job *j, const char *why)
{
    return job_done(s, j, 2, why);
}

static const char *offer_outcome(const struct coord *c, struct arena *a, const struct task *t)
{
    (void)c;
    return arena_printf(a, "%u jobs", t->job_count);
}

static const struct task_step offer_step = {
    .name = "offer",
    .make = offer_make,
    .order = asked_order,
    .place = offer_place,
    .unanswered = job_order_again,
    .denied = offer_denied,
    .unleased = offer_unleased,
    .failure = 2,
};
static const struct task_kind asked_kind = { "offer", &offer_step, 1, offer_outcome };
static const struct task_kind *const offer_kinds[TASK_KINDS] = { [TASK_SCAN] = &asked_kind };

void rights_offers(struct life *l)
{
    l->config.task_kinds = l->c->task_kinds = offer_kinds;
}

struct order_key rights_offer(struct machine *m, const struct resource *r)
{
    struct life *l = m->l;
    struct coord_event ev = { .type = COORD_TICK, .now = l->now, .wall = l->wall };
    struct step s = { .c = l->c, .ev = &ev, .u = &l->update };
    struct node *n = node_by_id(l->c, m->id);
    struct order_key key = { 0 };
    struct task *t;
    int rc = -EROFS;

    offered = r;
    if (!l->read_only && !l->c->read_only && n != NULL) {
        life_begin(l);
        rc = task_new(&s, TASK_SCAN, false, "what a test offers", NULL, &t);
        if (rc == 0)
            rc = job_offer(&s, t->jobs[0], n);
    }
    REC_SET(&key, order_key, task, rc == 0 ? t->row.no : 0);
    REC_SET(&key, order_key, job, 1);
    REC_SET(&key, order_key, attempt, 1);
    if (rc == 0) {
        life_step(l, &ev);
        life_commit(l);
    }
    return key;
}

uint64_t rights_ask(struct machine *m, const struct resource *r, const char **text)
{
    struct order_key order = rights_offer(m, r);
    struct lease_request body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, lease_request, order, &order);
    REC_SET(&body, lease_request, resource, wire_bytes16(r->id.b));
    REC_SET(&body, lease_request, rights, ((struct recs){ m->rights, m->right_count }));
    REC_SET(&env, envelope, lease_request, &body);
    machine_say(m, &env);
    if (text != NULL)
        *text = NULL;
    if (m->l->answer == NULL)
        return 0;
    if (m->l->answer->granted != NULL)
        return m->l->answer->granted->token;
    if (text != NULL && m->l->answer->denied != NULL)
        *text = m->l->answer->denied->text;
    return 0;
}

size_t rights_renew(struct machine *m)
{
    struct lease_renew body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, lease_renew, rights, ((struct recs){ m->rights, m->right_count }));
    REC_SET(&env, envelope, lease_renew, &body);
    machine_say(m, &env);
    return m->l->answer != NULL && m->l->answer->renewed != NULL ? m->l->answer->renewed->rights.n
                                                                 : 0;
}

/* ---- what an operator says ------------------------------------------------------------------ */

enum reply_code rights_admit(struct life *l, const char *fs, bool on)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_FS_ADMIT);
    REC_SET(&req, request, resources, ((struct strs){ &fs, 1 }));
    REC_SET(&req, request, flag, on);
    return life_ask(l, &req);
}

enum reply_code rights_take(struct life *l, const char *node, const char *resource)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_HOLD_TAKE);
    REC_SET(&req, request, node, node);
    REC_SET(&req, request, resource, resource);
    REC_SET(&req, request, name, "a test writes");
    return life_ask(l, &req);
}

enum reply_code rights_end(struct life *l, uint64_t token)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_HOLD_END);
    REC_SET(&req, request, count, token);
    return life_ask(l, &req);
}

enum reply_code rights_break(struct life *l, const char *resource)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_HOLD_BREAK);
    REC_SET(&req, request, resource, resource);
    REC_SET(&req, request, confirm, resource);
    return life_ask(l, &req);
}

size_t rights_list(struct life *l, enum client_op op)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    assert(life_ask(l, &req) == REPLY_OK);
    return l->reply->leases.n;
}

/* ---- images --------------------------------------------------------------------------------- */

static uint64_t found_in(struct life *l, struct resource *fs, bool complete, struct recs found)
{
    struct coord_event ev = { .type = COORD_NODE_MESSAGE };
    struct step s = { .c = l->c, .ev = &ev, .u = &l->update };
    struct err e = { "" };
    uint64_t count = 0;
    int rc;

    l->c->wall = l->wall;
    life_begin(l);
    rc = images_found(&s, fs, &found, complete, &count);
    assert(rc == 0);
    rc = coord_check(l->c, &e);
    if (rc != 0)
        fprintf(stderr, "coord_check: %s\n", e.text);
    assert(rc == 0);
    life_commit(l);
    return count;
}

uint64_t rights_found(struct life *l, const char *fs, bool complete, struct image *v, size_t n)
{
    const struct resource *r = shelf_resource(l, RESOURCE_FILESYSTEM, fs);

    return found_in(l, resource_by_id(l->c, r->id), complete, (struct recs){ v, n });
}

uint64_t rights_found_in(struct life *l, struct resource *fs, bool complete,
                         const char *const *paths, size_t n)
{
    struct image *v = calloc(n + 1, sizeof *v);
    uint64_t count;

    assert(v != NULL);
    for (size_t i = 0; i < n; i++)
        REC_SET(&v[i], image, path, paths[i]);
    count = found_in(l, fs, complete, (struct recs){ v, n });
    free(v);
    return count;
}
