/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thousands of random events: machines that enrol, change, fall silent, boot anew, exist twice and
 * talk nonsense; operators that do this and that; commits that fail, restarts, restored backups.
 * After every step the core agrees with itself, after every commit a core that is loaded from the
 * database holds the same (both by life.c), and what a machine has confirmed is what it has. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/core_internal.h"
#include "machine.h"
#include "places.h"
#include "share.h"
#include "wire/codec.h"

enum { IDS = 4, MACHINES = 3 * IDS, STEPS = 3000 };

struct world {
    struct life *l;
    struct machine m[MACHINES];
    struct durable *backup;
    unsigned pending; /* steps of the batch that is open */
    unsigned confirmed, reloads, recoveries;
};

static uint32_t rnd(struct world *w, uint32_t below)
{
    return life_rand(w->l, below);
}

/* ---- what changes about a machine ----------------------------------------------------------- */

static void change_nic(struct world *w, struct machine *m)
{
    static const char *const names[] = { "", "eth0", "eth1", "eth2", "eth0.100", "lan/0" };
    uint32_t at = rnd(w, MACHINE_NICS);
    struct machine_nic *nic = &m->nics[at];
    const char *name = names[rnd(w, ARRAY_LEN(names))];

    for (size_t i = 0; i < MACHINE_NICS; i++) {
        if (i != at && strcmp(m->nics[i].name, name) == 0)
            name = "";
    }
    snprintf(nic->name, sizeof nic->name, "%s", name);
    nic->up = rnd(w, 3) != 0;
    nic->bond = rnd(w, 3) == 0 ? "bond0" : NULL;
    nic->rx_bytes++;
}

static void change_vlan(struct world *w, struct machine *m)
{
    static const char *const bases[] = { "eth0", "eth1", "bond0" };
    static const char *const tags[] = { "100", "200", "100.7", "0", "4095", "x" };
    uint32_t at = rnd(w, MACHINE_VLANS);
    struct machine_vlan *v = &m->vlans[at];

    if (rnd(w, 3) == 0) {
        v->name[0] = '\0';
        return;
    }
    snprintf(v->name, sizeof v->name, "v%u", at);
    snprintf(v->base, sizeof v->base, "%s", bases[rnd(w, ARRAY_LEN(bases))]);
    snprintf(v->tags, sizeof v->tags, "%s", tags[rnd(w, ARRAY_LEN(tags))]);
}

static void change_status(struct world *w, struct machine *m)
{
    static const enum section_status states[] = { SECTION_OK,     SECTION_OK,    SECTION_OK,
                                                  SECTION_FAILED, SECTION_STUCK, SECTION_ABSENT,
                                                  SECTION_NEVER };

    m->status = states[rnd(w, ARRAY_LEN(states))];
    m->rowless = m->status == SECTION_ABSENT || m->status == SECTION_NEVER ||
                 (m->status != SECTION_OK && rnd(w, 2) == 0);
    m->status_age_ms = rnd(w, 20000);
}

static void change(struct world *w, struct machine *m)
{
    static const char *const hostnames[] = { "m1", "rack/3", "", "m2", "web.example" };

    switch (rnd(w, 8)) {
    case 0:
        change_status(w, m);
        break;
    case 1:
        m->hostname = hostnames[rnd(w, ARRAY_LEN(hostnames))];
        break;
    case 2:
        snprintf(m->bonds[0], sizeof m->bonds[0], "%s", rnd(w, 2) == 0 ? "bond0" : "");
        break;
    case 3:
    case 4:
        change_vlan(w, m);
        break;
    default:
        change_nic(w, m);
        break;
    }
}

/* ---- is what was confirmed what the machine has? -------------------------------------------- */

static const struct sighting *seen_through(const struct node *n, enum section_id id,
                                           const char *key)
{
    for (uint32_t e = 0; e < n->edge_count; e++) {
        for (const struct sighting *g = n->edges[e]->sightings; g != NULL; g = g->next) {
            if (g->section == id && strcmp(g->row_key, key) == 0)
                return g;
        }
    }
    return NULL;
}

