/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chain of what stores data: what is said when all is well, when something of it is wrong, and
 * when a node lacks what another one has. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "core/explain.h"
#include "core/impact.h"
#include "wire/codec.h"

#define WWID    "naa.60060e8007e2e3000030e2e300000042"
#define OTHER   "naa.60060e8007e2e3000030e2e300000043"
#define FS_UUID "5d1e7b0e-0d4f-4f0e-9d53-7a9b8f3d2c11"
#define PV_A    "AAAAAA-aaaa-aaaa-aaaa-aaaa-aaaa-AAAAAA"
#define PV_B    "BBBBBB-bbbb-bbbb-bbbb-bbbb-bbbb-BBBBBB"
#define VG      "GGGGGG-gggg-gggg-gggg-gggg-gggg-GGGGGG"
#define LV      "LLLLLL-llll-llll-llll-llll-llll-LLLLLL"
#define FABRIC  "0x100000051e0b2c3d"
#define IQN     "iqn.2003-01.org.linux-iscsi.target:disks"

/* The rows of one node: a LUN behind two FC ports, a partition on it, in that a PV of the volume
 * group fast, whose other PV is a whole LUN; in fast/data an ext4. */
struct host {
    struct hba hbas[2];
    struct lun luns[2];
    struct path paths[3];
    struct partition partitions[1];
    struct pv pvs[2];
    struct vg vgs[1];
    struct lv lvs[1];
    struct filesystem filesystems[1];
    struct use uses[3];
    struct nic nics[1];
    struct section sections[SECTION_COUNT];
};

struct world {
    struct arena *a;
    struct host here, there, beyond;
    struct explain_peer peers[2];
    struct explain_pv missing[1];
    struct section_body states[SECTION_COUNT];
    struct node_info node;
    struct resource_info resource;
    struct edge_info edge;
    struct explain_route route;
    struct explain_facts facts;
    struct reply reply;
};

static const char *const pv_uuids[] = { PV_A, PV_B };

static void hba(struct hba *h, const char *name, const char *wwpn)
{
    REC_SET(h, hba, name, name);
    REC_SET(h, hba, transport, "fc");
    REC_SET(h, hba, port_name, wwpn);
    REC_SET(h, hba, port_state, "Online");
    REC_SET(h, hba, speed, "16 Gbit");
    REC_SET(h, hba, fabric_name, FABRIC);
}

static void lun(struct lun *l, const char *key, const char *map)
{
    REC_SET(l, lun, key, key);
    REC_SET(l, lun, vendor, "HITACHI");
    REC_SET(l, lun, model, "OPEN-V");
    REC_SET(l, lun, size_bytes, UINT64_C(20) << 30);
    REC_SET(l, lun, device, "dm-0");
    REC_SET(l, lun, map, map);
    REC_SET(l, lun, state, "ok");
    REC_SET(l, lun, paths_active, 2);
    REC_SET(l, lun, paths_total, 2);
}

static void path(struct path *p, const char *device, const char *lun, const char *hba)
{
    REC_SET(p, path, device, device);
    REC_SET(p, path, lun, lun);
    REC_SET(p, path, transport, "fc");
    REC_SET(p, path, hba, hba);
    REC_SET(p, path, initiator_port,
            strcmp(hba, "host3") == 0 ? "0x2100000e1e300001" : "0x2100000e1e300002");
    REC_SET(p, path, target, "0x50060e8007e2e342");
    REC_SET(p, path, target_port,
            strcmp(hba, "host3") == 0 ? "0x50060e8007e2e301" : "0x50060e8007e2e302");
    REC_SET(p, path, target_port_state, "Online");
    REC_SET(p, path, state, "running");
    REC_SET(p, path, map_state, "active");
    REC_SET(p, path, access_state, "active/optimized");
    REC_SET(p, path, active, true);
}

static void pv(struct pv *p, const char *uuid, const char *container)
{
    REC_SET(p, pv, uuid, uuid);
    REC_SET(p, pv, container, container);
    REC_SET(p, pv, device, "dm-1");
    REC_SET(p, pv, vg_uuid, VG);
    REC_SET(p, pv, vg_name, "fast");
}

static void host_lvm(struct host *h)
{
    struct vg *vg = &h->vgs[0];
    struct lv *lv = &h->lvs[0];

    pv(&h->pvs[0], PV_A, WWID "-part1");
    pv(&h->pvs[1], PV_B, OTHER);
    REC_SET(vg, vg, uuid, VG);
    REC_SET(vg, vg, name, "fast");
    REC_SET(vg, vg, pvs, 2);
    REC_SET(vg, vg, pvs_missing, 0);
    REC_SET(vg, vg, seqno, 12);
    REC_SET(lv, lv, uuid, LV);
    REC_SET(lv, lv, name, "data");
    REC_SET(lv, lv, vg_uuid, VG);
    REC_SET(lv, lv, vg_name, "fast");
    REC_SET(lv, lv, type, "linear");
    REC_SET(lv, lv, pvs, ((struct strs){ pv_uuids, 2 }));
    REC_SET(lv, lv, active, true);
    REC_SET(lv, lv, device, "dm-3");
    REC_SET(lv, lv, paths_active, 2);
    REC_SET(lv, lv, paths_total, 2);
}

static void use(struct use *u, const char *kind, const char *container, const char *by)
{
    REC_SET(u, use, key, by);
    REC_SET(u, use, kind, kind);
    REC_SET(u, use, container, container);
    REC_SET(u, use, used_by, by);
}

