/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every allocation fails once, of reports of storage and of what is asked about storage. A report
 * is lost with it and comes again, and in the end all is as if nothing had failed. A question fails
 * or is answered as it should be, and changes nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/trust.h"
#include "cupboard.h"
#include "failing.h"
#include "rights.h"
#include "wire/codec.h"

static struct life *l;
static struct machine m[CUP_MACHINES];
static unsigned told[CUP_MACHINES]; /* the stage that it is at */
static long which;                  /* allocation fails */
static unsigned failures;

static void begin(void)
{
    l = life_new();
    memset(told, 0, sizeof told);
    failures = 0;
    for (unsigned i = 0; i < CUP_MACHINES; i++) {
        machine_init(&m[i], l, i + 1);
        machine_join(&m[i]);
    }
    cr_assert_eq(life_define(l, "prod", 0, "*/eth0"), REPLY_OK);
}

/* A core that was loaded in place of one that failed hears all again. */
static void hear_again(void)
{
    for (unsigned i = 0; i < CUP_MACHINES; i++) {
        machine_register(&m[i]);
        machine_report(&m[i]);
        if (told[i] > 0)
            cupboard_say(&m[i], i, told[i]);
        cr_assert(machine_acknowledged(&m[i]));
    }
}

static void say(unsigned i, unsigned stage)
{
    cupboard_say(&m[i], i, stage);
    if (l->failed) {
        failures++;
        hear_again();
        cupboard_say(&m[i], i, stage);
    }
    cr_assert(machine_acknowledged(&m[i]), "allocation %ld", which);
    told[i] = stage;
}

static void say_all(unsigned stage)
{
    for (unsigned i = 0; i < CUP_MACHINES; i++)
        say(i, stage);
}

static struct resource *fs_of(unsigned owner, const char *key)
{
    const struct node *n = owner > 0 ? node_by_id(l->c, m[owner - 1].id) : NULL;

    return resource_by_id(l->c, resource_seen_id(n, RESOURCE_FILESYSTEM, key));
}

/* What operators and scans have done, so that reports meet it. */
static void rights_and_images(void)
{
    static const char *const paths[] = { "/a.raw", "/b.qcow2" };
    struct coord_event ev = { .type = COORD_TICK, .now = l->now, .wall = l->wall };
    struct step s = { .c = l->c, .ev = &ev, .u = &l->update };
    char id[UUID_TEXT];

    failing_arm(false);
    l->arm = NULL;
    cr_assert_eq(rights_admit(l, CUP_DATA, true), REPLY_OK);
    cr_assert_eq(rights_admit(l, uuid_text(fs_of(1, "kept@local.sdg")->id, id), true), REPLY_OK);
    cr_assert_eq(rights_found_in(l, fs_of(0, CUP_DATA), true, paths, 2), 2);
    life_begin(l);
    cr_assert_eq(edge_distrust(&s, node_by_id(l->c, m[0].id), fs_of(0, CUP_DATA), "It is another."),
                 0);
    life_commit(l);
    l->arm = failing_arm;
}

static void all_stages(void)
{
    say_all(1);
    rights_and_images();
    say_all(2);
    say_all(3);
    say(0, 1);
    say(0, 3);
}

/* ---- reports -------------------------------------------------------------------------------- */

/* All but the first line, which counts commits and events. */
static char *held(void)
{
    char *text = life_text(l->c), *rest = strdup(strchr(text, '\n'));

    free(text);
    return rest;
}

/* What was told, but for nodes that register once more. */
static char *events(void)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    for (size_t i = 0; i < durable_events(l->d); i++) {
        const struct event_row *e = durable_event(l->d, i);

        if (strncmp(e->kind, "node.", 5) != 0)
            fprintf(f, "%s %s\n", e->kind, e->text);
    }
    fclose(f);
    return text;
}

Test(core_memory_storage, reports_in_which_each_allocation_fails_once, .timeout = 280)
{
    const struct sweep s = failing_sweep(8);
    char *wanted, *told_then;
    bool done = false;
    long n;

    begin();
    l->arm = failing_arm;
    all_stages();
    wanted = held();
    told_then = events();
    life_free(l);
    for (const char *kind = "edge.lost\0lun.remapped\0lun.grown\0edge.stuck\0lun.ghost\0fs.clone\0"
                            "pv.clone\0vg.changed\0fs.kept\0edge.quarantined\0edge.believed\0";
         *kind != '\0'; kind += strlen(kind) + 1)
        cr_expect_not_null(strstr(told_then, kind), "the reports do not lead to %s", kind);
    for (n = s.first; !done; n += s.step) {
        char *text;

        begin();
        l->doubtful = n % 50 != 0;
        l->arm = failing_arm;
        failing_left = which = n;
        all_stages();
        done = failing_left >= 0;
        failing_left = -1;
        cr_assert_eq(failures, done ? 0 : 1, "allocation %ld: %u steps failed", n, failures);
        text = held();
        cr_assert_str_eq(text, wanted, "allocation %ld", n);
        free(text);
        text = events();
        cr_assert_str_eq(text, told_then, "allocation %ld", n);
        free(text);
        l->doubtful = false;
        life_pass(l, 0);
        life_free(l);
    }
    free(wanted);
    free(told_then);
    cr_expect_geq(n, 300, "only %ld allocations", n);
    fprintf(stderr, "# %ld allocations\n", n);
}

/* ---- questions ------------------------------------------------------------------------------ */

