/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images: which there are after a scan, what they are called, who sees them, how they are listed,
 * and that they go with their filesystem. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/image_list.h"
#include "rights.h"

#define F1 "u1@naa.6001-part1"
#define F2 "u2@lv.L2"

static struct life *l;
static struct machine a, b;

static const struct shelf plain = {
    .fs = { { .container = "naa.6001-part1", .uuid = "u1", .type = "ext4" },
            { .container = "lv.L2", .uuid = "u2", .type = "xfs" },
            { .container = "naa.6003", .uuid = "u3", .type = "swap" } },
    .lvs = { "L2" },
    .vg = "V",
    .pv = "naa.6002",
};

static void setup(void)
{
    l = life_new();
    rights_offers(l);
    machine_init(&a, l, 1);
    machine_init(&b, l, 2);
    machine_join(&a);
    machine_join(&b);
    shelf_report(&a, &plain);
    shelf_report(&b, &plain);
    cr_assert_eq(rights_admit(l, F1, true), REPLY_OK);
    cr_assert_eq(rights_admit(l, F2, true), REPLY_OK);
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(images, .init = setup, .fini = teardown);

static uint64_t found(const char *fs, bool complete, const char *one, const char *two,
                      const char *three)
{
    struct image v[3] = { { 0 } };
    const char *paths[] = { one, two, three };
    size_t n = 0;

    for (; n < 3 && paths[n] != NULL; n++)
        REC_SET(&v[n], image, path, paths[n]);
    return rights_found(l, fs, complete, v, n);
}

static enum reply_code ask(enum client_op op, const char *resource, const char *kind)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    if (resource != NULL)
        REC_SET(&req, request, resource, resource);
    if (kind != NULL)
        REC_SET(&req, request, kind, kind);
    return life_ask(l, &req);
}

/* The only resource of the answer. */
static const struct resource_info *shown(const char *name)
{
    enum reply_code code = ask(OP_RESOURCE_SHOW, name, NULL);

    cr_assert_eq(code, REPLY_OK, "%s: %s", name, l->reply->text);
    cr_assert_eq(l->reply->resources.n, 1);
    return l->reply->resources.v;
}

static void not_there(const char *name)
{
    cr_expect_eq(ask(OP_RESOURCE_SHOW, name, NULL), REPLY_NOT_FOUND, "%s is there", name);
}

/* "UUID" of the image; it must be there. */
static const char *id_of(const char *name, char out[UUID_TEXT])
{
    snprintf(out, UUID_TEXT, "%s", shown(name)->id);
    return out;
}

/* ---- which there are ------------------------------------------------------------------------ */

Test(images, a_complete_scan_adds_and_takes_away)
{
    size_t before = durable_events(l->d);

    cr_expect_eq(found(F1, true, "/a.qcow2", "/g/b.raw", "/g/c.vhd"), 3);
    cr_expect_eq(durable_images(l->d), 3);
    cr_expect_eq(durable_events(l->d), before + 1);
    cr_expect_eq(durable_count_events(l->d, "scan.images", "u1 3 are new and 0 are gone"), 1);
    cr_expect_eq(found(F1, true, "/a.qcow2", "/g/b2.raw", "/z"), 3);
    cr_expect_eq(durable_count_events(l->d, "scan.images", "2 are new and 2 are gone"), 1);
    not_there(F1 ":/g/b.raw");
    not_there(F1 ":/g/c.vhd");
    shown(F1 ":/g/b2.raw");
    cr_expect_eq(found(F1, true, NULL, NULL, NULL), 0);
    cr_expect_eq(durable_images(l->d), 0);
    not_there(F1 ":/a.qcow2");
}

Test(images, an_incomplete_scan_takes_nothing_away)
{
    cr_expect_eq(found(F1, true, "/b", "/d", NULL), 2);
    cr_expect_eq(found(F1, false, "/a", "/d", "/e"), 4);
    shown(F1 ":/a");
    shown(F1 ":/b");
    shown(F1 ":/e");
    cr_expect_eq(found(F1, false, NULL, NULL, NULL), 4);
    cr_expect_eq(durable_images(l->d), 4);
}

