/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FC ports, LUNs, paths and filesystems of a simulated host, and the images in those. */
#include <errno.h>

#include "base/text.h"
#include "fleet_gen_internal.h"

enum {
    SALT_LUN = 1 << 16,
    SALT_FILESYSTEM,
    SALT_IMAGES,
    SALT_TIME
}; /* no boot has such a number */
static const uint64_t gib = UINT64_C(1) << 30;

static uint64_t lun_mix(const struct fleet_shape *s, uint32_t group, uint32_t lun, uint64_t salt)
{
    return fleet_mix(s->seed ^ fleet_mix(((uint64_t)group << 32 | lun) + (salt << 20)));
}

const char *fleet_wwid(const struct fleet_shape *s, uint32_t group, uint32_t lun, struct arena *a)
{
    uint64_t r = lun_mix(s, group, lun, SALT_LUN);

    return arena_printf(a, "naa.60014050%08x%016llx", (uint32_t)(r >> 7), (unsigned long long)r);
}

static uint64_t lun_bytes(const struct fleet_shape *s, uint32_t group, uint32_t lun)
{
    return (100 + lun_mix(s, group, lun, SALT_LUN) % 8 * 100) * gib;
}

bool fleet_lun_is_mapped(const struct fleet_state *state, uint32_t lun)
{
    return (state->luns_gone[lun / 64] >> lun % 64 & 1) == 0;
}

static uint32_t port_of(const struct fleet_shape *s, uint32_t path)
{
    return path % s->ports;
}

static bool port_is_down(const struct fleet_state *state, uint32_t port)
{
    return (state->ports_down >> port & 1) != 0;
}

uint32_t fleet_paths_active(const struct fleet_shape *s, const struct fleet_state *state)
{
    uint32_t n = 0;

    for (uint32_t p = 0; p < s->paths; p++)
        n += !port_is_down(state, port_of(s, p));
    return n;
}

const char *fleet_map_device(uint32_t lun, struct arena *a)
{
    return arena_printf(a, "dm-%u", lun);
}

/* The n-th disk: sda, ..., sdz, sdaa, ... */
static const char *disk_name(uint32_t n, struct arena *a)
{
    char text[8];
    size_t at = sizeof text - 1;

    text[at] = '\0';
    for (n++; n > 0; n = (n - 1) / 26)
        text[--at] = (char)('a' + (n - 1) % 26);
    return arena_printf(a, "sd%s", text + at);
}

static const char *disk_of(const struct fleet_shape *s, uint32_t lun, uint32_t path,
                           struct arena *a)
{
    return disk_name(lun * s->paths + path, a);
}

/* ---- ports ------------------------------------------------------------------------------------
 */

static uint32_t luns_mapped(const struct fleet_shape *s, const struct fleet_state *state)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < fleet_luns(s); i++)
        n += fleet_lun_is_mapped(state, i);
    return n;
}

static const char *port_name(uint32_t index, uint32_t port, struct arena *a)
{
    return arena_printf(a, "0x2100%08x%04x", index, port);
}

static int hba_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                    struct arena *a, struct section *out)
{
    struct hba *rows = arena_array(a, s->ports, sizeof *rows);
    uint64_t luns = luns_mapped(s, state);

    if (rows == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < s->ports; i++) {
        struct hba *r = &rows[i];
        uint64_t paths = luns * ((s->paths + s->ports - 1 - i) / s->ports);
        bool down = port_is_down(state, i);

        REC_SET(r, hba, name, arena_printf(a, "host%u", i));
        REC_SET(r, hba, transport, "fc");
        REC_SET(r, hba, driver, "qla2xxx");
        REC_SET(r, hba, pci_address, arena_printf(a, "0000:86:00.%u", i % 8));
        REC_SET(r, hba, model, "QLE2742");
        REC_SET(r, hba, firmware, "9.12.01 (d0d5)");
        REC_SET(r, hba, port_name, port_name(index, i, a));
        REC_SET(r, hba, node_name, arena_printf(a, "0x2000%08x%04x", index, i));
        REC_SET(r, hba, fabric_name, arena_printf(a, "0x100000051e%06u", i % 2));
        REC_SET(r, hba, port_type, "NPort (fabric via point-to-point)");
        REC_SET(r, hba, port_state, down ? "Linkdown" : "Online");
        REC_SET(r, hba, speed, down ? "unknown" : "32 Gbit");
        REC_SET(r, hba, paths_active, down ? 0 : paths);
        REC_SET(r, hba, paths_total, paths);
    }
    out->rows = rows;
    out->row_count = s->ports;
    return 0;
}

