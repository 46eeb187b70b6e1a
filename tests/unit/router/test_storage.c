/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client is told of storage, with the rows that only the database has: explain with a second
 * node for comparison, impact, and who uses what filesystems lie in. */
#include <assert.h>
#include <stdio.h>

#include "base/text.h"
#include "lab.h"
#include "store.h"

#define WWID "naa.60060e8007e2e3000030e2e300000042"
#define FS   "5d1e7b0e-0d4f-4f0e-9d53-7a9b8f3d2c11@lv.LLL"

static const char *const pvs[] = { "PPP" };

static struct lun lun = { 0 };
static struct path path = { 0 };
static struct pv pv = { 0 };
static struct vg vg = { 0 };
static struct lv lv = { 0 };
static struct filesystem fs = { 0 };

static void make_rows(void)
{
    REC_SET(&lun, lun, key, WWID);
    REC_SET(&lun, lun, device, "dm-0");
    REC_SET(&lun, lun, paths_active, 1);
    REC_SET(&lun, lun, paths_total, 1);
    REC_SET(&path, path, device, "sda");
    REC_SET(&path, path, lun, WWID);
    REC_SET(&path, path, address, "3:0:0:1");
    REC_SET(&path, path, transport, "fc");
    REC_SET(&path, path, active, true);
    REC_SET(&pv, pv, uuid, "PPP");
    REC_SET(&pv, pv, container, WWID "-part2");
    REC_SET(&pv, pv, vg_uuid, "GGG");
    REC_SET(&vg, vg, uuid, "GGG");
    REC_SET(&vg, vg, name, "fast");
    REC_SET(&vg, vg, pvs, 1);
    REC_SET(&vg, vg, paths_active, 1);
    REC_SET(&vg, vg, paths_total, 1);
    REC_SET(&lv, lv, uuid, "LLL");
    REC_SET(&lv, lv, name, "data");
    REC_SET(&lv, lv, vg_uuid, "GGG");
    REC_SET(&lv, lv, vg_name, "fast");
    REC_SET(&lv, lv, pvs, ((struct strs){ pvs, 1 }));
    REC_SET(&lv, lv, active, true);
    REC_SET(&lv, lv, paths_active, 1);
    REC_SET(&lv, lv, paths_total, 1);
    REC_SET(&fs, filesystem, container, "lv.LLL");
    REC_SET(&fs, filesystem, type, "ext4");
    REC_SET(&fs, filesystem, uuid, "5d1e7b0e-0d4f-4f0e-9d53-7a9b8f3d2c11");
    REC_SET(&fs, filesystem, label, "images");
    REC_SET(&fs, filesystem, size_bytes, 4096);
}

static struct use use_of(const char *kind, const char *container, const char *by)
{
    struct use u = { 0 };

    REC_SET(&u, use, key, by);
    REC_SET(&u, use, kind, kind);
    REC_SET(&u, use, container, container);
    REC_SET(&u, use, used_by, by);
    return u;
}

static void report(struct peer_node *n, struct section_body *bodies, size_t count)
{
    struct envelope env = { 0 };
    struct report body = { 0 };

    for (size_t i = 0; i < count; i++) {
        REC_SET(&bodies[i], section_body, status, SECTION_OK);
        REC_SET(&bodies[i], section_body, generation, 1);
    }
    REC_SET(&body, report, sections, ((struct recs){ bodies, count }));
    REC_SET(&env, envelope, report, &body);
    node_send(n, &env);
    assert(node_hear(n, LAB_LIMIT_MS) != NULL && n->answer->report_ack != NULL);
}

/* All of it, the filesystem mounted. */
static void report_all(struct peer_node *n)
{
    struct use uses[] = { use_of("mount", "lv.LLL", "/srv/images"),
                          use_of("dm", WWID "-part2", "fast-data") };
    struct section_body b[8] = { 0 };
    size_t i = 0;

#define BODY(id, list, rows, count)             \
    (REC_SET(&b[i], section_body, section, id), \
     REC_SET(&b[i], section_body, list, ((struct recs){ rows, count })), i++)
    BODY(SECTION_LUNS, luns, &lun, 1);
    BODY(SECTION_PATHS, paths, &path, 1);
    BODY(SECTION_PVS, pvs, &pv, 1);
    BODY(SECTION_VGS, vgs, &vg, 1);
    BODY(SECTION_LVS, lvs, &lv, 1);
    BODY(SECTION_FILESYSTEMS, filesystems, &fs, 1);
    BODY(SECTION_USES, uses, uses, 2);
    report(n, b, i);
}

