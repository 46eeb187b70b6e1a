/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One node with its inventory. */
#include "sections.h"

#include <inttypes.h>
#include <time.h>

#include "base/text.h"

struct detail {
    const struct reply *reply;
    const struct node_info *node;
    int section; /* one section; -1: all, in short */
    bool rows;   /* a line for each of its rows, not every field */
    wall_ms now; /* by the clock of this machine */
};

/* ---- the node ------------------------------------------------------------------------------- */

static void node_text(struct text *t, const struct node_info *n)
{
    const char *heard = age_text(t, REC_HAS(n, node_info, heard_ms), n->heard_ms);
    char time[LOCAL_TIME_TEXT];

    text_paint(t, PAINT_BOLD, text_safe(t, n->name));
    buf_str(t->out, "  ");
    text_paint(t, paint_of_word(n->state), text_safe(t, n->state));
    buf_printf(t->out, "%s\n", n->draining ? ", draining" : "");
    if (n->text != NULL)
        text_wrap(t, n->text, 0, 0, PAINT_NONE);
    text_pair(t, "id", "%s (%s)", n->id != NULL ? n->id : "?",
              n->identity_source != NULL ? n->identity_source : "?");
    if (n->hostname != NULL)
        text_pair(t, "host name", "%s", n->hostname);
    if (n->boot_id != NULL)
        text_pair(t, "boot", "%s", n->boot_id);
    text_pair(t, "heard", "%s%s", heard != NULL ? heard : "not since the coordinator started",
              heard != NULL ? " ago" : "");
    if (REC_HAS(n, node_info, first_seen_ms))
        text_pair(t, "first seen", "%s", local_time(n->first_seen_ms, time));
    if (n->probe_version != NULL)
        text_pair(t, "probe", "%s", n->probe_version);
    if (REC_HAS(n, node_info, protocol))
        text_pair(t, "protocol", "version %" PRIu64, n->protocol);
    for (size_t i = 0; i < n->sections_bad.n; i++)
        text_pair(t, i == 0 ? "trouble" : "", "%s", n->sections_bad.v[i]);
}

static void detail_text(struct text *t, const void *data)
{
    const struct detail *d = data;
    const struct section_body *sections = d->reply->sections.v;

    if (d->section < 0) {
        node_text(t, d->node);
        edges_text(t, d->reply, true);
    }
    for (size_t i = 0; i < d->reply->sections.n; i++) {
        if (sections[i].section < SECTION_COUNT &&
            (d->section < 0 || sections[i].section == (uint64_t)d->section))
            section_text(t, &sections[i],
                         d->section < 0 ? SHAPE_OVERVIEW
                         : d->rows      ? SHAPE_ROWS
                                        : SHAPE_FIELDS,
                         d->node->name);
    }
}

static void section_json(struct json *j, const struct section_body *b, wall_ms now)
{
    const struct section_desc *d = &section_descs[b->section];
    struct recs rows = section_rows(b);

    json_object(j, d->name);
    json_str(j, "status", section_status_name((enum section_status)b->status));
    json_str(j, "status_text", b->status_text);
    json_int(j, "generation", (int64_t)b->generation);
    if (REC_HAS(b, section_body, age_ms))
        json_int(j, "age_ms", b->age_ms);
    else
        json_null(j, "age_ms");
    if (REC_HAS(b, section_body, status_age_ms)) {
        json_int(j, "status_age_ms", b->status_age_ms);
        json_time(j, "since", now.v - b->status_age_ms);
    } else {
        json_null(j, "status_age_ms");
        json_null(j, "since");
    }
    json_array(j, "rows");
    for (size_t i = 0; i < rows.n; i++) {
        json_object(j, NULL);
        json_record(j, d->row, (const char *)rows.v + i * d->row->size);
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static void detail_json(struct json *j, const void *data)
{
    const struct detail *d = data;
    const struct section_body *sections = d->reply->sections.v;

    json_head(j, d->reply);
    json_object_of(j, "node", &node_info_desc, d->node);
    json_array_of(j, "resources", &resource_info_desc, d->reply->resources);
    json_array_of(j, "nodes", &node_info_desc, d->reply->nodes);
    json_edges(j, d->reply, true);
    json_object(j, "sections");
    for (size_t i = 0; i < d->reply->sections.n; i++) {
        if (sections[i].section < SECTION_COUNT &&
            (d->section < 0 || sections[i].section == (uint64_t)d->section))
            section_json(j, &sections[i], d->now);
    }
    json_end_object(j);
}

static const struct view view = { detail_text, detail_json };

#define SECTIONS                                                                                \
    "system, cpu, nics, bonds, vlans, bridges, lldp, hbas, luns, paths, partitions, pvs, vgs, " \
    "lvs, filesystems, uses, xen or domains"

static int handle(struct run *r)
{
    REQUEST(req, OP_NODE_SHOW);
    const char *section = option_value(r, "section");
    struct muster_reply reply;
    struct timespec now;
    struct detail d = { .section = section != NULL ? section_by_name(section) : -1,
                        .rows = option_given(r, "short") };
    int rc;

    if (section != NULL && d.section < 0)
        return fail(r, "usage", NULL, "--section takes " SECTIONS ", not '%s'", section);
    if (section == NULL && option_given(r, "short"))
        return fail(r, "usage", "For example: muster node show rack7-03 --section luns --short",
                    "--short goes with --section NAME");
    REC_SET(&req, request, node, r->arguments[0]);
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->nodes.n == 0)
        rc = fail(r, "failed", NULL, "the coordinator answered without a node");
    if (rc == 0) {
        d.reply = reply.reply;
        d.node = reply.reply->nodes.v;
        clock_gettime(CLOCK_REALTIME, &now);
        d.now = (wall_ms){ (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 };
        if (section == NULL)
            rc = with_edges(r, d.node->id, NULL, &reply);
    }
    if (rc == 0)
        rc = show(r, &view, &d);
    muster_reply_free(&reply);
    return rc;
}

static const struct option options[] = {
    { 0, "section", "NAME", false, "one section with all its fields: " SECTIONS },
    { 0, "short", NULL, false, "of that section a line for each row" },
    { 0 },
};

const struct command node_show_command = {
    .noun = "node",
    .verb = "show",
    .arguments = "NODE",
    .least = 1,
    .most = 1,
    .summary = "one node: identity, what it sees, its inventory",
    .about =
        "Shows who the node is, which resources it sees and how well, and its inventory in "
        "short: of a section with many rows those that are not well, and the first of the "
        "others. A section that is stuck or failed is shown with its last good content; what is "
        "lacking in one that was read is said below its title. NODE is a name, an id, or the "
        "beginning of an id (4 digits or more).",
    .example = "muster node show rack7-03\n"
               "muster node show rack7-03 --section nics          # every field of every NIC\n"
               "muster node show rack7-03 --section paths --short # a line for each path",
    .options = options,
    .handle = handle,
};
