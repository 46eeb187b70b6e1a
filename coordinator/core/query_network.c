/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An operator declares which ports are one network, and takes it back. */
#include <errno.h>
#include <stdio.h>

#include "core/core_internal.h"

enum { VLAN_LAST = 4094 };

static int definition_check(struct answer *q, bool *good)
{
    const struct request *req = q->req;
    uuid128 id;

    *good = false;
    if (req->name == NULL || !node_name_valid(req->name) || uuid128_parse(req->name, &id))
        return answer_fail(q, REPLY_INVALID,
                           "A network's name has 1 to 64 letters, digits, '.', '_' or '-', begins "
                           "with none of '.' and '-', and is no UUID.");
    if (req->vlan > VLAN_LAST)
        return answer_fail(q, REPLY_INVALID,
                           "A VLAN tag is 1 to %d, and 0 stands for untagged; %llu is neither.",
                           VLAN_LAST, (unsigned long long)req->vlan);
    if (req->matches.n == 0)
        return answer_fail(
            q, REPLY_INVALID,
            "The network needs a match: NODE-GLOB/PORT-GLOB, for example '*/bond0'.");
    for (size_t i = 0; i < req->matches.n; i++) {
        if (!match_valid(req->matches.v[i]))
            return answer_fail(
                q, REPLY_INVALID,
                "A match is NODE-GLOB/PORT-GLOB with one '/', at most 256 bytes, for "
                "example '*/bond0'; '%s' is not.",
                answer_quote(q, req->matches.v[i]));
    }
    *good = true;
    return 0;
}

/* Matches again all ports with this tag; vlan < 0: all ports. */
static int rematch(struct step *s, int vlan)
{
    for (size_t i = 0; i < s->c->node_count; i++) {
        int rc = network_rematch_node(s, s->c->nodes[i], vlan);

        if (rc < 0)
            return rc;
    }
    return matrix_settle(s, 0);
}

int resource_declare(struct step *s, struct network *w)
{
    struct resource *r = resource_new(RESOURCE_NETWORK, w->id, s->c->meta.next_resource_no, "");

    if (r == NULL)
        return -ENOMEM;
    if (resource_index(s->c, r) < 0) {
        resource_free(r);
        return -ENOMEM;
    }
    s->c->meta.next_resource_no++;
    r->vlan = w->vlan;
    r->network = w;
    w->resource = r;
    touch_resource(s->c, r);
    return emit_resource(s, r);
}

static int define_new(struct answer *q, struct network_row *row, struct network **out)
{
    uint8_t random[16];

    step_random(q->s, random, sizeof random);
    row->id = uuid_v4_from(random);
    row->created = q->c->wall;
    *out = network_new(q->c, row);
    return *out == NULL ? -ENOMEM : resource_declare(q->s, *out);
}

static int define_again(struct answer *q, const struct network_row *row, struct network *w)
{
    int rc = network_redefine(q->c, w, row);

    if (rc < 0)
        return rc;
    w->resource->vlan = w->vlan;
    touch_resource(q->c, w->resource);
    return emit_resource(q->s, w->resource);
}

enum { WAS_TEXT = 512, WAS_ROOM = 32 /* for what stands for the rest */ };

/* "VLAN 20, node-1/bond0": what a network was before it was defined anew, cut where it is long.
 * NULL: out of memory. */
static const char *definition_text(struct arena *a, const struct network *w)
{
    char text[WAS_TEXT];
    size_t n = 0;

    if (w->vlan == 0)
        snprintf(text, sizeof text, "untagged");
    else
        snprintf(text, sizeof text, "VLAN %u", w->vlan);
    for (uint32_t i = 0; i < w->match_count; i++) {
        const struct match *m = &w->matches[i];

        n = strlen(text);
        if (n + strlen(m->node) + strlen(m->port) + WAS_ROOM > sizeof text) {
            snprintf(text + n, sizeof text - n, " and %u more", w->match_count - i);
            break;
        }
        snprintf(text + n, sizeof text - n, "%s%s/%s", i == 0 ? ", " : " ", m->node, m->port);
    }
    text_trim(text);
    return arena_strdup(a, text);
}

