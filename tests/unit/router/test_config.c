/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coordinator.conf, line by line, and the command line over it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "options.h"

static void collect(void *ctx, const char *sentence)
{
    buf_printf(ctx, "%s\n", sentence);
}

/* Reads a file with this text. The reports, each less its FILE:, come back in *reports. */
static int read_text(struct config *c, const char *text, size_t n, struct buf *reports)
{
    char path[] = "/tmp/muster-conf-XXXXXX", *p;
    struct buf all = { 0 };
    int rc, fd = mkstemp(path);

    cr_assert(fd >= 0 && write(fd, text, n) == (ssize_t)n && close(fd) == 0);
    rc = config_read(c, path, collect, &all);
    unlink(path);
    for (p = (char *)(uintptr_t)buf_cstr(&all); p != NULL && *p != '\0';) {
        char *end = strchr(p, '\n');

        cr_assert(strncmp(p, path, strlen(path)) == 0, "%s", p);
        buf_printf(reports, "%.*s\n", (int)(end - p - (long)strlen(path) - 1),
                   p + strlen(path) + 1);
        p = end + 1;
    }
    buf_deinit(&all);
    return rc;
}

static void expect_report(const char *text, const char *report)
{
    struct buf got = { 0 };
    struct config c;
    int rc;

    config_default(&c);
    rc = read_text(&c, text, strlen(text), &got);
    cr_expect_eq(rc, *report != '\0' ? 1 : 0, "%d wrong lines in: %s", rc, text);
    cr_expect_str_eq(*report != '\0' ? buf_cstr(&got) : "", report, "got %s", buf_cstr(&got));
    buf_deinit(&got);
}

