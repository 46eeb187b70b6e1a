/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One node with its inventory. */
#include "nouns.h"

#include <inttypes.h>
#include <time.h>

#include "base/text.h"

struct detail {
    const struct reply *reply;
    const struct node_info *node;
    int section; /* one section with all its fields; -1: all, in short */
    wall_ms now; /* by the clock of this machine */
};

/* ---- sections ------------------------------------------------------------------------------- */

enum { MOST_SHORT = 8 };

/* The fields that the short form shows, -1 ends; all of a singleton's would be too many. */
static const struct short_form {
    const char *title; /* of the section */
    int fields[MOST_SHORT];
    struct column columns[MOST_SHORT];
} short_forms[SECTION_COUNT] = {
    [SECTION_SYSTEM] = { "system",
                         { system_vendor, system_product_name, system_product_serial, system_os,
                           system_kernel_release, system_xen_version, system_memory_total_bytes,
                           -1 },
                         { { NULL, 0 } } },
    [SECTION_CPU] = { "processors",
                      { cpu_model_name, cpu_sockets, cpu_cores, cpu_threads, cpu_numa_nodes,
                        cpu_microcode, -1 },
                      { { NULL, 0 } } },
    [SECTION_NICS] = { "NICs",
                       { nic_name, nic_operstate, nic_speed_mbps, nic_driver, nic_mac, nic_master,
                         -1 },
                       { { "NIC", COLUMN_CUT },
                         { "STATE", 0 },
                         { "SPEED", COLUMN_RIGHT },
                         { "DRIVER", COLUMN_CUT },
                         { "MAC", 0 },
                         { "PORT OF", COLUMN_CUT } } },
    [SECTION_BONDS] = { "bonds",
                        { bond_name, bond_operstate, bond_mode, bond_slaves, bond_active_slave,
                          bond_master, -1 },
                        { { "BOND", COLUMN_CUT },
                          { "STATE", 0 },
                          { "MODE", 0 },
                          { "SLAVES", COLUMN_CUT },
                          { "ACTIVE", COLUMN_CUT },
                          { "PORT OF", COLUMN_CUT } } },
    [SECTION_VLANS] = { "VLANs",
                        { vlan_name, vlan_operstate, vlan_base_link, vlan_tags, vlan_master, -1 },
                        { { "VLAN", COLUMN_CUT },
                          { "STATE", 0 },
                          { "ON", COLUMN_CUT },
                          { "TAGS", 0 },
                          { "PORT OF", COLUMN_CUT } } },
    [SECTION_BRIDGES] = { "bridges",
                          { bridge_name, bridge_operstate, bridge_stp, bridge_ports, -1 },
                          { { "BRIDGE", COLUMN_CUT },
                            { "STATE", 0 },
                            { "STP", 0 },
                            { "HOST PORTS", COLUMN_WRAP } } },
    [SECTION_LLDP] = { "LLDP neighbours",
                       { lldp_interface, lldp_chassis_name, lldp_port_id, lldp_port_descr, -1 },
                       { { "NIC", COLUMN_CUT },
                         { "SWITCH", COLUMN_CUT },
                         { "PORT", COLUMN_CUT },
                         { "DESCRIPTION", COLUMN_WRAP } } },
};

static struct recs rows_of(const struct section_body *b)
{
    switch (b->section) {
    case SECTION_SYSTEM:
        return b->system;
    case SECTION_CPU:
        return b->cpu;
    case SECTION_NICS:
        return b->nics;
    case SECTION_BONDS:
        return b->bonds;
    case SECTION_VLANS:
        return b->vlans;
    case SECTION_BRIDGES:
        return b->bridges;
    case SECTION_LLDP:
        return b->lldp;
    default:
        return (struct recs){ NULL, 0 };
    }
}

static const char *field_of(struct text *t, const struct record_desc *d, uint32_t i,
                            const void *row)
{
    struct buf b = { 0 };
    const char *s;

    field_text(&b, d, i, row);
    s = buf_cstr(&b);
    s = text_format(t, "%s", s != NULL && strcmp(s, "-") != 0 ? s : "");
    buf_deinit(&b);
    return s;
}