Test(images, a_scan_that_finds_the_same_is_no_event)
{
    size_t events;

    found(F1, true, "/a", "/b", NULL);
    events = durable_events(l->d);
    found(F1, true, "/a", "/b", NULL);
    found(F1, false, "/a", NULL, NULL);
    cr_expect_eq(durable_events(l->d), events);
}

Test(images, an_image_stays_the_same_over_scans_and_starts)
{
    char first[UUID_TEXT], again[UUID_TEXT];

    found(F1, true, "/a", "/b", NULL);
    id_of(F1 ":/b", first);
    found(F1, true, "/b", "/c", NULL);
    cr_expect_str_eq(id_of(F1 ":/b", again), first);
    life_restart(l);
    cr_expect_str_eq(id_of(F1 ":/b", again), first);
    cr_expect_eq(found(F1, true, "/a", "/b", "/c"), 3);
    cr_expect_str_eq(id_of(F1 ":/b", again), first);
    found(F1, true, "/a", NULL, NULL);
    found(F1, true, "/a", "/b", NULL);
    cr_expect_str_eq(id_of(F1 ":/b", again), first, "gone and found again it is the same");
    found(F2, true, "/b", NULL, NULL);
    cr_expect_str_neq(id_of(F2 ":/b", again), first, "of another filesystem it is another");
}

Test(images, a_message_out_of_order_does_no_harm)
{
    struct image v[6] = { { 0 } };
    static const char *const paths[] = { "/c", "/a", "/c", "relative", "/b" };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        REC_SET(&v[i], image, path, paths[i]);
    cr_expect_eq(rights_found(l, F1, true, v, 6), 3); /* the last one has no path at all */
    shown(F1 ":/a");
    shown(F1 ":/b");
    shown(F1 ":/c");
    not_there(F1 ":relative");
}

Test(images, there_are_so_many_in_a_filesystem_and_no_more)
{
    enum { SOME = 50 };
    size_t n = LIMIT_IMAGES + SOME;
    struct image *v = calloc(n, sizeof *v);
    char(*paths)[16] = calloc(n, sizeof *paths);

    l->doubtful = true; /* holding a loaded core against each step takes long */
    for (size_t i = 0; i < n; i++) {
        snprintf(paths[i], sizeof paths[i], "/%08zu", i);
        REC_SET(&v[i], image, path, paths[i]);
    }
    cr_expect_eq(rights_found(l, F1, true, v, n), LIMIT_IMAGES);
    cr_expect_eq(durable_count_events(l->d, "scan.images", "; 50 more are left out"), 1);
    cr_expect_eq(found(F1, false, "/x", "/y", NULL), LIMIT_IMAGES);
    cr_expect_eq(durable_count_events(l->d, "scan.images", "; 2 more are left out"), 1);
    cr_expect_eq(rights_found(l, F1, true, v + SOME, LIMIT_IMAGES), LIMIT_IMAGES);
    cr_expect_eq(durable_count_events(l->d, "scan.images", "50 are new and 50 are gone"), 1);
    free(v);
    free(paths);
}

Test(images, a_path_that_fits_into_no_message_is_left_out)
{
    char path[LIMIT_STRING_BYTES + 1];

    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[LIMIT_STRING_BYTES] = '\0';
    cr_expect_eq(found(F1, true, "/a", path, NULL), 1);
    cr_expect_eq(durable_count_events(l->d, "scan.images", "; 1 more are left out"), 1);
    path[LIMIT_STRING_BYTES / 2] = '\0';
    cr_expect_eq(found(F1, true, "/a", path, NULL), 2);
    cr_expect_eq(ask(OP_RESOURCE_LIST, NULL, "image"), REPLY_OK);
    cr_expect_eq(l->reply->resources.n, 2);
}

/* ---- with their filesystem ------------------------------------------------------------------ */

Test(images, they_go_with_their_filesystem)
{
    struct shelf less = plain;
    uint64_t generation;
    struct request req = { 0 };

    found(F1, true, "/a", "/b", NULL);
    found(F2, true, "/c", NULL, NULL);
    less.fs[0].container = NULL;
    shelf_report(&a, &less);
    shelf_report(&b, &less);
    shown(F1 ":/a"); /* lost, and remembered for a while */
    generation = l->reply->generation;
    life_run(l, INT64_C(3600000) + 100000);
    not_there(F1);
    not_there(F1 ":/a");
    shown(F2 ":/c");
    cr_expect_eq(durable_images(l->d), 1);
    REC_SET(&req, request, op, OP_CHANGES);
    REC_SET(&req, request, since, generation);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(l->reply->removed_resources.n, 3 + 1 /* its LUN */);
}

