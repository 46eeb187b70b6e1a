/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of /proc, /sys or /etc: FUZZ_FILE says which. FILE_VENDOR stands for all of SMBIOS'
 * texts. */
#include "collect/parse_system.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64u << 20);
    struct bytes b = { data, size };
    struct cpu_place cpus[3] = { { b, b }, { bytes_of("0"), b }, { bytes_of("1"), bytes_of("0") } };
    struct system_input in = { .cpus = cpus, .cpu_count = ARRAY_LEN(cpus) };
    struct rows r = { .a = a };
    struct system system = { .present = 0 };
    struct cpu cpu = { .present = 0 };

    in.file[FUZZ_FILE] = b;
    if (FUZZ_FILE == FILE_VENDOR) {
        for (int i = FILE_PRODUCT_UUID; i <= FILE_BIOS_VERSION; i++)
            in.file[i] = b;
        in.file[FILE_CPU_ONLINE] = in.file[FILE_NODE_ONLINE] = b;
        in.file[FILE_XEN_MAJOR] = in.file[FILE_XEN_MINOR] = in.file[FILE_XEN_EXTRA] = b;
        in.file[FILE_MEMORY_BLOCK_SIZE] = b;
        in.memory_blocks = (struct opt){ true, size };
        if (size % 2 == 1)
            in.file[FILE_HYPERVISOR_TYPE] = bytes_of("xen");
    }
    parse_system(&r, &in, &system);
    parse_cpu(&r, &in, &cpu);
    if (!r.failed) {
        rows_are_good(a, SECTION_SYSTEM, &system, 1);
        rows_are_good(a, SECTION_CPU, &cpu, 1);
    }
    arena_free(a);
    return 0;
}
