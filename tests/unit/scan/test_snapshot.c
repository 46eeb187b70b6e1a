/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The snapshot of a scan as text: names, sizes, table, and what the kernel says of it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "collect/parse_use.h"
#include "scan/limits.h"
#include "scan/parse_snapshot.h"

#define MIB (UINT64_C(1) << 20)

Test(snapshot, is_known_by_its_names)
{
    char name[SNAPSHOT_NAME_BYTES], uuid[SNAPSHOT_NAME_BYTES], memory[SNAPSHOT_NAME_BYTES + 32];

    snapshot_name(UINT64_MAX, name);
    cr_expect_str_eq(name, "muster-scan-18446744073709551615");
    snapshot_uuid(UINT64_MAX, uuid);
    cr_expect_str_eq(uuid, "MUSTER-scan-18446744073709551615");
    cr_expect(use_is_snapshot(uuid));
    cr_expect_not(use_is_snapshot("LVM-MUSTER-scan-1"));
    cr_expect_not(use_is_snapshot(""));
    /* As the kernel calls such a file. */
    snapshot_name(77, name);
    snprintf(memory, sizeof memory, "/memfd:%s (deleted)", name);
    cr_expect(use_is_scan_memory(bytes_of(memory)));
    cr_expect_not(use_is_scan_memory(bytes_of("/memfd:muster-other (deleted)")));
    cr_expect_not(use_is_scan_memory(bytes_of("/srv/memfd:muster-scan-77")));
    cr_expect_not(use_is_scan_memory(bytes_of("/memfd:muster-sc")));
    cr_expect_not(use_is_scan_memory((struct bytes){ NULL, 0 }));
}

Test(snapshot, memory_is_a_share_of_what_is_free_within_bounds)
{
    uint64_t least = (uint64_t)SNAPSHOT_MEMORY_LEAST * SNAPSHOT_SHARE;

    cr_expect_eq(snapshot_memory_bytes(1024 * MIB, least), SNAPSHOT_MEMORY_LEAST);
    cr_expect_eq(snapshot_memory_bytes(1024 * MIB, least - SNAPSHOT_SHARE), 0, "too little");
    cr_expect_eq(snapshot_memory_bytes(1024 * MIB, 0), 0);
    cr_expect_eq(snapshot_memory_bytes(UINT64_MAX, UINT64_MAX), SNAPSHOT_MEMORY_MOST);
    cr_expect_eq(snapshot_memory_bytes(1024 * MIB, 512 * MIB), 512 * MIB / SNAPSHOT_SHARE);
    cr_expect_eq(snapshot_memory_bytes(10 * MIB + 512, 1024 * MIB), 10 * MIB + 4096,
                 "never more than the device, in whole chunks");
    cr_expect_eq(snapshot_memory_bytes(1024 * MIB, 800 * MIB + 8 * 100) % SNAPSHOT_CHUNK_BYTES, 0);
}

Test(snapshot, free_memory_is_what_the_kernel_says)
{
    cr_expect_eq(snapshot_available(bytes_of("MemTotal:  2048 kB\nMemAvailable:     1500 kB\n")),
                 1500 * 1024);
    cr_expect_eq(snapshot_available(bytes_of("MemTotal: 2048 kB\nMemFree: 3 kB\n")), 0);
    cr_expect_eq(snapshot_available(bytes_of("MemAvailable: kB\n")), 0);
    cr_expect_eq(snapshot_available(bytes_of("MemAvailable:\n")), 0);
    cr_expect_eq(snapshot_available(bytes_of("MemAvailable: 18446744073709551615 kB")), 0);
    cr_expect_eq(snapshot_available(bytes_of("")), 0);
}

Test(snapshot, its_table_does_not_keep_what_it_takes)
{
    const struct snapshot_devices of = { 7, 3, 7, 1048575 };
    char table[SNAPSHOT_TABLE_BYTES];

    snapshot_table(&of, table);
    cr_expect_str_eq(table, "7:3 7:1048575 N 8");
    snapshot_table(&(struct snapshot_devices){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
                   table);
    cr_expect_str_eq(table, "4294967295:4294967295 4294967295:4294967295 N 8", "it is not cut");
}

static enum snapshot_state state(const char *text, uint64_t *used)
{
    return parse_snapshot_status(bytes_of(text), used);
}

Test(snapshot, one_that_is_full_says_so)
{
    static const char *const nonsense[] = {
        "", " ", "16", "/", "x/8192 0", "16/ 0", "-1/2", "18446744073709551615/2 0"
    };
    uint64_t used;

    cr_expect_eq(state("16/8192 0", &used), SNAPSHOT_GOOD);
    cr_expect_eq(used, 16 * 512);
    cr_expect_eq(state("8192/8192 0", &used), SNAPSHOT_GOOD, "full to the brim, and not over it");
    cr_expect_eq(state("Invalid", &used), SNAPSHOT_FULL);
    cr_expect_eq(used, 0);
    cr_expect_eq(state("Overflow", &used), SNAPSHOT_FULL);
    cr_expect_eq(state("Merge failed", &used), SNAPSHOT_UNKNOWN);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        cr_expect_eq(state(nonsense[i], &used), SNAPSHOT_UNKNOWN, "\"%s\"", nonsense[i]);
}
