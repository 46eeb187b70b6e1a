/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volume groups: adopted, and changed. */
#include "change.h"

/* ---- adopt, release ------------------------------------------------------------------------- */

struct adopted {
    const struct reply *reply;
    const char *name;
    bool on;
};

static void adopted_text(struct text *t, const void *data)
{
    const struct adopted *a = data;

    text_line(t,
              a->on ? "Volume group %s is muster's to change."
                    : "Volume group %s is not changed by muster any more.",
              a->name);
}

static void adopted_json(struct json *j, const void *data)
{
    const struct adopted *a = data;

    json_head(j, a->reply);
    json_str(j, "vg", a->name);
    json_bool(j, "adopted", a->on);
}

static int adopt(struct run *r, bool on)
{
    static const struct view view = { adopted_text, adopted_json };
    REQUEST(req, OP_VG_ADOPT);
    struct adopted a = { .name = r->arguments[0], .on = on };
    struct muster_reply reply;
    int rc;

    REC_SET(&req, request, resource, r->arguments[0]);
    REC_SET(&req, request, flag, on);
    rc = ask(r, &req, &reply);
    a.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &view, &a);
    muster_reply_free(&reply);
    return rc;
}

static int adopt_handle(struct run *r)
{
    return adopt(r, true);
}

static int release_handle(struct run *r)
{
    return adopt(r, false);
}

const struct command vg_adopt_command = {
    .noun = "vg",
    .verb = "adopt",
    .arguments = "VG",
    .least = 1,
    .most = 1,
    .summary = "let muster change a volume group",
    .about =
        "Until then muster shows it and changes nothing. From then on nobody else may: who runs "
        "LVM's commands on two hosts at once loses LVs without a word from LVM.",
    .example = "muster vg adopt fast",
    .handle = adopt_handle,
};

const struct command vg_release_command = {
    .noun = "vg",
    .verb = "release",
    .arguments = "VG",
    .least = 1,
    .most = 1,
    .summary = "muster does not change it any more",
    .about = "What is under way is finished.",
    .example = "muster vg release fast",
    .handle = release_handle,
};

/* ---- changes -------------------------------------------------------------------------------- */

static struct vg_ask about(const struct run *r, enum lvm_op op)
{
    struct vg_ask what = { .present = 0 };

    REC_SET(&what, vg_ask, op, (uint64_t)op);
    REC_SET(&what, vg_ask, vg, r->arguments[0]);
    if (r->argument_count > 1)
        REC_SET(&what, vg_ask, luns, ((struct strs){ r->arguments + 1, r->argument_count - 1 }));
    return what;
}

static int change(struct run *r, enum lvm_op op)
{
    struct vg_ask what = about(r, op);

    return change_ask(r, &what);
}

static int create_handle(struct run *r)
{
    const char *extent = option_value(r, "extent-size");
    struct vg_ask what = about(r, LVM_VG_CREATE);
    uint64_t bytes;
    int rc = extent == NULL ? 0 : text_size(r, extent, &bytes);

    if (rc != 0)
        return rc;
    if (extent != NULL)
        REC_SET(&what, vg_ask, extent_bytes, bytes);
    return change_ask(r, &what);
}

static int autoactivation_off_handle(struct run *r)
{
    return change(r, LVM_VG_AUTOACTIVATION_OFF);
}

static int extend_handle(struct run *r)
{
    return change(r, LVM_VG_EXTEND);
}

static int reduce_handle(struct run *r)
{
    return change(r, LVM_VG_REDUCE);
}

static int remove_handle(struct run *r)
{
    const char *again = option_value(r, "type-name"), *name = r->arguments[0];

    if (again == NULL || strcmp(again, name) != 0)
        return fail(r, "usage", "Nothing was done.",
                    "to confirm, give the name once more: muster vg remove %s --type-name %s", name,
                    name);
    return change(r, LVM_VG_REMOVE);
}

static const struct option create_options[] = {
    { 0, "extent-size", "SIZE", false, "of its extents, 4M unless this is given" },
    { 0, "wait", NULL, false, "wait until it is done, and every node that is up is current" },
    { 0 },
};

const struct command vg_create_command = {
    .noun = "vg",
    .verb = "create",
    .arguments = "NAME LUN...",
    .least = 2,
    .most = MOST_ARGUMENTS,
    .summary = "make a volume group of LUNs",
    .about =
        "Each LUN becomes a PV. A LUN on which there is anything is refused, by what is on the "
        "device itself and not by what was reported of it. LUN-partN is a partition of a LUN, of "
        "which nothing else may be in use meanwhile. Of the new volume group no node's own LVM "
        "activates anything by itself, at boot or later. An extent is a power of 2, from 512 bytes "
        "on, or a multiple of 128 KiB, and less than 2 TiB: 64M is 64 MiB." CHANGE_ABOUT,
    .example = "muster vg create fast naa.600140512345678\n"
               "muster vg create big naa.600140512345678-part2 --extent-size 64M --wait",
    .exits = CHANGE_EXITS,
    .options = create_options,
    .handle = create_handle,
};

const struct command vg_autoactivation_off_command = {
    .noun = "vg",
    .verb = "autoactivation-off",
    .arguments = "VG",
    .least = 1,
    .most = 1,
    .summary = "no node's own LVM activates its LVs by itself any more",
    .about =
        "Where an LV is active is muster's to say, and what a node's LVM activates when it boots, or "
        "when PVs appear, is active outside muster. This writes it into the metadata, so that it "
        "counts on every node; what is active stays so. 'muster vg create' does it from the "
        "start. 'muster vg show' says which nodes activate it now. Refused while a node has mounted "
        "what is in it, swaps on it, or has a map, an array or a loop device on it: that node may need "
        "it when it boots. LVM before version 2.03.12 does not know of it; there "
        "'auto_activation_volume_list = []' in lvm.conf helps." CHANGE_ABOUT,
    .example = "muster vg autoactivation-off fast --wait",
    .exits = CHANGE_EXITS,
    .options = change_options,
    .handle = autoactivation_off_handle,
};

const struct command vg_extend_command = {
    .noun = "vg",
    .verb = "extend",
    .arguments = "VG LUN...",
    .least = 2,
    .most = MOST_ARGUMENTS,
    .summary = "add LUNs to a volume group",
    .about = "As for create." CHANGE_ABOUT,
    .example = "muster vg extend fast naa.600140512345679 --wait",
    .exits = CHANGE_EXITS,
    .options = change_options,
    .handle = extend_handle,
};

const struct command vg_reduce_command = {
    .noun = "vg",
    .verb = "reduce",
    .arguments = "VG LUN...",
    .least = 2,
    .most = MOST_ARGUMENTS,
    .summary = "take LUNs out of a volume group",
    .about = "Refused while an LV lies on one of them." CHANGE_ABOUT,
    .example = "muster vg reduce fast naa.600140512345679 --wait",
    .exits = CHANGE_EXITS,
    .options = change_options,
    .handle = reduce_handle,
};

static const struct option remove_options[] = {
    { 0, "type-name", "VG", false, "its name once more, to confirm" },
    { 0, "wait", NULL, false, "wait until it is done" },
    { 0 },
};

const struct command vg_remove_command = {
    .noun = "vg",
    .verb = "remove",
    .arguments = "VG",
    .least = 1,
    .most = 1,
    .needs = "--type-name VG",
    .summary = "remove an empty volume group",
    .about = "Its LUNs are no PVs any more. Refused while there is an LV in it." CHANGE_ABOUT,
    .example = "muster vg remove fast --type-name fast",
    .exits = CHANGE_EXITS,
    .options = remove_options,
    .handle = remove_handle,
};