Test(config, what_is_wrong_with_a_line)
{
    static const struct {
        const char *line, *report;
    } all[] = {
        { "nonsense", "1: a line is \"key = value\", or a comment that begins with #\n" },
        { "colour = red",
          "1: there is no setting colour; muster-coordinator --check-config prints them all\n" },
        { "state_dir =", "1: state_dir needs the path of a folder\n" },
        { "node_listen = 7411",
          "1: node_listen must be tcp://HOST:PORT, for example tcp://*:7411; it is 7411\n" },
        { "node_listen = ipc:///x",
          "1: node_listen must be tcp://HOST:PORT, for example tcp://*:7411; it is ipc:///x\n" },
        { "node_listen = off",
          "1: node_listen must be tcp://HOST:PORT, for example tcp://*:7411; it is off\n" },
        { "client_ipc = tcp://*:1",
          "1: client_ipc must be ipc://PATH, for example ipc:///run/muster/client.sock; it is tcp://*:1\n" },
        { "client_listen = ipc:///x",
          "1: client_listen must be off or tcp://HOST:PORT, for example tcp://*:7412; it is ipc:///x\n" },
        { "user = a b", "1: user must be the name of a user, or off; it is a b\n" },
        { "enrol_policy = all", "1: enrol_policy must be token (a valid token admits a node) or "
                                "operator (an operator approves each new node); it is all\n" },
        { "heartbeat_ms = soon", "1: heartbeat_ms must be a time such as 2000 (milliseconds), 2s "
                                 "or 30d; it is soon\n" },
        { "heartbeat_ms = -1", "1: heartbeat_ms must be a time such as 2000 (milliseconds), 2s or "
                               "30d; it is -1\n" },
        { "heartbeat_ms = 99", "1: heartbeat_ms must be from 100 to 600000; it is 99\n" },
        { "suspect_ms = 2d", "1: suspect_ms must be from 200 to 86400000; it is 2d\n" },
        { "event_retention = 12 rows",
          "1: event_retention must be a whole number; it is 12 rows\n" },
        { "event_retention = 99999999999999999999",
          "1: event_retention must be a whole number; it is 99999999999999999999\n" },
        { "peer_bytes_per_s = fast",
          "1: peer_bytes_per_s must be a size such as 8M; it is fast\n" },
        { "peer_bytes_burst = 1M",
          "1: peer_bytes_burst must be from 4194304 to 1099511627776; it is 1M\n" },
        { "decoder_threads = 0", "1: decoder_threads must be from 1 to 64; it is 0\n" },
        { "user = a\nuser = b", "2: user has been set in an earlier line\n" },
        { "\n# comment\n  \t\n = 3",
          "4: there is no setting ; muster-coordinator --check-config prints them all\n" },
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        expect_report(all[i].line, all[i].report);
}

Test(config, all_wrong_lines_are_reported_and_the_right_ones_are_used)
{
    static const char text[] = "heartbeat_ms = x\nsuspect_ms = 8s\ndown_ms = y\n";
    struct buf got = { 0 };
    struct config c;

    config_default(&c);
    cr_expect_eq(read_text(&c, text, strlen(text), &got), 2);
    cr_expect_eq(c.suspect_ms, 8000);
    buf_deinit(&got);
}

Test(config, lines_of_any_length_and_content)
{
    size_t n = 100000;
    char *text = malloc(n + 1);
    struct config c;

    for (size_t length = 500; length <= n; length += 9950) {
        struct buf got = { 0 };

        memset(text, 'a', n);
        memcpy(text, "user = ", 7);
        text[length - 1] = '\n';
        text[length] = '\0';
        config_default(&c);
        cr_expect_eq(read_text(&c, text, length, &got), length == 500 ? 0 : 1, "%zu", length);
        buf_deinit(&got);
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        struct buf got = { 0 };
        char line[] = "user = x\nsuspect_ms = 7s\n";

        line[7] = (char)byte;
        config_default(&c);
        read_text(&c, line, strlen("user = x\nsuspect_ms = 7s\n"), &got);
        cr_expect_eq(c.suspect_ms, 7000, "after byte %u in the line before", byte);
        buf_deinit(&got);
    }
    free(text);
}

Test(config, a_file_without_an_end_of_line_and_one_that_is_empty)
{
    struct buf got = { 0 };
    struct config c;

    config_default(&c);
    cr_expect_eq(read_text(&c, "down_ms=1m", 10, &got), 0);
    cr_expect_eq(c.down_ms, 60000);
    cr_expect_eq(read_text(&c, "", 0, &got), 0);
    buf_deinit(&got);
}

Test(config, a_file_that_cannot_be_read)
{
    struct buf got = { 0 };
    struct config c;

    config_default(&c);
    cr_expect_eq(config_read(&c, "/nonexistent/x", collect, &got), -ENOENT);
    cr_expect_str_eq(buf_cstr(&got), "/nonexistent/x cannot be read: No such file or directory\n");
    buf_reset(&got);
    cr_expect_eq(config_read(&c, "/", collect, &got), -EISDIR);
    cr_expect_str_eq(buf_cstr(&got), "/ cannot be read: Is a directory\n");
    buf_deinit(&got);
}

static void set(struct config *c, const char *key, const char *value)
{
    struct err e = { "" };

    cr_assert_eq(config_set(c, key, value, &e), 0, "%s", e.text);
}

static void expect_contradiction(const struct config *c, const char *sentence)
{
    struct err e = { "" };

    cr_expect_eq(config_check(c, &e), -EINVAL);
    cr_expect_str_eq(e.text, sentence);
}

Test(config, settings_that_contradict_each_other)
{
    struct config c;

    config_default(&c);
    set(&c, "suspect_ms", "3999");
    expect_contradiction(&c, "suspect_ms (3999) must be at least twice heartbeat_ms (2000): one "
                             "lost heartbeat is no suspicion");
    set(&c, "suspect_ms", "4s");
    set(&c, "down_ms", "4s");
    expect_contradiction(&c, "down_ms (4000) must be more than suspect_ms (4000): a node is "
                             "suspect before it is down");
    set(&c, "down_ms", "5s");
    set(&c, "client_listen", "tcp://*:7411");
    expect_contradiction(
        &c, "client_listen and node_listen are both tcp://*:7411; each needs a port of its own");
    set(&c, "client_listen", "off");
    cr_expect_eq(config_check(&c, NULL), 0);
}

static const char defaults[] = "state_dir = /var/lib/muster\n"
                               "node_listen = tcp://*:7411\n"
                               "client_ipc = ipc:///run/muster/client.sock\n"
                               "client_listen = off\n"
                               "user = off\n"
                               "enrol_policy = token\n"
                               "heartbeat_ms = 2000\n"
                               "suspect_ms = 6000\n"
                               "down_ms = 30000\n"
                               "rescans = 32\n"
                               "rescans_per_target = 8\n"
                               "rescan_timeout_ms = 30000\n"
                               "edge_retention = 2592000000\n"
                               "event_retention = 1000000\n"
                               "lease_ttl_ms = 15000\n"
                               "lease_history = 100000\n"
                               "task_history = 1000\n"
                               "peer_messages_per_s = 200\n"
                               "peer_messages_burst = 400\n"
                               "peer_bytes_per_s = 8388608\n"
                               "peer_bytes_burst = 16777216\n"
                               "decoder_threads = 2\n";

Test(config, what_is_printed_reads_back_as_the_same)
{
    struct buf first = { 0 }, second = { 0 }, reports = { 0 };
    struct config c, d;

    config_default(&c);
    config_print(&c, collect, &first);
    cr_expect_str_eq(buf_cstr(&first), defaults);
    set(&c, "client_listen", "tcp://[::1]:7412");
    set(&c, "enrol_policy", "operator");
    set(&c, "user", "muster");
    set(&c, "edge_retention", "7d");
    set(&c, "peer_bytes_burst", "1G");
    buf_reset(&first);
    config_print(&c, collect, &first);
    config_default(&d);
    cr_expect_eq(read_text(&d, (const char *)first.p, first.n, &reports), 0);
    config_print(&d, collect, &second);
    cr_expect_str_eq(buf_cstr(&first), buf_cstr(&second));
    buf_deinit(&first);
    buf_deinit(&second);
    buf_deinit(&reports);
}

static char *file_text(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 65536);

    cr_assert(f != NULL && text != NULL, "%s", path);
    cr_assert(fread(text, 1, 65535, f) > 0);
    fclose(f);
    return text;
}

