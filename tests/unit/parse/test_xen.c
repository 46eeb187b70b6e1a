/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>

#include "collect/collect.h"
#include "collect/parse_xen.h"
#include "support/support.h"

static struct arena *a;
static struct rows r;

static void set_up(void)
{
    a = arena_new(0);
    r = (struct rows){ .a = a };
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(xen, .init = set_up, .fini = tear_down);

static struct xen_featureset set_of(const char *text)
{
    struct xen_featureset f = { .n = 0 };
    struct bytes rest = bytes_of(text), word;

    while (bytes_word(&rest, ":", &word)) {
        struct opt v = bytes_number(word, 16);

        cr_assert(f.n < XEN_WORDS_MAX && v.has && v.v <= UINT32_MAX, "%s", text);
        f.words[f.n++] = (uint32_t)v.v;
    }
    return f;
}

static const char *joined(struct strs s)
{
    const char *out = "";

    for (size_t i = 0; i < s.n; i++)
        out = arena_printf(a, "%s%s%s", out, i == 0 ? "" : " ", s.v[i]);
    return out;
}

/* ---- featuresets ----------------------------------------------------------------------------- */

Test(xen, a_featureset_is_what_its_text_says)
{
    struct xen_featureset f = set_of("bfebfbff:77faf3bf:00000000:0000000f");

    cr_assert_eq(f.n, 4);
    cr_expect_eq(f.words[0], 0xbfebfbff);
    cr_expect_eq(f.words[3], 15);
    cr_expect_str_eq(featureset_text(&r, &f), "bfebfbff:77faf3bf:00000000:0000000f");
}

Test(xen, a_featureset_that_is_not_known)
{
    cr_expect_null(featureset_text(&r, &(struct xen_featureset){ .n = 0 }));
}

/* Names and bits of Intel's and AMD's manuals: CPUID 1.edx, 1.ecx, 0x80000001.edx and .ecx,
 * 0xd.eax, 7.ebx. */
Test(xen, features_have_xens_names)
{
    struct xen_featureset f = set_of("00000001:42000000:28100000:00000004:00000001:00200020");

    cr_expect_str_eq(joined(featureset_names(&r, &f)),
                     "aesni avx2 avx512-ifma fpu lm nx rdrand rdtscp svm xsaveopt");
}

Test(xen, a_bit_without_a_name_has_its_place)
{
    struct xen_featureset f = { .n = XEN_WORDS_MAX };

    f.words[0] = 1u << 10; /* never given to anything */
    f.words[XEN_WORDS_MAX - 1] = 1u << 31;
    cr_expect_str_eq(joined(featureset_names(&r, &f)), "0.10 63.31");
}

/* The last line of a set in xen-cpuid's output: those before are what Xen was built with. */
static struct xen_featureset captured(struct bytes text, const char *name)
{
    struct bytes line, last = { NULL, 0 };

    while (bytes_line(&text, &line)) {
        if (line.n > strlen(name) && memcmp(line.p, name, strlen(name)) == 0)
            last = (struct bytes){ line.p + strlen(name), line.n - strlen(name) };
    }
    cr_assert_not_null(last.p, "%s", name);
    return set_of(rows_text(&r, last));
}

static void check_golden(const char *name)
{
    static const char *const sets[] = { "Raw ",         "Host ",   "PV Default ",
                                        "HVM Default ", "PV Max ", "HVM Max " };
    struct bytes text = capture(a, arena_printf(a, "xen/%s.txt", name));
    struct xen_machine in = { .guest_kinds = bytes_of("xen-3.0-x86_64") };
    struct xen row = { .present = 0 };
    struct section s = { .id = SECTION_XEN, .status = SECTION_OK, .rows = &row, .row_count = 1 };
    struct buf out = { 0 };
    struct err e = { "" };

    for (int i = 0; i < XEN_SET_COUNT; i++)
        in.sets[i] = captured(text, sets[i]);
    parse_xen(&r, &in, &row);
    cr_assert_not(r.failed);
    cr_assert_eq(sections_json(&s, 1, a, &out, &e), 0, "%s", e.text);
    cr_expect(golden_matches(arena_printf(a, "xen-%s.json", name), buf_cstr(&out)));
    buf_deinit(&out);
}

Test(xen, golden_files)
{
    check_golden("max");
    check_golden("less");
}

/* ---- the machine ----------------------------------------------------------------------------- */

Test(xen, a_machine)
{
    struct xen_machine in = { .guest_kinds = bytes_of("xen-3.0-x86_64 hvm-3.0-x86_64 "),
                              .total_pages = 262000,
                              .free_pages = 1000,
                              .cpus = 32,
                              .nodes = 2,
                              .threads_per_core = 2,
                              .cores_per_socket = 8,
                              .cpu_khz = 2400000,
                              .capabilities = XEN_CAN_HVM | XEN_CAN_HAP };
    struct xen row = { .present = 0 };

    in.sets[XEN_HOST] = set_of("00000001");
    in.sets[XEN_HVM_MAX] = set_of("00000000");
    parse_xen(&r, &in, &row);
    cr_assert_not(r.failed);
    cr_expect_str_eq(joined(row.guest_kinds), "hvm-3.0-x86_64 xen-3.0-x86_64");
    cr_expect_eq(row.memory_physical_bytes, 262000u * 4096u);
    cr_expect_eq(row.memory_free_bytes, 1000u * 4096u);
    cr_expect_eq(row.sockets, 2);
    cr_expect_eq(row.cores, 16);
    cr_expect_eq(row.threads, 32);
    cr_expect_eq(row.numa_nodes, 2);
    cr_expect_eq(row.cpu_khz, 2400000);
    cr_expect(row.hvm && row.hap && !row.iommu && REC_HAS(&row, xen, iommu));
    cr_expect_str_eq(joined(row.features_host), "fpu");
    cr_expect(REC_HAS(&row, xen, features_hvm_max) && row.features_hvm_max.n == 0);
    cr_expect_not(REC_HAS(&row, xen, featureset_raw) || REC_HAS(&row, xen, features_raw));
    cr_expect_not(REC_HAS(&row, xen, featureset_pv));
}

Test(xen, what_does_not_divide_is_not_told)
{
    struct xen_machine in = { .cpus = 3, .threads_per_core = 2, .total_pages = UINT64_MAX };
    struct xen row = { .present = 0 };

    parse_xen(&r, &in, &row);
    cr_expect_eq(row.threads, 3);
    cr_expect_not(REC_HAS(&row, xen, cores) || REC_HAS(&row, xen, sockets));
    cr_expect_not(REC_HAS(&row, xen, memory_physical_bytes) || REC_HAS(&row, xen, cpu_khz));
}

/* ---- domains --------------------------------------------------------------------------------- */

static struct domain domain_of(uint32_t flags, uint32_t emulation)
{
    struct xen_domain in = { .domid = 7, .flags = flags, .emulation = emulation, .vcpus = 2 };
    struct domain row = { .present = 0 };

    parse_domain(&r, &in, &row);
    cr_assert_not(r.failed);
    return row;
}

Test(xen, kinds_of_domains)
{
    cr_expect_str_eq(domain_of(0, 0).kind, "pv");
    cr_expect_str_eq(domain_of(XEN_IS_HVM, XEN_IMITATES_LAPIC).kind, "pvh");
    cr_expect_str_eq(domain_of(XEN_IS_HVM, XEN_IMITATES_LAPIC | 1u << 5).kind, "hvm");
}

Test(xen, states_of_domains)
{
    const uint32_t down = XEN_IS_SHUT_DOWN, why = 1u << XEN_WHY_SHIFT;

    cr_expect_str_eq(domain_of(1u << 5, 0).state, "running");
    cr_expect_str_eq(domain_of(1u << 4, 0).state, "running", "it waits");
    cr_expect_str_eq(domain_of(XEN_IS_PAUSED, 0).state, "paused");
    cr_expect_str_eq(domain_of(down, 0).state, "shutdown");
    cr_expect_str_eq(domain_of(down | why, 0).state, "shutdown", "to boot anew");
    cr_expect_str_eq(domain_of(down | 2 * why | XEN_IS_PAUSED, 0).state, "suspended");
    cr_expect_str_eq(domain_of(down | 3 * why, 0).state, "crashed");
    cr_expect_str_eq(domain_of(down | 4 * why, 0).state, "crashed", "by its watchdog");
    cr_expect_str_eq(domain_of(down | 3 * why | XEN_IS_DYING, 0).state, "dying");
}

Test(xen, a_domain)
{
    struct xen_domain in = { .domid = 32751,
                             .vcpus = 4,
                             .pages = 100,
                             .pages_max = 200,
                             .cpu_time_ns = 5999999,
                             .uuid = { 0x5b, 0x1a, 0x8c, 0x0e, 0x5f, 0x0e, 0x4c, 0x69, 0x8d, 0x4b,
                                       0x6d, 0x0d, 0x5e, 0x7c, 0x1a, 0xb5 },
                             .name = bytes_of("web\n1") };
    struct domain row = { .present = 0 };

    parse_domain(&r, &in, &row);
    cr_expect_str_eq(row.domid, "32751");
    cr_expect_str_eq(row.name, "web\\x0a1");
    cr_expect_str_eq(row.uuid, "5b1a8c0e-5f0e-4c69-8d4b-6d0d5e7c1ab5");
    cr_expect_eq(row.vcpus, 4);
    cr_expect_eq(row.memory_bytes, 100u * 4096u);
    cr_expect_eq(row.memory_max_bytes, 200u * 4096u);
    cr_expect_eq(row.cpu_time_ms, 5);
}

Test(xen, dom0_has_no_uuid_and_no_limit)
{
    struct xen_domain in = { .pages_max = UINT32_MAX };
    struct domain row = { .present = 0 };

    parse_domain(&r, &in, &row);
    cr_expect_str_eq(row.domid, "0");
    cr_expect_not(REC_HAS(&row, domain, uuid) || REC_HAS(&row, domain, memory_max_bytes));
    cr_expect_not(REC_HAS(&row, domain, name));
}

/* ---- the worker ------------------------------------------------------------------------------ */

static void expect_absent(const char *root, const char *why)
{
    struct collect_request req = { .sys_root = root };
    struct section s[SECTION_COUNT];
    struct bytes memory;
    struct err e = { "" };
    size_t count;

    cr_assert_eq(collect_run(WORKER_XEN, &req, a, s, &count, &memory, &e), 0, "%s", e.text);
    cr_assert_eq(count, 2);
    cr_expect_eq(s[0].id, SECTION_XEN);
    cr_expect_eq(s[1].id, SECTION_DOMAINS);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(s[i].status, SECTION_ABSENT);
        cr_expect_str_eq(s[i].status_text, why);
        cr_expect_eq(s[i].row_count, 0);
    }
}

static const char *root_of(const char *name)
{
    return arena_printf(a, "%s/captures/system/%s", TEST_DATA, name);
}

Test(xen, without_a_hypervisor)
{
    expect_absent(root_of("lab-b"), "no hypervisor: this kernel does not run under Xen");
}

Test(xen, files_of_another_machine)
{
    expect_absent(root_of("lab-dom0"),
                  "the files are those of another machine, whose Xen cannot be asked");
}
