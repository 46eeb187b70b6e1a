/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/limits.h"
#include "collect/collect.h"
#include "collect/parse_system.h"
#include "support/support.h"

static struct arena *a;

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(system, .init = set_up, .fini = tear_down);

#define TEXT(s)                             \
    {                                       \
        (const uint8_t *)(s), sizeof(s) - 1 \
    }

static struct section sections[SECTION_COUNT];

/* Collects from files below tests/captures/system/NAME; what is of this very machine (links,
 * uptime) is taken out. */
static const struct system *collect_from(const char *name, size_t *count)
{
    struct collect_request req = { .sys_root =
                                       arena_printf(a, "%s/captures/system/%s", TEST_DATA, name) };
    struct err e = { "" };
    struct bytes memory;
    struct system *s;

    cr_assert_eq(collect_run(WORKER_SYSTEM, &req, a, sections, count, &memory, &e), 0, "%s",
                 e.text);
    cr_assert_eq(*count, 2);
    s = sections[0].rows;
    cr_assert_str_eq(s->probe_version, MUSTER_VERSION);
    REC_CLEAR(s, system, probe_version); /* golden files outlive it */
    REC_CLEAR(s, system, lowest_mac);
    REC_CLEAR(s, system, uptime_ms);
    return s;
}

static void check_golden(const char *name)
{
    struct buf out = { 0 };
    struct err e;
    size_t count;

    collect_from(name, &count);
    cr_assert_eq(sections_json(sections, count, a, &out, &e), 0);
    cr_assert(golden_matches(arena_printf(a, "system-%s.json", name), buf_cstr(&out)));
    buf_deinit(&out);
}

Test(system, golden_files)
{
    check_golden("lab-b");
    check_golden("lab-dom0");
}

Test(system, a_plain_host)
{
    size_t count;
    const struct system *s = collect_from("lab-b", &count);
    const struct cpu *c = sections[1].rows;

    cr_assert_eq(sections[0].id, SECTION_SYSTEM);
    cr_assert_eq(sections[0].status, SECTION_OK);
    cr_assert_str_eq(s->product_uuid, "6f2c1a58-7b0e-4c39-9d42-5e8a10b3c7d3");
    cr_assert_str_eq(s->product_serial, "LAB0003");
    cr_assert_str_eq(s->hypervisor, "none");
    cr_assert(REC_HAS(s, system, dom0) && !s->dom0);
    cr_assert_not(REC_HAS(s, system, xen_version));
    cr_assert_eq(s->memory_physical_bytes, UINT64_C(12) << 27);
    cr_assert_eq(c->sockets, 2);
    cr_assert_eq(c->cores, 2);
    cr_assert_eq(c->threads, 4);
    cr_assert_eq(c->numa_nodes, 2);
    cr_assert_str_eq(c->source, "cpuinfo");
}

Test(system, dom0_does_not_speak_of_the_machines_topology_or_memory)
{
    size_t count;
    const struct system *s = collect_from("lab-dom0", &count);
    const struct cpu *c = sections[1].rows;

    cr_assert_str_eq(s->hypervisor, "xen");
    cr_assert_str_eq(s->xen_version, "4.17.7");
    cr_assert(s->dom0);
    cr_assert_not(REC_HAS(s, system, memory_physical_bytes));
    cr_assert_not(REC_HAS(c, cpu, sockets));
    cr_assert_not(REC_HAS(c, cpu, cores));
    cr_assert_not(REC_HAS(c, cpu, threads));
    cr_assert_not(REC_HAS(c, cpu, numa_nodes));
    cr_assert_str_eq(c->clocksource, "xen");
    cr_assert_str_eq(c->source, "cpuinfo");
}

static const char *lscpu_value(const json_t *list, const char *field)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);

        if (strcmp(json_string_value(json_object_get(entry, "field")), field) == 0)
            return json_string_value(json_object_get(entry, "data"));
    }
    cr_assert_fail("lscpu has no %s", field);
    return NULL;
}