static void host_sections(struct host *h)
{
    const struct {
        enum section_id id;
        void *rows;
        size_t n;
    } filled[] = { { SECTION_HBAS, h->hbas, 2 },   { SECTION_LUNS, h->luns, 2 },
                   { SECTION_PATHS, h->paths, 3 }, { SECTION_PARTITIONS, h->partitions, 1 },
                   { SECTION_PVS, h->pvs, 2 },     { SECTION_VGS, h->vgs, 1 },
                   { SECTION_LVS, h->lvs, 1 },     { SECTION_FILESYSTEMS, h->filesystems, 1 },
                   { SECTION_USES, h->uses, 2 },   { SECTION_NICS, h->nics, 1 } };

    for (size_t i = 0; i < SECTION_COUNT; i++)
        h->sections[i] = (struct section){ .id = (enum section_id)i, .status = SECTION_OK };
    for (size_t i = 0; i < ARRAY_LEN(filled); i++) {
        h->sections[filled[i].id].rows = filled[i].rows;
        h->sections[filled[i].id].row_count = filled[i].n;
    }
}

static void host(struct host *h)
{
    struct filesystem *fs = &h->filesystems[0];
    struct partition *p = &h->partitions[0];

    hba(&h->hbas[0], "host3", "0x2100000e1e300001");
    hba(&h->hbas[1], "host4", "0x2100000e1e300002");
    lun(&h->luns[0], WWID, "mpatha");
    lun(&h->luns[1], OTHER, "mpathb");
    path(&h->paths[0], "sda", WWID, "host3");
    path(&h->paths[1], "sdb", WWID, "host4");
    path(&h->paths[2], "sdc", OTHER, "host3");
    REC_SET(p, partition, key, WWID "-part1");
    REC_SET(p, partition, container, WWID);
    REC_SET(p, partition, number, 1);
    REC_SET(p, partition, device, "dm-1");
    host_lvm(h);
    REC_SET(fs, filesystem, container, "lv." LV);
    REC_SET(fs, filesystem, device, "dm-3");
    REC_SET(fs, filesystem, type, "ext4");
    REC_SET(fs, filesystem, uuid, FS_UUID);
    REC_SET(fs, filesystem, label, "images");
    REC_SET(fs, filesystem, state, "clean");
    use(&h->uses[0], "mount", "lv." LV, "/srv/images");
    REC_SET(&h->uses[0], use, read_only, true);
    use(&h->uses[1], "dm", WWID "-part1", "fast-data");
    REC_SET(&h->nics[0], nic, name, "eth2");
    REC_SET(&h->nics[0], nic, admin_up, true);
    REC_SET(&h->nics[0], nic, carrier, false);
    host_sections(h);
}

static void facts(struct world *w, enum resource_kind kind, const char *key, const char *label)
{
    REC_SET(&w->resource, resource_info, label, label);
    w->facts.kind = kind;
    w->facts.key = key;
}

static struct world *world_new(enum resource_kind kind, const char *key, const char *label)
{
    struct world *w = calloc(1, sizeof *w);

    w->a = arena_new(0);
    host(&w->here);
    host(&w->there);
    host(&w->beyond);
    w->peers[0] = (struct explain_peer){ .name = "rack7-04", .sections = w->there.sections };
    w->peers[1] = (struct explain_peer){ .name = "rack7-05", .sections = w->beyond.sections };
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        REC_SET(&w->states[i], section_body, section, i);
        REC_SET(&w->states[i], section_body, status, SECTION_OK);
        REC_SET(&w->states[i], section_body, age_ms, 1200);
    }
    REC_SET(&w->node, node_info, name, "rack7-03");
    REC_SET(&w->node, node_info, state, "up");
    REC_SET(&w->node, node_info, heard_ms, 500);
    REC_SET(&w->edge, edge_info, state, EDGE_OK);
    REC_SET(&w->edge, edge_info, paths_active, 2);
    REC_SET(&w->edge, edge_info, paths_total, 2);
    REC_SET(&w->edge, edge_info, paths_had, 2);
    w->facts = (struct explain_facts){ .node = &w->node,
                                       .resource = &w->resource,
                                       .edge = &w->edge,
                                       .peers = w->peers,
                                       .peer_count = 2,
                                       .best = PEER_NONE,
                                       .pvs = w->missing,
                                       .states = { w->states, SECTION_COUNT } };
    facts(w, kind, key, label);
    return w;
}

/* rack7-04 sees it, and this node does not. */
static struct world *world_unseen(enum resource_kind kind, const char *key, const char *label)
{
    struct world *w = world_new(kind, key, label);

    w->facts.edge = NULL;
    w->facts.best = 0;
    return w;
}

static void world_free(struct world *w)
{
    arena_free(w->a);
    free(w);
}

/* ---- what must hold of every chain ---------------------------------------------------------- */

static void check_chain(const struct world *w)
{
    static const char *const states[] = { "ok",    "degraded", "lost", "unknown",
                                          "stuck", "missing",  "info", "quarantined" };
    const struct evidence *v = w->reply.evidence.v;
    struct err e = { "" };
    struct buf b = { 0 };
    struct reply r = w->reply;

    cr_assert_gt(w->reply.evidence.n, 0);
    cr_expect_eq(v[0].depth, 0);
    for (size_t i = 0; i < w->reply.evidence.n; i++) {
        bool known = false;

        for (size_t k = 0; k < ARRAY_LEN(states); k++)
            known = known || strcmp(v[i].state, states[k]) == 0;
        cr_expect(known, "the state '%s' is none", v[i].state);
        cr_expect(i == 0 || v[i].depth <= v[i - 1].depth + 1, "%s: a depth is skipped", v[i].text);
        cr_expect_eq(v[i].text[strlen(v[i].text) - 1], '.', "'%s' is no sentence", v[i].text);
    }
    REC_SET(&r, reply, version, PROTOCOL_VERSION);
    REC_SET(&r, reply, code, REPLY_OK);
    cr_expect_eq(wire_encode(&reply_desc, &r, &b, &e), 0, "%s", e.text);
    buf_deinit(&b);
}