static const struct question {
    enum client_op op;
    const char *node, *resource, *kind;
} questions[] = {
    { OP_EXPLAIN, "m1", CUP_L1, NULL },
    { OP_EXPLAIN, "m1", CUP_DATA, NULL },
    { OP_EXPLAIN, "m1", CUP_DATA ":/a.raw", NULL },
    { OP_EXPLAIN, "m1", "fast", NULL },
    { OP_EXPLAIN, "m1", CUP_L2, NULL },
    { OP_EXPLAIN, "m1", CUP_L3, NULL },
    { OP_EXPLAIN, "m2", CUP_L4, NULL },
    { OP_EXPLAIN, "m2", CUP_L6, NULL },
    { OP_EXPLAIN, "m3", "fast", NULL },
    { OP_EXPLAIN, "m3", "fast/data", NULL },
    { OP_EXPLAIN, "m3", CUP_DATA, NULL },
    { OP_EXPLAIN, "m3", CUP_L1, NULL },
    { OP_EXPLAIN, "m1", "prod", NULL },
    { OP_IMPACT, NULL, CUP_L1, NULL },
    { OP_IMPACT, NULL, CUP_L7, NULL },
    { OP_IMPACT, NULL, "fast", NULL },
    { OP_IMPACT, NULL, "fast/data", NULL },
    { OP_IMPACT, NULL, CUP_DATA, NULL },
    { OP_IMPACT, NULL, CUP_DATA ":/a.raw", NULL },
    { OP_IMPACT, "m1", NULL, NULL },
    { OP_FS_LIST, NULL, NULL, NULL },
    { OP_IMAGE_LIST, NULL, NULL, NULL },
    { OP_HOLD_LIST, NULL, NULL, NULL },
    { OP_SNAPSHOT, NULL, NULL, NULL },
    { OP_RESOURCE_LIST, NULL, NULL, NULL },
    { OP_RESOURCE_LIST, NULL, NULL, "image" },
    { OP_RESOURCE_SHOW, NULL, CUP_L1, NULL },
    { OP_RESOURCE_SHOW, NULL, "fast", NULL },
    { OP_RESOURCE_SHOW, NULL, "copy@" CUP_L7, NULL },
    { OP_RESOURCE_SHOW, NULL, CUP_DATA ":/b.qcow2", NULL },
    { OP_RESOURCE_SHOW, NULL, "naa.6", NULL },
    { OP_NODE_SHOW, "m2", NULL, NULL },
    { OP_PLACE, NULL, CUP_L1, NULL },
    { OP_PLACE, "m2", "fast", NULL },
    { OP_PLACE, NULL, "fast/data", NULL },
    { OP_PLACE, NULL, CUP_DATA, NULL },
    { OP_PLACE, NULL, CUP_DATA ":/a.raw", NULL },
};

static enum reply_code ask(const struct question *q)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, q->op);
    if (q->node != NULL)
        REC_SET(&req, request, node, q->node);
    if (q->op == OP_PLACE)
        REC_SET(&req, request, resources, ((struct strs){ &q->resource, 1 }));
    else if (q->resource != NULL)
        REC_SET(&req, request, resource, q->resource);
    if (q->kind != NULL)
        REC_SET(&req, request, kind, q->kind);
    return life_ask(l, &req);
}

static struct buf answer(void)
{
    struct buf out = { 0 };
    struct err e = { "" };

    cr_assert_eq(wire_encode(&reply_desc, l->reply, &out, &e), 0, "%s", e.text);
    return out;
}

/* Not at all, or as it should be: which is true? */
static bool is_answered(const struct question *q, const struct buf *wanted)
{
    struct buf got;

    if (ask(q) == REPLY_FAILED)
        return false;
    got = answer();
    cr_assert(got.n == wanted->n && memcmp(got.p, wanted->p, got.n) == 0,
              "operation %d on %s of %s, allocation %ld: the answer is another one", (int)q->op,
              q->resource != NULL ? q->resource : "all", q->node != NULL ? q->node : "all", which);
    buf_deinit(&got);
    return true;
}

static long sweep_question(const struct question *q, const struct sweep *s)
{
    char *before = held();
    bool done = false;
    long n;

    for (n = s->first; !done; n += s->step) {
        struct buf wanted;
        bool answered;
        char *after;

        l->arm = NULL;
        cr_assert_neq(ask(q), REPLY_FAILED);
        wanted = answer();
        l->arm = failing_arm;
        failing_left = which = n;
        answered = is_answered(q, &wanted);
        done = failing_left >= 0;
        failing_left = -1;
        cr_assert(answered || !done);
        after = held();
        cr_assert_str_eq(before, after, "operation %d, allocation %ld", (int)q->op, n);
        free(after);
        buf_deinit(&wanted);
        if (l->failed)
            hear_again();
    }
    free(before);
    return n;
}

Test(core_memory_storage, questions_in_which_each_allocation_fails_once, .timeout = 280)
{
    const struct sweep s = failing_sweep(8);
    long n = 0;

    begin();
    l->arm = failing_arm;
    all_stages();
    l->doubtful = true;
    for (size_t i = 0; i < ARRAY_LEN(questions); i++)
        n += sweep_question(&questions[i], &s);
    l->doubtful = false;
    life_pass(l, 0);
    life_free(l);
    cr_expect_geq(n, 1000, "only %ld allocations", n);
    fprintf(stderr, "# %ld allocations\n", n);
}
