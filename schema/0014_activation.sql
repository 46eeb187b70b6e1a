-- SPDX-License-Identifier: GPL-2.0-or-later
-- Activation of LVs: for which node a task is, and where a node says that it has a device of one.
ALTER TABLE vg_change ADD COLUMN node_no INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sighting ADD COLUMN active INTEGER NOT NULL DEFAULT 0;
