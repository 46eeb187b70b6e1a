/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Natural order, ranges of names, and replies put in order. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "cli/order.h"

/* From the first to the last. */
static const char *const in_order[] = {
    "",
    "-",
    "0",
    "00",
    "1",
    "2",
    "10",
    "010a",
    "Node",
    "a",
    "a-1",
    "a0",
    "a00",
    "a01",
    "a1",
    "a1b",
    "a2",
    "a10",
    "node",
    "node01",
    "node1",
    "node1-2",
    "node1-10",
    "node2",
    "node010",
    "node10",
    "node11",
    "node99999999999999999999",
    "node100000000000000000000",
    "nodes",
};

static int sign(int d)
{
    return d < 0 ? -1 : d > 0;
}

Test(order, natural)
{
    for (size_t i = 0; i < ARRAY_LEN(in_order); i++) {
        for (size_t k = 0; k < ARRAY_LEN(in_order); k++) {
            int wanted = i < k ? -1 : i > k;

            cr_assert_eq(sign(natural_compare(in_order[i], in_order[k])), wanted, "%s and %s",
                         in_order[i], in_order[k]);
        }
    }
    cr_assert_eq(natural_compare(NULL, ""), 0);
    cr_assert_lt(natural_compare(NULL, "a"), 0);
}

/* Names of few characters, so that the hard cases come often. */
static char *random_name(unsigned *seed)
{
    static const char letters[] = "01279ab-";
    size_t n = (size_t)rand_r(seed) % 7;
    char *s = calloc(1, n + 1);

    for (size_t i = 0; i < n; i++)
        s[i] = letters[(size_t)rand_r(seed) % (sizeof letters - 1)];
    return s;
}

Test(order, is_total)
{
    unsigned seed = (unsigned)time(NULL), start = seed;

    for (int round = 0; round < 20000; round++) {
        char *a = random_name(&seed), *b = random_name(&seed), *c = random_name(&seed);
        int ab = natural_compare(a, b), bc = natural_compare(b, c);

        cr_assert_eq(sign(ab), -sign(natural_compare(b, a)), "seed %u: %s %s", start, a, b);
        cr_assert_eq(ab == 0, strcmp(a, b) == 0, "seed %u: %s %s", start, a, b);
        if (ab < 0 && bc < 0)
            cr_assert_lt(natural_compare(a, c), 0, "seed %u: %s %s %s", start, a, b, c);
        free(a);
        free(b);
        free(c);
    }
}

/* ---- ranges --------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return natural_compare(*(const char *const *)a, *(const char *const *)b);
}

/* Of names that are separated by blanks, as they come from a list in natural order. */
static void check_ranges(const char *names, size_t most, const char *wanted)
{
    struct arena *arena = arena_new(0);
    struct buf out = { 0 };
    struct text t = { .out = &out, .arena = arena, .columns = 80 };
    char *copy = arena_strdup(arena, names), *save = NULL;
    const char *v[64], *got;
    size_t n = 0;

    for (char *s = strtok_r(copy, " ", &save); s != NULL; s = strtok_r(NULL, " ", &save))
        v[n++] = s;
    qsort(v, n, sizeof *v, by_name);
    got = name_ranges(&t, v, n, most);
    cr_assert_str_eq(got, wanted, "%s: %s, not %s", names, got, wanted);
    buf_deinit(&out);
    arena_free(arena);
}

Test(ranges, of_names)
{
    check_ranges("", 9, "");
    check_ranges("a", 9, "a");
    check_ranges("b a", 9, "a, b");
    check_ranges("node1", 9, "node1");
    check_ranges("node1 node2", 9, "node[1-2]");
    check_ranges("node1 node3", 9, "node[1,3]");
    check_ranges("node10 node9 node8 node1", 9, "node[1,8-10]");
    check_ranges("node08 node09 node10", 9, "node[08-10]");
    /* What is written in different ways never shares a bracket. */
    check_ranges("node8 node09 node10", 9, "node8, node[09-10]");
    check_ranges("rack7-01 rack7-02 rack8-01", 9, "rack7-[01-02], rack8-01");
    check_ranges("n1.example n2.example n3.test", 9, "n[1-2].example, n3.test");
    check_ranges("1 2 3", 9, "[1-3]");
    check_ranges("web node1 node2 db", 9, "db, node[1-2], web");
    check_ranges("n99999999999999999999 n99999999999999999998", 9,
                 "n99999999999999999998, n99999999999999999999");
}

