/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nothing on the node leads to the resource: which of the links that would have to be there is not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/explain_internal.h"

enum { CANDIDATES_MOST = 8, NAMES_MOST = 6 };

/* A NIC or bond of the node that something could stand on. */
struct base {
    const char *name;
    const char *bond; /* it is a slave of this one; NULL: it is free */
};

/* The next NIC or bond; `at` begins with 0. */
static bool base_next(const struct chain *ch, size_t *at, struct base *out)
{
    const struct section *bonds = &ch->sections[SECTION_BONDS];
    const struct section *nics = &ch->sections[SECTION_NICS];
    size_t i = (*at)++;

    if (i < bonds->row_count) {
        *out = (struct base){ ((const struct bond *)section_row(bonds, i))->name, NULL };
        return true;
    }
    i -= bonds->row_count;
    if (i >= nics->row_count)
        return false;
    *out = (struct base){ ((const struct nic *)section_row(nics, i))->name,
                          explain_bond_of(ch, section_row(nics, i)) };
    return true;
}

static const char *bases_text(struct chain *ch)
{
    const char *text = "";
    size_t at = 0, n = 0;
    struct base b;

    while (base_next(ch, &at, &b)) {
        if (b.bond != NULL)
            continue;
        if (n++ < NAMES_MOST)
            text = chain_text(ch, "%s%s%s", text, n > 1 ? ", " : "", b.name);
    }
    if (n > NAMES_MOST)
        text = chain_text(ch, "%s and %zu more", text, n - NAMES_MOST);
    return n == 0 ? "none that could be a port" : text;
}

/* ---- one base that ought to lead there ------------------------------------------------------ */

static const struct vlan *vlan_on(const struct chain *ch, const char *base, uint64_t vlan)
{
    const struct section *s = &ch->sections[SECTION_VLANS];
    char tag[24];

    snprintf(tag, sizeof tag, "%llu", (unsigned long long)vlan);
    for (size_t i = 0; i < s->row_count; i++) {
        const struct vlan *v = section_row(s, i);
        const char *below = v->base_link != NULL ? v->base_link : v->link;
        bool same = v->tags != NULL ? strcmp(v->tags, tag) == 0 : v->vlan_id == vlan;

        if (same && below != NULL && strcmp(below, base) == 0)
            return v;
    }
    return NULL;
}

static bool is_rival(const struct chain *ch, const char *base, uint64_t vlan)
{
    char port[400];

    snprintf(port, sizeof port, "%.300s.%llu", base, (unsigned long long)vlan);
    for (size_t i = 0; i < ch->f->rival_count; i++) {
        if (strcmp(ch->f->rivals[i].port, vlan == 0 ? base : port) == 0)
            return true;
    }
    return false;
}

static void lack_on_base(struct chain *ch, const char *base)
{
    unsigned long long vlan = chain_vlan(ch);

    if (is_rival(ch, base, vlan))
        return; /* said already */
    if (vlan != 0 && vlan_on(ch, base, vlan) == NULL)
        chain_add(ch, 1, "vlan", chain_text(ch, "%s.%llu", base, vlan), "missing",
                  chain_text(ch,
                             "On %s: ip link add link %s name %s.%llu type vlan id %llu, "
                             "then ip link set %s.%llu up",
                             chain_node(ch), base, base, vlan, vlan, base, vlan),
                  "There is no link for VLAN %llu on %s.", vlan, base);
    else
        chain_add(ch, 1, "port", base, "unknown", NULL,
                  "Port %s has just been reported and does not count yet.", base);
    explain_base(ch, 2, base);
}

/* ---- a declared network --------------------------------------------------------------------- */

/* Splits NODE-GLOB/PORT-GLOB; the port's glob, or NULL when the node's does not match. */
static const char *port_glob(struct chain *ch, const char *match)
{
    const char *slash = strchr(match, '/');
    char *node = slash == NULL ? NULL : arena_strndup(ch->a, match, (size_t)(slash - match));

    if (node == NULL) {
        ch->failed = ch->failed || slash != NULL;
        return NULL;
    }
    return glob_match(node, chain_node(ch)) ? slash + 1 : NULL;
}

static const char *example_base(const struct chain *ch)
{
    size_t at = 0;
    struct base b;

    while (base_next(ch, &at, &b)) {
        if (b.bond == NULL)
            return b.name;
    }
    return "PORT";
}

enum { COMMAND_MOST = 900 }; /* what is longer would be cut, and half a definition is a wrong one */

/* A definition takes the place of the one before, so all that match now are in it. */
static const char *define_mend(struct chain *ch, const char *base)
{
    const struct network_info *w = ch->f->network;
    const char *text = chain_text(ch, "muster network define %s%s", w->name, chain_vlan_option(ch));
    size_t length = strlen(text) + strlen(chain_node(ch)) + strlen(base) + 16;

    for (size_t i = 0; i < w->matches.n; i++)
        length += strlen(w->matches.v[i]) + strlen(" --match ''");
    if (length > COMMAND_MOST)
        return chain_text(ch, "Define %s anew with all of its %zu matches and --match '%s/%s'",
                          w->name, w->matches.n, chain_node(ch), base);
    for (size_t i = 0; i < w->matches.n; i++)
        text = chain_text(ch, "%s --match '%s'", text, w->matches.v[i]);
    return chain_text(ch, "%s --match '%s/%s'", text, chain_node(ch), base);
}