/* The example has each setting once, commented out, with its default. */
Test(config, the_example_shows_the_defaults)
{
    char *text = file_text(SOURCE_ROOT "/docs/examples/coordinator.conf"), *rest = text, *line;
    struct buf settings = { 0 }, reports = { 0 }, printed = { 0 };
    struct config c;
    unsigned count = 0;

    memset(&c, 0, sizeof c);
    while ((line = strtok_r(rest, "\n", &rest)) != NULL) {
        if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z') {
            buf_printf(&settings, "%s\n", line + 1);
            count++;
        } else {
            cr_expect_eq(line[0], '#', "%s", line);
        }
    }
    cr_expect_eq(read_text(&c, (const char *)settings.p, settings.n, &reports), 0, "%s",
                 buf_cstr(&reports));
    config_print(&c, collect, &printed);
    cr_expect_str_eq(buf_cstr(&printed), defaults);
    cr_expect_eq(count, 22, "each setting once");
    free(text);
    buf_deinit(&settings);
    buf_deinit(&reports);
    buf_deinit(&printed);
}

Test(config, the_man_page_has_every_setting)
{
    char *page = file_text(SOURCE_ROOT "/docs/coordinator.conf.5");

    for (const char *line = defaults; *line != '\0'; line = strchr(line, '\n') + 1) {
        char entry[64];

        snprintf(entry, sizeof entry, "Cm %.*s No (default", (int)strcspn(line, " "), line);
        cr_expect(strstr(page, entry) != NULL, "%s", entry);
    }
    free(page);
}

/* ---- the command line ----------------------------------------------------------------------- */