Test(ranges, no_more_than)
{
    check_ranges("a b c d", 2, "a, b and 2 more");
    check_ranges("a b", 2, "a, b");
    check_ranges("n1 n3 n5 n7 n8 n9", 2, "n[1,3] and 4 more");
    check_ranges("n1 n3 n5 n7 n8 n9", 4, "n[1,3,5,7-9]");
}

/* ---- replies -------------------------------------------------------------------------------- */

Test(reply, kinds_stand_together)
{
    struct resource_info resources[] = {
        { .kind = "network", .label = "a/eth0", .index = 1 },
        { .kind = "hologram", .label = "b", .index = 2 },
        { .kind = "filesystem", .label = "c", .index = 3 },
        { .kind = "network", .label = "z", .declared = true, .index = 4 },
        { .kind = "lun", .label = "naa.10", .index = 5 },
        { .kind = "lun", .label = "naa.9", .index = 6 },
    };
    static const char *const wanted[] = { "z", "naa.9", "naa.10", "c", "b", "a/eth0" };
    struct node_info nodes[] = { { .name = "node9", .index = 70 } };
    struct use_info uses[] = {
        { .node = 70, .resource = 3, .kind = "open" },
        { .node = 70, .resource = 77 },
        { .node = 7, .resource = 3 },
        { .node = 70, .resource = 3, .kind = "mount" },
    };
    struct reach_info reaches[] = {
        { .node = 70, .resource = 5, .how = "proven" },
        { .node = 70, .resource = 77 },
        { .node = 70, .resource = 3, .how = "read_here" },
    };
    struct reply r = { .resources = { resources, 6 },
                       .nodes = { nodes, 1 },
                       .uses = { uses, 4 },
                       .reaches = { reaches, 3 } };

    cr_assert_eq(reply_order(&r), 0);
    for (size_t i = 0; i < 6; i++)
        cr_expect_str_eq(resources[i].label, wanted[i], "%zu: %s", i, resources[i].label);
    /* Uses of what is not there are gone; those that are left point to places. */
    cr_assert_eq(r.uses.n, 2);
    cr_expect_str_eq(uses[0].kind, "mount");
    cr_expect_eq(uses[0].node, 0);
    cr_expect_eq(uses[0].resource, 3);
    cr_assert_eq(r.reaches.n, 2);
    cr_expect_eq(reaches[0].resource, 2);
    cr_expect_str_eq(reaches[1].how, "read_here");
    cr_expect_eq(reaches[1].resource, 3);
    cr_expect_eq(reaches[1].node, 0);
}

Test(reply, in_order)
{
    struct node_info nodes[] = { { .name = "node10", .index = 7 },
                                 { .name = "node9", .index = 70 } };
    struct resource_info resources[] = { { .label = "unproven:a/b", .index = 3 },
                                         { .label = "z", .declared = true, .index = 1 },
                                         { .label = "b", .declared = true, .index = 2 } };
    struct edge_info edges[] = {
        { .node = 7, .resource = 1, .state = 1 },  { .node = 70, .resource = 3, .state = 2 },
        { .node = 70, .resource = 2, .state = 3 }, { .node = 8, .resource = 2, .state = 4 },
        { .node = 7, .resource = 9, .state = 4 },  { .node = 7, .resource = 2, .removed = true },
    };
    struct reply r = { .nodes = { nodes, 2 },
                       .resources = { resources, 3 },
                       .edges = { edges, 6 } };

    cr_assert_eq(reply_order(&r), 0);
    cr_assert_str_eq(nodes[0].name, "node9");
    cr_assert_str_eq(resources[0].label, "b");
    cr_assert_str_eq(resources[1].label, "z");
    cr_assert_str_eq(resources[2].label, "unproven:a/b");
    /* Edges of nodes and resources that are not there, and removed ones, are gone. */
    cr_assert_eq(r.edges.n, 3);
    cr_assert_eq(edges[0].state, 3, "node9 and b");
    cr_assert_eq(edges[1].state, 2, "node9 and the port");
    cr_assert_eq(edges[2].state, 1, "node10 and z");
    cr_assert_eq(edges[2].node, 1);
    cr_assert_eq(edges[2].resource, 1);
    cr_assert_eq(nodes[1].index, 1);
}

Test(reply, empty)
{
    struct reply r = { 0 };

    cr_assert_eq(reply_order(&r), 0);
}
