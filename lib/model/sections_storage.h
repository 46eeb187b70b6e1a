/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sections of storage. Included by sections.h alone.
 *
 * What holds data is named alike wherever it is referred to (`container`, `lun`): a LUN by its key,
 * a partition by LUN-partN, a logical volume by lv.UUID, an MD array by md.UUID, another
 * device-mapper device by dm.NAME. The key of a LUN is its WWID ("naa.6001405...", "eui.", "t10.",
 * "uuid.", "nvme."), else vendor, model and serial ("serial."), else, for a loop device, the
 * backing file as the running kernel knows it ("loop."), and these are the same from every node
 * that sees it; "local.DEVICE" has no identity beyond its node. */
#ifndef MUSTER_MODEL_SECTIONS_STORAGE_H
#define MUSTER_MODEL_SECTIONS_STORAGE_H

/* clang-format off */

/* A row for each port or controller that disks are reached through. */
#define HBA_LIST(X, XREC, XRECS)                                                                   \
    X(STR,  name,                1,  FIELD_KEY, "host3 (SCSI), nvme0 (NVMe)")                      \
    X(STR,  transport,           2,  0, "fc, fcoe, iscsi, sas, ata, usb, virtio, nvme, nvme-tcp, ..., scsi when not known") \
    X(STR,  driver,              3,  0, "proc_name of scsi_host, else the driver of the device")   \
    X(STR,  pci_address,         4,  0, "PCI function, through virtio too")                        \
    X(I64,  numa_node,           5,  0, "absent when the platform has none (-1)")                  \
    X(STR,  model,               6,  0, "NVMe model; SCSI model_name of the driver")               \
    X(STR,  serial,              7,  0, "NVMe serial; SCSI serial_num of the driver")              \
    X(STR,  firmware,            8,  0, "NVMe firmware_rev; SCSI fw_version of the driver")        \
    X(STR,  port_name,           9,  0, "FC WWPN (0x...), iSCSI initiator name, SAS address, NVMe host NQN") \
    X(STR,  node_name,           10, 0, "FC WWNN")                                                 \
    X(STR,  fabric_name,         11, 0, "FC fabric; absent when none")                             \
    X(STR,  port_id,             12, 0, "FC address identifier")                                   \
    X(STR,  port_type,           13, 0, "FC: NPort (fabric via point-to-point), ...")              \
    X(STR,  port_state,          14, 0, "FC: Online, Linkdown, ...; NVMe: live, connecting, ...; SCSI host: running, ...") \
    X(STR,  speed,               15, 0, "FC: 16 Gbit")                                             \
    X(STR,  supported_speeds,    16, 0, "FC")                                                      \
    X(STR,  symbolic_name,       17, 0, "FC")                                                      \
    X(STR,  interface,           18, 0, "network interface: iSCSI, FCoE")                          \
    X(STR,  subsystem,           19, 0, "NVMe subsystem NQN")                                      \
    X(STR,  address,             20, 0, "NVMe: traddr=...,trsvcid=...; local address of iSCSI")    \
    X(U64,  paths_active,        21, 0, "paths through it that carry I/O")                         \
    X(U64,  paths_total,         22, 0, "paths through it")