/* The LUN alone, which a guest has. */
static void report_lun(struct peer_node *n)
{
    struct use uses[] = { use_of("xen", WWID, "7/xvda") };
    struct section_body b[4] = { 0 };
    size_t i = 0;

    BODY(SECTION_LUNS, luns, &lun, 1);
    BODY(SECTION_PVS, pvs, NULL, 0);
    BODY(SECTION_FILESYSTEMS, filesystems, NULL, 0);
    BODY(SECTION_USES, uses, uses, 1);
    report(n, b, i);
#undef BODY
}

/* ---- asking --------------------------------------------------------------------------------- */

static struct told ask(struct lab *l, enum client_op op, const char *node, const char *resource)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    if (node != NULL)
        REC_SET(&req, request, node, node);
    if (resource != NULL)
        REC_SET(&req, request, resource, resource);
    return lab_ask(l, &req);
}

static struct told list(struct lab *l, const char *node, const char *resource)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_FS_LIST);
    if (node != NULL)
        REC_SET(&req, request, nodes, ((struct strs){ &node, 1 }));
    if (resource != NULL)
        REC_SET(&req, request, resources, ((struct strs){ &resource, 1 }));
    return lab_ask(l, &req);
}

static void expect(const struct told *t, const char *what, const char *state, const char *text)
{
    const struct evidence *v = t->reply->evidence.v;
    bool found = false;

    assert(t->reply->code == REPLY_OK);
    for (size_t i = 0; i < t->reply->evidence.n; i++)
        found = found || (strcmp(v[i].what, what) == 0 && strcmp(v[i].state, state) == 0 &&
                          strstr(v[i].text, text) != NULL);
    for (size_t i = 0; i < t->reply->evidence.n && !found; i++)
        fprintf(stderr, "%s [%s] %s\n", v[i].what, v[i].state, v[i].text);
    if (!found)
        fprintf(stderr, "no %s [%s] that says '%s'\n", what, state, text);
    assert(found);
}

static void expect_use(const struct told *t, size_t i, const char *node, const char *kind,
                       const char *container)
{
    const struct use_info *u = (const struct use_info *)t->reply->uses.v + i;
    const struct node_info *n = (const struct node_info *)t->reply->nodes.v + u->node;
    const struct resource_info *r = (const struct resource_info *)t->reply->resources.v;

    assert(i < t->reply->uses.n && u->node < t->reply->nodes.n);
    assert(n->index == u->node && strcmp(n->name, node) == 0);
    assert(strcmp(u->kind, kind) == 0 && strcmp(u->container, container) == 0);
    assert(u->resource < t->reply->resources.n && strcmp(r[u->resource].key, FS) == 0);
    assert(REC_HAS(u, use_info, age_ms));
}

/* It has the id of the resource in the matrix. */
static void expect_dependent(struct lab *l, const struct told *t, size_t i, const char *kind,
                             const char *key)
{
    const struct dependent *d = (const struct dependent *)t->reply->dependents.v + i;
    struct told of;
    const struct resource_info *r;

    assert(i < t->reply->dependents.n && strcmp(d->kind, kind) == 0 && strcmp(d->key, key) == 0);
    of = ask(l, OP_RESOURCE_SHOW, NULL, key);
    assert(of.reply->code == REPLY_OK && of.reply->resources.n == 1);
    r = of.reply->resources.v;
    assert(strcmp(r->id, d->id) == 0);
    assert(d->nodes_lost.n == 1 && strcmp(d->nodes_lost.v[0], "node-1") == 0);
    told_free(&of);
}

/* ---- the tests ------------------------------------------------------------------------------ */

static void test_explain(struct lab *l)
{
    struct told t = ask(l, OP_EXPLAIN, "node-1", FS);

    expect(&t, "filesystem", "ok", "node-1 sees images in full");
    expect(&t, "use", "info", "It is mounted at /srv/images.");
    told_free(&t);
    t = ask(l, OP_EXPLAIN, "node-2", FS);
    expect(&t, "filesystem", "missing", "node-2 does not see images; node-1 does.");
    expect(&t, "vg", "missing", "node-2 reports no PV of the volume group fast.");
    expect(&t, "pv", "missing", "On node-1 PV PPP lies in " WWID "-part2.");
    told_free(&t);
    t = ask(l, OP_EXPLAIN, "node-2", WWID);
    expect(&t, "use", "info", "A guest has it as 7/xvda.");
    told_free(&t);
}

