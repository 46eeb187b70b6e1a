/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Liveness of nodes: a state machine as a table. Nothing of it is stored but its events. Each state
 * has a list in the order of the last message, so that only its head can be due. */
#include "core/core_internal.h"

enum live_input { HEARD, SILENT_SUSPECT, SILENT_DOWN, LIVE_INPUTS };

struct transition {
    enum node_liveness to; /* 0: stays */
};

static const struct transition table[NODE_NEVER + 1][LIVE_INPUTS] = {
    [NODE_UP] = { [SILENT_SUSPECT] = { NODE_SUSPECT }, [SILENT_DOWN] = { NODE_DOWN } },
    [NODE_SUSPECT] = { [HEARD] = { NODE_UP }, [SILENT_DOWN] = { NODE_DOWN } },
    [NODE_DOWN] = { [HEARD] = { NODE_UP } },
    [NODE_NEVER] = { [HEARD] = { NODE_UP }, [SILENT_DOWN] = { NODE_DOWN } },
};

/* What each state is in the event log. */
static const struct {
    const char *kind;
    enum severity severity;
} log_kinds[] = {
    [NODE_UP] = { "node.up", SEVERITY_INFO },
    [NODE_SUSPECT] = { "node.suspect", SEVERITY_WARNING },
    [NODE_DOWN] = { "node.down", SEVERITY_ERROR },
};

static int live_log(struct step *s, struct node *n)
{
    bool first = n->logged == NODE_NEVER;
    const char *name = n->row.name;
    const char *bye = n->key != NULL && n->key->goodbye ? " (its probe said goodbye)" : "";
    char silent[24];

    if (s->c->read_only)
        return 0; /* live_catch_up will */
    n->logged = n->live;
    if (n->live == NODE_UP)
        return event(s, log_kinds[n->live].kind, log_kinds[n->live].severity, n, NULL,
                     first ? "%s is up: first message in this start of the coordinator."
                           : "%s is up again.",
                     name);
    if (!n->heard_once)
        return event(s, log_kinds[n->live].kind, log_kinds[n->live].severity, n, NULL,
                     "%s is down: nothing heard since the coordinator started.", name);
    duration_text(listened_since(s->c, n->heard), silent);
    return event(s, log_kinds[n->live].kind, log_kinds[n->live].severity, n, NULL,
                 "%s is %s: silent for %s%s; what it reaches is unknown.", name,
                 n->live == NODE_DOWN ? "down" : "suspect", silent, bye);
}

/* Of a node that was silent only what it has confirmed just now is known. */
static void doubt(const struct coord *c, struct node *n)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        struct slot *slot = &n->sections[i];

        slot->confirmed = slot->confirmed && slot->confirmed_at.v == c->now.v;
    }
}

static int live_input(struct step *s, struct node *n, enum live_input in)
{
    enum node_liveness to = table[n->live][in].to;
    int rc;

    if (to == 0)
        return 0;
    if (in == HEARD)
        doubt(s->c, n);
    n->live = to;
    link_remove(&n->live_link);
    link_append(&s->c->live[to], &n->live_link);
    placeable_settle(s->c, n);
    touch_node(s->c, n);
    edges_refresh(s->c, n);
    orders_of(s->c, n);
    rc = live_log(s, n);
    return rc < 0 || to != NODE_DOWN || s->c->read_only ? rc : node_jobs_lost(s, n, LOSS_SILENT);
}

int live_heard(struct step *s, struct node *n)
{
    n->heard = s->c->listened;
    n->heard_once = true;
    if (n->live == NODE_UP) {
        link_remove(&n->live_link);
        link_append(&s->c->live[NODE_UP], &n->live_link);
        return 0;
    }
    return live_input(s, n, HEARD);
}

/* It has as long to be heard as any has until it is down. */
void live_await(struct coord *c, struct node *n)
{
    if (n->live != NODE_NEVER)
        return;
    n->heard = c->listened;
    link_remove(&n->live_link);
    link_append(&c->live[NODE_NEVER], &n->live_link);
}

void live_reset(struct node *n)
{
    n->live = n->logged = NODE_NEVER;
    n->heard_once = n->registered = false;
    link_remove(&n->live_link);
}

static struct node *oldest(const struct coord *c, enum node_liveness live)
{
    const struct link *head = &c->live[live];

    return link_empty(head) ? NULL : container_of(head->next, struct node, live_link);
}

int live_tick(struct step *s)
{
    static const struct {
        enum node_liveness live;
        enum live_input in;
    } checks[] = { { NODE_UP, SILENT_DOWN },
                   { NODE_UP, SILENT_SUSPECT },
                   { NODE_SUSPECT, SILENT_DOWN },
                   { NODE_NEVER, SILENT_DOWN } };
    struct coord *c = s->c;
    struct node *n;

    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        int64_t limit = checks[i].in == SILENT_DOWN ? c->config.down_ms : c->config.suspect_ms;

        while ((n = oldest(c, checks[i].live)) != NULL && listened_since(c, n->heard) >= limit) {
            int rc = live_input(s, n, checks[i].in);

            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

int live_catch_up(struct step *s)
{
    for (size_t i = 0; i < s->c->node_count; i++) {
        struct node *n = s->c->nodes[i];
        int rc;

        if (n->live == n->logged || n->live == NODE_NEVER)
            continue;
        touch_node(s->c, n);
        rc = live_log(s, n);
        if (rc == 0 && n->live == NODE_DOWN)
            rc = node_jobs_lost(s, n, LOSS_SILENT);
        if (rc < 0)
            return rc;
    }
    return 0;
}

mono_ms live_deadline(const struct coord *c)
{
    const struct node *up = oldest(c, NODE_UP), *suspect = oldest(c, NODE_SUSPECT);
    const struct node *never = oldest(c, NODE_NEVER);
    mono_ms at = MONO_NEVER;

    if (up != NULL)
        at.v = up->heard.v + c->config.suspect_ms;
    if (suspect != NULL && suspect->heard.v + c->config.down_ms < at.v)
        at.v = suspect->heard.v + c->config.down_ms;
    if (never != NULL && never->heard.v + c->config.down_ms < at.v)
        at.v = never->heard.v + c->config.down_ms;
    if (at.v != MONO_NEVER.v) /* if we go on to listen */
        at.v += mono_since(c->now, c->listened);
    return at;
}