static void explain(struct world *w)
{
    cr_assert_eq(explain_build(&w->facts, w->here.sections, w->a, &w->reply), 0);
    check_chain(w);
}

static const struct evidence *find(const struct world *w, const char *what, const char *name,
                                   const char *text)
{
    const struct evidence *v = w->reply.evidence.v;

    for (size_t i = 0; i < w->reply.evidence.n; i++) {
        if (strcmp(v[i].what, what) == 0 && strcmp(v[i].name, name) == 0 &&
            strstr(v[i].text, text) != NULL)
            return &v[i];
    }
    return NULL;
}

static void print(const struct world *w)
{
    const struct evidence *v = w->reply.evidence.v;

    for (size_t i = 0; i < w->reply.evidence.n; i++)
        cr_log_warn("%u %s %s [%s] %s%s%s", (unsigned)v[i].depth, v[i].what, v[i].name, v[i].state,
                    v[i].text, v[i].mend != NULL ? " -> " : "", v[i].mend != NULL ? v[i].mend : "");
}

static void expect(const struct world *w, const char *what, const char *name, const char *state,
                   const char *text, const char *mend)
{
    const struct evidence *e = find(w, what, name, text);

    if (e == NULL)
        print(w);
    cr_assert_not_null(e, "no evidence of %s %s that says '%s'", what, name, text);
    cr_expect_str_eq(e->state, state, "%s %s is %s: %s", what, name, e->state, e->text);
    if (mend == NULL)
        cr_expect_null(e->mend, "%s %s: '%s' mends nothing", what, name, e->mend);
    else
        cr_expect(e->mend != NULL && strstr(e->mend, mend) != NULL, "%s %s: '%s' is not in '%s'",
                  what, name, mend, e->mend);
}

/* The chain is this, from the top down: "0 lun, 1 lun, ...", without sections and node. */
static void expect_order(const struct world *w, const char *wanted)
{
    const struct evidence *v = w->reply.evidence.v;
    struct buf b = { 0 };

    for (size_t i = 0; i < w->reply.evidence.n; i++) {
        if (strcmp(v[i].what, "section") != 0 && strcmp(v[i].what, "node") != 0)
            buf_printf(&b, "%s%u %s", i > 0 ? ", " : "", (unsigned)v[i].depth, v[i].what);
    }
    cr_expect_str_eq(buf_cstr(&b), wanted);
    buf_deinit(&b);
}

/* ---- seen ----------------------------------------------------------------------------------- */

Test(explain_storage, a_healthy_lun_over_fibre_channel)
{
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);

    explain(w);
    expect(w, "lun", WWID, "ok", "rack7-03 sees " WWID " in full: 2 of 2 paths.", NULL);
    expect(w, "lun", WWID, "ok", "mpatha (HITACHI OPEN-V, 20 GiB), " WWID ": 2 of 2 paths.", NULL);
    expect(w, "path", "sda", "ok",
           "sda (fc) from 0x2100000e1e300001 to target port 0x50060e8007e2e301 is running, target "
           "port Online, active in the map, active/optimized.",
           NULL);
    expect(w, "hba", "host3", "ok", "host3 (fc, 0x2100000e1e300001, 16 Gbit) is Online, in fabric",
           NULL);
    expect_order(w, "0 lun, 1 lun, 2 path, 3 hba, 2 path, 3 hba");
    world_free(w);
}

Test(explain_storage, one_path_failed_since)
{
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);
    struct path *p = &w->here.paths[1];

    REC_SET(&w->edge, edge_info, state, EDGE_DEGRADED);
    REC_SET(&w->edge, edge_info, paths_active, 1);
    REC_SET(&w->edge, edge_info, had_until_ms, 1764165600000);
    REC_SET(&w->edge, edge_info, since_ms, 1764165600000);
    REC_SET(&w->here.luns[0], lun, paths_active, 1);
    REC_SET(p, path, active, false);
    REC_SET(p, path, state, "transport-offline");
    REC_SET(p, path, map_state, "failed");
    REC_SET(p, path, target_port_state, "Not Present");
    explain(w);
    expect(w, "lun", WWID, "degraded",
           "1 of 2 paths, had 2 until 2025-11-26T14:00:00.000Z, so since 2025-11-26T14:00:00.000Z.",
           NULL);
    expect(w, "path", "sda", "ok", "sda", NULL);
    expect(w, "path", "sdb", "lost",
           "transport-offline, target port Not Present, failed in the map",
           "Check that a zone has 0x2100000e1e300002 and 0x50060e8007e2e302");
    REC_SET(&w->here.hbas[1], hba, port_state, "Linkdown");
    explain(w);
    expect(w, "path", "sdb", "lost", "sdb", "Check the cable of host4 on rack7-03");
    expect(w, "hba", "host4", "lost", "is Linkdown", "Check the cable of host4");
    world_free(w);
}

/* A device that was removed has no row any more. */
static struct world *world_fallen(void)
{
    static struct explain_fallen fallen = { WWID, 2, 1, { 1764165600000 } };
    static struct path_lost lost[3];
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);

    memset(lost, 0, sizeof lost);
    path(&lost[0].path, "sdq", WWID, "host4");
    REC_SET(&lost[0].path, path, address, "4:0:1:7");
    lost[0].at.v = 1764165601000;
    w->facts.fallen = &fallen;
    w->facts.fallen_count = 1;
    w->facts.lost = lost;
    w->facts.lost_count = 1;
    REC_SET(&w->edge, edge_info, state, EDGE_DEGRADED);
    REC_SET(&w->edge, edge_info, paths_active, 1);
    REC_SET(&w->edge, edge_info, paths_total, 1);
    REC_SET(&w->edge, edge_info, had_until_ms, 1764165600000);
    w->here.sections[SECTION_PATHS].row_count = 1;
    return w;
}

