/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sanitizer makes the longest tests several times as slow, so there they do a share: as many kinds
 * of things, each less often. The build without one does all, and so does MUSTER_LONG. */
#ifndef MUSTER_TESTS_SHARE_H
#define MUSTER_TESTS_SHARE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline bool does_all(void)
{
#ifdef __SANITIZE_ADDRESS__
    return getenv("MUSTER_LONG") != NULL;
#else
    return true;
#endif
}

/* How often a thing is done that is done `all` times; says so when that is less. */
static inline unsigned share_of(unsigned all, unsigned sanitized, const char *what)
{
    if (does_all() || sanitized >= all)
        return all;
    fprintf(stderr, "# under the sanitizer: %u of %u %s\n", sanitized, all, what);
    return sanitized;
}

/* Of what is gone through one by one: only each `sanitized`th is taken. */
static inline unsigned stride_of(unsigned sanitized, const char *what)
{
    if (does_all() || sanitized <= 1)
        return 1;
    fprintf(stderr, "# under the sanitizer: one %s of %u\n", what, sanitized);
    return sanitized;
}

#endif
