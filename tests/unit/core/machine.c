/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine.h"

#include <assert.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "model/identity.h"
#include "wire/codec.h"

#define ALL_SECTIONS \
    (1u << SECTION_SYSTEM | 1u << SECTION_NICS | 1u << SECTION_BONDS | 1u << SECTION_VLANS)

void machine_new_key(struct machine *m)
{
    life_draw(m->l, m->key.b, sizeof m->key.b);
}

static void new_boot(struct machine *m)
{
    life_draw(m->l, m->boot.b, sizeof m->boot.b);
    machine_new_key(m);
    m->seq = 0;
    m->remembers = false;
}

void machine_init(struct machine *m, struct life *l, unsigned number)
{
    struct err e;
    const char *source;
    int rc;

    memset(m, 0, sizeof *m);
    m->l = l;
    m->number = number;
    snprintf(m->name, sizeof m->name, "m%u", number);
    snprintf(m->uuid, sizeof m->uuid, "5f5b1c04-93cd-4a5e-8f6e-00000000%04x", number);
    snprintf(m->mac, sizeof m->mac, "02:4d:00:00:%02x:%02x", number >> 8, number & 255);
    m->hostname = m->name;
    rc = identity_choose(NULL, m->uuid, m->mac, &m->id, &source, &e);
    assert(rc == 0);
    new_boot(m);
    snprintf(m->nics[0].name, sizeof m->nics[0].name, "eth0");
    m->nics[0].up = true;
    m->status = SECTION_OK;
    m->sections = ALL_SECTIONS;
}

void machine_reboot(struct machine *m)
{
    new_boot(m);
}

/* ---- what it has ---------------------------------------------------------------------------- */

static void system_fill(const struct machine *m, struct section *s, struct arena *a)
{
    struct system *row = arena_zalloc(a, sizeof *row);

    REC_SET(row, system, hostname, m->hostname);
    s->rows = row;
    s->row_count = 1;
}

static void nics_fill(const struct machine *m, struct section *s, struct arena *a)
{
    struct nic *v = arena_array(a, MACHINE_NICS, sizeof *v);

    s->rows = v;
    for (size_t i = 0; i < MACHINE_NICS; i++) {
        const struct machine_nic *nic = &m->nics[i];
        struct nic *row = &v[s->row_count];

        if (nic->name[0] == '\0')
            continue;
        s->row_count++;
        REC_SET(row, nic, name, arena_strdup(a, nic->name));
        REC_SET(row, nic, admin_up, true);
        REC_SET(row, nic, carrier, nic->up);
        REC_SET(row, nic, paths_active, nic->up);
        REC_SET(row, nic, paths_total, 1);
        REC_SET(row, nic, rx_bytes, nic->rx_bytes);
        if (nic->bond != NULL) {
            REC_SET(row, nic, master, nic->bond);
            REC_SET(row, nic, bond_state, "active");
        }
    }
}

/* Slaves that are up, and all. */
static void bond_paths(const struct machine *m, const char *bond, uint64_t *up, uint64_t *all)
{
    *up = *all = 0;
    for (size_t i = 0; i < MACHINE_NICS; i++) {
        const struct machine_nic *nic = &m->nics[i];
        bool in = nic->name[0] != '\0' && nic->bond != NULL && strcmp(nic->bond, bond) == 0;

        *all += in;
        *up += in && nic->up;
    }
}

static void bonds_fill(const struct machine *m, struct section *s, struct arena *a)
{
    struct bond *v = arena_array(a, MACHINE_BONDS, sizeof *v);

    s->rows = v;
    for (size_t i = 0; i < MACHINE_BONDS; i++) {
        struct bond *row = &v[s->row_count];
        uint64_t up, all;

        if (m->bonds[i][0] == '\0')
            continue;
        s->row_count++;
        bond_paths(m, m->bonds[i], &up, &all);
        REC_SET(row, bond, name, arena_strdup(a, m->bonds[i]));
        REC_SET(row, bond, paths_active, up);
        REC_SET(row, bond, paths_total, all);
    }
}

static void vlan_paths(const struct machine *m, const char *base, uint64_t *up, uint64_t *all)
{
    bond_paths(m, base, up, all);
    for (size_t i = 0; i < MACHINE_NICS && *all == 0; i++) {
        if (strcmp(m->nics[i].name, base) == 0) {
            *all = 1;
            *up = m->nics[i].up;
        }
    }
}

