/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: options anywhere, values, suggestions, where in the log to begin; and the table
 * of commands itself. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "cli/command.h"
#include "cli/since.h"

#define MOST_WORDS 16

/* Parses "muster " + line, which must be good. */
static struct run parsed(const char *line)
{
    struct run r = { .arena = arena_new(0) };
    char *copy = arena_printf(r.arena, "muster %s", line), *save = NULL;
    char **argv = arena_array(r.arena, MOST_WORDS + 1, sizeof *argv);
    int argc = 0;

    for (char *s = strtok_r(copy, " ", &save); s != NULL; s = strtok_r(NULL, " ", &save))
        argv[argc++] = s;
    cr_assert_eq(parse(&r, argc, argv), 0, "%s", line);
    return r;
}

static void check_node_show(const char *line)
{
    struct run r = parsed(line);

    cr_assert_not_null(r.command, "%s", line);
    cr_assert_str_eq(r.command->noun, "node");
    cr_assert_str_eq(r.command->verb, "show");
    cr_assert_eq(r.argument_count, 1);
    cr_assert_str_eq(r.arguments[0], "node1", "%s", line);
    cr_assert(r.json, "%s", line);
    cr_assert_str_eq(r.connect.endpoint, "ipc:///x", "%s", line);
    cr_assert_str_eq(option_value(&r, "section"), "nics", "%s", line);
    cr_assert_eq(r.connect.timeout_ms, 1500, "%s", line);
    arena_free(r.arena);
}

Test(line, options_stand_anywhere)
{
    check_node_show("node show node1 --section nics --json --connect ipc:///x --timeout 1500ms");
    check_node_show("--json --connect ipc:///x --timeout 1500ms node show --section nics node1");
    check_node_show("--section=nics node --json --connect=ipc:///x show --timeout=1500ms node1");
    check_node_show("--section nics --connect ipc:///x node --json show --timeout 1500ms -- node1");
}

Test(line, letters)
{
    struct run r = parsed("event tail -f -n20");

    cr_assert(option_given(&r, "follow"));
    cr_assert_str_eq(option_value(&r, "lines"), "20");
    arena_free(r.arena);
    r = parsed("event -n 20 tail");
    cr_assert_str_eq(option_value(&r, "lines"), "20");
    arena_free(r.arena);
}

Test(line, repeated)
{
    struct run r = parsed("matrix --node a --node=b --resource c");
    struct strs nodes = option_values(&r, "node");

    cr_assert_eq(nodes.n, 2);
    cr_assert_str_eq(nodes.v[0], "a");
    cr_assert_str_eq(nodes.v[1], "b");
    cr_assert_eq(option_values(&r, "kind").n, 0);
    arena_free(r.arena);
}

Test(line, after_two_dashes_nothing_is_an_option)
{
    struct run r = parsed("node show -- --json");

    cr_assert_not(r.json);
    cr_assert_str_eq(r.arguments[0], "--json");
    arena_free(r.arena);
}

Test(line, help)
{
    static const char *const lines[] = { "node list --help", "help node list", "-h node list",
                                         "node show --help" };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct run r = parsed(lines[i]);

        cr_assert(r.help, "%s", lines[i]);
        cr_assert_not_null(r.command, "%s", lines[i]);
        arena_free(r.arena);
    }
}

/* ---- suggestions ---------------------------------------------------------------------------- */

