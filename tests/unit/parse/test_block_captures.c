/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks of real hosts through the real parser. */
#include <criterion/criterion.h>

#include "collect/parse_container.h"
#include "support/block.h"
#include "support/support.h"

static struct arena *a;
static struct block_host host;

static void set_up(void)
{
    a = arena_new(0);
    block_host_init(&host, a);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(block_captures, .init = set_up, .fini = tear_down);

static struct block_rows iscsi_rows(void)
{
    struct bytes maps = capture(a, "block/iscsi-multipath.txt");

    block_host_tar(&host, capture(a, "block/iscsi-sys.tar"));
    block_host_sysfs_text(&host, capture(a, "block/iscsi-sysfs.txt"));
    block_host_multipath(&host, maps);
    block_host_dmsetup(&host, maps);
    return block_host_rows(&host);
}

static struct block_rows fc_rows(bool with_multipathd)
{
    block_host_tar(&host, capture(a, "block/fc-sys.tar"));
    block_host_sysfs_text(&host, capture(a, "block/fc-sysfs.txt"));
    block_host_multipath(&host, capture(a, "block/fc-multipath.txt"));
    if (with_multipathd)
        host.in.multipathd = capture(a, "block/fc-maps.json");
    return block_host_rows(&host);
}

Test(block_captures, iscsi_with_multipath)
{
    struct block_rows r = iscsi_rows();
    const struct lun *l = find_lun(&r, "naa.63600000000000000000000000000101");
    const struct path *p = find_path(&r, "sdb");

    cr_assert_eq(r.hba_count, 2);
    cr_assert_eq(r.lun_count, 3, "the controllers' own LUN 0 is no disk");
    cr_assert_eq(r.path_count, 6);
    cr_assert_not_null(l);
    cr_assert_str_eq(l->device, "dm-0");
    cr_assert_str_eq(l->map, "363600000000000000000000000000101");
    cr_assert_str_eq(l->queue_without_path, "on");
    cr_assert_str_eq(l->serial, "LABSN0001");
    cr_assert_eq(l->size_bytes, 256 << 20);
    cr_assert_eq(l->designators.n, 4, "NAA 6, NAA 3, T10 and the serial number");
    cr_assert_str_eq(l->state, "ok");
    cr_assert_eq(l->paths_active, 2);
    cr_assert_str_eq(p->portal, "10.77.0.1:3260");
    cr_assert_str_eq(p->target, "iqn.2010-01.test.lab:stor.vg1");
    cr_assert_str_eq(p->initiator_port, "iqn.2010-01.test.lab:node-a");
    cr_assert_eq(p->portal_group, 1);
    cr_assert_str_eq(p->target_port_state, "LOGGED_IN");
    cr_assert_str_eq(p->map_state, "active");
    cr_assert_str_eq(find_hba(&r, "host0")->address, "10.0.3.15");
    cr_assert(golden_matches("block-iscsi.json", block_json(a, &r)));
}

/* A line for each container. */
static const char *containers_text(const struct block_rows *r)
{
    struct block_container *v;
    const char *out = "";
    struct err e = { "" };
    size_t n;

    cr_assert_eq(parse_containers(&host.in, r, a, &v, &n, &e), 0, "%s", e.text);
    for (size_t i = 0; i < n; i++)
        out = arena_printf(
            a, "%s%s: %s, %llu bytes, %llu of %llu paths, %s\n", out, v[i].container,
            v[i].device == NULL ? "no device" : v[i].device, (unsigned long long)v[i].size_bytes.v,
            (unsigned long long)v[i].paths_active.v, (unsigned long long)v[i].paths_total.v,
            v[i].top ? "to be read" : "not to be read");
    return out;
}

/* Never a path below a map. */
Test(block_captures, containers)
{
    struct block_rows r = iscsi_rows();
    const char *iscsi = containers_text(&r), *fc;

    block_host_init(&host, a);
    r = fc_rows(true);
    fc = containers_text(&r);
    cr_assert(golden_matches("containers.txt", arena_printf(a, "iscsi\n%s\nfc\n%s", iscsi, fc)));
}

/* The tree has the file, as if read_tree had read it: nothing of it comes out. */
Test(block_captures, the_chap_secret_is_told_to_nobody)
{
    struct block_rows r = iscsi_rows();
    struct bytes text = capture(a, "block/iscsi-sysfs.txt");
    const char *session = "/sys/devices/platform/host0/session1/iscsi_session/session1";
    const char *json = block_json(a, &r);

    cr_assert_not_null(memmem(text.p, text.n, "password=CHAP-SECRET", 20));
    cr_assert(bytes_equal(tree_file(&host.in.tree, session, "password"), "CHAP-SECRET"));
    cr_assert_null(strstr(json, "CHAP-SECRET"));
    cr_assert_null(strstr(json, "initA"), "nor the user");
}

Test(block_captures, fcoe_with_alua_multipath)
{
    struct block_rows r = fc_rows(true);
    const struct lun *l = find_lun(&r, "naa.6001405abfc000100000000000000000");
    const struct path *p = find_path(&r, "sdc");
    const struct hba *h = find_hba(&r, "host1");

    cr_assert_eq(r.lun_count, 2);
    cr_assert_str_eq(l->device, "dm-1");
    cr_assert_str_eq(l->transport, "fcoe");
    cr_assert_eq(l->paths_active, 2);
    cr_assert_str_eq(p->target, "0x1000525400aa0002");
    cr_assert_str_eq(p->target_port, "0x2000525400aa0002");
    cr_assert_str_eq(p->target_port_id, "0x000002");
    cr_assert_str_eq(p->target_port_state, "Online");
    cr_assert_str_eq(p->access_state, "active/optimized");
    cr_assert_eq(p->relative_port, 2);
    cr_assert_eq(p->target_port_group, 0);
    cr_assert_str_eq(h->port_name, "0x2000525400bb0002");
    cr_assert_str_eq(h->interface, "eth1");
    cr_assert_str_eq(h->pci_address, "0000:00:05.0");
    cr_assert_not(REC_HAS(h, hba, fabric_name), "0x0 is none");
    cr_assert_not(REC_HAS(h, hba, speed), "unknown");
    cr_assert(golden_matches("block-fc.json", block_json(a, &r)));
}

/* Without any word of the maps the paths are put together all the same. */
Test(block_captures, fcoe_without_multipath)
{
    struct block_rows r = fc_rows(false);
    const struct lun *l = find_lun(&r, "naa.6001405abfc000000000000000000000");

    cr_assert_eq(r.lun_count, 2);
    cr_assert_eq(l->paths_total, 2);
    cr_assert_str_eq(l->device, "sda");
    cr_assert_not(REC_HAS(l, lun, map));
}

/* multipathd's answer of the same moment, without the kernel's tables. */
static struct block_rows iscsi_rows_by_multipathd(struct block_host *h)
{
    struct bytes maps = capture(a, "block/iscsi-multipath.txt");
    const uint8_t *from = memmem(maps.p, maps.n, "## show maps json\n", 18);
    const uint8_t *to = memmem(maps.p, maps.n, "## show paths\n", 14);

    cr_assert(from != NULL && to > from);
    block_host_init(h, a);
    block_host_tar(h, capture(a, "block/iscsi-sys.tar"));
    block_host_sysfs_text(h, capture(a, "block/iscsi-sysfs.txt"));
    block_host_multipath(h, maps);
    h->in.multipathd = (struct bytes){ from + 18, (size_t)(to - from - 18) };
    return block_host_rows(h);
}

Test(block_captures, the_kernel_and_multipathd_tell_the_same)
{
    static struct block_host other;
    struct block_rows kernel = iscsi_rows(), daemon = iscsi_rows_by_multipathd(&other);

    for (size_t i = 0; i < kernel.path_count; i++) {
        cr_assert(REC_HAS(&kernel.paths[i], path, failures), "which multipathd does not tell");
        REC_CLEAR(&kernel.paths[i], path, failures);
    }
    cr_assert_str_eq(block_json(a, &daemon), block_json(a, &kernel));
}
