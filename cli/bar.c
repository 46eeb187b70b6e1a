/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far a task is, in one line. */
#include "scan.h"

#include <inttypes.h>

#include "base/text.h"

#define WIDEST    40 /* columns of the bar */
#define NARROWEST 10

static const char *figure(struct text *t, const char *s, uint64_t n, const char *word)
{
    return n == 0 ? s : text_format(t, "%s, %" PRIu64 " %s", s, n, word);
}

/* A duration that nobody takes at its word: "2 min", not "2 min 5 s". */
static const char *roughly(struct text *t, int64_t ms)
{
    char text[24];
    const char *s = duration_text(ms, text), *unit = strchr(s, ' ');
    size_t n = unit != NULL ? (size_t)(unit - s) + 1 + strcspn(unit + 1, " ") : strlen(s);

    return text_format(t, "%.*s", (int)n, s);
}

const char *task_figures(struct text *t, const struct task_info *k, bool least)
{
    uint64_t begun = k->jobs_done + k->jobs_running + k->jobs_held;
    const char *s = text_format(t, "%" PRIu64 "/%" PRIu64 " done", k->jobs_done, k->jobs);

    s = figure(t, s, k->jobs_running, "running");
    s = figure(t, s, k->jobs > begun ? k->jobs - begun : 0, "waiting");
    s = figure(t, s, k->jobs_held, "held");
    if (least)
        return s;
    if (REC_HAS(k, task_info, images))
        s = text_format(t, "%s, %s", s, counted(t, k->images, "image", "images"));
    if (REC_HAS(k, task_info, remaining_ms))
        s = text_format(t, "%s, %s left", s, roughly(t, k->remaining_ms));
    return s;
}

void task_bar(struct text *t, const struct task_info *k)
{
    static const char full[] = "########################################";
    /* The last column stays free: some terminals go on to the next line with it. */
    size_t room = t->columns > 0 ? t->columns - 1 : 0, width, filled;
    const char *s = task_figures(t, k, false);

    if (text_width(s) > room)
        s = task_figures(t, k, true);
    if (text_width(s) + NARROWEST + 3 > room) { /* the figures tell more than a bar does */
        buf_str(t->out, text_cut(t, s, room));
        return;
    }
    width = room - 3 - text_width(s);
    width = width > WIDEST ? WIDEST : width;
    filled = k->jobs == 0 ? 0
             : k->jobs_done >= k->jobs
                 ? width
                 : (size_t)((double)k->jobs_done * (double)width / (double)k->jobs);
    buf_str(t->out, "[");
    text_paint(t, PAINT_GOOD, text_format(t, "%.*s", (int)filled, full));
    buf_printf(t->out, "%*s] %s", (int)(width - filled), "", s);
}
