/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that no kernel sends: the parsers refuse or pass over, never read beyond. Run under ASan.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/net.h"

static struct arena *a;

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(net_hostile, .init = set_up, .fini = tear_down);

/* Exactly as long as said, so that ASan sees a step too far. */
static int parse_exact(const uint8_t *p, size_t n, size_t arena_limit, struct err *e)
{
    struct arena *own = arena_new(arena_limit);
    struct net_input in = { .fact_count = 0 };
    uint8_t *exact = malloc(n == 0 ? 1 : n);
    struct bytes b = { exact, n };
    struct net_rows rows;
    int rc;

    memcpy(exact, p, n);
    rc = parse_links(b, own, &in.links, e);
    if (rc == 0)
        rc = parse_net(&in, own, &rows, e);
    free(exact);
    arena_free(own);
    return rc;
}

Test(net_hostile, a_capture_cut_anywhere_is_refused_or_shorter)
{
    struct bytes all = capture(a, "net/lacp/links.bin");
    struct err e = { "" };
    size_t refused = 0;

    for (size_t n = 0; n < all.n; n++) {
        int rc = parse_exact(all.p, n, 0, &e);

        cr_assert(rc == 0 || rc == -EBADMSG, "%zu bytes: %d", n, rc);
        refused += rc < 0;
    }
    cr_assert_gt(refused, all.n / 2);
    cr_assert_eq(parse_exact(all.p, all.n, 0, &e), 0);
}

Test(net_hostile, random_damage_never_crashes)
{
    struct bytes all = capture(a, "net/lacp/links.bin");
    const char *given = getenv("MUSTER_SEED");
    unsigned seed = given == NULL ? 20261124u : (unsigned)strtoul(given, NULL, 10);
    uint8_t *copy = arena_alloc(a, all.n);

    fprintf(stderr, "MUSTER_SEED=%u\n", seed);
    for (int round = 0; round < 3000; round++) {
        struct err e = { "" };
        int damages = rand_r(&seed) % 8 + 1, rc;

        memcpy(copy, all.p, all.n);
        for (int i = 0; i < damages; i++)
            copy[(size_t)rand_r(&seed) % all.n] = (uint8_t)rand_r(&seed);
        rc = parse_exact(copy, all.n, 0, &e);
        cr_assert(rc == 0 || rc == -EBADMSG);
        cr_assert(rc == 0 || e.text[0] != '\0', "a refusal says why");
    }
}

Test(net_hostile, little_memory_is_said_to_be_that)
{
    struct bytes all = capture(a, "net/lacp/links.bin");
    struct err e;
    int rc = -ENOMEM;

    for (size_t limit = 1; rc != 0; limit += 512) {
        rc = parse_exact(all.p, all.n, limit, &e);
        cr_assert(rc == 0 || rc == -ENOMEM, "limit %zu: %d %s", limit, rc, e.text);
        cr_assert_lt(limit, 4u << 20);
    }
}

struct message {
    struct nlmsghdr h;
    struct ifinfomsg ifi;
    struct rtattr name_header;
    char name[8];
    struct rtattr mtu_header;
    uint32_t mtu;
};

static struct message message(int index, const char *name)
{
    struct message m = {
        .h = { .nlmsg_len = sizeof m, .nlmsg_type = RTM_NEWLINK },
        .ifi = { .ifi_index = index },
        .name_header = { .rta_len = RTA_LENGTH(8), .rta_type = IFLA_IFNAME },
        .mtu_header = { .rta_len = RTA_LENGTH(4), .rta_type = IFLA_MTU },
        .mtu = 1500,
    };

    snprintf(m.name, sizeof m.name, "%s", name);
    return m;
}

static int parse_two(struct message one, struct message two, struct link_table *t, struct err *e)
{
    struct message both[2] = { one, two };

    return parse_links((struct bytes){ (const uint8_t *)both, sizeof both }, a, t, e);
}

Test(net_hostile, lists_that_contradict_themselves_are_refused)
{
    struct link_table t;
    struct err e;

    cr_assert_eq(parse_two(message(2, "b"), message(1, "a"), &t, &e), 0);
    cr_assert_eq(t.n, 2);
    cr_assert_str_eq(t.v[0].name, "a", "sorted by index");
    cr_assert_eq(parse_two(message(1, "a"), message(2, "a"), &t, &e), -EBADMSG);
    cr_assert_str_eq(e.text, "the kernel's list has link a twice");
    cr_assert_eq(parse_two(message(1, "a"), message(1, "b"), &t, &e), -EBADMSG);
    cr_assert_str_eq(e.text, "the kernel's list has link index 1 twice");
    cr_assert_eq(parse_two(message(1, "a"), message(-5, "b"), &t, &e), -EBADMSG);
    cr_assert_eq(parse_two(message(1, "a"), message(2, ""), &t, &e), -EBADMSG);
}

Test(net_hostile, attributes_of_a_wrong_size_count_as_missing)
{
    struct message m = message(1, "a");
    struct link_table t;
    struct err e;

    m.mtu_header.rta_len = RTA_LENGTH(2);
    cr_assert_eq(parse_two(m, message(2, "b"), &t, &e), 0);
    cr_assert_not(t.v[0].mtu.has);
    cr_assert(t.v[1].mtu.has);
    m.mtu_header.rta_len = 60000;
    cr_assert_eq(parse_two(m, message(2, "b"), &t, &e), 0);
    cr_assert_not(t.v[0].mtu.has);
}

Test(net_hostile, names_that_are_no_text_are_written_in_hex)
{
    struct link_table t;
    struct err e;

    cr_assert_eq(parse_two(message(1, "e\xff\x01y"), message(2, "\xc3\xa4"), &t, &e), 0);
    cr_assert_str_eq(t.v[0].name, "e\\xff\\x01y");
    cr_assert_str_eq(t.v[1].name, "\xc3\xa4");
}

Test(net_hostile, ethtools_answers_cut_anywhere)
{
    struct bytes all = capture(a, "net/lacp/ethtool.bin");
    struct ethtool_table t;

    for (size_t n = 0; n <= all.n; n++) {
        uint8_t *exact = malloc(n == 0 ? 1 : n);
        struct err e;
        int rc;

        memcpy(exact, all.p, n);
        rc = parse_ethtool((struct bytes){ exact, n }, a, &t, &e);
        cr_assert(rc == 0 || rc == -EBADMSG);
        free(exact);
    }
    cr_assert_gt(t.n, 3);
}
