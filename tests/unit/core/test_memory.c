/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every allocation of a long life fails once. The step says -ENOMEM, the core that is loaded in its
 * place holds what was acknowledged, and in the end everything is as if nothing had failed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "failing.h"
#include "scanning.h"
#include "wire/token.h"

static long which;

/* ---- a life --------------------------------------------------------------------------------- */

struct story {
    struct life *l;
    struct machine a, b;
    unsigned failures;
};

/* Asks again what was not answered for want of memory. */
static enum reply_code order(struct story *t, struct request *req)
{
    enum reply_code code = life_ask(t->l, req);

    t->failures += t->l->failed;
    if (code != REPLY_FAILED)
        return code;
    life_pass(t->l, 6000); /* until silence is silence again */
    return life_ask(t->l, req);
}

static void simple(struct story *t, enum client_op op, const char *node, enum reply_code code)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    if (node != NULL)
        REC_SET(&req, request, node, node);
    REC_SET(&req, request, confirm, op == OP_RECOVER ? "recover" : node);
    REC_SET(&req, request, flag, true);
    REC_SET(&req, request, since, coord_generation(t->l->c));
    cr_assert_eq(order(t, &req), code, "operation %d: %llu %s", (int)op,
                 (unsigned long long)t->l->reply->code, t->l->reply->text);
}

static void network(struct story *t, const char *name, uint64_t vlan, const char *match)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, match != NULL ? OP_NETWORK_DEFINE : OP_NETWORK_DELETE);
    REC_SET(&req, request, name, name);
    REC_SET(&req, request, vlan, vlan);
    REC_SET(&req, request, matches, ((struct strs){ &match, match != NULL }));
    cr_assert_eq(order(t, &req), REPLY_OK, "%s", t->l->reply->text);
}

static void token(struct story *t, char secret[33])
{
    struct request req = { 0 };
    pubkey server;

    REC_SET(&req, request, op, OP_TOKEN_CREATE);
    cr_assert_eq(order(t, &req), REPLY_OK);
    cr_assert_eq(token_parse(((const struct token_info *)t->l->reply->tokens.v)->token, &server,
                             secret, NULL),
                 0);
}

static void pass(struct story *t, int64_t ms)
{
    for (int i = 0; i < 2; i++) { /* the second counts if the first has failed */
        life_pass(t->l, ms);
        t->failures += t->l->failed;
    }
}

/* Does what an agent does until the coordinator has all: at most one step in it fails. */
static void settle(struct story *t, struct machine *of, const char *secret)
{
    for (int i = 0; i < 3 || (i < 9 && !machine_acknowledged(of)); i++) {
        enum refuse_reason why;

        machine_heartbeat(of);
        t->failures += t->l->failed;
        why = machine_refused(of);
        if (why == REFUSE_PENDING) /* a core that was loaded anew counts from then */
            pass(t, 6000);
        if (why == REFUSE_UNKNOWN_KEY || why == REFUSE_PENDING || why == REFUSE_NOT_REGISTERED) {
            machine_enrol(of, secret);
            t->failures += t->l->failed;
            machine_register(of);
            t->failures += t->l->failed;
        }
        machine_report(of);
        t->failures += t->l->failed;
    }
    cr_assert(machine_acknowledged(of), "allocation %ld: refused %d", which, machine_refused(of));
}

static void wire(struct machine *of)
{
    snprintf(of->nics[1].name, sizeof of->nics[1].name, "eth1");
    of->nics[0].bond = of->nics[1].bond = "bond0";
    of->nics[1].up = true;
    snprintf(of->bonds[0], sizeof of->bonds[0], "bond0");
    snprintf(of->vlans[0].name, sizeof of->vlans[0].name, "prod");
    snprintf(of->vlans[0].base, sizeof of->vlans[0].base, "bond0");
    snprintf(of->vlans[0].tags, sizeof of->vlans[0].tags, "100");
}

static void join_both(struct story *t)
{
    char secret[33];

    machine_init(&t->a, t->l, 1);
    machine_init(&t->b, t->l, 2);
    wire(&t->a);
    token(t, secret);
    settle(t, &t->a, secret);
    network(t, "prod", 100, "*/bond*");
    token(t, secret);
    settle(t, &t->b, secret);
}

static void change_ports(struct story *t)
{
    t->a.nics[1].up = false;
    settle(t, &t->a, NULL);
    network(t, "mgmt", 0, "*/eth0");
    network(t, "prod", 100, "m1/bond0");
    t->b.status = SECTION_STUCK;
    settle(t, &t->b, NULL);
    t->b.status = SECTION_OK;
    t->b.nics[0].name[0] = '\0';
    settle(t, &t->b, NULL);
    network(t, "mgmt", 0, NULL);
}

