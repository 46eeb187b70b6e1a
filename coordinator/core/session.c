/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of nodes: who may say what, and what it means for the node's standing. The rules are
 * those of docs/PROTOCOL.md, in the order in which they stand here. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/guard.h"
#include "core/core_internal.h"
#include "model/identity.h"
#include "wire/codec.h"
#include "wire/version.h"

enum { RETRY_WAIT_MS = 5000, RETRY_BUSY_MS = 1000 };

/* The highest generation that is durable once this step's messages go out. */
static uint64_t durable_generation(const struct coord *c)
{
    return c->meta.generation + (c->pending && !c->read_only ? 1 : 0);
}

/* ---- bodies --------------------------------------------------------------------------------- */

static int registered_fill(struct step *s, const struct node *n, const struct strs *want,
                           struct registered *body)
{
    struct coord *c = s->c;
    struct memory *m = arena_zalloc(s->u->arena, sizeof *m);
    const char *name = arena_strdup(s->u->arena, n->row.name);
    const uint8_t *db = arena_memdup(s->u->arena, c->meta.db_id.b, 16);
    const uint8_t *nonce = arena_memdup(s->u->arena, c->nonce.b, 16);

    if (m == NULL || name == NULL || db == NULL || nonce == NULL)
        return -ENOMEM;
    REC_SET(m, memory, db_id, wire_bytes16(db));
    REC_SET(m, memory, epoch, c->meta.epoch);
    REC_SET(m, memory, start_no, c->meta.start_no);
    REC_SET(m, memory, nonce, wire_bytes16(nonce));
    REC_SET(m, memory, generation, durable_generation(c));
    REC_SET(m, memory, token, c->meta.token);
    REC_SET(body, registered, coordinator, m);
    REC_SET(body, registered, node_name, name);
    REC_SET(body, registered, heartbeat_ms, (uint64_t)c->config.heartbeat_ms);
    REC_SET(body, registered, want, *want);
    return 0;
}

/* The identity that a registration repeats must still give this node's id. */
static bool same_identity(const struct node *n, const struct identity *i)
{
    const char *source;
    struct err e;
    uuid128 id;

    return identity_choose(i->configured_id, i->product_uuid, i->lowest_mac, &id, &source, &e) ==
               0 &&
           uuid_eq(id, n->row.id);
}

/* The node is in and says how its sections are. Those are looked at first: what has changed while
 * it was silent must not show as it was. */
static int node_heard(struct step *s, struct node *n, struct recs states, struct strs *want)
{
    int rc = sections_confirm(s, n, states, want);

    n->route = s->ev->route;
    return rc < 0 ? rc : live_heard(s, n);
}

/* All that differs is asked for, whenever it was asked for before: the node takes what is not as
 * known here. */
static int node_follows(struct step *s, const struct node_register *reg, struct node *n,
                        struct strs *want)
{
    int rc;

    n->registered = true;
    placeable_settle(s->c, n);
    n->scans = (uint32_t)(reg->scans <= LIMIT_SCANS_PER_NODE ? reg->scans : LIMIT_SCANS_PER_NODE);
    orders_of(s->c, n);
    scan_node(s->c, n);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        n->sections[i].was_asked = false;
    rc = node_heard(s, n, reg->sections, want);
    if (rc == 0 && !s->c->read_only)
        rc = identity_update(s, n, reg->identity);
    return rc < 0 ? rc : rights_told(s, n, n->seq, reg->rights);
}

/* 1: the registration may be taken. */
static int register_check(struct step *s, const struct node_register *reg, struct node *n)
{
    const char *fault = memory_fault(s->c, reg->memory);
    int rc;

    if (!same_identity(n, reg->identity))
        return answer_refused(s, REFUSE_IDENTITY,
                              "The identity that came along gives another node id.", 0);
    if (fault != NULL)
        return answer_refused(s, REFUSE_MALFORMED, fault, 0);
    rc = recover_detect(s, n, reg->memory);
    if (rc < 0)
        return rc;
    if (GUARD(RECOVER_REFUSES, s->c->recover))
        return answer_refused(s, REFUSE_RECOVER, recover_text(), RETRY_WAIT_MS);
    return 1;
}

