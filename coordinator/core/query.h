/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to clients: query.c and its handlers. A part of core_internal.h, which alone includes it.
 */
#ifndef MUSTER_CORE_QUERY_H
#define MUSTER_CORE_QUERY_H

struct answer {
    struct step *s;
    struct coord *c;
    const struct request *req;
    struct outgoing *out;
    struct arena *a;
    struct reply *r;
    enum role role;
};

int query_request(struct step *s);
/* Sets code and text; 0 or -ENOMEM. */
__attribute__((format(printf, 3, 4))) int answer_fail(struct answer *q, enum reply_code code,
                                                      const char *fmt, ...);
/* Resolve an argument; on failure the answer is filled and *out is NULL. */
int answer_node(struct answer *q, const char *text, bool exact, struct node **out);
int answer_resource(struct answer *q, const char *text, struct resource **out);

const char *answer_quote(struct answer *q, const char *text); /* cut where it is too long */
int answer_kind(struct answer *q, bool *good);                /* the request's filter by kind */

#include "core/pick.h" /* pick.c */

/* query_show.c */
int op_hello(struct answer *q);
int op_status(struct answer *q);
int op_node_list(struct answer *q);
int op_node_show(struct answer *q);
int op_resource_list(struct answer *q);
int op_resource_show(struct answer *q);
int op_network_list(struct answer *q);
int op_events(struct answer *q);
int op_watch(struct answer *q);
int op_backup(struct answer *q);
/* query_explain.c */
int op_explain(struct answer *q);
/* query_peer.c: kind, key, owner, and other nodes that have what this one lacks */
int explain_peers(struct answer *q, const struct node *n, const struct resource *r,
                  struct explain_facts *f);
/* The edge of the node, other than `n` (NULL: any), that sees it best now; NULL: none does. */
bool edge_is_better(const struct edge *a, const struct edge *b); /* a total order; b may be NULL */
const struct edge *edge_best(const struct resource *r, const struct node *n);
/* query_impact.c */
int op_impact(struct answer *q);
/* query_place.c */
int op_place(struct answer *q);
/* query_matrix.c */
int op_snapshot(struct answer *q);
int op_changes(struct answer *q);
/* query_task.c */
int answer_task(struct answer *q, const struct task *t);
/* query_fs.c */
int op_fs_list(struct answer *q);
/* query_node.c */
int op_node_approve(struct answer *q);
int op_node_rename(struct answer *q);
int op_node_forget(struct answer *q);
int op_node_declare_dead(struct answer *q);
int op_node_drain(struct answer *q);
/* query_network.c, token.c, recover.c */
int op_network_define(struct answer *q);
int resource_declare(struct step *s,
                     struct network *w); /* the resource of a network that has none */
int op_network_delete(struct answer *q);
int op_token_create(struct answer *q);
int op_token_list(struct answer *q);
int op_token_revoke(struct answer *q);
/* query_client.c */
int op_client_enrol(struct answer *q);
int op_client_list(struct answer *q);
int op_client_revoke(struct answer *q);
int op_recover(struct answer *q);

#endif
