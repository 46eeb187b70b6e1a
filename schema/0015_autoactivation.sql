-- SPDX-License-Identifier: GPL-2.0-or-later
-- What activates the LVs of a volume group by itself, and the extents that a new one is to have.
ALTER TABLE vg ADD COLUMN autoactivation INTEGER;
ALTER TABLE vg ADD COLUMN activated_by TEXT;
ALTER TABLE vg_change ADD COLUMN extent_bytes INTEGER NOT NULL DEFAULT 0;
