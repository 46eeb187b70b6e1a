-- SPDX-License-Identifier: GPL-2.0-or-later
-- What a proof of reach is a proof of: the node as it was in that boot. 0: not proven; 1: proven;
-- 2: it has read it itself.
ALTER TABLE reach RENAME COLUMN proven TO how;
ALTER TABLE reach ADD COLUMN boot_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';

-- The longest time that a lease was granted for which may not be over. What it was before nobody
-- knows: as long as any.
ALTER TABLE meta ADD COLUMN ttl_ms INTEGER NOT NULL DEFAULT 120000;
