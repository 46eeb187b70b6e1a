/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is encoded comes back, whatever it says. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "gen.h"
#include "wire/codec.h"
#include "wire/pb.h"
#include "wire/scan.h"

/* Encodes, decodes from a copy of exactly that size, spoils the copy, compares, encodes again. */
static void there_and_back(const struct record_desc *d, const void *rec, struct arena *a)
{
    struct buf first = { 0 }, again = { 0 };
    struct err e = { "" };
    uint8_t *copy;
    void *back = NULL;

    cr_assert_eq(wire_encode(d, rec, &first, &e), 0, "%s: %s", d->name, e.text);
    copy = malloc(first.n + 1);
    if (first.n > 0)
        memcpy(copy, first.p, first.n);
    cr_assert_eq(wire_decode(d, copy, first.n, a, &back, &e), 0, "%s: %s", d->name, e.text);
    memset(copy, 0xff, first.n + 1);
    cr_assert(record_equal(d, rec, back), "%s came back changed", d->name);
    cr_assert_eq(wire_encode(d, back, &again, &e), 0, "%s: %s", d->name, e.text);
    cr_assert(first.n == again.n && (first.n == 0 || memcmp(first.p, again.p, first.n) == 0),
              "%s: encoded again it is something else", d->name);
    free(copy);
    buf_deinit(&first);
    buf_deinit(&again);
}

Test(wire_roundtrip, every_message)
{
    uint64_t seed = gen_seed();

    for (size_t i = 0; i < pb_pair_count; i++) {
        const struct record_desc *d = pb_pairs[i].rec;
        unsigned rounds = d == &reply_desc ? 30 : 150;

        for (unsigned k = 0; k < rounds; k++) {
            struct arena *a = arena_new(0);
            struct gen g = { .state = seed + k * 1000 + i, .a = a, .longest = 1 + k % 5 };

            g.fill = k % 3 == 0 ? 100 : (unsigned)gen_below(&g, 101);
            there_and_back(d, gen_record(&g, d), a);
            arena_free(a);
        }
    }
}

/* Every field by itself: nothing hangs on a neighbour. */
Test(wire_roundtrip, every_field_alone)
{
    struct gen g = { .state = 1, .fill = 100, .longest = 2 };

    g.a = arena_new(0);
    for (size_t i = 0; i < pb_pair_count; i++) {
        const struct record_desc *d = pb_pairs[i].rec;

        for (uint32_t k = 0; k < d->count; k++) {
            char *rec = gen_record(&g, d);

            for (uint32_t n = 0; n < d->count; n++) {
                if (n == k || (d->fields[n].flags & FIELD_REQUIRED))
                    continue;
                *(uint64_t *)rec &= ~(UINT64_C(1) << n);
            }
            there_and_back(d, rec, g.a);
        }
        arena_reset(g.a);
    }
    arena_free(g.a);
}

Test(wire_roundtrip, the_ends_of_the_numbers)
{
    struct arena *a = arena_new(0);
    struct edge_info edge = { 0 };
    struct request request = { 0 };

    REC_SET(&edge, edge_info, node, INT64_MAX);
    REC_SET(&edge, edge_info, resource, 0);
    REC_SET(&edge, edge_info, age_ms, INT64_MIN);
    REC_SET(&edge, edge_info, since_ms, INT64_MAX);
    REC_SET(&edge, edge_info, had_until_ms, -1);
    REC_SET(&edge, edge_info, removed, false);
    there_and_back(&edge_info_desc, &edge, a);
    REC_SET(&request, request, version, 0);
    REC_SET(&request, request, op, 127);
    REC_SET(&request, request, name, "");
    REC_SET(&request, request, flag, true);
    there_and_back(&request_desc, &request, a);
    arena_free(a);
}

