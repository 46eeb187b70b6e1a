/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks Xen by its own library, which is loaded by name: the libraries of one release speak to the
 * hypervisor of that release alone, and hosts without Xen have neither. */
#ifndef MUSTER_COLLECT_READ_XEN_H
#define MUSTER_COLLECT_READ_XEN_H

#include "base/err.h"
#include "collect/parse_xen.h"

enum {
    XEN_NAMES_MS = 1000, /* for all that is asked of xenstore */
};

/* Loads the library and opens the way to the hypervisor, which a confined worker cannot. Why it
 * cannot be asked, read_xen tells. */
void read_xen_open(void);

/* 0 or a negative errno with a sentence. */
int read_xen(struct arena *a, struct xen_machine *out, struct err *e);

/* All domains, at most LIMIT_ROWS_DOMAINS and then *cut, without their names. 0 or a negative errno
 * with a sentence. */
int read_domains(struct arena *a, struct xen_domain **out, size_t *n, bool *cut, struct err *e);

/* Their names, asked of xenstore over `fd` (xenstore.h), for `limit_ms` at most in all. 0, or a
 * negative errno with a sentence: those that are not known then have none. */
int read_domain_names(int fd, int limit_ms, struct arena *a, struct xen_domain *domains, size_t n,
                      struct err *e);

#endif