/* The first question about a resource makes the sets of who sees it. */
static void place(struct story *t)
{
    static const char *const need = "prod";
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_PLACE);
    REC_SET(&req, request, resources, ((struct strs){ &need, 1 }));
    cr_assert_eq(order(t, &req), REPLY_OK, "%s", t->l->reply->text);
}

static void ask_all(struct story *t)
{
    place(t);
    simple(t, OP_SNAPSHOT, NULL, REPLY_OK);
    simple(t, OP_CHANGES, NULL, REPLY_OK);
    simple(t, OP_STATUS, NULL, REPLY_OK);
    simple(t, OP_NODE_SHOW, "m1", REPLY_OK);
    simple(t, OP_NETWORK_LIST, NULL, REPLY_OK);
    simple(t, OP_TOKEN_LIST, NULL, REPLY_OK);
    simple(t, OP_NODE_SHOW, "nobody", REPLY_NOT_FOUND);
}

static void boot_anew(struct story *t)
{
    char secret[33];

    token(t, secret);
    machine_reboot(&t->a);
    machine_enrol(&t->a, secret);
    t->failures += t->l->failed;
    pass(t, 6000);
    t->a.nics[1].up = true;
    settle(t, &t->a, secret);
    t->a.hostname = "alpha";
    machine_register(&t->a);
    t->failures += t->l->failed;
    settle(t, &t->a, secret);
    machine_register(&t->a);
    t->failures += t->l->failed;
}

static void end(struct story *t)
{
    machine_goodbye(&t->b);
    t->failures += t->l->failed;
    pass(t, 40000);
    simple(t, OP_NODE_FORGET, "m2", REPLY_OK);
    settle(t, &t->a, NULL);
    t->a.memory.epoch = 3;
    machine_register(&t->a);
    t->failures += t->l->failed;
    if (!t->l->c->recover)
        machine_register(&t->a);
    t->l->failed = false;
}

static void tell(struct story *t)
{
    join_both(t);
    change_ports(t);
    ask_all(t);
    boot_anew(t);
    end(t);
}

static void expect_the_end(const struct story *t)
{
    cr_assert_eq(t->l->c->node_count, 1);
    cr_assert(t->l->c->recover);
    cr_assert_str_eq(t->l->c->nodes[0]->row.name, "alpha");
    cr_assert_eq(map_count(t->l->c->networks_by_name), 1);
    /* prod was of m1's bond, and m1 is called alpha now */
    cr_assert_eq(life_edge(t->l, "alpha", "unproven:alpha/bond0.100")->paths_active, 2);
    cr_assert_eq(life_edge(t->l, "alpha", "unproven:alpha/bond0")->paths_had, 2);
    cr_assert_eq(map_count(t->l->c->resources), 3);
}

Test(core_memory, a_life_in_which_each_allocation_fails_once, .timeout = 280)
{
    const struct sweep s = failing_sweep(2);
    bool done = false;
    long n;

    for (n = s.first; !done; n += s.step) {
        struct story t = { .l = life_new() };

        t.l->doubtful = n % 50 != 0;
        t.l->arm = failing_arm;
        failing_left = which = n;
        tell(&t);
        done = failing_left >= 0;
        failing_left = -1;
        cr_assert_eq(t.failures, done ? 0 : 1, "allocation %ld: %u steps failed", n, t.failures);
        expect_the_end(&t);
        t.l->doubtful = false;
        life_pass(t.l, 0);
        life_free(t.l);
    }
    cr_expect_geq(n, 300, "only %ld allocations", n);
    fprintf(stderr, "# %ld allocations\n", n);
}

/* ---- loading -------------------------------------------------------------------------------- */

static int load(const struct life *of, struct coord **out, struct coord_update *u)
{
    struct coord_event ev = {
        .type = COORD_LOADED, .now = of->now, .listened = of->now, .wall = of->wall
    };
    struct stored image;
    int rc;

    durable_packed(of->d, &image);
    ev.loaded.image = &image;
    ev.loaded.first = true;
    failing_arm(true);
    *out = coord_new(&of->config);
    rc = *out == NULL ? -ENOMEM : coord_step(*out, &ev, u);
    if (rc == 0)
        rc = coord_end_batch(*out, u);
    failing_arm(false);
    return rc;
}

