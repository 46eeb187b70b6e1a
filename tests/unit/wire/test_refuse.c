/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the decoder refuses, with a sentence that names the place. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "gen.h"
#include "wire/codec.h"
#include "wire/pb.h"
#include "wire/scan.h"

/* Decodes a copy of exactly that size, so that a reader beyond its end is caught. */
static int decode(const struct record_desc *d, const void *p, size_t n, struct err *e)
{
    struct arena *a = arena_new(LIMIT_DECODE_ARENA_BYTES);
    uint8_t *copy = malloc(n);
    void *out;
    int rc;

    if (n > 0)
        memcpy(copy, p, n);
    e->text[0] = '\0';
    rc = wire_decode(d, copy, n, a, &out, e);
    cr_assert_eq(rc < 0, e->text[0] != '\0', "a refusal has a sentence, nothing else has");
    free(copy);
    arena_free(a);
    return rc;
}

static int decode_envelope(const void *p, size_t n, struct err *e)
{
    struct arena *a = arena_new(LIMIT_DECODE_ARENA_BYTES);
    uint8_t *copy = malloc(n);
    struct envelope *out;
    int rc;

    if (n > 0)
        memcpy(copy, p, n);
    rc = wire_decode_envelope(copy, n, a, &out, e);
    free(copy);
    arena_free(a);
    return rc;
}

/* Takes the buffer. */
static void refused(const struct record_desc *d, struct buf *b, const char *sentence)
{
    struct err e;

    cr_expect_eq(decode(d, b->p, b->n, &e), -EBADMSG, "accepted, but: %s", sentence);
    cr_expect(strstr(e.text, sentence) != NULL, "\"%s\" does not say \"%s\"", e.text, sentence);
    buf_deinit(b);
}

static void accepted(const struct record_desc *d, struct buf *b)
{
    struct err e;

    cr_expect_eq(decode(d, b->p, b->n, &e), 0, "%s", e.text);
    buf_deinit(b);
}

/* A reply as short as it may be. */
static struct buf reply(void)
{
    struct buf b = { 0 };

    put_number(&b, 1, 1);
    put_number(&b, 3, 0);
    return b;
}

Test(wire_refuse, an_envelope_cut_at_every_length)
{
    struct gen g = { .state = gen_seed(), .fill = 60, .longest = 2 };
    struct err e;

    for (uint32_t body = envelope_enrol; body < envelope_FIELD_COUNT; body++) {
        struct buf b = { 0 };
        struct envelope *env;

        g.a = arena_new(0);
        env = gen_envelope(&g, body);
        env->version = PROTOCOL_VERSION; /* of a later one it may lack what is known here */
        cr_assert_eq(wire_encode(&envelope_desc, env, &b, &e), 0, "%s", e.text);
        cr_expect_eq(decode_envelope(b.p, b.n, &e), 0, "%s", e.text);
        for (size_t n = 0; n < b.n; n += 1 + n / 500)
            cr_assert_eq(decode_envelope(b.p, n, &e), -EBADMSG, "body %u cut at %zu", body, n);
        buf_deinit(&b);
        arena_free(g.a);
    }
}

/* Any message, any byte changed or cut off: an answer, and nothing read that is not there. */
Test(wire_refuse, spoilt_bytes_never_hurt)
{
    struct gen g = { .state = gen_seed(), .fill = 50, .longest = 2 };
    struct err e;

    for (size_t i = 0; i < pb_pair_count; i++) {
        const struct record_desc *d = pb_pairs[i].rec;
        struct buf b = { 0 };

        g.a = arena_new(0);
        cr_assert_eq(wire_encode(d, gen_record(&g, d), &b, &e), 0, "%s", e.text);
        for (size_t k = 0; k < 400 && b.n > 0; k++) {
            size_t at = gen_below(&g, b.n);
            uint8_t was = b.p[at];
            int rc;

            b.p[at] = (uint8_t)gen_next(&g);
            rc = decode(d, b.p, gen_below(&g, 2) ? b.n : gen_below(&g, b.n), &e);
            cr_assert(rc == 0 || rc == -EBADMSG, "%s: %d", d->name, rc);
            b.p[at] = was;
        }
        buf_deinit(&b);
        arena_free(g.a);
    }
}

