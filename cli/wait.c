/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waits until nodes are up and all is known about them: for scripts. */
#include "nouns.h"

#include <errno.h>
#include <inttypes.h>

#include "base/limits.h"
#include "base/text.h"

#define DEFAULT_LIMIT_MS 60000
#define LOOK_AGAIN_MS    1000 /* confirmations come without an event */

struct progress {
    uint64_t wanted, ready, generation, event_no;
    const char *first_unready; /* in the run's arena */
};

/* A node without a network has no edge by which it could be known: then its sections tell. */
static int has_reported(struct run *r, const struct node_info *n, bool *yes)
{
    REQUEST(req, OP_NODE_SHOW);
    struct muster_reply reply;
    int rc;

    REC_SET(&req, request, node, n->id);
    rc = ask(r, &req, &reply);
    *yes = false;
    if (rc == 0) {
        const struct section_body *sections = reply.reply->sections.v;

        for (size_t i = 0; i < reply.reply->sections.n; i++)
            *yes = *yes ||
                   (sections[i].section == SECTION_NICS &&
                    (sections[i].status == SECTION_OK || sections[i].status == SECTION_ABSENT));
    }
    muster_reply_free(&reply);
    return rc;
}

static int count_ready(struct run *r, const struct reply *reply, struct progress *p)
{
    const struct node_info *nodes = reply->nodes.v;

    p->ready = 0;
    p->first_unready = NULL;
    for (size_t i = 0; i < reply->nodes.n; i++) {
        const struct node_info *n = &nodes[i];
        bool ready = n->state != NULL && strcmp(n->state, "up") == 0 && n->edges_unknown == 0;
        int rc;

        if (ready && n->edges_ok + n->edges_degraded + n->edges_lost + n->edges_quarantined == 0) {
            rc = has_reported(r, n, &ready);
            if (rc != 0)
                return rc;
        }
        p->ready += ready;
        if (!ready && p->first_unready == NULL)
            p->first_unready = arena_strdup(r->arena, n->name);
    }
    return 0;
}

static int look(struct run *r, struct progress *p)
{
    REQUEST(req, OP_NODE_LIST);
    struct muster_reply reply;
    int rc = ask(r, &req, &reply);

    if (rc == 0) {
        p->generation = reply.reply->generation;
        p->event_no = reply.reply->event_no;
        rc = count_ready(r, reply.reply, p);
    }
    muster_reply_free(&reply);
    return rc;
}

static void wait_text(struct text *t, const void *data)
{
    const struct progress *p = data;

    text_line(t, "%s up, all reported.", counted(t, p->ready, "node is", "nodes are"));
}

static void wait_json(struct json *j, const void *data)
{
    const struct progress *p = data;

    json_int(j, "generation", (int64_t)p->generation);
    json_int(j, "event_no", (int64_t)p->event_no);
    json_int(j, "nodes_ready", (int64_t)p->ready);
}

static const struct view view = { wait_text, wait_json };

static int handle(struct run *r)
{
    struct progress p = { .wanted = 1 };
    int64_t limit = r->timeout_given ? r->connect.timeout_ms : DEFAULT_LIMIT_MS;
    int64_t until = now_ms() + limit;
    char text[24];
    int rc = option_number(r, "nodes", 1, LIMIT_NODES, &p.wanted);

    r->connect.timeout_ms = limit;
    r->connect.connect_ms = limit;
    while (rc == 0) {
        int64_t left = until - now_ms();

        rc = look(r, &p);
        if (rc != 0)
            return rc;
        if (p.ready >= p.wanted)
            return show(r, &view, &p);
        if (left <= 0)
            return fail(r, "failed", "'muster node list' shows how each stands.",
                        "only %" PRIu64 " of %" PRIu64 " nodes are up and known after %s%s%s",
                        p.ready, p.wanted, duration_text(limit, text),
                        p.first_unready != NULL ? "; one that is not: " : "",
                        p.first_unready != NULL ? p.first_unready : "");
        /* A hint or a second, whichever comes first; the next look finds what is wrong. */
        muster_wait(r->client, &p.generation, &p.event_no,
                    left < LOOK_AGAIN_MS ? left : LOOK_AGAIN_MS);
    }
    return rc;
}

static const struct option options[] = {
    { 0, "nodes", "N", false, "how many nodes (default 1)" },
    { 0 },
};

const struct command wait_command = {
    .noun = "wait",
    .summary = "wait until nodes are up and have reported",
    .about = "Returns as soon as so many nodes are up, have reported their networks, and nothing "
             "about them is unknown. For scripts that start a fleet. --timeout limits the whole "
             "wait (default 60s).",
    .example = "muster wait --nodes 3 --timeout 2m && muster matrix",
    .exits = "0 they are up, 1 they are not within the time, 2 usage, 3 coordinator not reachable.",
    .options = options,
    .handle = handle,
};
