-- SPDX-License-Identifier: GPL-2.0-or-later
-- Of a node, its rows of section, sighting, edge and the inventory as far as a start reads them, in
-- one piece (coordinator/core/pack.h), so that a start need not read them one by one. Whoever
-- changes such a row deletes the node's pack in the same transaction; one that is missing is made
-- of the rows. A migration that changes these tables deletes all packs.
CREATE TABLE node_pack (
    node_no INTEGER PRIMARY KEY,
    sum INTEGER NOT NULL, -- of the body: pack_sum()
    body BLOB NOT NULL
) STRICT;