Test(system, lscpu_of_the_same_moment_agrees)
{
    struct bytes b = capture(a, "system/lab-b/lscpu.json");
    json_t *root = json_loadb((const char *)b.p, b.n, 0, NULL);
    const json_t *list = json_object_get(root, "lscpu");
    const struct cpu *c;
    size_t count;

    collect_from("lab-b", &count);
    c = sections[1].rows;
    cr_assert_str_eq(c->vendor, lscpu_value(list, "Vendor ID:"));
    cr_assert_str_eq(c->model_name, lscpu_value(list, "Model name:"));
    cr_assert_str_eq(arena_printf(a, "%lu", c->sockets), lscpu_value(list, "Socket(s):"));
    cr_assert_str_eq(arena_printf(a, "%lu", c->threads), lscpu_value(list, "CPU(s):"));
    cr_assert_str_eq(arena_printf(a, "%lu", c->numa_nodes), lscpu_value(list, "NUMA node(s):"));
    cr_assert_str_eq(arena_printf(a, "%lu", c->family), lscpu_value(list, "CPU family:"));
    cr_assert_str_eq(arena_printf(a, "%lu", c->model), lscpu_value(list, "Model:"));
    cr_assert_str_eq(arena_printf(a, "%lu", c->stepping), lscpu_value(list, "Stepping:"));
    json_decref(root);
}

Test(system, nothing_to_read_fails_both_sections_with_a_text)
{
    struct collect_request req = { .sys_root = "/nonexistent" };
    struct err e = { "" };
    struct bytes memory;
    size_t count;

    cr_assert_eq(collect_run(WORKER_SYSTEM, &req, a, sections, &count, &memory, &e), 0);
    cr_assert_eq(sections[0].status, SECTION_FAILED);
    cr_assert_str_eq(sections[0].status_text, "/proc/sys/kernel/random/boot_id cannot be read");
    cr_assert_eq(sections[0].row_count, 0);
    cr_assert_eq(sections[1].status, SECTION_FAILED);
}

static struct system system_of(struct system_input in)
{
    struct rows r = { .a = a };
    struct system s = { .present = 0 };

    parse_system(&r, &in, &s);
    cr_assert_not(r.failed);
    return s;
}