/* By hand, since the encoder would refuse: only the required fields, without field `but`. */
static void put_required(struct buf *b, const struct record_desc *d, uint32_t but)
{
    for (uint32_t i = 0; i < d->count; i++) {
        const struct field *f = &d->fields[i];
        struct buf sub = { 0 };

        if (!(f->flags & FIELD_REQUIRED) || i == but)
            continue;
        if (f->type == FIELD_U64 || f->type == FIELD_BOOL) {
            put_number(b, f->tag, 1);
        } else if (f->type == FIELD_REC) {
            put_required(&sub, f->sub, UINT32_MAX);
            put_message(b, f->tag, &sub);
            buf_deinit(&sub);
        } else {
            put_text(b, f->tag, "0123456789abcdef");
        }
    }
}

static void without_field(const struct record_desc *d, uint32_t i, struct gen *g)
{
    struct buf b = { 0 };
    char sentence[128];
    void *rec = gen_record(g, d);
    struct err e = { "" };

    *(uint64_t *)rec &= ~(UINT64_C(1) << i);
    snprintf(sentence, sizeof sentence, "%s has no %s", d->name, d->fields[i].name);
    cr_expect_eq(wire_encode(d, rec, &b, &e), -EINVAL);
    cr_expect_str_eq(e.text, sentence);
    cr_expect_eq(b.n, 0, "a failed encode leaves the buffer as it was");
    put_required(&b, d, UINT32_MAX);
    accepted(d, &b);
    put_required(&b, d, i);
    refused(d, &b, sentence);
}

Test(wire_refuse, each_required_field_missing)
{
    struct gen g = { .state = 7, .fill = 0, .longest = 1 };
    unsigned found = 0;

    g.a = arena_new(0);
    for (size_t i = 0; i < pb_pair_count; i++) {
        const struct record_desc *d = pb_pairs[i].rec;

        for (uint32_t k = 0; k < d->count; k++) {
            if (d->fields[k].flags & FIELD_REQUIRED) {
                without_field(d, k, &g);
                found++;
            }
        }
    }
    cr_expect_geq(found, 15);
    arena_free(g.a);
}

/* ---- text ---------------------------------------------------------------------------------- */

Test(wire_refuse, text_that_is_not_clean)
{
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        { "\0", 1 },
        { "ab\0", 3 },
        { "\0ab", 3 },
        { "abcd\0efghijk", 12 },
        { "a\nb", 3 },
        { "\t", 1 },
        { "\x1b[31m", 5 },
        { "0123456789\x7f", 11 },
        { "\x1f", 1 },
        { "\x80", 1 },
        { "\xc2", 1 },
        { "\xc2\x80", 2 },
        { "\xc2\x9f", 2 },
        { "\xc0\xaf", 2 },
        { "\xe0\x80\xaf", 3 },
        { "\xed\xa0\x80", 3 },
        { "\xf4\x90\x80\x80", 4 },
        { "\xff", 1 },
        { "1234567\xe2\x82", 9 },
        { "\xf8\x88\x80\x80\x80", 5 },
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf one = reply(), list = reply();

        put_bytes(&one, 4, bad[i].bytes, bad[i].n);
        refused(&reply_desc, &one, "reply.text is not clean UTF-8 text");
        put_text(&list, 7, "fine");
        put_bytes(&list, 7, bad[i].bytes, bad[i].n);
        refused(&reply_desc, &list, "reply.candidates is not clean UTF-8 text");
    }
}

