/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions whose answer is a list of what there is. What the database has to add is left to the
 * join. */
#include <errno.h>

#include "core/core_internal.h"

/* ---- hello, status -------------------------------------------------------------------------- */

static struct status_info *status_new(struct answer *q)
{
    struct status_info *s = arena_zalloc(q->a, sizeof *s);

    if (s == NULL)
        return NULL;
    REC_SET(s, status_info, version, MUSTER_VERSION);
    REC_SET(q->r, reply, status, s);
    return s;
}

int op_hello(struct answer *q)
{
    return status_new(q) == NULL ? -ENOMEM : 0;
}

static void count_nodes(const struct coord *c, struct status_info *s)
{
    uint64_t live[NODE_NEVER + 1] = { 0 }, admission[NODE_DEAD + 1] = { 0 }, stuck = 0;

    for (size_t i = 0; i < c->node_count; i++) {
        const struct node *n = c->nodes[i];

        admission[n->row.admission]++;
        if (n->row.admission != NODE_APPROVED)
            continue;
        live[n->live]++;
        for (size_t k = 0; k < SECTION_COUNT && n->live == NODE_UP; k++)
            stuck += n->sections[k].stored && (n->sections[k].status == SECTION_STUCK ||
                                               n->sections[k].status == SECTION_FAILED);
    }
    REC_SET(s, status_info, nodes_up, live[NODE_UP]);
    REC_SET(s, status_info, nodes_suspect, live[NODE_SUSPECT]);
    REC_SET(s, status_info, nodes_down, live[NODE_DOWN]);
    REC_SET(s, status_info, nodes_never, live[NODE_NEVER]);
    REC_SET(s, status_info, nodes_pending, admission[NODE_PENDING]);
    REC_SET(s, status_info, nodes_quarantined, admission[NODE_QUARANTINED]);
    REC_SET(s, status_info, nodes_dead, admission[NODE_DEAD]);
    REC_SET(s, status_info, sections_stuck, stuck);
}

static void count_edges(const struct coord *c, struct status_info *s)
{
    REC_SET(s, status_info, resources, map_count(c->resources));
    REC_SET(s, status_info, edges_ok, c->counts[EDGE_OK]);
    REC_SET(s, status_info, edges_degraded, c->counts[EDGE_DEGRADED]);
    REC_SET(s, status_info, edges_lost, c->counts[EDGE_LOST]);
    REC_SET(s, status_info, edges_unknown, c->counts[EDGE_UNKNOWN]);
    REC_SET(s, status_info, edges_stuck, c->counts[EDGE_STUCK]);
    REC_SET(s, status_info, edges_quarantined, c->counts[EDGE_QUARANTINED]);
}

static void count_rights(const struct coord *c, struct status_info *s)
{
    uint64_t rights[LEASE_HELD + 1] = { 0 }, jobs[JOB_OVER + 1] = { 0 };
    const struct lease *l;
    size_t it = 0;

    while ((l = map_next(c->leases, &it)) != NULL)
        rights[l->row.state]++;
    for (const struct link *at = c->tasks.next; at != &c->tasks; at = at->next) {
        const struct task *t = container_of(at, struct task, link);

        for (uint32_t i = 0; i < t->job_count; i++)
            jobs[t->jobs[i]->now]++;
    }
    REC_SET(s, status_info, leases_live, rights[LEASE_LIVE]);
    REC_SET(s, status_info, leases_residue, rights[LEASE_RESIDUE]);
    REC_SET(s, status_info, holds, rights[LEASE_HELD]);
    REC_SET(s, status_info, tasks_running, c->task_count);
    REC_SET(s, status_info, jobs_running, jobs[JOB_RUNS]);
    REC_SET(s, status_info, jobs_held, jobs[JOB_HELD]);
}

static int status_mode(struct answer *q, struct status_info *s)
{
    const struct coord *c = q->c;
    const char *text = c->recover ? recover_text() : c->read_only ? c->mode_text : NULL;

    REC_SET(s, status_info, mode, c->recover ? "recover" : c->read_only ? "read-only" : "normal");
    if (text == NULL)
        return 0;
    REC_SET(s, status_info, mode_text, arena_strdup(q->a, text));
    return s->mode_text == NULL ? -ENOMEM : 0;
}

static int status_drops(struct answer *q, struct status_info *s)
{
    const struct coord *c = q->c;
    const char **v = arena_array(q->a, DROP_REASONS, sizeof *v);
    struct strs list = { v, 0 };

    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < DROP_REASONS; i++) {
        if (c->drops[i] == 0)
            continue;
        v[list.n] = arena_printf(q->a, "%s %llu", refuse_reason_name((enum refuse_reason)i),
                                 (unsigned long long)c->drops[i]);
        if (v[list.n++] == NULL)
            return -ENOMEM;
    }
    REC_SET(s, status_info, drops, list);
    return 0;
}

