/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Enrolment: how a key becomes that of a node. A key lives as long as a boot; a reboot brings a new
 * one, which succeeds the old once that is silent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "model/identity.h"
#include "wire/codec.h"

enum { RETRY_PENDING_MS = 5000, RETRY_FULL_MS = 60000 };

/* What an enrol message comes down to. */
struct enrolment {
    const struct envelope *env;
    const struct identity *identity;
    uuid128 id, boot;
    struct token *token; /* NULL: no secret was sent */
};

bool predecessor_silent(const struct coord *c, const struct node *n)
{
    const struct key *k = n->key;

    if (k == NULL || k->goodbye)
        return true;
    return listened_since(c, k->heard_once ? k->heard : c->listens_from) >= c->config.suspect_ms;
}

static int64_t silence_retry_ms(const struct coord *c, const struct node *n)
{
    const struct key *k = n->key;
    int64_t rest;

    if (k == NULL)
        return 1;
    rest = c->config.suspect_ms - listened_since(c, k->heard_once ? k->heard : c->listens_from);
    return rest < 100 ? 100 : rest;
}

static int reject(struct step *s, const char *text)
{
    int rc = drop_count(s, REFUSE_UNKNOWN_KEY, text, 1);

    return rc < 0 ? rc : answer_enrolled(s, ENROL_REJECTED, text, 0);
}

/* The accepted boot still speaks although the new one has been there for as long as a boot must be
 * silent to be over: so two machines live under one identity. */
static bool both_live(const struct coord *c, const struct node *n)
{
    return n->claim != NULL && n->key != NULL && n->claim->heard_once && n->key->heard_once &&
           mono_since(n->key->heard, n->claim->first) >= c->config.suspect_ms &&
           !predecessor_silent(c, n);
}

static int answer_waiting(struct step *s, struct node *n)
{
    if (!s->c->read_only && n->row.admission == NODE_APPROVED && both_live(s->c, n)) {
        int rc = node_conflict(s, n,
                               "two live boots with two keys claim to be it; turn one off or give "
                               "it an id of its own, then approve the other");

        if (rc < 0)
            return rc;
    }
    if (n->row.admission == NODE_QUARANTINED)
        return answer_refused(s, REFUSE_QUARANTINED, n->row.text, RETRY_PENDING_MS);
    if (n->row.admission == NODE_PENDING)
        return answer_enrolled(s, ENROL_PENDING, n->row.text, RETRY_PENDING_MS);
    if (predecessor_silent(s->c, n))
        return answer_enrolled(s, ENROL_APPROVED, NULL, 0);
    return answer_enrolled(s, ENROL_PENDING,
                           "The node's earlier boot was heard a moment ago; it has to be silent "
                           "before this one takes its place.",
                           silence_retry_ms(s->c, n));
}