static size_t sightings(const struct node *n)
{
    size_t count = 0;

    for (uint32_t e = 0; e < n->edge_count; e++) {
        for (const struct sighting *g = n->edges[e]->sightings; g != NULL; g = g->next)
            count++;
    }
    return count;
}

static bool has_bond(const struct machine *m, const char *name)
{
    return name != NULL && strcmp(m->bonds[0], name) == 0;
}

static void expect_nics(const struct machine *m, const struct node *n, size_t *expected)
{
    for (size_t i = 0; i < MACHINE_NICS; i++) {
        const struct machine_nic *nic = &m->nics[i];
        const struct sighting *g = seen_through(n, SECTION_NICS, nic->name);

        if (nic->name[0] == '\0' || nic->bond != NULL)
            continue;
        ++*expected;
        cr_assert_not_null(g, "%s: NIC %s is not seen", m->name, nic->name);
        cr_assert_eq(g->seen.paths_active, nic->up);
        cr_assert_eq(g->edge->shown == EDGE_LOST, g->edge->paths_active == 0);
        cr_assert_neq(g->edge->shown, EDGE_UNKNOWN, "%s: %s", m->name, nic->name);
    }
}

static void expect_vlans(const struct machine *m, const struct node *n, size_t *expected)
{
    for (size_t i = 0; i < MACHINE_VLANS; i++) {
        const struct machine_vlan *v = &m->vlans[i];
        bool real = v->tags[0] == '0' || v->tags[0] == '1' || v->tags[0] == '2';
        const struct sighting *g = seen_through(n, SECTION_VLANS, v->name);

        if (v->name[0] == '\0')
            continue;
        *expected += real;
        cr_assert_eq(g != NULL, real, "%s: VLAN %s of tags %s", m->name, v->name, v->tags);
        if (real && strchr(v->tags, '.') != NULL)
            cr_assert_null(g->edge->resource->network, "a stacked VLAN has matched a network");
        if (real)
            cr_assert_neq(g->edge->shown, EDGE_UNKNOWN);
    }
}

/* After a heartbeat that wanted nothing. */
static void expect_all(struct world *w, const struct machine *m)
{
    const struct node *n = node_by_id(w->l->c, m->id);
    size_t expected = has_bond(m, "bond0");

    if (m->status != SECTION_OK)
        return;
    expect_nics(m, n, &expected);
    expect_vlans(m, n, &expected);
    cr_assert_eq(sightings(n), expected, "%s: %zu ports, not %zu", m->name, sightings(n), expected);
    w->confirmed++;
}

/* ---- what a machine says -------------------------------------------------------------------- */

static void enrol(struct world *w, struct machine *m)
{
    char secret[33];

    if (rnd(w, 3) == 0 || w->l->batch || w->l->read_only || w->l->c->recover) {
        machine_enrol(m, NULL);
    } else {
        life_token(w->l, NULL, secret);
        machine_enrol(m, secret);
    }
}

static void heartbeat(struct world *w, struct machine *m)
{
    machine_heartbeat(m);
    if (w->l->batch || w->l->read_only || w->l->answer->heartbeat_ack == NULL)
        return;
    machine_register(m); /* is told all that differs, whatever was asked for a moment ago */
    if (machine_registered(m) && w->l->answer->registered->want.n == 0)
        expect_all(w, m);
}

static void nonsense(struct world *w, struct machine *m)
{
    struct report_ack ack = { 0 };
    struct heartbeat beat = { 0 };
    struct envelope env = { 0 };
    uint8_t junk[16];

    life_draw(w->l, junk, sizeof junk);
    switch (rnd(w, 5)) {
    case 0:
        REC_SET(&env, envelope, seq, rnd(w, 20));
        break;
    case 1:
        REC_SET(&env, envelope, node_id, wire_bytes16(w->m[rnd(w, MACHINES)].id.b));
        break;
    case 2:
        REC_SET(&env, envelope, boot_id, wire_bytes16(w->m[rnd(w, MACHINES)].boot.b));
        break;
    case 3:
        REC_SET(&env, envelope, version, rnd(w, 4));
        break;
    default:
        REC_SET(&env, envelope, node_id, wire_bytes16(junk));
        break;
    }
    if (rnd(w, 4) == 0)
        REC_SET(&env, envelope, report_ack, &ack);
    else
        REC_SET(&env, envelope, heartbeat, &beat);
    machine_say(m, &env);
}

