/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "net/net.h"
#include "wire/token.h"

/* ---- the coordinator ------------------------------------------------------------------------ */

void lab_init(struct lab *l)
{
    *l = (struct lab){ .dir = "/tmp/muster-router-XXXXXX" };
    assert(mkdtemp(l->dir) != NULL);
    config_default(&l->config);
    snprintf(l->config.state_dir, CONFIG_TEXT, "%s/state", l->dir);
    snprintf(l->config.node_listen, CONFIG_TEXT, "tcp://127.0.0.1:0");
    snprintf(l->config.client_listen, CONFIG_TEXT, "tcp://127.0.0.1:0");
    snprintf(l->config.client_ipc, CONFIG_TEXT, "ipc://%s/client.sock", l->dir);
    l->ctx = zmq_ctx_new();
}

static void fail(const struct err *e)
{
    fprintf(stderr, "%s\n", e->text);
    abort();
}

void lab_start(struct lab *l, const char *vfs)
{
    struct err e;

    l->service = service_start(&l->config, vfs, &e);
    if (l->service == NULL)
        fail(&e);
    service_status(l->service, &l->status);
    l->local =
        net_dealer(l->ctx, l->status.endpoints[SOCKET_LOCAL], NULL, NULL, LIMIT_REPLY_BYTES, &e);
    if (l->local == NULL)
        fail(&e);
}

void lab_stop(struct lab *l)
{
    zmq_close(l->local);
    service_stop(l->service);
    l->service = NULL;
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
    rmdir(path);
}

void lab_deinit(struct lab *l)
{
    if (l->service != NULL)
        lab_stop(l);
    zmq_ctx_term(l->ctx);
    remove_folder(l->config.state_dir);
    remove_folder(l->dir);
}

/* ---- hearing -------------------------------------------------------------------------------- */

static bool wait_for(void *socket, int64_t limit_ms)
{
    zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
    mono_ms until = { clock_mono().v + limit_ms };
    int64_t left = 0;
    int rc;

    do {
        rc = zmq_poll(&item, 1, (long)left);
        left = mono_since(until, clock_mono());
    } while (rc == 0 && left > 0);
    return rc > 0;
}

/* The next message within the time. False: none. */
static bool hear(void *socket, int64_t limit_ms, const struct record_desc *d, struct arena *a,
                 void **out)
{
    struct err e = { "" };
    zmq_msg_t m;

    if (!wait_for(socket, limit_ms))
        return false;
    zmq_msg_init(&m);
    assert(zmq_msg_recv(&m, socket, 0) >= 0 && !zmq_msg_more(&m));
    if (wire_decode(d, zmq_msg_data(&m), zmq_msg_size(&m), a, out, &e) < 0)
        fail(&e);
    zmq_msg_close(&m);
    return true;
}

static struct buf encode(const struct record_desc *d, const void *rec)
{
    struct err e = { "" };
    struct buf b = { 0 };

    if (wire_encode(d, rec, &b, &e) < 0)
        fail(&e);
    return b;
}

/* ---- the operator --------------------------------------------------------------------------- */

void told_free(struct told *t)
{
    arena_free(t->arena);
    *t = (struct told){ 0 };
}

struct told lab_hear(struct lab *l)
{
    struct told t = { .arena = arena_new(0) };
    void *rec;

    if (!hear(l->local, LAB_LIMIT_MS, &reply_desc, t.arena, &rec)) {
        fprintf(stderr, "the operator hears nothing\n");
        abort();
    }
    t.reply = rec;
    return t;
}

void lab_send(struct lab *l, const struct request *req)
{
    struct request copy = *req;
    struct buf b;

    REC_SET(&copy, request, version, PROTOCOL_VERSION);
    REC_SET(&copy, request, correlation, ++l->last);
    b = encode(&request_desc, &copy);
    assert(zmq_send(l->local, b.p, b.n, 0) >= 0);
    buf_deinit(&b);
}

struct told lab_ask(struct lab *l, const struct request *req)
{
    struct told t = { 0 };

    lab_send(l, req);
    do {
        told_free(&t);
        t = lab_hear(l);
    } while (t.reply->correlation != l->last);
    return t;
}

enum reply_code lab_op(struct lab *l, enum client_op op)
{
    struct request req = { 0 };
    enum reply_code code;
    struct told t;

    REC_SET(&req, request, op, op);
    t = lab_ask(l, &req);
    code = (enum reply_code)t.reply->code;
    told_free(&t);
    return code;
}

