/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, the kernel's, and which of them beats which. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/limits.h"
#include "probe_options.h"

enum { MOST = 80 };

/* The arguments, up to NULL. */
static int parse(struct probe_options *o, const char *const args[], struct err *e)
{
    char *argv[MOST + 2] = { (char *)"muster-probe" };
    int argc = 1;

    for (; args[argc - 1] != NULL; argc++)
        argv[argc] = (char *)args[argc - 1];
    return probe_options_parse(o, argc, argv, e);
}

#define PARSE(o, e, ...) parse(o, (const char *const[]){ __VA_ARGS__, NULL }, e)

static char ignored[1024];

static void note(void *ctx, const char *sentence)
{
    cr_expect_null(ctx);
    snprintf(ignored + strlen(ignored), sizeof ignored - strlen(ignored), "%s\n", sentence);
}

static int kernel(struct probe_options *o, char *text, struct err *e)
{
    ignored[0] = '\0';
    return probe_options_kernel(o, text, note, NULL, e);
}

Test(options, defaults)
{
    struct probe_options o;
    struct err e;

    cr_assert_eq(PARSE(&o, &e, "--connect", "tcp://192.0.2.1:7411"), 0);
    cr_expect_eq(o.mode, PROBE_SUPERVISE);
    cr_expect_str_eq(o.connect, "tcp://192.0.2.1:7411");
    cr_expect_str_eq(o.run_dir, "/run/muster-probe");
    cr_expect_null(o.token_file);
    cr_expect_null(o.node_name);
    cr_expect_eq(o.interface_count, 0);
    cr_expect_eq(o.rescan_ms, DEFAULT_RESCAN_MS);
    cr_expect_eq(o.worker_timeout_ms, DEFAULT_WORKER_TIMEOUT_MS);
    cr_expect_eq(o.scans, DEFAULT_SCANS_PER_NODE);
    cr_expect_eq(o.log_level, LOG_LEVEL_INFO);
}

Test(options, every_option)
{
    struct probe_options o;
    struct err e;

    cr_assert_eq(PARSE(&o, &e, "--connect=tcp://[::1]:7411", "--token-file", "t", "--run-dir", "r",
                       "--node-name", "alpha", "--node-id", "3f0c9a52-7f5e-4c0e-9d3b-2a1b6c7d8e9f",
                       "--interface", "eth*", "--interface", "up0", "--device", "sd*", "--rescan",
                       "5m", "--worker-timeout", "1500ms", "--scans", "64", "--log-level", "debug"),
                 0, "%s", e.text);
    cr_expect_str_eq(o.connect, "tcp://[::1]:7411");
    cr_expect_str_eq(o.token_file, "t");
    cr_expect_str_eq(o.run_dir, "r");
    cr_expect_str_eq(o.node_name, "alpha");
    cr_expect_str_eq(o.node_id, "3f0c9a52-7f5e-4c0e-9d3b-2a1b6c7d8e9f");
    cr_assert_eq(o.interface_count, 2);
    cr_expect_str_eq(o.interfaces[1], "up0");
    cr_assert_eq(o.device_count, 1);
    cr_expect_str_eq(o.devices[0], "sd*");
    cr_expect_eq(o.rescan_ms, 300000);
    cr_expect_eq(o.worker_timeout_ms, 1500);
    cr_expect_eq(o.scans, 64);
    cr_expect_eq(o.log_level, LOG_LEVEL_DEBUG);
}

Test(options, what_is_wrong_is_told_with_what_would_be_right)
{
    static const struct {
        const char *args[3];
        const char *sentence;
    } wrong[] = {
        { { "--connect", "coordinator" }, "--connect must be tcp://HOST:PORT" },
        { { "--connect", "ipc://var/sock" }, "--connect must be tcp://HOST:PORT" },
        { { "--token-file", "" }, "--token-file must be a path" },
        { { "--run-dir", "" }, "--run-dir must be a path" },
        { { "--node-name", "-x" }, "--node-name must have 1 to 64" },
        { { "--node-name", "a b" }, "--node-name must have 1 to 64" },
        { { "--node-id", "7" }, "--node-id must be a UUID" },
        { { "--node-id", "00000000-0000-0000-0000-000000000000" }, "--node-id must be a UUID" },
        { { "--interface", "a/b" }, "--interface must be the name of a link" },
        { { "--device", "/dev/sda" }, "--device must be the name of a block device" },
        { { "--rescan", "60" }, "--rescan must be a time such as 30s" },
        { { "--rescan", "1ms" }, "--rescan must be a time such as 30s" },
        { { "--worker-timeout", "0s" }, "--worker-timeout must be a time" },
        { { "--scans", "0" }, "--scans must be a number from 1 to 64; it is '0'" },
        { { "--scans", "65" }, "--scans must be a number from 1 to 64" },
        { { "--scans", "4x" }, "--scans must be a number from 1 to 64" },
        { { "--scans", "" }, "--scans must be a number from 1 to 64" },
        { { "--log-level", "loud" }, "must be error, warning, info or debug; it is 'loud'" },
        { { "--token", "m1.secret" }, "there is no option --token" },
        { { "--connect" }, "--connect needs a value" },
        { { "--frobnicate" }, "there is no option --frobnicate; see --help" },
        { { "--print=yes" }, "--print takes no value; see --help" },
        { { "stray" }, "there is no argument 'stray' to give" },
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct probe_options o;
        struct err e = { "" };

        cr_expect_lt(parse(&o, wrong[i].args, &e), 0, "%s", wrong[i].sentence);
        cr_expect_not_null(strstr(e.text, wrong[i].sentence), "%s: is: %s", wrong[i].sentence,
                           e.text);
    }
}

