/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follows the topology of a fleet: takes a snapshot of the matrix, prints it, then prints each
 * change as it comes.
 *
 *     cc -o topology topology.c $(pkg-config --cflags --libs muster-client)
 *     ./topology [ENDPOINT]
 *
 * The pattern for a management server: keep a copy of the snapshot at its generation; wait for a
 * hint; ask for the changes since that generation; when they reach too far back (REPLY_RESYNC),
 * take a snapshot again. Hints may be lost or late, the generation never lies.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#ifdef MUSTER_IN_TREE
#include "client/muster.h"
#else
#include <muster/muster.h>
#endif

#define WAIT_MS 60000

/* Nodes and resources of one reply, by their number in the edges of that reply. */
static const char *node_name(const struct reply *r, uint64_t index)
{
    const struct node_info *nodes = r->nodes.v;

    for (size_t i = 0; i < r->nodes.n; i++) {
        if (nodes[i].index == index)
            return nodes[i].name;
    }
    return "?";
}

static const char *resource_label(const struct reply *r, uint64_t index)
{
    const struct resource_info *resources = r->resources.v;

    for (size_t i = 0; i < r->resources.n; i++) {
        if (resources[i].index == index)
            return resources[i].label;
    }
    return "?";
}

static void print(const struct reply *r)
{
    const struct edge_info *edges = r->edges.v;

    printf("generation %" PRIu64 "\n", r->generation);
    for (size_t i = 0; i < r->edges.n; i++) {
        const struct edge_info *e = &edges[i];

        if (e->removed)
            printf("  %s no longer sees %s\n", node_name(r, e->node),
                   resource_label(r, e->resource));
        else
            printf("  %s sees %s: %s, %" PRIu64 " of %" PRIu64 " paths\n", node_name(r, e->node),
                   resource_label(r, e->resource), edge_state_name((enum edge_state)e->state),
                   e->paths_active, e->paths_total);
    }
    for (size_t i = 0; i < r->removed_nodes.n; i++)
        printf("  node %s is gone\n", r->removed_nodes.v[i]);
    for (size_t i = 0; i < r->removed_resources.n; i++)
        printf("  resource %s is gone\n", r->removed_resources.v[i]);
    fflush(stdout);
}

/* Prints a snapshot (*generation 0) or the changes since *generation, and moves it on. */
static int catch_up(struct muster_client *c, uint64_t *generation, uint64_t *event_no)
{
    struct muster_reply r;
    int rc =
        *generation == 0 ? muster_snapshot(c, NULL, &r) : muster_changes(c, NULL, *generation, &r);

    if (rc == MUSTER_E_REPLY && r.reply->code == REPLY_RESYNC) {
        muster_reply_free(&r);
        rc = muster_snapshot(c, NULL, &r);
    }
    if (rc == 0) {
        print(r.reply);
        *generation = r.reply->generation;
        *event_no = r.reply->event_no;
    }
    muster_reply_free(&r);
    return rc;
}

int main(int argc, char **argv)
{
    struct muster_options options = { .endpoint = argc > 1 ? argv[1] : NULL };
    struct muster_client *c = NULL;
    uint64_t generation = 0, event_no = 0;
    int rc = muster_connect(&options, &c);

    if (rc == 0)
        rc = catch_up(c, &generation, &event_no);
    while (rc == 0) {
        uint64_t newer = generation;

        rc = muster_wait(c, &newer, &event_no, WAIT_MS);
        if (rc == 0 && newer != generation)
            rc = catch_up(c, &generation, &event_no);
        else if (rc == -ETIMEDOUT)
            rc = 0; /* nothing has changed for a minute */
        else if (rc == MUSTER_E_UNREACHABLE) {
            fprintf(stderr, "%s; waiting for it\n", muster_error(c));
            rc = 0;
        }
    }
    fprintf(stderr, "%s\n", muster_error(c));
    muster_disconnect(c);
    return 1;
}
