/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a node's own LVM would activate LVs without being told to: lvmautoactivation(7). Pure. */
#ifndef MUSTER_COLLECT_PARSE_LVM_AUTO_H
#define MUSTER_COLLECT_PARSE_LVM_AUTO_H

#include "base/arena.h"
#include "model/sections.h"

/* What of LVM's own configuration (lvm.conf) counts. */
#define LVM_AUTO_SETTINGS "global/event_activation activation/auto_activation_volume_list"

struct lvm_auto {
    const char *rule;      /* of udev, that has LVM activate: "69-lvm.rules"; NULL: there is none */
    bool event_activation; /* LVM does not ignore it */
    const char *generator; /* of systemd: has LVM activate at boot if it ignores the rule */
    bool listed;           /* what may be activated is listed; else all may */
    struct strs list;      /* VG, VG/LV, @TAG, or @* (any tag of this host) */
};

/* What `lvmconfig --typeconfig full LVM_AUTO_SETTINGS` writes: NAME=VALUE, a line each. Fills all
 * but the rule and the generator. Texts are in `a`. 0, -ENOMEM, -EBADMSG: not so. */
int parse_lvm_auto(struct bytes text, struct arena *a, struct lvm_auto *out);
/* Why LVs of the volume group are activated by themselves: half a sentence that begins with what
 * does it, in `a`. *out is NULL when they are not. `lvs`: rows, also of others. 0 or -ENOMEM. */
int lvm_auto_text(const struct lvm_auto *x, const struct vg *vg, const struct lv *lvs, size_t n,
                  struct arena *a, const char **out);

#endif