static int parse(struct options *o, struct err *e, const char *line)
{
    static char words[512];
    char *argv[32] = { "muster-coordinator" }, *rest = words;
    int argc = 1;

    snprintf(words, sizeof words, "%s", line);
    while ((argv[argc] = strtok_r(rest, " ", &rest)) != NULL)
        argc++;
    e->text[0] = '\0';
    return options_parse(o, argc, argv, e);
}

Test(options, what_is_given_comes_over_the_file)
{
    struct options o;
    struct config c;
    struct err e;

    cr_assert_eq(parse(&o, &e,
                       "--config /x --state-dir /s --listen tcp://*:1 --client-ipc=ipc:///c "
                       "--client-listen tcp://*:2 --set heartbeat_ms=1s --set heartbeat_ms=3s "
                       "--log-level debug"),
                 0, "%s", e.text);
    config_default(&c);
    cr_assert_eq(options_apply(&o, &c, &e), 0, "%s", e.text);
    cr_expect_eq(o.mode, MODE_SERVE);
    cr_expect_str_eq(o.config_file, "/x");
    cr_expect_eq(o.log_level, LOG_LEVEL_DEBUG);
    cr_expect_str_eq(c.state_dir, "/s");
    cr_expect_str_eq(c.node_listen, "tcp://*:1");
    cr_expect_str_eq(c.client_ipc, "ipc:///c");
    cr_expect_str_eq(c.client_listen, "tcp://*:2");
    cr_expect_eq(c.heartbeat_ms, 3000, "the last one counts");
}

Test(options, modes)
{
    struct options o;
    struct err e;

    cr_expect(parse(&o, &e, "--help --bogus") == 0 && o.mode == MODE_HELP);
    cr_expect(parse(&o, &e, "--version") == 0 && o.mode == MODE_VERSION);
    cr_expect(parse(&o, &e, "--check-config --listen x") == 0 && o.mode == MODE_CHECK_CONFIG);
    cr_expect(parse(&o, &e, "") == 0 && o.mode == MODE_SERVE && o.config_file == NULL);
}

Test(options, wrong_usage)
{
    static const struct {
        const char *line, *sentence;
    } all[] = {
        { "--bogus", "there is no option --bogus; see --help" },
        { "--check-config=x", "--check-config takes no value; see --help" },
        { "-x", "there is no option -x; see --help" },
        { "--listen", "--listen needs a value; see --help" },
        { "start", "there is no argument 'start' to give; see --help" },
        { "--set user", "--set takes KEY=VALUE, for example suspect_ms=8s; it was 'user'" },
        { "--log-level loud", "--log-level takes error, warning, info or debug, not 'loud'" },
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct options o;
        struct err e;

        cr_expect_eq(parse(&o, &e, all[i].line), -EINVAL);
        cr_expect_str_eq(e.text, all[i].sentence);
    }
}

Test(options, a_wrong_value_has_its_sentence)
{
    struct options o;
    struct config c;
    struct err e;

    cr_assert_eq(parse(&o, &e, "--state-dir /s --set decoder_threads=1000"), 0);
    config_default(&c);
    cr_expect_eq(options_apply(&o, &c, &e), -EINVAL);
    cr_expect_str_eq(e.text, "decoder_threads must be from 1 to 64; it is 1000");
}

Test(options, help_and_man_page_have_every_option)
{
    static const char *const names[] = { "config",  "state-dir", "listen",       "client-ipc",
                                         "set",     "log-level", "check-config", "client-listen",
                                         "version", "help" };
    char *page = file_text(SOURCE_ROOT "/docs/muster-coordinator.8");

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char entry[64];

        snprintf(entry, sizeof entry, "  --%s", names[i]);
        cr_expect(strstr(options_help(), entry) != NULL, "%s", entry);
        snprintf(entry, sizeof entry, "Fl -%s", names[i]);
        cr_expect(strstr(page, entry) != NULL, "%s", entry);
    }
    for (const char *line = options_help(); line != NULL && *line != '\0';
         line = strchr(line, '\n') + 1)
        cr_expect_leq(strcspn(line, "\n"), 80, "%.40s", line);
    free(page);
}