Test(explain_storage, a_path_that_is_gone_is_named)
{
    struct world *w = world_fallen();

    explain(w);
    expect(w, "lun", WWID, "degraded", "1 of 1 paths, had 2 until 2025-11-26T14:00:00.000Z", NULL);
    expect(w, "path", "sda", "ok", "sda", NULL);
    expect(w, "path", "sdq", "lost",
           "sdq (fc) from 0x2100000e1e300002 to target port 0x50060e8007e2e302, at address 4:0:1:7 "
           "is gone since 2025-11-26T14:00:01.000Z: rack7-03 had it in this boot and reports it no "
           "more.",
           "Check that a zone has 0x2100000e1e300002 and 0x50060e8007e2e302, and the port of the "
           "array; then: muster rescan rack7-03 --target 4:0:1");
    expect_order(w, "0 lun, 1 lun, 2 path, 3 hba, 2 path, 3 hba");
    REC_SET(&w->here.hbas[1], hba, port_state, "Linkdown");
    explain(w);
    expect(w, "path", "sdq", "lost", "sdq", "Check the cable of host4 on rack7-03");
    world_free(w);
}

Test(explain_storage, a_path_that_is_gone_below_a_filesystem)
{
    struct world *w = world_fallen();

    facts(w, RESOURCE_FILESYSTEM, FS_UUID "@lv." LV, "images");
    explain(w);
    expect(w, "path", "sdq", "lost", "is gone since", "Check that a zone has");
    world_free(w);
}

Test(explain_storage, all_paths_are_gone)
{
    struct world *w = world_fallen();

    w->here.sections[SECTION_PATHS].row_count = 0;
    w->here.sections[SECTION_LUNS].row_count = 0;
    ((struct explain_fallen *)w->facts.fallen)->total = 0;
    REC_SET(&w->edge, edge_info, state, EDGE_LOST);
    explain(w);
    expect(w, "path", "sdq", "lost", "is gone since", "Check that a zone has");
    expect(w, "path", WWID, "info", "Of 1 more paths that it had nothing is known any more.", NULL);
    world_free(w);
}

/* It is there again under another name, was lost in an earlier fall, is another LUN's, or was lost
 * twice. */
Test(explain_storage, a_path_that_is_not_gone_or_told_already)
{
    struct world *w = world_fallen();
    struct path_lost *lost = (struct path_lost *)w->facts.lost;

    lost[1] = lost[2] = lost[0];
    REC_SET(&lost[1].path, path, device, "sdr");
    explain(w);
    cr_expect_null(find(w, "path", "sdr", ""), "the newest is told");
    w->facts.lost_count = 3;
    REC_SET(&lost[2].path, path, device, "sds");
    REC_SET(&lost[2].path, path, lun, OTHER);
    explain(w);
    expect(w, "path", "sdq", "lost", "is gone", "zone");
    cr_expect_null(find(w, "path", "sdr", ""));
    cr_expect_null(find(w, "path", "sds", ""));
    w->facts.lost_count = 1;
    w->here.sections[SECTION_PATHS].row_count = 2; /* sdb is it */
    explain(w);
    cr_expect_null(find(w, "path", "sdq", ""));
    w->here.sections[SECTION_PATHS].row_count = 1;
    lost[0].at.v = 1764165600000 - 3600000;
    explain(w);
    cr_expect_null(find(w, "path", "sdq", ""), "it was another time");
    expect(w, "path", WWID, "info", "Of 1 paths that it had nothing is known any more.", NULL);
    w->facts.fallen_count = 0;
    explain(w);
    cr_expect_null(find(w, "path", WWID, ""), "it has all that it had");
    world_free(w);
}

Test(explain_storage, a_lun_that_does_not_answer_and_a_suspended_map)
{
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);
    struct lun *l = &w->here.luns[0];

    REC_SET(&w->edge, edge_info, state, EDGE_STUCK);
    REC_SET(l, lun, state, "stuck");
    REC_SET(l, lun, state_text, "no answer to a read of its first block");
    REC_SET(l, lun, stuck_ms, 300000);
    REC_SET(l, lun, map_suspended, true);
    explain(w);
    expect(w, "lun", WWID, "stuck", "has not answered for 5 min: no answer to a read",
           "must answer");
    expect(w, "lun", "mpatha", "stuck", "is suspended", "On rack7-03: dmsetup resume mpatha");
    REC_SET(l, lun, state, "ghost");
    explain(w);
    expect(w, "lun", WWID, "degraded", "contradict each other", "rescan");
    world_free(w);
}

Test(explain_storage, what_was_found_instead_of_a_quarantined_filesystem)
{
    struct world *w = world_new(RESOURCE_FILESYSTEM, FS_UUID "@lv." LV, "images");

    REC_SET(&w->edge, edge_info, state, EDGE_QUARANTINED);
    REC_SET(&w->edge, edge_info, distrust, "identity changed: it is another");
    REC_SET(&w->edge, edge_info, distrusted_ms, 1764000000000);
    explain(w);
    expect(w, "filesystem", "images", "quarantined",
           "What rack7-03 says of images is not believed; it reports: ", NULL);
    expect(w, "scan", "images", "quarantined",
           "When rack7-03 looked, since 2025-11-24T16:00:00.000Z, something else was there: "
           "identity changed: it is another.",
           "has rack7-03 prove");
    world_free(w);
}

