/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. Options may stand anywhere, as --name VALUE or --name=VALUE; `--` ends them. */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define MOST_WORDS 64
#define ABSENT_MS  2000 /* where nothing listens, a person who gave no limit need not wait long */
#define SEE_HELP   "'muster --help' lists the commands."

static const char *const color_words[] = { "auto", "always", "never" };

/* ---- what was given ------------------------------------------------------------------------- */

bool option_given(const struct run *r, const char *name)
{
    return option_value(r, name) != NULL;
}

const char *option_value(const struct run *r, const char *name)
{
    for (size_t i = r->given_count; i > 0; i--) {
        if (strcmp(r->given[i - 1].option->name, name) == 0)
            return r->given[i - 1].value;
    }
    return NULL;
}

struct strs option_values(struct run *r, const char *name)
{
    const char **v = arena_array(r->arena, r->given_count + 1, sizeof *v);
    struct strs list = { v, 0 };

    for (size_t i = 0; v != NULL && i < r->given_count; i++) {
        if (strcmp(r->given[i].option->name, name) == 0)
            v[list.n++] = r->given[i].value;
    }
    return list;
}

int option_number(struct run *r, const char *name, uint64_t least, uint64_t most, uint64_t *out)
{
    const char *s = option_value(r, name);
    unsigned long long n;
    char *end;

    if (s == NULL)
        return 0;
    errno = 0;
    n = strtoull(s, &end, 10);
    if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || n < least || n > most)
        return fail(r, "usage", NULL, "--%s takes a number from %llu to %llu, not '%s'", name,
                    (unsigned long long)least, (unsigned long long)most, s);
    *out = n;
    return 0;
}

int option_duration(struct run *r, const char *name, int64_t *out_ms)
{
    const char *s = option_value(r, name);

    if (s == NULL)
        return 0;
    if (!duration_parse(s, out_ms))
        return fail(r, "usage", NULL,
                    "--%s takes a time with its unit, such as 500ms, 30s, 5m, 2h or 7d, not '%s'",
                    name, s);
    if (*out_ms <= 0)
        return fail(r, "usage", NULL, "--%s takes a time above zero, not '%s'", name, s);
    return 0;
}

/* ---- parsing -------------------------------------------------------------------------------- */

struct parser {
    struct run *r;
    int argc;
    char **argv;
    const char *words[MOST_WORDS]; /* what is no option, in order */
    size_t word_count;
    /* Options are looked up when the command is known. */
    struct {
        const char *name, *value; /* value: after '=', or NULL */
        size_t length;
        int at;
        char letter;
    } pending;
};

static const struct option *find_in(const struct option *list, const char *name, size_t n,
                                    char letter)
{
    for (const struct option *o = list; o != NULL && o->name != NULL; o++) {
        if (letter != 0 ? o->letter == letter
                        : strlen(o->name) == n && strncmp(o->name, name, n) == 0)
            return o;
    }
    return NULL;
}

/* The options of every command that the words so far can still become: a value must be skipped even
 * where its option stands before the command. */
static const struct option *find_option(const struct parser *p, const char *name, size_t n,
                                        char letter)
{
    const struct option *o = find_in(global_options, name, n, letter);

    for (size_t i = 0; o == NULL && commands[i] != NULL; i++) {
        const struct command *c = commands[i];

        if (p->word_count > 0 && strcmp(c->noun, p->words[0]) != 0)
            continue;
        if (p->word_count > 1 && c->verb != NULL && strcmp(c->verb, p->words[1]) != 0)
            continue;
        o = find_in(c->options, name, n, letter);
    }
    return o;
}

static int unknown_option(struct parser *p, const char *text)
{
    const char *names[MOST_WORDS * 2], *near;
    size_t n = 0;

    for (const struct option *o = global_options; o->name != NULL; o++)
        names[n++] = o->name;
    for (size_t i = 0; commands[i] != NULL; i++) {
        const struct command *c = commands[i];

        if (p->word_count > 0 && strcmp(c->noun, p->words[0]) != 0)
            continue;
        for (const struct option *o = c->options; o != NULL && o->name != NULL; o++) {
            if (n < sizeof names / sizeof *names)
                names[n++] = o->name;
        }
    }
    near = strncmp(text, "--", 2) == 0 ? suggest(text + 2, names, n) : NULL;
    if (near != NULL)
        return fail(p->r, "usage", NULL, "there is no option %s; did you mean --%s?", text, near);
    return fail(p->r, "usage", "--help after a command lists its options.", "there is no option %s",
                text);
}

