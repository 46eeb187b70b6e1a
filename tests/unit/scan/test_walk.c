/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk without a file system: order, bounds, and what is said of them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "scan/limits.h"
#include "scan/walk.h"

static struct walk *walk;
static struct walk_limits limits;

static void start(void)
{
    limits = walk_limits_default();
}

static void end(void)
{
    walk_free(walk);
    walk = NULL;
}

TestSuite(walk, .init = start, .fini = end);

static const mono_ms start_time = { 1000 };

static void begin(void)
{
    walk = walk_new(&limits, start_time);
    cr_assert_not_null(walk);
}

static struct walk_folder here;

static bool next_folder(void)
{
    return walk_folder(walk, start_time, &here);
}

static bool file(const char *name, uint64_t inode)
{
    return walk_entry(walk, &here, name, WALK_FILE, inode, start_time);
}

static bool folder(const char *name)
{
    return walk_entry(walk, &here, name, WALK_FOLDER, 0, start_time);
}

static uint64_t hit(enum walk_bound b)
{
    return walk_tally(walk)->hit[b];
}

static bool is_complete(void)
{
    return walk_is_complete(walk_tally(walk));
}

/* Those that are to be read, from now on, with blanks between them. */
static const char *order(void)
{
    static char out[1024];
    const struct walk_file *f;
    size_t n = 0;

    out[0] = '\0';
    while ((f = walk_file(walk, start_time)) != NULL)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", n == 0 ? "" : " ", f->path);
    return out;
}

Test(walk, by_inode_and_path)
{
    struct walk_folder top;

    begin();
    cr_assert(next_folder());
    cr_assert_str_eq(here.path, "");
    cr_assert(file("late", 9));
    cr_assert(file("early", 2));
    cr_assert(folder("sub"));
    top = here;
    cr_assert(next_folder());
    cr_assert_str_eq(here.path, "sub");
    cr_assert(file("early", 2)); /* one file by two names */
    cr_assert(folder(".."));
    cr_assert(walk_entry(walk, &here, "link", WALK_LINK, 0, start_time));
    cr_assert(walk_entry(walk, &here, "pipe", WALK_OTHER, 0, start_time));
    here = top; /* which is not at its end yet */
    cr_assert(file("small", 3));
    cr_assert_not(next_folder());
    walk_sort(walk);
    cr_assert_str_eq(order(), "early sub/early small late");
    cr_assert(is_complete());
    cr_assert_eq(walk_tally(walk)->entries, 7);
    cr_assert_eq(walk_tally(walk)->folders, 2);
    cr_assert_eq(walk_tally(walk)->files, 4);
    cr_assert_eq(walk_tally(walk)->links, 1);
    cr_assert_eq(walk_tally(walk)->others, 1);
    cr_assert(walk_size(walk, IMAGE_LEAST_BYTES));
    cr_assert_not(walk_size(walk, IMAGE_LEAST_BYTES - 1));
    cr_assert_eq(walk_tally(walk)->candidates, 1);
}

Test(walk, depth)
{
    limits.depth = 2;
    begin();
    for (int i = 0; i <= 2; i++) {
        cr_assert(next_folder());
        cr_assert(folder("d"));
    }
    cr_assert_not(next_folder());
    cr_assert_eq(hit(WALK_HIT_DEPTH), 1);
    cr_assert_not(is_complete());
}

Test(walk, entries)
{
    limits.entries = 3;
    begin();
    next_folder();
    cr_assert(folder("a"));
    cr_assert(folder("b"));
    cr_assert(folder("c"));
    cr_assert_not(folder("d"));
    cr_assert_not(next_folder());
    cr_assert_eq(hit(WALK_HIT_ENTRIES), 1 + 3);
    cr_assert_eq(walk_tally(walk)->entries, 3);
    cr_assert_not(is_complete());
}

Test(walk, files)
{
    limits.files = 2;
    begin();
    next_folder();
    cr_assert(file("a", 1));
    cr_assert(file("b", 2));
    cr_assert(file("c", 3));
    cr_assert_str_eq(order(), "a b");
    cr_assert_eq(hit(WALK_HIT_FILES), 1);
    cr_assert_not(is_complete());
}

Test(walk, bytes)
{
    limits.bytes = 100;
    begin();
    next_folder();
    for (uint64_t i = 0; i < 4; i++)
        cr_assert(file((const char[]){ (char)('a' + i), 0 }, i));
    cr_assert_not_null(walk_file(walk, start_time));
    walk_spent(walk, 99);
    cr_assert_not_null(walk_file(walk, start_time));
    walk_spent(walk, 1);
    cr_assert_null(walk_file(walk, start_time));
    cr_assert_null(walk_file(walk, start_time));
    cr_assert_eq(hit(WALK_HIT_BYTES), 2);
    cr_assert_eq(walk_tally(walk)->bytes, 100);
    cr_assert_not(is_complete());
}

Test(walk, time)
{
    mono_ms last = { start_time.v + 49 }, late = { start_time.v + 50 };

    limits.time_ms = 50;
    begin();
    cr_assert(walk_folder(walk, last, &here));
    cr_assert(walk_entry(walk, &here, "a", WALK_FOLDER, 0, last));
    cr_assert(walk_entry(walk, &here, "f", WALK_FILE, 1, last));
    cr_assert_not(walk_entry(walk, &here, "g", WALK_FILE, 2, late));
    cr_assert_not(walk_folder(walk, late, &here));
    cr_assert_null(walk_file(walk, late));
    cr_assert_eq(hit(WALK_HIT_TIME), 3);
    cr_assert_null(walk_file(walk, last));
    cr_assert_eq(hit(WALK_HIT_TIME), 3);
    cr_assert_not(is_complete());
}

Test(walk, paths_that_cannot_be_opened)
{
    char name[256];
    int depth = 0;

    memset(name, 'n', 255);
    name[255] = '\0';
    begin();
    while (next_folder()) {
        cr_assert(folder(name));
        depth++;
    }
    cr_assert_eq(depth, 17); /* the top one, and 16 whose path has up to 16 x 256 - 1 bytes */
    cr_assert_eq(hit(WALK_HIT_PATH), 1);
    cr_assert_not(is_complete());
}

Test(walk, memory)
{
    limits.memory = 8192;
    begin();
    next_folder();
    for (uint64_t i = 0; i < 200; i++)
        cr_assert(file("a name of 100 bytes, or nearly as many as that: what it says does not "
                       "matter, for it is not read here",
                       i));
    cr_assert_gt(hit(WALK_HIT_MEMORY), 0);
    cr_assert_eq(walk_tally(walk)->files, 200);
    cr_assert_not(is_complete());
}

Test(walk, what_is_hidden_or_failed_is_not_complete)
{
    begin();
    next_folder();
    cr_assert(is_complete());
    walk_is_mount(walk);
    cr_assert_not(is_complete());
    walk_free(walk);
    begin();
    walk_failed(walk);
    cr_assert_not(is_complete());
}

Test(walk, bounds_have_names)
{
    for (int i = 0; i < WALK_BOUND_COUNT; i++)
        cr_assert_not_null(walk_bound_name((enum walk_bound)i));
}