static void test_impact(struct lab *l)
{
    struct told t = ask(l, OP_IMPACT, NULL, "GGG");

    expect(&t, "vg", "info", "1 node sees it now.");
    expect(&t, "lv", "info", "The logical volume fast/data");
    expect(&t, "use", "info", "On node-1 lv.LLL is mounted at /srv/images.");
    expect_dependent(l, &t, 0, "lv", "LLL");
    expect_dependent(l, &t, 1, "filesystem", FS);
    told_free(&t);
    t = ask(l, OP_IMPACT, "node-1", NULL);
    expect(&t, "lun", "ok", "Besides it only node-2 sees it now.");
    expect(&t, "vg", "ok", "No other node sees it now.");
    expect(&t, "use", "info", "mounted at /srv/images");
    told_free(&t);
}

static void test_list(struct lab *l)
{
    struct told t = list(l, NULL, NULL);
    const struct fs_info *f;

    assert(t.reply->code == REPLY_OK && t.reply->resources.n == 1 && t.reply->nodes.n == 2);
    assert(t.reply->edges.n == 1 && t.reply->uses.n == 2 && !t.reply->more);
    f = t.reply->filesystems.v;
    assert(t.reply->filesystems.n == 1 && f->resource == 0 && f->size_bytes == 4096);
    assert(strcmp(f->type, "ext4") == 0 && strcmp(f->label, "images") == 0);
    expect_use(&t, 0, "node-1", "mount", "lv.LLL");
    expect_use(&t, 1, "node-2", "xen", WWID); /* what it lies in, at the very bottom */
    told_free(&t);
    t = list(l, "node-2", FS);
    assert(t.reply->code == REPLY_OK && t.reply->uses.n == 1 && t.reply->edges.n == 0);
    expect_use(&t, 0, "node-2", "xen", WWID);
    told_free(&t);
    t = list(l, NULL, WWID);
    assert(t.reply->code == REPLY_INVALID && strstr(t.reply->text, "is a lun") != NULL);
    told_free(&t);
}

static void test_nothing(struct lab *l)
{
    struct told t = list(l, NULL, NULL);

    assert(t.reply->code == REPLY_OK && t.reply->resources.n == 0 && t.reply->uses.n == 0);
    assert(t.reply->edges.n == 0);
    told_free(&t);
}

/* ---- images: what scans have stored ---------------------------------------------------------- */

static const struct stored *put(struct store *store, struct arena *a, struct change *c)
{
    struct stored *im = arena_zalloc(a, sizeof *im);
    struct err e = { "" };

    if ((c != NULL && store_commit(store, c, &e) != 0) || store_load(store, a, im, &e) != 0)
        fprintf(stderr, "%s\n", e.text);
    assert(e.text[0] == '\0');
    return im;
}

static const struct resource_row *filesystem_in(const struct stored *im)
{
    for (size_t i = 0; i < im->resource_count; i++) {
        if (strcmp(im->resources[i].key, FS) == 0)
            return &im->resources[i];
    }
    return NULL;
}

/* As the core writes it. */
static void put_image(struct store *store, struct arena *a, struct image *image)
{
    const struct stored *im = put(store, a, NULL);
    const struct resource_row *fs_row = filesystem_in(im);
    struct change c[3] = { { .type = CHANGE_META, .next = &c[1] },
                           { .type = CHANGE_RESOURCE, .next = &c[2] },
                           { .type = CHANGE_IMAGE } };

    assert(fs_row != NULL);
    c[0].meta = im->meta;
    c[0].meta.next_resource_no++;
    c[1].resource = (struct resource_row){
        .no = im->meta.next_resource_no,
        .id = uuid_v5(fs_row->id, image->path, strlen(image->path)),
        .kind = RESOURCE_IMAGE,
        .key = arena_printf(a, FS ":%s", image->path),
        .label = arena_printf(a, "images:%s", image->path),
        .parent_no = fs_row->no,
    };
    c[2].image =
        (struct image_row){ fs_row->no, im->meta.next_resource_no, { 1700000000000 }, image };
    put(store, a, c);
}