static void bad(struct world *w, struct machine *m)
{
    struct coord_event ev = { .type = COORD_NODE_BAD, .key = m->key };

    ev.bad.reason = (enum refuse_reason)rnd(w, 20);
    ev.bad.answer = rnd(w, 2) == 0;
    ev.bad.count = rnd(w, 3);
    life_step(w->l, &ev);
}

/* Does as an agent does until there is nothing left to do. */
static void behave(struct world *w, struct machine *m)
{
    if (w->l->batch)
        return;
    for (int i = 0; i < 4; i++) {
        machine_heartbeat(m);
        if (machine_refused(m) == REFUSE_UNKNOWN_KEY)
            enrol(w, m);
        if (machine_refused(m) == REFUSE_REPLAY)
            m->seq += 1000;
        if (machine_refused(m) == REFUSE_QUARANTINED || machine_refused(m) == REFUSE_PENDING)
            life_order(w->l, OP_NODE_APPROVE, m->name);
        if (machine_refused(m) == REFUSE_RETIRED_BOOT)
            machine_reboot(m);
        machine_register(m);
        if (machine_registered(m))
            machine_report(m);
    }
    heartbeat(w, m);
}

static void say(struct world *w, struct machine *m)
{
    size_t lost = w->l->lost, renamed = w->l->renamed;

    switch (rnd(w, 18)) {
    case 0:
        enrol(w, m);
        break;
    case 16:
    case 17:
        behave(w, m);
        return;
    case 1:
        machine_goodbye(m);
        break;
    case 2:
        nonsense(w, m);
        break;
    case 3:
        bad(w, m);
        break;
    case 4:
    case 5:
    case 6:
        machine_register(m);
        break;
    case 7:
    case 8:
    case 9:
        heartbeat(w, m);
        break;
    case 10:
        machine_report_some(m, rnd(w, 1u << SECTION_COUNT));
        return;
    default:
        machine_report(m);
        return;
    }
    /* Under another name its ports may match other networks. */
    cr_assert(w->l->batch || w->l->renamed != renamed || w->l->lost == lost,
              "something was lost without a report");
}

/* ---- operators ------------------------------------------------------------------------------ */

static void network(struct world *w)
{
    static const char *const names[] = { "prod", "test", "mgmt" };
    static const char *const matches[] = { "*/*", "m1/eth*", "*/bond?", "m*/eth0", "web*/*" };
    static const uint64_t vlans[] = { 0, 100, 200 };

    life_define(w->l, names[rnd(w, 3)], vlans[rnd(w, 3)],
                rnd(w, 4) == 0 ? NULL : matches[rnd(w, ARRAY_LEN(matches))]);
}

static const char *some_name(struct world *w)
{
    const struct coord *c = w->l->c;

    return c->node_count == 0 ? "nobody" : c->nodes[rnd(w, (uint32_t)c->node_count)]->row.name;
}

static void rename_node(struct world *w)
{
    static const char *const names[] = { "m1", "web-1", "x", "../y" };
    struct request req = { 0 };
    char node[128];

    snprintf(node, sizeof node, "%s", some_name(w));
    REC_SET(&req, request, op, OP_NODE_RENAME);
    REC_SET(&req, request, node, node);
    REC_SET(&req, request, name, names[rnd(w, ARRAY_LEN(names))]);
    life_ask(w->l, &req);
}

static void operate(struct world *w)
{
    static const enum client_op ops[] = { OP_NODE_APPROVE, OP_NODE_APPROVE,
                                          OP_NODE_DRAIN,   OP_NODE_DECLARE_DEAD,
                                          OP_NODE_FORGET,  OP_SNAPSHOT,
                                          OP_STATUS,       OP_NODE_SHOW,
                                          OP_RECOVER };
    enum client_op op = ops[rnd(w, ARRAY_LEN(ops))];
    bool was = w->l->c->recover;
    char node[128];

    snprintf(node, sizeof node, "%s", some_name(w));
    switch (rnd(w, 4)) {
    case 0:
        network(w);
        break;
    case 1:
        rename_node(w);
        break;
    default:
        life_order(w->l, op, op == OP_SNAPSHOT ? NULL : node);
        break;
    }
    w->recoveries += was && !w->l->c->recover;
}

