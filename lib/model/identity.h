/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a machine is (docs/ARCHITECTURE.md section 1). */
#ifndef MUSTER_MODEL_IDENTITY_H
#define MUSTER_MODEL_IDENTITY_H

#include "base/err.h"
#include "base/types.h"

/* True for UUIDs that firmware ships by the thousand: all zeros, all ones, the well-known vendor
 * defaults (03000200-0400-0500-0006-000700080009, 12345678-..., ...). */
bool identity_uuid_is_placeholder(uuid128 u);

/* The node id: the configured one; else the SMBIOS product UUID unless it is a placeholder; else
 * UUIDv5 of the lowest permanent MAC. `source` becomes "configured", "smbios" or "mac".
 * 0, -EINVAL with a sentence (configured id is not a UUID), -ENOENT with one (nothing to go by).
 * Any of the three texts may be NULL. */
int identity_choose(const char *configured, const char *product_uuid, const char *lowest_mac,
                    uuid128 *out, const char **source, struct err *e);

#endif
