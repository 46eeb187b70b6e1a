-- SPDX-License-Identifier: GPL-2.0-or-later
-- Which file this database is (store_home.c): a copy of it is another. No row: not known yet.
CREATE TABLE home (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    file TEXT NOT NULL
) STRICT;
