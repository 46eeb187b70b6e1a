/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and tags, as LVM takes them. */
#include <criterion/criterion.h>
#include <errno.h>

#include "change/parse_name.h"

static char long_name[129];

static void make_long(size_t n, char c)
{
    memset(long_name, c, n);
    long_name[n] = '\0';
}

Test(name, volume_groups)
{
    static const char *const good[] = { "vg0", "a", ".a", "_x", "+1.b-c_d", "Fast" };
    static const char *const bad[] = {
        "", "-a", ".", "..", "a b", "a/b", "a'b", "\xc3\xa9", "a:b"
    };
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        cr_expect_eq(change_vg_name(good[i], &e), 0, "%s: %s", good[i], e.text);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect_eq(change_vg_name(bad[i], &e), -EINVAL, "%s", bad[i]);
    cr_expect_eq(change_vg_name(NULL, &e), -EINVAL);
    make_long(127, 'x');
    cr_expect_eq(change_vg_name(long_name, &e), 0);
    make_long(128, 'x');
    cr_expect_eq(change_vg_name(long_name, &e), -EINVAL);
}

Test(name, logical_volumes_have_reserved_names)
{
    static const char *const good[] = { "vm7-root", "snap", "a_mlo", "tdata", "spool" };
    static const char *const bad[] = { "snapshot",   "snapshot1", "pvmove0",
                                       "a_mlog",     "a_tdata",   "lvol0_pmspare",
                                       "x_rimage_0", "y_corig",   "..",
                                       "-x" };
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        cr_expect_eq(change_lv_name("vg0", good[i], &e), 0, "%s: %s", good[i], e.text);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect_eq(change_lv_name("vg0", bad[i], &e), -EINVAL, "%s", bad[i]);
}

/* "vg0-" and the name, with its hyphens doubled. */
Test(name, a_device_has_both_names)
{
    struct err e;

    make_long(123, 'x');
    cr_expect_eq(change_lv_name("vg0", long_name, &e), 0);
    make_long(124, 'x');
    cr_expect_eq(change_lv_name("vg0", long_name, &e), -EINVAL);
    make_long(123, 'x');
    long_name[5] = '-';
    cr_expect_eq(change_lv_name("vg0", long_name, &e), -EINVAL);
}

Test(name, tags)
{
    struct err e;

    cr_expect_eq(change_tag("a_b+c.d-e/f=g!h:i&j#k", &e), 0, "%s", e.text);
    cr_expect_eq(change_tag("", &e), -EINVAL);
    cr_expect_eq(change_tag("-a", &e), -EINVAL);
    cr_expect_eq(change_tag("a b", &e), -EINVAL);
    cr_expect_eq(change_tag("a'b", &e), -EINVAL);
    cr_expect_eq(change_tag("@a", &e), -EINVAL);
}

Test(name, the_uuid_of_a_pv_follows_from_task_and_container)
{
    char x[LVM_UUID_TEXT], y[LVM_UUID_TEXT];

    change_pv_uuid("mark", "naa.1", x);
    change_pv_uuid("mark", "naa.1", y);
    cr_expect_str_eq(x, y);
    cr_expect(change_is_uuid(x), "%s", x);
    cr_expect_eq(strncmp(x, CHANGE_PV_PREFIX, strlen(CHANGE_PV_PREFIX)), 0);
    change_pv_uuid("mark", "naa.2", y);
    cr_expect_str_neq(x, y);
    change_pv_uuid("marknaa.", "1", y);
    cr_expect_str_neq(x, y);
    cr_expect_not(change_is_uuid("x; rm"));
    cr_expect_not(change_is_uuid("muster-XZ5h-lKQh-ckvb-3hRM-23Tw-fQtzz "));
    cr_expect_not(change_is_uuid(NULL));
}
