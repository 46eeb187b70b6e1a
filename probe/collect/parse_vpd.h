/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a LUN says of itself: SCSI vital product data (SPC-4 7.8.6, 7.8.10), and the order in which
 * one designator is chosen. Pure. */
#ifndef MUSTER_COLLECT_PARSE_VPD_H
#define MUSTER_COLLECT_PARSE_VPD_H

#include "collect/rows.h"

/* What names a LUN, the best first: the first kind that a LUN has is its identity. Longer names
 * that a registry vouches for go before shorter and freely chosen ones; two arrays may use one
 * locally assigned NAA, so that comes last. */
enum designator_kind {
    DESIGNATOR_NAA6,       /* NAA IEEE registered extended, 16 bytes */
    DESIGNATOR_NAA,        /* NAA IEEE extended and registered, 8 bytes */
    DESIGNATOR_EUI,        /* EUI-64 based; NVMe nguid and eui */
    DESIGNATOR_UUID,       /* RFC 4122; NVMe uuid */
    DESIGNATOR_T10,        /* T10 vendor ID based */
    DESIGNATOR_NVME,       /* made by the kernel of an NVMe device's vendor, serial and model */
    DESIGNATOR_NAA_LOCAL,  /* NAA locally assigned */
    DESIGNATOR_OTHER,      /* SCSI name string of another form: kept, never chosen */
    DESIGNATOR_KIND_COUNT, /* none */
};

struct designator {
    enum designator_kind kind;
    const char *text; /* "naa.6001405..." */
};

#define DESIGNATORS_MAX 40 /* of one path; a page has 3 to 6 */

struct designators {
    struct designator v[DESIGNATORS_MAX];
    size_t n;
};

/* Adds the logical unit's designators of a page 0x83, and takes from it where the path leads to. A
 * designator that goes beyond the page ends it. */
void parse_vpd83(struct rows *r, struct bytes page, struct designators *out,
                 struct opt *relative_port, struct opt *target_port_group);
/* The serial number of a page 0x80; NULL: none. */
const char *parse_vpd80(struct rows *r, struct bytes page);

/* Adds what the kernel wrote: "naa.", "eui.", "t10.", "uuid." or "nvme." and the rest. */
void designator_add(struct rows *r, struct designators *out, struct bytes text);
/* The one to know the LUN by: of the best kind, of several of a kind the longest, of those the
 * first in the order of bytes. NULL: there is none. */
const struct designator *designator_best(const struct designators *d);
/* "naa", "eui", "t10", "uuid" or "nvme", of one that may be chosen. */
const char *designator_class(const struct designator *d);

#endif
