/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A LUN that another node reaches and this one does not: for each target port that leads to it
 * there, which link from here is not. */
#include "core/explain_internal.h"

enum { TARGETS_MOST = 16, NAMES_MOST = 4 };

static const char *or_unknown(const char *text)
{
    return text != NULL ? text : "an unnamed one";
}

/* ---- what this node has of a transport ------------------------------------------------------ */

static bool same_transport(const char *a, const char *b)
{
    bool fc = text_is(a, "fc") || text_is(a, "fcoe");

    return fc ? text_is(b, "fc") || text_is(b, "fcoe") : a != NULL && text_is(b, a);
}

struct ports {
    size_t all, up;
    const char *names;  /* of the initiator ports that are up, as a zone or a mapping names them */
    const char *states; /* "host3 Linkdown" of those that are not */
};

static struct ports ports_of(struct chain *ch, const char *transport)
{
    const struct section *s = &ch->sections[SECTION_HBAS];
    struct ports out = { 0, 0, "", "" };

    for (size_t i = 0; i < s->row_count; i++) {
        const struct hba *h = section_row(s, i);

        if (!same_transport(transport, h->transport))
            continue;
        out.all++;
        if (!port_is_up(h)) {
            out.states = chain_text(ch, "%s%s%s %s", out.states, *out.states != '\0' ? ", " : "",
                                    h->name, h->port_state);
            continue;
        }
        if (out.up++ < NAMES_MOST)
            out.names = chain_text(ch, "%s%s%s", out.names, *out.names != '\0' ? ", " : "",
                                   h->port_name != NULL ? h->port_name : h->name);
    }
    return out;
}

/* A path of this node to the same target, whatever LUN it leads to; one that is active first. */
static const struct path *path_to(const struct chain *ch, const struct path *there)
{
    const struct section *s = &ch->sections[SECTION_PATHS];
    const struct path *found = NULL;

    for (size_t i = 0; i < s->row_count; i++) {
        const struct path *p = section_row(s, i);
        bool same = there->target_port != NULL
                        ? text_is(p->target_port, there->target_port)
                        : there->target != NULL && text_is(p->target, there->target) &&
                              (there->portal == NULL || text_is(p->portal, there->portal));

        if (same && (found == NULL || (path_is_active(p) && !path_is_active(found))))
            found = p;
    }
    return found;
}

/* Sessions of this node that no LUN came with: to which target is not known. */
static size_t idle_sessions(const struct chain *ch)
{
    const struct section *s = &ch->sections[SECTION_HBAS];
    size_t n = 0;

    for (size_t i = 0; i < s->row_count; i++) {
        const struct hba *h = section_row(s, i);

        n += text_is(h->transport, "iscsi") && h->paths_total == 0;
    }
    return n;
}

/* ---- Fibre Channel -------------------------------------------------------------------------- */

/* How the fabric of the peer's port stands to those of this node's ports. */
enum fabric { FABRIC_UNKNOWN, FABRIC_SAME, FABRIC_OTHER };

static enum fabric fabric_of(const struct chain *ch, const struct path *there, const char **name,
                             const struct hba **mine)
{
    const struct hba *h =
        there->hba != NULL ? rows_find(ch->peer->sections, SECTION_HBAS, there->hba) : NULL;
    const struct section *s = &ch->sections[SECTION_HBAS];
    bool unknown = false;

    *name = h != NULL ? h->fabric_name : NULL;
    if (*name == NULL)
        return FABRIC_UNKNOWN;
    for (size_t i = 0; i < s->row_count; i++) {
        *mine = section_row(s, i);
        if (!same_transport("fc", (*mine)->transport) || !port_is_up(*mine))
            continue;
        if (text_is((*mine)->fabric_name, *name))
            return FABRIC_SAME;
        unknown = unknown || (*mine)->fabric_name == NULL;
    }
    return unknown ? FABRIC_UNKNOWN : FABRIC_OTHER;
}

static void fc_not_zoned(struct chain *ch, unsigned depth, const struct path *p,
                         const struct ports *ports)
{
    const char *target = or_unknown(p->target_port), *fabric;
    const struct hba *mine;

    switch (fabric_of(ch, p, &fabric, &mine)) {
    case FABRIC_SAME:
        chain_add(ch, depth, "path", target, "missing",
                  chain_text(ch, "Put %s and %s into one zone of fabric %s",
                             or_unknown(mine->port_name), target, fabric),
                  "%s of %s is in the fabric %s of target port %s and does not see it: no zone has "
                  "both.",
                  mine->name, chain_node(ch), fabric, target);
        break;
    case FABRIC_OTHER:
        chain_add(ch, depth, "path", target, "missing",
                  chain_text(ch, "Connect a port of %s to fabric %s, and zone it with %s",
                             chain_node(ch), fabric, target),
                  "Target port %s is in fabric %s, and no port of %s is.", target, fabric,
                  chain_node(ch));
        break;
    default:
        chain_add(ch, depth, "path", target, "missing",
                  chain_text(ch, "Check that a zone has %s and one of %s", target, ports->names),
                  "%s does not see target port %s, through which %s reaches it.", chain_node(ch),
                  target, ch->peer->name);
    }
}