static void vlans_fill(const struct machine *m, struct section *s, struct arena *a)
{
    struct vlan *v = arena_array(a, MACHINE_VLANS, sizeof *v);

    s->rows = v;
    for (size_t i = 0; i < MACHINE_VLANS; i++) {
        const struct machine_vlan *vlan = &m->vlans[i];
        struct vlan *row = &v[s->row_count];
        uint64_t up, all;

        if (vlan->name[0] == '\0')
            continue;
        s->row_count++;
        vlan_paths(m, vlan->base, &up, &all);
        REC_SET(row, vlan, name, arena_strdup(a, vlan->name));
        REC_SET(row, vlan, link, arena_strdup(a, vlan->base));
        REC_SET(row, vlan, base_link, row->link);
        REC_SET(row, vlan, tags, arena_strdup(a, vlan->tags));
        REC_SET(row, vlan, paths_active, up);
        REC_SET(row, vlan, paths_total, all);
    }
}

static void section_fill(const struct machine *m, enum section_id id, struct section *s,
                         struct arena *a)
{
    bool is_net = id != SECTION_SYSTEM;
    struct err e = { "" };
    int rc;

    *s = (struct section){ .id = id, .status = is_net ? m->status : SECTION_OK };
    if (s->status != SECTION_OK)
        s->status_text = "so the test wants it";
    s->status_age_ms = m->status_age_ms;
    if (id == SECTION_SYSTEM)
        system_fill(m, s, a);
    else if (id == SECTION_NICS && !m->rowless)
        nics_fill(m, s, a);
    else if (id == SECTION_BONDS && !m->rowless)
        bonds_fill(m, s, a);
    else if (id == SECTION_VLANS && !m->rowless)
        vlans_fill(m, s, a);
    rc = section_normalise(s, a, &e);
    if (rc != 0)
        fprintf(stderr, "%s\n", e.text);
    assert(rc == 0);
}

struct section *machine_sections(struct machine *m, struct arena *a, uint32_t set, size_t *n)
{
    struct section *v = arena_array(a, SECTION_COUNT, sizeof *v);

    *n = 0;
    for (unsigned id = 0; id < SECTION_COUNT; id++) {
        if (((set & m->sections) >> id) & 1u)
            section_fill(m, (enum section_id)id, &v[(*n)++], a);
    }
    return v;
}

/* ---- what it says --------------------------------------------------------------------------- */

/* As an agent keeps it. */
static void remember(struct machine *m)
{
    const struct envelope *env = m->l->answer;

    if (env == NULL)
        return;
    if (env->registered != NULL) {
        const struct memory *from = env->registered->coordinator;

        m->remembers = true;
        memcpy(m->db_id, from->db_id.p, 16);
        memcpy(m->nonce, from->nonce.p, 16);
        m->memory = *from;
        m->memory.db_id = wire_bytes16(m->db_id);
        m->memory.nonce = wire_bytes16(m->nonce);
    } else if (env->heartbeat_ack != NULL) {
        m->memory.generation = env->heartbeat_ack->generation;
    } else if (env->report_ack != NULL) {
        m->memory.generation = env->report_ack->generation;
    }
}

void machine_say_sections(struct machine *m, struct envelope *env, const struct section *v,
                          size_t n)
{
    struct coord_event ev = { .type = COORD_NODE_MESSAGE };

    if (!REC_HAS(env, envelope, version))
        REC_SET(env, envelope, version, m->protocol != 0 ? m->protocol : PROTOCOL_VERSION);
    if (!REC_HAS(env, envelope, node_id))
        REC_SET(env, envelope, node_id, wire_bytes16(m->id.b));
    if (!REC_HAS(env, envelope, boot_id))
        REC_SET(env, envelope, boot_id, wire_bytes16(m->boot.b));
    if (!REC_HAS(env, envelope, seq))
        REC_SET(env, envelope, seq, ++m->seq);
    ev.key = m->key;
    ev.node.env = env;
    ev.node.sections = v;
    ev.node.section_count = n;
    life_step(m->l, &ev);
    if (!m->l->batch)
        remember(m);
}

void machine_say(struct machine *m, struct envelope *env)
{
    machine_say_sections(m, env, NULL, 0);
}

static const struct identity *identity_of(const struct machine *m)
{
    struct identity *i = arena_zalloc(m->l->arena, sizeof *i);

    REC_SET(i, identity, product_uuid, arena_strdup(m->l->arena, m->uuid));
    REC_SET(i, identity, lowest_mac, arena_strdup(m->l->arena, m->mac));
    REC_SET(i, identity, hostname, m->hostname);
    REC_SET(i, identity, source, "smbios");
    return i;
}

