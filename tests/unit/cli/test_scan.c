/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bar of a task, and the chain that an image stands on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/images.h"
#include "cli/scan.h"

#define RANDOM_TASKS 300
#define WIDEST       200

static struct task_info task(uint64_t jobs, uint64_t done, uint64_t running, uint64_t held)
{
    struct task_info k = { .present = 0 };

    REC_SET(&k, task_info, no, 7);
    REC_SET(&k, task_info, jobs, jobs);
    REC_SET(&k, task_info, jobs_done, done);
    REC_SET(&k, task_info, jobs_running, running);
    REC_SET(&k, task_info, jobs_held, held);
    return k;
}

/* The line, to be freed by free(). */
static char *bar(const struct task_info *k, unsigned columns, bool color)
{
    struct buf b = { 0 };
    struct text t = { .out = &b, .arena = arena_new(0), .color = color, .columns = columns };
    char *copy;

    task_bar(&t, k);
    cr_assert_not(t.failed);
    copy = strdup(buf_cstr(&b));
    buf_deinit(&b);
    arena_free(t.arena);
    return copy;
}

static void check_bar(const struct task_info *k, unsigned columns, const char *wanted)
{
    char *got = bar(k, columns, false);

    cr_assert_str_eq(got, wanted, "at %u: is:\n%s\nnot:\n%s", columns, got, wanted);
    free(got);
}

Test(bar, says_all_where_there_is_room)
{
    struct task_info k = task(40, 10, 4, 2);

    REC_SET(&k, task_info, images, 312);
    REC_SET(&k, task_info, remaining_ms, 125000);
    check_bar(
        &k, 120,
        "[##########                              ] 10/40 done, 4 running, 24 waiting, 2 held, "
        "312 images, 2 min left");
    check_bar(&k, 80,
              "[##         ] 10/40 done, 4 running, 24 waiting, 2 held, 312 images, 2 min left");
    check_bar(&k, 78, "10/40 done, 4 running, 24 waiting, 2 held, 312 images, 2 min left");
    check_bar(&k, 65, "[#####               ] 10/40 done, 4 running, 24 waiting, 2 held");
    check_bar(&k, 50, "10/40 done, 4 running, 24 waiting, 2 held");
    check_bar(&k, 20, "10/40 do..., 2 held");
}

Test(bar, leaves_out_what_is_none)
{
    struct task_info k = task(5, 5, 0, 0);

    check_bar(&k, 80, "[########################################] 5/5 done");
    k = task(5, 0, 0, 5);
    check_bar(&k, 80, "[                                        ] 0/5 done, 5 held");
    k = task(0, 0, 0, 0);
    check_bar(&k, 80, "[                                        ] 0/0 done");
    /* More than there are, which a coordinator should never say. */
    k = task(3, 9, 9, 9);
    check_bar(&k, 80, "[########################################] 9/3 done, 9 running, 9 held");
}

static uint64_t random_state;

static uint64_t below(uint64_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return n == 0 ? 0 : (random_state >> 33) % n;
}

/* No colour counts as a column, and none is left open. */
static size_t columns_of(const char *s)
{
    size_t n = 0, escapes = 0;

    for (; *s != '\0'; s++) {
        if (*s == '\033') {
            s = strchr(s, 'm');
            escapes++;
        } else {
            n++;
        }
    }
    cr_assert_eq(escapes % 2, 0);
    return n;
}

Test(bar, is_never_wider_than_the_line)
{
    random_state = (uint64_t)time(NULL);
    fprintf(stderr, "seed %llu\n", (unsigned long long)random_state);
    for (int i = 0; i < RANDOM_TASKS; i++) {
        uint64_t jobs = below(3) == 0 ? below(200000) : below(50), done = below(jobs + 1);
        struct task_info k = task(jobs, done, below(jobs + 1), below(jobs + 1));
        unsigned columns = 6 + (unsigned)below(WIDEST);
        char *plain, *colored;

        if (below(2) == 0)
            REC_SET(&k, task_info, images, below(UINT64_C(1) << 40));
        if (below(2) == 0)
            REC_SET(&k, task_info, remaining_ms, (int64_t)below(UINT64_C(1) << 40));
        plain = bar(&k, columns, false);
        colored = bar(&k, columns, true);
        cr_assert_lt(text_width(plain), columns, "%u: %s", columns, plain);
        cr_assert_eq(columns_of(colored), text_width(plain));
        free(plain);
        free(colored);
    }
}

