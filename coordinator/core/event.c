/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The durable, numbered event log: one row for what happened, in one sentence. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/core_internal.h"

enum {
    EVENT_BACK_MS = 1000,
    NODE_EVENTS = 65536, /* more than a node has edges, so that losing all is told */
    CLAIM_EVENTS = 300,
};

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

/* What was left out is told when half of the share has come back. */
static int limit_end(struct step *s, struct event_limit *l, const struct node *n)
{
    uint64_t left_out = l->left_out;

    l->left_out = 0;
    return event(s, "event.limited", SEVERITY_WARNING, n, NULL,
                 "%s%s caused %llu more events, which were left out: see what is now with: muster "
                 "%s",
                 n != NULL ? n->row.name : "", n != NULL ? "" : "Machines that ask to be enrolled",
                 (unsigned long long)left_out, n != NULL ? "matrix" : "node list");
}

static int limit_begin(struct step *s, struct event_limit *l, const struct node *n)
{
    l->left_out = 1;
    return event(s, "event.limited", SEVERITY_WARNING, n, NULL,
                 "%s%s so many events that what follows of them is left out for now.",
                 n != NULL ? n->row.name : "Machines that ask to be enrolled",
                 n != NULL ? " causes" : " cause");
}

static int event_due(struct step *s, struct event_limit *l, uint32_t most, const struct node *n)
{
    int64_t back = mono_since(s->c->now, l->at) / EVENT_BACK_MS;
    int rc;

    if (s->c->read_only)
        return 0;
    l->used = back < l->used ? l->used - (uint32_t)back : 0;
    l->at.v = l->used == 0 ? s->c->now.v : l->at.v + back * EVENT_BACK_MS;
    if (l->left_out > 0 && l->used > most / 2) {
        l->left_out++;
        return 0;
    }
    if (l->left_out == 0 && l->used >= most) {
        rc = limit_begin(s, l, n);
        return rc < 0 ? rc : 0;
    }
    rc = l->left_out > 0 ? limit_end(s, l, n) : 0;
    l->used++;
    return rc < 0 ? rc : 1;
}

int event_due_of_node(struct step *s, struct node *n)
{
    return event_due(s, &n->events, NODE_EVENTS, n);
}

int event_due_of_claim(struct step *s)
{
    return event_due(s, &s->c->claims, CLAIM_EVENTS, NULL);
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