Test(explain_storage, from_the_filesystem_to_the_ports)
{
    struct world *w = world_new(RESOURCE_FILESYSTEM, FS_UUID "@lv." LV, "images");

    explain(w);
    expect(w, "filesystem", "lv." LV, "ok", "ext4 \"images\", " FS_UUID ", clean, in lv." LV, NULL);
    expect(w, "lv", "fast/data", "ok", "fast/data (linear) is active as dm-3.", NULL);
    expect(w, "use", "/srv/images", "info", "It is mounted at /srv/images, read-only.", NULL);
    expect(w, "vg", "fast", "ok", "fast has 2 of its 2 PVs here, metadata version 12.", NULL);
    expect(w, "use", "fast-data", "info", "On it stands the map fast-data.", NULL);
    expect_order(w, "0 filesystem, 1 filesystem, 2 lv, 3 use, 3 vg, 4 pv, 5 partition, 6 use, "
                    "6 lun, 7 path, 8 hba, 7 path, 8 hba, 4 pv, 5 lun, 6 path, 7 hba");
    REC_SET(&w->here.filesystems[0], filesystem, state, "dirty");
    explain(w);
    expect(w, "filesystem", "lv." LV, "ok", "dirty: mounted somewhere, or not unmounted well",
           NULL);
    world_free(w);
}

Test(explain_storage, doubts_are_told)
{
    static const char *const doubt[] = { "rack7-03 and rack7-04 disagree about its size." };
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);

    REC_SET(&w->resource, resource_info, doubts, ((struct strs){ doubt, 1 }));
    explain(w);
    expect(w, "lun", WWID, "degraded", "disagree about its size.", NULL);
    world_free(w);
}

Test(explain_storage, a_device_that_may_not_be_opened)
{
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);

    REC_SET(&w->here.luns[0], lun, unread,
            "/dev/dm-0 cannot be opened and read: Operation not permitted");
    explain(w);
    expect(w, "lun", WWID, "ok", "2 of 2 paths", NULL);
    expect(w, "lun", WWID, "unknown",
           "Its label was not read: /dev/dm-0 cannot be opened and read: Operation not permitted.",
           "On rack7-03, see why: dd if=/dev/dm-0 of=/dev/null count=1 iflag=direct");
    REC_SET(&w->here.luns[0], lun, state, "failed");
    REC_SET(&w->here.luns[0], lun, state_text, "reading /dev/dm-0 failed");
    explain(w);
    cr_expect_null(find(w, "lun", WWID, "Its label"), "its state says so");
    world_free(w);
}

/* Nobody knows whether it is there. */
Test(explain_storage, a_filesystem_in_what_was_not_read)
{
    struct world *w = world_unseen(RESOURCE_FILESYSTEM, FS_UUID "@" WWID "-part1", "images");

    w->here.sections[SECTION_FILESYSTEMS].row_count = 0;
    explain(w);
    expect(w, "filesystem", WWID "-part1", "missing", "has found no filesystem in it", NULL);
    REC_SET(&w->here.partitions[0], partition, unread, "no medium");
    explain(w);
    cr_expect_null(find(w, "filesystem", WWID "-part1", "no filesystem"));
    expect(w, "filesystem", WWID "-part1", "unknown", "and does not know what lies in it", NULL);
    expect(w, "partition", WWID "-part1", "unknown", "Its label was not read: no medium.",
           "dd if=/dev/dm-1 ");
    w->facts.key = FS_UUID "@" OTHER;
    REC_SET(&w->here.luns[1], lun, unread, "no medium");
    explain(w);
    expect(w, "filesystem", OTHER, "unknown", "and does not know what lies in it", NULL);
    world_free(w);
}

/* Of what has no row for it the section tells. */
Test(explain_storage, what_a_section_has_to_say)
{
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);

    REC_SET(&w->states[SECTION_LUNS], section_body, status_text, "/dev/dm-5 cannot be opened");
    explain(w);
    expect(w, "section", "luns", "ok", "ago; /dev/dm-5 cannot be opened.", NULL);
    world_free(w);
}

/* rack7-04 sees more of the volume group, and rack7-05 has what is missing. */
static struct world *world_partial(void)
{
    struct world *w = world_new(RESOURCE_VG, VG, "fast");
    struct pv *p = &w->here.pvs[1];

    w->facts.best = 0;
    w->there.sections[SECTION_PVS].row_count = 1;
    w->there.sections[SECTION_LUNS].row_count = 1;
    w->missing[0] = (struct explain_pv){ PV_B, "rack7-05", OTHER, 1 };
    w->facts.pv_count = 1;
    REC_SET(&w->edge, edge_info, state, EDGE_DEGRADED);
    REC_SET(&w->here.vgs[0], vg, pvs_missing, 1);
    REC_CLEAR(p, pv, container);
    REC_SET(p, pv, missing, true);
    w->here.sections[SECTION_LUNS].row_count = 1;
    w->here.sections[SECTION_PATHS].row_count = 2;
    return w;
}

Test(explain_storage, a_volume_group_with_a_missing_pv)
{
    struct world *w = world_partial();

    explain(w);
    expect(w, "vg", "fast", "degraded", "1 of its 2 PVs", "Present the missing PVs to rack7-03");
    expect(w, "pv", PV_B, "missing", "on rack7-05 it lies in " OTHER,
           "Present " OTHER " to rack7-03");
    expect(w, "lun", OTHER, "missing", "on rack7-05 it is mpathb (HITACHI OPEN-V, 20 GiB).", NULL);
    expect(w, "path", "0x50060e8007e2e301", "missing", "does not present this LUN",
           "map the LUN to 0x2100000e1e300001");
    world_free(w);
}

Test(explain_storage, a_missing_pv_that_nobody_sees_or_of_too_many)
{
    struct world *w = world_partial();

    w->missing[0].peer = PEER_NONE;
    explain(w);
    expect(w, "pv", PV_B, "missing", "on rack7-05 it lies in " OTHER, "Present " OTHER);
    cr_expect_null(find(w, "lun", OTHER, ""), "its rows were not read");
    w->facts.pv_count = 0;
    explain(w);
    expect(w, "pv", PV_B, "missing", "does not see, nor does any other node now.",
           "Present the LUN with this PV to rack7-03");
    w->facts.pvs_left_out = true;
    explain(w);
    expect(w, "pv", PV_B, "missing", "there are too many to look for each of them", "Present");
    world_free(w);
}

