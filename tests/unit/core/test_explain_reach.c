/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of a node's proof that it reaches a filesystem: its word, its moment, its boot. */
#include <criterion/criterion.h>

#include "core/explain.h"
#include "wire/codec.h"

static struct arena *a;
static struct node_info node;
static struct resource_info resource;
static struct edge_info edge;
static struct reach_info reach;
static struct section sections[SECTION_COUNT];
static struct reply reply;

static void set_up(void)
{
    a = arena_new(0);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        sections[i] = (struct section){ .id = (enum section_id)i, .status = SECTION_NEVER };
    REC_SET(&node, node_info, name, "xen1");
    REC_SET(&node, node_info, state, "up");
    REC_SET(&resource, resource_info, label, "data");
    REC_SET(&resource, resource_info, admitted, true);
    REC_SET(&edge, edge_info, state, EDGE_OK);
    REC_SET(&reach, reach_info, at_ms, 1795533111000);
    REC_SET(&reach, reach_info, this_boot, true);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(explain_reach, .init = set_up, .fini = tear_down);

/* The link of what looked, or NULL. */
static const struct evidence *explain(const char *how, const struct edge_info *e)
{
    struct explain_facts f = { .node = &node,
                               .resource = &resource,
                               .kind = RESOURCE_FILESYSTEM,
                               .key = "u1@naa.6001",
                               .edge = e,
                               .best = PEER_NONE,
                               .reach_of = 7,
                               .reach = how == NULL ? NULL : &reach };
    const struct evidence *v;

    REC_SET(&reach, reach_info, how, how);
    reply = (struct reply){ 0 };
    cr_assert_eq(explain_build(&f, sections, a, &reply), 0);
    v = reply.evidence.v;
    for (size_t i = 0; i < reply.evidence.n; i++) {
        if (strcmp(v[i].what, "scan") == 0)
            return &v[i];
    }
    return NULL;
}

static void expect(const char *how, const char *state, const char *text)
{
    const struct evidence *x = explain(how, &edge);

    cr_assert_not_null(x);
    cr_expect_str_eq(x->state, state);
    cr_expect_str_eq(x->text, text);
    cr_expect_str_eq(x->name, "data");
}

Test(explain_reach, each_word_has_its_moment)
{
    expect("read_here", "ok", "Read here at 2026-11-24T15:11:51.000Z, by xen1 in this boot.");
    expect("proven", "ok", "Reach proven at 2026-11-24T15:11:51.000Z, by xen1 in this boot.");
    REC_SET(&reach, reach_info, reason, "It has another WWID");
    expect("not_proven", "unknown",
           "Reach not proven at 2026-11-24T15:11:51.000Z: It has another WWID.");
}

Test(explain_reach, another_boot_has_proven_nothing_for_this_one)
{
    REC_SET(&reach, reach_info, this_boot, false);
    expect("proven", "info",
           "Reach proven at 2026-11-24T15:11:51.000Z, in an earlier boot of xen1: of this one it "
           "proves nothing.");
}

Test(explain_reach, who_was_not_asked_is_told_of_if_he_could_be)
{
    expect(NULL, "info",
           "Whether xen1 reaches what it sees has not been looked at yet: a scan does that.");
    REC_SET(&edge, edge_info, state, EDGE_LOST);
    cr_assert_null(explain(NULL, &edge));
    cr_assert_null(explain(NULL, NULL));
    REC_SET(&edge, edge_info, state, EDGE_OK);
    REC_SET(&resource, resource_info, admitted, false);
    cr_assert_null(explain(NULL, &edge));
}