/* The fast look at eight bytes at a time must see a bad byte wherever it stands. */
Test(wire_refuse, a_bad_byte_at_every_place)
{
    static const char bytes[] = { 0, 1, 0x1f, 0x7f, (char)0x80, (char)0xff };
    char text[40];
    struct err e;

    for (size_t n = 1; n <= 33; n++) {
        for (size_t at = 0; at < n; at++) {
            for (size_t k = 0; k < sizeof bytes; k++) {
                struct buf b = reply();

                memset(text, k % 2 ? ' ' : '~', n);
                text[at] = bytes[k];
                put_bytes(&b, 4, text, n);
                cr_assert_eq(decode(&reply_desc, b.p, b.n, &e), -EBADMSG,
                             "byte 0x%02x at %zu of %zu", bytes[k] & 0xff, at, n);
                buf_deinit(&b);
            }
        }
    }
}

Test(wire_refuse, encode_of_what_decode_would_refuse)
{
    static const char *many_texts[LIMIT_STRINGS + 1];
    char too_long[LIMIT_STRING_BYTES + 2];
    struct heartbeat_ack ack = { 0 };
    struct refused r = { 0 };
    struct memory m = { 0 };
    struct reply answer = { 0 };
    struct node_register reg = { 0 };
    struct buf b = { 0 };
    struct err e;

    REC_SET(&r, refused, reason, 1);
    REC_SET(&r, refused, text, "two\nlines");
    cr_expect_eq(wire_encode(&refused_desc, &r, &b, &e), -EINVAL);
    cr_expect(strstr(e.text, "refused.text") != NULL, "%s", e.text);
    memset(too_long, 'x', sizeof too_long);
    too_long[LIMIT_STRING_BYTES + 1] = '\0';
    r.text = too_long;
    cr_expect_eq(wire_encode(&refused_desc, &r, &b, &e), -EINVAL);
    too_long[LIMIT_STRING_BYTES] = '\0';
    cr_expect_eq(wire_encode(&refused_desc, &r, &b, &e), 0, "%s", e.text);
    r.text = NULL;
    cr_expect_eq(wire_encode(&refused_desc, &r, &b, &e), -EINVAL);
    REC_CLEAR(&r, refused, text);
    r.reason = (uint64_t)INT64_MAX + 1;
    cr_expect_eq(wire_encode(&refused_desc, &r, &b, &e), -EINVAL);
    REC_SET(&m, memory, db_id, ((struct bytes){ (const uint8_t *)"short", 5 }));
    cr_expect_eq(wire_encode(&memory_desc, &m, &b, &e), -EINVAL);
    REC_SET(&answer, reply, version, 1);
    REC_SET(&answer, reply, code, 0);
    REC_SET(&answer, reply, chunk, ((struct bytes){ (const uint8_t *)"", BACKUP_CHUNK_BYTES + 1 }));
    cr_expect_eq(wire_encode(&reply_desc, &answer, &b, &e), -EINVAL);
    for (size_t i = 0; i < ARRAY_LEN(many_texts); i++)
        many_texts[i] = "x";
    REC_SET(&ack, heartbeat_ack, want, ((struct strs){ many_texts, LIMIT_STRINGS }));
    cr_expect_eq(wire_encode(&heartbeat_ack_desc, &ack, &b, &e), 0, "%s", e.text);
    ack.want.n++;
    cr_expect_eq(wire_encode(&heartbeat_ack_desc, &ack, &b, &e), -EINVAL);
    cr_expect_str_eq(e.text, "heartbeat_ack.want has 4097 entries, more than 4096");
    REC_SET(&reg, node_register, identity, NULL);
    cr_expect_eq(wire_encode(&node_register_desc, &reg, &b, &e), -EINVAL);
    buf_deinit(&b);
}

/* ---- limits -------------------------------------------------------------------------------- */

Test(wire_refuse, a_string_over_its_limit)
{
    char text[LIMIT_STRING_BYTES + 1];
    struct buf fits = reply(), one = reply(), list = reply();

    memset(text, 'x', sizeof text);
    put_bytes(&fits, 4, text, LIMIT_STRING_BYTES);
    accepted(&reply_desc, &fits);
    put_bytes(&one, 4, text, LIMIT_STRING_BYTES + 1);
    refused(&reply_desc, &one, "reply.text is longer than 4096 bytes");
    put_bytes(&list, 7, text, LIMIT_STRING_BYTES + 1);
    refused(&reply_desc, &list, "reply.candidates is longer than 4096 bytes");
}