Test(system, os_release_quoting)
{
    static const struct {
        const char *file, *os;
    } cases[] = {
        { "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n", "Debian GNU/Linux 12 (bookworm)" },
        { "NAME=x\nPRETTY_NAME='Plain $HOME \\ text'\n", "Plain $HOME \\ text" },
        { "PRETTY_NAME=Bare\nVERSION=1\n", "Bare" },
        { "PRETTY_NAME=\"with \\\"quotes\\\" and \\$\" # rest\n", "with \"quotes\" and $" },
        { "PRETTY_NAME=\"never closed", "never closed" },
        { "PRETTY_NAME=\"\"\n", NULL },
        { "NAME=\"x\"\n", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct system s = system_of(
            (struct system_input){ .file = { [FILE_OS_RELEASE] = bytes_of(cases[i].file) } });

        if (cases[i].os == NULL)
            cr_expect_not(REC_HAS(&s, system, os), "%s", cases[i].file);
        else
            cr_expect_str_eq(s.os, cases[i].os);
    }
}

Test(system, smbios_text_is_cleaned_and_blanks_are_no_value)
{
    struct system s =
        system_of((struct system_input){ .file = {
                                             [FILE_VENDOR] = TEXT("  ACME\xff Inc. \n"),
                                             [FILE_PRODUCT_SERIAL] = TEXT("   \n"),
                                             [FILE_HOSTNAME] = TEXT("(none)\n"),
                                         } });

    cr_assert_str_eq(s.vendor, "ACME\\xff Inc.");
    cr_assert_not(REC_HAS(&s, system, product_serial));
    cr_assert_not(REC_HAS(&s, system, hostname));
}

Test(system, dom0_is_known_without_xenfs_too)
{
    struct system_input in = { .file = { [FILE_HYPERVISOR_TYPE] = TEXT("xen\n") } };
    struct system s = system_of(in);

    cr_assert_not(REC_HAS(&s, system, dom0), "nothing tells");
    in.file[FILE_XEN_UUID] = (struct bytes)TEXT("00000000-0000-0000-0000-000000000000\n");
    cr_assert(system_of(in).dom0);
    in.file[FILE_XEN_UUID] = (struct bytes)TEXT("a8b1cdd0-1111-2222-3333-444455556666\n");
    s = system_of(in);
    cr_assert(REC_HAS(&s, system, dom0) && !s.dom0);
    in.file[FILE_XEN_CAPABILITIES] = (struct bytes)TEXT("control_d\n");
    cr_assert(system_of(in).dom0);
}

Test(system, meminfo_numbers)
{
    struct system s = system_of((struct system_input){
        .file = { [FILE_MEMINFO] =
                      TEXT("MemTotal:  1024 kB\nMemAvailable: 18446744073709551615 kB\n"
                           "SwapTotal: 7 MB\nMemFree: 1 kB\n") } });

    cr_assert_eq(s.memory_total_bytes, 1u << 20);
    cr_assert_not(REC_HAS(&s, system, memory_available_bytes), "too large to be true");
    cr_assert_not(REC_HAS(&s, system, swap_total_bytes), "not in the kernel's unit");
}

Test(system, kernel_lists)
{
    static const struct {
        const char *list;
        bool has;
        uint64_t n;
    } cases[] = { { "0\n", true, 1 },
                  { "0-3\n", true, 4 },
                  { "0-1,4,6-9", true, 7 },
                  { "", false, 0 },
                  { "3-1", false, 0 },
                  { "x", false, 0 },
                  { "0-99999999999", false, 0 },
                  { "1,,2", false, 0 } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct opt n = list_count(bytes_of(cases[i].list));

        cr_expect_eq(n.has, cases[i].has, "%s", cases[i].list);
        cr_expect(!n.has || n.v == cases[i].n, "%s: %lu", cases[i].list, n.v);
    }
}

Test(system, flags_are_sorted_and_give_the_invariant_tsc)
{
    struct system_input in = { .file = { [FILE_CPUINFO] = TEXT(
                                             "flags\t\t: nonstop_tsc aes constant_tsc aes\n") } };
    struct rows r = { .a = a };
    struct cpu c = { .present = 0 };

    parse_cpu(&r, &in, &c);
    cr_assert_eq(c.flags.n, 3);
    cr_assert_str_eq(c.flags.v[0], "aes");
    cr_assert(c.tsc_invariant);
    in.file[FILE_CPUINFO] = (struct bytes)TEXT("flags : constant_tsc\n");
    c = (struct cpu){ .present = 0 };
    parse_cpu(&r, &in, &c);
    cr_assert(REC_HAS(&c, cpu, tsc_invariant) && !c.tsc_invariant);
}

Test(system, tsc_rate_from_the_kernels_scale)
{
    /* A 2,445.424 MHz TSC has the scale 10^6 / 2445424 in 32 bits of fraction. */
    cr_assert_eq(tsc_khz_of((uint32_t)((UINT64_C(1000000) << 32) / 2445424), 32).v, 2445424);
    cr_assert_eq(tsc_khz_of(1000000, 0).v, 1);
    cr_assert_not(tsc_khz_of(0, 32).has);
    cr_assert_not(tsc_khz_of(1, 44).has);
    cr_assert(tsc_khz_of(UINT32_MAX, 43).has);
}

Test(system, needs_of_the_kinds)
{
    cr_assert(collect_needs_root(WORKER_SYSTEM));
    cr_assert_not(collect_needs_root(WORKER_NET));
    cr_assert_not(collect_needs_root(WORKER_LLDP));
}
