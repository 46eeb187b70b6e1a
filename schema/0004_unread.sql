-- SPDX-License-Identifier: GPL-2.0-or-later
-- Why a label was not read.
ALTER TABLE lun ADD COLUMN unread TEXT;
ALTER TABLE partition ADD COLUMN unread TEXT;
