/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The migrations of schema/, embedded when muster is built. */
#ifndef MUSTER_STORE_SCHEMA_H
#define MUSTER_STORE_SCHEMA_H

extern const char *const schema_migrations[]; /* [v - 1] takes a database from v - 1 to v */
extern const int schema_version;              /* the newest */

#endif
