/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rescans that an operator asks for: of which nodes, and of what. */
#include <errno.h>

#include "core/core_internal.h"
#include "model/rescan.h"

/* What each node looks at, in the arena; NULL with an answer that says why not. */
static int what_asked(struct answer *q, const struct resource *r, const char **out)
{
    struct rescan_what w;

    *out = "all";
    if (r != NULL)
        *out = arena_printf(q->a, "lun %s", r->key);
    else if (REC_HAS(q->req, request, name))
        *out = arena_printf(q->a, "target %.*s", RESCAN_NAME_MOST + 1, q->req->name);
    if (*out == NULL)
        return -ENOMEM;
    if (rescan_parse(*out, &w))
        return 0;
    *out = NULL;
    return answer_fail(
        q, REPLY_INVALID,
        "'%s' is no target: it is HOST:CHANNEL:TARGET as the node's kernel names it, "
        "or its iSCSI name, WWNN or WWPN.",
        answer_quote(q, q->req->name != NULL ? q->req->name : r->key));
}

static int lun_asked(struct answer *q, struct resource **r, bool *good)
{
    int rc = 0;

    *r = NULL;
    *good = true;
    if (!REC_HAS(q->req, request, resource))
        return 0;
    if (REC_HAS(q->req, request, name)) {
        *good = false;
        return answer_fail(q, REPLY_INVALID, "A rescan is of a target or of a LUN, not of both.");
    }
    rc = answer_resource(q, q->req->resource, r);
    *good = *r != NULL;
    if (rc < 0 || !*good || (*r)->kind == RESOURCE_LUN)
        return rc;
    *good = false;
    return answer_fail(q, REPLY_REFUSED, "'%s' is a %s: what can be looked at anew is a LUN.",
                       answer_quote(q, q->req->resource), resource_kind_name((*r)->kind));
}

/* NULL: it can be asked; else a sentence. */
static const char *unfit(const struct answer *q, const struct node *n, const struct resource *r)
{
    if (!may_order(n))
        return arena_printf(q->a, "%s cannot be asked now: it is %s.", n->row.name,
                            node_state_name(n));
    if (r != NULL && edge_find(n, r) == NULL)
        return arena_printf(q->a,
                            "%s does not know that LUN; what would find it is a rescan of its "
                            "target.",
                            n->row.name);
    return NULL;
}

static int keep_named(struct answer *q, const struct chosen *ch, const struct resource *r,
                      bool *good)
{
    for (size_t i = 0; i < ch->node_count; i++) {
        const char *why = unfit(q, ch->nodes[i], r);

        if (why == NULL)
            continue;
        *good = false;
        return answer_fail(q, REPLY_REFUSED, "%s", why);
    }
    return 0;
}

/* All that can be asked. */
static int choose_all(struct answer *q, struct chosen *ch, const struct resource *r)
{
    ch->nodes = arena_array(q->a, q->c->node_count, sizeof(struct node *));
    if (ch->nodes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < q->c->node_count; i++) {
        struct node *n = q->c->nodes[i];

        if (may_order(n) && (r == NULL || edge_find(n, r) != NULL))
            ch->nodes[ch->node_count++] = n;
    }
    return 0;
}

static int choose(struct answer *q, struct chosen *ch, const struct resource *r, bool *good)
{
    int rc = 0;

    *good = q->req->flag != (q->req->nodes.n > 0);
    if (!*good)
        return answer_fail(q, REPLY_INVALID,
                           q->req->flag ? "Either nodes are named, or all are meant."
                                        : "The request needs nodes.");
    if (q->req->flag)
        rc = choose_all(q, ch, r);
    else
        rc = choose_nodes(q, ch, good);
    if (rc == 0 && *good && !q->req->flag)
        rc = keep_named(q, ch, r, good);
    if (rc < 0 || !*good || ch->node_count > 0)
        return rc;
    *good = false;
    return answer_fail(q, REPLY_REFUSED,
                       r != NULL ? "No node that is up knows that LUN." : "No node is up.");
}

static int begin(struct answer *q, const struct chosen *ch, const char *what)
{
    const struct rescan_chosen of = { ch->nodes, ch->node_count, { &what, 1 } };
    const char *text =
        arena_printf(q->a, "%s, on %zu node%s.", text_same(what, "all") ? "all targets" : what,
                     ch->node_count, ch->node_count == 1 ? "" : "s");
    struct task *t;
    int rc;

    if (!tasks_room(q->c) || !jobs_room(q->c, ch->node_count))
        return answer_fail(q, REPLY_REFUSED,
                           "%u tasks, or %u jobs of all tasks, are as many as can be open; end "
                           "some, or wait.",
                           LIMIT_TASKS, LIMIT_JOBS);
    rc = text == NULL ? -ENOMEM : task_new(q->s, TASK_RESCAN, false, text, &of, &t);
    return rc < 0 ? rc : answer_task(q, t);
}

int op_rescan(struct answer *q)
{
    struct chosen ch = { 0 };
    const char *what = NULL;
    struct resource *r;
    bool good;
    int rc = lun_asked(q, &r, &good);

    if (rc == 0 && good)
        rc = what_asked(q, r, &what);
    good = good && what != NULL;
    if (rc == 0 && good)
        rc = choose(q, &ch, r, &good);
    return rc < 0 || !good ? rc : begin(q, &ch, what);
}
