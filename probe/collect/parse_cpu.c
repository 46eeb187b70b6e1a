/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/limits.h"
#include "collect/parse_system.h"

struct opt list_count(struct bytes list)
{
    struct opt out = { .has = false };
    struct bytes range, first_text;

    list = bytes_trim(list);
    while (bytes_word(&list, ",", &range)) {
        struct opt first, last;

        if (!bytes_word(&range, "-", &first_text))
            return (struct opt){ .has = false };
        first = bytes_number(first_text, 10);
        last = range.n == 0 ? first : bytes_number(range, 10);
        if (!first.has || !last.has || last.v < first.v || last.v > UINT32_MAX)
            return (struct opt){ .has = false };
        out.v += last.v - first.v + 1;
        out.has = true;
    }
    return out;
}

struct opt tsc_khz_of(uint32_t mult, uint16_t shift)
{
    if (mult == 0 || shift > 43) /* 10^6 << 43 is the last that fits */
        return (struct opt){ .has = false };
    return (struct opt){ true, ((UINT64_C(1000000) << shift) + mult / 2) / mult };
}

static int compare_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Different packages; absent when one processor's is not known. */
static struct opt count_packages(struct rows *r, const struct system_input *in)
{
    uint64_t *ids = rows_array(r, in->cpu_count, sizeof *ids), n = 0;

    if (ids == NULL || in->cpu_count == 0)
        return (struct opt){ .has = false };
    for (size_t i = 0; i < in->cpu_count; i++) {
        struct opt id = bytes_number(in->cpus[i].package, 10);

        if (!id.has)
            return (struct opt){ .has = false };
        ids[i] = id.v;
    }
    qsort(ids, in->cpu_count, sizeof *ids, compare_number);
    for (size_t i = 0; i < in->cpu_count; i++)
        n += i == 0 || ids[i] != ids[i - 1];
    return (struct opt){ true, n };
}

/* Threads of one core have the same list of siblings, and no other core has it. */
static struct opt count_cores(struct rows *r, const struct system_input *in)
{
    const char **lists = rows_array(r, in->cpu_count, sizeof *lists);

    if (lists == NULL || in->cpu_count == 0)
        return (struct opt){ .has = false };
    for (size_t i = 0; i < in->cpu_count; i++) {
        lists[i] = rows_text(r, in->cpus[i].siblings);
        if (lists[i] == NULL)
            return (struct opt){ .has = false };
    }
    return (struct opt){ true, rows_strs(lists, in->cpu_count).n };
}

/* The flags of the first processor. */
static struct strs read_flags(struct rows *r, struct bytes cpuinfo)
{
    struct bytes list = bytes_value(cpuinfo, "flags", ':'), word;
    const char **v = rows_array(r, LIMIT_STRINGS, sizeof *v);
    size_t n = 0;

    while (v != NULL && n < LIMIT_STRINGS && bytes_word(&list, " ", &word))
        v[n++] = rows_text(r, word);
    return v == NULL ? (struct strs){ NULL, 0 } : rows_strs(v, n);
}

static bool has_flag(const struct strs *flags, const char *name)
{
    for (size_t i = 0; i < flags->n; i++) {
        if (strcmp(flags->v[i], name) == 0)
            return true;
    }
    return false;
}

static void topology_fields(struct rows *r, const struct system_input *in, struct cpu *row)
{
    ROW_U64(row, cpu, sockets, count_packages(r, in));
    ROW_U64(row, cpu, cores, count_cores(r, in));
    ROW_U64(row, cpu, threads, list_count(in->file[FILE_CPU_ONLINE]));
    ROW_U64(row, cpu, numa_nodes, list_count(in->file[FILE_NODE_ONLINE]));
}

void parse_cpu(struct rows *r, const struct system_input *in, struct cpu *row)
{
    struct bytes info = in->file[FILE_CPUINFO];
    struct strs flags = read_flags(r, info);

    ROW_TEXT(row, cpu, vendor, rows_text(r, bytes_value(info, "vendor_id", ':')));
    ROW_U64(row, cpu, family, bytes_number(bytes_value(info, "cpu family", ':'), 10));
    ROW_U64(row, cpu, model, bytes_number(bytes_value(info, "model", ':'), 10));
    ROW_U64(row, cpu, stepping, bytes_number(bytes_value(info, "stepping", ':'), 10));
    ROW_TEXT(row, cpu, model_name, rows_text(r, bytes_value(info, "model name", ':')));
    ROW_TEXT(row, cpu, microcode, rows_text(r, bytes_value(info, "microcode", ':')));
    if (!system_is_xen(in))
        topology_fields(r, in, row);
    ROW_U64(row, cpu, tsc_khz, in->tsc_khz);
    ROW_TEXT(row, cpu, clocksource, rows_text(r, in->file[FILE_CLOCKSOURCE]));
    if (flags.n > 0) {
        REC_SET(row, cpu, tsc_invariant,
                has_flag(&flags, "constant_tsc") && has_flag(&flags, "nonstop_tsc"));
        REC_SET(row, cpu, flags, flags);
    }
    REC_SET(row, cpu, source, "cpuinfo");
}