/* The bases that a match names; how many. */
static size_t lack_in_match(struct chain *ch, const char *glob, size_t *shown)
{
    size_t at = 0, n = 0;
    struct base b;

    while (base_next(ch, &at, &b)) {
        if (!glob_match(glob, b.name))
            continue;
        n++;
        if ((*shown)++ >= CANDIDATES_MOST)
            continue;
        if (b.bond == NULL)
            lack_on_base(ch, b.name);
        else
            chain_add(ch, 1, "nic", b.name, "missing", define_mend(ch, b.bond),
                      "%s is a slave of %s, which is the port.", b.name, b.bond);
    }
    return n;
}

static void lack_of_matches(struct chain *ch)
{
    const struct network_info *w = ch->f->network;
    size_t for_node = 0, bases = 0, shown = 0;
    const char *last = NULL;

    for (size_t i = 0; i < w->matches.n; i++) {
        const char *glob = port_glob(ch, w->matches.v[i]);

        if (glob == NULL)
            continue;
        for_node++;
        last = w->matches.v[i];
        bases += lack_in_match(ch, glob, &shown);
    }
    if (for_node == 0)
        chain_add(ch, 1, "port", chain_node(ch), "missing", define_mend(ch, example_base(ch)),
                  "No match of %s names %s; its ports are: %s.", w->name, chain_node(ch),
                  bases_text(ch));
    else if (bases == 0)
        chain_add(ch, 1, "port", last, "missing", define_mend(ch, example_base(ch)),
                  "%s has no NIC or bond that the match %s names; it has: %s.", chain_node(ch),
                  last, bases_text(ch));
    else if (shown > CANDIDATES_MOST)
        chain_add(ch, 1, "port", w->name, "info", NULL, "%zu more ports match and lead nowhere.",
                  shown - CANDIDATES_MOST);
}

/* ---- an unproven port ----------------------------------------------------------------------- */

/* NODE and PORT of "unproven:NODE/PORT". */
static bool split_label(struct chain *ch, const char **node, const char **port)
{
    const char *label = ch->f->resource->label, *colon = strchr(label, ':');
    const char *slash = colon == NULL ? NULL : strchr(colon, '/');

    if (slash == NULL)
        return false;
    *node = chain_text(ch, "%.*s", (int)(slash - colon - 1), colon + 1);
    *port = slash + 1;
    return true;
}

/* The port's base: what stands before its tags. A NIC's name may have dots of its own, so the
 * longest that the node reports is right. */
static const char *base_of_port(struct chain *ch, const char *port)
{
    const char *best = NULL;
    size_t at = 0;
    struct base b;

    while (base_next(ch, &at, &b)) {
        size_t n = strlen(b.name);

        if (strncmp(port, b.name, n) == 0 && (port[n] == '.' || port[n] == '\0') &&
            (best == NULL || n > strlen(best)))
            best = b.name;
    }
    return best;
}

/* A port of another node without the tag that the resource has. */
static const char *untagged(struct chain *ch, const char *port)
{
    const char *tag = chain_text(ch, ".%llu", (unsigned long long)chain_vlan(ch));
    size_t n = strlen(port), t = strlen(tag);

    if (chain_vlan(ch) == 0 || n <= t || strcmp(port + n - t, tag) != 0)
        return port;
    return chain_text(ch, "%.*s", (int)(n - t), port);
}

static void lack_of_port(struct chain *ch)
{
    const char *node, *port, *base;

    if (!split_label(ch, &node, &port))
        return;
    if (strcmp(node, chain_node(ch)) != 0) {
        chain_add(
            ch, 1, "network", port, "info",
            chain_text(ch,
                       "If they are one network: muster network define NAME%s --match '%s/%s' "
                       "--match '%s/%s'",
                       chain_vlan_option(ch), node, untagged(ch, port), chain_node(ch),
                       example_base(ch)),
            "It is a port of %s; nobody has declared that a port of %s is on the same "
            "network.",
            node, chain_node(ch));
        return;
    }
    chain_add(ch, 1, "port", port, "missing", NULL, "%s does not report port %s any more.", node,
              port);
    base = base_of_port(ch, port);
    if (base == NULL)
        chain_add(ch, 2, "nic", port, "missing", NULL,
                  "There is no NIC or bond that it could stand on; there are: %s.", bases_text(ch));
    else
        explain_base(ch, 2, base);
}

void explain_lack(struct chain *ch)
{
    if (ch->sections[SECTION_NICS].status == SECTION_NEVER)
        return; /* nothing is known of its ports; the section says so */
    if (ch->f->network != NULL)
        lack_of_matches(ch);
    else
        lack_of_port(ch);
}