static void put_images(struct lab *l)
{
    struct store_options o = { .dir = l->config.state_dir };
    struct arena *a = arena_new(0);
    struct image base = { 0 }, top = { 0 };
    struct err e = { "" };
    struct store *store;

    assert(store_open(&o, &store, &e) == 0);
    REC_SET(&base, image, path, "/base.raw");
    REC_SET(&base, image, format, "raw");
    REC_SET(&base, image, fault, "Its partition table contradicts itself.");
    REC_SET(&top, image, path, "/g/web.qcow2");
    REC_SET(&top, image, format, "qcow2");
    REC_SET(&top, image, virtual_bytes, UINT64_C(20) << 30);
    REC_SET(&top, image, backing, "../base.raw");
    REC_SET(&top, image, backing_path, "/base.raw");
    REC_SET(&top, image, backing_state, "missing");
    put_image(store, a, &top);
    put_image(store, a, &base);
    store_close(store);
    arena_free(a);
}

/* ---- who has proven that he reaches the filesystem ------------------------------------------- */

static void put_reach(struct store *store, struct arena *a, const struct node_row *n,
                      enum reach_how how, uuid128 boot, const char *reason)
{
    const struct resource_row *r = filesystem_in(put(store, a, NULL));
    struct change c = { .type = CHANGE_REACH };

    assert(r != NULL);
    c.reach = (struct reach_row){ r->no, n->no, how, boot, reason, { 1700000000000 } };
    put(store, a, &c);
}

/* The first in this boot, the second in one that is over. */
static void put_reaches(struct lab *l)
{
    struct store_options o = { .dir = l->config.state_dir };
    struct arena *a = arena_new(0);
    const struct stored *im;
    struct err e = { "" };
    struct store *store;

    assert(store_open(&o, &store, &e) == 0);
    im = put(store, a, NULL);
    assert(im->node_count == 2);
    put_reach(store, a, &im->nodes[0], REACHED_READ, im->nodes[0].boot_id, NULL);
    put_reach(store, a, &im->nodes[1], REACHED_NOT, (uuid128){ "b" }, "It has another WWID.");
    store_close(store);
    arena_free(a);
}

static const char *reach_node(const struct told *t, size_t i)
{
    const struct reach_info *x = (const struct reach_info *)t->reply->reaches.v + i;
    const struct node_info *n = t->reply->nodes.v;

    assert(i < t->reply->reaches.n && x->node < t->reply->nodes.n && x->at_ms == 1700000000000);
    assert(n[x->node].index == x->node && x->resource == 0);
    return n[x->node].name;
}

static void test_reach(struct lab *l)
{
    struct told t = list(l, NULL, FS);
    const struct reach_info *x = t.reply->reaches.v;

    assert(t.reply->code == REPLY_OK && t.reply->reaches.n == 2);
    assert(strcmp(reach_node(&t, 0), "node-1") == 0 && strcmp(reach_node(&t, 1), "node-2") == 0);
    assert(strcmp(x[0].how, "read_here") == 0 && x[0].this_boot);
    assert(strcmp(x[1].how, "not_proven") == 0 && !x[1].this_boot);
    assert(strcmp(x[1].reason, "It has another WWID.") == 0);
    assert(strncmp(x[1].boot_id, "62000000-", 9) == 0);
    told_free(&t);
    t = list(l, "node-2", FS);
    assert(t.reply->reaches.n == 1 && strcmp(reach_node(&t, 0), "node-2") == 0);
    told_free(&t);
    t = list(l, NULL, NULL); /* of all filesystems that would be too much */
    assert(t.reply->code == REPLY_OK && t.reply->reaches.n == 0);
    told_free(&t);
    t = ask(l, OP_EXPLAIN, "node-1", FS);
    expect(&t, "scan", "ok", "Read here at 2023-11-14T22:13:20.000Z");
    assert(t.reply->reaches.n == 1);
    told_free(&t);
    t = ask(l, OP_EXPLAIN, "node-2", "images:/base.raw");
    expect(&t, "scan", "info", "in an earlier boot");
    told_free(&t);
}

