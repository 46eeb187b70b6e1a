-- SPDX-License-Identifier: GPL-2.0-or-later
-- What a task is to change of a volume group, and what that has become. Goes with its task.
-- op: enum lvm_op of lib/wire/messages_lvm.h. The version: number and mark of the metadata that the
-- change made; 0: not known, or the volume group is no more.
CREATE TABLE vg_change (
    task_no INTEGER PRIMARY KEY,
    op INTEGER NOT NULL,
    vg TEXT NOT NULL,
    vg_uuid TEXT, -- none before it is created
    containers TEXT NOT NULL,
    lv TEXT,
    lv_uuid TEXT,
    new_name TEXT,
    size_bytes INTEGER NOT NULL,
    done INTEGER NOT NULL,
    seqno INTEGER NOT NULL,
    mark INTEGER NOT NULL
) STRICT;
