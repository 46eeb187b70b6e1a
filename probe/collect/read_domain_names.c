/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "collect/read_xen.h"
#include "collect/xenstore.h"

int read_domain_names(int fd, int limit_ms, struct arena *a, struct xen_domain *domains, size_t n,
                      struct err *e)
{
    struct xenstore s;
    int rc = 0;

    xenstore_start(&s, fd, limit_ms, a, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        char path[XENSTORE_PATH_BYTES];

        snprintf(path, sizeof path, "/local/domain/%u/name", domains[i].domid);
        rc = xenstore_value(&s, path, &domains[i].name);
    }
    return rc;
}