Test(suggest, words)
{
    static const char *const words[] = { "status", "matrix", "node",   "network", "token",
                                         "event",  "enrol",  "backup", "recover", "wait" };
    static const struct {
        const char *typed, *meant;
    } cases[] = {
        { "stauts", "status" },
        { "statu", "status" },
        { "sttaus", "status" },
        { "matrx", "matrix" },
        { "matirx", "matrix" },
        { "nodes", "node" },
        { "nde", "node" },
        { "netwrok", "network" },
        { "net", "network" },
        { "tokens", "token" },
        { "rec", "recover" },
        { "enroll", "enrol" },
        { "xyz", NULL },
        { "q", NULL },
        { "frobnicate", NULL },
        { "", NULL },
        { "backdoor", NULL },
        { "an-argument-that-is-much-longer-than-any-word-that-there-is", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = suggest(cases[i].typed, words, ARRAY_LEN(words));

        if (cases[i].meant == NULL)
            cr_assert_null(got, "%s: %s", cases[i].typed, got);
        else
            cr_assert(got != NULL && strcmp(got, cases[i].meant) == 0, "%s: %s", cases[i].typed,
                      got != NULL ? got : "nothing");
    }
}

/* ---- since ---------------------------------------------------------------------------------- */

#define NOW INT64_C(1795533111000) /* 2026-11-24 16:11:51 +0100 */

static void check_moment(const char *s, int64_t wanted)
{
    struct since since;

    cr_assert(since_parse(s, (wall_ms){ NOW }, &since), "%s", s);
    cr_assert_not(since.by_number, "%s", s);
    cr_assert_eq(since.from_ms, wanted, "%s: %lld", s, (long long)since.from_ms);
}

Test(since, forms)
{
    static const char *const wrong[] = { "",
                                         "yesterday",
                                         "-5",
                                         "5x",
                                         "2026-13-01",
                                         "16:11",
                                         "1.5",
                                         "10 m",
                                         "2026-11-24 16:11:51 x",
                                         "99999999999999999999" };
    struct since since;

    setenv("TZ", "CET-1", 1);
    tzset();
    cr_assert(since_parse("4711", (wall_ms){ NOW }, &since));
    cr_assert(since.by_number);
    cr_assert_eq(since.number, 4711);
    /* A number is the number of an event, whatever its size. */
    cr_assert(since_parse("20261124", (wall_ms){ NOW }, &since));
    cr_assert(since.by_number);
    check_moment("10m", NOW - 600000);
    check_moment("2h", NOW - 7200000);
    check_moment("30000d", 1);
    check_moment("2026-11-24T15:11:51Z", NOW);
    check_moment("2026-11-24T15:11:51.250Z", NOW + 250);
    check_moment("2026-11-24T16:11:51+01:00", NOW);
    check_moment("2026-11-24 16:11:51 +0100", NOW);
    check_moment("2026-11-24 10:11:51 -0500", NOW);
    check_moment("2026-11-24 16:11:51", NOW);
    check_moment("2026-11-24T16:11:51", NOW);
    check_moment("2026-11-24 16:11", NOW - 51000);
    check_moment("2026-11-24", NOW - 51000 - (16 * 60 + 11) * 60000);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        cr_assert_not(since_parse(wrong[i], (wall_ms){ NOW }, &since), "%s", wrong[i]);
}

/* ---- the table ------------------------------------------------------------------------------ */

Test(table, teaches)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        const struct command *c = commands[i];
        const char *usage = c->arguments != NULL ? c->arguments : "";

        cr_assert_not_null(c->handle, "%s", c->noun);
        cr_assert(c->summary != NULL && strlen(c->summary) <= 59, "%s: the summary fits no line",
                  c->noun);
        cr_assert(c->about != NULL && strlen(c->about) > 20, "%s", c->noun);
        cr_assert(c->example != NULL && strstr(c->example, c->noun) != NULL, "%s", c->noun);
        cr_assert_leq(c->least, c->most, "%s", c->noun);
        cr_assert_leq(c->most, MOST_ARGUMENTS, "%s", c->noun);
        cr_assert_eq(c->most > 0, c->arguments != NULL, "%s %s", c->noun, usage);
        /* The verbs of a noun stand together, and a noun with verbs does nothing alone. */
        for (size_t k = i + 1; commands[k] != NULL; k++) {
            if (strcmp(commands[k]->noun, c->noun) == 0) {
                cr_assert_not_null(c->verb, "%s", c->noun);
                cr_assert_str_neq(commands[k]->verb, c->verb, "%s", c->noun);
                cr_assert_str_eq(commands[k - 1]->noun, c->noun);
            }
        }
    }
}

/* An option means the same wherever it is taken, at least in whether it has a value: it may stand
 * before the command that it belongs to. */
Test(table, options_agree)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        for (const struct option *o = commands[i]->options; o != NULL && o->name != NULL; o++) {
            for (const struct option *g = global_options; g->name != NULL; g++)
                cr_assert(strcmp(o->name, g->name) != 0 &&
                              (o->letter == 0 || o->letter != g->letter),
                          "%s --%s", commands[i]->noun, o->name);
            for (size_t k = 0; commands[k] != NULL; k++) {
                for (const struct option *p = commands[k]->options; p != NULL && p->name != NULL;
                     p++)
                    cr_assert(strcmp(o->name, p->name) != 0 ||
                                  (o->value == NULL) == (p->value == NULL),
                              "--%s", o->name);
            }
        }
    }
}
