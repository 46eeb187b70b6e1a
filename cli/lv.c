/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LVs: made, resized, renamed, removed. */
#include "change.h"

/* VG and LV of the first two arguments. */
static struct vg_ask about(const struct run *r, enum lvm_op op)
{
    struct vg_ask what = { .present = 0 };

    REC_SET(&what, vg_ask, op, (uint64_t)op);
    REC_SET(&what, vg_ask, vg, r->arguments[0]);
    REC_SET(&what, vg_ask, lv, r->arguments[1]);
    return what;
}

static int sized(struct run *r, struct vg_ask *what, size_t argument)
{
    uint64_t bytes;
    int rc = argument_size(r, argument, &bytes);

    if (rc != 0)
        return rc;
    REC_SET(what, vg_ask, size_bytes, bytes);
    return change_ask(r, what);
}

static int create_handle(struct run *r)
{
    struct vg_ask what = about(r, LVM_LV_CREATE);

    return sized(r, &what, 2);
}

static int extend_handle(struct run *r)
{
    struct vg_ask what = about(r, LVM_LV_EXTEND);

    return sized(r, &what, 2);
}

static int snapshot_handle(struct run *r)
{
    struct vg_ask what = about(r, LVM_LV_SNAPSHOT);

    REC_SET(&what, vg_ask, new_name, r->arguments[2]);
    return sized(r, &what, 3);
}

static int rename_handle(struct run *r)
{
    struct vg_ask what = about(r, LVM_LV_RENAME);

    REC_SET(&what, vg_ask, new_name, r->arguments[2]);
    return change_ask(r, &what);
}

static int activate_handle(struct run *r)
{
    struct vg_ask what = about(r, LVM_LV_ACTIVATE);

    return change_ask_active(r, &what, r->arguments[2]);
}

static int deactivate_handle(struct run *r)
{
    struct vg_ask what = about(r, LVM_LV_DEACTIVATE);

    return change_ask_active(r, &what, NULL);
}

/* What destroys data takes the name twice. 0 or EXIT_USAGE. */
static int confirmed(struct run *r, const char *verb)
{
    const char *again = option_value(r, "type-name"), *name = r->arguments[1];

    return again != NULL && strcmp(again, name) == 0
               ? 0
               : fail(r, "usage", "Nothing was done.",
                      "what was in it is lost; to confirm, give the LV's name once more: muster lv "
                      "%s %s %s --type-name %s",
                      verb, r->arguments[0], name, name);
}

static int reduce_handle(struct run *r)
{
    struct vg_ask what = about(r, LVM_LV_REDUCE);
    int rc = confirmed(r, "reduce");

    return rc != 0 ? rc : sized(r, &what, 2);
}

static int remove_handle(struct run *r)
{
    struct vg_ask what = about(r, LVM_LV_REMOVE);
    int rc = confirmed(r, "remove");

    return rc != 0 ? rc : change_ask(r, &what);
}

static const struct option confirm_options[] = {
    { 0, "type-name", "LV", false, "its name once more, to confirm" },
    { 0, "wait", NULL, false, "wait until it is done, and every node that is up is current" },
    { 0 },
};

static const struct option active_options[] = {
    { 0, "wait", NULL, false, "wait until the node has said that it is so" },
    { 0 },
};

#define SIZE_ABOUT \
    "SIZE is a number and one of b k M G T P E: 20G is 20 GiB. It is rounded up to extents."

const struct command lv_create_command = {
    .noun = "lv",
    .verb = "create",
    .arguments = "VG NAME SIZE",
    .least = 3,
    .most = 3,
    .summary = "make an LV",
    .about = SIZE_ABOUT " It is linear, and lies where LVM's normal policy puts it." CHANGE_ABOUT,
    .example = "muster lv create fast vm7-root 20G --wait",
    .exits = CHANGE_EXITS,
    .options = change_options,
    .handle = create_handle,
};

const struct command lv_extend_command = {
    .noun = "lv",
    .verb = "extend",
    .arguments = "VG LV SIZE",
    .least = 3,
    .most = 3,
    .summary = "make an LV larger: to SIZE",
    .about = SIZE_ABOUT CHANGE_ABOUT,
    .example = "muster lv extend fast vm7-root 30G --wait",
    .exits = CHANGE_EXITS,
    .options = change_options,
    .handle = extend_handle,
};