/* ---- LUNs -------------------------------------------------------------------------------------
 */

static int lun_row(const struct fleet_shape *s, uint32_t group, uint32_t lun, uint32_t active,
                   struct arena *a, struct lun *r)
{
    const char *wwid = fleet_wwid(s, group, lun, a);
    const char **devices = arena_array(a, s->paths, sizeof *devices);
    const char **designators = arena_array(a, 1, sizeof *designators);

    if (wwid == NULL || devices == NULL || designators == NULL)
        return -ENOMEM;
    designators[0] = wwid;
    for (uint32_t p = 0; p < s->paths; p++)
        devices[p] = disk_of(s, lun, p, a);
    REC_SET(r, lun, key, wwid);
    REC_SET(r, lun, wwid, wwid);
    REC_SET(r, lun, identified_by, "naa");
    REC_SET(r, lun, designators, ((struct strs){ designators, 1 }));
    REC_SET(r, lun, transport, "fc");
    REC_SET(r, lun, vendor, "MUSTER");
    REC_SET(r, lun, model, "Simulated");
    REC_SET(r, lun, revision, "0001");
    REC_SET(r, lun, serial, wwid + 4);
    REC_SET(r, lun, size_bytes, lun_bytes(s, group, lun));
    REC_SET(r, lun, logical_block_bytes, 512);
    REC_SET(r, lun, physical_block_bytes, 4096);
    REC_SET(r, lun, rotational, false);
    REC_SET(r, lun, discard, true);
    REC_SET(r, lun, device, fleet_map_device(lun, a));
    REC_SET(r, lun, devnum, arena_printf(a, "253:%u", lun));
    REC_SET(r, lun, map, arena_printf(a, "mpath%u", lun));
    REC_SET(r, lun, map_uuid, arena_printf(a, "mpath-3%s", wwid + 4));
    REC_SET(r, lun, devices, ((struct strs){ devices, s->paths }));
    REC_SET(r, lun, state, "ok");
    REC_SET(r, lun, paths_active, active);
    REC_SET(r, lun, paths_total, s->paths);
    return 0;
}

static int lun_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                    struct arena *a, struct section *out)
{
    uint32_t active = fleet_paths_active(s, state);
    struct lun *rows = arena_array(a, fleet_luns(s), sizeof *rows);
    int rc = rows == NULL ? -ENOMEM : 0;

    out->rows = rows;
    for (uint32_t i = 0; rc == 0 && i < fleet_luns(s); i++) {
        if (fleet_lun_is_mapped(state, i))
            rc = lun_row(s, fleet_group(s, index), i, active, a, &rows[out->row_count++]);
    }
    return rc;
}

static void path_row(const struct fleet_shape *s, uint32_t index, uint32_t lun, uint32_t path,
                     bool down, struct arena *a, struct path *r)
{
    uint32_t group = fleet_group(s, index), port = port_of(s, path), target = path / s->ports;

    REC_SET(r, path, device, disk_of(s, lun, path, a));
    REC_SET(r, path, lun, fleet_wwid(s, group, lun, a));
    REC_SET(r, path, devnum, arena_printf(a, "8:%u", (lun * s->paths + path) * 16));
    REC_SET(r, path, address, arena_printf(a, "%u:0:%u:%u", port, target, lun));
    REC_SET(r, path, transport, "fc");
    REC_SET(r, path, hba, arena_printf(a, "host%u", port));
    REC_SET(r, path, initiator_port, port_name(index, port, a));
    REC_SET(r, path, target, arena_printf(a, "0x5006016%01x%08x", 0, group));
    REC_SET(r, path, target_port, arena_printf(a, "0x5006016%01x%08x", 1 + path % 14, group));
    REC_SET(r, path, target_port_state, down ? "Blocked" : "Online");
    REC_SET(r, path, state, down ? "transport-offline" : "running");
    REC_SET(r, path, map_state, down ? "failed" : "active");
    REC_SET(r, path, path_group, 1 + target % 2);
    REC_SET(r, path, group_state, target % 2 == 0 ? "active" : "enabled");
    REC_SET(r, path, access_state, target % 2 == 0 ? "active/optimized" : "active/non-optimized");
    REC_SET(r, path, size_bytes, lun_bytes(s, group, lun));
    REC_SET(r, path, active, !down);
}