/* Of the filesystem that no other node can see. */
static void own_found(void)
{
    static const char *const paths[] = { "/a" };
    struct resource *fs = resource_by_id(
        l->c, resource_seen_id(node_by_name(l->c, "m1"), RESOURCE_FILESYSTEM, "u9@dm.crypt"));

    cr_assert(fs != NULL);
    rights_found_in(l, fs, true, paths, 1);
}

Test(images, they_are_called_as_their_filesystem_is)
{
    char id[UUID_TEXT], again[UUID_TEXT];
    struct request req = { 0 };
    struct shelf own = plain;

    own.fs[2] = (struct shelf_fs){ .container = "dm.crypt", .uuid = "u9", .type = "ext4" };
    shelf_report(&a, &own);
    cr_assert_eq(ask(OP_RESOURCE_SHOW, "m1/u9", NULL), REPLY_OK);
    own_found();
    id_of("m1/u9:/a", id);
    REC_SET(&req, request, op, OP_NODE_RENAME);
    REC_SET(&req, request, node, "m1");
    REC_SET(&req, request, name, "rack1");
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_str_eq(id_of("rack1/u9:/a", again), id);
    not_there("m1/u9:/a");
    life_restart(l);
    cr_expect_str_eq(id_of("rack1/u9:/a", again), id);
    cr_expect_str_eq(shown(id)->label, "rack1/u9:/a");
}

/* ---- names ---------------------------------------------------------------------------------- */

Test(images, they_are_named_by_key_label_uuid_and_id)
{
    char id[UUID_TEXT], again[UUID_TEXT], prefix[9];

    found(F1, true, "/g/web:/x.qcow2", "/y", NULL);
    id_of(F1 ":/g/web:/x.qcow2", id);
    cr_expect_str_eq(shown(id)->key, F1 ":/g/web:/x.qcow2");
    cr_expect_str_eq(l->reply->resources.n == 1 ? shown(id)->kind : "", "image");
    cr_expect_str_eq(id_of("u1:/g/web:/x.qcow2", again), id);
    snprintf(prefix, sizeof prefix, "%.8s", id);
    cr_expect_str_eq(id_of(prefix, again), id);
    not_there("u1:/g/web");
    not_there("u2:/y");
    not_there("u1:y");
}

Test(images, two_of_one_label_are_told_apart_by_key)
{
    struct shelf twins = plain;

    twins.fs[1].uuid = "u1";
    shelf_report(&a, &twins);
    shelf_report(&b, &twins);
    found(F1, true, "/a", "/b", NULL);
    found("u1@lv.L2", true, "/a", NULL, NULL);
    cr_expect_eq(ask(OP_RESOURCE_SHOW, "u1:/a", NULL), REPLY_AMBIGUOUS);
    cr_expect_eq(l->reply->candidates.n, 2);
    cr_expect_str_eq(l->reply->candidates.v[0], "u1@lv.L2:/a");
    cr_expect_str_eq(l->reply->candidates.v[1], F1 ":/a");
    shown("u1:/b");
}

/* ---- who sees them -------------------------------------------------------------------------- */

static const struct edge_info *edge_at(size_t i)
{
    return (const struct edge_info *)l->reply->edges.v + i;
}

static const char *node_at(size_t i)
{
    const struct node_info *n = l->reply->nodes.v;

    return n[edge_at(i)->node].name;
}

static const char *resource_name(size_t i)
{
    const struct resource_info *r = l->reply->resources.v;

    return r[edge_at(i)->resource].label;
}

