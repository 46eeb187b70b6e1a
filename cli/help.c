/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Help at every level: the program, a noun, a command. With --json the table itself, from which
 * the tests of completion and man page read what there is. */
#include "nouns.h"

#include <stdio.h>

/* Where a noun stands in the overview. */
static const struct group {
    const char *title;
    const char *nouns[8];
} groups[] = {
    { "See how things are",
      { "status", "matrix", "explain", "impact", "place", "resource", "fs", "event" } },
    { "Find disk images", { "scan", "task", "lease", "hold" } },
    { "Nodes and networks", { "node", "network" } },
    { "Who may come in", { "token", "client", "enrol" } },
    { "Take care of the coordinator", { "backup", "recover", "wait" } },
};

static const char *title_of(struct text *t, const struct command *c)
{
    return text_format(t, "%s%s%s", c->noun, c->verb != NULL ? " " : "",
                       c->verb != NULL ? c->verb : "");
}

const char *usage_of(struct arena *a, const struct command *c)
{
    const char *parts[] = { c->noun, c->verb, c->arguments, c->needs,
                            c->options != NULL ? "[OPTION...]" : NULL };
    const char *s = "muster";

    for (size_t i = 0; i < ARRAY_LEN(parts) && s != NULL; i++) {
        if (parts[i] != NULL)
            s = arena_printf(a, "%s %s", s, parts[i]);
    }
    return s != NULL ? s : "muster";
}

static void heading(struct text *t, const char *title)
{
    buf_str(t->out, "\n");
    text_paint(t, PAINT_BOLD, title);
    buf_str(t->out, "\n");
}

/* Two columns, the first one indented by two. */
static struct table *pairs_new(struct text *t)
{
    static const struct column columns[] = { { NULL, 0 }, { NULL, COLUMN_WRAP } };

    return table_new(t, columns, ARRAY_LEN(columns));
}

static void command_rows(struct text *t, struct table *b, const char *noun)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        const struct command *c = commands[i];

        if (strcmp(c->noun, noun) != 0)
            continue;
        table_cell(b, text_format(t, "  %-17s", title_of(t, c)), PAINT_NONE);
        table_cell(b, c->summary, PAINT_NONE);
    }
}

static void option_rows(struct text *t, const struct option *options)
{
    struct table *b = pairs_new(t);

    for (const struct option *o = options; o->name != NULL; o++) {
        const char *letter = o->letter != 0 ? text_format(t, "-%c, ", o->letter) : "";

        table_cell(b,
                   text_format(t, "  %s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
                               o->value != NULL ? o->value : ""),
                   PAINT_NONE);
        table_cell(b, text_format(t, "%s%s", o->help, o->repeats ? "; may be given again" : ""),
                   PAINT_NONE);
    }
    table_print(b);
}

/* Lines of `s`, each a paragraph, or as they are with an indentation. */
static void lines(struct text *t, const char *s, bool wrapped)
{
    while (*s != '\0') {
        size_t n = strcspn(s, "\n");
        const char *line = text_format(t, "%.*s", (int)n, s);

        if (wrapped)
            text_wrap(t, line, 0, 0, PAINT_NONE);
        else
            buf_printf(t->out, "  %s\n", line);
        s += n + (s[n] == '\n');
    }
}

static void overview_text(struct text *t)
{
    text_line(t, "muster: who in the fleet can reach what, and why not.");
    buf_str(t->out, "\n");
    text_line(t, "Usage: muster COMMAND [ARGUMENT...] [OPTION...]");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        struct table *b = pairs_new(t);

        heading(t, groups[i].title);
        for (size_t k = 0; k < ARRAY_LEN(groups[i].nouns) && groups[i].nouns[k] != NULL; k++)
            command_rows(t, b, groups[i].nouns[k]);
        table_print(b);
    }
    heading(t, "Options of every command");
    option_rows(t, global_options);
    heading(t, "Begin with");
    lines(t,
          "muster status                       what there is, and what to look at next\n"
          "muster matrix                       which node sees which network\n"
          "muster explain NODE RESOURCE        why it does or does not\n"
          "muster COMMAND --help               all about one command, with examples",
          false);
    buf_str(t->out, "\n");
    text_line(t, "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 coordinator not reachable.");
}

static void noun_text(struct text *t, const char *noun)
{
    struct table *b = pairs_new(t);

    text_line(t, "Usage: muster %s COMMAND [ARGUMENT...] [OPTION...]", noun);
    heading(t, "Commands");
    command_rows(t, b, noun);
    table_print(b);
    buf_str(t->out, "\n");
    text_line(t, "'muster %s COMMAND --help' tells all about one of them, with examples.", noun);
}

static void command_text(struct text *t, const struct command *c)
{
    const char *title = title_of(t, c);

    text_line(t, "muster %s: %s", title, c->summary);
    buf_str(t->out, "\n");
    text_line(t, "Usage: %s", usage_of(t->arena, c));
    buf_str(t->out, "\n");
    lines(t, c->about, true);
    if (c->options != NULL) {
        heading(t, "Options");
        option_rows(t, c->options);
    }
    heading(t, "Options of every command");
    option_rows(t, global_options);
    heading(t, "Examples");
    lines(t, c->example, false);
    buf_str(t->out, "\n");
    lines(t,
          c->exits != NULL
              ? text_format(t, "Exit codes: %s", c->exits)
              : "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 coordinator not reachable.",
          true);
}

static void help_text(struct text *t, const void *data)
{
    const struct run *r = data;

    if (r->command != NULL)
        command_text(t, r->command);
    else if (r->noun != NULL)
        noun_text(t, r->noun);
    else
        overview_text(t);
}

static void options_json(struct json *j, const struct option *options)
{
    json_array(j, "options");
    for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
        char letter[2] = { o->letter, '\0' };

        json_object(j, NULL);
        json_str(j, "name", o->name);
        json_str(j, "letter", o->letter != 0 ? letter : NULL);
        json_str(j, "value", o->value);
        json_bool(j, "repeats", o->repeats);
        json_str(j, "help", o->help);
        json_end_object(j);
    }
    json_end_array(j);
}

static void command_json(struct json *j, const struct command *c)
{
    json_object(j, NULL);
    json_str(j, "noun", c->noun);
    json_str(j, "verb", c->verb);
    json_str(j, "arguments", c->arguments);
    json_str(j, "summary", c->summary);
    json_str(j, "about", c->about);
    json_str(j, "example", c->example);
    options_json(j, c->options);
    json_end_object(j);
}

static void help_json(struct json *j, const void *data)
{
    const struct run *r = data;

    json_array(j, "commands");
    for (size_t i = 0; commands[i] != NULL; i++) {
        if ((r->command == NULL || r->command == commands[i]) &&
            (r->noun == NULL || strcmp(r->noun, commands[i]->noun) == 0))
            command_json(j, commands[i]);
    }
    json_end_array(j);
    options_json(j, global_options);
}

int help_show(struct run *r)
{
    static const struct view view = { help_text, help_json };

    if (r->help)
        return show(r, &view, r);
    if (!r->json)
        show(r, &view, r);
    return fail(r, "usage", NULL, "a command is missing; 'muster status' is a good first one");
}
