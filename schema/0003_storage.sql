-- SPDX-License-Identifier: GPL-2.0-or-later
-- Storage: the sections hbas to uses.

CREATE TABLE hba (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    name TEXT NOT NULL,
    transport TEXT,
    driver TEXT,
    pci_address TEXT,
    numa_node INTEGER,
    model TEXT,
    serial TEXT,
    firmware TEXT,
    port_name TEXT,
    node_name TEXT,
    fabric_name TEXT,
    port_id TEXT,
    port_type TEXT,
    port_state TEXT,
    speed TEXT,
    supported_speeds TEXT,
    symbolic_name TEXT,
    interface TEXT,
    subsystem TEXT,
    address TEXT,
    paths_active INTEGER,
    paths_total INTEGER,
    PRIMARY KEY (node_no, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE lun (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    key TEXT NOT NULL,
    wwid TEXT,
    identified_by TEXT,
    designators TEXT,
    transport TEXT,
    vendor TEXT,
    model TEXT,
    revision TEXT,
    serial TEXT,
    size_bytes INTEGER,
    logical_block_bytes INTEGER,
    physical_block_bytes INTEGER,
    rotational INTEGER,
    read_only INTEGER,
    removable INTEGER,
    discard INTEGER,
    device TEXT,
    devnum TEXT,
    map TEXT,
    map_uuid TEXT,
    map_suspended INTEGER,
    queue_without_path TEXT,
    devices TEXT,
    holders TEXT,
    file TEXT,
    state TEXT,
    state_text TEXT,
    stuck_ms INTEGER,
    paths_active INTEGER,
    paths_total INTEGER,
    PRIMARY KEY (node_no, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE path (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    device TEXT NOT NULL,
    lun TEXT,
    devnum TEXT,
    address TEXT,
    transport TEXT,
    hba TEXT,
    initiator_port TEXT,
    target TEXT,
    target_port TEXT,
    target_port_id TEXT,
    target_port_state TEXT,
    portal TEXT,
    portal_group INTEGER,
    state TEXT,
    map_state TEXT,
    path_group INTEGER,
    group_state TEXT,
    access_state TEXT,
    target_port_group INTEGER,
    relative_port INTEGER,
    size_bytes INTEGER,
    active INTEGER,
    failures INTEGER,
    io_errors INTEGER,
    PRIMARY KEY (node_no, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE partition (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    key TEXT NOT NULL,
    container TEXT,
    number INTEGER,
    device TEXT,
    devnum TEXT,
    table_type TEXT,
    type TEXT,
    uuid TEXT,
    label TEXT,
    start_bytes INTEGER,
    size_bytes INTEGER,
    read_only INTEGER,
    holders TEXT,
    PRIMARY KEY (node_no, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE pv (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    container TEXT,
    device TEXT,
    vg_uuid TEXT,
    vg_name TEXT,
    format TEXT,
    attr TEXT,
    size_bytes INTEGER,
    free_bytes INTEGER,
    device_bytes INTEGER,
    extents INTEGER,
    extents_allocated INTEGER,
    metadata_areas INTEGER,
    tags TEXT,
    missing INTEGER,
    duplicate INTEGER,
    PRIMARY KEY (node_no, uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE vg (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    name TEXT,
    attr TEXT,
    size_bytes INTEGER,
    free_bytes INTEGER,
    extent_bytes INTEGER,
    extents INTEGER,
    extents_free INTEGER,
    pvs INTEGER,
    pvs_missing INTEGER,
    lvs INTEGER,
    snapshots INTEGER,
    seqno INTEGER,
    metadata_digest TEXT,
    system_id TEXT,
    lock_type TEXT,
    exported INTEGER,
    partial INTEGER,
    tags TEXT,
    paths_active INTEGER,
    paths_total INTEGER,
    PRIMARY KEY (node_no, uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE lv (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    name TEXT,
    vg_uuid TEXT,
    vg_name TEXT,
    attr TEXT,
    size_bytes INTEGER,
    type TEXT,
    layout TEXT,
    role TEXT,
    origin TEXT,
    pool TEXT,
    segments TEXT,
    pvs TEXT,
    tags TEXT,
    health TEXT,
    active INTEGER,
    open INTEGER,
    read_only INTEGER,
    suspended INTEGER,
    device TEXT,
    devnum TEXT,
    paths_active INTEGER,
    paths_total INTEGER,
    PRIMARY KEY (node_no, uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE filesystem (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    container TEXT NOT NULL,
    device TEXT,
    type TEXT,
    usage TEXT,
    uuid TEXT,
    sub_uuid TEXT,
    label TEXT,
    version TEXT,
    size_bytes INTEGER,
    block_bytes INTEGER,
    free_bytes INTEGER,
    state TEXT,
    journal TEXT,
    journal_uuid TEXT,
    mmp INTEGER,
    members INTEGER,
    member_id INTEGER,
    signatures TEXT,
    holders TEXT,
    paths_active INTEGER,
    paths_total INTEGER,
    PRIMARY KEY (node_no, container)
) STRICT, WITHOUT ROWID;

CREATE TABLE use (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    key TEXT NOT NULL,
    kind TEXT,
    container TEXT,
    device TEXT,
    used_by TEXT,
    type TEXT,
    read_only INTEGER,
    options TEXT,
    file TEXT,
    PRIMARY KEY (node_no, key)
) STRICT, WITHOUT ROWID;
-- Who uses a container, on every node.
CREATE INDEX use_of_container ON use(container);

-- 1: what the row shows does not answer; it answers, and is not right.
ALTER TABLE sighting ADD COLUMN stuck INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sighting ADD COLUMN flawed INTEGER NOT NULL DEFAULT 0;
-- What the nodes that see one resource should agree on: of a LUN bytes and a hash of the serial
-- number; of a volume group version and a hash of its metadata's digest; of a filesystem how many
-- devices it has and a hash of which of them this is. 0: not known.
ALTER TABLE sighting ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sighting ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;

-- Since when the nodes that see it contradict each other (milliseconds; 0: they do not), and
-- whether the event log says so.
ALTER TABLE resource ADD COLUMN doubt_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE resource ADD COLUMN doubt_told INTEGER NOT NULL DEFAULT 0;
-- Of a filesystem whose UUID is in several containers: the sets of them that one node has seen at
-- once, as "NODE_NO.SET ...". Two that share a set are two devices.
ALTER TABLE resource ADD COLUMN seen_together TEXT;

DROP VIEW matrix;
CREATE VIEW matrix AS
-- The matrix as it was last reported. NO LIVENESS: whether a node is up, and whether an edge is
-- unknown or stuck, is known to the running coordinator alone (`muster matrix`).
SELECT
    node.name AS node,
    CASE resource.kind WHEN 1 THEN 'network' WHEN 2 THEN 'lun' WHEN 3 THEN 'vg' WHEN 4 THEN 'lv'
        WHEN 5 THEN 'filesystem' ELSE CAST(resource.kind AS TEXT) END AS kind,
    resource.key AS key,
    resource.label AS label,
    CASE edge.state WHEN 1 THEN 'ok' WHEN 2 THEN 'degraded' WHEN 3 THEN 'lost' END AS state,
    edge.paths_active AS paths_active,
    edge.paths_total AS paths_total,
    edge.paths_had AS paths_had,
    strftime('%Y-%m-%dT%H:%M:%fZ', edge.since / 1000.0, 'unixepoch') AS since
FROM edge
JOIN node ON node.no = edge.node_no
JOIN resource ON resource.no = edge.resource_no;