/* ---- the shell ------------------------------------------------------------------------------ */

static void end_batch(struct world *w)
{
    if (w->l->batch)
        life_commit(w->l);
}

static void fail(struct world *w)
{
    if (w->l->read_only)
        return;
    life_fail(w->l);
    w->reloads++;
}

static void restart(struct world *w)
{
    end_batch(w);
    life_restart(w->l);
    w->reloads++;
}

static void backup(struct world *w)
{
    end_batch(w);
    if (w->backup == NULL || rnd(w, 2) == 0) {
        durable_free(w->backup);
        w->backup = durable_copy(w->l->d);
    } else {
        durable_free(w->l->d);
        w->l->d = w->backup;
        w->backup = NULL;
        restart(w);
    }
}

static void shell(struct world *w)
{
    switch (rnd(w, 24)) {
    case 0:
        fail(w);
        break;
    case 1:
        restart(w);
        break;
    case 2:
        backup(w);
        break;
    case 3:
        if (w->l->batch)
            end_batch(w);
        else
            life_begin(w->l);
        break;
    case 4:
    case 5:
    case 6:
        end_batch(w);
        life_pass(w->l, rnd(w, 9000));
        break;
    case 7:
        end_batch(w);
        life_run(w->l, 40000);
        break;
    case 8:
        end_batch(w);
        life_run(w->l, INT64_C(2) * 3600 * 1000);
        break;
    case 9:
        life_pass(w->l, 0);
        break;
    default:
        end_batch(w);
        if (w->l->read_only)
            life_writable(w->l, true);
        break;
    }
}

/* Another life of a machine in place of one of its two others. */
static void multiply(struct world *w, uint32_t at)
{
    struct machine *to = &w->m[(at + IDS * (1 + rnd(w, 2))) % MACHINES];

    *to = w->m[at];
    if (rnd(w, 3) != 0)
        machine_reboot(to);
    else
        machine_new_key(to);
    if (rnd(w, 6) == 0)
        snprintf(to->mac, sizeof to->mac, "02:4d:00:00:01:%02x", rnd(w, 256));
}

static void one(struct world *w)
{
    /* Of three lives of a machine the first speaks most. */
    uint32_t at = rnd(w, 4) != 0 ? rnd(w, IDS) : rnd(w, MACHINES);

    switch (rnd(w, 12)) {
    case 0:
        operate(w);
        break;
    case 1:
        shell(w);
        break;
    case 2:
        if (rnd(w, 8) == 0)
            multiply(w, at);
        break;
    case 3:
    case 4:
        change(w, &w->m[at]);
        break;
    default:
        say(w, &w->m[at]);
        break;
    }
}

static void run(uint64_t seed)
{
    struct world w = { .l = life_new() };

    w.l->random = seed;
    w.l->config.event_retention_rows = 200;
    restart(&w);
    for (unsigned i = 0; i < MACHINES; i++)
        machine_init(&w.m[i], w.l, 1 + i % IDS);
    for (unsigned i = 0; i < STEPS; i++) {
        one(&w);
        if (i % 32 == 0) /* the sets that it makes are held against the edges after each step */
            places_expect(w.l->c);
    }
    end_batch(&w);
    fprintf(stderr, "# %u confirmations, %u reloads, %u recoveries, epoch %llu\n", w.confirmed,
            w.reloads, w.recoveries, (unsigned long long)w.l->c->meta.epoch);
    durable_free(w.backup);
    life_free(w.l);
}

Test(random, lives, .timeout = 280)
{
    const char *given = getenv("MUSTER_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 5;

    unsigned lives = given != NULL ? 1 : share_of(5, 1, "seeds");

    for (unsigned i = 0; i < lives; i++) {
        fprintf(stderr, "# MUSTER_SEED=%llu\n", (unsigned long long)(seed + i));
        run(seed + i);
    }
}
