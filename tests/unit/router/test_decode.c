/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a decoder makes of the bytes of a message. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/limits.h"
#include "decode.h"
#include "model/identity.h"
#include "wire/codec.h"

static struct work *raw(unsigned socket, const void *p, size_t n)
{
    struct route r = { .socket = (uint8_t)socket, .n = 5, .id = { 0, 1, 2, 3, 4 } };
    struct work *w = work_new(WORK_RAW, &r);

    cr_assert(w != NULL && zmq_msg_init_size(&w->raw, n) == 0);
    if (n > 0)
        memcpy(zmq_msg_data(&w->raw), p, n);
    w->has_raw = true;
    return w;
}

/* Decodes what no client has to be answered. */
static struct work *decode(unsigned socket, const void *p, size_t n)
{
    struct work *w = raw(socket, p, n);

    cr_expect_null(decode_work(w));
    cr_expect_not(w->has_raw, "the bytes are given back");
    return w;
}

static const uint8_t id[16] = { 1 };

static void start_envelope(struct envelope *env)
{
    *env = (struct envelope){ 0 };
    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, node_id, wire_bytes16(id));
    REC_SET(env, envelope, boot_id, wire_bytes16(id));
    REC_SET(env, envelope, seq, 77);
}

static struct buf encode_envelope(const struct envelope *env)
{
    struct err e = { "" };
    struct buf b = { 0 };

    cr_assert_eq(wire_encode(&envelope_desc, env, &b, &e), 0, "%s", e.text);
    return b;
}

static struct buf report(struct section_body *bodies, size_t n)
{
    struct report r = { 0 };
    struct recs list = { bodies, n };
    struct envelope env;

    start_envelope(&env);
    REC_SET(&r, report, sections, list);
    REC_SET(&env, envelope, report, &r);
    return encode_envelope(&env);
}

static struct section_body absent(unsigned section)
{
    struct section_body b = { 0 };

    REC_SET(&b, section_body, section, section);
    REC_SET(&b, section_body, status, SECTION_ABSENT);
    REC_SET(&b, section_body, status_text, "there is none");
    return b;
}

Test(decode, a_good_message_of_a_node)
{
    struct section_body bodies[2] = { absent(SECTION_NICS), absent(SECTION_BRIDGES) };
    struct buf b = report(bodies, 2);
    struct work *w = decode(SOCKET_NODES, b.p, b.n);

    cr_assert_eq(w->type, WORK_NODE);
    cr_expect_eq(w->env->seq, 77);
    cr_assert_eq(w->section_count, 2);
    cr_expect_eq(w->sections[1].id, SECTION_BRIDGES);
    cr_expect_str_eq(w->sections[1].status_text, "there is none");
    cr_expect_gt(w->node.weight, 0, "its memory counts");
    work_free(w);
    buf_deinit(&b);
}

static void refused(const void *p, size_t n, enum refuse_reason reason, uint64_t correlation,
                    const char *text)
{
    struct work *w = decode(SOCKET_NODES, p, n);

    cr_assert_eq(w->type, WORK_BAD, "%s", text);
    cr_expect_eq(w->bad.reason, reason, "%d: %s", w->bad.reason, text);
    cr_expect_eq(w->bad.correlation, correlation);
    cr_expect_eq(w->bad.count, 1);
    cr_expect(w->bad.answer, "a node is told: %s", text);
    cr_expect(strstr(w->bad.text, text) != NULL, "\"%s\" does not say \"%s\"", w->bad.text, text);
    cr_expect_null(w->arena, "nothing of it is kept");
    work_free(w);
}

Test(decode, malformed_messages_of_a_node)
{
    struct section_body good = absent(SECTION_NICS);
    struct buf b = report(&good, 1);

    refused("", 0, REFUSE_MALFORMED, 0, "");
    refused("\xff\xff\xff", 3, REFUSE_MALFORMED, 0, "");
    for (size_t n = 0; n < b.n; n++)
        refused(b.p, n, REFUSE_MALFORMED, 0, "");
    buf_deinit(&b);
}

Test(decode, no_body_and_two)
{
    struct goodbye bye = { 0 };
    struct heartbeat beat = { 0 };
    struct envelope env;
    struct buf b;

    start_envelope(&env);
    b = encode_envelope(&env);
    refused(b.p, b.n, REFUSE_MALFORMED, 0, "body");
    buf_deinit(&b);
    REC_SET(&env, envelope, goodbye, &bye);
    REC_SET(&env, envelope, heartbeat, &beat);
    b = encode_envelope(&env);
    refused(b.p, b.n, REFUSE_MALFORMED, 0, "body");
    buf_deinit(&b);
}

