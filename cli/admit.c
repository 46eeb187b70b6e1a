/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which filesystems muster may mount: none, until an operator says so. */
#include "nouns.h"

struct change {
    const struct reply *reply;
    bool admit, all;
};

/* It was so before. */
static bool unchanged(const struct resource_info *x)
{
    return REC_HAS(x, resource_info, changed) && !x->changed;
}

static void change_text(struct text *t, const void *data)
{
    const struct change *c = data;
    const struct resource_info *x = c->reply->resources.v;
    size_t n = c->reply->resources.n, changed = 0;

    for (size_t i = 0; i < n; i++) {
        const char *name = resource_shown(t, c->reply, &x[i]);

        changed += !unchanged(&x[i]);
        if (c->admit)
            text_line(t, "%s %s", name,
                      unchanged(&x[i]) ? "was admitted already." : "is admitted.");
        else
            text_line(t, "%s %s", name,
                      unchanged(&x[i]) ? "was not admitted." : "is not scanned any more.");
    }
    if (n == 0)
        text_line(t, c->admit ? "Every filesystem that can be scanned is admitted already."
                              : "No filesystem was admitted.");
    else if (c->admit && changed > 0)
        text_line(t, "To look for disk images in %s: muster scan --wait", n == 1 ? "it" : "them");
}

static void change_json(struct json *j, const void *data)
{
    const struct change *c = data;
    const struct resource_info *x = c->reply->resources.v;

    json_head(j, c->reply);
    json_array(j, "resources");
    for (size_t i = 0; i < c->reply->resources.n; i++) {
        json_object(j, NULL);
        json_members(j, &resource_info_desc, &x[i]);
        json_bool(j, "changed", !unchanged(&x[i]));
        json_end_object(j);
    }
    json_end_array(j);
}

static int change(struct run *r, bool admit)
{
    static const struct view view = { change_text, change_json };
    REQUEST(req, OP_FS_ADMIT);
    struct strs names = { r->arguments, r->argument_count };
    struct change c = { .admit = admit, .all = option_given(r, "all") };
    struct muster_reply reply;
    int rc;

    if (c.all == (names.n > 0))
        return fail(r, "usage", NULL, "name filesystems, or give --all%s",
                    c.all ? ", not both" : " for each that there is");
    if (names.n > 0)
        REC_SET(&req, request, resources, names);
    REC_SET(&req, request, flag, admit);
    rc = ask(r, &req, &reply);
    c.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &view, &c);
    muster_reply_free(&reply);
    return rc;
}

static int admit_handle(struct run *r)
{
    return change(r, true);
}

static int retire_handle(struct run *r)
{
    return change(r, false);
}

static const struct option admit_options[] = {
    { 0, "all", NULL, false,
      "every filesystem of a type that muster scans, as far as it is known" },
    { 0 },
};
static const struct option retire_options[] = {
    { 0, "all", NULL, false, "every filesystem that is admitted" },
    { 0 },
};

const struct command fs_admit_command = {
    .noun = "fs",
    .verb = "admit",
    .arguments = "FS...|--all",
    .least = 0,
    .most = MOST_ARGUMENTS,
    .summary = "let muster mount filesystems, read-only, to scan them",
    .about =
        "In a new fleet muster only observes: it mounts nothing. What is admitted may be mounted "
        "by 'muster scan', read-only and on one node at a time, and never while any node has it, "
        "or what it lies in, mounted, open or given to a guest. ext4, xfs, btrfs, vfat and iso9660 "
        "can be. FS is a label, a UUID or UUID@CONTAINER.",
    .example = "muster fs list\n"
               "muster fs admit data images\n"
               "muster fs admit --all && muster scan --wait",
    .options = admit_options,
    .handle = admit_handle,
};

const struct command fs_retire_command = {
    .noun = "fs",
    .verb = "retire",
    .arguments = "FS...|--all",
    .least = 0,
    .most = MOST_ARGUMENTS,
    .summary = "take an admission back: muster mounts it no more",
    .about =
        "No scan of it is begun from then on; one that is under way ends by itself. The images "
        "that were found in it stay known.",
    .example = "muster fs retire data\n"
               "muster fs retire --all",
    .options = retire_options,
    .handle = retire_handle,
};
