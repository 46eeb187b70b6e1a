/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A commit that fails: the batch has not happened, the core is loaded anew, and what was
 * acknowledged before is there. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "machine.h"

static struct life *l;
static struct machine a, b;

static void setup(void)
{
    l = life_new();
    machine_init(&a, l, 1);
    machine_init(&b, l, 2);
    machine_join(&a);
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(reload, .init = setup, .fini = teardown);

Test(reload, a_failed_batch_has_not_happened)
{
    char secret[33];
    char *before, *after;

    life_token(l, NULL, secret);
    before = life_text(l->c);
    life_begin(l);
    machine_enrol(&b, secret);
    machine_register(&b);
    machine_report(&b);
    a.nics[0].up = false;
    machine_report(&a);
    life_define(l, "prod", 0, "*/eth0");
    life_fail(l);
    cr_expect_null(l->answer, "nothing of it is answered");
    cr_expect_null(node_by_id(l->c, b.id));
    cr_expect_null(resource_by_text(l->c, "prod"));
    after = life_text(l->c);
    cr_expect_str_eq(after, before);
    free(before);
    free(after);
    machine_heartbeat(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_NOT_REGISTERED);
    machine_register(&a);
    cr_expect(machine_registered(&a), "who needs nothing written is served");
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_UNKNOWN, "its digest differs");
    machine_report(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_BUSY);
    life_writable(l, true);
    machine_heartbeat(&a);
    cr_expect(machine_wanted(&a, "nics"));
    machine_report(&a);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_LOST);
    machine_enrol(&b, secret);
    cr_expect_eq(machine_enrolled(&b), ENROL_APPROVED, "the token was not used up");
}

Test(reload, numbers_that_were_given_out_in_vain_are_given_again)
{
    uint32_t node_no = l->c->meta.next_node_no, resource_no = l->c->meta.next_resource_no;
    uint64_t event_no = coord_event_no(l->c), generation = coord_generation(l->c);

    life_begin(l);
    machine_enrol(&b, NULL);
    life_define(l, "prod", 0, "*/eth0");
    life_fail(l);
    cr_expect_eq(l->c->meta.next_node_no, node_no);
    cr_expect_eq(l->c->meta.next_resource_no, resource_no);
    cr_expect_eq(coord_event_no(l->c), event_no);
    cr_expect_eq(coord_generation(l->c), generation);
    cr_expect_eq(l->c->meta.start_no, 1, "it is the same start");
}

Test(reload, a_reload_is_no_restore)
{
    life_begin(l);
    machine_heartbeat(&a);
    life_fail(l);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    cr_expect_eq(l->answer->registered->coordinator->start_no, 1);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_OK);
}

/* Who follows changes at the generation of the failure learns that all is unknown now. */
Test(reload, clients_learn_of_it)
{
    struct request req = { 0 };
    const struct edge_info *e;

    life_begin(l);
    machine_heartbeat(&a);
    life_fail(l);
    REC_SET(&req, request, op, OP_CHANGES);
    REC_SET(&req, request, since, coord_generation(l->c));
    cr_expect_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(l->reply->nodes.n, 1);
    cr_assert_eq(l->reply->edges.n, 1);
    e = l->reply->edges.v;
    cr_expect_eq(e->state, EDGE_UNKNOWN);
}

/* A promotion that was not stored: the old boot is still the accepted one. */
Test(reload, a_successor_whose_register_was_not_stored_registers_again)
{
    char secret[33];

    machine_reboot(&a);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    life_pass(l, 6000);
    life_begin(l);
    machine_register(&a);
    life_fail(l);
    cr_expect(!uuid_eq(node_by_id(l->c, a.id)->row.boot_id, a.boot));
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_PENDING, "when the old one was heard is not known");
    life_pass(l, 6000);
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_BUSY);
    life_writable(l, true);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    cr_expect(uuid_eq(node_by_id(l->c, a.id)->row.boot_id, a.boot));
}

/* ---- databases that somebody has had a hand in ---------------------------------------------- */

static struct coord *load_from(struct stored *im, struct coord_update *u, struct arena *arena)
{
    struct coord *c = coord_new(&l->config);
    struct coord_event ev = {
        .type = COORD_LOADED, .now = l->now, .listened = l->now, .wall = l->wall
    };
    struct err e = { "" };

    ev.loaded.image = im;
    ev.loaded.first = true;
    coord_update_init(u, arena);
    cr_assert_eq(coord_step(c, &ev, u), 0);
    cr_assert_eq(coord_end_batch(c, u), 0);
    cr_expect_eq(coord_check(c, &e), 0, "%s", e.text);
    return c;
}

Test(reload, rows_that_contradict_each_other_are_left_out)
{
    struct arena *arena = arena_new(0);
    struct coord_update u;
    struct stored im, part;
    struct coord *c;

    cr_expect_eq(life_define(l, "prod", 0, "*/eth0"), REPLY_OK);
    durable_image(l->d, &im);
    for (int missing = 0; missing < 8; missing++) {
        size_t *counts[] = { &part.node_count,      &part.key_count,      &part.section_count,
                             &part.inventory_count, &part.resource_count, &part.edge_count,
                             &part.sighting_count,  &part.network_count };

        part = im;
        *counts[missing] = 0;
        c = load_from(&part, &u, arena);
        coord_free(c);
        coord_update_deinit(&u);
    }
    arena_free(arena);
}

Test(reload, a_network_without_its_resource_gets_one)
{
    struct arena *arena = arena_new(0);
    struct coord_update u;
    struct stored im;
    struct coord *c;
    bool made = false;

    cr_expect_eq(life_define(l, "prod", 7, "*/eth0"), REPLY_OK);
    durable_image(l->d, &im);
    im.resource_count = im.edge_count = im.sighting_count = 0;
    c = load_from(&im, &u, arena);
    cr_expect_not_null(resource_by_text(c, "prod"));
    for (const struct change *ch = u.changes; ch != NULL; ch = ch->next)
        made = made || (ch->type == CHANGE_RESOURCE && ch->resource.declared);
    cr_expect(made, "and it is stored");
    coord_free(c);
    coord_update_deinit(&u);
    arena_free(arena);
}