/* A row for each LUN, all paths taken together. */
#define LUN_LIST(X, XREC, XRECS)                                                                   \
    X(STR,  key,                 1,  FIELD_KEY, "see above")                                       \
    X(STR,  wwid,                2,  0, "the designator that was chosen, as the kernel writes it") \
    X(STR,  identified_by,       3,  0, "naa, eui, t10, uuid, nvme, serial, loop, none")           \
    X(STRS, designators,         4,  0, "all that it says of itself, sorted: VPD 0x83, 0x80, NVMe uuid, nguid, eui") \
    X(STR,  transport,           5,  0, "as of hba; loop; several: joined by +")                   \
    X(STR,  vendor,              6,  0, "")                                                        \
    X(STR,  model,               7,  0, "")                                                        \
    X(STR,  revision,            8,  0, "")                                                        \
    X(STR,  serial,              9,  0, "VPD 0x80, NVMe and virtio serial")                        \
    X(U64,  size_bytes,          10, 0, "as the paths say; they differ: the smallest")             \
    X(U64,  logical_block_bytes, 11, 0, "")                                                        \
    X(U64,  physical_block_bytes, 12, 0, "")                                                       \
    X(BOOL, rotational,          13, 0, "")                                                        \
    X(BOOL, read_only,           14, 0, "")                                                        \
    X(BOOL, removable,           15, 0, "")                                                        \
    X(BOOL, discard,             16, 0, "it takes discards")                                       \
    X(STR,  device,              17, 0, "the one to use: the multipath map, else the path")        \
    X(STR,  devnum,              18, 0, "of it, MAJOR:MINOR")                                      \
    X(STR,  map,                 19, 0, "name of the multipath map")                               \
    X(STR,  map_uuid,            20, 0, "its device-mapper UUID")                                  \
    X(BOOL, map_suspended,       21, 0, "")                                                        \
    X(STR,  queue_without_path,  22, 0, "of the map: off, on")                                     \
    X(STRS, devices,             23, 0, "of the paths, sorted")                                    \
    X(STRS, holders,             24, 0, "devices directly on the one to use, sorted")              \
    X(STR,  file,                25, 0, "backing file of a loop device")                           \
    X(STR,  state,               26, 0, "ok; stuck: it does not answer; failed: it answers with errors; ghost: its paths contradict each other") \
    X(STR,  state_text,          27, 0, "why, when not ok")                                        \
    X(U64,  stuck_ms,            28, FIELD_VOLATILE, "for how long, when stuck")                   \
    X(U64,  paths_active,        29, 0, "")                                                        \
    X(U64,  paths_total,         30, 0, "")                                                        \
    X(STR,  unread,              31, 0, "why its label was not read; absent when it was, or when it does not answer")

/* A row for each path: a block device that no map has put together yet. */
#define PATH_LIST(X, XREC, XRECS)                                                                  \
    X(STR,  device,              1,  FIELD_KEY, "sda, nvme0c0n1, vda, loop0")                      \
    X(STR,  lun,                 2,  0, "key of the LUN it leads to")                              \
    X(STR,  devnum,              3,  0, "MAJOR:MINOR; absent for a hidden NVMe path")              \
    X(STR,  address,             4,  0, "SCSI HOST:CHANNEL:TARGET:LUN, NVMe CONTROLLER:NAMESPACE") \
    X(STR,  transport,           5,  0, "")                                                        \
    X(STR,  hba,                 6,  0, "name of the hba row")                                     \
    X(STR,  initiator_port,      7,  0, "port_name of the hba")                                    \
    X(STR,  target,              8,  0, "FC target WWNN, iSCSI target IQN, NVMe subsystem NQN")    \
    X(STR,  target_port,         9,  0, "FC target WWPN, SAS address")                             \
    X(STR,  target_port_id,      10, 0, "FC address of the target port")                           \
    X(STR,  target_port_state,   11, 0, "FC: Online, Blocked, ...; iSCSI session: LOGGED_IN, FAILED, FREE") \
    X(STR,  portal,              12, 0, "iSCSI ADDRESS:PORT that is connected to, NVMe address")   \
    X(U64,  portal_group,        13, 0, "iSCSI target portal group tag")                           \
    X(STR,  state,               14, 0, "of the kernel: running, blocked, offline, transport-offline, live, ...") \
    X(STR,  map_state,           15, 0, "in the multipath map: active, failed")                    \
    X(U64,  path_group,          16, 0, "path group of the map, 1 is preferred")                   \
    X(STR,  group_state,         17, 0, "active, enabled, disabled")                               \
    X(STR,  access_state,        18, 0, "ALUA, ANA: active/optimized, active/non-optimized, standby, ...") \
    X(U64,  target_port_group,   19, 0, "VPD 0x83 designator type 5")                              \
    X(U64,  relative_port,       20, 0, "VPD 0x83 designator type 4")                              \
    X(U64,  size_bytes,          21, 0, "")                                                        \
    X(BOOL, active,              22, 0, "it would carry I/O now")                                  \
    X(U64,  failures,            23, FIELD_VOLATILE, "of the map, since it was loaded")            \
    X(U64,  io_errors,           24, FIELD_VOLATILE, "SCSI ioerr_cnt")