/* ---- chains --------------------------------------------------------------------------------- */

struct file {
    struct image image;
    struct image_info info;
};

static void make(struct file *f, const char *path, const char *backing_path, const char *state)
{
    *f = (struct file){ .image = { .path = path } };
    if (state != NULL) {
        f->image.backing = "as it is named";
        f->image.backing_path = backing_path;
        f->image.backing_state = state;
    }
    f->info.image = &f->image;
}

static struct images listed(const struct image_info **v, size_t n)
{
    return (struct images){ .v = v, .n = n };
}

Test(chain, goes_down_to_the_first_that_stands_on_nothing)
{
    struct file top, middle, base;
    const struct image_info *v[] = { &base.info, &top.info, &middle.info };
    struct images all = listed(v, 3);
    struct chain c;

    make(&top, "/top", "/middle", "found");
    make(&middle, "/middle", "/base", "found");
    make(&base, "/base", NULL, NULL);
    chain_of(&all, &top.info, &c);
    cr_assert_eq(c.n, 2);
    cr_assert_eq(c.links[0].image, &middle.info);
    cr_assert_eq(c.links[1].image, &base.info);
    cr_assert_not(c.circle || c.cut);
    chain_of(&all, &base.info, &c);
    cr_assert_eq(c.n, 0);
}

Test(chain, ends_where_it_is_broken)
{
    struct file top, middle;
    const struct image_info *v[] = { &top.info, &middle.info };
    struct images all = listed(v, 2);
    struct chain c;

    make(&top, "/top", "/middle", "found");
    make(&middle, "/middle", "/gone", "missing");
    chain_of(&all, &top.info, &c);
    cr_assert_eq(c.n, 2);
    cr_assert_str_eq(c.links[1].state, "missing");
    cr_assert_null(c.links[1].image);
    /* It is there, and no scan has taken it for an image. */
    make(&middle, "/middle", "/text", "found");
    chain_of(&all, &top.info, &c);
    cr_assert_eq(c.n, 2);
    cr_assert_null(c.links[1].image);
    make(&top, "/top", NULL, "unresolved");
    chain_of(&all, &top.info, &c);
    cr_assert_eq(c.n, 1);
}

Test(chain, in_a_circle)
{
    struct file a, b, self;
    const struct image_info *v[] = { &a.info, &b.info, &self.info };
    struct images all = listed(v, 3);
    struct chain c;

    make(&a, "/a", "/b", "found");
    make(&b, "/b", "/a", "found");
    make(&self, "/self", "/self", "found");
    chain_of(&all, &a.info, &c);
    cr_assert_eq(c.n, 2);
    cr_assert(c.circle && !c.cut);
    chain_of(&all, &self.info, &c);
    cr_assert_eq(c.n, 1);
    cr_assert(c.circle);
}

Test(chain, longer_than_is_told)
{
    static struct file files[MOST_LINKS + 2];
    static char names[MOST_LINKS + 2][16];
    const struct image_info *v[MOST_LINKS + 2];
    struct images all = listed(v, MOST_LINKS + 2);
    struct chain c;

    for (int i = 0; i < MOST_LINKS + 2; i++)
        snprintf(names[i], sizeof names[i], "/%d", i);
    for (int i = 0; i < MOST_LINKS + 2; i++) {
        bool last = i == MOST_LINKS + 1;

        make(&files[i], names[i], last ? NULL : names[i + 1], last ? NULL : "found");
        v[i] = &files[i].info;
    }
    chain_of(&all, v[0], &c);
    cr_assert_eq(c.n, MOST_LINKS);
    cr_assert(c.cut && !c.circle);
    chain_of(&all, v[1], &c);
    cr_assert_eq(c.n, MOST_LINKS);
    cr_assert_not(c.cut);
}
