/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked of the coordinator: to admit all, to scan, to cancel; to go on after a restore; to
 * let boots in that wait; and what an operator knows to be dead, which he says only of what is. */
#include <stdlib.h>

#include "base/text.h"
#include "core/core_internal.h"
#include "sim_internal.h"

enum { EACH_US = 1000000, USER_US = 4000000, TASK_US = 7000000 };
enum { HASTY = 6, HASTE_US = 6000000 };
enum { EVERY_ONE_IN = 8, CANCEL_ONE_IN = 10 };

static void take_ids(void *with, const struct reply *r)
{
    struct sim *s = with;
    const struct resource_info *v = r->resources.v;
    uuid128 id;

    for (size_t i = 0; i < r->resources.n; i++) {
        for (uint32_t k = 0; k < s->o.luns; k++) {
            if (strcmp(v[i].key, s->disks[k].key) == 0 && uuid128_parse(v[i].id, &id))
                memcpy(s->disks[k].id, id.b, sizeof id.b);
        }
    }
}

static bool ask(struct sim *s, struct brain *b, enum client_op op, struct request *req,
                void (*take)(void *with, const struct reply *r), void *with)
{
    REC_SET(req, request, op, op);
    return brain_ask(s, b, req, take, with);
}

static void admit(struct sim *s, struct brain *b, struct disk *d)
{
    struct request req = { 0 };
    const char *key = d->key;

    REC_SET(&req, request, resources, ((struct strs){ &key, 1 }));
    REC_SET(&req, request, flag, true);
    ask(s, b, OP_FS_ADMIT, &req, take_ids, s);
}

static void take_recovered(void *with, const struct reply *r)
{
    *(bool *)with = r->code == REPLY_OK;
}

static void recover(struct sim *s, struct brain *b)
{
    struct request req = { 0 };
    bool recovered = false;

    REC_SET(&req, request, confirm, "recover");
    ask(s, b, OP_RECOVER, &req, take_recovered, &recovered);
    if (!recovered)
        return;
    s->counts.recoveries++;
    sim_trace(s, "the operator recovers coordinator %u", b->no);
    oracle_recovered(s, b);
}

/* The host's newest boot is the only one that lives. */
static void approve(struct sim *s, struct brain *b, const struct host *h)
{
    struct request req = { 0 };

    REC_SET(&req, request, node, h->name);
    ask(s, b, OP_NODE_APPROVE, &req, NULL, NULL);
}

static void declare_dead(struct sim *s, struct brain *b, const struct host *h)
{
    struct request req = { 0 };

    REC_SET(&req, request, node, h->name);
    REC_SET(&req, request, confirm, h->name);
    ask(s, b, OP_NODE_DECLARE_DEAD, &req, NULL, NULL);
}

static void take_task(void *with, const struct reply *r)
{
    struct sim *s = with;
    const struct task_info *t = r->tasks.v;

    if (r->code != REPLY_OK)
        return;
    s->counts.tasks++;
    sim_trace(s, "task %llu: %s", (unsigned long long)t->no, t->text);
}

bool operator_scans(struct sim *s, const struct disk *d, bool every_node)
{
    uint64_t before = s->counts.tasks;
    struct request req = { 0 };
    const char *key = d->key;

    REC_SET(&req, request, flag, every_node);
    REC_SET(&req, request, resources, ((struct strs){ &key, 1 }));
    ask(s, &s->brains[0], OP_SCAN, &req, take_task, s);
    return s->counts.tasks > before;
}

struct bound {
    struct host *host;
    bool done;
};

static void take_token(void *with, const struct reply *r)
{
    const struct token_info *t = r->tokens.v;
    struct bound *b = with;
    pubkey server;

    b->done =
        r->tokens.n > 0 &&
        token_parse(t->token, &server, b->host->secrets[b->host->boots % HOST_TOKENS], NULL) == 0;
}

bool operator_binds(struct sim *s, struct host *h)
{
    struct bound b = { h, false };
    struct request req = { 0 };

    REC_SET(&req, request, role, "node");
    REC_SET(&req, request, node, h->name);
    ask(s, &s->brains[0], OP_TOKEN_CREATE, &req, take_token, &b);
    return b.done;
}