static void heading(struct text *t, const struct section_body *b, const char *title)
{
    const char *status = section_status_name((enum section_status)b->status);
    char age[24];

    if (t->out->n > 0)
        buf_str(t->out, "\n");
    text_paint(t, PAINT_BOLD, title);
    if (b->status == SECTION_OK) {
        buf_str(t->out, "\n");
        return;
    }
    buf_str(t->out, "  ");
    text_paint(t, paint_of_word(status), status);
    if (REC_HAS(b, section_body, status_age_ms))
        buf_printf(t->out, " for %s", duration_text(b->status_age_ms, age));
    buf_str(t->out, "\n");
    if (b->status_text != NULL)
        text_wrap(t, b->status_text, 0, 0, PAINT_NONE);
}

static void rows_short(struct text *t, const struct section_desc *d, const struct short_form *f,
                       struct recs rows)
{
    size_t n = 0;
    struct table *b;

    while (f->fields[n] >= 0)
        n++;
    b = table_new(t, f->columns, n);
    for (size_t i = 0; i < rows.n; i++) {
        const void *row = (const char *)rows.v + i * d->row->size;

        for (size_t c = 0; c < n; c++)
            table_cell(b, field_of(t, d->row, (uint32_t)f->fields[c], row), PAINT_NONE);
    }
    table_print(b);
}

static void pairs(struct text *t, const struct record_desc *d, const void *row, const int *fields)
{
    static const struct column columns[] = { { NULL, 0 }, { NULL, COLUMN_WRAP } };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));

    for (uint32_t i = 0; fields == NULL ? i < d->count : fields[i] >= 0; i++) {
        uint32_t field = fields == NULL ? i : (uint32_t)fields[i];
        const char *value = field_of(t, d, field, row);

        if (*value == '\0')
            continue;
        table_cell(b, d->fields[field].name, PAINT_DIM);
        table_cell(b, value, PAINT_NONE);
    }
    table_print(b);
}

static void section_text(struct text *t, const struct section_body *body, bool full)
{
    const struct section_desc *d = &section_descs[body->section];
    const struct short_form *f = &short_forms[body->section];
    struct recs rows = rows_of(body);

    if (rows.n == 0 && body->status == SECTION_OK && !full)
        return;
    heading(t, body, f->title);
    if (!full && !d->singleton) {
        rows_short(t, d, f, rows);
        return;
    }
    for (size_t i = 0; i < rows.n; i++) {
        if (i > 0)
            buf_str(t->out, "\n");
        pairs(t, d->row, (const char *)rows.v + i * d->row->size, full ? NULL : f->fields);
    }
    if (rows.n == 0 && body->status_text == NULL)
        text_line(t, "nothing of the kind");
}

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
            section_text(t, &sections[i], d->section >= 0);
    }
}

static void section_json(struct json *j, const struct section_body *b, wall_ms now)
{
    const struct section_desc *d = &section_descs[b->section];
    struct recs rows = rows_of(b);

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

static int handle(struct run *r)
{
    REQUEST(req, OP_NODE_SHOW);
    const char *section = option_value(r, "section");
    struct muster_reply reply;
    struct timespec now;
    struct detail d = { .section = section != NULL ? section_by_name(section) : -1 };
    int rc;

    if (section != NULL && d.section < 0)
        return fail(r, "usage", NULL,
                    "--section takes system, cpu, nics, bonds, vlans, bridges or lldp, not '%s'",
                    section);
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
    { 0, "section", "NAME", false,
      "one section with all its fields: system, cpu, nics, bonds, vlans, bridges, lldp" },
    { 0 },
};

const struct command node_show_command = {
    .noun = "node",
    .verb = "show",
    .arguments = "NODE",
    .least = 1,
    .most = 1,
    .summary = "one node: identity, what it sees, its hardware and networks",
    .about = "Shows who the node is, which resources it sees and how well, and its inventory in "
             "short. A section that is stuck or failed is shown with its last good content. NODE "
             "is a name, an id, or the beginning of an id (4 digits or more).",
    .example = "muster node show rack7-03\n"
               "muster node show rack7-03 --section nics      # every field of every NIC",
    .options = options,
    .handle = handle,
};
