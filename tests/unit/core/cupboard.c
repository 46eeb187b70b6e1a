/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cupboard.h"

#include <assert.h>

#define G (UINT64_C(1) << 30)

/* Rows of one report. */
struct rows {
    struct hba hbas[2];
    struct lun luns[8];
    struct path paths[8];
    struct partition partitions[2];
    struct pv pvs[4];
    struct vg vgs[1];
    struct lv lvs[1];
    struct filesystem filesystems[8];
    struct use uses[4];
    size_t n[SECTION_COUNT];
};

/* ---- rows ----------------------------------------------------------------------------------- */

static struct lun *lun(struct rows *r, const char *key, const char *const *devices, size_t n)
{
    struct lun *x = &r->luns[r->n[SECTION_LUNS]++];

    REC_SET(x, lun, key, key);
    REC_SET(x, lun, device, devices[0]);
    REC_SET(x, lun, devices, ((struct strs){ devices, n }));
    REC_SET(x, lun, vendor, "LIO-ORG");
    REC_SET(x, lun, size_bytes, 20 * G);
    REC_SET(x, lun, state, "ok");
    REC_SET(x, lun, paths_active, n);
    REC_SET(x, lun, paths_total, n);
    return x;
}

static void path(struct rows *r, const char *device, const char *address, const char *lun)
{
    struct path *x = &r->paths[r->n[SECTION_PATHS]++];
    bool first = r->n[SECTION_PATHS] % 2 == 1;

    REC_SET(x, path, device, device);
    REC_SET(x, path, lun, lun);
    REC_SET(x, path, address, address);
    REC_SET(x, path, transport, first ? "iscsi" : "fc");
    REC_SET(x, path, hba, first ? "host1" : "host2");
    REC_SET(x, path, initiator_port, first ? "iqn.1993-08.org.debian:01:x" : "0x2100000e1e300001");
    REC_SET(x, path, target, "iqn.2003-01.org.linux-iscsi.target:disks");
    REC_SET(x, path, portal, first ? "10.0.0.1:3260" : NULL);
    REC_SET(x, path, target_port, first ? NULL : "0x50060e8007e2e301");
    if (first)
        REC_CLEAR(x, path, target_port);
    else
        REC_CLEAR(x, path, portal);
    REC_SET(x, path, state, "running");
    REC_SET(x, path, active, true);
}

/* A LUN with one path. */
static void disk(struct rows *r, const char *key, const char *const *device, const char *address)
{
    lun(r, key, device, 1);
    path(r, device[0], address, key);
}

static void pv(struct rows *r, const char *key, const char *container)
{
    struct pv *x = &r->pvs[r->n[SECTION_PVS]++];

    REC_SET(x, pv, uuid, key);
    REC_SET(x, pv, vg_uuid, CUP_VG);
    REC_SET(x, pv, vg_name, "fast");
    if (container != NULL)
        REC_SET(x, pv, container, container);
}

static void volumes(struct rows *r, uint64_t seqno, const char *digest, uint64_t here)
{
    static const char *const pvs[] = { "P1", "P2" };
    struct vg *vg = &r->vgs[r->n[SECTION_VGS]++];
    struct lv *lv = &r->lvs[r->n[SECTION_LVS]++];

    REC_SET(vg, vg, uuid, CUP_VG);
    REC_SET(vg, vg, name, "fast");
    REC_SET(vg, vg, seqno, seqno);
    REC_SET(vg, vg, metadata_digest, digest);
    REC_SET(vg, vg, pvs, 2);
    REC_SET(vg, vg, pvs_missing, 2 - here);
    REC_SET(vg, vg, paths_active, here);
    REC_SET(vg, vg, paths_total, 2);
    REC_SET(lv, lv, uuid, CUP_LV);
    REC_SET(lv, lv, name, "data");
    REC_SET(lv, lv, vg_uuid, CUP_VG);
    REC_SET(lv, lv, vg_name, "fast");
    REC_SET(lv, lv, type, "linear");
    REC_SET(lv, lv, pvs, ((struct strs){ pvs, 2 }));
    REC_SET(lv, lv, active, here > 0);
    REC_SET(lv, lv, device, "dm-3");
    REC_SET(lv, lv, size_bytes, 30 * G);
    REC_SET(lv, lv, paths_active, here);
    REC_SET(lv, lv, paths_total, 2);
}

static struct filesystem *filesystem(struct rows *r, const char *container, const char *uuid)
{
    struct filesystem *x = &r->filesystems[r->n[SECTION_FILESYSTEMS]++];

    REC_SET(x, filesystem, container, container);
    REC_SET(x, filesystem, uuid, uuid);
    REC_SET(x, filesystem, type, "ext4");
    REC_SET(x, filesystem, label, uuid);
    REC_SET(x, filesystem, size_bytes, 10 * G);
    return x;
}

static void use(struct rows *r, const char *key, const char *kind, const char *container,
                const char *by)
{
    struct use *x = &r->uses[r->n[SECTION_USES]++];

    REC_SET(x, use, key, key);
    REC_SET(x, use, kind, kind);
    REC_SET(x, use, container, container);
    REC_SET(x, use, used_by, by);
}

