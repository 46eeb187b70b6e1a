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
        want += (size_t)__builtin_popcountll(s->hosts[i].luns);
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
}