enum reply_code lab_define(struct lab *l, const char *name)
{
    const char *match[] = { "*/none" };
    struct request req = { 0 };
    enum reply_code code;
    struct told t;

    REC_SET(&req, request, op, OP_NETWORK_DEFINE);
    REC_SET(&req, request, name, name);
    REC_SET(&req, request, matches, ((struct strs){ match, 1 }));
    t = lab_ask(l, &req);
    code = (enum reply_code)t.reply->code;
    told_free(&t);
    return code;
}

bool lab_is_defined(struct lab *l, const char *name)
{
    struct request req = { 0 };
    const struct network_info *all;
    bool found = false;
    struct told t;

    REC_SET(&req, request, op, OP_NETWORK_LIST);
    t = lab_ask(l, &req);
    assert(t.reply->code == REPLY_OK);
    all = t.reply->networks.v;
    for (size_t i = 0; i < t.reply->networks.n; i++)
        found = found || strcmp(all[i].name, name) == 0;
    told_free(&t);
    return found;
}

static uint64_t drops_now(struct lab *l, const char *reason)
{
    struct request req = { 0 };
    uint64_t count = 0;
    struct told t;

    REC_SET(&req, request, op, OP_STATUS);
    t = lab_ask(l, &req);
    assert(t.reply->code == REPLY_OK);
    for (size_t i = 0; i < t.reply->status->drops.n; i++) {
        const char *text = t.reply->status->drops.v[i];
        size_t n = strlen(reason);

        if (strncmp(text, reason, n) == 0 && text[n] == ' ')
            count = strtoull(text + n, NULL, 10);
    }
    told_free(&t);
    return count;
}

uint64_t lab_drops(struct lab *l, const char *reason, uint64_t least)
{
    mono_ms until = { clock_mono().v + LAB_LIMIT_MS };
    uint64_t count;

    while ((count = drops_now(l, reason)) < least) {
        if (mono_since(until, clock_mono()) < 0) {
            fprintf(stderr, "%llu of %llu drops: %s\n", (unsigned long long)count,
                    (unsigned long long)least, reason);
            abort();
        }
    }
    return count;
}

void lab_token(struct lab *l, const char *role, char secret[33])
{
    struct request req = { 0 };
    const struct token_info *info;
    struct err e = { "" };
    struct told t;
    pubkey server;

    REC_SET(&req, request, op, OP_TOKEN_CREATE);
    REC_SET(&req, request, role, role);
    t = lab_ask(l, &req);
    assert(t.reply->code == REPLY_OK && t.reply->tokens.n == 1);
    info = t.reply->tokens.v;
    if (token_parse(info->token, &server, secret, &e) < 0)
        fail(&e);
    assert(pubkey_eq(server, l->status.server_key));
    told_free(&t);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

void node_init_as(struct peer_node *n, struct lab *l, unsigned number, struct bytes routing_id)
{
    const char *endpoint = l->status.endpoints[SOCKET_NODES];
    struct err e;

    *n = (struct peer_node){ .lab = l, .number = number };
    keypair_new(&n->key);
    random_bytes(n->id.b, sizeof n->id.b);
    random_bytes(n->boot.b, sizeof n->boot.b);
    n->id = uuid_v4_from(n->id.b);
    n->socket = net_dealer_unconnected(l->ctx, endpoint, &n->key, &l->status.server_key,
                                       LIMIT_NODE_MESSAGE_BYTES, &e);
    if (n->socket == NULL)
        fail(&e);
    if (routing_id.n > 0)
        assert(zmq_setsockopt(n->socket, ZMQ_ROUTING_ID, routing_id.p, routing_id.n) == 0);
    assert(zmq_connect(n->socket, endpoint) == 0);
}

void node_init(struct peer_node *n, struct lab *l, unsigned number)
{
    node_init_as(n, l, number, (struct bytes){ NULL, 0 });
}

void node_deinit(struct peer_node *n)
{
    int none = 0;

    zmq_setsockopt(n->socket, ZMQ_LINGER, &none, sizeof none);
    zmq_close(n->socket);
    arena_free(n->arena);
}

void node_raw(struct peer_node *n, const void *p, size_t size)
{
    assert(zmq_send(n->socket, p, size, 0) >= 0);
}

static void stamp(struct peer_node *n, struct envelope *env)
{
    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, node_id, wire_bytes16(n->id.b));
    REC_SET(env, envelope, boot_id, wire_bytes16(n->boot.b));
    REC_SET(env, envelope, seq, ++n->seq);
}

