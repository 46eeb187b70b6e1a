/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asking.h"

#include <criterion/criterion.h>

struct request ask_for(enum client_op op)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    return req;
}

enum reply_code ask(struct fleet *f, enum client who, struct request req)
{
    return fleet_ask(f, who, &req);
}

void expect_refusal(struct fleet *f, struct request req, enum reply_code code, const char *part)
{
    enum reply_code got = fleet_ask(f, CLIENT_LOCAL, &req);

    cr_expect_eq(got, code, "operation %d: code %d, not %d", (int)req.op, got, code);
    cr_assert_not_null(f->reply->text, "operation %d says nothing", (int)req.op);
    cr_expect(strstr(f->reply->text, part) != NULL, "'%s' is not in '%s'", part, f->reply->text);
}

const struct node_info *node_of(const struct fleet *f, const char *name)
{
    const struct node_info *v = f->reply->nodes.v;

    for (size_t i = 0; i < f->reply->nodes.n; i++) {
        if (strcmp(v[i].name, name) == 0)
            return &v[i];
    }
    return NULL;
}

const struct resource_info *resource_of(const struct fleet *f, const char *label)
{
    const struct resource_info *v = f->reply->resources.v;

    for (size_t i = 0; i < f->reply->resources.n; i++) {
        if (strcmp(v[i].label, label) == 0)
            return &v[i];
    }
    return NULL;
}

const struct edge_info *edge_of(const struct fleet *f, const char *node, const char *label)
{
    const struct node_info *n = node_of(f, node);
    const struct resource_info *r = resource_of(f, label);
    const struct edge_info *v = f->reply->edges.v;

    for (size_t i = 0; n != NULL && r != NULL && i < f->reply->edges.n; i++) {
        if (v[i].node == n->index && v[i].resource == r->index)
            return &v[i];
    }
    return NULL;
}

const struct edge_info *edge_now(struct fleet *f, const char *node, const char *label)
{
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_SNAPSHOT)), REPLY_OK);
    return edge_of(f, node, label);
}

void define(struct fleet *f, const char *name, uint64_t vlan, const char *match)
{
    struct request req = ask_for(OP_NETWORK_DEFINE);

    REC_SET(&req, request, name, name);
    REC_SET(&req, request, vlan, vlan);
    REC_SET(&req, request, matches, ((struct strs){ &match, 1 }));
    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK, "%s", f->reply->text);
}