/* The identity's texts into the node's row; *changed says whether any differs. */
static int identity_keep(struct node *n, const struct identity *i, bool *changed)
{
    const struct {
        const char **to;
        const char *from;
    } texts[] = {
        { &n->row.product_uuid, i->product_uuid },   { &n->row.lowest_mac, i->lowest_mac },
        { &n->row.hostname, i->hostname },           { &n->row.source, i->source },
        { &n->row.probe_version, i->probe_version },
    };

    *changed = false;
    for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
        int rc;

        if (text_same(*texts[t].to, texts[t].from))
            continue;
        *changed = true;
        rc = text_set(texts[t].to, texts[t].from);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int identity_update(struct step *s, struct node *n, const struct identity *i)
{
    char name[80];
    bool changed;
    int rc = identity_keep(n, i, &changed);

    if (rc < 0)
        return rc;
    node_own_name(s->c, n->row.id, i, name);
    if (!n->row.name_set && strcmp(name, n->row.name) != 0) {
        rc = event_due_of_node(s, n);
        if (rc == 1)
            rc = event(s, "node.renamed", SEVERITY_INFO, n, NULL,
                       "%s is called %s now, as it calls itself.", n->row.name, name);
        return rc < 0 ? rc : node_rename(s, n, name);
    }
    if (!changed)
        return 0;
    touch_node(s->c, n);
    return emit_node(s, n);
}

static struct node *node_make(struct step *s, const struct enrolment *en, enum node_admission a,
                              int *rc)
{
    struct coord *c = s->c;
    struct node *n = node_new(c, en->id, c->meta.next_node_no);
    char name[80];
    bool changed;

    *rc = -ENOMEM;
    if (n == NULL)
        return NULL;
    c->meta.next_node_no++;
    node_own_name(c, en->id, en->identity, name);
    n->row.admission = a;
    if (a == NODE_APPROVED)
        live_await(c, n);
    n->row.first_seen = c->wall;
    *rc = node_set_name(c, n, name);
    if (*rc == 0)
        *rc = identity_keep(n, en->identity, &changed);
    if (*rc == 0 && a == NODE_PENDING)
        *rc = text_set(&n->row.text, "Waits for an operator's approval.");
    touch_node(c, n);
    return n;
}

static struct key *node_key_make(struct step *s, struct node *n, uuid128 boot, enum key_state state)
{
    struct key *k = key_new(s, &s->ev->key, ROLE_NODE, state);

    if (k == NULL)
        return NULL;
    k->node = n;
    k->boot_id = boot;
    key_heard(s->c, k);
    return k;
}

static void node_take_key(struct node *n, struct key *k)
{
    n->key = k;
    n->row.key = k->key;
    n->row.boot_id = k->boot_id;
}

/* Does it say for which node it is? */
static bool is_bound(const struct token *t)
{
    return t != NULL && !uuid_is_nil(t->row.node);
}

static size_t nodes_pending(const struct coord *c)
{
    size_t pending = 0;

    for (size_t i = 0; i < c->node_count; i++)
        pending += c->nodes[i]->row.admission == NODE_PENDING;
    return pending;
}

static int pending_event(struct step *s, const struct node *n)
{
    int rc = event_due_of_claim(s);

    return rc != 1 ? rc
                   : event(s, "node.pending", SEVERITY_WARNING, n, NULL,
                           "%s wants to be a node; approve it with: muster node approve %s",
                           n->row.name, n->row.name);
}

/* A node that was not known: with a token that is good enough it is in, else it waits. */
static int enrol_new_node(struct step *s, const struct enrolment *en)
{
    struct coord *c = s->c;
    bool approved = en->token != NULL && c->config.enrol_by_token;
    struct node *n;
    struct key *k;
    int rc;

    if (c->node_count >= LIMIT_NODES || c->meta.next_node_no > NUMBERS_MOST)
        return reject(s, "There are as many nodes already as one coordinator serves.");
    if (!approved && nodes_pending(c) >= LIMIT_PENDING_NODES)
        return answer_enrolled(s, ENROL_PENDING,
                               "Too many nodes wait for approval already; ask again later.",
                               RETRY_FULL_MS);
    n = node_make(s, en, approved ? NODE_APPROVED : NODE_PENDING, &rc);
    if (rc < 0)
        return rc;
    k = node_key_make(s, n, en->boot, en->token != NULL ? KEY_ACTIVE : KEY_PENDING);
    if (k == NULL)
        return -ENOMEM;
    k->bound = is_bound(en->token);
    if (en->token != NULL)
        node_take_key(n, k);
    else
        n->claim = k;
    rc = emit_node(s, n);
    if (rc == 0)
        rc = emit_key(s, k, CHANGE_KEY);
    if (rc == 0 && en->token != NULL)
        rc = token_use(s, en->token, n, n->row.name);
    if (rc == 0 && approved)
        rc = event(s, "node.enrolled", SEVERITY_INFO, n, NULL, "%s was enrolled by a token.",
                   n->row.name);
    else if (rc == 0)
        rc = pending_event(s, n);
    if (rc < 0)
        return rc;
    return approved ? answer_enrolled(s, ENROL_APPROVED, NULL, 0)
                    : answer_enrolled(s, ENROL_PENDING, n->row.text, RETRY_PENDING_MS);
}

/* May the claim before it lose its place? It has to be silent as long as a boot must be; one that
 * came with a token gives way to one without only when it is down: it asks again far sooner. */
static bool claim_free(const struct coord *c, const struct node *n, bool by_token)
{
    const struct key *k = n->claim;
    int64_t silence =
        k != NULL && k->durable && !by_token ? c->config.down_ms : c->config.suspect_ms;

    return k == NULL || listened_since(c, k->heard_once ? k->heard : c->listens_from) >= silence;
}

static int claim_replace(struct step *s, struct node *n, struct key *k)
{
    struct key *old = n->claim;

    n->claim = k;
    if (old == NULL)
        return 0;
    if (!old->durable) {
        key_remove(s->c, old);
        return 0;
    }
    old->state = KEY_RETIRED;
    return emit_key(s, old, CHANGE_KEY);
}

static bool other_machine(const struct node *n, const struct identity *i)
{
    return n->row.lowest_mac != NULL && i->lowest_mac != NULL &&
           strcasecmp(n->row.lowest_mac, i->lowest_mac) != 0;
}

/* A pending node has nothing but itself and one key, so a new boot of it is a new row. */
static int pending_restart(struct step *s, const struct enrolment *en, struct node *n)
{
    int rc;

    if (!claim_free(s->c, n, en->token != NULL))
        return answer_enrolled(s, ENROL_PENDING,
                               "Another machine with this node id waits for approval.",
                               RETRY_PENDING_MS);
    rc = node_forget(s, n);
    return rc < 0 ? rc : enrol_new_node(s, en);
}

static int claim_in_memory(struct step *s, const struct enrolment *en, struct node *n, bool other)
{
    char text[320];
    struct key *k;
    int rc;

    if (!claim_free(s->c, n, false))
        return answer_enrolled(s, ENROL_PENDING,
                               "Another machine with this node id waits for approval.",
                               RETRY_PENDING_MS);
    k = node_key_make(s, n, en->boot, KEY_PENDING);
    if (k == NULL)
        return -ENOMEM;
    k->durable = false;
    k->other_machine = other;
    rc = claim_replace(s, n, k);
    if (rc < 0)
        return rc;
    touch_node(s->c, n);
    if (other)
        snprintf(text, sizeof text,
                 "This node id is that of %s (lowest MAC %s, here %s): two machines with one "
                 "SMBIOS UUID, or a changed NIC; give one an id of its own or approve it.",
                 n->row.name, n->row.lowest_mac, en->identity->lowest_mac);
    else
        snprintf(text, sizeof text,
                 "%s is known with another key and no token came along: muster node approve %s",
                 n->row.name, n->row.name);
    text_trim(text);
    rc = event_due_of_claim(s);
    if (rc == 1)
        rc = event(s, other ? "node.conflict" : "node.pending", SEVERITY_WARNING, n, NULL, "%s",
                   text);
    return rc < 0 ? rc : answer_enrolled(s, ENROL_PENDING, text, RETRY_PENDING_MS);
}

/* A known node with a new key: a reboot, or somebody who says so. */
static int enrol_known_node(struct step *s, const struct enrolment *en, struct node *n)
{
    bool other = other_machine(n, en->identity);
    struct key *k;
    int rc;

    if (boot_is_retired(s->c, n->row.no, en->boot))
        return answer_refused(s, REFUSE_RETIRED_BOOT,
                              "A newer boot of this node has taken its place.", 0);
    if (n->row.admission == NODE_PENDING && n->key == NULL)
        return pending_restart(s, en, n);
    if (other || en->token == NULL)
        return claim_in_memory(s, en, n, other);
    if (n->claim != NULL && n->claim->durable && !claim_free(s->c, n, true))
        return answer_enrolled(s, ENROL_PENDING,
                               "Another new boot of this node waits already; it has to be silent "
                               "before this one takes its place.",
                               RETRY_PENDING_MS);
    k = node_key_make(s, n, en->boot, KEY_SUCCESSOR);
    if (k == NULL)
        return -ENOMEM;
    k->bound = is_bound(en->token);
    rc = claim_replace(s, n, k);
    if (rc == 0)
        rc = emit_key(s, k, CHANGE_KEY);
    if (rc == 0)
        rc = token_use(s, en->token, n, n->row.name);
    if (rc < 0)
        return rc;
    touch_node(s->c, n);
    return answer_waiting(s, n);
}

static int enrol_active(struct step *s, const struct enrolment *en, struct key *k)
{
    (void)en;
    if (k->node->row.admission == NODE_APPROVED)
        return answer_enrolled(s, ENROL_APPROVED, NULL, 0);
    if (k->node->row.admission == NODE_PENDING)
        return answer_enrolled(s, ENROL_PENDING, k->node->row.text, RETRY_PENDING_MS);
    return answer_refused(s, REFUSE_QUARANTINED, k->node->row.text, RETRY_PENDING_MS);
}

/* A token that came later may help a claim that waits. */
static int enrol_pending(struct step *s, const struct enrolment *en, struct key *k)
{
    struct node *n = k->node;
    int rc;

    if (en->token == NULL || k->other_machine)
        return answer_enrolled(s, ENROL_PENDING,
                               k->other_machine
                                   ? "Another machine has this node id; an operator must decide."
                                   : "Waits for an operator's approval.",
                               RETRY_PENDING_MS);
    if (n->row.admission == NODE_PENDING && !s->c->config.enrol_by_token)
        return answer_enrolled(s, ENROL_PENDING, n->row.text, RETRY_PENDING_MS);
    rc = token_use(s, en->token, n, n->row.name);
    if (rc == 0)
        rc = claim_approve(s, n, is_bound(en->token));
    if (rc == 0)
        rc = event(s, "node.enrolled", SEVERITY_INFO, n, NULL, "%s was enrolled by a token.",
                   n->row.name);
    if (rc < 0)
        return rc;
    return k == n->key ? answer_enrolled(s, ENROL_APPROVED, NULL, 0) : answer_waiting(s, n);
}

static int enrol_successor(struct step *s, const struct enrolment *en, struct key *k)
{
    (void)en;
    return answer_waiting(s, k->node);
}

static int enrol_retired(struct step *s, const struct enrolment *en, struct key *k)
{
    (void)en;
    (void)k;
    return answer_refused(s, REFUSE_RETIRED_BOOT, "A newer boot of this node has taken its place.",
                          0);
}

static int enrol_known_key(struct step *s, const struct enrolment *en, struct key *k)
{
    static int (*const by_state[])(struct step *, const struct enrolment *, struct key *) = {
        [KEY_PENDING] = enrol_pending,     [KEY_ACTIVE] = enrol_active,
        [KEY_SUCCESSOR] = enrol_successor, [KEY_RETIRED] = enrol_retired,
        [KEY_REVOKED] = enrol_retired,
    };

    if (k->role != ROLE_NODE)
        return answer_refused(s, REFUSE_ROLE, "This key is a client's, not a node's.", 0);
    if (!uuid_eq(k->node->row.id, en->id))
        return answer_refused(s, REFUSE_IDENTITY, "This key was enrolled for another node id.", 0);
    if (!uuid_eq(k->boot_id, en->boot))
        return answer_refused(s, REFUSE_IDENTITY,
                              "This key belongs to another boot; a key serves for one boot only.",
                              0);
    key_heard(s->c, k);
    k->goodbye = false;
    return by_state[k->state](s, en, k);
}

/* NULL: the ids and the identity agree and may be used. */
static const char *identity_fault(struct enrolment *en, struct err *e)
{
    const struct identity *i = en->identity;
    const char *source;
    uuid128 id;

    if (!wire_uuid(en->env->node_id, &en->id) || !wire_uuid(en->env->boot_id, &en->boot) ||
        uuid_is_nil(en->boot))
        return "A node id and a boot id of 16 bytes are needed.";
    if (identity_choose(i->configured_id, i->product_uuid, i->lowest_mac, &id, &source, e) != 0)
        return e->text;
    if (!uuid_eq(id, en->id))
        return "The node id is not the one that this machine's identity gives.";
    if (identity_uuid_is_placeholder(id))
        return "The node id is a placeholder that many machines share; configure one.";
    return NULL;
}

/* NULL: no secret, or a token that is good. */
static const char *token_fault(struct step *s, struct enrolment *en)
{
    const char *secret = en->env->enrol->secret;
    const char *why;

    if (secret == NULL)
        return NULL;
    en->token = token_find(s->c, secret);
    why = token_unusable(s->c, en->token, ROLE_NODE, en->id);
    if (why != NULL)
        en->token = NULL;
    return why;
}

int enrol_handle(struct step *s, const struct envelope *env, struct key *k)
{
    struct enrolment en = { .env = env, .identity = env->enrol->identity };
    struct err e;
    const char *fault = identity_fault(&en, &e), *token;
    struct node *n;

    if (fault != NULL)
        return reject(s, fault);
    if (k != NULL && k->state == KEY_ACTIVE && k->role == ROLE_NODE)
        return enrol_known_key(s, &en, k);
    if (s->c->read_only)
        return answer_enrolled(s, ENROL_PENDING, "The coordinator cannot store just now.",
                               RETRY_PENDING_MS);
    token = token_fault(s, &en);
    /* While an operator is waited for only a key that is in already gets through, so that what its
     * node remembers is learnt. */
    if (k != NULL && (!s->c->recover || k->state != KEY_PENDING))
        return enrol_known_key(s, &en, k);
    if (token != NULL && !s->c->recover)
        return reject(s, token);
    if (s->c->recover)
        return answer_enrolled(s, ENROL_PENDING, recover_text(), RETRY_PENDING_MS);
    n = node_by_id(s->c, en.id);
    return n == NULL ? enrol_new_node(s, &en) : enrol_known_node(s, &en, n);
}
