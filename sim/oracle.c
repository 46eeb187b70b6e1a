/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be true, judged by the world alone: it shares nothing with the code that it judges, and
 * asks the coordinator as any client does. */
#include "sim_internal.h"

static void judge_matrix(void *with, const struct reply *r)
{
    struct sim *s = with;
    const struct edge_info *edges = r->edges.v;
    const struct resource_info *resources = r->resources.v;
    const struct node_info *nodes = r->nodes.v;
    size_t want = 0, ok = 0;

    for (uint32_t i = 0; i < s->o.hosts; i++)
        want +=
            (size_t)__builtin_popcountll(s->hosts[i].luns) + (s->group == NULL ? 0 : GROUP_LUNS);
    if (r->code != REPLY_OK) {
        sim_fail(s, "the matrix cannot be had: %s", r->text);
        return;
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        if (edges[i].state == EDGE_OK)
            ok++;
        else
            sim_fail(s, "at the end %s sees %s as %s", nodes[edges[i].node].name,
                     resources[edges[i].resource].key,
                     edge_state_name((enum edge_state)edges[i].state));
    }
    if (ok != want)
        sim_fail(s, "at the end %zu of %zu edges of LUNs are there", ok, want);
}

static void take_task(void *with, const struct reply *r)
{
    const struct task_info *v = r->tasks.v;

    if (r->tasks.n > 0)
        *(uint64_t *)with = v->no;
}

static void judge_jobs(void *with, const struct reply *r)
{
    struct sim *s = with;
    const struct task_info *t = r->tasks.v;
    const struct job_info *v = r->jobs.v;

    for (size_t i = 0; i < r->jobs.n; i++) {
        if (strcmp(v[i].state, "done") != 0)
            sim_fail(s, "at the end task %llu goes on: job %llu (%s %s) is %s at %s, token %s: %s",
                     (unsigned long long)t->no, (unsigned long long)v[i].no, v[i].step, v[i].label,
                     v[i].state, v[i].node_name != NULL ? v[i].node_name : "nobody",
                     v[i].token != NULL ? v[i].token : "none",
                     v[i].reason != NULL ? v[i].reason : "nothing is said of it");
    }
    sim_fail(s, "at the end task %llu goes on, without a job", (unsigned long long)t->no);
}

/* Nothing fails any more, and nobody writes: each scan has ended. */
static void judge_tasks(struct sim *s)
{
    struct request list = { 0 }, show = { 0 };
    uint64_t open = 0;

    REC_SET(&list, request, op, OP_TASK_LIST);
    if (!brain_ask(s, &s->brains[0], &list, take_task, &open))
        sim_fail(s, "at the end the coordinator does not answer");
    REC_SET(&show, request, op, OP_TASK_SHOW);
    REC_SET(&show, request, count, open);
    if (open != 0)
        brain_ask(s, &s->brains[0], &show, judge_jobs, s);
}

void oracle_end(struct sim *s)
{
    struct request req = { 0 };
    struct err e = { "" };

    if (s->brains[0].c != NULL && coord_check(s->brains[0].c, &e) != 0)
        sim_fail(s, "at the end the core contradicts itself: %s", e.text);
    if (durable_check(s->brains[0].disk, &e) != 0)
        sim_fail(s, "at the end the database contradicts itself: %s", e.text);
    REC_SET(&req, request, op, OP_SNAPSHOT);
    REC_SET(&req, request, kind, "lun");
    if (!brain_ask(s, &s->brains[0], &req, judge_matrix, s))
        sim_fail(s, "at the end the coordinator does not answer");
    judge_tasks(s);
    oracle_group_end(s);
}
