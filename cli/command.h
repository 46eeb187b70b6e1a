/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands: one const table. A row tells what a command is called, takes and is for; parsing,
 * help, completion's test and the man page's test all read it. */
#ifndef MUSTER_CLI_COMMAND_H
#define MUSTER_CLI_COMMAND_H

#include "cli/output.h"
#include "client/muster.h"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };
/* Of `status --check`: what monitoring systems agree on. */
enum check_code { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

struct option {
    char letter;       /* 0: none */
    const char *name;  /* NULL ends a list */
    const char *value; /* what stands for its value in help; NULL: it takes none */
    bool repeats;      /* may be given more than once */
    const char *help;
};

struct run;

struct command {
    const char *noun, *verb;      /* verb NULL: the noun is the whole command */
    const char *arguments;        /* as in the usage line; NULL: none */
    uint8_t least, most;          /* arguments */
    const char *needs;            /* options that it cannot do without; NULL: none */
    const char *summary;          /* half a line */
    const char *about;            /* what it is for, how to read what it prints */
    const char *example;          /* command lines with a word on each */
    const char *exits;            /* NULL: the usual four */
    const struct option *options; /* NULL: none but the global ones */
    int (*handle)(struct run *r); /* returns an exit code */
};

extern const struct command *const commands[]; /* NULL ends it */
extern const struct option global_options[];

enum { MOST_ARGUMENTS = 64, MOST_OPTIONS = 256 };

/* One run of the program. */
struct run {
    const struct command *command; /* NULL: help or version is asked for, or nothing */
    const char *noun;              /* given, when there is no such command */
    const char *arguments[MOST_ARGUMENTS];
    size_t argument_count;
    struct {
        const struct option *option;
        const char *value;
    } given[MOST_OPTIONS];
    size_t given_count;
    bool help, version, json;
    enum color color;
    struct muster_options connect;
    bool timeout_given;
    struct output out;
    struct muster_client *client; /* after the first call */
    struct arena *arena;          /* until the end */
};

/* The whole program: returns its exit code. */
int muster_run(int argc, char **argv);

/* parse.c: 0, or EXIT_USAGE after the sentence has been printed. */
int parse(struct run *r, int argc, char **argv);
bool option_given(const struct run *r, const char *name);
const char *option_value(const struct run *r, const char *name); /* the last; NULL: not given */
/* All values of an option, in the run's arena. */
struct strs option_values(struct run *r, const char *name);
/* A whole number. 0, or EXIT_USAGE after the sentence. *out stays as it is when not given. */
int option_number(struct run *r, const char *name, uint64_t least, uint64_t most, uint64_t *out);
int option_duration(struct run *r, const char *name, int64_t *out_ms);

/* help.c */
int help_show(struct run *r);
const char *usage_of(struct arena *a, const struct command *c); /* "muster node show NODE ..." */

/* suggest.c: the word that `word` was meant to be, or NULL. */
const char *suggest(const char *word, const char *const *words, size_t n);

/* ask.c: what a handler needs. */
/* Prints the sentence (and a hint, may be NULL) and returns the exit code that goes with `code`. */
__attribute__((format(printf, 4, 5))) int fail(struct run *r, const char *code, const char *hint,
                                               const char *fmt, ...);
int fail_with(struct run *r, const struct failure *f); /* the same */
/* Connects on first use, asks, puts the reply in order (cli/order.h), and prints the failure if
 * there is one: 0 or an exit code. The reply is freed by the caller either way. */
int ask(struct run *r, const struct request *req, struct muster_reply *out);
int ask_connect(struct run *r);
/* The failure of a call that returned `rc`, with `reply` where there is one. */
int ask_failed(struct run *r, int rc, const struct reply *reply);
/* A sentence on stderr that is no failure. */
__attribute__((format(printf, 2, 3))) void notice(struct run *r, const char *fmt, ...);
/* Shows and returns the exit code: EXIT_DONE, or EXIT_FAILED when stdout cannot be written. */
int show(struct run *r, const struct view *v, const void *data);
/* ask, show the reply, free it. */
int ask_and_show(struct run *r, const struct request *req, const struct view *v);
/* The `i`th argument as a number above 0; `what` it is ("a task"), which command lists them ("task
 * list"). 0, or EXIT_USAGE after the sentence. */
int argument_number(struct run *r, size_t i, const char *what, const char *list, uint64_t *out);
int64_t now_ms(void); /* of a clock that only goes forward */
/* A moment's rest before the coordinator is looked for again, ended early when the reader of stdout
 * has gone: then false. */
bool rest(void);

#endif
