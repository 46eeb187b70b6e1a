/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/codec.h"
#include "wire/token.h"

static const uuid128 fleet_db = { { 0xdb } }, fleet_nonce = { { 0x99 } };

/* A pubkey of its own for each number and use. */
static pubkey key_of(uint64_t number, uint8_t use)
{
    pubkey k = { { use } };

    memcpy(k.b + 1, &number, sizeof number);
    return k;
}

static void draw(struct fleet *f, void *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        f->random = f->random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)out)[i] = (uint8_t)(f->random >> 56);
    }
}

/* ---- batches -------------------------------------------------------------------------------- */

static void take_reply(struct fleet *f, struct outgoing *o)
{
    arena_free(f->asked);
    f->asked = o->reply_arena;
    o->reply_arena = NULL;
    f->reply = o->reply;
    f->join = o->join;
}

static void take_envelope(struct fleet *f, const struct outgoing *o)
{
    arena_free(f->told);
    f->told = arena_new(0);
    f->answer = record_dup(f->told, &envelope_desc, o->env);
}

static void take_messages(struct fleet *f)
{
    for (struct outgoing *o = f->update.messages; o != NULL; o = o->next) {
        if (o->reply != NULL)
            take_reply(f, o);
        else
            take_envelope(f, o);
    }
    coord_update_deinit(&f->update);
}

static void take_changes(struct fleet *f)
{
    size_t n = 0;

    for (const struct change *ch = f->update.changes; ch != NULL; ch = ch->next) {
        if (ch->type == CHANGE_EVENT && n < sizeof f->events)
            n += (size_t)snprintf(f->events + n, sizeof f->events - n, "%s: %s\n", ch->event.kind,
                                  ch->event.text);
    }
}

void fleet_begin(struct fleet *f)
{
    assert(!f->batch);
    f->batch = true;
}

void fleet_commit(struct fleet *f)
{
    int rc = coord_end_batch(f->c, &f->update);

    assert(rc == 0);
    f->commits += f->update.change_count > 0;
    take_changes(f);
    take_messages(f);
    arena_reset(f->arena);
    coord_update_init(&f->update, f->arena);
    f->batch = false;
}

void fleet_step(struct fleet *f, struct coord_event *ev)
{
    struct err e = { "" };
    int rc;

    ev->now = f->now;
    ev->listened = f->now;
    ev->wall = f->wall;
    draw(f, ev->random, sizeof ev->random);
    rc = coord_step(f->c, ev, &f->update);
    assert(rc == 0);
    take_messages(f);
    if (!f->batch)
        fleet_commit(f);
    rc = f->unchecked ? 0 : coord_check(f->c, &e);
    if (rc != 0)
        fprintf(stderr, "coord_check: %s\n", e.text);
    assert(rc == 0);
}

void fleet_pass(struct fleet *f, int64_t ms)
{
    struct coord_event ev = { .type = COORD_TICK };

    f->now.v += ms;
    f->wall.v += ms;
    fleet_step(f, &ev);
}

void fleet_read_only(struct fleet *f, bool on)
{
    struct coord_event ev = { .type = COORD_STORE_STATE };

    ev.store.read_only = on;
    ev.store.text = on ? "The disk is full; make room." : NULL;
    fleet_step(f, &ev);
}

struct fleet *fleet_new_by(bool enrol_by_token)
{
    struct fleet *f = calloc(1, sizeof *f);
    struct stored image = { .meta = { .db_id = fleet_db,
                                      .epoch = 1,
                                      .generation = FLEET_GENERATION,
                                      .next_node_no = 1,
                                      .next_resource_no = 1,
                                      .next_task_no = 1 } };
    struct coord_event ev = { .type = COORD_LOADED };

    f->config = (struct core_config){ .heartbeat_ms = 2000,
                                      .suspect_ms = 6000,
                                      .down_ms = 30000,
                                      .edge_retention_ms = 3600000,
                                      .event_retention_rows = 1000000,
                                      .lease_ttl_ms = 15000,
                                      .lease_history_rows = 1000,
                                      .enrol_by_token = enrol_by_token,
                                      .hash_seed = { 7 },
                                      .server_key = key_of(1, 0xcc) };
    f->now.v = 1000000;
    f->wall.v = 1700000000000;
    f->random = 1;
    f->arena = arena_new(0);
    f->c = coord_new(&f->config);
    coord_update_init(&f->update, f->arena);
    ev.loaded.image = &image;
    ev.loaded.first = true;
    ev.loaded.nonce = fleet_nonce;
    ev.loaded.started = f->now;
    fleet_step(f, &ev);
    return f;
}

struct fleet *fleet_new(void)
{
    return fleet_new_by(true);
}

void fleet_free(struct fleet *f)
{
    coord_free(f->c);
    arena_free(f->asked);
    arena_free(f->told);
    coord_update_deinit(&f->update);
    arena_free(f->arena);
    free(f);
}

/* ---- clients -------------------------------------------------------------------------------- */

enum reply_code fleet_ask(struct fleet *f, enum client who, struct request *req)
{
    struct coord_event ev = { .type = COORD_CLIENT_REQUEST };