/* The LUN is here, and may not be opened: presenting it again would not help. */
Test(explain_storage, a_missing_pv_in_what_was_not_read)
{
    struct world *w = world_partial();

    w->here.sections[SECTION_LUNS].row_count = 2;
    REC_SET(&w->here.luns[1], lun, unread, "no medium");
    explain(w);
    expect(w, "pv", PV_B, "missing", "on rack7-05 it lies in " OTHER, NULL);
    expect(w, "lun", OTHER, "unknown", "Its label was not read: no medium.", "dd if=");
    world_free(w);
}

/* Who compares with a node that has not all of it either is told of the rest too. */
Test(explain_storage, nothing_is_here_and_not_all_there)
{
    struct world *w = world_partial();

    REC_CLEAR(&w->there.pvs[0], pv, container);
    w->there.sections[SECTION_PVS].row_count = 2;
    w->missing[0] = (struct explain_pv){ PV_A, "rack7-05", WWID, 1 };
    w->here.sections[SECTION_LUNS].row_count = 0;
    w->facts.edge = NULL;
    w->here.sections[SECTION_PVS].row_count = w->here.sections[SECTION_VGS].row_count = 0;
    explain(w);
    expect(w, "pv", PV_A, "missing", "fast names PV " PV_A, "Present " WWID " to rack7-03");
    expect(w, "lun", WWID, "missing", "on rack7-05 it is mpatha", NULL);
    expect(w, "pv", PV_B, "missing", "On rack7-04 PV " PV_B " lies in " OTHER ".", NULL);
    world_free(w);
}

/* ---- not seen ------------------------------------------------------------------------------- */

static struct world *lun_unseen(void)
{
    struct world *w = world_unseen(RESOURCE_LUN, WWID, WWID);

    w->here.sections[SECTION_LUNS] = (struct section){
        .id = SECTION_LUNS, .status = SECTION_OK, .rows = &w->here.luns[1], .row_count = 1
    };
    w->here.sections[SECTION_PATHS] = (struct section){
        .id = SECTION_PATHS, .status = SECTION_OK, .rows = &w->here.paths[2], .row_count = 1
    };
    return w;
}

Test(explain_storage, the_target_is_reached_and_does_not_present_it)
{
    struct world *w = lun_unseen();

    explain(w);
    expect(w, "lun", WWID, "missing", "rack7-03 does not see " WWID "; rack7-04 does.", NULL);
    expect(w, "path", "0x50060e8007e2e301", "missing",
           "(sdc leads to " OTHER " there), but it does not present this LUN", "rescan");
    world_free(w);
}

Test(explain_storage, the_target_is_not_zoned)
{
    struct world *w = lun_unseen();

    explain(w);
    expect(w, "path", "0x50060e8007e2e302", "missing", "no zone has both",
           "Put 0x2100000e1e300001 and 0x50060e8007e2e302 into one zone of fabric " FABRIC);
    for (size_t i = 0; i < 2; i++)
        REC_SET(&w->here.hbas[i], hba, fabric_name, "0x1000000000000001");
    explain(w);
    expect(w, "path", "0x50060e8007e2e302", "missing",
           "is in fabric " FABRIC ", and no port of rack7-03 is", "Connect a port of rack7-03");
    world_free(w);
}

Test(explain_storage, no_port_or_none_that_is_up)
{
    struct world *w = lun_unseen();

    for (size_t i = 0; i < 2; i++)
        REC_SET(&w->here.hbas[i], hba, port_state, "Linkdown");
    explain(w);
    expect(w, "hba", "fc", "lost", "is online: host3 Linkdown, host4 Linkdown.",
           "Check the cables");
    w->here.sections[SECTION_HBAS].row_count = 0;
    explain(w);
    expect(w, "hba", "fc", "missing", "has no Fibre Channel port", "needs a Fibre Channel port");
    world_free(w);
}

static struct world *iscsi_unseen(void)
{
    struct world *w = lun_unseen();
    struct path *p = &w->there.paths[0];

    REC_SET(&w->there.hbas[0], hba, transport, "iscsi");
    REC_SET(&w->there.hbas[0], hba, interface, "storage");
    REC_SET(p, path, transport, "iscsi");
    REC_SET(p, path, target, IQN);
    REC_SET(p, path, portal, "10.0.0.1:3260");
    REC_CLEAR(p, path, target_port);
    w->there.sections[SECTION_PATHS].row_count = 1;
    w->route = (struct explain_route){ "storage", "storage-a", 0, NULL };
    w->peers[0].routes = &w->route;
    w->peers[0].route_count = 1;
    return w;
}

Test(explain_storage, not_logged_in_and_not_on_the_network)
{
    struct world *w = iscsi_unseen();

    explain(w);
    expect(w, "path", "10.0.0.1:3260", "missing", "is not logged in to " IQN,
           "iscsiadm -m node -T " IQN " -p 10.0.0.1:3260 --login");
    expect(w, "network", "storage-a", "missing", "rack7-03 is not on that network",
           "muster explain rack7-03 storage-a");
    w->route.here = EDGE_OK;
    w->route.port = "bond0.100";
    explain(w);
    expect(w, "network", "storage-a", "ok", "which rack7-03 is on too, with bond0.100.", NULL);
    w->peers[0].route_count = 0;
    explain(w);
    expect(w, "network", "storage", "info", "of which no declared network is known", "define");
    world_free(w);
}