/* A list that is present and empty counts as absent. */
Test(wire_roundtrip, an_empty_list_is_absent)
{
    struct arena *a = arena_new(0);
    struct heartbeat_ack ack = { 0 };
    struct buf b = { 0 };
    void *back;

    REC_SET(&ack, heartbeat_ack, want, ((struct strs){ NULL, 0 }));
    cr_assert_eq(wire_encode(&heartbeat_ack_desc, &ack, &b, NULL), 0);
    cr_expect_eq(b.n, 0);
    cr_assert_eq(wire_decode(&heartbeat_ack_desc, NULL, 0, a, &back, NULL), 0);
    cr_expect_eq(*(uint64_t *)back, 0);
    buf_deinit(&b);
    arena_free(a);
}

/* The check alone and the unpack agree on random records: what is encoded is never refused. */
Test(wire_roundtrip, encode_appends)
{
    struct buf b = { 0 };
    struct goodbye bye = { 0 };

    buf_str(&b, "before");
    REC_SET(&bye, goodbye, reason, "stopped");
    cr_assert_eq(wire_encode(&goodbye_desc, &bye, &b, NULL), 0);
    cr_assert_eq(memcmp(b.p, "before", 6), 0);
    cr_expect_eq(wire_scan(&goodbye_desc, b.p + 6, b.n - 6, NULL), 0);
    buf_deinit(&b);
}

/* Fields in any order, numbers in more bytes than they need: still the message. */
Test(wire_roundtrip, other_encodings_of_the_same)
{
    static const uint8_t long_number[] = { 0x18, 0x85, 0x80, 0x80, 0x00 }; /* code = 5 */
    struct arena *a = arena_new(0);
    struct buf b = { 0 };
    struct err e = { "" };
    struct reply *r;
    void *back;

    put_number(&b, 20, 1);
    put_text(&b, 7, "one");
    buf_add(&b, long_number, sizeof long_number);
    put_text(&b, 7, "two");
    put_number(&b, 1, 1);
    put_text(&b, 7, "three");
    cr_assert_eq(wire_decode(&reply_desc, b.p, b.n, a, &back, &e), 0, "%s", e.text);
    r = back;
    cr_expect_eq(r->code, 5);
    cr_expect_eq(r->version, 1);
    cr_expect(r->more);
    cr_assert_eq(r->candidates.n, 3);
    cr_expect_str_eq(r->candidates.v[0], "one");
    cr_expect_str_eq(r->candidates.v[2], "three");
    buf_deinit(&b);
    arena_free(a);
}

/* What a later version may add: a number, text, fixed sizes, a message; at every depth. */
Test(wire_roundtrip, unknown_fields_are_ignored)
{
    static const uint8_t fixed[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    struct arena *a = arena_new(0);
    struct buf inner = { 0 }, b = { 0 };
    struct err e = { "" };
    struct envelope *env;

    put_number(&inner, 1, 3);
    put_number(&inner, 77, 12345);
    put_number(&inner, 2, 9);
    put_bytes(&inner, 3, "0123456789abcdef", 16);
    put_bytes(&inner, 5000000, "\x00\xff not text", 11);
    put_number(&b, 1, 1);
    put_varint(&b, 900 << 3 | BY_64BIT);
    buf_add(&b, fixed, 8);
    put_varint(&b, 901 << 3 | BY_32BIT);
    buf_add(&b, fixed, 4);
    {
        struct buf beat = { 0 };

        put_message(&beat, 1, &inner);
        put_message(&b, 18, &beat);
        buf_deinit(&beat);
    }
    put_varint(&b, ((1u << 29) - 1) * UINT64_C(8) | BY_VARINT);
    put_varint(&b, UINT64_MAX);
    cr_assert_eq(wire_decode_envelope(b.p, b.n, a, &env, &e), 0, "%s", e.text);
    cr_assert_eq(env->heartbeat->sections.n, 1);
    cr_expect_eq(((const struct section_state *)env->heartbeat->sections.v)->generation, 9);
    buf_deinit(&inner);
    buf_deinit(&b);
    arena_free(a);
}