    if (!REC_HAS(req, request, version))
        REC_SET(req, request, version, PROTOCOL_VERSION);
    REC_SET(req, request, correlation, f->random | 1);
    ev.local = who == CLIENT_LOCAL;
    if (who == CLIENT_NODE)
        ev.key = key_of(1, 1); /* that of host 1 in its first boot */
    else if (!ev.local)
        ev.key = key_of(who, 0xee);
    ev.request = req;
    fleet_step(f, &ev);
    assert(f->reply != NULL && f->reply->correlation == req->correlation);
    return (enum reply_code)f->reply->code;
}

/* ---- hosts ---------------------------------------------------------------------------------- */

void host_init(struct host *h, struct fleet *f, uint8_t number)
{
    memset(h, 0, sizeof *h);
    h->f = f;
    h->number = number;
    h->id.b[0] = number;
    h->id.b[6] = 0x40;
    h->id.b[15] = 1;
    h->boot = h->id;
    h->boot.b[14] = 1;
    h->key = key_of(number, 1);
    h->status = SECTION_OK;
    snprintf(h->name, sizeof h->name, "node-%u", number);
    h->ports[0].there = h->ports[0].up = true;
}

void host_reboot(struct host *h)
{
    h->boot.b[14]++;
    h->key = key_of(h->number, h->boot.b[14]);
    h->seq = 0;
    h->generation = 0;
}

/* Sends one body; the answer is in f->answer. */
static void host_send(struct host *h, struct envelope *env, const struct section *sections,
                      size_t n)
{
    struct coord_event ev = { .type = COORD_NODE_MESSAGE };

    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, node_id, wire_bytes16(h->id.b));
    REC_SET(env, envelope, boot_id, wire_bytes16(h->boot.b));
    REC_SET(env, envelope, seq, ++h->seq);
    ev.key = h->key;
    ev.node.env = env;
    ev.node.sections = sections;
    ev.node.section_count = n;
    h->f->answer = NULL;
    fleet_step(h->f, &ev);
}

static struct identity *host_identity(struct host *h, struct arena *a)
{
    struct identity *i = arena_zalloc(a, sizeof *i);
    char text[UUID_TEXT];

    REC_SET(i, identity, configured_id, arena_strdup(a, uuid_text(h->id, text)));
    REC_SET(i, identity, configured_name, h->name);
    REC_SET(i, identity, hostname, h->name);
    REC_SET(i, identity, lowest_mac, arena_printf(a, "02:00:00:00:00:%02x", h->number));
    REC_SET(i, identity, source, "configured");
    return i;
}

static bool secret_of(struct fleet *f, char secret[TOKEN_SECRET_TEXT])
{
    struct request req = { 0 };
    const struct token_info *t;
    pubkey server;

    REC_SET(&req, request, op, OP_TOKEN_CREATE);
    if (fleet_ask(f, CLIENT_LOCAL, &req) != REPLY_OK)
        return false;
    t = f->reply->tokens.v;
    return token_parse(t->token, &server, secret, NULL) == 0;
}

enum enrol_state host_enrol(struct host *h, bool with_token)
{
    char secret[TOKEN_SECRET_TEXT];
    bool token = with_token && secret_of(h->f, secret);
    struct envelope env = { 0 };
    struct enrol *body = arena_zalloc(h->f->arena, sizeof *body);

    if (token)
        REC_SET(body, enrol, secret, secret);
    REC_SET(body, enrol, identity, host_identity(h, h->f->arena));
    REC_SET(&env, envelope, enrol, body);
    host_send(h, &env, NULL, 0);
    if (h->f->answer == NULL || h->f->answer->enrolled == NULL)
        return 0;
    return (enum enrol_state)((const struct enrolled *)h->f->answer->enrolled)->state;
}

/* What it remembers of the coordinator; all but the generation is as it is. */
static struct memory *host_memory(struct host *h)
{
    struct memory *m = arena_zalloc(h->f->arena, sizeof *m);

    REC_SET(m, memory, db_id, wire_bytes16(fleet_db.b));
    REC_SET(m, memory, epoch, 1);
    REC_SET(m, memory, start_no, 1);
    REC_SET(m, memory, nonce, wire_bytes16(fleet_nonce.b));
    REC_SET(m, memory, generation, h->remembered);
    return m;
}

bool host_register(struct host *h)
{
    struct envelope env = { 0 };
    struct node_register *body = arena_zalloc(h->f->arena, sizeof *body);

    REC_SET(body, node_register, identity, host_identity(h, h->f->arena));
    if (h->remembered != 0)
        REC_SET(body, node_register, memory, host_memory(h));
    REC_SET(&env, envelope, node_register, body);
    host_send(h, &env, NULL, 0);
    return h->f->answer != NULL && h->f->answer->registered != NULL;
}

static void nics_fill(struct host *h, struct arena *a, struct section *s)
{
    struct nic *rows = arena_array(a, FLEET_PORTS, sizeof *rows);

    s->rows = rows;
    for (unsigned i = 0; i < FLEET_PORTS; i++) {
        struct nic *n = &rows[s->row_count];

        if (!h->ports[i].there)
            continue;
        s->row_count++;
        REC_SET(n, nic, name, arena_printf(a, "eth%u", i));
        REC_SET(n, nic, admin_up, true);
        REC_SET(n, nic, carrier, h->ports[i].up);
        REC_SET(n, nic, paths_active, h->ports[i].up);
        REC_SET(n, nic, paths_total, 1);
    }
}