Test(explain_storage, logged_in_and_not_presented)
{
    struct world *w = iscsi_unseen();
    struct path *p = &w->here.paths[2];

    REC_SET(p, path, transport, "iscsi");
    REC_SET(p, path, target, IQN);
    REC_SET(p, path, portal, "10.0.0.1:3260");
    REC_CLEAR(p, path, target_port);
    REC_SET(p, path, initiator_port, "iqn.1993-08.org.debian:01:abc");
    explain(w);
    expect(w, "path", "10.0.0.1:3260", "missing", "does not present this LUN",
           "map the LUN to iqn.1993-08.org.debian:01:abc");
    REC_SET(p, path, active, false);
    REC_SET(p, path, target_port_state, "FAILED");
    explain(w);
    expect(w, "path", "10.0.0.1:3260", "lost", "is FAILED", "Check the network");
    world_free(w);
}

Test(explain_storage, a_disk_of_another_node)
{
    struct world *w = lun_unseen();

    REC_SET(&w->there.paths[0], path, transport, "virtio");
    w->there.sections[SECTION_PATHS].row_count = 1;
    explain(w);
    expect(w, "path", "sda", "info", "a device of rack7-04 itself (virtio)", NULL);
    w->facts.owner = "rack7-04";
    explain(w);
    expect(w, "lun", WWID, "info", "no identity beyond its node", NULL);
    w->facts.owner = NULL;
    w->facts.best = PEER_NONE;
    explain(w);
    expect(w, "lun", WWID, "missing", "nor does any other node now", NULL);
    expect(w, "lun", WWID, "info", "what leads to it is not known", NULL);
    world_free(w);
}

Test(explain_storage, the_logical_volume_is_not_active)
{
    struct world *w = world_unseen(RESOURCE_FILESYSTEM, FS_UUID "@lv." LV, "images");

    REC_SET(&w->here.lvs[0], lv, active, false);
    w->here.sections[SECTION_FILESYSTEMS].row_count = 0;
    explain(w);
    expect(w, "lv", "fast/data", "missing", "it is not active there",
           "On rack7-03: lvchange --activate y fast/data");
    expect(w, "vg", "fast", "ok", "2 of its 2", NULL);
    world_free(w);
}

Test(explain_storage, nothing_of_the_volume_group_is_here)
{
    struct world *w = world_unseen(RESOURCE_FILESYSTEM, FS_UUID "@lv." LV, "images");
    static const enum section_id gone[] = { SECTION_LUNS,        SECTION_PATHS, SECTION_PARTITIONS,
                                            SECTION_PVS,         SECTION_VGS,   SECTION_LVS,
                                            SECTION_FILESYSTEMS, SECTION_USES };

    for (size_t i = 0; i < ARRAY_LEN(gone); i++)
        w->here.sections[gone[i]].row_count = 0;
    explain(w);
    expect(w, "lv", "fast/data", "missing", "rack7-03 does not report fast/data.", NULL);
    expect(w, "vg", "fast", "missing", "reports no PV of the volume group fast",
           "Present the LUNs");
    expect(w, "pv", PV_A, "missing", "On rack7-04 PV " PV_A " lies in " WWID "-part1.", NULL);
    expect(w, "lun", WWID, "missing", "on rack7-04 it is mpatha", NULL);
    world_free(w);
}

Test(explain_storage, the_container_holds_something_else_here)
{
    struct world *w = world_unseen(RESOURCE_FILESYSTEM, FS_UUID "@lv." LV, "images");

    REC_SET(&w->here.filesystems[0], filesystem, uuid, "another");
    explain(w);
    expect(w, "filesystem", "lv." LV, "missing", "finds ext4 another in it", NULL);
    world_free(w);
}

/* ---- impact --------------------------------------------------------------------------------- */

static void impact(struct world *w, enum resource_kind kind, const char *key)
{
    static const struct impact_node nodes[] = { { 1, { { 1 } }, "rack7-03" },
                                                { 2, { { 2 } }, "rack7-04" } };
    struct impact_facts *f = arena_zalloc(w->a, sizeof *f);
    static struct evidence first;
    struct impact *im;

    REC_SET(&first, evidence, depth, 0);
    REC_SET(&first, evidence, what, "lun");
    REC_SET(&first, evidence, name, "x");
    REC_SET(&first, evidence, state, "info");
    REC_SET(&first, evidence, text, "2 nodes see it now.");
    REC_SET(&w->reply, reply, evidence, ((struct recs){ &first, 1 }));
    *f = (struct impact_facts){
        .kind = kind, .key = key, .nodes = nodes, .node_count = 2, .left_out = 3
    };
    im = impact_new(f, w->a);
    cr_assert_eq(impact_add(im, 0, w->here.sections), 0);
    cr_assert_eq(impact_add(im, 1, w->there.sections), 0);
    cr_assert_eq(impact_finish(im, &w->reply), 0);
    check_chain(w);
}

/* The dependent with this key would be lost, and degraded, on these nodes: "rack7-03 rack7-04". */
static void expect_dependent(const struct world *w, const char *kind, const char *key,
                             const char *parent, const char *lost, const char *degraded)
{
    const struct dependent *v = w->reply.dependents.v, *d = NULL;
    char wanted[64];
    struct buf b = { 0 };

    for (size_t i = 0; i < w->reply.dependents.n; i++) {
        if (strcmp(v[i].kind, kind) == 0 && strcmp(v[i].key, key) == 0)
            d = &v[i];
    }
    cr_assert_not_null(d, "no dependent %s %s", kind, key);
    cr_expect_eq(REC_HAS(d, dependent, parent), parent != NULL);
    cr_expect(parent == NULL || (v[d->parent].depth + 1 == d->depth && &v[d->parent] < d));
    cr_expect(parent == NULL || strcmp(v[d->parent].key, parent) == 0, "%s is on %s", key, parent);
    cr_expect_eq(REC_HAS(d, dependent, id),
                 *kind == 'l' || *kind == 'f' || strcmp(kind, "vg") == 0);
    for (size_t i = 0; i < d->nodes_lost.n; i++)
        buf_printf(&b, "%s%s", i > 0 ? " " : "", d->nodes_lost.v[i]);
    buf_str(&b, "/");
    for (size_t i = 0; i < d->nodes_degraded.n; i++)
        buf_printf(&b, "%s%s", i > 0 ? " " : "", d->nodes_degraded.v[i]);
    snprintf(wanted, sizeof wanted, "%s/%s", lost, degraded);
    cr_expect_str_eq(buf_cstr(&b), wanted, "%s %s", kind, key);
    buf_deinit(&b);
}