/* All that is admitted, or one filesystem. */
static void scan(struct sim *s, struct brain *b)
{
    struct request req = { 0 };
    const char *key = s->disks[dice_below(s, s->o.luns)].key;

    REC_SET(&req, request, flag, dice_below(s, EVERY_ONE_IN) == 0);
    if (dice_below(s, 2) == 0)
        REC_SET(&req, request, resources, ((struct strs){ &key, 1 }));
    ask(s, b, OP_SCAN, &req, take_task, s);
}

static void take_open(void *with, const struct reply *r)
{
    const struct task_info *t = r->tasks.v;

    if (r->tasks.n > 0)
        *(uint64_t *)with = t[r->tasks.n - 1].no;
}

void operator_cancels(struct sim *s, struct brain *b)
{
    struct request list = { 0 }, req = { 0 };
    uint64_t no = 0;

    ask(s, b, OP_TASK_LIST, &list, take_open, &no);
    if (no == 0)
        return;
    REC_SET(&req, request, count, no);
    ask(s, b, OP_TASK_CANCEL, &req, NULL, NULL);
}

static void look_after(struct sim *s, struct brain *b)
{
    if (!s->stage.operator_waits)
        recover(s, b);
    for (uint32_t i = 0; i < s->o.luns; i++)
        admit(s, b, &s->disks[i]);
    group_admit(s, b);
    group_frees(s, b);
    for (uint32_t i = 0; i < s->o.hosts; i++) {
        struct host *h = &s->hosts[i];

        /* Who is doubled has one name; what to say of him waits until one of the two is gone. */
        if (s->stage.twin != NULL &&
            (h == s->stage.twin || (h == s->stage.a && !s->stage.twin->gone)))
            continue;
        if (!h->powered && dice_below(s, 10) == 0)
            declare_dead(s, b, h);
        else if (h->powered && h->supervisor.agent != NULL &&
                 !agent_registered(h->supervisor.agent))
            approve(s, b, h);
    }
}

/* Wants to know where things can run: from then on the core keeps sets of who sees each resource,
 * and they must be right whenever he asks again. Not a request, which would use up chance, and make
 * another run of every seed. */
static void ask_places(struct sim *s, const struct brain *b)
{
    struct err e = { "" };
    struct resource *r;
    size_t it = 0;

    if (b->c == NULL)
        return;
    if (seers_check(b->c, &e) != 0)
        sim_fail(s, "the sets of nodes are not what the edges say: %s", e.text);
    while ((r = map_next(b->c->resources, &it)) != NULL) {
        if (seers_of(b->c, r) == NULL)
            abort();
    }
}

/* Of two coordinators he does not always think. */
static void rounds(struct sim *s, void *what, uint64_t stamp)
{
    (void)what;
    ask_places(s, &s->brains[0]);
    look_after(s, &s->brains[0]);
    if (s->brains[1].c != NULL && dice_below(s, 3) == 0)
        look_after(s, &s->brains[1]);
    agenda_put(s, s->now + 5 * EACH_US, rounds, NULL, stamp + 1);
}

static void tasks(struct sim *s, void *what, uint64_t stamp)
{
    (void)what;
    if (!s->storm && stamp > 0)
        return;
    if (s->o.luns > 0 && !s->stage.alone)
        (dice_below(s, CANCEL_ONE_IN) == 0 ? operator_cancels : scan)(
            s, &s->brains[s->brains[1].c != NULL ? dice_below(s, BRAINS) : 0]);
    agenda_put(s, s->now + dice_about(s, TASK_US), tasks, NULL, 1);
}

static void users(struct sim *s, void *what, uint64_t stamp)
{
    (void)what;
    if (!s->storm || s->stage.alone)
        return;
    user_start(s);
    agenda_put(s, s->now + dice_about(s, USER_US), users, NULL, stamp);
}

static void user(struct sim *s, void *what, uint64_t stamp)
{
    (void)what, (void)stamp;
    if (s->storm)
        user_start(s);
}

/* When a database has been put back, much is wanted at once. */
void operator_hastens(struct sim *s)
{
    for (uint32_t i = 0; i < HASTY; i++)
        agenda_put(s, s->now + dice_about(s, HASTE_US), user, NULL, 0);
}

void operator_start(struct sim *s)
{
    agenda_put(s, s->now + 5 * EACH_US, rounds, NULL, 0);
    agenda_put(s, s->now + 11 * EACH_US, tasks, NULL, 0);
    agenda_put(s, s->now + 11 * EACH_US, users, NULL, 0);
}
