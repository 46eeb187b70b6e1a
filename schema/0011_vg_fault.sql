-- SPDX-License-Identifier: GPL-2.0-or-later
-- What of its devices a node has that is not as the metadata of the volume group say.
ALTER TABLE vg ADD COLUMN fault TEXT;