/* A body of a newer version is none that is known here. */
Test(decode, an_unknown_body)
{
    static const uint8_t body_50[] = { 0x92, 0x03, 0x00 };
    struct envelope env;
    struct buf b;

    start_envelope(&env);
    b = encode_envelope(&env);
    buf_add(&b, body_50, sizeof body_50);
    refused(b.p, b.n, REFUSE_MALFORMED, 0, "body");
    buf_deinit(&b);
}

/* One of a node that is rolled to the next version is the core's to answer. */
Test(decode, an_unknown_body_of_a_later_version)
{
    static const uint8_t body_50[] = { 0x92, 0x03, 0x00 };
    struct envelope env;
    struct work *w;
    struct buf b;

    start_envelope(&env);
    REC_SET(&env, envelope, version, PROTOCOL_VERSION + 1);
    b = encode_envelope(&env);
    buf_add(&b, body_50, sizeof body_50);
    w = decode(SOCKET_NODES, b.p, b.n);
    cr_assert_eq(w->type, WORK_NODE);
    cr_expect_eq(w->env->seq, 77);
    work_free(w);
    buf_deinit(&b);
}

/* A section that is not known here, and a digest of rows with more fields than are known. */
Test(decode, sections_of_a_later_version)
{
    struct section_body bodies[SECTION_COUNT + 2];
    struct report r = { 0 };
    struct envelope env;
    struct work *w;
    struct buf b;

    for (unsigned i = 0; i < ARRAY_LEN(bodies); i++)
        bodies[i] = absent(i);
    REC_SET(&bodies[SECTION_CPU], section_body, digest, wire_bytes16(id));
    start_envelope(&env);
    REC_SET(&env, envelope, version, PROTOCOL_VERSION + 1);
    REC_SET(&r, report, sections, ((struct recs){ bodies, ARRAY_LEN(bodies) }));
    REC_SET(&env, envelope, report, &r);
    b = encode_envelope(&env);
    w = decode(SOCKET_NODES, b.p, b.n);
    cr_assert_eq(w->type, WORK_NODE);
    cr_assert_eq(w->section_count, SECTION_COUNT);
    for (unsigned i = 0; i < SECTION_COUNT; i++)
        cr_expect_eq(w->sections[i].partly, i == SECTION_CPU, "section %u", i);
    cr_expect_arr_eq(w->sections[SECTION_CPU].digest.b, id, 16);
    work_free(w);
    buf_deinit(&b);
}

/* Who may send it is the core's to say; it comes through whole. */
Test(decode, a_body_that_only_the_coordinator_sends)
{
    struct refused body = { 0 };
    struct envelope env;
    struct work *w;
    struct buf b;

    start_envelope(&env);
    REC_SET(&body, refused, reason, 1);
    REC_SET(&env, envelope, refused, &body);
    b = encode_envelope(&env);
    w = decode(SOCKET_NODES, b.p, b.n);
    cr_expect_eq(w->type, WORK_NODE);
    work_free(w);
    buf_deinit(&b);
}

Test(decode, sections_that_lie)
{
    struct section_body one = absent(SECTION_NICS), many[SECTION_COUNT + 1], strange;
    struct nic nic = { 0 };
    struct recs rows = { &nic, 1 };
    struct buf b;
    char text[80];

    REC_SET(&one, section_body, digest, wire_bytes16(id));
    b = report(&one, 1);
    refused(b.p, b.n, REFUSE_MALFORMED, 77, "digest");
    buf_deinit(&b);

    for (unsigned i = 0; i <= SECTION_COUNT; i++)
        many[i] = absent(0);
    b = report(many, SECTION_COUNT + 1);
    snprintf(text, sizeof text, "a report has %d sections; there are only %d kinds",
             SECTION_COUNT + 1, SECTION_COUNT);
    refused(b.p, b.n, REFUSE_MALFORMED, 77, text);
    buf_deinit(&b);

    strange = absent(99);
    b = report(&strange, 1);
    refused(b.p, b.n, REFUSE_MALFORMED, 77, "");
    buf_deinit(&b);

    REC_SET(&nic, nic, name, "eth0");
    strange = absent(SECTION_BONDS);
    REC_SET(&strange, section_body, nics, rows);
    b = report(&strange, 1);
    refused(b.p, b.n, REFUSE_MALFORMED, 77, "");
    buf_deinit(&b);
}