Test(options, help_and_version_beat_what_is_wrong_after_them)
{
    struct probe_options o;
    struct err e;

    cr_assert_eq(PARSE(&o, &e, "--help", "--connect", "nonsense"), 0);
    cr_expect_eq(o.mode, PROBE_HELP);
    cr_assert_eq(PARSE(&o, &e, "--version", "stray"), 0);
    cr_expect_eq(o.mode, PROBE_VERSION);
}

Test(options, help_names_every_option)
{
    static const char *const names[] = {
        "--connect",     "--token-file",   "--run-dir",       "--node-name",
        "--node-id",     "--interface",    "--rescan",        "--worker-timeout",
        "--log-level",   "--help",         "--version",       "muster.connect=",
        "muster.token=", "muster.name=",   "muster.node_id=", "muster.interface=",
        "--device",      "muster.device=", "--scans",         "muster.scans="
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        cr_expect_not_null(strstr(probe_options_help(), names[i]), "%s", names[i]);
}

/* ---- the kernel command line ---------------------------------------------------------------- */

Test(kernel, tells_a_diskless_host)
{
    char text[] = "BOOT_IMAGE=vmlinuz root=/dev/ram0 console=hvc0 muster.connect=tcp://c:7411 "
                  "muster.token=m1.abc muster.name=alpha "
                  "muster.node_id=3f0c9a52-7f5e-4c0e-9d3b-2a1b6c7d8e9f muster.interface=eth0 "
                  "muster.interface=\"bond*\" muster.device=sda muster.device=vd? -- quiet\n";
    struct probe_options o;
    struct err e = { "" };

    cr_assert_eq(PARSE(&o, &e, "--rescan", "30s"), 0);
    cr_assert_eq(kernel(&o, text, &e), 0, "%s", e.text);
    cr_expect_str_eq(o.connect, "tcp://c:7411");
    cr_expect_str_eq(o.token, "m1.abc");
    cr_expect_str_eq(o.node_name, "alpha");
    cr_expect_str_eq(o.node_id, "3f0c9a52-7f5e-4c0e-9d3b-2a1b6c7d8e9f");
    cr_assert_eq(o.interface_count, 2);
    cr_expect_str_eq(o.interfaces[0], "eth0");
    cr_expect_str_eq(o.interfaces[1], "bond*");
    cr_assert_eq(o.device_count, 2);
    cr_expect_str_eq(o.devices[1], "vd?");
    cr_expect_str_eq(ignored, "");
}

Test(kernel, is_beaten_by_the_command_line)
{
    char text[] = "muster.connect=tcp://kernel:1 muster.name=kernel muster.interface=eth9 "
                  "muster.token=m1.kernel";
    struct probe_options o;
    struct err e = { "" };

    cr_assert_eq(
        PARSE(&o, &e, "--connect", "tcp://argv:2", "--interface", "eth0", "--token-file", "file"),
        0);
    cr_assert_eq(kernel(&o, text, &e), 0, "%s", e.text);
    cr_expect_str_eq(o.connect, "tcp://argv:2");
    cr_expect_eq(o.interface_count, 1, "all or none");
    cr_expect_null(o.token, "a token file beats it");
    cr_expect_str_eq(o.node_name, "kernel", "what the command line does not say");
}

Test(kernel, a_value_that_is_beaten_may_be_wrong)
{
    char text[] = "muster.connect=nonsense";
    struct probe_options o;
    struct err e = { "" };

    cr_assert_eq(PARSE(&o, &e, "--connect", "tcp://argv:2"), 0);
    cr_expect_eq(kernel(&o, text, &e), 0, "%s", e.text);
}

Test(kernel, what_is_wrong_is_told)
{
    static const char *const wrong[][2] = {
        { "muster.connect=there", "muster.connect on the kernel command line must be tcp://" },
        { "muster.connect", "muster.connect on the kernel command line needs a value" },
        { "muster.node_id=7", "muster.node_id on the kernel command line must be a UUID" },
        { "muster.interface=a/b", "muster.interface on the kernel command line must be the name" },
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct probe_options o;
        struct err e = { "" };
        char text[128];

        snprintf(text, sizeof text, "quiet %s", wrong[i][0]);
        cr_assert_eq(PARSE(&o, &e, "--log-level", "info"), 0);
        cr_expect_lt(kernel(&o, text, &e), 0);
        cr_expect_not_null(strstr(e.text, wrong[i][1]), "%s: is: %s", wrong[i][1], e.text);
    }
}

Test(kernel, an_unknown_setting_is_told_without_its_value)
{
    char text[] = "mustering=1 xmuster.connect=2 muster.tokn=m1.secret muster.token-file=x";
    struct probe_options o;
    struct err e = { "" };

    cr_assert_eq(PARSE(&o, &e, "--log-level", "info"), 0);
    cr_assert_eq(kernel(&o, text, &e), 0);
    cr_expect_not_null(strstr(ignored, "muster.tokn"));
    cr_expect_not_null(strstr(ignored, "muster.token-file"));
    cr_expect_null(strstr(ignored, "secret"), "it may be a secret");
    cr_expect_null(strstr(ignored, "mustering"));
    cr_expect_null(o.connect);
}

Test(kernel, any_text_is_parsed_within_its_bounds)
{
    static const char *const odd[] = {
        "",  " ",        "\n", "\"", "\"muster.name=a b", "muster.", "muster.=", "muster.name=\"\"",
        "=", "a\"b c\"d"
    };

    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct probe_options o;
        struct err e = { "" };
        char *text = strdup(odd[i]);

        cr_assert_eq(PARSE(&o, &e, "--log-level", "info"), 0);
        kernel(&o, text, &e);
        cr_expect_null(o.node_name);
        free(text);
    }
}
