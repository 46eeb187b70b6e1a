/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanning.h"

#include <criterion/criterion.h>

#include "wire/codec.h"

struct life *l;
struct machine m[MACHINES];
struct order_key held[MACHINES][MOST]; /* offered and not used yet */
const char *held_fs[MACHINES][MOST];
size_t held_count[MACHINES];

const struct shelf plain = {
    .fs = { { .container = "naa.6001-part1", .uuid = "u1", .type = "ext4" },
            { .container = "lv.L2", .uuid = "u2", .type = "xfs" },
            { .container = "naa.6003", .uuid = "u3", .type = "ext4" } },
    .lvs = { "L2" },
    .vg = "V",
    .pv = "naa.6002",
};

void setup(void)
{
    l = life_new();
    memset(held_count, 0, sizeof held_count);
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_init(&m[i], l, i + 1);
        machine_join(&m[i]);
    }
    for (unsigned i = 0; i < MACHINES; i++)
        shelf_report(&m[i], &plain);
    cr_assert_eq(rights_admit(l, F1, true), REPLY_OK);
    cr_assert_eq(rights_admit(l, F2, true), REPLY_OK);
    l->offer_count = 0;
}

void teardown(void)
{
    life_free(l);
}

/* ---- what machines hear and say -------------------------------------------------------------- */

static unsigned machine_of(const struct envelope *env)
{
    uuid128 id;

    cr_assert(wire_uuid(env->node_id, &id));
    for (unsigned i = 0; i < MACHINES; i++) {
        if (uuid_eq(m[i].id, id))
            return i;
    }
    cr_assert_fail("an offer to nobody");
    return 0;
}

size_t hear(void)
{
    size_t n = l->offer_count;

    for (size_t i = 0; i < n; i++) {
        const struct offer *o = l->offers[i]->offer;
        unsigned to = machine_of(l->offers[i]);

        cr_assert_not_null(o);
        held[to][held_count[to]] = *o->order;
        held_fs[to][held_count[to]++] = strcmp(o->uuid, "u1") == 0   ? F1
                                        : strcmp(o->uuid, "u2") == 0 ? F2
                                                                     : F3;
    }
    l->offer_count = 0;
    return n;
}

enum reply_code scan(const char *const *names, size_t n, bool every)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_SCAN);
    if (n > 0)
        REC_SET(&req, request, resources, ((struct strs){ (const char **)(uintptr_t)names, n }));
    REC_SET(&req, request, flag, every);
    return life_ask(l, &req);
}

const struct task *task(void)
{
    return link_empty(&l->c->tasks) ? NULL : container_of(l->c->tasks.prev, struct task, link);
}

const struct job *job(uint32_t no)
{
    cr_assert_not_null(task());
    return task()->jobs[no - 1];
}

struct order_key offer_of(unsigned i, const char *fs)
{
    struct order_key key = { 0 };

    hear();
    for (size_t k = held_count[i]; k-- > 0;) {
        if (strcmp(held_fs[i][k], fs) != 0)
            continue;
        key = held[i][k];
        held[i][k] = held[i][--held_count[i]];
        held_fs[i][k] = held_fs[i][held_count[i]];
        return key;
    }
    cr_assert_fail("%s was not offered %s", m[i].name, fs);
    return key;
}

bool has_offer(unsigned i, const char *fs)
{
    hear();
    for (size_t k = 0; k < held_count[i]; k++) {
        if (strcmp(held_fs[i][k], fs) == 0)
            return true;
    }
    return false;
}

unsigned offered_to(const char *fs)
{
    for (unsigned i = 0; i < MACHINES; i++) {
        if (has_offer(i, fs))
            return i;
    }
    cr_assert_fail("%s was offered to nobody", fs);
    return 0;
}

