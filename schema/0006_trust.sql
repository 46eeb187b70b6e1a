-- SPDX-License-Identifier: GPL-2.0-or-later
-- Quarantined edges: what a node says that it sees, and found otherwise when it was to read it.
ALTER TABLE edge ADD COLUMN distrust TEXT; -- what was found; NULL: it is believed
ALTER TABLE edge ADD COLUMN distrusted INTEGER NOT NULL DEFAULT 0; -- since when

-- Jobs that were not made, since there were too many.
ALTER TABLE task ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;

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
    CASE WHEN edge.state = 3 THEN 'lost' WHEN edge.distrust IS NOT NULL THEN 'quarantined'
        WHEN edge.state = 1 THEN 'ok' WHEN edge.state = 2 THEN 'degraded' END AS state,
    edge.paths_active AS paths_active,
    edge.paths_total AS paths_total,
    edge.paths_had AS paths_had,
    strftime('%Y-%m-%dT%H:%M:%fZ', edge.since / 1000.0, 'unixepoch') AS since,
    edge.distrust AS distrust
FROM edge
JOIN node ON node.no = edge.node_no
JOIN resource ON resource.no = edge.resource_no;