/* The last message of the node's boot is this one now. */
static void node_said(struct coord *c, struct node *n, const struct envelope *env)
{
    n->seq = env->seq;
    if (n->protocol != env->version)
        touch_node(c, n);
    n->protocol = env->version;
}

static int on_register(struct step *s, const struct envelope *env, struct key *k)
{
    struct node *n = k->node;
    struct registered *body;
    struct envelope *answer;
    struct strs want;
    int rc = register_check(s, env->node_register, n);

    if (rc != 1)
        return rc;
    rc = k->state == KEY_SUCCESSOR ? claim_promote(s, n) : 0;
    node_said(s->c, n, env);
    if (rc == 0)
        rc = node_follows(s, env->node_register, n, &want);
    if (rc < 0)
        return rc;
    answer = answer_new(s, n, env->seq);
    body = arena_zalloc(s->u->arena, sizeof *body);
    if (answer == NULL || body == NULL || registered_fill(s, n, &want, body) < 0)
        return -ENOMEM;
    REC_SET(answer, envelope, registered, body);
    return 0;
}

static int on_heartbeat(struct step *s, const struct envelope *env, struct key *k)
{
    struct node *n = k->node;
    struct heartbeat_ack *body;
    struct envelope *answer;
    struct strs want;
    int rc = node_heard(s, n, env->heartbeat->sections, &want);

    if (rc == 0)
        rc = rights_told(s, n, env->seq, env->heartbeat->rights);
    if (rc < 0)
        return rc;
    answer = answer_new(s, n, env->seq);
    body = arena_zalloc(s->u->arena, sizeof *body);
    if (answer == NULL || body == NULL)
        return -ENOMEM;
    REC_SET(body, heartbeat_ack, generation, durable_generation(s->c));
    REC_SET(body, heartbeat_ack, want, want);
    REC_SET(answer, envelope, heartbeat_ack, body);
    return 0;
}

static int acknowledge(struct step *s, const struct envelope *env, const struct node *n)
{
    const struct section *sections = s->ev->node.sections;
    size_t count = s->ev->node.section_count;
    struct section_state *states = arena_array(s->u->arena, count, sizeof *states);
    struct report_ack *body = arena_zalloc(s->u->arena, sizeof *body);
    struct envelope *answer = answer_new(s, n, env->seq);

    if (states == NULL || body == NULL || answer == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct slot *slot = &n->sections[sections[i].id];
        const uint8_t *digest = arena_memdup(s->u->arena, slot->digest.b, 16);

        if (digest == NULL)
            return -ENOMEM;
        REC_SET(&states[i], section_state, section, (uint64_t)sections[i].id);
        REC_SET(&states[i], section_state, generation, slot->generation);
        REC_SET(&states[i], section_state, digest, wire_bytes16(digest));
    }
    REC_SET(body, report_ack, generation, durable_generation(s->c));
    REC_SET(body, report_ack, sections, ((struct recs){ .v = states, .n = count }));
    REC_SET(answer, envelope, report_ack, body);
    return 0;
}

static int on_report(struct step *s, const struct envelope *env, struct key *k)
{
    struct node *n = k->node;
    int rc;

    if (s->c->read_only)
        return answer_refused(s, REFUSE_BUSY, "The coordinator cannot store just now.",
                              RETRY_BUSY_MS);
    rc = ingest_report(s, n);
    if (rc == 0)
        rc = live_heard(s, n);
    return rc != 0 ? (rc < 0 ? rc : 0) : acknowledge(s, env, n);
}

static int on_goodbye(struct step *s, const struct envelope *env, struct key *k)
{
    struct node *n = k->node;
    int rc;

    (void)env;
    k->goodbye = true;
    if (!n->registered)
        return 0;
    n->registered = false;
    placeable_settle(s->c, n);
    scan_node(s->c, n);
    touch_node(s->c, n);
    rc = event_due_of_node(s, n);
    return rc != 1 ? rc
                   : event(s, "node.goodbye", SEVERITY_INFO, n, NULL,
                           "The probe of %s has ended in good order.", n->row.name);
}