static int define_info(struct answer *q, const struct network *w, const char *was,
                       struct network_info *out)
{
    struct strs others;
    int rc;

    ambiguous_count(q->c);
    rc = info_network(q->a, w, out);
    if (rc == 0)
        rc = ambiguous_others(q->c, q->a, w, &others);
    if (rc < 0)
        return rc;
    REC_SET(out, network_info, ambiguous, w->ambiguous);
    REC_SET(out, network_info, overlaps, others);
    if (was != NULL)
        REC_SET(out, network_info, was, was);
    return 0;
}

static int define(struct answer *q, struct network *w)
{
    struct network_row row = { .name = q->req->name,
                               .vlan = q->req->vlan,
                               .matches = q->req->matches };
    uint16_t before = w != NULL ? w->vlan : (uint16_t)row.vlan;
    bool anew = w == NULL;
    struct network_info *out = arena_zalloc(q->a, sizeof *out);
    const char *was = anew ? "" : definition_text(q->a, w);
    int rc;

    if (out == NULL || was == NULL)
        return -ENOMEM;
    rc = anew ? define_new(q, &row, &w) : define_again(q, &row, w);
    if (rc == 0)
        rc = emit_network(q->s, w, CHANGE_NETWORK);
    if (rc == 0)
        rc = rematch(q->s, w->vlan == before ? before : -1);
    if (rc == 0)
        rc = event(q->s, "network.defined", SEVERITY_INFO, NULL, w->resource,
                   "The network %s was %s: %s%.0u, %u port%s.", w->name,
                   anew ? "defined" : "defined anew", w->vlan == 0 ? "untagged" : "VLAN ", w->vlan,
                   w->ports, w->ports == 1 ? "" : "s");
    if (rc < 0)
        return rc;
    REC_SET(q->r, reply, networks, ((struct recs){ out, 1 }));
    return define_info(q, w, anew ? NULL : was, out);
}

int op_network_define(struct answer *q)
{
    struct network *w;
    bool good;
    int rc = definition_check(q, &good);

    if (rc < 0 || !good)
        return rc;
    w = map_get(q->c->networks_by_name, q->req->name, strlen(q->req->name));
    if (w == NULL && map_count(q->c->networks_by_name) >= LIMIT_NETWORKS)
        return answer_fail(q, REPLY_REFUSED,
                           "There are %u networks already, the most there may be.", LIMIT_NETWORKS);
    return define(q, w);
}

/* ---- delete --------------------------------------------------------------------------------- */

/* Edges whose ports are gone are history of this network alone and go with it. */
static int edges_drop(struct step *s, struct resource *r)
{
    while (r->edges != NULL) {
        int rc = edge_remove(s, r->edges);

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int undefine(struct answer *q, struct network *w)
{
    struct step *s = q->s;
    int rc = event(s, "network.deleted", SEVERITY_WARNING, NULL, w->resource,
                   "The network %s was deleted; its %u port%s unproven.", w->name, w->ports,
                   w->ports == 1 ? " is" : "s are");

    if (rc == 0)
        rc = emit_network(s, w, CHANGE_NETWORK_DELETE);
    if (rc < 0)
        return rc;
    network_hide(q->c, w);
    rc = rematch(s, -1);
    if (rc == 0)
        rc = edges_drop(s, w->resource);
    if (rc == 0)
        rc = resource_delete(s, w->resource);
    if (rc < 0)
        return rc;
    network_remove(q->c, w);
    return 0;
}

int op_network_delete(struct answer *q)
{
    const char *name = q->req->name;
    struct network *w;

    if (name == NULL || name[0] == '\0')
        return answer_fail(q, REPLY_INVALID, "The request needs the network's name.");
    w = map_get(q->c->networks_by_name, name, strlen(name));
    if (w == NULL)
        return answer_fail(q, REPLY_NOT_FOUND,
                           "There is no network called exactly '%s'; what cannot be undone takes "
                           "the exact name.",
                           answer_quote(q, name));
    return undefine(q, w);
}
