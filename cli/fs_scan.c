/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What scans have to do with a filesystem. */
#include "scan.h"

#include <inttypes.h>

bool lease_is_of(const struct lease_info *l, const struct resource_info *x)
{
    return l->resource != NULL && x->id != NULL && strcmp(l->resource, x->id) == 0;
}

/* "12 images" with the moment and the node, or why not. */
static void scanned_pair(struct text *t, const struct resource_info *x)
{
    const char *node = x->scan_node != NULL ? text_format(t, " by %s", x->scan_node) : "";
    char time[LOCAL_TIME_TEXT];

    if (x->scan == NULL) {
        text_pair(t, "scanned", "not yet");
        return;
    }
    text_pair(t, "scanned", "%s%s, %s%s%s", result_word(x->scan), node,
              REC_HAS(x, resource_info, scanned_ms) ? local_time(x->scanned_ms, time) : "-",
              x->scan_reason != NULL ? ": " : "", x->scan_reason != NULL ? x->scan_reason : "");
}

void admitted_text(struct text *t, const struct resource_info *x)
{
    if (x->admitted || x->scan != NULL) {
        text_pair(t, "admitted", "%s", x->admitted ? "yes" : "not any more");
        scanned_pair(t, x);
        text_pair(t, "images", "%" PRIu64, x->images);
    } else {
        text_pair(t, "admitted", "no: muster does not mount it");
    }
}

void leases_of_text(struct text *t, const struct reply *r, const struct resource_info *x)
{
    const struct lease_info *l = r->leases.v;

    for (size_t i = 0; i < r->leases.n; i++) {
        const char *left = age_text(t, REC_HAS(&l[i], lease_info, remaining_ms), l[i].remaining_ms);

        if (lease_is_of(&l[i], x))
            text_pair(t, lease_is(&l[i], "held") ? "hold" : "lease", "%s; token %s%s%s",
                      lease_text(t, &l[i]), l[i].token != NULL ? l[i].token : "?",
                      left != NULL ? ", " : "",
                      left != NULL ? text_format(t, "%s left", left) : "");
    }
}