struct body {
    uint32_t field;    /* of the envelope */
    bool unregistered; /* may come before a registration */
    int (*handle)(struct step *s, const struct envelope *env, struct key *k);
};

static const struct body bodies[] = {
    { envelope_node_register, true, on_register },
    { envelope_heartbeat, false, on_heartbeat },
    { envelope_report, false, on_report },
    { envelope_goodbye, true, on_goodbye },
    { envelope_lease_request, false, on_lease_request },
    { envelope_lease_renew, false, on_lease_renew },
    { envelope_scan_result, false, on_scan_result },
    { envelope_reach_result, false, on_reach_result },
    { envelope_decline, false, on_decline },
    { envelope_rescan_want, false, on_rescan_want },
    { envelope_rescan_result, false, on_rescan_result },
    { envelope_lvm_result, false, on_lvm_result },
    { envelope_lvm_refreshed, false, on_lvm_refreshed },
};

static const struct body *body_of(const struct envelope *env)
{
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        if (field_present(&envelope_desc, bodies[i].field, env))
            return &bodies[i];
    }
    return NULL;
}

/* ---- who speaks ----------------------------------------------------------------------------- */

/* A key of an earlier boot that is heard again: somebody uses what has been taken over or declared
 * dead. Nothing is freed; an operator decides. */
static int retired_speaks(struct step *s, struct node *n, uuid128 boot)
{
    bool dead = n->row.admission == NODE_DEAD;
    int rc = 0;

    if (!s->c->read_only)
        rc = fenced_speaks(s, n, boot);
    if (rc == 0 && !s->c->read_only)
        rc = node_conflict(s, n,
                           dead ? "a boot of it that was declared dead is alive; what it could "
                                  "reach may have been written twice"
                                : "an earlier boot of it is heard beside the one that took its "
                                  "place: two machines with one identity");
    if (rc < 0)
        return rc;
    return dead || n->key == NULL
               ? answer_refused(s, REFUSE_RETIRED_BOOT, "This boot is over: stop.", 0)
               : answer_refused(s, REFUSE_QUARANTINED,
                                "Two machines claim to be this node; an operator must decide.",
                                RETRY_WAIT_MS);
}

/* 1: the key is one that the node may use now, or from this message on. */
static int key_speaks(struct step *s, const struct key *k)
{
    switch (k->state) {
    case KEY_PENDING:
        return answer_refused(s, REFUSE_PENDING, "Waits for an operator's approval.",
                              RETRY_WAIT_MS);
    case KEY_ACTIVE:
    case KEY_SUCCESSOR:
        return 1;
    case KEY_RETIRED:
        return retired_speaks(s, k->node, k->boot_id);
    case KEY_REVOKED:
        break;
    }
    return answer_refused(s, REFUSE_RETIRED_BOOT, "A newer boot of this node has taken its place.",
                          0);
}

/* 1: the node is in. */
static int node_speaks(struct step *s, const struct node *n)
{
    if (n->row.admission == NODE_QUARANTINED)
        return answer_refused(s, REFUSE_QUARANTINED, n->row.text, RETRY_WAIT_MS);
    if (n->row.admission == NODE_PENDING)
        return answer_refused(s, REFUSE_PENDING, n->row.text, RETRY_WAIT_MS);
    return 1;
}

/* A new boot takes over with its first registration, once the one before is silent. 1: it may. */
static int successor_speaks(struct step *s, const struct key *k, const struct body *b)
{
    if (b->field != envelope_node_register ||
        GUARD(SUCCESSOR_WAITS, !predecessor_silent(s->c, k->node)))
        return answer_refused(s, REFUSE_PENDING,
                              "Waits until the earlier boot of this node has been silent.",
                              RETRY_BUSY_MS);
    if (s->c->read_only)
        return answer_refused(s, REFUSE_BUSY, "The coordinator cannot store just now.",
                              RETRY_BUSY_MS);
    if (k->node->row.rights_unknown && !k->bound)
        return answer_refused(s, REFUSE_PENDING,
                              "What rights the earlier boot of this node has is not known since "
                              "the recovery; an operator must approve this one.",
                              RETRY_WAIT_MS);
    return 1;
}