static int keep_option(struct parser *p, const struct option *o, const char *value)
{
    struct run *r = p->r;

    if (r->given_count == MOST_OPTIONS)
        return fail(r, "usage", NULL, "there are too many options; at most %d are taken",
                    MOST_OPTIONS);
    if (!o->repeats && option_given(r, o->name) && o->value != NULL)
        return fail(r, "usage", NULL, "--%s may be given once only", o->name);
    r->given[r->given_count].option = o;
    r->given[r->given_count++].value = value;
    return 0;
}

/* argv[*i] is "-x" or "--name" or "--name=value". */
static int take_option(struct parser *p, int *i)
{
    const char *text = p->argv[*i];
    bool is_long = text[1] == '-';
    const char *equals = is_long ? strchr(text, '=') : NULL;
    size_t n = equals != NULL ? (size_t)(equals - text) - 2 : strlen(text) - (is_long ? 2 : 1);
    const struct option *o = is_long  ? find_option(p, text + 2, n, 0)
                             : n == 1 ? find_option(p, NULL, 0, text[1])
                                      : NULL;
    const char *value = equals != NULL ? equals + 1 : NULL;

    /* -n20 */
    if (o == NULL && !is_long && n > 1) {
        o = find_option(p, NULL, 0, text[1]);
        value = text + 2;
        if (o != NULL && o->value == NULL)
            o = NULL;
    }
    if (o == NULL)
        return unknown_option(p, text);
    if (o->value == NULL && value != NULL)
        return fail(p->r, "usage", NULL, "--%s takes no value", o->name);
    if (o->value != NULL && value == NULL) {
        if (*i + 1 >= p->argc)
            return fail(p->r, "usage", NULL, "--%s needs a value: --%s %s", o->name, o->name,
                        o->value);
        value = p->argv[++*i];
    }
    return keep_option(p, o, value != NULL ? value : "");
}

static int take_words(struct parser *p)
{
    bool options = true;

    for (int i = 1; i < p->argc; i++) {
        const char *text = p->argv[i];

        if (options && strcmp(text, "--") == 0) {
            options = false;
        } else if (options && text[0] == '-' && text[1] != '\0') {
            int rc = take_option(p, &i);

            if (rc != 0)
                return rc;
        } else if (p->word_count < MOST_WORDS) {
            p->words[p->word_count++] = text;
        } else {
            return fail(p->r, "usage", NULL, "there are too many arguments");
        }
    }
    return 0;
}

static int take_globals(struct run *r)
{
    const char *color = option_value(r, "color");

    r->json = option_given(r, "json");
    r->help = r->help || option_given(r, "help");
    r->version = option_given(r, "version");
    r->connect.endpoint = option_value(r, "connect");
    r->connect.key_file = option_value(r, "key-file");
    r->timeout_given = option_given(r, "timeout");
    for (size_t i = 0; color != NULL && i < sizeof color_words / sizeof *color_words; i++) {
        if (strcmp(color, color_words[i]) == 0) {
            r->color = (enum color)i;
            color = NULL;
        }
    }
    output_init(&r->out, r->json, r->color);
    if (color != NULL)
        return fail(r, "usage", NULL, "--color takes auto, always or never, not '%s'", color);
    if (!r->timeout_given)
        r->connect.connect_ms = ABSENT_MS;
    return option_duration(r, "timeout", &r->connect.timeout_ms);
}

/* ---- which command -------------------------------------------------------------------------- */

/* Nouns (noun NULL), or the verbs of a noun; each once. */
static size_t vocabulary(const char *noun, const char **out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; commands[i] != NULL && n < cap; i++) {
        const char *word = noun == NULL ? commands[i]->noun : commands[i]->verb;

        if (noun != NULL && (strcmp(commands[i]->noun, noun) != 0 || word == NULL))
            continue;
        if (n == 0 || strcmp(out[n - 1], word) != 0)
            out[n++] = word;
    }
    return n;
}

static const char *listed(struct run *r, const char *const *words, size_t n)
{
    const char *list = n > 0 ? words[0] : "";

    for (size_t i = 1; i < n && list != NULL; i++)
        list = arena_printf(r->arena, "%s%s%s", list, i + 1 < n ? ", " : " or ", words[i]);
    return list != NULL ? list : "";
}

