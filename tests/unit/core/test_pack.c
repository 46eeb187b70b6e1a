/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is packed of a node is what comes out again, and nothing that is no pack does any harm. */
#include <criterion/criterion.h>
#include <errno.h>

#include "core/pack.h"
#include "random.h"

static const char *const keys[] = { "", "a", "eth0", "eth0.100", "naa.6001", "sda", "Ω" };

static const struct section_row_state sections[] = {
    { .node_no = 5,
      .section = SECTION_NICS,
      .generation = 1,
      .digest = { "digest of nics" },
      .status = SECTION_OK,
      .at = { 1234567890123 } },
    { .node_no = 5,
      .section = SECTION_PATHS,
      .generation = INT64_MAX,
      .status = SECTION_STUCK,
      .status_text = "stuck",
      .at = { -1 } },
};
static const struct inventory_row inventory[] = {
    { .node_no = 5, .section = SECTION_NICS, .key = "eth0", .hash = UINT64_MAX },
    { .node_no = 5, .section = SECTION_NICS, .key = "eth1", .hash = 0 },
    { .node_no = 5, .section = SECTION_PATHS, .key = "sda", .hash = 1, .mark = 77 },
    { .node_no = 5,
      .section = SECTION_PVS,
      .key = "pv",
      .hash = 2,
      .container = "naa.1",
      .above = "vg" },
    { .node_no = 5, .section = SECTION_PVS, .key = "pw", .hash = 3 },
};
static const struct sighting_row sightings[] = {
    { .node_no = 5,
      .section = SECTION_NICS,
      .row_key = "eth0",
      .resource_no = 3,
      .port = "eth0",
      .base = "eth0",
      .paths_active = 1,
      .paths_total = UINT32_MAX },
    { .node_no = 5,
      .section = SECTION_NICS,
      .row_key = "eth1",
      .resource_no = 9,
      .port = "p1",
      .base = "",
      .vlan = 4094,
      .stuck = true,
      .size = INT64_MAX,
      .mark = 5 },
    { .node_no = 5,
      .section = SECTION_NICS,
      .row_key = "gone",
      .resource_no = 4,
      .port = "gone",
      .base = "",
      .flawed = true,
      .active = true },
};
static const struct edge_row edges[] = {
    { .node_no = 5,
      .resource_no = 1,
      .state = EDGE_LOST,
      .paths_had = 4,
      .had_until = { 9 },
      .since = { 1 },
      .distrust = "another LUN",
      .distrusted = { 3 } },
    { .node_no = 5, .resource_no = 3, .state = EDGE_OK, .paths_active = 1, .paths_total = 1 },
    { .node_no = 5, .resource_no = UINT32_MAX, .state = EDGE_DEGRADED },
};

static struct node_rows example(void)
{
    return (struct node_rows){ sections,  ARRAY_LEN(sections),  inventory, ARRAY_LEN(inventory),
                               sightings, ARRAY_LEN(sightings), edges,     ARRAY_LEN(edges) };
}

/* As rows again. */
static struct node_rows unpacked(const struct pack *p, uint32_t node_no, struct arena *a)
{
    struct sighting_row *g = arena_array(a, p->sighting_count, sizeof *g);
    struct inventory_row *all, *rows;
    size_t n = 0;

    for (int id = 0; id < SECTION_COUNT; id++)
        n += p->rows[id].count;
    all = arena_array(a, n, sizeof *all);
    n = 0;
    for (int id = 0; id < SECTION_COUNT; id++) {
        cr_assert(pack_rows(&p->rows[id], (enum section_id)id, node_no, a, &rows) == 0);
        memcpy(all + n, rows, p->rows[id].count * sizeof *rows);
        n += p->rows[id].count;
    }
    for (size_t i = 0; i < p->sighting_count; i++)
        g[i] = p->sightings[i].row;
    return (struct node_rows){ p->sections, p->section_count,  all,      n,
                               g,           p->sighting_count, p->edges, p->edge_count };
}

static void check_again(const struct node_rows *in, uint32_t node_no)
{
    struct buf one = { 0 }, two = { 0 };
    struct arena *a = arena_new(0);
    struct node_rows again;
    struct pack p;

    cr_assert(pack_node(in, &one) == 0);
    cr_assert(pack_is_current(one.p, one.n));
    cr_assert(pack_open(one.p, one.n, node_no, a, &p) == 0);
    again = unpacked(&p, node_no, a);
    cr_assert(pack_node(&again, &two) == 0);
    cr_assert(one.n == two.n && memcmp(one.p, two.p, one.n) == 0);
    arena_free(a);
    buf_deinit(&one);
    buf_deinit(&two);
}