static int path_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                     struct arena *a, struct section *out)
{
    struct path *rows = arena_array(a, (size_t)fleet_luns(s) * s->paths, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    out->rows = rows;
    for (uint32_t i = 0; i < fleet_luns(s); i++) {
        for (uint32_t p = 0; fleet_lun_is_mapped(state, i) && p < s->paths; p++)
            path_row(s, index, i, p, port_is_down(state, port_of(s, p)), a,
                     &rows[out->row_count++]);
    }
    return 0;
}

/* ---- filesystems ------------------------------------------------------------------------------
 */

static void filesystem_row(const struct fleet_shape *s, uint32_t group, uint32_t lun,
                           uint32_t active, struct arena *a, struct filesystem *r)
{
    char id[UUID_TEXT];
    uuid128 uuid = fleet_uuid(s->seed ^ group, lun, SALT_FILESYSTEM);

    REC_SET(r, filesystem, container, fleet_wwid(s, group, lun, a));
    REC_SET(r, filesystem, device, fleet_map_device(lun, a));
    REC_SET(r, filesystem, type, lun % 3 == 2 ? "xfs" : "ext4");
    REC_SET(r, filesystem, usage, "filesystem");
    REC_SET(r, filesystem, uuid, arena_strdup(a, uuid_text(uuid, id)));
    REC_SET(r, filesystem, label, arena_printf(a, "images-g%02u-%u", group, lun));
    REC_SET(r, filesystem, size_bytes, lun_bytes(s, group, lun));
    REC_SET(r, filesystem, block_bytes, 4096);
    REC_SET(r, filesystem, state, "clean");
    REC_SET(r, filesystem, journal, "internal");
    REC_SET(r, filesystem, paths_active, active);
    REC_SET(r, filesystem, paths_total, s->paths);
}

static int filesystem_rows(const struct fleet_shape *s, uint32_t index,
                           const struct fleet_state *state, struct arena *a, struct section *out)
{
    struct filesystem *rows = arena_array(a, s->filesystems, sizeof *rows);
    uint32_t active = fleet_paths_active(s, state);

    if (rows == NULL)
        return -ENOMEM;
    out->rows = rows;
    for (uint32_t i = 0; i < s->filesystems; i++) {
        if (fleet_lun_is_mapped(state, i) && active > 0)
            filesystem_row(s, fleet_group(s, index), i, active, a, &rows[out->row_count++]);
    }
    return 0;
}

int fleet_storage_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                       struct arena *a, struct section *out)
{
    switch (out->id) {
    case SECTION_HBAS:
        return hba_rows(s, index, state, a, out);
    case SECTION_LUNS:
        return lun_rows(s, index, state, a, out);
    case SECTION_PATHS:
        return path_rows(s, index, state, a, out);
    case SECTION_FILESYSTEMS:
        return filesystem_rows(s, index, state, a, out);
    default: /* no partitions, and nothing is in use */
        return 0;
    }
}

/* ---- images -----------------------------------------------------------------------------------
 */

static uint64_t text_mix(const struct fleet_shape *s, const char *text, uint64_t salt)
{
    uint64_t r = s->seed + salt;

    while (*text != '\0')
        r = fleet_mix(r ^ (uint64_t)(unsigned char)*text++);
    return r;
}

/* Between half of it and half as much again. */
static uint64_t about(uint64_t usual, uint64_t r)
{
    return usual / 2 + (usual > 0 ? r % (usual + 1) : 0);
}

static void image_row(uint64_t r, size_t i, struct arena *a, struct image *out)
{
    static const char *const formats[] = { "qcow2", "vhd", "raw" };
    const char *format = formats[r % ARRAY_LEN(formats)];
    uint64_t bytes = (1 + r / 8 % 64) * gib;

    REC_SET(out, image, path, arena_printf(a, "/guests/vm%04zu/disk0.%s", i, format));
    REC_SET(out, image, format, format);
    REC_SET(out, image, virtual_bytes, bytes);
    REC_SET(out, image, size_bytes, bytes / 2);
    REC_SET(out, image, allocated_bytes, bytes / 3);
    REC_SET(out, image, mtime_ms, INT64_C(1700000000000) + (int64_t)(r % 1000000));
    if (r % ARRAY_LEN(formats) == 0)
        REC_SET(out, image, cluster_bytes, 65536);
}

int fleet_images(const struct fleet_shape *s, const char *uuid, struct arena *a, struct recs *out)
{
    uint64_t r = text_mix(s, uuid, SALT_IMAGES);
    size_t n = about(s->images, r);
    struct image *rows = arena_array(a, n, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        image_row(fleet_mix(r + i), i, a, &rows[i]);
    *out = (struct recs){ rows, n };
    return 0;
}

int64_t fleet_scan_ms(const struct fleet_shape *s, const char *uuid)
{
    return (int64_t)about(s->scan_ms, text_mix(s, uuid, SALT_TIME));
}