uint64_t ask(unsigned i, const char *fs, const struct order_key *order)
{
    struct lease_request body = { 0 };
    struct envelope env = { 0 };
    const struct resource *r = shelf_resource(l, RESOURCE_FILESYSTEM, fs);

    REC_SET(&body, lease_request, order, order);
    REC_SET(&body, lease_request, resource, wire_bytes16(r->id.b));
    REC_SET(&body, lease_request, rights, ((struct recs){ m[i].rights, m[i].right_count }));
    REC_SET(&env, envelope, lease_request, &body);
    machine_say(&m[i], &env);
    hear();
    if (l->answer == NULL || l->answer->granted == NULL)
        return 0;
    rights_add(&m[i], m[i].seq, RIGHT_HELD, l->answer->granted->token);
    return l->answer->granted->token;
}

bool result(unsigned i, const struct order_key *order, uint64_t token, struct found f)
{
    struct scan_result body = { 0 };
    struct envelope env = { 0 };
    struct image images[2] = { { 0 } };
    uint64_t request = 0;
    bool taken;

    for (size_t k = 0; k < m[i].right_count; k++) {
        if (m[i].rights[k].token == token)
            request = m[i].rights[k].request;
    }
    if (f.mounted_still)
        rights_add(&m[i], request, RIGHT_RESIDUE, token);
    else
        rights_drop(&m[i], request);
    REC_SET(&images[0], image, path, "/a.qcow2");
    REC_SET(&images[0], image, format, "qcow2");
    REC_SET(&images[1], image, path, "/b.vhd");
    REC_SET(&images[1], image, format, "vhd");
    REC_SET(&body, scan_result, token, token);
    REC_SET(&body, scan_result, order, order);
    REC_SET(&body, scan_result, outcome, (uint64_t)f.outcome);
    REC_PUT(&body, scan_result, reason, f.reason);
    REC_PUT(&body, scan_result, fingerprint, f.fingerprint);
    REC_SET(&body, scan_result, again, f.again);
    REC_SET(&body, scan_result, unchanged, f.unchanged);
    REC_SET(&body, scan_result, mismatch, f.mismatch);
    REC_SET(&body, scan_result, mounts, f.unchanged ? 0 : 1);
    REC_SET(&body, scan_result, ms, 700);
    REC_SET(&body, scan_result, images, ((struct recs){ images, f.images }));
    REC_SET(&body, scan_result, rights, ((struct recs){ m[i].rights, m[i].right_count }));
    REC_SET(&env, envelope, scan_result, &body);
    machine_say(&m[i], &env);
    taken = l->answer != NULL && l->answer->result_ack != NULL && l->answer->result_ack->taken;
    hear();
    return taken;
}

bool reach(unsigned i, const struct order_key *order, bool proven)
{
    struct reach_result body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, reach_result, order, order);
    REC_SET(&body, reach_result, proven, proven);
    if (!proven)
        REC_SET(&body, reach_result, reason, "Another filesystem is there.");
    REC_SET(&body, reach_result, mismatch, !proven);
    REC_SET(&env, envelope, reach_result, &body);
    machine_say(&m[i], &env);
    return l->answer != NULL && l->answer->result_ack != NULL && l->answer->result_ack->taken;
}

void decline(unsigned i, const struct order_key *order, uint64_t retry_ms)
{
    struct decline body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, decline, order, order);
    REC_SET(&body, decline, reason, "No place is free.");
    if (retry_ms > 0)
        REC_SET(&body, decline, retry_ms, retry_ms);
    REC_SET(&env, envelope, decline, &body);
    machine_say(&m[i], &env);
    hear();
}

void alive(int64_t ms)
{
    for (int64_t t = 0; t < ms; t += 1000) {
        for (unsigned i = 0; i < MACHINES; i++) {
            machine_heartbeat(&m[i]);
            hear();
        }
        life_run(l, 1000);
        hear();
    }
}

const struct found complete = { .outcome = SCAN_COMPLETE, .fingerprint = "ext4 1", .images = 2 };

const char *const one[] = { F1 };

unsigned reading(struct order_key *order, uint64_t *token)
{
    unsigned i;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    i = offered_to(F1);
    *order = offer_of(i, F1);
    *token = ask(i, F1, order);
    cr_assert(*token != 0);
    return i;
}