int op_status(struct answer *q)
{
    const struct coord *c = q->c;
    struct status_info *s = status_new(q);
    char id[UUID_TEXT], key[KEY_TEXT];

    if (s == NULL)
        return -ENOMEM;
    REC_SET(s, status_info, db_id, arena_strdup(q->a, uuid_text(c->meta.db_id, id)));
    REC_SET(s, status_info, epoch, c->meta.epoch);
    REC_SET(s, status_info, start_no, c->meta.start_no);
    REC_SET(s, status_info, uptime_ms, mono_since(c->now, c->started));
    count_nodes(c, s);
    count_edges(c, s);
    count_rights(c, s);
    REC_SET(s, status_info, messages_received, c->received);
    REC_SET(s, status_info, messages_dropped, c->dropped);
    REC_SET(s, status_info, commits, c->commits);
    REC_SET(s, status_info, event_no, c->meta.event_no);
    if (q->role == ROLE_OPERATOR) {
        REC_SET(s, status_info, server_key,
                arena_strdup(q->a, key_text(c->config.server_key, key)));
        if (s->server_key == NULL)
            return -ENOMEM;
    }
    if (s->db_id == NULL || status_mode(q, s) < 0)
        return -ENOMEM;
    if (vg_auto_status(q, s) < 0)
        return -ENOMEM;
    return status_drops(q, s);
}

/* ---- nodes, resources, networks ------------------------------------------------------------- */

int op_node_list(struct answer *q)
{
    struct pick p;

    if (pick_init(&p, q->a, q->c->node_count, 0, 0) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < q->c->node_count; i++)
        p.nodes[p.node_count++] = q->c->nodes[i];
    return pick_reply(q, &p);
}

int op_node_show(struct answer *q)
{
    struct chosen ch = { .node_count = 1 };
    struct recs sections;
    struct node *n;
    struct pick p;
    int rc = answer_node(q, q->req->node, false, &n);

    if (n == NULL)
        return rc;
    ch.nodes = &n;
    rc = pick_chosen(&p, q->a, &ch);
    if (rc == 0)
        rc = pick_reply(q, &p);
    if (rc == 0)
        rc = info_sections(q->c, q->a, n, &sections);
    if (rc < 0)
        return rc;
    REC_SET(q->r, reply, sections, sections);
    q->out->join.type = JOIN_NODE_SECTIONS;
    q->out->join.node_no = n->row.no;
    return 0;
}

int op_resource_list(struct answer *q)
{
    struct pick p;
    bool good;
    int rc = answer_kind(q, &good);

    if (rc < 0 || !good)
        return rc;
    if (pick_init(&p, q->a, 0, map_count(q->c->resources), 0) < 0)
        return -ENOMEM;
    pick_resources(&p, q->c);
    return pick_reply(q, &p);
}

int op_resource_show(struct answer *q)
{
    struct chosen ch = { .resource_count = 1 };
    struct resource *r;
    struct pick p;
    int rc = answer_resource(q, q->req->resource, &r);

    if (r == NULL)
        return rc;
    ch.resources = &r;
    rc = pick_chosen(&p, q->a, &ch);
    return rc < 0 ? rc : pick_reply(q, &p);
}

int op_network_list(struct answer *q)
{
    size_t n = map_count(q->c->networks_by_name), i = 0;
    struct network_info *v = arena_array(q->a, n, sizeof *v);

    if (v == NULL)
        return -ENOMEM;
    ambiguous_count(q->c);
    for (struct link *l = q->c->networks.next; l != &q->c->networks; l = l->next, i++) {
        const struct network *w = container_of(l, struct network, link);
        int rc = info_network(q->a, w, &v[i]);

        if (rc < 0)
            return rc;
        REC_SET(&v[i], network_info, ambiguous, w->ambiguous);
    }
    REC_SET(q->r, reply, networks, ((struct recs){ v, n }));
    return 0;
}

/* ---- what the reader or the shell does ------------------------------------------------------ */

int op_events(struct answer *q)
{
    uint64_t limit = REC_HAS(q->req, request, limit) ? q->req->limit : LIMIT_EVENTS_PER_REPLY;

    if (limit == 0)
        return answer_fail(q, REPLY_INVALID, "The limit is 1 to %u events.",
                           LIMIT_EVENTS_PER_REPLY);
    q->out->join.type = JOIN_EVENTS;
    q->out->join.since = q->req->since;
    q->out->join.since_wall.v = q->req->since_wall_ms;
    q->out->join.limit = limit < LIMIT_EVENTS_PER_REPLY ? limit : LIMIT_EVENTS_PER_REPLY;
    return 0;
}

int op_watch(struct answer *q)
{
    (void)q; /* the reply's generation and event number are where the watch begins */
    return 0;
}

int op_backup(struct answer *q)
{
    static const enum join_type joins[] = {
        [OP_BACKUP_BEGIN] = JOIN_BACKUP_BEGIN,
        [OP_BACKUP_READ] = JOIN_BACKUP_READ,
        [OP_BACKUP_END] = JOIN_BACKUP_END,
    };

    if (q->req->op != OP_BACKUP_BEGIN && !REC_HAS(q->req, request, handle))
        return answer_fail(q, REPLY_INVALID, "The request needs the handle of the backup.");
    q->out->join.type = joins[q->req->op];
    q->out->join.handle = q->req->handle;
    q->out->join.offset = q->req->offset;
    return 0;
}
