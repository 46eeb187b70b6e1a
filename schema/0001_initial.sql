-- SPDX-License-Identifier: GPL-2.0-or-later
-- Version 1. Times are milliseconds since 1970-01-01 UTC; ids, keys, nonces and digests are blobs;
-- lists are JSON arrays; numbers of states are the enums of lib/wire/messages.h and
-- coordinator/core/rows.h.

CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    db_id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    start_no INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    event_no INTEGER NOT NULL,
    token INTEGER NOT NULL,
    next_node_no INTEGER NOT NULL,
    next_resource_no INTEGER NOT NULL
) STRICT;

-- What store_try_write writes to see whether the disk takes writes again.
CREATE TABLE write_probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    fill BLOB NOT NULL
) STRICT;

-- Every start of this database: how a restored copy is recognised.
CREATE TABLE start (
    epoch INTEGER NOT NULL,
    start_no INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    generation INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (epoch, start_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE node (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_set INTEGER NOT NULL,
    admission INTEGER NOT NULL,
    text TEXT,
    boot_id BLOB NOT NULL,
    key BLOB NOT NULL,
    draining INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    product_uuid TEXT,
    lowest_mac TEXT,
    hostname TEXT,
    probe_version TEXT,
    source TEXT
) STRICT;

-- CURVE public keys and whose they are.
CREATE TABLE key (
    key BLOB PRIMARY KEY,
    role INTEGER NOT NULL,
    state INTEGER NOT NULL,
    node_no INTEGER NOT NULL,
    boot_id BLOB NOT NULL,
    name TEXT,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX key_of_node ON key(node_no);

CREATE TABLE retired_boot (
    node_no INTEGER NOT NULL,
    boot_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (node_no, boot_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE section (
    node_no INTEGER NOT NULL,
    section INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    digest BLOB NOT NULL,
    status INTEGER NOT NULL,
    status_text TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (node_no, section)
) STRICT, WITHOUT ROWID;

CREATE TABLE resource (
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    label TEXT NOT NULL,
    vlan INTEGER NOT NULL,
    declared INTEGER NOT NULL
) STRICT;

-- An inventory row by which a node sees a resource; an edge is the sum of its sightings.
CREATE TABLE sighting (
    node_no INTEGER NOT NULL,
    section INTEGER NOT NULL,
    row_key TEXT NOT NULL,
    resource_no INTEGER NOT NULL,
    port TEXT NOT NULL,
    base TEXT NOT NULL,
    vlan INTEGER NOT NULL,
    paths_active INTEGER NOT NULL,
    paths_total INTEGER NOT NULL,
    PRIMARY KEY (node_no, section, row_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE edge (
    node_no INTEGER NOT NULL,
    resource_no INTEGER NOT NULL,
    state INTEGER NOT NULL,
    paths_active INTEGER NOT NULL,
    paths_total INTEGER NOT NULL,
    paths_had INTEGER NOT NULL,
    had_until INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (node_no, resource_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE network (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    vlan INTEGER NOT NULL,
    matches TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One-time tokens: the hash of the secret, never the secret.
CREATE TABLE token (
    hash BLOB PRIMARY KEY,
    role INTEGER NOT NULL,
    node BLOB NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    state INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    no INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    text TEXT NOT NULL,
    generation INTEGER NOT NULL,
    node BLOB NOT NULL,
    node_name TEXT,
    resource BLOB NOT NULL,
    resource_label TEXT
) STRICT;

-- The inventory: one table for each section, one column for each field of its rows
-- (lib/model/sections.h); `hash` is that of the row without its volatile fields, and stands near the
-- front because it is all that a start reads.

CREATE TABLE system (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    hostname TEXT,
    product_uuid TEXT,
    vendor TEXT,
    product_name TEXT,
    product_serial TEXT,
    bios_version TEXT,
    boot_id TEXT,
    kernel_release TEXT,
    kernel_version TEXT,
    machine TEXT,
    os TEXT,
    hypervisor TEXT,
    xen_version TEXT,
    dom0 INTEGER,
    memory_total_bytes INTEGER,
    memory_physical_bytes INTEGER,
    memory_available_bytes INTEGER,
    swap_total_bytes INTEGER,
    lowest_mac TEXT,
    uptime_ms INTEGER,
    probe_version TEXT,
    PRIMARY KEY (node_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE cpu (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    vendor TEXT,
    family INTEGER,
    model INTEGER,
    stepping INTEGER,
    model_name TEXT,
    microcode TEXT,
    sockets INTEGER,
    cores INTEGER,
    threads INTEGER,
    numa_nodes INTEGER,
    tsc_khz INTEGER,
    tsc_invariant INTEGER,
    clocksource TEXT,
    flags TEXT,
    featureset_raw TEXT,
    featureset_host TEXT,
    featureset_hvm TEXT,
    featureset_hvm_max TEXT,
    source TEXT,
    PRIMARY KEY (node_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE nic (
    node_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash INTEGER NOT NULL,
    ifindex INTEGER,
    kind TEXT,
    mac TEXT,
    permanent_mac TEXT,
    mtu_bytes INTEGER,
    admin_up INTEGER,
    carrier INTEGER,
    operstate TEXT,
    speed_mbps INTEGER,
    duplex TEXT,
    autoneg INTEGER,
    port TEXT,
    driver TEXT,
    driver_version TEXT,
    firmware TEXT,
    bus_address TEXT,
    pci_address TEXT,
    numa_node INTEGER,
    sriov_total INTEGER,
    sriov_configured INTEGER,
    master TEXT,
    alias TEXT,
    altnames TEXT,
    bond_state TEXT,
    bond_mii_status TEXT,
    bond_aggregator_id INTEGER,
    bond_link_failures INTEGER,
    carrier_changes INTEGER,
    paths_active INTEGER,
    paths_total INTEGER,
    rx_bytes INTEGER,
    rx_packets INTEGER,
    rx_errors INTEGER,
    rx_dropped INTEGER,
    tx_bytes INTEGER,
    tx_packets INTEGER,
    tx_errors INTEGER,
    tx_dropped INTEGER,
    PRIMARY KEY (node_no, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE bond (
    node_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash INTEGER NOT NULL,
    ifindex INTEGER,
    mode TEXT,
    mac TEXT,
    mtu_bytes INTEGER,
    admin_up INTEGER,
    carrier INTEGER,
    operstate TEXT,
    slaves TEXT,
    active_slave TEXT,
    primary_slave TEXT,
    miimon_ms INTEGER,
    xmit_hash_policy TEXT,
    lacp_rate TEXT,
    min_links INTEGER,
    aggregator_id INTEGER,
    aggregator_ports INTEGER,
    partner_mac TEXT,
    speed_mbps INTEGER,
    master TEXT,
    alias TEXT,
    paths_active INTEGER,
    paths_total INTEGER,
    PRIMARY KEY (node_no, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE vlan (
    node_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash INTEGER NOT NULL,
    ifindex INTEGER,
    link TEXT,
    base_link TEXT,
    tags TEXT,
    vlan_id INTEGER,
    protocol TEXT,
    mac TEXT,
    mtu_bytes INTEGER,
    admin_up INTEGER,
    carrier INTEGER,
    operstate TEXT,
    master TEXT,
    alias TEXT,
    paths_active INTEGER,
    paths_total INTEGER,
    PRIMARY KEY (node_no, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE bridge (
    node_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash INTEGER NOT NULL,
    ifindex INTEGER,
    mac TEXT,
    mtu_bytes INTEGER,
    admin_up INTEGER,
    carrier INTEGER,
    operstate TEXT,
    ports TEXT,
    stp INTEGER,
    vlan_filtering INTEGER,
    vlan_protocol TEXT,
    default_pvid INTEGER,
    bridge_id TEXT,
    root_id TEXT,
    ageing_ms INTEGER,
    forward_delay_ms INTEGER,
    alias TEXT,
    PRIMARY KEY (node_no, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE lldp (
    node_no INTEGER NOT NULL,
    key TEXT NOT NULL,
    hash INTEGER NOT NULL,
    interface TEXT,
    chassis_id TEXT,
    chassis_name TEXT,
    chassis_descr TEXT,
    port_id TEXT,
    port_descr TEXT,
    ttl_s INTEGER,
    pvid INTEGER,
    vlans TEXT,
    aggregated INTEGER,
    management_addresses TEXT,
    PRIMARY KEY (node_no, key)
) STRICT, WITHOUT ROWID;

CREATE VIEW matrix AS
-- The matrix as it was last reported. NO LIVENESS: whether a node is up, and whether an edge is
-- unknown or stuck, is known to the running coordinator alone (`muster matrix`).
SELECT
    node.name AS node,
    CASE resource.kind WHEN 1 THEN 'network' ELSE CAST(resource.kind AS TEXT) END AS kind,
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
