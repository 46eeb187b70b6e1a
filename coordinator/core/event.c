/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The durable, numbered event log: one row for what happened, in one sentence. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/core_internal.h"

static const char *const severity_names[] = {
    [SEVERITY_INFO] = "info",
    [SEVERITY_WARNING] = "warning",
    [SEVERITY_ERROR] = "error",
};

int event(struct step *s, const char *kind, enum severity severity, const struct node *n,
          const struct resource *r, const char *fmt, ...)
{
    struct arena *a = s->u->arena;
    struct change *ch;
    char text[1024];
    va_list ap;

    if (s->c->read_only)
        return 0;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    text_trim(text);
    ch = emit(s, CHANGE_EVENT);
    if (ch == NULL)
        return -ENOMEM;
    ch->event = (struct event_row){
        .no = ++s->c->meta.event_no,
        .at = s->c->wall,
        .kind = kind,
        .severity = severity_names[severity],
        .text = arena_strdup(a, text),
        .generation = s->c->meta.generation + 1,
    };
    if (ch->event.text == NULL)
        return -ENOMEM;
    if (s->c->oldest_event_no == 0)
        s->c->oldest_event_no = ch->event.no;
    if (n != NULL) {
        ch->event.node = n->row.id;
        ch->event.node_name = arena_strdup(a, n->row.name);
        if (ch->event.node_name == NULL)
            return -ENOMEM;
    }
    if (r != NULL) {
        ch->event.resource = r->id;
        ch->event.resource_label = resource_label(a, r);
        if (ch->event.resource_label == NULL)
            return -ENOMEM;
    }
    return 0;
}

/* Events over the retention go in lots of a hundredth of it, so that not every batch deletes. */
int event_prune(struct step *s)
{
    struct coord *c = s->c;
    uint64_t keep = c->config.event_retention_rows, slack = keep / 100;
    struct change *ch;

    if (keep == 0 || c->oldest_event_no == 0 ||
        c->meta.event_no - c->oldest_event_no + 1 <= keep + slack)
        return 0;
    ch = emit(s, CHANGE_EVENT_PRUNE);
    if (ch == NULL)
        return -ENOMEM;
    ch->event.no = c->meta.event_no - keep;
    c->oldest_event_no = ch->event.no + 1;
    return 0;
}