static void vlans_fill(struct host *h, struct arena *a, struct section *s)
{
    struct vlan *rows = arena_array(a, FLEET_PORTS * 3, sizeof *rows);

    s->rows = rows;
    for (unsigned i = 0; i < FLEET_PORTS * 3; i++) {
        const struct port *p = &h->ports[i / 3];
        struct vlan *v = &rows[s->row_count];
        uint16_t tag = p->vlans[i % 3];

        if (!p->there || tag == 0)
            continue;
        s->row_count++;
        REC_SET(v, vlan, name, arena_printf(a, "v%u.%u.%u", i / 3, i % 3, tag));
        REC_SET(v, vlan, link, arena_printf(a, "eth%u", i / 3));
        REC_SET(v, vlan, base_link, v->link);
        REC_SET(v, vlan, tags, arena_printf(a, "%u", tag));
        REC_SET(v, vlan, vlan_id, tag);
        REC_SET(v, vlan, admin_up, true);
        REC_SET(v, vlan, carrier, p->up);
        REC_SET(v, vlan, paths_active, p->up);
        REC_SET(v, vlan, paths_total, 1);
    }
}

static void section_fill(struct host *h, struct arena *a, enum section_id id, struct section *s)
{
    struct err e = { "" };
    int rc;

    *s = (struct section){ .id = id, .status = h->status, .generation = h->generation };
    if (h->status == SECTION_STUCK || h->status == SECTION_FAILED)
        s->status_text = "so the test wants it";
    if (id == SECTION_NICS)
        nics_fill(h, a, s);
    else if (id == SECTION_VLANS)
        vlans_fill(h, a, s);
    rc = section_normalise(s, a, &e);
    if (rc != 0)
        fprintf(stderr, "%s\n", e.text);
    assert(rc == 0);
}

static struct section *sections_fill(struct host *h, struct arena *a)
{
    struct section *s = arena_array(a, 2, sizeof *s);

    section_fill(h, a, SECTION_NICS, &s[0]);
    section_fill(h, a, SECTION_VLANS, &s[1]);
    return s;
}

bool host_report(struct host *h)
{
    struct arena *a = h->f->arena;
    struct envelope env = { 0 };
    struct report *body = arena_zalloc(a, sizeof *body);
    struct section *s;
    struct section_body *bodies = arena_array(a, 2, sizeof *bodies);

    h->generation++;
    s = sections_fill(h, a);
    for (size_t i = 0; i < 2; i++)
        section_to_body(&s[i], &bodies[i]);
    REC_SET(body, report, sections, ((struct recs){ bodies, 2 }));
    REC_SET(&env, envelope, report, body);
    host_send(h, &env, s, 2);
    return h->f->answer != NULL && h->f->answer->report_ack != NULL;
}

bool host_report_sections(struct host *h, struct section *v, size_t n)
{
    struct envelope env = { 0 };
    struct report body = { 0 };
    struct arena *a = arena_new(0);
    struct err e = { "" };

    for (size_t i = 0; i < n; i++) {
        v[i].status = SECTION_OK;
        assert(section_normalise(&v[i], a, &e) == 0);
    }
    REC_SET(&env, envelope, report, &body);
    host_send(h, &env, v, n);
    arena_free(a);
    return h->f->answer != NULL && h->f->answer->report_ack != NULL;
}

void host_beat(struct host *h)
{
    struct arena *a = h->f->arena;
    struct envelope env = { 0 };
    struct heartbeat *body = arena_zalloc(a, sizeof *body);
    struct section_state *states = arena_array(a, 2, sizeof *states);
    struct section *s = sections_fill(h, a);

    for (size_t i = 0; i < 2; i++) {
        REC_SET(&states[i], section_state, section, s[i].id);
        REC_SET(&states[i], section_state, generation, s[i].generation);
        REC_SET(&states[i], section_state, digest, wire_bytes16(s[i].digest.b));
        REC_SET(&states[i], section_state, age_ms, 0);
        REC_SET(&states[i], section_state, status_age_ms, 0);
    }
    REC_SET(body, heartbeat, sections, ((struct recs){ states, 2 }));
    REC_SET(&env, envelope, heartbeat, body);
    host_send(h, &env, NULL, 0);
}

void host_goodbye(struct host *h)
{
    struct goodbye body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, goodbye, reason, "the test says so");
    REC_SET(&env, envelope, goodbye, &body);
    host_send(h, &env, NULL, 0);
}

void host_join(struct host *h)
{
    enum enrol_state state = host_enrol(h, true);
    bool good = state == ENROL_APPROVED && host_register(h) && host_report(h);

    if (!good && h->f->answer != NULL && h->f->answer->refused != NULL)
        fprintf(stderr, "%s\n", ((const struct refused *)h->f->answer->refused)->text);
    assert(good);
}
