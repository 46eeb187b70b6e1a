/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a second key of one node: approved, it waits for the first to be silent; at its
 * first register it takes over; if both are heard, the node is quarantined. */
#include <errno.h>

#include "core/core_internal.h"

static void take_key(struct node *n, struct key *k)
{
    n->key = k;
    n->row.key = k->key;
    n->row.boot_id = k->boot_id;
}

/* The node's pending key: of a node that has no other, it becomes the active one; else successor.
 */
int claim_approve(struct step *s, struct node *n, bool bound)
{
    struct key *k = n->claim;
    bool first = k != NULL && n->key == NULL && n->row.admission == NODE_PENDING;
    int rc = 0;

    if (first) {
        take_key(n, k);
        n->claim = NULL;
    }
    if (n->row.admission == NODE_PENDING)
        rc = node_admit(s, n, NODE_APPROVED, NULL);
    if (rc < 0 || k == NULL)
        return rc;
    k->state = first ? KEY_ACTIVE : KEY_SUCCESSOR;
    k->durable = true;
    k->bound = bound;
    touch_node(s->c, n);
    return emit_key(s, k, CHANGE_KEY);
}

static int retire_key(struct step *s, struct node *n)
{
    struct key *k = n->key;

    n->key = NULL;
    if (k == NULL)
        return 0;
    k->state = KEY_RETIRED;
    return emit_key(s, k, CHANGE_KEY);
}

static int new_boot(struct step *s, struct node *n, uuid128 boot, bool bound)
{
    int rc = 0;

    if (!uuid_is_nil(n->row.boot_id) && !boot_is_retired(s->c, n->row.no, n->row.boot_id))
        rc = boot_retire(s, n, n->row.boot_id);
    /* Anybody may come with an unbound key: then what the boot before had stays as it is. */
    if (rc == 0 && bound)
        rc = fence(s, n, n->row.boot_id, FENCE_BOOT, NULL);
    n->row.boot_id = boot;
    n->seq = 0;
    n->list_told = n->rights_told = false;
    silent_settle(s->c, n);
    if (rc == 0)
        rc = node_jobs_lost(s, n, LOSS_BOOT);
    return rc < 0 ? rc : ingest_clear(s, n);
}

int claim_promote(struct step *s, struct node *n)
{
    struct key *k = n->claim;
    bool same_boot = uuid_eq(n->row.boot_id, k->boot_id);
    int rc = retire_key(s, n);

    if (rc == 0 && !same_boot)
        rc = new_boot(s, n, k->boot_id, k->bound);
    if (rc < 0)
        return rc;
    n->claim = NULL;
    take_key(n, k);
    k->state = KEY_ACTIVE;
    n->seq = 0;
    rc = emit_key(s, k, CHANGE_KEY);
    if (rc == 0)
        rc = node_admit(s, n, NODE_APPROVED, NULL);
    if (rc < 0)
        return rc;
    return event(s, "node.boot", SEVERITY_INFO, n, NULL,
                 same_boot ? "%s goes on in the same boot with a new key."
                           : "%s has booted anew; what its earlier boot reported is cleared.",
                 n->row.name);
}

int node_conflict(struct step *s, struct node *n, const char *why)
{
    int rc;

    if (n->row.admission == NODE_QUARANTINED)
        return 0;
    rc = node_admit(s, n, NODE_QUARANTINED, why);
    return rc < 0 ? rc
                  : event(s, "node.conflict", SEVERITY_ERROR, n, NULL, "%s is quarantined: %s",
                          n->row.name, why);
}
