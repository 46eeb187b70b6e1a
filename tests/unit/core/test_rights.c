/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may have which right, and who is in the way by which chain; how leases begin and end; holds;
 * fences; what a recovery does not know. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "rights.h"
#include "wire/codec.h"

#define F1  "u1@naa.6001-part1"
#define F2  "u2@lv.L2"
#define F3  "u3@naa.6003"
#define TTL 15000

static struct life *l;
static struct machine a, b;

/* F1 on a partition; F2 in an LV of vg0, whose PV is naa.6002; F3, a copy of nothing, on a LUN. */
static const struct shelf plain = {
    .fs = { { .container = "naa.6001-part1", .uuid = "u1", .type = "ext4" },
            { .container = "lv.L2", .uuid = "u2", .type = "xfs" },
            { .container = "naa.6003", .uuid = "u3", .type = "ext4" } },
    .lvs = { "L2" },
    .vg = "V",
    .pv = "naa.6002",
};

static const struct resource *fs(const char *key)
{
    return shelf_resource(l, RESOURCE_FILESYSTEM, key);
}

static void setup(void)
{
    l = life_new();
    rights_offers(l);
    machine_init(&a, l, 1);
    machine_init(&b, l, 2);
    machine_join(&a);
    machine_join(&b);
    shelf_report(&a, &plain);
    shelf_report(&b, &plain);
    cr_assert_eq(rights_admit(l, F1, true), REPLY_OK);
    cr_assert_eq(rights_admit(l, F2, true), REPLY_OK);
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(rights, .init = setup, .fini = teardown);

/* Heard again after a while: what it has is as it was. */
static void alive(struct machine *m)
{
    machine_heartbeat(m);
    shelf_report(m, &plain);
}

/* Asks, and has it held afterwards. */
static uint64_t granted(struct machine *m, const char *key)
{
    const char *why;
    uint64_t token = rights_ask(m, fs(key), &why);

    cr_assert(token != 0, "%s", why);
    rights_add(m, m->seq, RIGHT_HELD, token);
    return token;
}

static void denied(struct machine *m, const char *key, const char *part)
{
    const char *why;

    cr_assert_eq(rights_ask(m, fs(key), &why), 0, "granted, though: %s", part);
    cr_assert(why != NULL && strstr(why, part) != NULL, "%s and not: %s", why, part);
}

/* ---- who may -------------------------------------------------------------------------------- */

Test(rights, a_lease_excludes_and_names_its_holder)
{
    uint64_t token = granted(&a, F1);

    cr_expect_eq(token >> LEASE_EPOCH_SHIFT, 1);
    cr_expect_str_eq(l->answer->granted->container, "naa.6001-part1");
    cr_expect_str_eq(l->answer->granted->type, "ext4");
    cr_expect_str_eq(l->answer->granted->uuid, "u1");
    cr_expect_eq(l->answer->granted->ttl_ms, TTL);
    denied(&b, F1, "m1 scans it");
    denied(&a, F1, "m1 scans it"); /* itself: one worker at a time */
    cr_expect_eq(granted(&b, F2), token + 1);
}

Test(rights, nothing_is_scanned_that_is_not_admitted)
{
    denied(&a, F3, "not admitted");
    cr_assert_eq(rights_admit(l, F3, true), REPLY_OK);
    cr_expect_eq(l->reply->resources.n, 1);
    cr_expect_eq(durable_count_events(l->d, "fs.admitted", "u3"), 1);
    cr_assert_eq(rights_admit(l, F3, true), REPLY_OK);
    cr_expect_eq(durable_count_events(l->d, "fs.admitted", "u3"), 1);
    granted(&a, F3);
    cr_assert_eq(rights_admit(l, F1, false), REPLY_OK);
    denied(&a, F1, "not admitted");
    life_restart(l);
    machine_register(&a);
    shelf_report(&a, &plain);
    machine_register(&b);
    shelf_report(&b, &plain);
    denied(&a, F1, "not admitted");
    granted(&a, F2);
}

Test(rights, types_that_are_not_scanned_are_refused_by_name)
{
    struct shelf s = plain;

    s.fs[2].type = "ntfs";
    s.fs[3] =
        (struct shelf_fs){ .container = "naa.6004", .uuid = "u4", .type = "btrfs", .members = 2 };
    s.fs[4] = (struct shelf_fs){ .container = "naa.6005", .uuid = "u5" };
    shelf_report(&a, &s);
    denied(&a, F3, "it is a ntfs");
    cr_expect_eq(rights_admit(l, F3, true), REPLY_REFUSED);
    cr_expect(strstr(l->reply->text, "ntfs") != NULL);
    denied(&a, "u4@naa.6004", "over 2 devices");
    denied(&a, "u5@naa.6005", "what type");
    cr_expect_eq(rights_admit(l, "naa.6001", true), REPLY_REFUSED);
    cr_expect(strstr(l->reply->text, "it is a lun") != NULL, "%s", l->reply->text);
}

Test(rights, who_does_not_reach_it_may_not)
{
    struct shelf s = plain;

    s.fs[0].lost = true;
    shelf_report(&a, &s);
    denied(&a, F1, "m1 sees it as lost");
    s.fs[0].container = NULL;
    shelf_report(&a, &s);
    granted(&b, F1);
}

Test(rights, uses_anywhere_above_or_below_are_in_the_way)
{
    static const struct {
        const char *kind, *container, *key, *by, *part;
    } cases[] = {
        { "mount", "naa.6001-part1", F1, "77", "m2 has it mounted at 77." },
        { "mount", "naa.6001-part1", F1, "/srv/vm data", "m2 has it mounted at /srv/vm data." },
        { "mount", "naa.6001-part1", F1, NULL, "m2 has it mounted." },
        { "xen", "naa.6001", F1, "2/51712",
          "m2 gives it to guest 2 (disk 51712) (LUN naa.6001 > partition naa.6001-part1)" },
        { "open", "naa.6002", F2, "fio[77]",
          "m2 has it open: fio[77] (LUN naa.6002 > volume group vg0 > logical volume L2)" },
        { "loop", "lv.L2", F2, "loop3", "m2 has the loop device loop3 on it" },
        { "md", "lv.L2", F2, "md127", "m2 has it in the MD array md127" },
        { "crypt", "naa.6002", F2, "77", "m2 uses it" },
        { "scan", "lv.L2", F2, "77", "token that is over" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct shelf s = plain;

        s.uses[0].kind = cases[i].kind;
        s.uses[0].container = cases[i].container;
        s.uses[0].by = cases[i].by;
        shelf_report(&b, &s);
        denied(&a, cases[i].key, cases[i].part);
    }
    shelf_report(&b, &plain);
    granted(&a, F1);
    granted(&a, F2);
}

Test(rights, lvms_own_maps_and_scans_under_a_token_are_no_uses)
{
    struct shelf s = plain;
    char token[32];

    s.uses[0].kind = "dm";
    s.uses[0].container = "naa.6002";
    s.uses[0].type = "LVM";
    shelf_report(&b, &s);
    granted(&a, F2);
    snprintf(token, sizeof token, "%llu", (unsigned long long)granted(&a, F1));
    s.uses[1].kind = "scan";
    s.uses[1].container = "naa.6001";
    s.uses[1].by = token;
    shelf_report(&a, &s);
    rights_clear(&a);
    denied(&b, F1, "m1 scans it");
    machine_heartbeat(&a); /* both are over; the uses are those of before */
    granted(&b, F1);
    s.uses[0].type = "CRYPT";
    shelf_report(&b, &s);
    denied(&a, F2, "device-mapper map");
}

Test(rights, a_report_from_during_a_scan_that_comes_after_its_end_is_no_use)
{
    struct shelf s = plain;
    uint64_t token = granted(&a, F1);
    char text[32];

    snprintf(text, sizeof text, "%llu", (unsigned long long)token);
    s.uses[0].kind = "scan";
    s.uses[0].container = "naa.6001";
    s.uses[0].by = text;
    rights_clear(&a);
    machine_heartbeat(&a);
    shelf_report(&a, &s);
    token = granted(&b, F1);
    rights_clear(&b);
    machine_heartbeat(&b);
    snprintf(text, sizeof text, "%llu", (unsigned long long)token);
    shelf_report(&a, &s);
    denied(&b, F1, "token that is over"); /* it was the other node's */
}

Test(rights, a_node_that_has_not_told_its_uses_blocks_what_it_sees)
{
    struct machine c;
    struct lun lun = { 0 };

    machine_init(&c, l, 3);
    machine_join(&c);
    granted(&a, F1); /* it sees nothing */
    REC_SET(&lun, lun, key, "naa.6002");
    REC_SET(&lun, lun, paths_active, 1);
    REC_SET(&lun, lun, paths_total, 1);
    disks_report(&c, SECTION_LUNS, &lun, 1);
    denied(&a, F2, "m3 sees it and has not told");
    disks_report(&c, SECTION_USES, NULL, 0);
    granted(&a, F2);
}

Test(rights, what_may_be_one_storage_is_not_used_twice)
{
    struct shelf s = plain;

    s.fs[3] = (struct shelf_fs){ .container = "naa.6009", .uuid = "u1", .type = "ext4" };
    s.fs[0].container = NULL;
    shelf_report(&b, &s); /* b has another container with the UUID of F1, and a has F1 */
    cr_assert_eq(rights_admit(l, "u1@naa.6009", true), REPLY_OK);
    granted(&a, F1);
    denied(&b, "u1@naa.6009", "m1 scans it");
    s.fs[0] = plain.fs[0];
    s.uses[0].kind = "mount";
    s.uses[0].container = "naa.6009";
    rights_clear(&a);
    machine_heartbeat(&a);
    shelf_report(&b, &s); /* both at once, under identifiers of one kind: two devices */
    granted(&a, F1);
    denied(&b, "u1@naa.6009", "m2 has it mounted");
}

Test(rights, an_external_journal_is_a_part_of_its_filesystem)
{
    struct shelf s = plain;

    s.fs[0].journal_uuid = "j1";
    s.fs[3] = (struct shelf_fs){ .container = "naa.6007", .uuid = "j1", .type = "jbd" };
    shelf_report(&a, &s);
    s.uses[0].kind = "open";
    s.uses[0].container = "naa.6007";
    shelf_report(&b, &s);
    denied(&a, F1, "m2 has it open");
    s.uses[0].container = "naa.6001-part1";
    shelf_report(&b, &s);
    cr_assert_eq(rights_take(l, "m1", "j1@naa.6007"), REPLY_REFUSED); /* seen from the other side */
    cr_expect(strstr(l->reply->text, "m2 has it open") != NULL, "%s", l->reply->text);
}

/* ---- how leases end ------------------------------------------------------------------------- */

Test(rights, what_is_not_in_the_list_any_more_is_released)
{
    uint64_t token = granted(&a, F1);

    machine_heartbeat(&a);
    denied(&b, F1, "m1 scans it");
    rights_clear(&a);
    machine_heartbeat(&a);
    cr_expect(lease_by_token(l->c, token) == NULL);
    cr_expect_eq(granted(&b, F1), token + 1);
}

Test(rights, a_list_from_before_the_request_ends_nothing)
{
    struct heartbeat body = { 0 };
    struct envelope env = { 0 };
    uint64_t token = granted(&a, F1), seq = a.seq;

    life_restart(l); /* it does not know any more which numbers it has seen */
    rights_add(&a, seq, RIGHT_HELD, token);
    machine_register(&a);
    node_by_id(l->c, a.id)->seq = seq - 2; /* as if the registration had come by another way */
    REC_SET(&env, envelope, seq, seq - 1);
    REC_SET(&env, envelope, heartbeat, &body);
    machine_say(&a, &env);
    cr_expect(lease_by_token(l->c, token) != NULL);
    REC_SET(&env, envelope, seq, seq);
    machine_say(&a, &env);
    cr_expect(lease_by_token(l->c, token) != NULL);
    REC_SET(&env, envelope, seq, seq + 5);
    machine_say(&a, &env);
    cr_expect(lease_by_token(l->c, token) == NULL);
}

Test(rights, a_lease_that_is_not_renewed_is_residue)
{
    uint64_t token = granted(&a, F1);
    struct lease *lease = lease_by_token(l->c, token);

    life_run(l, TTL + TTL / 1000 - 1);
    cr_expect_eq(lease->row.state, LEASE_LIVE);
    life_run(l, 1);
    cr_expect_eq(lease->row.state, LEASE_RESIDUE);
    cr_expect_eq(durable_count_events(l->d, "lease.residue", "m1"), 1);
    alive(&b);
    granted(&b, F1); /* read-only beside it */
    rights_clear(&b);
    machine_heartbeat(&b);
    cr_expect_eq(rights_take(l, "m2", F1), REPLY_REFUSED);
    cr_expect(strstr(l->reply->text, "m1 may still have it mounted") != NULL, "%s", l->reply->text);
    cr_expect_eq(rights_renew(&a), 0); /* too late, and it knows */
    rights_clear(&a);
    machine_heartbeat(&a);
    cr_expect_eq(durable_count_events(l->d, "lease.expired", "m1"), 1);
    cr_expect_eq(rights_take(l, "m2", F1), REPLY_OK);
}

Test(rights, a_renewal_moves_the_end)
{
    uint64_t token = granted(&a, F1);

    for (int i = 0; i < 10; i++) {
        life_run(l, 5000);
        machine_heartbeat(&b);
        cr_expect_eq(rights_renew(&a), 1);
    }
    cr_expect_eq(lease_by_token(l->c, token)->row.state, LEASE_LIVE);
    cr_expect_eq(l->changes, 0, "a renewal writes nothing");
    life_pass(l, TTL + 15); /* no tick before the message */
    cr_expect_eq(rights_renew(&a), 0);
}

Test(rights, a_renewal_that_comes_with_the_end_is_too_late)
{
    uint64_t token = granted(&a, F1);

    l->now.v += TTL + 15; /* no tick has come */
    cr_expect_eq(rights_renew(&a), 0);
    life_pass(l, 1);
    cr_expect_eq(lease_by_token(l->c, token)->row.state, LEASE_RESIDUE);
}

Test(rights, after_a_restart_a_lease_runs_in_full_again)
{
    uint64_t token = granted(&a, F1);

    life_run(l, 14000);
    life_restart(l);
    life_run(l, TTL + 14);
    cr_expect_eq(lease_by_token(l->c, token)->row.state, LEASE_LIVE);
    life_run(l, 1);
    cr_expect_eq(lease_by_token(l->c, token)->row.state, LEASE_RESIDUE);
    life_restart(l);
    cr_expect_eq(lease_by_token(l->c, token)->row.state, LEASE_RESIDUE);
}

Test(rights, the_nodes_own_word_makes_residue)
{
    uint64_t token = granted(&a, F1);

    rights_add(&a, a.rights[0].request, RIGHT_RESIDUE, token);
    machine_heartbeat(&a);
    cr_expect_eq(lease_by_token(l->c, token)->row.state, LEASE_RESIDUE);
    granted(&b, F1);
}

Test(rights, tokens_grow_over_restarts)
{
    uint64_t last = granted(&a, F1);

    for (int i = 0; i < 3; i++) {
        uint64_t token;

        rights_clear(&a);
        machine_heartbeat(&a);
        life_restart(l);
        machine_register(&a);
        shelf_report(&a, &plain);
        machine_register(&b);
        shelf_report(&b, &plain);
        token = granted(&a, F1);
        cr_expect_gt(token, last);
        last = token;
    }
}

Test(rights, nothing_is_granted_while_nothing_can_be_stored)
{
    life_writable(l, false);
    denied(&a, F1, "stored");
    life_writable(l, true);
    granted(&a, F1);
}

/* ---- holds ---------------------------------------------------------------------------------- */

static uint64_t taken(const char *node, const char *resource)
{
    cr_assert_eq(rights_take(l, node, resource), REPLY_OK, "%s", l->reply->text);
    return strtoull(((const struct lease_info *)l->reply->leases.v)->token, NULL, 10);
}

Test(rights, a_hold_excludes_all_but_its_own_scan)
{
    uint64_t token = taken("m1", F1);

    cr_expect_eq(durable_count_events(l->d, "hold.taken", "m1"), 1);
    denied(&b, F1, "m1 has a hold of it");
    cr_expect_eq(rights_take(l, "m2", F1), REPLY_REFUSED);
    life_run(l, 3600000); /* no time ends it */
    alive(&a);
    alive(&b);
    denied(&b, F1, "m1 has a hold of it");
    granted(&a, F1);
    cr_expect(l->answer->granted->own_mount);
    rights_clear(&a);
    machine_heartbeat(&a);
    cr_expect_eq(rights_end(l, token), REPLY_OK);
    cr_expect_eq(rights_end(l, token), REPLY_NOT_FOUND);
    granted(&b, F1);
}

Test(rights, the_holders_own_mount_is_in_nobodys_way_but_others)
{
    struct shelf s = plain;

    taken("m1", F1);
    s.uses[0].kind = "mount";
    s.uses[0].container = "naa.6001-part1";
    shelf_report(&a, &s);
    granted(&a, F1);
    denied(&b, F1, "m1 has it mounted");
}

Test(rights, a_change_of_a_volume_group_waits_for_all_below_it)
{
    uint64_t token = granted(&a, F2);

    cr_expect_eq(rights_take(l, "m1", "V"), REPLY_REFUSED);
    cr_expect(strstr(l->reply->text, "m1 scans it") != NULL &&
                  strstr(l->reply->text, "volume group vg0 > logical volume L2") != NULL,
              "%s", l->reply->text);
    rights_clear(&a);
    machine_heartbeat(&a);
    token = taken("m1", "V");
    denied(&b, F2, "m1 has a hold of it");
    granted(&b, F1); /* elsewhere */
    cr_expect_eq(rights_break(l, "V"), REPLY_OK);
    cr_expect_eq(durable_count_events(l->d, "hold.broken", "vg0"), 1);
    cr_expect(lease_by_token(l->c, token) == NULL);
    cr_expect_eq(rights_break(l, "V"), REPLY_NOT_FOUND);
}

Test(rights, a_hold_is_broken_by_its_exact_name_twice)
{
    struct request req = { 0 };

    taken("m1", F1);
    REC_SET(&req, request, op, OP_HOLD_BREAK);
    REC_SET(&req, request, resource, F1);
    cr_expect_eq(life_ask(l, &req), REPLY_INVALID);
    REC_SET(&req, request, confirm, "u1");
    cr_expect_eq(life_ask(l, &req), REPLY_INVALID);
    REC_SET(&req, request, confirm, F1);
    cr_expect_eq(life_ask(l, &req), REPLY_OK);
}

Test(rights, lists_tell_what_lives)
{
    const struct lease_info *v;

    granted(&a, F1);
    taken("m2", F2);
    cr_assert_eq(rights_list(l, OP_LEASE_LIST), 1);
    v = l->reply->leases.v;
    cr_expect_str_eq(v->state, "live");
    cr_expect_eq(v->remaining_ms, TTL + 15);
    cr_expect_str_eq(v->node_name, "m1");
    cr_assert_eq(rights_list(l, OP_HOLD_LIST), 1);
    v = l->reply->leases.v;
    cr_expect_str_eq(v->state, "held");
    cr_expect_str_eq(v->text, "a test writes");
    cr_expect(!REC_HAS(v, lease_info, remaining_ms));
}

/* ---- fences --------------------------------------------------------------------------------- */

Test(rights, declaring_dead_ends_the_rights_of_that_boot)
{
    pubkey key = a.key;
    uint64_t token = granted(&a, F1);

    taken("m1", F2);
    l->now.v += 7000;
    machine_heartbeat(&b);
    cr_expect_eq(life_order(l, OP_NODE_FORGET, "m1"), REPLY_REFUSED);
    cr_expect_eq(life_order(l, OP_NODE_DECLARE_DEAD, "m1"), REPLY_OK);
    cr_expect_eq(durable_count_events(l->d, "node.fenced", "2 rights"), 1);
    cr_expect(lease_by_token(l->c, token) == NULL);
    granted(&b, F1);
    cr_expect_eq(rights_renew(&a), 0);
    cr_expect_eq(machine_refused(&a), REFUSE_RETIRED_BOOT);
    cr_expect_eq(durable_count_events(l->d, "hold.twice", "u2"), 1);
    machine_heartbeat(&a);
    cr_expect_eq(durable_count_events(l->d, "hold.twice", NULL), 1);
    cr_expect(pubkey_eq(key, a.key));
}

static void reboot(struct machine *m, const char *bound)
{
    char secret[33];

    machine_reboot(m);
    rights_clear(m);
    life_token(l, bound, secret);
    machine_enrol(m, secret);
    life_run(l, 7000);
    machine_register(m);
    cr_assert(machine_registered(m));
    shelf_report(m, &plain);
}

Test(rights, a_new_boot_frees_the_old_ones_rights_if_its_key_is_bound)
{
    granted(&a, F1);
    reboot(&a, "m1");
    alive(&b);
    granted(&b, F1);
    cr_expect_eq(rights_take(l, "m2", F2), REPLY_OK);
}

Test(rights, a_hold_of_an_earlier_boot_is_no_hold_of_this_one)
{
    cr_assert_eq(rights_take(l, "m1", F1), REPLY_OK);
    cr_assert_eq(rights_take(l, "m1", F1), REPLY_REFUSED);
    cr_expect_null(strstr(l->reply->text, "earlier boot"));
    reboot(&a, NULL);
    cr_assert_eq(rights_take(l, "m1", F1), REPLY_REFUSED);
    cr_expect_not_null(strstr(l->reply->text, "m1 has a hold of it, of an earlier boot"), "%s",
                       l->reply->text);
    cr_expect_eq(l->reply->leases.n, 0);
}

Test(rights, a_new_boot_with_an_unbound_key_frees_nothing)
{
    uint64_t token = granted(&a, F1);

    reboot(&a, NULL);
    alive(&b);
    denied(&b, F1, "m1 scans it");
    machine_heartbeat(&a); /* the list of the new boot says nothing of the old one */
    cr_expect(lease_by_token(l->c, token) != NULL);
    life_run(l, 20000);
    alive(&a);
    alive(&b);
    cr_expect_eq(lease_by_token(l->c, token)->row.state, LEASE_RESIDUE);
    cr_expect_eq(rights_take(l, "m2", F1), REPLY_REFUSED);
    l->now.v += 7000;
    machine_heartbeat(&b);
    cr_expect_eq(life_order(l, OP_NODE_DECLARE_DEAD, "m1"), REPLY_OK);
    cr_expect_eq(rights_take(l, "m2", F1), REPLY_OK);
}

Test(rights, quarantine_frees_nothing)
{
    uint64_t token = granted(&a, F1);
    struct machine old = a;
    char secret[33];

    taken("m1", F2);
    machine_reboot(&a);
    life_token(l, "m1", secret);
    machine_enrol(&a, secret);
    for (int i = 0; i < 7; i++) {
        life_run(l, 1000);
        rights_renew(&old);
    }
    machine_enrol(&a, NULL);
    cr_assert_eq(machine_refused(&a), REFUSE_QUARANTINED);
    alive(&b);
    denied(&b, F1, "m1 scans it");
    denied(&b, F2, "m1 has a hold of it");
    cr_expect_eq(rights_renew(&old), 0); /* so that its worker ends */
    life_run(l, TTL + 15);
    cr_expect_eq(lease_by_token(l->c, token)->row.state, LEASE_RESIDUE);
    alive(&b);
    cr_expect_eq(rights_take(l, "m2", F1), REPLY_REFUSED);
}

Test(rights, a_resource_with_rights_is_not_forgotten)
{
    struct shelf s = plain;
    uint64_t token = taken("m1", F2);

    s.fs[1].container = NULL;
    shelf_report(&a, &s);
    shelf_report(&b, &s);
    life_run(l, 2 * l->config.edge_retention_ms);
    cr_expect(lease_by_token(l->c, token) != NULL);
    cr_expect_eq(rights_end(l, token), REPLY_OK);
    cr_expect(resource_by_id(l->c, resource_seen_id(NULL, RESOURCE_FILESYSTEM, F2)) == NULL);
}

/* ---- another TTL in the configuration -------------------------------------------------------- */

enum { LONG = 60000, SHORT = 6000 };

static void start_with(int64_t ttl_ms)
{
    l->config.lease_ttl_ms = ttl_ms;
    life_restart(l);
}

static void both(void)
{
    machine_register(&a);
    shelf_report(&a, &plain);
    machine_register(&b);
    shelf_report(&b, &plain);
}

/* b alone is heard. */
static void only_b(int64_t ms)
{
    for (int64_t t = 0; t < ms; t += 1000) {
        life_run(l, 1000);
        machine_heartbeat(&b);
    }
}

/* b is in, on a database that does not know what a was granted for so long. */
static void lost_grant(int64_t ttl_ms, int64_t now_ms)
{
    struct durable *old;

    start_with(ttl_ms);
    both();
    old = durable_copy(l->d);
    granted(&a, F1);
    durable_free(l->d);
    l->d = old;
    start_with(now_ms);
    machine_register(&b);
    cr_assert(machine_registered(&b));
    shelf_report(&b, &plain);
}

Test(rights, a_shorter_ttl_ends_no_wait_for_what_a_longer_one_was_for)
{
    lost_grant(LONG, SHORT);
    only_b(LONG - 1000);
    denied(&b, F1, "what rights m1 has is not known");
    only_b(2000);
    cr_assert_eq(lease_by_token(l->c, granted(&b, F1))->row.ttl_ms, SHORT);
}

Test(rights, nor_does_one_more_start_end_it)
{
    lost_grant(LONG, SHORT);
    only_b(10000);
    start_with(SHORT);
    machine_register(&b);
    shelf_report(&b, &plain);
    only_b(LONG - 1000);
    denied(&b, F1, "what rights m1 has is not known");
}

Test(rights, a_longer_ttl_is_waited_for_from_its_first_start_on)
{
    lost_grant(SHORT, LONG);
    only_b(LONG - 1000);
    denied(&b, F1, "what rights m1 has is not known");
    cr_assert_eq(durable_meta(l->d)->ttl_ms, LONG);
}

Test(rights, the_wait_is_short_again_when_nothing_of_a_longer_ttl_can_live)
{
    uint64_t token;

    start_with(LONG);
    both();
    token = granted(&a, F1);
    start_with(SHORT);
    both();
    for (int i = 0; i < 70; i++) {
        life_run(l, 1000);
        machine_heartbeat(&b);
        cr_assert_eq(rights_renew(&a), 1);
    }
    cr_assert_eq(lease_by_token(l->c, token)->row.state, LEASE_LIVE);
    cr_assert_eq(durable_meta(l->d)->ttl_ms, LONG, "it is renewed for as long each time");
    rights_clear(&a);
    machine_heartbeat(&a);
    cr_assert_null(lease_by_token(l->c, token));
    cr_assert_eq(durable_meta(l->d)->ttl_ms, SHORT);
    start_with(SHORT);
    machine_register(&b);
    shelf_report(&b, &plain);
    denied(&b, F1, "what rights m1 has is not known");
    only_b(SHORT + 1000);
    granted(&b, F1);
}

/* The old database counts on it for as long as its node may. */
Test(rights, what_a_node_tells_of_has_the_longest_ttl_that_there_was)
{
    const uuid128 resource = fs(F1)->id;

    lost_grant(LONG, SHORT);
    REC_SET(&a.rights[0], right, resource, wire_bytes16(resource.b));
    machine_register(&a);
    cr_assert(machine_registered(&a));
    shelf_report(&a, &plain);
    only_b(LONG - 1000);
    denied(&b, F1, "m1 scans it");
    only_b(2000);
    granted(&b, F1);
}

/* ---- recover -------------------------------------------------------------------------------- */

/* It would count up to the lost token, and the right of its node would live on under it. */
Test(rights, what_an_old_database_is_told_of_gets_a_token_that_nobody_knows)
{
    struct durable *backup = durable_copy(l->d);
    uint64_t token = granted(&a, F1);
    const uuid128 resource = fs(F1)->id;
    const struct lease_info *v;

    durable_free(l->d);
    l->d = backup;
    life_restart(l);
    REC_SET(&a.rights[0], right, resource, wire_bytes16(resource.b));
    machine_register(&a);
    cr_assert(machine_registered(&a));
    cr_assert_eq(rights_list(l, OP_LEASE_LIST), 1);
    v = l->reply->leases.v;
    cr_expect_neq(strtoull(v->token, NULL, 10), token);
    cr_expect_eq(rights_renew(&a), 0, "nobody knows its token");
}

Test(rights, after_a_recovery_nothing_is_granted_until_it_is_known)
{
    struct durable *backup = durable_copy(l->d);
    uint64_t token = granted(&a, F1);

    machine_register(&a); /* it remembers the token */
    durable_free(l->d);
    l->d = backup;
    life_restart(l);
    machine_register(&a);
    cr_assert_eq(machine_refused(&a), REFUSE_RECOVER);
    cr_assert_eq(life_order(l, OP_RECOVER, NULL), REPLY_OK);
    rights_clear(&a);
    machine_register(&a);
    cr_assert(machine_registered(&a));
    shelf_report(&a, &plain);
    denied(&a, F1, "after the recovery");
    cr_expect_eq(rights_take(l, "m1", F1), REPLY_REFUSED);
    life_restart(l); /* the wait begins again: b has not told */
    machine_register(&a);
    shelf_report(&a, &plain);
    life_run(l, 120000);
    alive(&a);
    denied(&a, F1, "after the recovery");
    life_run(l, 120);
    alive(&a);
    denied(&a, F1, "what rights m2 has is not known");
    machine_register(&b);
    shelf_report(&b, &plain);
    cr_expect_gt(granted(&a, F1), token);
    cr_expect_eq(a.rights[0].token >> LEASE_EPOCH_SHIFT, 2);
}