static struct envelope *envelope_in(struct machine *m)
{
    return arena_zalloc(m->l->arena, sizeof(struct envelope));
}

void machine_enrol(struct machine *m, const char *secret)
{
    struct enrol *body = arena_zalloc(m->l->arena, sizeof *body);
    struct envelope *env = envelope_in(m);

    if (secret != NULL)
        REC_SET(body, enrol, secret, arena_strdup(m->l->arena, secret));
    REC_SET(body, enrol, identity, identity_of(m));
    REC_SET(env, envelope, enrol, body);
    machine_say(m, env);
}

static struct recs states_of(struct machine *m)
{
    size_t n;
    struct section *v = machine_sections(m, m->l->arena, m->sections, &n);
    struct section_state *s = arena_array(m->l->arena, n, sizeof *s);

    for (size_t i = 0; i < n; i++) {
        REC_SET(&s[i], section_state, section, v[i].id);
        REC_SET(&s[i], section_state, generation, 1);
        REC_SET(&s[i], section_state, digest, wire_bytes16(v[i].digest.b));
        REC_SET(&s[i], section_state, age_ms, 250);
    }
    return (struct recs){ s, n };
}

void machine_register(struct machine *m)
{
    struct node_register *body = arena_zalloc(m->l->arena, sizeof *body);
    struct envelope *env = envelope_in(m);

    REC_SET(body, node_register, identity, identity_of(m));
    if (m->remembers)
        REC_SET(body, node_register, memory, &m->memory);
    REC_SET(body, node_register, sections, states_of(m));
    REC_SET(body, node_register, rights, ((struct recs){ m->rights, m->right_count }));
    REC_SET(env, envelope, node_register, body);
    machine_say(m, env);
}

void machine_heartbeat(struct machine *m)
{
    struct heartbeat *body = arena_zalloc(m->l->arena, sizeof *body);
    struct envelope *env = envelope_in(m);

    REC_SET(body, heartbeat, sections, states_of(m));
    REC_SET(body, heartbeat, rights, ((struct recs){ m->rights, m->right_count }));
    REC_SET(env, envelope, heartbeat, body);
    machine_say(m, env);
}

void machine_report_some(struct machine *m, uint32_t sections)
{
    struct report *body = arena_zalloc(m->l->arena, sizeof *body);
    struct envelope *env = envelope_in(m);
    size_t n;
    struct section *v = machine_sections(m, m->l->arena, sections, &n);

    REC_SET(env, envelope, report, body);
    machine_say_sections(m, env, v, n);
}

void machine_report(struct machine *m)
{
    machine_report_some(m, m->sections);
}

void machine_goodbye(struct machine *m)
{
    struct goodbye *body = arena_zalloc(m->l->arena, sizeof *body);
    struct envelope *env = envelope_in(m);

    REC_SET(env, envelope, goodbye, body);
    machine_say(m, env);
}

/* ---- answers -------------------------------------------------------------------------------- */

enum enrol_state machine_enrolled(const struct machine *m)
{
    const struct envelope *env = m->l->answer;

    return env == NULL || env->enrolled == NULL ? 0 : (enum enrol_state)env->enrolled->state;
}

enum refuse_reason machine_refused(const struct machine *m)
{
    const struct envelope *env = m->l->answer;

    return env == NULL || env->refused == NULL ? 0 : (enum refuse_reason)env->refused->reason;
}

bool machine_registered(const struct machine *m)
{
    return m->l->answer != NULL && m->l->answer->registered != NULL;
}

bool machine_acknowledged(const struct machine *m)
{
    return m->l->answer != NULL && m->l->answer->report_ack != NULL;
}

bool machine_wanted(const struct machine *m, const char *section)
{
    const struct envelope *env = m->l->answer;
    struct strs want = { NULL, 0 };

    if (env != NULL && env->registered != NULL)
        want = env->registered->want;
    else if (env != NULL && env->heartbeat_ack != NULL)
        want = env->heartbeat_ack->want;
    for (size_t i = 0; i < want.n; i++) {
        if (strcmp(want.v[i], section) == 0)
            return true;
    }
    return false;
}

void machine_join(struct machine *m)
{
    char secret[33];

    life_token(m->l, NULL, secret);
    machine_enrol(m, secret);
    assert(machine_enrolled(m) == ENROL_APPROVED);
    machine_register(m);
    assert(machine_registered(m));
    machine_report(m);
    assert(machine_acknowledged(m));
}
