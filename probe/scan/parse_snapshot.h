/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device-mapper snapshot of a scan, as text: what it is called, how large the memory for its
 * changes is, its table, and what the kernel says of it (drivers/md/dm-snap.c of Linux). Pure. */
#ifndef MUSTER_SCAN_PARSE_SNAPSHOT_H
#define MUSTER_SCAN_PARSE_SNAPSHOT_H

#include <stdint.h>

#include "collect/rows.h"

enum { SNAPSHOT_NAME_BYTES = 48, SNAPSHOT_TABLE_BYTES = 96 };

/* Of the scan under that token, and of the memory file that takes what is written. Others know the
 * file by its name, and the snapshot by its UUID: parse_use.h, use_is_scan_memory and
 * use_is_snapshot. */
void snapshot_name(uint64_t token, char out[SNAPSHOT_NAME_BYTES]);
void snapshot_uuid(uint64_t token, char out[SNAPSHOT_NAME_BYTES]);

/* Bytes for what is written to the snapshot of a device of `size_bytes`, where `available` bytes of
 * memory are free. 0: there is not enough. */
uint64_t snapshot_memory_bytes(uint64_t size_bytes, uint64_t available);
/* "MemAvailable" of /proc/meminfo in bytes; 0: it does not say. */
uint64_t snapshot_available(struct bytes meminfo);

/* Parameters of the target; numbers are those of stat(2), as major and minor. */
struct snapshot_devices {
    unsigned origin_major, origin_minor, memory_major, memory_minor;
};
void snapshot_table(const struct snapshot_devices *of, char out[SNAPSHOT_TABLE_BYTES]);

enum snapshot_state {
    SNAPSHOT_GOOD,
    SNAPSHOT_FULL,    /* it had to take more than its memory holds: all reads fail */
    SNAPSHOT_UNKNOWN, /* the text is not understood */
};
/* "USED/ALL METADATA" in sectors, "Invalid" or "Overflow". */
enum snapshot_state parse_snapshot_status(struct bytes params, uint64_t *used_bytes);

#endif