Test(core_memory, loading)
{
    struct story t = { .l = life_new() };
    bool done = false;
    char *text;

    join_both(&t);
    text = life_text(t.l->c);
    for (long n = 0; !done; n++) {
        struct arena *a = arena_new(0);
        struct coord_update u;
        struct coord *c;
        int rc;

        coord_update_init(&u, a);
        failing_left = n;
        rc = load(t.l, &c, &u);
        done = failing_left >= 0;
        failing_left = -1;
        cr_assert_eq(rc, done ? 0 : -ENOMEM, "allocation %ld: %d", n, rc);
        coord_free(c);
        coord_update_deinit(&u);
        arena_free(a);
    }
    free(text);
    life_free(t.l);
}

/* ---- scans, leases, holds -------------------------------------------------------------------- */

static unsigned failures;

/* Has the last thing failed? Then the core that is loaded in its place hears all again. */
static bool failed(void)
{
    if (!l->failed)
        return false;
    failures++;
    memset(held_count, 0, sizeof held_count);
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_register(&m[i]);
        shelf_report(&m[i], &plain);
        hear();
    }
    l->failed = false;
    return true;
}

static void second(unsigned machines)
{
    for (unsigned i = 0; i < machines; i++) {
        machine_heartbeat(&m[i]);
        hear();
        failed();
    }
    life_pass(l, 1000);
    hear();
    failed();
}

/* Does what it is asked for, unless that fails. */
static void answer(unsigned i, const char *fs, struct found f)
{
    struct order_key order = offer_of(i, fs);
    const struct job *j = task() == NULL ? NULL : job_by_key(l->c, &order);
    uint64_t token;

    if (j != NULL && j->row.step == 1) {
        reach(i, &order, i != 1);
        hear();
        failed();
        return;
    }
    token = ask(i, fs, &order);
    if (failed() || token == 0)
        return;
    rights_renew(&m[i]);
    if (failed())
        return;
    result(i, &order, token, f);
    failed();
}

static void scan_all(const char *fs, struct found f)
{
    do
        scan(&fs, 1, false);
    while (failed());
    for (unsigned n = 0; n < 60 && task() != NULL; n++) {
        for (unsigned i = 0; i < MACHINES; i++) {
            if (has_offer(i, fs))
                answer(i, fs, f);
        }
        if (task() != NULL)
            second(MACHINES);
    }
    cr_assert_null(task(), "allocation %ld: %s is not read", which, fs);
}

static void take_and_end(void)
{
    uint64_t token;

    do
        rights_take(l, "m1", F2);
    while (failed());
    cr_assert_eq(l->reply->code, REPLY_OK, "allocation %ld: %s", which, l->reply->text);
    token = strtoull(((const struct lease_info *)l->reply->leases.v)->token, NULL, 10);
    do
        rights_end(l, token);
    while (failed());
}

static void hold_of_the_dead(void)
{
    enum reply_code code = REPLY_REFUSED;

    do
        rights_take(l, "m3", F2);
    while (failed());
    for (unsigned n = 0; n < 60 && code != REPLY_OK; n++) {
        second(MACHINES - 1);
        code = life_order(l, OP_NODE_DECLARE_DEAD, "m3");
        failed();
    }
    cr_assert_eq(code, REPLY_OK, "allocation %ld: %s", which, l->reply->text);
}

Test(core_memory, scans_in_which_each_allocation_fails_once, .timeout = 280)
{
    const struct found part = { .outcome = SCAN_INCOMPLETE,
                                .reason = "A folder is damaged.",
                                .mounted_still = true,
                                .images = 1 };
    const struct sweep s = failing_sweep(2);
    bool done = false;
    long n;

    for (n = s.first; !done; n += s.step) {
        setup();
        failures = 0;
        l->doubtful = n % 50 != 0;
        l->arm = failing_arm;
        failing_left = which = n;
        scan_all(F1, complete);
        scan_all(F2, part);
        for (unsigned i = 0; i < MACHINES; i++)
            rights_clear(&m[i]);
        second(MACHINES);
        take_and_end();
        hold_of_the_dead();
        done = failing_left >= 0;
        failing_left = -1;
        cr_assert_eq(failures, done ? 0 : 1, "allocation %ld: %u steps failed", n, failures);
        cr_assert_eq(map_count(l->c->leases), 0, "allocation %ld", n);
        cr_assert_eq(shelf_resource(l, RESOURCE_FILESYSTEM, F1)->seat->image_count, 2);
        cr_assert_eq(shelf_resource(l, RESOURCE_FILESYSTEM, F2)->seat->image_count, 1);
        l->doubtful = false;
        life_pass(l, 0);
        teardown();
    }
    cr_expect_geq(n, 300, "only %ld allocations", n);
    fprintf(stderr, "# %ld allocations\n", n);
}