#define PARTITION_LIST(X, XREC, XRECS)                                                             \
    X(STR,  key,                 1,  FIELD_KEY, "LUN-partN")                                       \
    X(STR,  container,           2,  0, "the LUN")                                                 \
    X(U64,  number,              3,  0, "")                                                        \
    X(STR,  device,              4,  0, "")                                                        \
    X(STR,  devnum,              5,  0, "")                                                        \
    X(STR,  table_type,          6,  0, "gpt, dos, ...")                                           \
    X(STR,  type,                7,  0, "GUID, or 0x83")                                           \
    X(STR,  uuid,                8,  0, "PARTUUID")                                                \
    X(STR,  label,               9,  0, "PARTLABEL")                                               \
    X(U64,  start_bytes,         10, 0, "")                                                        \
    X(U64,  size_bytes,          11, 0, "")                                                        \
    X(BOOL, read_only,           12, 0, "")                                                        \
    X(STRS, holders,             13, 0, "devices directly on it, sorted")                          \
    X(STR,  unread,              14, 0, "why its label was not read; absent when it was, or when it does not answer")

#define PV_LIST(X, XREC, XRECS)                                                                    \
    X(STR,  uuid,                1,  FIELD_KEY, "LVM's; for a clone UUID/DEVICE")                  \
    X(STR,  container,           2,  0, "what it lies on; absent when missing")                    \
    X(STR,  device,              3,  0, "")                                                        \
    X(STR,  vg_uuid,             4,  0, "absent: in no volume group")                              \
    X(STR,  vg_name,             5,  0, "")                                                        \
    X(STR,  format,              6,  0, "lvm2")                                                    \
    X(STR,  attr,                7,  0, "as pvs shows it")                                         \
    X(U64,  size_bytes,          8,  0, "")                                                        \
    X(U64,  free_bytes,          9,  0, "")                                                        \
    X(U64,  device_bytes,        10, 0, "")                                                        \
    X(U64,  extents,             11, 0, "")                                                        \
    X(U64,  extents_allocated,   12, 0, "")                                                        \
    X(U64,  metadata_areas,      13, 0, "in use")                                                  \
    X(STRS, tags,                14, 0, "sorted")                                                  \
    X(BOOL, missing,             15, 0, "the volume group names it, and it is not here")           \
    X(BOOL, duplicate,           16, 0, "another device has the same PV UUID")

#define VG_LIST(X, XREC, XRECS)                                                                    \
    X(STR,  uuid,                1,  FIELD_KEY, "LVM's")                                           \
    X(STR,  name,                2,  0, "")                                                        \
    X(STR,  attr,                3,  0, "as vgs shows it")                                         \
    X(U64,  size_bytes,          4,  0, "")                                                        \
    X(U64,  free_bytes,          5,  0, "")                                                        \
    X(U64,  extent_bytes,        6,  0, "")                                                        \
    X(U64,  extents,             7,  0, "")                                                        \
    X(U64,  extents_free,        8,  0, "")                                                        \
    X(U64,  pvs,                 9,  0, "")                                                        \
    X(U64,  pvs_missing,         10, 0, "")                                                        \
    X(U64,  lvs,                 11, 0, "")                                                        \
    X(U64,  snapshots,           12, 0, "")                                                        \
    X(U64,  seqno,               13, 0, "of the metadata; can fall after a restore")               \
    X(STR,  metadata_digest,     14, 0, "BLAKE2b-128 of what LVM reports of the VG, its PVs and LVs as far as it is the same on every node") \
    X(STR,  system_id,           15, 0, "")                                                        \
    X(STR,  lock_type,           16, 0, "")                                                        \
    X(BOOL, exported,            17, 0, "")                                                        \
    X(BOOL, partial,             18, 0, "PVs are missing")                                         \
    X(STRS, tags,                19, 0, "sorted")                                                  \
    X(U64,  paths_active,        20, 0, "PVs that are here")                                       \
    X(U64,  paths_total,         21, 0, "PVs")                                                     \
    X(STR,  fault,               22, 0, "one sentence: a device here that is not as the metadata say; absent: none") \
    X(BOOL, autoactivation,      23, 0, "of the metadata: LVM may activate its LVs by itself, at boot or when PVs appear; absent: this LVM does not tell") \
    X(STR,  activated_by,        24, 0, "one sentence: what of this node activates its LVs by itself; absent: nothing")