static int no_command(struct run *r, const char *noun, const char *verb)
{
    const char *words[MOST_WORDS], *near;
    size_t n = vocabulary(verb == NULL ? NULL : noun, words, MOST_WORDS);

    near = suggest(verb == NULL ? noun : verb, words, n);
    if (verb == NULL && near != NULL)
        return fail(r, "usage", NULL, "there is no command '%s'; did you mean 'muster %s'?", noun,
                    near);
    if (verb == NULL)
        return fail(r, "usage", SEE_HELP, "there is no command '%s'", noun);
    if (near != NULL)
        return fail(r, "usage", NULL, "'%s' has no command '%s'; did you mean 'muster %s %s'?",
                    noun, verb, noun, near);
    return fail(r, "usage", NULL, "'%s' has no command '%s'; it has %s", noun, verb,
                listed(r, words, n));
}

/* Finds the command of the first words; *used: how many they were. */
static int find_command(struct parser *p, size_t *used)
{
    struct run *r = p->r;
    const char *verbs[MOST_WORDS];
    bool noun_known = false;

    *used = 0;
    for (size_t i = 0; p->word_count > 0 && commands[i] != NULL; i++) {
        const struct command *c = commands[i];

        if (strcmp(c->noun, p->words[0]) != 0)
            continue;
        noun_known = true;
        r->noun = c->noun;
        if (c->verb != NULL && (p->word_count < 2 || strcmp(c->verb, p->words[1]) != 0))
            continue;
        r->command = c;
        *used = c->verb != NULL ? 2 : 1;
        return 0;
    }
    if (p->word_count == 0 || (noun_known && p->word_count == 1 && r->help) || r->version)
        return 0;
    if (noun_known && p->word_count == 1)
        return fail(r, "usage", arena_printf(r->arena, "'muster %s --help' tells more.", r->noun),
                    "'%s' needs a word more: %s", r->noun,
                    listed(r, verbs, vocabulary(r->noun, verbs, MOST_WORDS)));
    return no_command(r, p->words[0], noun_known ? p->words[1] : NULL);
}

static int check_options(const struct parser *p)
{
    const struct run *r = p->r;

    for (size_t i = 0; i < r->given_count; i++) {
        const struct option *o = r->given[i].option;
        const char *name = o->name;

        if (find_in(global_options, name, strlen(name), 0) == o ||
            find_in(r->command->options, name, strlen(name), 0) != NULL)
            continue;
        return fail(p->r, "usage", NULL, "'muster %s%s%s' has no option --%s", r->command->noun,
                    r->command->verb != NULL ? " " : "",
                    r->command->verb != NULL ? r->command->verb : "", name);
    }
    return 0;
}

/* What the usage line calls the arguments from the first missing one on: "NODE and RESOURCE". */
static const char *missing(struct run *r)
{
    const char *s = r->command->arguments, *list = "";

    for (size_t i = 0; s != NULL && *s != '\0' && i < r->command->least; i++) {
        size_t n = strcspn(s, " ");

        if (i >= r->argument_count)
            list =
                arena_printf(r->arena, "%s%s%.*s", list, *list != '\0' ? " and " : "", (int)n, s);
        if (list == NULL)
            return "an argument";
        s += n;
        s += strspn(s, " ");
    }
    return list;
}

static int check_arguments(struct parser *p, size_t used)
{
    struct run *r = p->r;
    const struct command *c = r->command;
    const char *usage = arena_printf(r->arena, "Usage: %s", usage_of(r->arena, c));

    r->argument_count = 0;
    for (size_t i = used; i < p->word_count; i++) {
        if (r->argument_count >= c->most)
            return fail(r, "usage", usage, "'%s' is one argument too many", p->words[i]);
        if (p->words[i][0] == '\0')
            return fail(r, "usage", usage, "an argument is empty");
        r->arguments[r->argument_count++] = p->words[i];
    }
    if (r->argument_count < c->least)
        return fail(r, "usage", usage, "%s %s missing", missing(r),
                    c->least - r->argument_count > 1 ? "are" : "is");
    return 0;
}

int parse(struct run *r, int argc, char **argv)
{
    struct parser p = { .r = r, .argc = argc, .argv = argv };
    size_t used;
    int rc;

    /* Until it is known how to answer: a sentence, as JSON too if that was asked for. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        r->json = r->json || strcmp(argv[i], "--json") == 0;
    output_init(&r->out, r->json, COLOR_AUTO);
    rc = take_words(&p);
    if (rc == 0)
        rc = take_globals(r);
    if (rc != 0)
        return rc;
    if (p.word_count > 0 && strcmp(p.words[0], "help") == 0) {
        r->help = true;
        memmove(p.words, p.words + 1, --p.word_count * sizeof *p.words);
    }
    rc = find_command(&p, &used);
    if (rc != 0 || r->command == NULL || r->help)
        return rc;
    rc = check_options(&p);
    return rc != 0 ? rc : check_arguments(&p, used);
}