const struct command lv_reduce_command = {
    .noun = "lv",
    .verb = "reduce",
    .arguments = "VG LV SIZE",
    .least = 3,
    .most = 3,
    .needs = "--type-name LV",
    .summary = "make an LV smaller: to SIZE",
    .about = "What lies behind the new end is lost: shrink the filesystem first. " SIZE_ABOUT
             " Refused unless every node proves that it has no device of it." CHANGE_ABOUT,
    .example = "muster lv reduce fast vm7-root 10G --type-name vm7-root",
    .exits = CHANGE_EXITS,
    .options = confirm_options,
    .handle = reduce_handle,
};

const struct command lv_remove_command = {
    .noun = "lv",
    .verb = "remove",
    .arguments = "VG LV",
    .least = 2,
    .most = 2,
    .needs = "--type-name LV",
    .summary = "remove an LV",
    .about =
        "Refused while anybody uses it. First every node that sees it proves that it has no "
        "device of it; one that is silent is waited for until it is heard or fenced." CHANGE_ABOUT,
    .example = "muster lv remove fast vm7-old --type-name vm7-old",
    .exits = CHANGE_EXITS,
    .options = confirm_options,
    .handle = remove_handle,
};

const struct command lv_rename_command = {
    .noun = "lv",
    .verb = "rename",
    .arguments = "VG LV NAME",
    .least = 3,
    .most = 3,
    .summary = "give an LV another name",
    .about = "Refused while anybody uses it." CHANGE_ABOUT,
    .example = "muster lv rename fast vm7-root vm8-root",
    .exits = CHANGE_EXITS,
    .options = change_options,
    .handle = rename_handle,
};

const struct command lv_snapshot_command = {
    .noun = "lv",
    .verb = "snapshot",
    .arguments = "VG LV NAME SIZE",
    .least = 4,
    .most = 4,
    .summary = "make a snapshot of an LV",
    .about =
        "NAME is the snapshot's. " SIZE_ABOUT " So much may change before the snapshot is "
        "lost. It is made on the node where the LV is active, which must be one alone, or of an LV that "
        "is active nowhere." CHANGE_ABOUT,
    .example = "muster lv snapshot fast vm7-root vm7-before 2G",
    .exits = CHANGE_EXITS,
    .options = change_options,
    .handle = snapshot_handle,
};

#define ACTIVE_ABOUT                                                                            \
    " It becomes a task. Without --wait the command ends when the task is stored: muster task " \
    "watch N."

const struct command lv_activate_command = {
    .noun = "lv",
    .verb = "activate",
    .arguments = "VG LV NODE",
    .least = 3,
    .most = 3,
    .summary = "have an LV active on one node, and nowhere else",
    .about =
        "The node gets the right to have devices of it, and then makes them. Refused, with the "
        "holder's name, while another node has that right, has a hold of what is in the LV or of "
        "its volume group, uses it, or has it active outside muster; and where the node is behind "
        "with the metadata. No time ends the right, but 'muster lv deactivate', a fence of the "
        "node's boot, or 'muster hold break'. 'muster hold list' shows it, and 'muster vg show' "
        "where each LV is active. After a boot nothing is active." ACTIVE_ABOUT,
    .example = "muster lv activate fast vm7-root rack7-03 --wait",
    .exits = CHANGE_EXITS,
    .options = active_options,
    .handle = activate_handle,
};

const struct command lv_deactivate_command = {
    .noun = "lv",
    .verb = "deactivate",
    .arguments = "VG LV",
    .least = 2,
    .most = 2,
    .summary = "have an LV active nowhere",
    .about = "The node that has it active takes its devices away, and its right ends when it has "
             "said so. Refused by the node while it is in use there." ACTIVE_ABOUT,
    .example = "muster lv deactivate fast vm7-root --wait",
    .exits = CHANGE_EXITS,
    .options = active_options,
    .handle = deactivate_handle,
};
