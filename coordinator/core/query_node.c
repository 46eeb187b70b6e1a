/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator decides about a node. */
#include <errno.h>
#include <stdio.h>

#include "core/core_internal.h"

static int answer_one_node(struct answer *q, struct node *n)
{
    struct node_info *out = arena_zalloc(q->a, sizeof *out);
    int rc;

    if (out == NULL)
        return -ENOMEM;
    n->index = 0;
    rc = info_node(q->c, q->a, n, out);
    if (rc < 0)
        return rc;
    REC_SET(q->r, reply, nodes, ((struct recs){ out, 1 }));
    return 0;
}

/* "heard 2 s ago" and the like, for a node that is not silent. */
static const char *heard_text(const struct answer *q, const struct node *n, char out[64])
{
    char age[24];

    if (!n->key->heard_once)
        snprintf(out, 64, "not known to be silent: the coordinator has just started");
    else
        snprintf(out, 64, "alive: heard %s ago",
                 duration_text(listened_since(q->c, n->key->heard), age));
    return out;
}

/* ---- approve -------------------------------------------------------------------------------- */

/* The keys of earlier boots lose for good: heard again they are refused and no conflict any more.
 */
static int revoke_retired(struct step *s, const struct node *n)
{
    size_t it = 0;
    struct key *k;

    while ((k = map_next(s->c->keys, &it)) != NULL) {
        int rc;

        if (k->node != n || k->state != KEY_RETIRED)
            continue;
        k->state = KEY_REVOKED;
        rc = emit_key(s, k, CHANGE_KEY);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Ends a quarantine in favour of the boot that was accepted last. A claim of the same machine is
 * decided with it; one of another machine is a question of its own. */
static int approve_quarantined(struct answer *q, struct node *n)
{
    int rc = revoke_retired(q->s, n);

    if (rc == 0)
        rc = node_admit(q->s, n, NODE_APPROVED, NULL);
    if (rc == 0 && n->claim != NULL && n->claim->state == KEY_PENDING && !n->claim->other_machine)
        rc = claim_approve(q->s, n, true);
    if (rc < 0)
        return rc;
    return event(q->s, "node.approved", SEVERITY_INFO, n, NULL,
                 "The quarantine of %s was ended by an operator; keys of its earlier boots are "
                 "revoked.",
                 n->row.name);
}

/* A claim takes over once the accepted boot is silent, or at once where there is none. */
static int approve_claim(struct answer *q, struct node *n)
{
    bool was_pending = n->row.admission == NODE_PENDING;
    int rc = claim_approve(q->s, n, true);

    if (rc < 0)
        return rc;
    return event(q->s, "node.approved", SEVERITY_INFO, n, NULL,
                 was_pending ? "%s was approved by an operator."
                             : "The new key of %s was approved by an operator.",
                 n->row.name);
}

/* It came with a token that anybody may have had; the operator says that it is this node. */
static int approve_successor(struct answer *q, struct node *n)
{
    int rc;

    n->claim->bound = true;
    rc = emit_key(q->s, n->claim, CHANGE_KEY);
    return rc < 0 ? rc
                  : event(q->s, "node.approved", SEVERITY_INFO, n, NULL,
                          "The new boot of %s was approved by an operator: the one before is over "
                          "once it is silent.",
                          n->row.name);
}

static int approve(struct answer *q, struct node *n)
{
    if (n->row.admission == NODE_QUARANTINED)
        return approve_quarantined(q, n);
    if (n->row.admission == NODE_PENDING || (n->claim != NULL && n->claim->state == KEY_PENDING))
        return approve_claim(q, n);
    if (n->claim != NULL && !n->claim->bound)
        return approve_successor(q, n);
    if (n->claim != NULL)
        return answer_fail(q, REPLY_REFUSED,
                           "%s is approved; its new boot waits until the earlier one is silent.",
                           n->row.name);
    return answer_fail(q, REPLY_REFUSED,
                       n->row.admission == NODE_DEAD
                           ? "%s was declared dead; it is in again once a new boot of it enrols."
                           : "%s is approved already.",
                       n->row.name);
}

int op_node_approve(struct answer *q)
{
    struct node *n;
    int rc = answer_node(q, q->req->node, false, &n);

    if (n == NULL)
        return rc;
    rc = approve(q, n);
    return rc < 0 || q->r->code != REPLY_OK ? rc : answer_one_node(q, n);
}

/* ---- rename, drain -------------------------------------------------------------------------- */

/* False: the name cannot be given, and the answer says why. */
static int name_check(struct answer *q, const struct node *n, const char *name, bool *good)
{
    const struct node *other;
    uuid128 id;

    *good = false;
    if (name == NULL || !node_name_valid(name))
        return answer_fail(q, REPLY_INVALID,
                           "A node's name has 1 to 64 letters, digits, '.', '_' or '-', and begins "
                           "with none of '.' and '-'.");
    if (uuid128_parse(name, &id))
        return answer_fail(q, REPLY_INVALID, "'%s' is an id; a name must not look like one.", name);
    other = node_by_name(q->c, name);
    if (other != NULL && other != n)
        return answer_fail(q, REPLY_REFUSED, "Another node is called '%s' already.", name);
    *good = true;
    return 0;
}

static int rename_node(struct answer *q, struct node *n, const char *name)
{
    int rc = 0;

    if (n->row.name_set && strcmp(n->row.name, name) == 0)
        return 0;
    if (strcmp(n->row.name, name) != 0)
        rc = event(q->s, "node.renamed", SEVERITY_INFO, n, NULL,
                   "%s is called %s now, as an operator wants it.", n->row.name, name);
    n->row.name_set = true;
    return rc < 0 ? rc : node_rename(q->s, n, name);
}

int op_node_rename(struct answer *q)
{
    bool good = false;
    struct node *n;
    int rc = answer_node(q, q->req->node, false, &n);

    if (n != NULL)
        rc = name_check(q, n, q->req->name, &good);
    if (rc < 0 || !good)
        return rc;
    rc = rename_node(q, n, q->req->name);
    return rc < 0 ? rc : answer_one_node(q, n);
}

static int drain(struct answer *q, struct node *n, bool on)
{
    int rc;

    if (n->row.draining == on)
        return 0;
    n->row.draining = on;
    placeable_settle(q->c, n);
    scan_node(q->c, n);
    touch_node(q->c, n);
    rc = emit_node(q->s, n);
    if (rc < 0)
        return rc;
    return event(q->s, "node.drain", SEVERITY_INFO, n, NULL,
                 on ? "%s is draining: nothing new is placed on it." : "%s is no longer draining.",
                 n->row.name);
}

int op_node_drain(struct answer *q)
{
    struct node *n;
    int rc = answer_node(q, q->req->node, false, &n);

    if (n == NULL)
        return rc;
    if (!REC_HAS(q->req, request, flag))
        return answer_fail(q, REPLY_INVALID,
                           "The request needs a flag: true drains the node, false ends it.");
    rc = drain(q, n, q->req->flag);
    return rc < 0 ? rc : answer_one_node(q, n);
}

/* ---- forget, declare dead: cannot be undone ------------------------------------------------- */

int op_node_forget(struct answer *q)
{
    struct node *n;
    char heard[64];
    int rc = answer_node(q, q->req->node, true, &n);

    if (n == NULL)
        return rc;
    if (n->row.admission == NODE_APPROVED && !predecessor_silent(q->c, n))
        return answer_fail(q, REPLY_REFUSED,
                           "%s is %s; stop its probe first, or it would only ask to be let in "
                           "again.",
                           n->row.name, heard_text(q, n, heard));
    if (!link_empty(&n->leases) || n->row.rights_unknown)
        return answer_fail(q, REPLY_REFUSED,
                           link_empty(&n->leases)
                               ? "What rights %s has is not known since the recovery; hear it, or "
                                 "declare it dead first."
                               : "%s has rights, which would be forgotten with it; end them, or "
                                 "declare it dead first.",
                           n->row.name);
    rc = event(q->s, "node.forgotten", SEVERITY_WARNING, n, NULL,
               "%s was forgotten by an operator, with its inventory, edges and keys.", n->row.name);
    return rc < 0 ? rc : node_forget(q->s, n);
}

/* The boot is over by the operator's word: it and its key are retired, so that whoever shows them
 * again is in conflict with that word. */
static int declare_dead(struct answer *q, struct node *n)
{
    struct step *s = q->s;
    struct key *k = n->key;
    int rc = 0;

    if (!uuid_is_nil(n->row.boot_id) && !boot_is_retired(q->c, n->row.no, n->row.boot_id))
        rc = boot_retire(s, n, n->row.boot_id);
    if (rc == 0)
        rc = fence_rights(s, n, FENCE_OPERATOR);
    if (rc == 0 && k != NULL) {
        n->key = NULL;
        memset(&n->row.key, 0, sizeof n->row.key);
        k->state = KEY_RETIRED;
        rc = emit_key(s, k, CHANGE_KEY);
    }
    if (rc == 0)
        rc = node_admit(s, n, NODE_DEAD, "Declared dead by an operator.");
    if (rc < 0)
        return rc;
    return event(s, "node.dead", SEVERITY_WARNING, n, NULL,
                 "%s was declared dead by an operator: whatever its last boot had a right to is "
                 "free.",
                 n->row.name);
}

int op_node_declare_dead(struct answer *q)
{
    struct node *n;
    char heard[64];
    int rc = answer_node(q, q->req->node, true, &n);

    if (n == NULL)
        return rc;
    if (q->req->confirm == NULL || strcmp(q->req->confirm, q->req->node) != 0)
        return answer_fail(q, REPLY_INVALID,
                           "This cannot be undone; confirm it with the node's name once more, "
                           "exactly: %s.",
                           answer_quote(q, q->req->node));
    if (n->row.admission == NODE_DEAD)
        return answer_fail(q, REPLY_REFUSED, "%s is declared dead already.", n->row.name);
    if (n->row.admission == NODE_PENDING)
        return answer_fail(q, REPLY_REFUSED,
                           "%s was never let in and has no rights that could end; forget it "
                           "instead.",
                           n->row.name);
    if (!predecessor_silent(q->c, n))
        return answer_fail(q, REPLY_REFUSED, "%s is %s; only a machine that is off is dead.",
                           n->row.name, heard_text(q, n, heard));
    rc = declare_dead(q, n);
    return rc < 0 ? rc : answer_one_node(q, n);
}