static void common(struct rows *r)
{
    struct partition *p = &r->partitions[r->n[SECTION_PARTITIONS]++];
    const char *const names[] = { "host1", "host2" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct hba *h = &r->hbas[r->n[SECTION_HBAS]++];

        REC_SET(h, hba, name, names[i]);
        REC_SET(h, hba, transport, i == 0 ? "iscsi" : "fc");
        REC_SET(h, hba, port_name, names[i]);
        REC_SET(h, hba, interface, "eth0");
    }
    REC_SET(p, partition, key, CUP_L1 "-part1");
    REC_SET(p, partition, container, CUP_L1);
    REC_SET(p, partition, number, 1);
    REC_SET(p, partition, size_bytes, 19 * G);
}

/* ---- machines ------------------------------------------------------------------------------- */

static const char *const pair[] = { "sda", "sdb" }, *const sdc[] = { "sdc" },
                         *const sdd[] = { "sdd" }, *const sde[] = { "sde" },
                         *const sdf[] = { "sdf" }, *const sdg[] = { "sdg" };

/* Loses a path and a PV; sees a LUN mapped anew, a clone, and devices that get an identity. */
static void first(struct rows *r, unsigned stage)
{
    bool later = stage > 1;
    struct filesystem *data;

    common(r);
    lun(r, CUP_L1, pair, later ? 1 : 2);
    path(r, "sda", "1:0:0:1", CUP_L1);
    if (!later)
        path(r, "sdb", "2:0:0:1", CUP_L1);
    if (stage < 3)
        disk(r, CUP_L2, sdc, "1:0:0:2");
    disk(r, later ? CUP_L5 : CUP_L3, sdd, "1:0:0:3");
    disk(r, later ? CUP_L6 : "local.sde", sde, "1:0:0:4");
    disk(r, CUP_L7, sdf, "1:0:0:5");
    disk(r, later ? CUP_L8 : "local.sdg", sdg, "1:0:0:6");
    pv(r, "P1", CUP_L1 "-part1");
    pv(r, "P2", stage < 3 ? CUP_L2 : NULL);
    if (later)
        pv(r, "P1/sdf", CUP_L7);
    volumes(r, 3 + stage, "aa", stage < 3 ? 2 : 1);
    data = filesystem(r, "lv." CUP_LV, "data");
    if (later)
        REC_SET(data, filesystem, members, 1);
    filesystem(r, later ? CUP_L5 : CUP_L3, "copy");
    filesystem(r, later ? CUP_L6 : "local.sde", "own");
    filesystem(r, later ? CUP_L8 : "local.sdg", "kept");
    if (later)
        filesystem(r, CUP_L7, "copy");
    use(r, "1", "mount", "lv." CUP_LV, "/srv/data");
    use(r, "2", "dm", CUP_L1 "-part1", "fast-data");
}

/* Sees another size and version, no answer, and paths that contradict each other. */
static void second(struct rows *r, unsigned stage)
{
    struct lun *x;

    common(r);
    x = lun(r, CUP_L1, pair, 2);
    REC_SET(x, lun, size_bytes, (20 + stage) * G);
    REC_SET(x, lun, state, stage > 1 ? "stuck" : "ok");
    path(r, "sda", "1:0:0:1", CUP_L1);
    path(r, "sdb", "2:0:0:1", CUP_L1);
    x = lun(r, CUP_L4, sdd, 1);
    REC_SET(x, lun, state, stage > 1 ? "ghost" : "ok");
    path(r, "sdd", "1:0:0:3", CUP_L4);
    disk(r, CUP_L2, sdc, "1:0:0:2");
    pv(r, "P1", CUP_L1 "-part1");
    pv(r, "P2", CUP_L2);
    volumes(r, stage > 2 ? 9 : 3 + stage, stage > 2 ? "bb" : "aa", 2);
    filesystem(r, CUP_L4, "copy");
    filesystem(r, "lv." CUP_LV, "data");
}

/* Lacks the PVs. */
static void third(struct rows *r)
{
    disk(r, CUP_L3, sdd, "1:0:0:3");
    pv(r, "P1", NULL);
    pv(r, "P2", NULL);
    volumes(r, 4, "aa", 0);
    filesystem(r, CUP_L3, "copy");
}

static void fill(struct rows *r, unsigned i, unsigned stage)
{
    if (stage == 0)
        return;
    if (i == 0)
        first(r, stage);
    else if (i == 1)
        second(r, stage);
    else
        third(r);
}

void cupboard_say(struct machine *m, unsigned i, unsigned stage)
{
    struct rows *r = arena_zalloc(m->l->arena, sizeof *r);
    struct section v[] = {
        { .id = SECTION_HBAS, .rows = r->hbas },
        { .id = SECTION_LUNS, .rows = r->luns },
        { .id = SECTION_PATHS, .rows = r->paths },
        { .id = SECTION_PARTITIONS, .rows = r->partitions },
        { .id = SECTION_PVS, .rows = r->pvs },
        { .id = SECTION_VGS, .rows = r->vgs },
        { .id = SECTION_LVS, .rows = r->lvs },
        { .id = SECTION_FILESYSTEMS, .rows = r->filesystems },
        { .id = SECTION_USES, .rows = r->uses },
    };
    struct envelope *env = arena_zalloc(m->l->arena, sizeof *env);
    struct report *body = arena_zalloc(m->l->arena, sizeof *body);
    struct err e = { "" };

    fill(r, i, stage);
    for (size_t k = 0; k < ARRAY_LEN(v); k++) {
        v[k].status = SECTION_OK;
        v[k].row_count = r->n[v[k].id];
        if (section_normalise(&v[k], m->l->arena, &e) != 0)
            assert(!"rows that are right");
    }
    REC_SET(env, envelope, report, body);
    machine_say_sections(m, env, v, ARRAY_LEN(v));
}
