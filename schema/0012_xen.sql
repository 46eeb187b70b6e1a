-- SPDX-License-Identifier: GPL-2.0-or-later
-- What Xen says of the machine, and its domains. The featuresets were never in the section cpu.
ALTER TABLE cpu DROP COLUMN featureset_raw;
ALTER TABLE cpu DROP COLUMN featureset_host;
ALTER TABLE cpu DROP COLUMN featureset_hvm;
ALTER TABLE cpu DROP COLUMN featureset_hvm_max;

CREATE TABLE xen (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    guest_kinds TEXT,
    memory_physical_bytes INTEGER,
    memory_free_bytes INTEGER,
    sockets INTEGER,
    cores INTEGER,
    threads INTEGER,
    numa_nodes INTEGER,
    cpu_khz INTEGER,
    hvm INTEGER,
    hap INTEGER,
    iommu INTEGER,
    featureset_raw TEXT,
    featureset_host TEXT,
    featureset_pv TEXT,
    featureset_hvm TEXT,
    featureset_pv_max TEXT,
    featureset_hvm_max TEXT,
    features_raw TEXT,
    features_host TEXT,
    features_pv_max TEXT,
    features_hvm_max TEXT,
    PRIMARY KEY (node_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE domain (
    node_no INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    domid TEXT NOT NULL,
    name TEXT,
    uuid TEXT,
    kind TEXT,
    state TEXT,
    vcpus INTEGER,
    memory_max_bytes INTEGER,
    memory_bytes INTEGER,
    cpu_time_ms INTEGER,
    PRIMARY KEY (node_no, domid)
) STRICT, WITHOUT ROWID;