#define LV_LIST(X, XREC, XRECS)                                                                    \
    X(STR,  uuid,                1,  FIELD_KEY, "LVM's")                                           \
    X(STR,  name,                2,  0, "")                                                        \
    X(STR,  vg_uuid,             3,  0, "")                                                        \
    X(STR,  vg_name,             4,  0, "")                                                        \
    X(STR,  attr,                5,  0, "as lvs shows it")                                         \
    X(U64,  size_bytes,          6,  0, "")                                                        \
    X(STR,  type,                7,  0, "of its first segment: linear, striped, thin, raid1, ...") \
    X(STRS, layout,              8,  0, "sorted")                                                  \
    X(STRS, role,                9,  0, "sorted")                                                  \
    X(STR,  origin,              10, 0, "")                                                        \
    X(STR,  pool,                11, 0, "")                                                        \
    X(STRS, segments,            12, 0, "START+EXTENTS TYPE DEVICES, in order")                    \
    X(STRS, pvs,                 13, 0, "UUIDs of the PVs that it lies on, sorted")                \
    X(STRS, tags,                14, 0, "sorted")                                                  \
    X(STR,  health,              15, 0, "lv_health_status; absent when well")                      \
    X(BOOL, active,              16, 0, "there is a device-mapper device")                         \
    X(BOOL, open,                17, 0, "")                                                        \
    X(BOOL, read_only,           18, 0, "")                                                        \
    X(BOOL, suspended,           19, 0, "")                                                        \
    X(STR,  device,              20, 0, "dm-N, when active")                                       \
    X(STR,  devnum,              21, 0, "")                                                        \
    X(U64,  paths_active,        22, 0, "PVs under it that are here")                              \
    X(U64,  paths_total,         23, 0, "PVs under it")

/* A row for each container with a signature that is no partition table and no PV. */
#define FILESYSTEM_LIST(X, XREC, XRECS)                                                            \
    X(STR,  container,           1,  FIELD_KEY, "what it lies in")                                 \
    X(STR,  device,              2,  0, "")                                                        \
    X(STR,  type,                3,  0, "ext4, xfs, btrfs, vfat, swap, crypto_LUKS, ...")          \
    X(STR,  usage,               4,  0, "filesystem, raid, crypto, other")                         \
    X(STR,  uuid,                5,  0, "")                                                        \
    X(STR,  sub_uuid,            6,  0, "of this device, of btrfs and MD")                         \
    X(STR,  label,               7,  0, "")                                                        \
    X(STR,  version,             8,  0, "")                                                        \
    X(U64,  size_bytes,          9,  0, "as its superblock says")                                  \
    X(U64,  block_bytes,         10, 0, "")                                                        \
    X(U64,  free_bytes,          11, 0, "as its superblock says: right only when clean")           \
    X(STR,  state,               12, 0, "clean, dirty (mounted somewhere, or not unmounted well), error; stuck: it does not answer, the rest is as last read; absent when the type does not tell") \
    X(STR,  journal,             13, 0, "internal, external, none")                                \
    X(STR,  journal_uuid,        14, 0, "of the external one")                                     \
    X(BOOL, mmp,                 15, 0, "ext4 multi-mount protection")                             \
    X(U64,  members,             16, 0, "devices that it consists of (btrfs)")                     \
    X(U64,  member_id,           17, 0, "number of this one (btrfs)")                              \
    X(STRS, signatures,          18, 0, "all that were found, when more than one, sorted")         \
    X(STRS, holders,             19, 0, "devices directly on the container, sorted")               \
    X(U64,  paths_active,        20, 0, "of the LUN with the fewest below it")                     \
    X(U64,  paths_total,         21, 0, "of the same LUN")

/* A row for each way in which this host uses a container. */
#define USE_LIST(X, XREC, XRECS)                                                                   \
    X(STR,  key,                 1,  FIELD_KEY, "KIND/DEVNUM/WHERE")                               \
    X(STR,  kind,                2,  0, "mount, swap, dm, md, loop, xen, open; scan: by muster")   \
    X(STR,  container,           3,  0, "")                                                        \
    X(STR,  device,              4,  0, "")                                                        \
    X(STR,  used_by,             5,  0, "mount point, name of the device-mapper or MD device, loop device, DOMID/VDEV, PROGRAM[PID], token of the lease") \
    X(STR,  type,                6,  0, "file system; swap: partition, file; device-mapper: who made it (LVM, CRYPT); xen: backend") \
    X(BOOL, read_only,           7,  0, "")                                                        \
    X(STR,  options,             8,  0, "of the mount")                                            \
    X(STR,  file,                9,  0, "image inside the file system: of a loop or of a guest")

/* clang-format on */

#endif