void node_send(struct peer_node *n, struct envelope *env)
{
    struct buf b;

    stamp(n, env);
    b = encode(&envelope_desc, env);
    node_raw(n, b.p, b.n);
    buf_deinit(&b);
}

const struct envelope *node_hear(struct peer_node *n, int64_t limit_ms)
{
    void *rec = NULL;

    arena_free(n->arena);
    n->arena = arena_new(0);
    hear(n->socket, limit_ms, &envelope_desc, n->arena, &rec);
    n->answer = rec;
    return n->answer;
}

static const struct envelope *must_hear(struct peer_node *n)
{
    if (node_hear(n, LAB_LIMIT_MS) == NULL) {
        fprintf(stderr, "node %u hears nothing\n", n->number);
        abort();
    }
    return n->answer;
}

enum refuse_reason node_refusal(struct peer_node *n)
{
    const struct envelope *env = must_hear(n);

    assert(env->refused != NULL && env->refused->text != NULL);
    return (enum refuse_reason)env->refused->reason;
}

static void fill_identity(struct peer_node *n, struct identity *i, char id[UUID_TEXT], char mac[24],
                          char name[24])
{
    *i = (struct identity){ 0 };
    snprintf(mac, 24, "02:00:00:00:%02x:%02x", n->number >> 8 & 255, n->number & 255);
    snprintf(name, 24, "node-%u", n->number);
    REC_SET(i, identity, configured_id, uuid_text(n->id, id));
    REC_SET(i, identity, lowest_mac, mac);
    REC_SET(i, identity, hostname, name);
    REC_SET(i, identity, source, "configured");
}

enum enrol_state node_enrol(struct peer_node *n, const char *secret)
{
    char id[UUID_TEXT], mac[24], name[24];
    struct envelope env = { 0 };
    struct enrol body = { 0 };
    struct identity identity;

    fill_identity(n, &identity, id, mac, name);
    REC_SET(&body, enrol, identity, &identity);
    if (secret != NULL)
        REC_SET(&body, enrol, secret, secret);
    REC_SET(&env, envelope, enrol, &body);
    node_send(n, &env);
    assert(must_hear(n)->enrolled != NULL);
    return (enum enrol_state)n->answer->enrolled->state;
}

void node_register(struct peer_node *n)
{
    char id[UUID_TEXT], mac[24], name[24];
    struct node_register body = { 0 };
    struct envelope env = { 0 };
    struct identity identity;

    fill_identity(n, &identity, id, mac, name);
    REC_SET(&body, node_register, identity, &identity);
    REC_SET(&env, envelope, node_register, &body);
    node_send(n, &env);
    assert(must_hear(n)->registered != NULL);
}

void node_join(struct peer_node *n)
{
    char secret[TOKEN_SECRET_TEXT];

    lab_token(n->lab, "node", secret);
    assert(node_enrol(n, secret) == ENROL_APPROVED);
    node_register(n);
}

struct buf node_heartbeat(struct peer_node *n)
{
    struct envelope env = { 0 };
    struct heartbeat body = { 0 };

    stamp(n, &env);
    REC_SET(&env, envelope, heartbeat, &body);
    return encode(&envelope_desc, &env);
}

struct buf node_report(struct peer_node *n, bool up)
{
    struct section_body body = { 0 };
    struct envelope env = { 0 };
    struct report report = { 0 };
    struct nic nic = { 0 };

    REC_SET(&nic, nic, name, "eth0");
    REC_SET(&nic, nic, admin_up, true);
    REC_SET(&nic, nic, carrier, up);
    REC_SET(&nic, nic, paths_active, up);
    REC_SET(&nic, nic, paths_total, 1);
    REC_SET(&body, section_body, section, SECTION_NICS);
    REC_SET(&body, section_body, status, SECTION_OK);
    REC_SET(&body, section_body, generation, n->seq + 1);
    REC_SET(&body, section_body, nics, ((struct recs){ &nic, 1 }));
    REC_SET(&report, report, sections, ((struct recs){ &body, 1 }));
    REC_SET(&env, envelope, report, &report);
    stamp(n, &env);
    return encode(&envelope_desc, &env);
}

void node_beat(struct peer_node *n)
{
    struct buf b = node_heartbeat(n);

    node_raw(n, b.p, b.n);
    buf_deinit(&b);
    assert(must_hear(n)->heartbeat_ack != NULL && n->answer->correlation == n->seq);
}