static struct buf many(struct buf b, uint32_t tag, unsigned n, const struct buf *each)
{
    for (unsigned i = 0; i < n; i++)
        put_message(&b, tag, each);
    return b;
}

Test(wire_refuse, a_list_over_its_limit)
{
    struct buf empty = { 0 }, state = { 0 }, body = { 0 }, b;

    b = many(reply(), 7, LIMIT_STRINGS, &empty);
    accepted(&reply_desc, &b);
    b = many(reply(), 7, LIMIT_STRINGS + 1, &empty);
    refused(&reply_desc, &b, "reply.candidates has 4097 entries, more than 4096");

    put_required(&state, &section_state_desc, UINT32_MAX);
    b = many((struct buf){ 0 }, 1, LIMIT_SECTIONS, &state);
    accepted(&heartbeat_desc, &b);
    b = many((struct buf){ 0 }, 1, LIMIT_SECTIONS + 1, &state);
    refused(&heartbeat_desc, &b, "heartbeat.sections has 65 entries, more than 64");

    put_required(&body, &section_body_desc, UINT32_MAX);
    b = many((struct buf){ 0 }, 1, LIMIT_SECTIONS + 1, &body);
    refused(&report_desc, &b, "report.sections has 65 entries, more than 64");
    buf_deinit(&state);
    buf_deinit(&body);
}

Test(wire_refuse, more_rows_than_a_section_may_have)
{
    struct buf empty = { 0 };

    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        const struct field *f = &section_body_desc.fields[section_body_system + i];
        struct buf b = { 0 }, over = { 0 };

        put_required(&b, &section_body_desc, UINT32_MAX);
        b = many(b, f->tag, section_descs[i].max_rows, &empty);
        accepted(&section_body_desc, &b);
        put_required(&over, &section_body_desc, UINT32_MAX);
        over = many(over, f->tag, section_descs[i].max_rows + 1, &empty);
        refused(&section_body_desc, &over, "entries, more than");
    }
}

Test(wire_refuse, unknown_fields_without_end)
{
    struct buf fits = reply(), b = reply();

    for (unsigned i = 0; i < LIMIT_UNKNOWN_FIELDS; i++) {
        put_number(&fits, 100, i);
        put_number(&b, 100 + i, 0);
    }
    accepted(&reply_desc, &fits);
    put_number(&b, 99, 0);
    refused(&reply_desc, &b, "more than 65536 fields that are not known here");
}

Test(wire_refuse, bytes_over_their_limit)
{
    static const uint8_t zeros[BACKUP_CHUNK_BYTES + 1];
    struct buf fits = reply(), b = reply();

    put_bytes(&fits, 17, zeros, BACKUP_CHUNK_BYTES);
    accepted(&reply_desc, &fits);
    put_bytes(&b, 17, zeros, BACKUP_CHUNK_BYTES + 1);
    refused(&reply_desc, &b, "reply.chunk is longer than 262144 bytes");
}

Test(wire_refuse, a_message_over_its_limit)
{
    static const struct {
        const struct record_desc *d;
        size_t limit;
    } limits[] = {
        { &envelope_desc, LIMIT_NODE_MESSAGE_BYTES },
        { &request_desc, LIMIT_CLIENT_MESSAGE_BYTES },
        { &reply_desc, LIMIT_REPLY_BYTES },
        { &report_desc, LIMIT_WORKER_RESULT_BYTES },
    };

    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        struct buf b = { 0 };

        cr_assert(buf_reserve(&b, limits[i].limit + 1));
        memset(b.p, 0, limits[i].limit + 1);
        b.n = limits[i].limit + 1;
        refused(limits[i].d, &b, "is over the limit of");
    }
}

