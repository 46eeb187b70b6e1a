/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether LVM on a node would activate LVs by itself. */
#include <criterion/criterion.h>
#include <errno.h>

#include "collect/parse_lvm_auto.h"
#include "collect/rows.h"

static struct arena *a;
static struct vg vg;
static struct lv lvs[2];

static void setup(void)
{
    static const char *tags[] = { "blue", "red" };

    a = arena_new(0);
    vg = (struct vg){ .present = 0 };
    REC_SET(&vg, vg, uuid, "V");
    REC_SET(&vg, vg, name, "fast");
    for (size_t i = 0; i < 2; i++) {
        lvs[i] = (struct lv){ .present = 0 };
        REC_SET(&lvs[i], lv, uuid, i == 0 ? "L" : "O");
        REC_SET(&lvs[i], lv, vg_uuid, i == 0 ? "V" : "other");
        REC_SET(&lvs[i], lv, tags, ((struct strs){ &tags[i], 1 }));
    }
}

static void teardown(void)
{
    arena_free(a);
}

TestSuite(lvm_auto, .init = setup, .fini = teardown);

/* NULL: nothing activates it. */
static const char *told(const char *settings)
{
    struct lvm_auto x = { .rule = "69-lvm.rules" };
    const char *text;

    cr_assert_eq(parse_lvm_auto(bytes_of(settings), a, &x), 0, "%s", settings);
    cr_assert_eq(lvm_auto_text(&x, &vg, lvs, 2, a, &text), 0);
    return text;
}

Test(lvm_auto, what_the_configuration_lists_is_activated_and_nothing_else)
{
    static const struct {
        const char *settings, *text; /* NULL: it is not */
    } cases[] = {
        { "event_activation=1\n", "no activation/auto_activation_volume_list keeps LVM from it" },
        { "event_activation=0\n", NULL },
        { "event_activation=1\nauto_activation_volume_list=[]\n", NULL },
        { "event_activation=1\nauto_activation_volume_list=[\"faster\",\"fas\"]\n", NULL },
        { "event_activation=1\nauto_activation_volume_list=[\"slow\",\"fast\"]\n", "names fast" },
        { "event_activation=1\nauto_activation_volume_list=\"fast\"\n", "names fast" },
        { "event_activation=1\nauto_activation_volume_list=[\"fast/root\"]\n", "names fast/root" },
        { "event_activation=1\nauto_activation_volume_list=[\"@blue\"]\n", "names @blue" },
        { "event_activation=1\nauto_activation_volume_list=[\"@red\"]\n", NULL },
        { "event_activation=1\nauto_activation_volume_list=[\"@*\"]\n", "names @*" },
        { "event_activation=0\nauto_activation_volume_list=[\"fast\"]\n", NULL },
        { "event_activation=1\nauto_activation_volume_list=[\"a\\\"b\", \"fast\"]\n",
          "names fast" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *text = told(cases[i].settings);

        cr_expect_eq(text == NULL, cases[i].text == NULL, "%s: %s", cases[i].settings, text);
        cr_expect(text == NULL || strstr(text, cases[i].text), "%s: %s", cases[i].settings, text);
        cr_expect(text == NULL || strncmp(text, "udev's 69-lvm.rules ", 20) == 0, "%s", text);
    }
}

Test(lvm_auto, the_metadata_keep_every_node_from_it)
{
    REC_SET(&vg, vg, autoactivation, false);
    cr_expect_null(told("event_activation=1\n"));
    REC_SET(&vg, vg, autoactivation, true);
    cr_expect_not_null(told("event_activation=1\n"));
}

Test(lvm_auto, without_the_rule_nobody_asks_lvm)
{
    struct lvm_auto x = { .event_activation = true };
    const char *text = "";

    cr_assert_eq(lvm_auto_text(&x, &vg, lvs, 2, a, &text), 0);
    cr_expect_null(text);
}

Test(lvm_auto, without_the_rule_services_may_activate_at_boot)
{
    static const struct {
        const char *settings;
        bool told;
    } cases[] = {
        { "event_activation=0\n", true },
        { "event_activation=1\n", false },
        { "event_activation=0\nauto_activation_volume_list=[]\n", false },
        { "event_activation=0\nauto_activation_volume_list=[\"fast\"]\n", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lvm_auto x = { .generator = "lvm2-activation-generator" };
        const char *text;

        cr_assert_eq(parse_lvm_auto(bytes_of(cases[i].settings), a, &x), 0);
        cr_assert_eq(lvm_auto_text(&x, &vg, lvs, 2, a, &text), 0);
        cr_expect_eq(text != NULL, cases[i].told, "%s: %s", cases[i].settings, text);
        cr_expect(text == NULL || strncmp(text, "systemd's lvm2-activation-generator ", 36) == 0,
                  "%s", text);
    }
}

Test(lvm_auto, what_is_no_answer_of_lvm)
{
    static const char *const bad[] = {
        "",
        "auto_activation_volume_list=[]\n",
        "event_activation=1\nauto_activation_volume_list=[\"a",
        "event_activation=1\nauto_activation_volume_list=[a]\n",
        "event_activation=1\nauto_activation_volume_list=[\"a\" 5]\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct lvm_auto x;

        cr_expect_eq(parse_lvm_auto(bytes_of(bad[i]), a, &x), -EBADMSG, "%s", bad[i]);
    }
}