Test(pack, gives_back_what_was_packed)
{
    struct node_rows in = example();
    struct buf b = { 0 };
    struct arena *a = arena_new(0);
    struct inventory_row *rows;
    struct pack p;

    check_again(&in, 5);
    cr_assert(pack_node(&in, &b) == 0 && pack_open(b.p, b.n, 5, a, &p) == 0);
    cr_assert(p.section_count == 2 && p.sections[1].status == SECTION_STUCK);
    cr_assert_str_eq(p.sections[1].status_text, "stuck");
    cr_assert(p.sections[0].status_text == NULL && p.sections[1].at.v == -1);
    cr_assert(p.sections[1].node_no == 5 && p.sections[1].generation == INT64_MAX);
    cr_assert(memcmp(&p.sections[0].digest, &in.sections[0].digest, sizeof(digest128)) == 0);
    cr_assert(p.rows[SECTION_NICS].count == 2 && p.rows[SECTION_PVS].count == 2);
    cr_assert(pack_rows(&p.rows[SECTION_PVS], SECTION_PVS, 5, a, &rows) == 0);
    cr_assert_str_eq(rows[0].key, "pv");
    cr_assert_str_eq(rows[0].container, "naa.1");
    cr_assert_str_eq(rows[0].above, "vg");
    cr_assert(rows[1].container == NULL && rows[1].above == NULL && rows[1].hash == 3);
    cr_assert(pack_rows(&p.rows[SECTION_PATHS], SECTION_PATHS, 5, a, &rows) == 0);
    cr_assert(rows[0].mark == 77 && rows[0].section == SECTION_PATHS && rows[0].node_no == 5);
    cr_assert(p.edge_count == 3 && p.edges[2].resource_no == UINT32_MAX);
    cr_assert_str_eq(p.edges[0].distrust, "another LUN");
    cr_assert(p.edges[0].had_until.v == 9 && p.edges[0].paths_had == 4);
    arena_free(a);
    buf_deinit(&b);
}

/* A sighting without its row or its edge is there, and says so. */
Test(pack, tells_whose_a_sighting_is)
{
    struct node_rows in = example();
    struct buf b = { 0 };
    struct arena *a = arena_new(0);
    struct pack p;

    cr_assert(pack_node(&in, &b) == 0 && pack_open(b.p, b.n, 5, a, &p) == 0);
    cr_assert(p.sighting_count == 3);
    cr_assert(p.sightings[0].at == 0 && p.sightings[0].edge == 1);
    cr_assert_str_eq(p.sightings[0].row.port, "eth0");
    cr_assert(p.sightings[1].at == 1 && p.sightings[1].edge == PACK_NONE);
    cr_assert_str_eq(p.sightings[1].row.port, "p1");
    cr_assert(p.sightings[1].row.stuck && !p.sightings[1].row.flawed);
    cr_assert(!p.sightings[1].row.active && p.sightings[2].row.active);
    cr_assert(p.sightings[2].at == PACK_NONE && p.sightings[2].row.flawed);
    arena_free(a);
    buf_deinit(&b);
}

Test(pack, of_a_node_without_rows)
{
    struct node_rows none = { 0 };

    check_again(&none, 1);
}

/* Any eight bytes that differ change the sum; what is cut short or has another byte is refused or
 * opened, and read within its bounds. */
Test(pack, that_is_damaged)
{
    struct node_rows in = example();
    struct arena *a = arena_new(0);
    struct inventory_row *rows;
    struct buf b = { 0 };
    struct pack p;
    uint64_t sum;

    cr_assert(pack_node(&in, &b) == 0);
    sum = pack_sum(b.p, b.n);
    for (size_t i = 0; i < b.n; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t *copy;

            arena_reset(a);
            copy = malloc(b.n); /* so that a sanitizer sees its end */
            memcpy(copy, b.p, b.n);
            copy[i] ^= (uint8_t)(1u << bit);
            cr_assert(pack_sum(copy, b.n) != sum);
            for (int id = 0; pack_open(copy, b.n, 5, a, &p) == 0 && id < SECTION_COUNT; id++)
                pack_rows(&p.rows[id], (enum section_id)id, 5, a, &rows);
            free(copy);
        }
        cr_assert(pack_sum(b.p, i) != sum);
        cr_assert(pack_open(b.p, i, 5, a, &p) == -EBADMSG, "cut to %zu", i);
    }
    arena_free(a);
    buf_deinit(&b);
}

Test(pack, of_random_rows)
{
    struct inventory_row rows[ARRAY_LEN(keys)];
    struct edge_row leads[40];
    struct node_rows in = { .inventory = rows, .edges = leads };
    uint64_t r = random_seed();

    for (int round = 0; round < 300; round++) {
        in.inventory_count = in.edge_count = 0;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            if (random_below(&r, 2) == 0)
                continue;
            rows[in.inventory_count++] =
                (struct inventory_row){ .node_no = 3,
                                        .section = SECTION_USES,
                                        .key = keys[i],
                                        .hash = random_next(&r),
                                        .mark = random_below(&r, 2) * random_next(&r) };
        }
        for (uint32_t no = 1; in.edge_count < random_below(&r, ARRAY_LEN(leads)); no *= 2)
            leads[in.edge_count++] = (struct edge_row){ .node_no = 3, .resource_no = no };
        check_again(&in, 3);
    }
}