static void mapping_lacks(struct chain *ch, unsigned depth, const struct path *mine,
                          const char *target, const struct ports *ports, const char *rescanned)
{
    const char *name = mine->target_port != NULL ? mine->target_port
                       : mine->portal != NULL    ? mine->portal
                                                 : target;

    chain_add(ch, depth, "path", name, "missing",
              chain_text(ch, "On the array: map the LUN to %s; then: muster rescan %s --target %s",
                         mine->initiator_port != NULL ? mine->initiator_port : ports->names,
                         chain_node(ch), rescanned),
              "%s reaches %s (%s leads to %s there), but it does not present this LUN: LUN mapping "
              "or masking.",
              chain_node(ch), target, mine->device, or_unknown(mine->lun));
}

static void unreached_fc(struct chain *ch, unsigned depth, const struct path *p)
{
    struct ports ports = ports_of(ch, "fc");
    const struct path *mine = path_to(ch, p);
    const char *target = or_unknown(p->target_port);

    if (ports.all == 0)
        chain_add(
            ch, depth, "hba", "fc", "missing",
            chain_text(ch, "%s needs a Fibre Channel port, zoned with %s", chain_node(ch), target),
            "%s has no Fibre Channel port; %s reaches it through target port %s.", chain_node(ch),
            ch->peer->name, target);
    else if (ports.up == 0)
        chain_add(
            ch, depth, "hba", "fc", "lost",
            chain_text(ch, "Check the cables of %s and the ports of the switch", chain_node(ch)),
            "No Fibre Channel port of %s is online: %s.", chain_node(ch), ports.states);
    else if (mine != NULL && path_is_active(mine))
        mapping_lacks(ch, depth, mine, chain_text(ch, "target port %s", target), &ports, target);
    else if (mine != NULL)
        chain_add(ch, depth, "path", target, "lost",
                  chain_text(ch, "Check the zone of %s and %s, and the port of the array",
                             or_unknown(mine->initiator_port), target),
                  "%s knows target port %s and does not reach it now.", chain_node(ch), target);
    else
        fc_not_zoned(ch, depth, p, &ports);
}

/* ---- iSCSI ---------------------------------------------------------------------------------- */

static const struct explain_route *route_of(const struct chain *ch, const char *link)
{
    for (size_t i = 0; i < ch->peer->route_count; i++) {
        if (text_is(ch->peer->routes[i].link, link))
            return &ch->peer->routes[i];
    }
    return NULL;
}

/* The network by which the peer reaches the portal: is this node on it? */
static void explain_route(struct chain *ch, unsigned depth, const struct path *p)
{
    const struct hba *h =
        p->hba != NULL ? rows_find(ch->peer->sections, SECTION_HBAS, p->hba) : NULL;
    const char *link = h != NULL ? h->interface : NULL;
    const struct explain_route *r;

    if (link == NULL)
        return;
    r = route_of(ch, link);
    if (r == NULL)
        chain_add(ch, depth, "network", link, "info",
                  chain_text(ch,
                             "If ports of both are on one network, declare it: muster network "
                             "define NAME --match '%s/%s' --match '%s/PORT'",
                             ch->peer->name, link, chain_node(ch)),
                  "%s reaches the portal through %s, of which no declared network is known.",
                  ch->peer->name, link);
    else if (r->here == EDGE_OK || r->here == EDGE_DEGRADED)
        chain_add(ch, depth, "network", r->network, r->here == EDGE_OK ? "ok" : "degraded", NULL,
                  "%s reaches the portal through %s on %s, which %s is on too%s%s.", ch->peer->name,
                  link, r->network, chain_node(ch), r->port != NULL ? ", with " : "",
                  r->port != NULL ? r->port : "");
    else
        chain_add(ch, depth, "network", r->network, r->here == 0 ? "missing" : "lost",
                  chain_text(ch, "muster explain %s %s tells which VLAN or link is not there",
                             chain_node(ch), r->network),
                  "%s reaches the portal through %s on %s; %s is not on that network.",
                  ch->peer->name, link, r->network, chain_node(ch));
}

static void no_session(struct chain *ch, unsigned depth, const struct path *p)
{
    const char *portal = or_unknown(p->portal), *target = or_unknown(p->target);
    size_t idle = idle_sessions(ch);

    chain_add(
        ch, depth, "path", portal, "missing",
        chain_text(ch,
                   "On %s: iscsiadm -m discovery -t sendtargets -p %s; iscsiadm -m node -T %s "
                   "-p %s --login",
                   chain_node(ch), portal, target, portal),
        "%s is not logged in to %s at portal %s.", chain_node(ch), target, portal);
    if (idle > 0)
        chain_add(ch, depth + 1, "hba", "iscsi", "info", NULL,
                  "%zu session%s of %s lead%s to no LUN; if one is to this target, it does not "
                  "present the LUN.",
                  idle, idle == 1 ? "" : "s", chain_node(ch), idle == 1 ? "s" : "");
    explain_route(ch, depth + 1, p);
}

