-- SPDX-License-Identifier: GPL-2.0-or-later
-- Leases, holds, fences; tasks and their jobs; what scans have found. Numbers of states are the
-- enums of coordinator/core/rows.h and lib/wire/messages.h. A token is one number: the epoch times
-- 2^40, plus a counter.

ALTER TABLE meta ADD COLUMN next_task_no INTEGER NOT NULL DEFAULT 1;

-- 1: after a recovery rights that this database knows nothing of may not be over yet.
ALTER TABLE meta ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;

-- 1: after a recovery nothing is known of the rights of this node's boot, until it tells.
ALTER TABLE node ADD COLUMN rights_unknown INTEGER NOT NULL DEFAULT 0;

-- 1: it was admitted for this node by name (a token bound to it, or an operator): its boot proves
-- that the one before is over.
ALTER TABLE key ADD COLUMN bound INTEGER NOT NULL DEFAULT 0;

-- An image's filesystem; 0: it is none.
ALTER TABLE resource ADD COLUMN parent_no INTEGER NOT NULL DEFAULT 0;
-- Of a filesystem, as the row that has changed last names it: ext4, xfs, ...
ALTER TABLE resource ADD COLUMN type TEXT;

-- Rights that are not over.
CREATE TABLE lease (
    token INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    resource_no INTEGER NOT NULL,
    node_no INTEGER NOT NULL,
    boot_id BLOB NOT NULL,
    request INTEGER NOT NULL, -- seq of the message that it was granted to; 0: no node asked
    ttl_ms INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    task_no INTEGER NOT NULL,
    job_no INTEGER NOT NULL,
    text TEXT
) STRICT;

-- Rights that are over, with the names of that time.
CREATE TABLE lease_history (
    token INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    resource BLOB NOT NULL,
    resource_kind INTEGER NOT NULL,
    resource_label TEXT NOT NULL,
    node BLOB NOT NULL,
    node_name TEXT NOT NULL,
    boot_id BLOB NOT NULL,
    ttl_ms INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    ending INTEGER NOT NULL,
    task_no INTEGER NOT NULL,
    text TEXT
) STRICT;

-- Boots that are proven over, and how.
CREATE TABLE fence (
    node_no INTEGER NOT NULL,
    boot_id BLOB NOT NULL,
    how INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT,
    PRIMARY KEY (node_no, boot_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    no INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    step INTEGER NOT NULL,
    every_node INTEGER NOT NULL,
    created INTEGER NOT NULL,
    ended INTEGER NOT NULL, -- 0: it runs
    text TEXT
) STRICT;

CREATE TABLE job (
    task_no INTEGER NOT NULL,
    no INTEGER NOT NULL,
    step INTEGER NOT NULL,
    state INTEGER NOT NULL,
    resource_no INTEGER NOT NULL,
    resource BLOB NOT NULL,
    resource_label TEXT NOT NULL,
    node_no INTEGER NOT NULL, -- 0: the scheduler chooses
    attempt INTEGER NOT NULL,
    result INTEGER NOT NULL, -- 0: none yet
    reason TEXT,
    token INTEGER NOT NULL,
    images INTEGER NOT NULL,
    mounts INTEGER NOT NULL,
    ms INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    PRIMARY KEY (task_no, no)
) STRICT, WITHOUT ROWID;

-- What is known of a filesystem as one that is scanned.
CREATE TABLE scan (
    resource_no INTEGER PRIMARY KEY,
    admitted INTEGER NOT NULL,
    admitted_at INTEGER NOT NULL,
    outcome INTEGER NOT NULL, -- of the last one; 0: none yet
    reason TEXT,
    at INTEGER NOT NULL,
    node_no INTEGER NOT NULL,
    token INTEGER NOT NULL,
    ms INTEGER NOT NULL, -- of the last one that read it: what the scheduler has learnt
    images INTEGER NOT NULL,
    complete_at INTEGER NOT NULL,
    fingerprint TEXT
) STRICT;

-- Who has proven, and when, that it reaches a filesystem that another node has read.
CREATE TABLE reach (
    resource_no INTEGER NOT NULL,
    node_no INTEGER NOT NULL,
    proven INTEGER NOT NULL,
    reason TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (resource_no, node_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE image (
    filesystem_no INTEGER NOT NULL,
    path TEXT NOT NULL,
    resource_no INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    format TEXT,
    subformat TEXT,
    virtual_bytes INTEGER,
    size_bytes INTEGER,
    allocated_bytes INTEGER,
    mtime_ms INTEGER,
    cluster_bytes INTEGER,
    backing TEXT,
    backing_path TEXT,
    backing_format TEXT,
    backing_state TEXT,
    data_file TEXT,
    extents TEXT,
    contents TEXT,
    flags TEXT,
    snapshots INTEGER,
    fault TEXT,
    PRIMARY KEY (filesystem_no, path)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX image_resource ON image(filesystem_no, resource_no);
