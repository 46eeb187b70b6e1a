-- SPDX-License-Identifier: GPL-2.0-or-later
-- Paths that a node had in its present boot and has no more: what is known of them, and since when.
-- Of one node the newest of them are kept (LIMIT_LOST_PATHS).
CREATE TABLE lost_path (
    node_no INTEGER NOT NULL,
    seq INTEGER NOT NULL, -- of the node: the newest has the highest
    at INTEGER NOT NULL,
    device TEXT NOT NULL,
    lun TEXT,
    address TEXT,
    transport TEXT,
    hba TEXT,
    initiator_port TEXT,
    target TEXT,
    target_port TEXT,
    portal TEXT,
    PRIMARY KEY (node_no, seq)
) STRICT, WITHOUT ROWID;
