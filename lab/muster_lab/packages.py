# SPDX-License-Identifier: GPL-2.0-or-later
"""What of Debian 12 is inside the hosts. What this machine itself needs is in tools/packages, use lab."""

# Extracted, never installed: no daemon of these is started on this machine, no configuration changed.
IN_THE_HOSTS = """
bash busybox-static coreutils grep sed procps util-linux mount kmod udev iproute2 ethtool
linux-image-amd64 user-mode-linux xen-hypervisor-4.17-amd64 xen-utils-4.17
lvm2 dmsetup multipath-tools open-iscsi sg3-utils e2fsprogs xfsprogs btrfs-progs
fcoe-utils tgt openipmi ipmitool genisoimage
libzmq5 libprotobuf-c1 libsodium23 libjansson4 libnl-route-3-200 libnl-genl-3-200 liblvm2cmd2.03
""".split()

# With what they depend on.
MODULES = """
virtio_pci virtio_net virtio_blk virtio_scsi virtio_console af_packet loop
sd_mod sg scsi_debug scsi_transport_fc scsi_transport_iscsi scsi_transport_sas scsi_dh_alua
iscsi_tcp megaraid_sas nvme
dm_mod dm_multipath dm_round_robin dm_service_time dm_queue_length dm_snapshot dm_thin_pool dm_mirror
fcoe libfcoe libfc tcm_fc target_core_mod target_core_iblock target_core_file configfs
8021q bonding bridge dummy veth
ext4 xfs btrfs vfat nls_ascii nls_cp437 isofs crc32c_generic libcrc32c
xen-blkback xen-netback xen-gntdev xen-gntalloc xen-evtchn xenfs xen-privcmd
ipmi_si ipmi_devintf qemu_fw_cfg
""".split()

# Of the extracted files, what no host needs: it would be in the RAM of each.
LEFT_OUT = """
usr/share usr/lib/python3* usr/bin/python3* usr/bin/pdb3* usr/bin/perl* usr/lib/x86_64-linux-gnu/perl*
usr/lib/x86_64-linux-gnu/libperl* usr/lib/x86_64-linux-gnu/gconv usr/lib/x86_64-linux-gnu/libicu*
usr/lib/x86_64-linux-gnu/libnetsnmp* usr/lib/x86_64-linux-gnu/libdb-5* usr/lib/x86_64-linux-gnu/libsqlite3*
usr/lib/x86_64-linux-gnu/libmagic* usr/lib/x86_64-linux-gnu/libfreeipmi* usr/lib/x86_64-linux-gnu/libOpenIPMI*
usr/lib/x86_64-linux-gnu/rsocket usr/lib/x86_64-linux-gnu/ossl-modules
lib/udev/hwdb.d lib/modules usr/lib/uml usr/bin/linux.uml lib/systemd boot var/cache var/lib/apt var/lib/dpkg var/log usr/src
usr/lib/initramfs-tools usr/lib/apt usr/lib/dpkg usr/lib/systemd usr/lib/perl5 usr/lib/xen-4.17/lib
usr/sbin/tgt* usr/bin/genisoimage usr/lib/file usr/bin/ipmi_sim usr/bin/openipmi* usr/bin/apt* usr/bin/dpkg* usr/bin/localedef
usr/sbin/oxenstored usr/lib/xen-4.17/bin/oxenstored usr/lib/xen-4.17/bin/test-* lib/terminfo
usr/bin/openssl usr/sbin/gdbsx usr/lib/xen-4.17/boot usr/bin/vim* usr/bin/pod2* usr/lib/gcc*
usr/lib/x86_64-linux-gnu/libsnmp* lib/x86_64-linux-gnu/libmvec* usr/sbin/ipmievd sbin/tc bin/tar sbin/installkernel
bin/btrfs-* sbin/btrfs-* usr/sbin/xfs_[bcdefilmnqrs]* usr/sbin/e4* usr/sbin/group* usr/sbin/user* usr/sbin/pwck
usr/lib/x86_64-linux-gnu/xtables lib/x86_64-linux-gnu/security etc/ssl usr/lib/ssl
""".split()

LVM_CONF = """
global { event_activation = 0 }
activation { auto_activation_volume_list = [] }
"""

# udev's rules stay for block devices. The others load modules or ask a database for each device of a bus,
# which an emulated processor is minutes at; LVM's activate what nobody asked for (nor does LVM itself: LVM_CONF).
RULES = """
50-udev-default 55-dm 56-dm-mpath 56-dm-parts 60-block 60-multipath 60-persistent-storage
60-persistent-storage-dm 64-btrfs 95-dm-notify
""".split()