#define BOTH "rack7-03 rack7-04"

/* The other node has the LUN of one PV alone: what keeps a part here is lost there. */
Test(explain_storage, what_each_node_would_have_without_a_lun)
{
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);

    w->there.sections[SECTION_USES].row_count = 0;
    REC_CLEAR(&w->there.pvs[1], pv, container);
    impact(w, RESOURCE_LUN, WWID);
    expect_dependent(w, "partition", WWID "-part1", NULL, BOTH, "");
    expect_dependent(w, "pv", PV_A, WWID "-part1", BOTH, "");
    expect_dependent(w, "vg", VG, PV_A, "rack7-04", "rack7-03");
    expect_dependent(w, "lv", LV, VG, "rack7-04", "rack7-03");
    expect_dependent(w, "filesystem", FS_UUID "@lv." LV, LV, BOTH, "");
    expect_dependent(w, "use", "rack7-03//srv/images", LV, "rack7-03", "");
    cr_expect_eq(w->reply.dependents.n, 6);
    REC_SET(&w->here.lvs[0], lv, type, "raid1");
    impact(w, RESOURCE_LUN, WWID);
    expect_dependent(w, "filesystem", FS_UUID "@lv." LV, LV, "rack7-04", "rack7-03");
    REC_SET(&w->here.lvs[0], lv, type, "raid0");
    impact(w, RESOURCE_LUN, WWID);
    expect_dependent(w, "filesystem", FS_UUID "@lv." LV, LV, BOTH, "");
    world_free(w);
}

/* Both PVs lie on it, the second in the list behind the first one's volumes. */
Test(explain_storage, without_a_lun_with_all_pvs)
{
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);

    REC_SET(&w->here.pvs[1], pv, container, WWID);
    impact(w, RESOURCE_LUN, WWID);
    expect_dependent(w, "vg", VG, PV_A, "rack7-03", "rack7-04");
    expect_dependent(w, "lv", LV, VG, "rack7-03", "rack7-04");
    world_free(w);
}

/* A volume group whose PV is a RAID volume of another one that keeps a part. */
Test(explain_storage, without_a_lun_below_two_volume_groups)
{
    static const char *const own[] = { PV_A, "PV_C" };
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);
    struct pv pvs[3] = { { 0 } };

    pv(&pvs[0], PV_A, WWID);
    pv(&pvs[1], PV_B, "lv." LV);
    pv(&pvs[2], "PV_C", OTHER);
    REC_SET(&pvs[1], pv, vg_uuid, "upper");
    w->here.sections[SECTION_PVS] = (struct section){ .rows = pvs, .row_count = 3 };
    w->here.sections[SECTION_PVS].id = SECTION_PVS;
    w->here.sections[SECTION_PARTITIONS].row_count = 0;
    w->there.sections[SECTION_PARTITIONS].row_count = 0;
    w->there.sections[SECTION_PVS].row_count = 0;
    REC_SET(&w->here.lvs[0], lv, type, "raid1");
    REC_SET(&w->here.lvs[0], lv, pvs, ((struct strs){ own, 1 }));
    impact(w, RESOURCE_LUN, WWID);
    expect_dependent(w, "lv", LV, VG, "rack7-03", "");
    expect_dependent(w, "vg", "upper", PV_B, "rack7-03", "");
    REC_SET(&w->here.lvs[0], lv, pvs, ((struct strs){ own, 2 }));
    impact(w, RESOURCE_LUN, WWID);
    expect_dependent(w, "lv", LV, VG, "", "rack7-03");
    expect_dependent(w, "pv", PV_B, LV, "", "rack7-03");
    expect_dependent(w, "vg", "upper", PV_B, "", "rack7-03");
    world_free(w);
}

Test(explain_storage, impact_of_a_lun)
{
    struct world *w = world_new(RESOURCE_LUN, WWID, WWID);

    w->there.sections[SECTION_USES].row_count = 0;
    impact(w, RESOURCE_LUN, WWID);
    expect(w, "partition", WWID "-part1", "info", "Partition 1 is on it, on 2 nodes.", NULL);
    expect(w, "vg", "fast", "info", "The volume group fast loses 1 of its 2 PVs with it", NULL);
    expect(w, "filesystem", "images", "info", "The filesystem images (ext4) is in it", NULL);
    expect(w, "use", "/srv/images", "info",
           "On rack7-03 lv." LV " is mounted at /srv/images, read-only.", NULL);
    expect(w, "section", "limit", "info", "told from 2 nodes; 3 more see it", NULL);
    w->reply.evidence.n--; /* the limit */
    expect_order(w, "0 lun, 1 partition, 2 pv, 3 vg, 4 lv, 5 filesystem, 5 use");
    cr_expect_null(find(w, "use", "fast-data", ""));
    world_free(w);
}

Test(explain_storage, impact_of_a_volume_group)
{
    struct world *w = world_new(RESOURCE_VG, VG, "fast");

    impact(w, RESOURCE_VG, VG);
    expect(w, "lv", "fast/data", "info", "is on it, on 2 nodes.", NULL);
    expect_dependent(w, "lv", LV, NULL, BOTH, "");
    expect_dependent(w, "use", "rack7-04//srv/images", LV, "rack7-04", "");
    expect(w, "use", "/srv/images", "info", "On rack7-04", NULL);
    world_free(w);
}
