/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What paths go through: hosts of each transport, written by hand after kernel 6.1's sysfs. */
#include <criterion/criterion.h>

#include "support/block.h"

static struct arena *a;

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(block_transport, .init = set_up, .fini = tear_down);

static const char *join(const char *const *parts, size_t n)
{
    const char *out = "";

    for (size_t i = 0; i < n; i++)
        out = arena_printf(a, "%s%s\n", out, parts[i]);
    return out;
}

#define HOST(...)                                               \
    block_rows_of(a, join((const char *const[]){ __VA_ARGS__ }, \
                          sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)))

Test(block_transport, transports_of_scsi_hosts)
{
    static const struct {
        const char *dir, *class, *transport;
    } cases[] = {
        { "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host7", "", "ata" },
        { "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host7", "", "usb" },
        { "/sys/devices/pci0000:00/0000:00:04.0/virtio1/host7", "", "virtio" },
        { "/sys/devices/pci0000:00/0000:03:00.0/host7", "class sas_host host7", "sas" },
        { "/sys/devices/pci0000:00/0000:03:00.0/host7", "class fc_host host7", "fc" },
        { "/sys/devices/platform/host7", "class iscsi_host host7", "iscsi" },
        { "/sys/devices/pci0000:00/0000:03:00.0/host7", "", "scsi" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *device = arena_printf(a, "%s/target7:0:0/7:0:0:0", cases[i].dir);
        struct block_rows r =
            HOST(arena_printf(a, "[%s/class]\n%s", cases[i].dir, cases[i].class),
                 arena_printf(a, "[%s/scsi_host/host7]\nclass scsi_host host7", cases[i].dir),
                 arena_printf(a, "[%s/block/sda]\nclass block sda\nsize = 8\ndevice -> %s\n[%s]",
                              device, device, device),
                 "type = 0\nstate = running");

        cr_assert_eq(r.path_count, 1);
        cr_expect_str_eq(r.paths[0].transport, cases[i].transport);
        cr_expect_str_eq(r.hbas[0].transport, cases[i].transport);
        cr_expect_str_eq(r.paths[0].hba, "host7");
        cr_expect_eq(r.hbas[0].paths_total, 1);
    }
}

Test(block_transport, sas_addresses)
{
    struct block_rows r = HOST(
        "[/sys/devices/pci0000:00/0000:03:00.0/host6/scsi_host/host6]", "class scsi_host host6",
        "proc_name = mpt3sas\nversion_fw = 16.00\nboard_name = SAS9300\nhost_sas_address = 0x5b",
        "[/sys/devices/pci0000:00/0000:03:00.0/host6/sas_host/host6]", "class sas_host host6",
        "[/sys/devices/pci0000:00/0000:03:00.0/host6/end_device-6:0/sas_device/end_device-6:0]",
        "class sas_device end_device-6:0", "sas_address = 0x5c",
        "[/sys/devices/pci0000:00/0000:03:00.0/host6/end_device-6:0/target6:0:0/6:0:0:0/block/sda]",
        "class block sda", "size = 8",
        "device -> /sys/devices/pci0000:00/0000:03:00.0/host6/end_device-6:0/target6:0:0/6:0:0:0",
        "[/sys/devices/pci0000:00/0000:03:00.0/host6/end_device-6:0/target6:0:0/6:0:0:0]",
        "type = 0");

    cr_assert_str_eq(r.paths[0].target_port, "0x5c");
    cr_assert_str_eq(r.paths[0].initiator_port, "0x5b");
    cr_assert_str_eq(r.hbas[0].firmware, "16.00");
    cr_assert_str_eq(r.hbas[0].model, "SAS9300");
}

Test(block_transport, a_fibre_channel_fabric)
{
    struct block_rows r =
        HOST("[/sys/devices/pci0000:00/0000:03:00.0/host6/fc_host/host6]", "class fc_host host6",
             "fabric_name = 0x10000005\nmodel = FC1\nserial_number = F1\nspeed = 16 Gbit",
             "[/sys/devices/pci0000:00/0000:03:00.0/host6/scsi_host/host6]",
             "class scsi_host host6\nfw_version = 9.1\nserial_num = S1\nstate = running");

    cr_assert_eq(r.hba_count, 1, "a port without disks is what zoning is told by");
    cr_assert_str_eq(r.hbas[0].transport, "fc");
    cr_assert_str_eq(r.hbas[0].fabric_name, "0x10000005");
    cr_assert_str_eq(r.hbas[0].model, "FC1");
    cr_assert_str_eq(r.hbas[0].serial, "S1");
    cr_assert_str_eq(r.hbas[0].firmware, "9.1");
    cr_assert_eq(r.hbas[0].paths_total, 0);
}

static const char *session_host(const char *state, const char *address)
{
    return arena_printf(
        a,
        "[/sys/devices/platform/host0/iscsi_host/host0]\nclass iscsi_host host0\n"
        "initiatorname = (null)\nnetdev = eth7\n[/sys/devices/platform/host0/scsi_host/host0]\n"
        "class scsi_host host0\n[/sys/devices/platform/host0/session1/iscsi_session/session1]\n"
        "class iscsi_session session1\nstate = %s\ntargetname = iqn.x\ninitiatorname = iqn.me\n"
        "[/sys/devices/platform/host0/session1/connection1:0/iscsi_connection/connection1:0]\n"
        "class iscsi_connection connection1:0\naddress = %s\nport = 3260\n"
        "[/sys/devices/platform/host0/session1/target0:0:0/0:0:0:1/block/sda]\nclass block sda\n"
        "size = 8\ndevice -> /sys/devices/platform/host0/session1/target0:0:0/0:0:0:1\n"
        "[/sys/devices/platform/host0/session1/target0:0:0/0:0:0:1]\ntype = 0\nstate = running",
        state, address);
}

Test(block_transport, an_iscsi_session_that_failed)
{
    struct block_rows r = HOST(session_host("FAILED", "fe80::1"));

    cr_assert_str_eq(r.paths[0].portal, "[fe80::1]:3260");
    cr_assert_str_eq(r.paths[0].target_port_state, "FAILED");
    cr_assert_str_eq(r.paths[0].state, "running");
    cr_assert_not(r.paths[0].active);
    cr_assert_str_eq(r.hbas[0].port_name, "iqn.me");
    cr_assert_str_eq(r.hbas[0].interface, "eth7");
}

/* Native multipath: two controllers of one subsystem, one namespace with ANA. */
static const char *nvme_host(const char *second_state)
{
    return arena_printf(
        a,
        "[/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1]\nclass block nvme0n1\n"
        "dev = 259:1\nsize = 4096\nwwid = uuid.11111111-2222-3333-4444-555555555555\n"
        "queue/logical_block_size = 4096\nholders/dm-3/\nnvme0n1p1/\nnvme0n1p1/partition = 1\n"
        "[/sys/devices/virtual/nvme-fabrics/ctl/nvme0]\nclass nvme nvme0\ntransport = tcp\n"
        "state = live\nmodel = Linux\nserial = abc\nfirmware_rev = 6.1\nsubsysnqn = nqn.sub\n"
        "hostnqn = nqn.host\naddress = traddr=10.0.0.1,trsvcid=4420\n"
        "[/sys/devices/virtual/nvme-fabrics/ctl/nvme1]\nclass nvme nvme1\ntransport = tcp\n"
        "state = %s\nmodel = Linux\nserial = abc\nsubsysnqn = nqn.sub\nhostnqn = nqn.host\n"
        "address = traddr=10.0.0.2,trsvcid=4420\n"
        "[/sys/devices/virtual/nvme-fabrics/ctl/nvme0/nvme0c0n1]\nclass block nvme0c0n1\n"
        "hidden = 1\nsize = 4096\nnsid = 1\nana_state = optimized\n"
        "wwid = uuid.11111111-2222-3333-4444-555555555555\n"
        "uuid = 11111111-2222-3333-4444-555555555555\n"
        "nguid = 00112233-4455-6677-8899-aabbccddeeff\neui = 00 25 38 00 00 00 00 01\n"
        "[/sys/devices/virtual/nvme-fabrics/ctl/nvme1/nvme0c1n1]\nclass block nvme0c1n1\n"
        "hidden = 1\nsize = 4096\nnsid = 1\nana_state = non-optimized\n"
        "wwid = uuid.11111111-2222-3333-4444-555555555555",
        second_state);
}

Test(block_transport, native_nvme_multipath)
{
    struct block_rows r = HOST(nvme_host("live"));
    const struct lun *l = find_lun(&r, "uuid.11111111-2222-3333-4444-555555555555");
    const struct path *p = find_path(&r, "nvme0c1n1");

    cr_assert_eq(r.lun_count, 1);
    cr_assert_str_eq(l->device, "nvme0n1");
    cr_assert_str_eq(l->devnum, "259:1");
    cr_assert_str_eq(l->transport, "nvme-tcp");
    cr_assert_eq(l->designators.n, 4, "uuid, nguid, eui and serial");
    cr_assert_eq(l->logical_block_bytes, 4096);
    cr_assert_str_eq(l->holders.v[0], "dm-3");
    cr_assert_eq(l->paths_active, 2);
    cr_assert_str_eq(l->serial, "abc");
    cr_assert_eq(r.path_count, 2);
    cr_assert_not(REC_HAS(p, path, devnum), "hidden");
    cr_assert_str_eq(p->address, "1:1");
    cr_assert_str_eq(p->hba, "nvme1");
    cr_assert_str_eq(p->access_state, "non-optimized");
    cr_assert_str_eq(p->portal, "traddr=10.0.0.2,trsvcid=4420");
    cr_assert_str_eq(p->target, "nqn.sub");
    cr_assert_str_eq(r.partitions[0].device, "nvme0n1p1");
    cr_assert_str_eq(find_hba(&r, "nvme0")->port_name, "nqn.host");
    cr_assert_str_eq(find_hba(&r, "nvme0")->firmware, "6.1");
}

Test(block_transport, an_nvme_controller_that_reconnects)
{
    struct block_rows r = HOST(nvme_host("connecting"));

    cr_assert_str_eq(find_path(&r, "nvme0c1n1")->state, "connecting");
    cr_assert_eq(r.luns[0].paths_active, 1);
    cr_assert_eq(find_hba(&r, "nvme1")->paths_active, 0);
}

Test(block_transport, an_nvme_device_that_has_lost_all_paths)
{
    struct block_rows r =
        HOST("[/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1]", "class block nvme0n1",
             "dev = 259:1\nsize = 4096\nwwid = uuid.11111111-2222-3333-4444-555555555555");
    const struct lun *l = find_lun(&r, "uuid.11111111-2222-3333-4444-555555555555");

    cr_assert_eq(r.lun_count, 1);
    cr_assert_str_eq(l->device, "nvme0n1");
    cr_assert_str_eq(l->identified_by, "uuid");
    cr_assert_str_eq(l->state, "failed");
    cr_assert_eq(l->paths_total, 0);
}

Test(block_transport, an_nvme_disk_of_one_controller)
{
    struct block_rows r =
        HOST("[/sys/devices/pci0000:00/0000:00:1d.0/0000:02:00.0/nvme/nvme0]", "class nvme nvme0",
             "transport = pcie\nstate = live\nmodel = ACME\nserial = S1\naddress = 0000:02:00.0",
             "[/sys/devices/pci0000:00/0000:00:1d.0/0000:02:00.0]",
             "driver -> /sys/bus/pci/drivers/nvme\nnuma_node = -1",
             "[/sys/devices/pci0000:00/0000:00:1d.0/0000:02:00.0/nvme/nvme0/nvme0n1]",
             "class block nvme0n1", "dev = 259:0\nsize = 8\nnsid = 1\nwwid = eui.0025380000000001",
             "eui = 00 25 38 00 00 00 00 01");

    cr_assert_str_eq(r.luns[0].key, "eui.0025380000000001");
    cr_assert_str_eq(r.luns[0].device, "nvme0n1");
    cr_assert_str_eq(r.paths[0].transport, "nvme");
    cr_assert_str_eq(r.hbas[0].pci_address, "0000:02:00.0");
    cr_assert_str_eq(r.hbas[0].driver, "nvme");
    cr_assert_not(REC_HAS(&r.hbas[0], hba, numa_node));
    cr_assert_not(REC_HAS(&r.hbas[0], hba, address), "PCI's is told already");
}