Test(images, their_edges_are_those_of_their_filesystem)
{
    struct shelf less = plain;

    found(F1, true, "/a", "/b", NULL);
    found(F2, true, "/c", NULL, NULL);
    less.fs[0].lost = true;
    shelf_report(&b, &less);
    cr_assert_eq(ask(OP_SNAPSHOT, NULL, "image"), REPLY_OK);
    cr_expect_eq(l->reply->resources.n, 3);
    cr_expect_eq(l->reply->nodes.n, 2);
    cr_assert_eq(l->reply->edges.n, 6);
    for (size_t i = 0; i < 6; i++) {
        bool lost = strcmp(node_at(i), "m2") == 0 && strncmp(resource_name(i), "u1:", 3) == 0;

        cr_expect_eq(edge_at(i)->state, lost ? EDGE_LOST : EDGE_OK, "%s %s", node_at(i),
                     resource_name(i));
    }
    shown(F1 ":/b");
    cr_assert_eq(l->reply->edges.n, 2);
    cr_expect_eq(((const struct resource_info *)l->reply->resources.v)->nodes_ok, 1);
    cr_expect_eq(((const struct resource_info *)l->reply->resources.v)->nodes_lost, 1);
    /* Of all kinds at once there would be too many: the filesystems' edges stand for them. */
    cr_assert_eq(ask(OP_SNAPSHOT, NULL, NULL), REPLY_OK);
    for (size_t i = 0; i < l->reply->edges.n; i++)
        cr_expect(strchr(resource_name(i), ':') == NULL || resource_name(i)[0] == 'u' ||
                      strncmp(resource_name(i), "unproven:", 9) == 0,
                  "%s", resource_name(i));
}

Test(images, a_snapshot_of_some_nodes_or_images)
{
    const char *nodes[] = { "m2" }, *images[] = { F1 ":/a", F2 ":/c" };
    struct request req = { 0 };

    found(F1, true, "/a", "/b", NULL);
    found(F2, true, "/c", NULL, NULL);
    REC_SET(&req, request, op, OP_SNAPSHOT);
    REC_SET(&req, request, nodes, ((struct strs){ nodes, 1 }));
    REC_SET(&req, request, kind, "image");
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(l->reply->nodes.n, 1);
    cr_expect_eq(l->reply->edges.n, 3);
    REC_CLEAR(&req, request, kind);
    REC_SET(&req, request, resources, ((struct strs){ images, 2 }));
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(l->reply->nodes.n, 1);
    cr_expect_eq(l->reply->resources.n, 2);
    cr_expect_eq(l->reply->edges.n, 2);
    REC_CLEAR(&req, request, nodes);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(l->reply->nodes.n, 2);
    cr_expect_eq(l->reply->edges.n, 4);
    REC_SET(&req, request, kind, "lun");
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(l->reply->resources.n, 0);
    cr_expect_eq(l->reply->edges.n, 0);
}

static void changes(uint64_t since)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_CHANGES);
    REC_SET(&req, request, since, since);
    REC_SET(&req, request, kind, "image");
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
}

Test(images, changes_tell_new_images_and_edges)
{
    struct shelf less = plain;
    uint64_t since;

    found(F1, true, "/a", "/b", NULL);
    since = l->c->meta.generation;
    changes(since);
    cr_expect_eq(l->reply->resources.n + l->reply->edges.n, 0);
    found(F2, true, "/c", NULL, NULL);
    changes(since);
    cr_expect_eq(l->reply->resources.n, 1);
    cr_assert_eq(l->reply->edges.n, 2, "a new image comes with all its edges");
    cr_expect_eq(l->reply->nodes.n, 2);
    since = l->reply->generation;
    less.fs[0].lost = true;
    shelf_report(&b, &less);
    changes(since);
    cr_expect_eq(l->reply->resources.n, 2);
    cr_assert_eq(l->reply->edges.n, 2, "the edge of m2 to F1, of each of its images");
    cr_expect_str_eq(node_at(0), "m2");
    cr_expect_str_eq(node_at(1), "m2");
    cr_expect_eq(edge_at(0)->state, EDGE_LOST);
    since = l->reply->generation;
    less.fs[0].container = NULL;
    shelf_report(&b, &less);
    life_run(l, INT64_C(3600000) + 100000);
    machine_register(&a);
    shelf_report(&a, &plain);
    changes(since);
    size_t gone = 0;

    for (size_t i = 0; i < l->reply->edges.n; i++)
        gone += edge_at(i)->removed && strcmp(node_at(i), "m2") == 0;
    cr_expect_geq(gone, 2, "the edges of m2 to the images of F1");
}

/* ---- lists ---------------------------------------------------------------------------------- */

