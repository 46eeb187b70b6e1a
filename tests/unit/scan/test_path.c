/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "base/limits.h"
#include "scan/limits.h"
#include "scan/parse_path.h"

static struct arena *arena;

static void start(void)
{
    arena = arena_new(0);
}

static void end(void)
{
    arena_free(arena);
}

TestSuite(path, .init = start, .fini = end);

static struct path_answer resolved(enum image_name_kind kind, const char *name, const char *image,
                                   const char *mounted)
{
    struct rows r = { .a = arena };
    struct image_name n = { .raw = bytes_of(name), .kind = kind };
    struct path_answer answer = path_resolve(&r, &n, bytes_of(image), mounted);

    cr_assert_not(r.failed);
    cr_assert_eq(answer.path == NULL, answer.result != PATH_WITHIN);
    cr_assert_eq(answer.why == NULL, answer.result == PATH_WITHIN);
    return answer;
}

Test(path, within)
{
    static const struct {
        enum image_name_kind kind;
        const char *name, *image, *path;
    } cases[] = {
        { IMAGE_NAME_PATH, "base.img", "a.img", "base.img" },
        { IMAGE_NAME_PATH, "base.img", "x/y/a.img", "x/y/base.img" },
        { IMAGE_NAME_PATH, "../base.img", "x/y/a.img", "x/base.img" },
        { IMAGE_NAME_PATH, "../../base.img", "x/y/a.img", "base.img" },
        { IMAGE_NAME_PATH, "./b//./c/../base.img", "x/a.img", "x/b/base.img" },
        { IMAGE_NAME_PATH, "..base", "x/a.img", "x/..base" },
        { IMAGE_NAME_PATH, "json:x", "a.img", "json:x" },
        { IMAGE_NAME_PATH, "a\xff\n", "a.img", "a\xff\n" },
        { IMAGE_NAME_QEMU, "base.img", "x/a.img", "x/base.img" },
        { IMAGE_NAME_QEMU, "file:base.img", "x/a.img", "x/base.img" },
        { IMAGE_NAME_QEMU, "file:nbd:x", "x/a.img", "x/nbd:x" },
        { IMAGE_NAME_QEMU, "./nbd:x", "x/a.img", "x/nbd:x" },
        { IMAGE_NAME_QEMU, "d/e:f", "x/a.img", "x/d/e:f" },
        { IMAGE_NAME_URL, "file://./base.vhd", "x/a.vhd", "x/base.vhd" },
        { IMAGE_NAME_URL, "file://base%20.vhd", "x/a.vhd", "x/base%20.vhd" },
        { IMAGE_NAME_WINDOWS, ".\\base.vhd", "x/a.vhd", "x/base.vhd" },
        { IMAGE_NAME_WINDOWS, "..\\b\\base.vhd", "x/a.vhd", "b/base.vhd" },
        { IMAGE_NAME_WINDOWS, "b/base.vhd", "x/a.vhd", "x/b/base.vhd" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct path_answer a = resolved(cases[i].kind, cases[i].name, cases[i].image, NULL);

        cr_assert_eq(a.result, PATH_WITHIN, "case %zu: %s", i, a.why);
        cr_expect_str_eq(a.path, cases[i].path);
    }
}

Test(path, absolute_names_need_the_place_of_the_mount)
{
    static const struct {
        const char *name, *mounted;
        enum path_result result;
        const char *path;
    } cases[] = {
        { "/srv/images/base.img", NULL, PATH_UNCLEAR, NULL },
        { "/srv/images/base.img", "/srv/images", PATH_WITHIN, "base.img" },
        { "/srv/images/base.img", "/srv/images/", PATH_WITHIN, "base.img" },
        { "/srv//x/../images/b/base.img", "/srv/images", PATH_WITHIN, "b/base.img" },
        { "/srv/images/base.img", "/", PATH_WITHIN, "srv/images/base.img" },
        { "/srv/images2/base.img", "/srv/images", PATH_OUTSIDE, NULL },
        { "/srv/images/../base.img", "/srv/images", PATH_OUTSIDE, NULL },
        { "/srv/images", "/srv/images", PATH_OUTSIDE, NULL },
        { "/var/base.img", "/srv/images", PATH_OUTSIDE, NULL },
        { "/../base.img", "/srv", PATH_UNCLEAR, NULL },
        { "/srv/images/b/", "/srv/images", PATH_UNCLEAR, NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct path_answer a =
            resolved(IMAGE_NAME_PATH, cases[i].name, "x/a.img", cases[i].mounted);

        cr_expect_eq(a.result, cases[i].result, "case %zu: %s", i, a.why);
        if (cases[i].path != NULL)
            cr_expect_str_eq(a.path, cases[i].path);
    }
    cr_expect_eq(resolved(IMAGE_NAME_QEMU, "file:///srv/b", "a", "/srv").result, PATH_WITHIN);
    cr_expect_eq(resolved(IMAGE_NAME_URL, "file:///srv/b", "a", "/srv").result, PATH_WITHIN);
}

Test(path, outside)
{
    cr_expect_eq(resolved(IMAGE_NAME_PATH, "../base.img", "a.img", NULL).result, PATH_OUTSIDE);
    cr_expect_eq(resolved(IMAGE_NAME_PATH, "../../x/a.img", "x/a.img", NULL).result, PATH_OUTSIDE);
    cr_expect_eq(resolved(IMAGE_NAME_WINDOWS, "..\\..\\b", "x/a.img", NULL).result, PATH_OUTSIDE);
}

Test(path, unclear)
{
    static const struct {
        enum image_name_kind kind;
        const char *name;
    } cases[] = {
        { IMAGE_NAME_PATH, "" },
        { IMAGE_NAME_PATH, "." },
        { IMAGE_NAME_PATH, ".." },
        { IMAGE_NAME_PATH, "folder/" },
        { IMAGE_NAME_QEMU, "json:{\"driver\":\"raw\"}" },
        { IMAGE_NAME_QEMU, "nbd:localhost:10809" },
        { IMAGE_NAME_QEMU, "rbd:pool/image" },
        { IMAGE_NAME_QEMU, "file:" },
        { IMAGE_NAME_URL, "http://host/base.vhd" },
        { IMAGE_NAME_URL, "file://" },
        { IMAGE_NAME_WINDOWS, "C:\\base.vhd" },
        { IMAGE_NAME_WINDOWS, "\\\\server\\share\\base.vhd" },
        { IMAGE_NAME_WINDOWS, "/base.vhd" },
    };
    struct rows r = { .a = arena };
    struct image_name zero = { .raw = { (const uint8_t *)"a\0b", 3 } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_eq(resolved(cases[i].kind, cases[i].name, "x/a.img", NULL).result, PATH_UNCLEAR,
                     "case %zu", i);
    cr_expect_eq(path_resolve(&r, &zero, bytes_of("a"), NULL).result, PATH_UNCLEAR);
}

Test(path, long_ones)
{
    char name[IMAGE_NAME_BYTES + 10];

    memset(name, 'n', sizeof name);
    name[255] = '\0';
    cr_expect_eq(resolved(IMAGE_NAME_PATH, name, "x/a", NULL).result, PATH_WITHIN);
    name[255] = 'n';
    name[256] = '\0';
    cr_expect_eq(resolved(IMAGE_NAME_PATH, name, "x/a", NULL).result, PATH_UNCLEAR);
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 2 == 1 ? '/' : 'n';
    name[IMAGE_NAME_BYTES] = '\0';
    cr_expect_eq(resolved(IMAGE_NAME_PATH, name, "a", NULL).result, PATH_WITHIN);
    cr_expect_eq(resolved(IMAGE_NAME_PATH, name, "x/a", NULL).result, PATH_UNCLEAR);
}

static const char *text(const char *raw)
{
    struct rows r = { .a = arena };

    return path_text(&r, bytes_of(raw));
}

Test(path, texts_are_clean_and_tell_names_apart)
{
    char name[LIMIT_STRING_BYTES];

    cr_assert_str_eq(text("plain \xc3\xa4.img"), "plain \xc3\xa4.img");
    cr_assert_str_eq(text(" a\n\xff"), " a\\x0a\\xff");
    cr_assert_str_eq(text("a\\x0a"), "a\\x5cx0a");
    cr_assert_null(text(""));
    memset(name, 1, sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_leq(strlen(text(name)), LIMIT_STRING_BYTES);
    cr_assert_str_eq(text(name) + strlen(text(name)) - 3, "...");
}