/* Many strings of legal length: a legal report of illegal size. */
Test(wire_refuse, encode_of_a_message_over_its_limit)
{
    static char text[LIMIT_STRING_BYTES + 1];
    const char *v[20];
    struct request r = { 0 };
    struct buf b = { 0 };
    struct err e;

    memset(text, 'x', LIMIT_STRING_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        v[i] = text;
    REC_SET(&r, request, version, 1);
    REC_SET(&r, request, op, 1);
    REC_SET(&r, request, nodes, ((struct strs){ v, ARRAY_LEN(v) }));
    cr_expect_eq(wire_encode(&request_desc, &r, &b, &e), -EINVAL);
    cr_expect(strstr(e.text, "over the limit of 65536") != NULL, "%s", e.text);
    buf_deinit(&b);
}

/* ---- numbers, ids, bodies ------------------------------------------------------------------ */

Test(wire_refuse, a_number_over_int64_max)
{
    struct buf most = reply(), over = reply(), all = reply(), minus = reply();

    put_number(&most, 5, INT64_MAX);
    accepted(&reply_desc, &most);
    put_number(&over, 5, (uint64_t)INT64_MAX + 1);
    refused(&reply_desc, &over,
            "reply.generation is 9223372036854775808, over the largest number 9223372036854775807");
    put_number(&all, 5, UINT64_MAX);
    refused(&reply_desc, &all, "reply.generation is 18446744073709551615");
    put_bytes(&minus, 6, "", 0);
    refused(&reply_desc, &minus, "reply.event_no is of another type");
}

Test(wire_refuse, an_id_that_has_not_16_bytes)
{
    static const uint8_t id[20];

    for (size_t n = 0; n <= sizeof id; n++) {
        struct buf b = { 0 };

        put_number(&b, 1, 1);
        put_bytes(&b, 2, id, n);
        if (n == 16)
            accepted(&envelope_desc, &b);
        else
            refused(&envelope_desc, &b, "envelope.node_id has");
    }
    for (uint32_t tag = 1; tag <= 4; tag += 3) {
        struct buf b = { 0 };

        put_bytes(&b, tag, id, 15);
        refused(&memory_desc, &b, "has 15 bytes; it must have 16");
    }
}

Test(wire_refuse, an_envelope_with_two_bodies_or_none)
{
    struct buf empty = { 0 }, b = { 0 };
    struct err e;

    put_number(&b, 1, 1);
    cr_expect_eq(decode_envelope(b.p, b.n, &e), -EBADMSG);
    cr_expect_str_eq(e.text, "an envelope has one body, this one has 0");
    put_message(&b, 18, &empty);
    cr_expect_eq(decode_envelope(b.p, b.n, &e), 0);
    put_message(&b, 20, &empty);
    cr_expect_eq(decode_envelope(b.p, b.n, &e), -EBADMSG);
    cr_expect_str_eq(e.text, "an envelope has one body, this one has 2");
    buf_deinit(&b);
    cr_expect_eq(decode_envelope(NULL, 0, &e), -EBADMSG);
    cr_expect_str_eq(e.text, "envelope has no version");
}

/* ---- the encoding itself ------------------------------------------------------------------- */

/* protobuf takes the last of several; it would merge messages. We have no use for either. */
Test(wire_refuse, a_field_that_is_there_twice)
{
    struct buf number = reply(), text = reply(), empty = { 0 }, message = reply();

    put_number(&number, 3, 0);
    refused(&reply_desc, &number, "reply.code is there twice");
    put_text(&text, 4, "a");
    put_text(&text, 4, "b");
    refused(&reply_desc, &text, "reply.text is there twice");
    put_message(&message, 8, &empty);
    put_message(&message, 8, &empty);
    refused(&reply_desc, &message, "reply.status is there twice");
}

Test(wire_refuse, bytes_that_are_no_message)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t n;
    } bad[] = {
        { "tag 0", "\x00\x01", 2 },
        { "tag 0 in two bytes", "\x80\x00\x01", 3 },
        { "a tag over the largest", "\xf8\xff\xff\xff\x7f\x01", 6 },
        { "a tag without end", "\xff\xff\xff\xff\xff\xff", 6 },
        { "a tag cut off", "\xa8", 1 },
        { "an unknown number cut off", "\xa0\x06\xff", 3 },
        { "a number of 11 bytes", "\xa0\x06\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 13 },
        { "a number of 66 bits", "\xa0\x06\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 12 },
        { "8 bytes that are 7",
          "\xa1\x06"
          "1234567",
          9 },
        { "4 bytes that are 3",
          "\xa5\x06"
          "123",
          5 },
        { "a length beyond the end",
          "\xa2\x06\x05"
          "1234",
          7 },
        { "a length of 4 GiB", "\xa2\x06\xff\xff\xff\xff\x0f", 7 },
        { "a length of 6 bytes",
          "\xa2\x06\x81\x80\x80\x80\x80\x00"
          "1",
          9 },
        { "a group begins", "\xa3\x06\xa4\x06", 4 },
        { "a group ends", "\xa4\x06", 2 },
        { "wire type 6", "\xa6\x06\x01", 3 },
        { "wire type 7", "\xa7\x06\x01", 3 },
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf b = reply();

        buf_add(&b, bad[i].bytes, bad[i].n);
        refused(&reply_desc, &b, "reply is cut short or not a message");
    }
}

/* A number where text belongs, text for a message, packed numbers: by field and by every wire type.
 */
Test(wire_refuse, a_field_of_another_type)
{
    for (uint32_t i = 0; i < reply_desc.count; i++) {
        const struct field *f = &reply_desc.fields[i];
        bool number = f->type == FIELD_U64 || f->type == FIELD_I64 || f->type == FIELD_BOOL;

        for (unsigned wire = 0; wire <= 7; wire++) {
            struct buf b = { 0 };

            if (wire == (number ? BY_VARINT : BY_LENGTH))
                continue;
            put_varint(&b, (uint64_t)f->tag << 3 | wire);
            buf_add(&b, "\x01\x01\x01\x01\x01\x01\x01\x01", 8);
            refused(&reply_desc, &b, "is of another type");
        }
    }
}

/* The whole point of the check: a small message that would cost much is refused for nothing. */
Test(wire_refuse, small_messages_that_would_take_much_memory)
{
    struct arena *a = arena_new(LIMIT_DECODE_ARENA_BYTES);
    struct buf row = { 0 }, body = { 0 }, b = { 0 };
    struct err e;
    void *out;

    put_required(&body, &section_body_desc, UINT32_MAX);
    body = many(body, 18, 60000, &row);
    put_message(&b, 1, &body);
    cr_expect_eq(wire_decode(&report_desc, b.p, b.n, a, &out, &e), -EBADMSG);
    cr_expect_str_eq(e.text, "section_body.nics has 60000 entries, more than 1024");
    cr_expect_eq(arena_used(a), 0);
    buf_deinit(&body);
    buf_deinit(&b);
    arena_free(a);
}

/* A sentence goes into a message of its own, so it must stay text where it is cut. */
Test(wire_refuse, a_sentence_that_is_cut_is_text)
{
    static const char *const wide[] = { "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\x84" };
    char text[400] = "", name[8];
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
        for (size_t at = 0; at < 4; at++) {
            size_t n = at;

            memset(text, 'x', at);
            for (; n + 4 < sizeof text; n += strlen(wide[i]))
                memcpy(text + n, wide[i], strlen(wide[i]) + 1);
            err_set(&e, -EBADMSG, "%s", text);
            cr_expect(text_is_clean(e.text, strlen(e.text)), "%s", e.text);
            cr_expect_str_eq(e.text + strlen(e.text) - 3, "...");
            cr_expect_geq(strlen(e.text), sizeof e.text - 5);
        }
        snprintf(name, sizeof name, "ab%s", wide[i]);
        text_trim(name);
        cr_expect_eq(strlen(name), 2 + strlen(wide[i]), "nothing was cut");
        name[1 + strlen(wide[i])] = '\0';
        text_trim(name);
        cr_expect_str_eq(name, "ab");
    }
    name[0] = '\0';
    text_trim(name);
    cr_expect_str_eq(name, "");
}
