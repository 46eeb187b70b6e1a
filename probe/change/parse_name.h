/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What LVM takes for a name or a tag, so that it is refused before LVM is asked. Pure. */
#ifndef MUSTER_CHANGE_PARSE_NAME_H
#define MUSTER_CHANGE_PARSE_NAME_H

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"

/* 0, or -EINVAL with a sentence. NULL is no name. */
int change_vg_name(const char *name, struct err *e);
/* Of an LV that anybody may make, in that VG: with it the name of its device has to fit. */
int change_lv_name(const char *vg, const char *name, struct err *e);
int change_tag(const char *tag, struct err *e);

/* UUIDs that muster gives to the PVs that it makes begin like this. */
#define CHANGE_PV_PREFIX "muster-"
enum { LVM_UUID_TEXT = 39 }; /* with the NUL */
/* The UUID of the PV that the task of this tag makes of this container: the same for each attempt,
 * so that a later one knows what an earlier one has made. */
void change_pv_uuid(const char *tag, const char *container, char out[LVM_UUID_TEXT]);
/* In form: 6-4-4-4-4-4-6 letters and digits. What is not goes into no command. */
bool change_is_uuid(const char *uuid);

#endif