static void test_image_list(struct lab *l)
{
    struct told t = ask(l, OP_IMAGE_LIST, NULL, NULL);
    const struct image_info *v = t.reply->images.v;

    assert(t.reply->code == REPLY_OK && t.reply->images.n == 2 && !t.reply->more);
    assert(strcmp(v[0].image->path, "/base.raw") == 0 && v[0].seen_ms == 1700000000000);
    assert(strcmp(v[0].image->fault, "Its partition table contradicts itself.") == 0);
    assert(strcmp(v[1].image->backing_state, "missing") == 0);
    assert(v[1].image->virtual_bytes == UINT64_C(20) << 30 && strcmp(v[1].label, "images") == 0);
    told_free(&t);
    t = ask(l, OP_RESOURCE_SHOW, NULL, "images:/g/web.qcow2");
    assert(t.reply->code == REPLY_OK && t.reply->resources.n == 1 && t.reply->edges.n == 1);
    assert(strcmp(((const struct resource_info *)t.reply->resources.v)->key, FS ":/g/web.qcow2") ==
           0);
    told_free(&t);
}

static void test_image_explain(struct lab *l)
{
    struct told t = ask(l, OP_EXPLAIN, "node-1", "images:/g/web.qcow2");
    const struct evidence *v = t.reply->evidence.v;

    expect(&t, "image", "unknown", "node-1 sees images:/g/web.qcow2 is unknown");
    expect(&t, "image", "ok", "qcow2, 20 GiB for the guest, found by the scan of 2023-11-14");
    expect(&t, "image", "missing", "It stands on /base.raw, which is not in the filesystem.");
    expect(&t, "filesystem", "ok", "ext4 \"images\"");
    expect(&t, "lv", "ok", "fast/data");
    expect(&t, "vg", "ok", "fast has 1 of its 1 PVs");
    expect(&t, "pv", "ok", "PV PPP");
    expect(&t, "use", "info", "It is mounted at /srv/images.");
    assert(v[0].depth == 0 && strcmp(v[0].what, "image") == 0);
    told_free(&t);
    t = ask(l, OP_EXPLAIN, "node-1", "images:/base.raw");
    expect(&t, "image", "degraded", "Its partition table contradicts itself.");
    told_free(&t);
    t = ask(l, OP_EXPLAIN, "node-2", "images:/base.raw");
    expect(&t, "image", "missing", "node-2 does not see images:/base.raw");
    told_free(&t);
}

/* Everything that the filesystem lies in takes the images with it. */
static void test_image_impact(struct lab *l)
{
    static const char *const on[] = { "fast", "fast/data", FS };
    struct told t;

    for (size_t i = 0; i < ARRAY_LEN(on); i++) {
        size_t n;

        t = ask(l, OP_IMPACT, NULL, on[i]);
        assert(t.reply->code == REPLY_OK);
        expect(&t, "image", "info", "The image /base.raw is in it, on 1 node.");
        n = t.reply->dependents.n;
        for (size_t k = 0; k < n; k++) {
            const struct dependent *d = (const struct dependent *)t.reply->dependents.v + k;

            if (strcmp(d->key, FS ":/g/web.qcow2") != 0)
                continue;
            expect_dependent(l, &t, k, "image", FS ":/g/web.qcow2");
            assert(REC_HAS(d, dependent, parent) == (i < 2));
            n = 0;
        }
        assert(n == 0);
        told_free(&t);
    }
    t = ask(l, OP_IMPACT, NULL, "images:/base.raw");
    expect(&t, "image", "info", "No node sees it now; of 1 it is not known.");
    expect(&t, "image", "info", "The image /g/web.qcow2 stands on it, on 1 node.");
    assert(t.reply->dependents.n == 1);
    expect_dependent(l, &t, 0, "image", FS ":/g/web.qcow2");
    told_free(&t);
}

int main(void)
{
    struct peer_node one, two;
    struct lab l;

    make_rows();
    lab_init(&l);
    lab_start(&l, NULL);
    node_init(&one, &l, 1);
    node_init(&two, &l, 2);
    node_join(&one);
    node_join(&two);
    test_nothing(&l);
    report_all(&one);
    report_lun(&two);
    test_explain(&l);
    test_impact(&l);
    test_list(&l);
    node_deinit(&one);
    node_deinit(&two);
    lab_stop(&l);
    put_images(&l);
    put_reaches(&l);
    lab_start(&l, NULL);
    test_image_list(&l);
    test_image_explain(&l);
    test_image_impact(&l);
    test_reach(&l);
    lab_deinit(&l);
    return 0;
}
