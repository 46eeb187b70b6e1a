-- SPDX-License-Identifier: GPL-2.0-or-later
-- recover 1: a node has seen more than this database knows, and an operator must decide. Then the
-- highest that was seen.
ALTER TABLE meta ADD COLUMN recover INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN seen_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN seen_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN seen_token INTEGER NOT NULL DEFAULT 0;