static struct buf encode_request(uint64_t correlation)
{
    struct request r = { 0 };
    struct buf b = { 0 };

    REC_SET(&r, request, version, PROTOCOL_VERSION);
    REC_SET(&r, request, op, OP_HELLO);
    REC_SET(&r, request, correlation, correlation);
    cr_assert_eq(wire_encode(&request_desc, &r, &b, NULL), 0);
    return b;
}

Test(decode, a_good_request)
{
    struct buf b = encode_request(5);
    struct work *w = decode(SOCKET_LOCAL, b.p, b.n);

    cr_assert_eq(w->type, WORK_REQUEST);
    cr_expect_eq(w->request->op, OP_HELLO);
    cr_expect_eq(w->request->correlation, 5);
    work_free(w);
    buf_deinit(&b);
}

static void answered(struct work *w, uint64_t correlation, enum reply_code code, const char *text)
{
    struct post *p = decode_work(w);
    struct arena *a = arena_new(0);
    struct err e = { "" };
    struct reply *r;
    void *rec;

    cr_assert_not_null(p);
    cr_assert_eq(wire_decode(&reply_desc, p->data, p->n, a, &rec, &e), 0, "%s", e.text);
    r = rec;
    cr_expect_eq(r->correlation, correlation);
    cr_expect_eq(r->code, code);
    cr_expect(strstr(r->text, text) != NULL, "%s", r->text);
    cr_expect_eq(p->route.socket, w->route.socket);
    cr_expect_eq(w->type, WORK_BAD, "it is counted");
    cr_expect_not(w->bad.answer, "and not answered twice");
    post_free(p);
    work_free(w);
    arena_free(a);
}

Test(decode, a_request_that_is_none)
{
    answered(raw(SOCKET_REMOTE, "\x12", 1), 0, REPLY_INVALID, "");
}

/* What the socket's thread refuses is decoded for the number under which the client waits. */
Test(decode, a_request_that_was_refused_already)
{
    struct buf b = encode_request(9);
    struct work *w = raw(SOCKET_LOCAL, b.p, b.n);

    w->bad.reason = REFUSE_FLOOD;
    snprintf(w->bad.text, sizeof w->bad.text, "too much");
    answered(w, 9, REPLY_REFUSED, "too much");
    w = raw(SOCKET_LOCAL, b.p, b.n);
    w->bad.reason = REFUSE_TOO_LARGE;
    answered(w, 9, REPLY_TOO_LARGE, "");
    buf_deinit(&b);
}

Test(decode, a_message_that_takes_too_much_memory)
{
    struct buf b = { 0 };
    struct err e = { "" };
    struct section_body body = absent(SECTION_NICS);
    struct recs rows;
    static struct nic nics[LIMIT_ROWS_NICS];
    static char names[LIMIT_ROWS_NICS][16];
    static const char *none[LIMIT_STRINGS];
    struct strs list = { none, LIMIT_STRINGS };
    struct report r = { 0 };
    struct envelope env;

    for (size_t i = 0; i < LIMIT_STRINGS; i++)
        none[i] = "";
    for (size_t i = 0; i < LIMIT_ROWS_NICS; i++) {
        snprintf(names[i], sizeof names[i], "eth%zu", i);
        REC_SET(&nics[i], nic, name, names[i]);
        if (i < 335)
            REC_SET(&nics[i], nic, altnames, list);
    }
    rows = (struct recs){ nics, LIMIT_ROWS_NICS };
    REC_SET(&body, section_body, nics, rows);
    REC_SET(&body, section_body, status, SECTION_OK);
    REC_CLEAR(&body, section_body, status_text);
    start_envelope(&env);
    REC_SET(&r, report, sections, ((struct recs){ &body, 1 }));
    REC_SET(&env, envelope, report, &r);
    cr_assert_eq(wire_encode(&envelope_desc, &env, &b, &e), 0, "%s", e.text);
    cr_assert_leq(b.n, LIMIT_NODE_MESSAGE_BYTES);
    refused(b.p, b.n, REFUSE_TOO_LARGE, 0, "memory");
    buf_deinit(&b);
}
