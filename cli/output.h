/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two ways to answer, text and JSON, behind one table of functions. A command hands over its data
 * and a view: how this kind of data looks either way. Views are pure: data in, bytes out. */
#ifndef MUSTER_CLI_OUTPUT_H
#define MUSTER_CLI_OUTPUT_H

#include "cli/text.h"
#include "model/render.h"

struct view {
    void (*text)(struct text *t, const void *data);
    void (*json)(struct json *j, const void *data); /* members of the object that is the document */
};

/* What went wrong. */
struct failure {
    const char *code;       /* "not-found", "unreachable", "usage", ...: docs/json.md lists them */
    const char *text;       /* one sentence */
    const char *hint;       /* what to do next, or NULL */
    struct strs candidates; /* what an ambiguous prefix may mean, or a mistyped word */
};

struct output;

struct output_ops {
    /* One whole answer on stdout: text, or one document with a line end. 0 or a negative errno. */
    int (*show)(struct output *o, const struct view *v, const void *data);
    /* The failure: sentence and hint on stderr; with JSON a document on stdout too. */
    void (*fail)(struct output *o, const struct failure *f);
};

struct output {
    const struct output_ops *ops;
    bool color, color_errors;
    unsigned columns;
    bool document; /* JSON: one has been written */
};

extern const struct output_ops output_text, output_json;

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Colours only on a terminal that has them, unless NO_COLOR is set; lines as wide as the terminal,
 * else $COLUMNS, else 80. */
void output_init(struct output *o, bool json, enum color color);

/* A sentence on stderr that is no failure. */
void output_notice(const struct output *o, const char *text);

/* What show() writes, into a buffer. 0 or -ENOMEM. */
int output_render(const struct output *o, const struct view *v, const void *data, struct buf *out);

#endif
