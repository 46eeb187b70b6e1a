/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/io.h"

#define DEFAULT_COLUMNS 80
#define LEAST_COLUMNS   40
#define MOST_COLUMNS    1000

static unsigned columns_of_terminal(void)
{
    const char *given = getenv("COLUMNS");
    struct winsize size;
    unsigned long n = 0;

    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        n = size.ws_col;
    if (n == 0 && given != NULL)
        n = strtoul(given, NULL, 10);
    if (n == 0)
        n = DEFAULT_COLUMNS;
    return n < LEAST_COLUMNS ? LEAST_COLUMNS : n > MOST_COLUMNS ? MOST_COLUMNS : (unsigned)n;
}

static bool wants_color(enum color color, int fd)
{
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

    if (color != COLOR_AUTO)
        return color == COLOR_ALWAYS;
    return isatty(fd) && (no == NULL || *no == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

void output_init(struct output *o, bool json, enum color color)
{
    *o = (struct output){
        .ops = json ? &output_json : &output_text,
        .color = wants_color(color, STDOUT_FILENO),
        .color_errors = wants_color(color, STDERR_FILENO),
        .columns = columns_of_terminal(),
    };
}

static int render_text(const struct output *o, const struct view *v, const void *data,
                       struct buf *out)
{
    struct arena *arena = arena_new(0);
    struct text t = { .out = out, .arena = arena, .color = o->color, .columns = o->columns };

    if (arena == NULL)
        return -ENOMEM;
    v->text(&t, data);
    arena_free(arena);
    return t.failed || out->failed ? -ENOMEM : 0;
}

static int render_json(const struct view *v, const void *data, struct buf *out)
{
    struct json j;

    json_init(&j, out);
    json_object(&j, NULL);
    v->json(&j, data);
    json_end_object(&j);
    buf_str(out, "\n");
    return out->failed ? -ENOMEM : 0;
}

int output_render(const struct output *o, const struct view *v, const void *data, struct buf *out)
{
    return o->ops == &output_json ? render_json(v, data, out) : render_text(o, v, data, out);
}

static int show(struct output *o, const struct view *v, const void *data)
{
    struct buf b = { 0 };
    int rc = output_render(o, v, data, &b);

    if (rc == 0)
        rc = io_write_all(STDOUT_FILENO, b.p, b.n);
    o->document = o->document || rc == 0;
    buf_deinit(&b);
    return rc;
}

void output_notice(const struct output *o, const char *text)
{
    struct arena *arena = arena_new(0);
    struct buf b = { 0 };
    struct text t = { .out = &b, .arena = arena, .color = o->color_errors, .columns = o->columns };

    if (arena == NULL)
        return;
    text_paint(&t, PAINT_WARN, "muster: ");
    buf_printf(&b, "%s\n", text_safe(&t, text));
    io_write_all(STDERR_FILENO, b.p, b.n);
    buf_deinit(&b);
    arena_free(arena);
}

static void fail_text(struct output *o, const struct failure *f)
{
    struct arena *arena = arena_new(0);
    struct buf b = { 0 };
    struct text t = { .out = &b, .arena = arena, .color = o->color_errors, .columns = o->columns };

    if (arena == NULL)
        return;
    /* The sentence stays on one line, however long: others read it too. */
    text_paint(&t, PAINT_BAD, "muster: ");
    buf_printf(&b, "%s\n", text_safe(&t, f->text));
    for (size_t i = 0; i < f->candidates.n; i++)
        buf_printf(&b, "  %s\n", text_safe(&t, f->candidates.v[i]));
    if (f->hint != NULL)
        text_wrap(&t, f->hint, 0, 0, PAINT_NONE);
    io_write_all(STDERR_FILENO, b.p, b.n);
    buf_deinit(&b);
    arena_free(arena);
}

static void fail_members(struct json *j, const void *data)
{
    const struct failure *f = data;

    json_object(j, "error");
    json_str(j, "code", f->code);
    json_str(j, "text", f->text);
    json_str(j, "hint", f->hint);
    json_array(j, "candidates");
    for (size_t i = 0; i < f->candidates.n; i++)
        json_str(j, NULL, f->candidates.v[i]);
    json_end_array(j);
    json_end_object(j);
}

static void fail_json(struct output *o, const struct failure *f)
{
    static const struct view view = { .json = fail_members };

    fail_text(o, f);
    /* One document: a failure after it is on stderr alone. */
    if (!o->document)
        show(o, &view, f);
}

const struct output_ops output_text = { .show = show, .fail = fail_text };
const struct output_ops output_json = { .show = show, .fail = fail_json };