static const struct image_info *listed(const char *const *resources, size_t n, uint64_t since,
                                       uint64_t limit)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_IMAGE_LIST);
    REC_SET(&req, request, since, since);
    if (limit > 0)
        REC_SET(&req, request, limit, limit);
    if (n > 0)
        REC_SET(&req, request, resources, ((struct strs){ resources, n }));
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    return l->reply->images.v;
}

static void is_image(size_t i, const char *label, const char *path)
{
    const struct image_info *x = l->reply->images.v;

    cr_assert_lt(i, l->reply->images.n);
    cr_expect_str_eq(x[i].label, label);
    cr_expect_str_eq(x[i].image->path, path);
    cr_expect_eq(x[i].seen_ms, l->wall.v);
}

Test(images, are_listed_in_order_page_by_page)
{
    const char *of[] = { F2, F1 ":/b", F1 ":/b" };
    char id[UUID_TEXT], fs[UUID_TEXT];

    found(F2, true, "/a", "/z", NULL);
    found(F1, true, "/b", "/c", NULL);
    id_of(F1 ":/b", id);
    id_of(F1, fs);
    listed(NULL, 0, 0, 0);
    cr_assert_eq(l->reply->images.n, 4);
    cr_expect_not(l->reply->more);
    is_image(0, "u2", "/a"); /* that has the lower number */
    is_image(1, "u2", "/z");
    is_image(2, "u1", "/b");
    is_image(3, "u1", "/c");
    cr_expect_str_eq(((const struct image_info *)l->reply->images.v)[2].resource, id);
    cr_expect_str_eq(((const struct image_info *)l->reply->images.v)[2].filesystem, fs);
    listed(NULL, 0, 1, 2);
    cr_assert_eq(l->reply->images.n, 2);
    cr_expect(l->reply->more);
    is_image(0, "u2", "/z");
    is_image(1, "u1", "/b");
    listed(NULL, 0, 3, 2);
    cr_assert_eq(l->reply->images.n, 1);
    cr_expect_not(l->reply->more);
    listed(NULL, 0, 4, 0);
    cr_expect_eq(l->reply->images.n, 0);
    listed(NULL, 0, UINT64_MAX, 0);
    cr_expect_eq(l->reply->images.n, 0);
    listed(of, 3, 0, 0);
    cr_assert_eq(l->reply->images.n, 3);
    is_image(0, "u2", "/a");
    is_image(1, "u2", "/z");
    is_image(2, "u1", "/b");
}

/* Nobody has all in one answer; whoever asks on from the last misses none. */
Test(images, many_are_listed_in_several_answers)
{
    enum { MANY = 4500 };
    struct image *v = calloc(MANY, sizeof *v);
    char(*paths)[16] = calloc(MANY, sizeof *paths);
    size_t n = 0, pages = 0;

    l->doubtful = true;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(paths[i], sizeof paths[i], "/%06zu", i);
        REC_SET(&v[i], image, path, paths[i]);
    }
    cr_assert_eq(rights_found(l, F1, true, v, MANY), MANY);
    do {
        const struct image_info *x = listed(NULL, 0, n, 0);

        for (size_t i = 0; i < l->reply->images.n; i++)
            cr_assert_str_eq(x[i].image->path, paths[n + i]);
        n += l->reply->images.n;
        pages++;
    } while (l->reply->more);
    cr_expect_eq(n, MANY);
    cr_expect_eq(pages, 3);
    free(v);
    free(paths);
}

Test(images, are_listed_of_filesystems_and_nothing_else)
{
    const char *of[] = { "naa.6001" };
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_IMAGE_LIST);
    REC_SET(&req, request, resources, ((struct strs){ of, 1 }));
    cr_expect_eq(life_ask(l, &req), REPLY_INVALID);
    cr_expect(strstr(l->reply->text, "'naa.6001' is a lun; images are listed") != NULL, "%s",
              l->reply->text);
    REC_CLEAR(&req, request, resources);
    REC_SET(&req, request, limit, 0);
    cr_expect_eq(life_ask(l, &req), REPLY_INVALID);
}

/* ---- admission, and what else is told of filesystems ---------------------------------------- */

static enum reply_code admit_all(bool on)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_FS_ADMIT);
    REC_SET(&req, request, flag, on);
    return life_ask(l, &req);
}

