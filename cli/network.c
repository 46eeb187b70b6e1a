/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

#include <inttypes.h>

static const char *vlan_text(struct text *t, uint64_t vlan)
{
    return vlan == 0 ? "-" : text_format(t, "%" PRIu64, vlan);
}

static void list_text(struct text *t, const void *data)
{
    static const struct column columns[] = { { "NETWORK", COLUMN_CUT },
                                             { "VLAN", COLUMN_RIGHT },
                                             { "PORTS", COLUMN_RIGHT },
                                             { "AMBIGUOUS", COLUMN_RIGHT },
                                             { "MATCHES", COLUMN_WRAP } };
    const struct reply *r = data;
    const struct network_info *networks = r->networks.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));

    if (r->networks.n == 0) {
        text_line(t,
                  "No network is declared yet. 'muster matrix' shows the unproven ports, 'muster "
                  "network define --help' how to declare which of them are one network.");
        return;
    }
    for (size_t i = 0; i < r->networks.n; i++) {
        const char *matches = "";

        for (size_t k = 0; k < networks[i].matches.n; k++)
            matches = text_format(t, "%s%s%s", matches, k > 0 ? " " : "", networks[i].matches.v[k]);
        table_cell(b, networks[i].name, PAINT_NONE);
        table_cell(b, vlan_text(t, networks[i].vlan), PAINT_NONE);
        table_cellf(b, PAINT_NONE, "%" PRIu64, networks[i].ports);
        if (networks[i].ambiguous > 0)
            table_cellf(b, PAINT_WARN, "%" PRIu64, networks[i].ambiguous);
        else
            table_cell(b, "-", PAINT_NONE);
        table_cell(b, matches, PAINT_NONE);
    }
    table_print(b);
    text_line(t, "%s", counted(t, r->networks.n, "network", "networks"));
}

static void list_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_array_of(j, "networks", &network_info_desc, r->networks);
}

static const struct view list_view = { list_text, list_json };

static int list_handle(struct run *r)
{
    REQUEST(req, OP_NETWORK_LIST);

    return ask_and_show(r, &req, &list_view);
}

const struct command network_list_command = {
    .noun = "network",
    .verb = "list",
    .summary = "the declared networks",
    .about = "Shows each declared network: its VLAN tag (- is untagged), how many ports belong to "
             "it now, how many match another network too and so belong to neither, and the "
             "patterns.",
    .example = "muster network list",
    .handle = list_handle,
};

/* ---- define, delete ------------------------------------------------------------------------- */

struct changed {
    const struct reply *reply;
    const char *name;
    bool deleted;
};

/* " anew (it was: VLAN 20, rack7-1/bond0)", or nothing. */
static const char *anew(struct text *t, const struct network_info *n)
{
    return n->was == NULL ? "" : text_format(t, " anew (it was: %s)", n->was);
}

static const char *names(struct text *t, struct strs list)
{
    const char *text = "";

    for (size_t i = 0; i < list.n; i++)
        text = text_format(t, "%s%s%s", text, i > 0 ? ", " : "", list.v[i]);
    return list.n > 0 ? text : "another network";
}

static void changed_text(struct text *t, const void *data)
{
    const struct changed *c = data;
    const struct network_info *n = c->reply->networks.n > 0 ? c->reply->networks.v : NULL;

    if (c->deleted)
        text_line(t, "%s is deleted; its ports are unproven again.", c->name);
    else if (n == NULL)
        text_line(t, "%s is defined.", c->name);
    else if (n->ports == 0)
        text_line(t, "%s is defined%s; no port %s it yet.", c->name, anew(t, n),
                  n->ambiguous == 0 ? "matches" : "belongs to");
    else
        text_line(t, "%s is defined%s; %s it.", c->name, anew(t, n),
                  counted(t, n->ports, "port belongs to", "ports belong to"));
    if (n != NULL && n->ambiguous > 0)
        text_line(t, "%s %s too and so %s to neither: 'muster network list' shows the patterns.",
                  counted(t, n->ambiguous, "port matches", "ports match"), names(t, n->overlaps),
                  n->ambiguous == 1 ? "belongs" : "belong");
}

static void changed_json(struct json *j, const void *data)
{
    const struct changed *c = data;

    json_head(j, c->reply);
    json_object_of(j, "network", &network_info_desc,
                   c->reply->networks.n > 0 ? c->reply->networks.v : NULL);
}

static const struct view changed_view = { changed_text, changed_json };

static int change(struct run *r, struct request *req, bool deleted)
{
    struct muster_reply reply;
    struct changed c = { .name = r->arguments[0], .deleted = deleted };
    int rc;

    REC_SET(req, request, name, r->arguments[0]);
    rc = ask(r, req, &reply);
    c.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &changed_view, &c);
    muster_reply_free(&reply);
    return rc;
}

static const char *define_example(struct run *r, uint64_t vlan, const char *port)
{
    const char *tag = vlan > 0 ? arena_printf(r->arena, " --vlan %" PRIu64, vlan) : "";

    return arena_printf(r->arena, "For %s of every node: muster network define %s%s --match '*/%s'",
                        port, r->arguments[0], tag != NULL ? tag : "", port);
}

static int define_handle(struct run *r)
{
    REQUEST(req, OP_NETWORK_DEFINE);
    struct strs matches = option_values(r, "match");
    uint64_t vlan = 0;
    int rc = option_number(r, "vlan", 1, 4094, &vlan);

    if (rc != 0)
        return rc;
    if (matches.n == 0)
        return fail(r, "usage", define_example(r, vlan, "bond0"),
                    "say which ports belong to it: --match NODE-GLOB/PORT-GLOB");
    for (size_t i = 0; i < matches.n; i++) {
        if (strchr(matches.v[i], '/') == NULL)
            return fail(r, "usage", define_example(r, vlan, matches.v[i]),
                        "--match takes NODE-GLOB/PORT-GLOB, not '%s'", matches.v[i]);
    }
    REC_SET(&req, request, vlan, vlan);
    REC_SET(&req, request, matches, matches);
    return change(r, &req, false);
}

static const struct option define_options[] = {
    { 0, "vlan", "N", false, "VLAN tag on those ports, 1 to 4094 (default: untagged)" },
    { 0, "match", "NODE-GLOB/PORT-GLOB", true,
      "ports that belong to it: * and ? stand for any text and any character; the port is the NIC "
      "or bond, without a tag" },
    { 0 },
};

const struct command network_define_command = {
    .noun = "network",
    .verb = "define",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .needs = "--match NODE-GLOB/PORT-GLOB",
    .summary = "declare which ports are one network",
    .about =
        "Equal VLAN numbers prove nothing: two switches may use 100 for two networks. So each "
        "port is a network of its own (unproven:NODE/PORT) until you declare which ones are "
        "the same. A port must match exactly one network of its tag; one that matches two "
        "stays unproven, and an event says so.\n"
        "A network that is defined again has the new tag and matches in place of the old ones.",
    .example = "muster network define storage-a --vlan 100 --match '*/bond0'\n"
               "muster network define lab --match 'rack7-*/eth0' --match 'rack8-*/eth1'",
    .options = define_options,
    .handle = define_handle,
};

static int delete_handle(struct run *r)
{
    REQUEST(req, OP_NETWORK_DELETE);

    return change(r, &req, true);
}

const struct command network_delete_command = {
    .noun = "network",
    .verb = "delete",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "take a declaration back",
    .about = "Deletes the declared network; its ports are unproven again. It takes the exact name.",
    .example = "muster network delete lab",
    .handle = delete_handle,
};
