/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_system.h"

#include "base/limits.h"

bool system_is_xen(const struct system_input *in)
{
    return bytes_equal(bytes_trim(in->file[FILE_HYPERVISOR_TYPE]), "xen");
}

static const char *file_text(struct rows *r, const struct system_input *in, enum system_file f)
{
    return rows_text(r, in->file[f]);
}

/* "(none)" is what the kernel calls a host that nobody has named. */
static const char *hostname(struct rows *r, const struct system_input *in)
{
    const char *name = file_text(r, in, FILE_HOSTNAME);

    return name != NULL && strcmp(name, "(none)") == 0 ? NULL : name;
}

/* A value of os-release(5): plain, or in single or double quotes, with backslashes in the latter.
 */
static const char *unquoted(struct rows *r, struct bytes value)
{
    uint8_t *out = arena_alloc(r->a, value.n + 1);
    uint8_t quote = value.n > 0 && (value.p[0] == '"' || value.p[0] == '\'') ? value.p[0] : 0;
    size_t n = 0;

    if (out == NULL) {
        r->failed = true;
        return NULL;
    }
    for (size_t i = quote != 0; i < value.n; i++) {
        if (quote != 0 && value.p[i] == quote)
            break;
        if (quote != '\'' && value.p[i] == '\\' && i + 1 < value.n)
            i++;
        out[n++] = value.p[i];
    }
    return rows_text(r, (struct bytes){ out, n });
}

/* 4, 17 and ".4" make "4.17.4". */
static const char *xen_version(struct rows *r, const struct system_input *in)
{
    const char *major = file_text(r, in, FILE_XEN_MAJOR);
    const char *minor = file_text(r, in, FILE_XEN_MINOR);
    const char *extra = file_text(r, in, FILE_XEN_EXTRA);

    if (major == NULL || minor == NULL)
        return NULL;
    return rows_printf(r, "%s.%s%s", major, minor, extra == NULL ? "" : extra);
}

/* xenfs may not be mounted; the control domain's UUID is all zeros. */
static struct opt is_dom0(const struct system_input *in)
{
    struct bytes capabilities = in->file[FILE_XEN_CAPABILITIES], word;
    struct bytes uuid = bytes_trim(in->file[FILE_XEN_UUID]);

    if (!system_is_xen(in))
        return (struct opt){ true, false };
    while (bytes_word(&capabilities, ", \n", &word)) {
        if (bytes_equal(word, "control_d"))
            return (struct opt){ true, true };
    }
    if (in->file[FILE_XEN_CAPABILITIES].p == NULL && uuid.n == 0)
        return (struct opt){ .has = false };
    return (struct opt){ true, bytes_equal(uuid, "00000000-0000-0000-0000-000000000000") };
}

bool system_is_guest(const struct system_input *in)
{
    struct opt dom0 = is_dom0(in);

    return system_is_xen(in) && dom0.has && dom0.v == 0;
}

/* A line such as "MemTotal:  24684096 kB" in bytes. */
static struct opt meminfo_bytes(const struct system_input *in, const char *name)
{
    struct bytes value = bytes_value(in->file[FILE_MEMINFO], name, ':'), word;
    struct opt number = { .has = false };

    if (bytes_word(&value, " ", &word) && bytes_equal(bytes_trim(value), "kB"))
        number = bytes_number(word, 10);
    if (number.v > UINT64_MAX / 1024)
        number.has = false;
    number.v *= 1024;
    return number;
}

/* Under Xen this kernel has only its own share, so only Xen can tell. Elsewhere the memory blocks
 * are what the firmware gave, in steps of a block. */
static struct opt physical_bytes(const struct system_input *in)
{
    struct opt size = bytes_number(in->file[FILE_MEMORY_BLOCK_SIZE], 16);
    struct opt none = { .has = false };

    if (system_is_xen(in) || !size.has || !in->memory_blocks.has || in->memory_blocks.v == 0)
        return none;
    if (size.v > UINT64_MAX / in->memory_blocks.v)
        return none;
    return (struct opt){ true, size.v * in->memory_blocks.v };
}

void parse_system(struct rows *r, const struct system_input *in, struct system *row)
{
    ROW_TEXT(row, system, hostname, hostname(r, in));
    ROW_TEXT(row, system, product_uuid, file_text(r, in, FILE_PRODUCT_UUID));
    ROW_TEXT(row, system, vendor, file_text(r, in, FILE_VENDOR));
    ROW_TEXT(row, system, product_name, file_text(r, in, FILE_PRODUCT_NAME));
    ROW_TEXT(row, system, product_serial, file_text(r, in, FILE_PRODUCT_SERIAL));
    ROW_TEXT(row, system, bios_version, file_text(r, in, FILE_BIOS_VERSION));
    ROW_TEXT(row, system, boot_id, file_text(r, in, FILE_BOOT_ID));
    ROW_TEXT(row, system, kernel_release, file_text(r, in, FILE_KERNEL_RELEASE));
    ROW_TEXT(row, system, kernel_version, file_text(r, in, FILE_KERNEL_VERSION));
    ROW_TEXT(row, system, machine, file_text(r, in, FILE_MACHINE));
    ROW_TEXT(row, system, os,
             unquoted(r, bytes_value(in->file[FILE_OS_RELEASE], "PRETTY_NAME", '=')));
    REC_SET(row, system, hypervisor, system_is_xen(in) ? "xen" : "none");
    if (system_is_xen(in))
        ROW_TEXT(row, system, xen_version, xen_version(r, in));
    ROW_BOOL(row, system, dom0, is_dom0(in));
    ROW_U64(row, system, memory_total_bytes, meminfo_bytes(in, "MemTotal"));
    ROW_U64(row, system, memory_physical_bytes, physical_bytes(in));
    ROW_U64(row, system, memory_available_bytes, meminfo_bytes(in, "MemAvailable"));
    ROW_U64(row, system, swap_total_bytes, meminfo_bytes(in, "SwapTotal"));
    ROW_TEXT(row, system, lowest_mac, in->lowest_mac);
    ROW_U64(row, system, uptime_ms, in->uptime_ms);
    REC_SET(row, system, probe_version, MUSTER_VERSION);
}