static void unreached_iscsi(struct chain *ch, unsigned depth, const struct path *p)
{
    struct ports ports = ports_of(ch, "iscsi");
    const struct path *mine = path_to(ch, p);

    if (mine == NULL)
        no_session(ch, depth, p);
    else if (path_is_active(mine))
        mapping_lacks(
            ch, depth, mine,
            chain_text(ch, "%s at portal %s", or_unknown(p->target), or_unknown(p->portal)), &ports,
            or_unknown(p->target));
    else
        chain_add(ch, depth, "path", or_unknown(p->portal), "lost",
                  chain_text(ch, "Check the network of %s to portal %s", chain_node(ch),
                             or_unknown(p->portal)),
                  "The session of %s to %s at portal %s is %s.", chain_node(ch),
                  or_unknown(p->target), or_unknown(p->portal),
                  mine->target_port_state != NULL ? mine->target_port_state : "down");
}

/* ---- other transports ----------------------------------------------------------------------- */

static void unreached_fabric(struct chain *ch, unsigned depth, const struct path *p)
{
    struct ports ports = ports_of(ch, p->transport);
    const struct path *mine = path_to(ch, p);
    const char *target = or_unknown(p->target != NULL ? p->target : p->target_port);

    if (mine != NULL)
        mapping_lacks(ch, depth, mine, target, &ports, "rescan");
    else
        chain_add(ch, depth, "path", target, "missing",
                  text_is(p->transport, "sas")
                      ? chain_text(ch, "Check that a cable leads from %s to the enclosure",
                                   chain_node(ch))
                      : chain_text(ch, "On %s: nvme connect, to %s at %s", chain_node(ch), target,
                                   or_unknown(p->portal)),
                  "%s is not connected to %s (%s), through which %s reaches it.", chain_node(ch),
                  target, or_unknown(p->transport), ch->peer->name);
    if (mine == NULL)
        explain_route(ch, depth + 1, p);
}

static void unreached_local(struct chain *ch, unsigned depth, const struct path *p)
{
    chain_add(ch, depth, "path", p->device, "info", NULL,
              "It is a device of %s itself (%s): only what runs on that machine can see it.",
              ch->peer->name, p->transport != NULL ? p->transport : "of unknown transport");
}

static void unreached_path(struct chain *ch, unsigned depth, const struct path *p)
{
    static const struct {
        const char *transport;
        void (*explain)(struct chain *, unsigned, const struct path *);
    } table[] = {
        { "fc", unreached_fc },
        { "fcoe", unreached_fc },
        { "iscsi", unreached_iscsi },
        { "nvme-tcp", unreached_fabric },
        { "nvme-rdma", unreached_fabric },
        { "nvme-fc", unreached_fabric },
        { "sas", unreached_fabric },
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (text_is(p->transport, table[i].transport)) {
            table[i].explain(ch, depth, p);
            return;
        }
    }
    unreached_local(ch, depth, p);
}

/* ---- the LUN -------------------------------------------------------------------------------- */

static bool text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Does an earlier path of the peer to the LUN lead to the same target? */
static bool is_again(const struct section *s, size_t at)
{
    const struct path *p = section_row(s, at);

    for (size_t i = 0; i < at; i++) {
        const struct path *q = section_row(s, i);

        if (text_equal(q->lun, p->lun) && text_equal(q->transport, p->transport) &&
            text_equal(q->target, p->target) && text_equal(q->target_port, p->target_port) &&
            text_equal(q->portal, p->portal))
            return true;
    }
    return false;
}

void unreached_lun(struct chain *ch, unsigned depth, const char *key)
{
    const struct lun *there = rows_find(ch->peer->sections, SECTION_LUNS, key);
    const struct section *s = &ch->peer->sections[SECTION_PATHS];
    size_t n = 0;

    if (there == NULL) {
        chain_add(ch, depth, "lun", key, "missing", NULL, "%s does not report the device %s.",
                  chain_node(ch), key);
        return;
    }
    chain_add(ch, depth, "lun", key, "missing", NULL, "%s does not see %s; on %s it is %s.",
              chain_node(ch), key, ch->peer->name, lun_text(ch, there));
    for (size_t i = 0; i < s->row_count && !chain_full(ch); i++) {
        const struct path *p = section_row(s, i);

        if (!text_is(p->lun, key) || is_again(s, i))
            continue;
        if (n++ < TARGETS_MOST)
            unreached_path(ch, depth + 1, p);
    }
    if (n > TARGETS_MOST)
        chain_add(ch, depth + 1, "path", key, "info", NULL, "%zu more targets lead to it on %s.",
                  n - TARGETS_MOST, ch->peer->name);
}
