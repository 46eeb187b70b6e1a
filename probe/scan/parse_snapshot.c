/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/parse_snapshot.h"

#include <inttypes.h>
#include <stdio.h>

#include "scan/limits.h"

enum { SECTOR = 512 };

void snapshot_name(uint64_t token, char out[SNAPSHOT_NAME_BYTES])
{
    snprintf(out, SNAPSHOT_NAME_BYTES, "muster-scan-%" PRIu64, token);
}

void snapshot_uuid(uint64_t token, char out[SNAPSHOT_NAME_BYTES])
{
    snprintf(out, SNAPSHOT_NAME_BYTES, "MUSTER-scan-%" PRIu64, token);
}

/* Each chunk is written once at most, so no more than the device has is ever needed. */
uint64_t snapshot_memory_bytes(uint64_t size_bytes, uint64_t available)
{
    uint64_t bytes = available / SNAPSHOT_SHARE;

    if (bytes < SNAPSHOT_MEMORY_LEAST)
        return 0;
    if (bytes > SNAPSHOT_MEMORY_MOST)
        bytes = SNAPSHOT_MEMORY_MOST;
    if (bytes > size_bytes)
        bytes = size_bytes;
    return (bytes + SNAPSHOT_CHUNK_BYTES - 1) / SNAPSHOT_CHUNK_BYTES * SNAPSHOT_CHUNK_BYTES;
}

uint64_t snapshot_available(struct bytes meminfo)
{
    static const char name[] = "MemAvailable:";
    struct bytes line, word;

    while (bytes_line(&meminfo, &line)) {
        struct opt kib;

        if (!bytes_word(&line, " ", &word) || !bytes_equal(word, name))
            continue;
        line = bytes_trim(line);
        kib = bytes_word(&line, " ", &word) ? bytes_number(word, 10) : (struct opt){ .has = false };
        return kib.has && kib.v <= UINT64_MAX / 1024 ? kib.v * 1024 : 0;
    }
    return 0;
}

/* N: what it takes is not to outlive it. Chunks in sectors. */
void snapshot_table(const struct snapshot_devices *of, char out[SNAPSHOT_TABLE_BYTES])
{
    snprintf(out, SNAPSHOT_TABLE_BYTES, "%u:%u %u:%u N %d", of->origin_major, of->origin_minor,
             of->memory_major, of->memory_minor, SNAPSHOT_CHUNK_BYTES / SECTOR);
}

enum snapshot_state parse_snapshot_status(struct bytes params, uint64_t *used_bytes)
{
    struct bytes word, used;
    struct opt n;

    *used_bytes = 0;
    params = bytes_trim(params);
    if (!bytes_word(&params, " ", &word))
        return SNAPSHOT_UNKNOWN;
    if (bytes_equal(word, "Invalid") || bytes_equal(word, "Overflow"))
        return SNAPSHOT_FULL;
    if (!bytes_word(&word, "/", &used) || !bytes_number(word, 10).has)
        return SNAPSHOT_UNKNOWN;
    n = bytes_number(used, 10);
    if (!n.has || n.v > UINT64_MAX / SECTOR)
        return SNAPSHOT_UNKNOWN;
    *used_bytes = n.v * SECTOR;
    return SNAPSHOT_GOOD;
}
