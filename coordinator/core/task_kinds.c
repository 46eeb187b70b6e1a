/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of tasks. */
#include "core/core_internal.h"

const struct task_kind *const task_kinds[TASK_KINDS] = { [TASK_SCAN] = &scan_kind,
                                                         [TASK_RESCAN] = &rescan_kind,
                                                         [TASK_LVM] = &vg_kind,
                                                         [TASK_ACTIVATION] = &activation_kind };