static const struct resource_info *in_reply(const char *key)
{
    const struct resource_info *r = l->reply->resources.v;

    for (size_t i = 0; i < l->reply->resources.n; i++) {
        if (strcmp(r[i].key, key) == 0)
            return &r[i];
    }
    return NULL;
}

Test(images, all_filesystems_that_can_be_scanned_are_admitted_at_once)
{
    struct shelf own = plain;

    cr_assert_eq(admit_all(false), REPLY_OK);
    cr_expect_eq(l->reply->resources.n, 2);
    cr_assert(in_reply(F1) != NULL && in_reply(F1)->changed && !in_reply(F1)->admitted);
    cr_assert_eq(admit_all(false), REPLY_OK);
    cr_expect_eq(l->reply->resources.n, 0);
    cr_assert_eq(rights_admit(l, F1, true), REPLY_OK);
    cr_expect(in_reply(F1)->changed && in_reply(F1)->admitted);
    cr_assert_eq(rights_admit(l, F1, true), REPLY_OK);
    cr_assert(REC_HAS(in_reply(F1), resource_info, changed));
    cr_expect_not(in_reply(F1)->changed);
    own.fs[3] = (struct shelf_fs){ .container = "naa.6004", .uuid = "u4" }; /* of no known type */
    shelf_report(&a, &own);
    cr_assert_eq(admit_all(true), REPLY_OK);
    cr_assert_eq(l->reply->resources.n, 1, "not swap, nor what nobody has told the type of");
    cr_expect(in_reply(F2) != NULL && in_reply(F2)->changed);
    cr_expect_eq(durable_count_events(l->d, "fs.admitted", "u2"), 2);
    cr_expect_eq(durable_count_events(l->d, "fs.admitted", "u3"), 0);
}

Test(images, a_filesystem_tells_its_last_scan)
{
    struct resource *fs = resource_by_id(l->c, resource_seen_id(NULL, RESOURCE_FILESYSTEM, F1));
    const struct resource_info *r = shown(F1);

    cr_expect(r->admitted && REC_HAS(r, resource_info, images) && r->images == 0);
    cr_expect_not(REC_HAS(r, resource_info, scan));
    found(F1, true, "/a", "/b", NULL);
    fs->seat->scan->outcome = SCAN_INCOMPLETE;
    fs->seat->scan->at = l->wall;
    fs->seat->scan->node_no = node_by_name(l->c, "m2")->row.no;
    cr_assert_eq(text_set(&fs->seat->scan->reason, "Its journal is not empty."), 0);
    l->doubtful = true; /* nothing of that was stored */
    r = shown(F1);
    cr_expect_eq(r->images, 2);
    cr_expect_str_eq(r->scan, "incomplete");
    cr_expect_str_eq(r->scan_reason, "Its journal is not empty.");
    cr_expect_str_eq(r->scan_node, "m2");
    cr_expect_eq(r->scanned_ms, l->wall.v);
    cr_expect_not(REC_HAS(shown(F1 ":/a"), resource_info, admitted));
    cr_expect_not(REC_HAS(shown("naa.6001"), resource_info, images));
}

Test(images, rights_are_counted_and_listed_with_filesystems)
{
    const struct lease_info *v;
    struct request req = { 0 };
    const char *why;
    uint64_t token = rights_ask(&a, shelf_resource(l, RESOURCE_FILESYSTEM, F1), &why);

    cr_assert(token != 0, "%s", why);
    rights_add(&a, a.seq, RIGHT_HELD, token);
    cr_assert_eq(rights_take(l, "m2", F2), REPLY_OK);
    REC_SET(&req, request, op, OP_STATUS);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(l->reply->status->leases_live, 1);
    cr_expect_eq(l->reply->status->leases_residue, 0);
    cr_expect_eq(l->reply->status->holds, 1);
    cr_expect(REC_HAS(l->reply->status, status_info, tasks_running));
    REC_SET(&req, request, op, OP_FS_LIST);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_assert_eq(l->reply->leases.n, 2);
    v = l->reply->leases.v;
    cr_expect_str_eq(v[0].state, "held");
    cr_expect_str_eq(v[0].node_name, "m2");
    cr_expect_str_eq(v[1].state, "live");
    cr_expect_str_eq(v[1].label, "u1");
}
