/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table that judges whether two simulated hosts have one filesystem mounted at once. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/map.h"
#include "fleet_work.h"
#include "wire/codec.h"

static const uint8_t resource[16] = "a filesystem   ";

struct host {
    struct fleet_work *works;
};

static void begin(struct fleet_mounted *m, struct host *h, int64_t now, int64_t deadline)
{
    static struct fleet_shape shape;
    struct agent_action x = { .type = AGENT_RUN_SCAN, .request = 1, .deadline = { deadline } };
    struct granted g = { 0 };

    fleet_shape_usual(&shape);
    REC_SET(&g, granted, resource, wire_bytes16(resource));
    REC_SET(&g, granted, uuid, "0b5e0e3c-1111-4222-8333-444455556666");
    x.grant = &g;
    cr_assert_eq(fleet_work_begin(&h->works, m, &shape, &x, (mono_ms){ now }), 0);
}

static struct fleet_mounted mounted(void)
{
    return (struct fleet_mounted){ .by_resource = map_new((const uint8_t[16]){ 0 }) };
}

static void end(struct fleet_mounted *m, struct host *a, struct host *b)
{
    fleet_work_free_all(&a->works, m);
    fleet_work_free_all(&b->works, m);
    map_free(m->by_resource);
}

Test(fleet_work, two_at_once_are_counted)
{
    struct fleet_mounted m = mounted();
    struct host a = { NULL }, b = { NULL };

    begin(&m, &a, 1000, 1400);
    begin(&m, &b, 1399, 9000);
    cr_assert_eq(m.scans, 2);
    cr_assert_eq(m.overlaps, 1);
    end(&m, &a, &b);
}

/* Nobody has looked at the first since its deadline: this process was not run for so long. */
Test(fleet_work, one_past_its_deadline_is_gone)
{
    struct fleet_mounted m = mounted();
    struct host a = { NULL }, b = { NULL }, c = { NULL };

    begin(&m, &a, 1000, 1400);
    begin(&m, &b, 1400, 9000);
    cr_assert_eq(m.overlaps, 0);
    fleet_work_free_all(&a.works, &m); /* and does not take the second's place away */
    begin(&m, &c, 1450, 9000);
    cr_assert_eq(m.overlaps, 1);
    fleet_work_free_all(&c.works, &m);
    end(&m, &a, &b);
}