/* 1: the message is a new one of the boot that was accepted. */
static int active_speaks(struct step *s, const struct envelope *env, struct node *n)
{
    if (GUARD(REPLAY, env->seq <= n->seq))
        return answer_refused(s, REFUSE_REPLAY,
                              "The sequence number is not above the last one of this boot.", 0);
    node_said(s->c, n, env);
    return 1;
}

static int node_message(struct step *s, const struct envelope *env, struct key *k,
                        const struct body *b)
{
    struct node *n = k->node;
    int rc = key_speaks(s, k);

    if (rc == 1)
        rc = node_speaks(s, n);
    if (rc == 1)
        rc = k->state == KEY_SUCCESSOR ? successor_speaks(s, k, b) : active_speaks(s, env, n);
    if (rc != 1)
        return rc;
    if (GUARD(RECOVER_REFUSES, s->c->recover) && b->field != envelope_node_register &&
        b->field != envelope_goodbye)
        return answer_refused(s, REFUSE_RECOVER, recover_text(), RETRY_WAIT_MS);
    if (!n->registered && !b->unregistered)
        return answer_refused(s, REFUSE_NOT_REGISTERED, "Register first.", 0);
    return b->handle(s, env, k);
}

/* Is the key that of this node and boot? NULL: yes; else a sentence. */
static const char *identity_fault(const struct envelope *env, const struct key *k)
{
    uuid128 id, boot;

    if (!wire_uuid(env->node_id, &id) || !wire_uuid(env->boot_id, &boot))
        return "A node id and a boot id of 16 bytes are needed.";
    if (!uuid_eq(id, k->node->row.id))
        return "This key was enrolled for another node id.";
    if (!uuid_eq(boot, k->boot_id))
        return "This key belongs to another boot; a key serves for one boot only.";
    return NULL;
}

static int version_refused(struct step *s, uint64_t node)
{
    uint64_t own = s->c->config.protocol;
    char text[160];

    snprintf(text, sizeof text,
             "This node speaks version %" PRIu64 " of the protocol; this coordinator is of version "
             "%" PRIu64 " and serves nodes of versions %" PRIu64 " to %" PRIu64 ".",
             node, own, version_lowest(own), version_highest(own));
    return answer_refused(s, REFUSE_VERSION, text, RETRY_WAIT_MS);
}

/* A message without a body that is known here. */
static int kind_refused(struct step *s, const struct envelope *env)
{
    if (env->version <= s->c->config.protocol)
        return answer_refused(s, REFUSE_ROLE, "Such a message is not a node's to send.", 0);
    return answer_refused(s, REFUSE_MALFORMED,
                          "Such messages came with a later version of the protocol than this "
                          "coordinator speaks.",
                          0);
}

int session_message(struct step *s)
{
    const struct envelope *env = s->ev->node.env;
    struct key *k = key_by(s->c, &s->ev->key);
    const struct body *b = body_of(env);
    const char *fault;

    s->c->received++;
    if (!version_is_served(s->c->config.protocol, env->version))
        return version_refused(s, env->version);
    if (env->enrol != NULL)
        return enrol_handle(s, env, k);
    if (b == NULL)
        return kind_refused(s, env);
    if (k == NULL)
        return answer_refused(s, REFUSE_UNKNOWN_KEY, "This key is not known here: enrol first.", 0);
    if (k->role != ROLE_NODE)
        return answer_refused(s, REFUSE_ROLE, "This key is a client's, not a node's.", 0);
    fault = identity_fault(env, k);
    if (fault != NULL)
        return answer_refused(s, REFUSE_IDENTITY, fault, 0);
    key_heard(s->c, k);
    k->goodbye = false;
    return node_message(s, env, k, b);
}
