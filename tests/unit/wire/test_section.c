/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections on their way through a report; ids and digests of a message. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "base/limits.h"
#include "gen.h"
#include "wire/codec.h"

/* Rows with random content and keys in falling order, so that there is something to sort. */
static void random_section(struct gen *g, enum section_id id, size_t n, struct section *s)
{
    const struct section_desc *d = &section_descs[id];
    char *rows = arena_array(g->a, n, d->row->size);

    for (size_t i = 0; i < n; i++) {
        void *row = rows + i * d->row->size;

        memcpy(row, gen_record(g, d->row), d->row->size);
        if (!d->singleton) {
            const char *key = arena_printf(g->a, "key%04zu", n - i);

            memcpy((char *)row + d->row->fields[0].offset, &key, sizeof key);
        }
    }
    *s = (struct section){ .id = id, .status = SECTION_OK, .rows = rows, .row_count = n };
    s->generation = gen_below(g, 1000);
    s->age_ms = (int64_t)gen_below(g, 100000);
    s->status_age_ms = (int64_t)gen_below(g, 100000);
    s->status_text = gen_below(g, 2) ? NULL : gen_text(g, 40);
}

static void same_section(const struct section *a, const struct section *b)
{
    const struct section_desc *d = &section_descs[a->id];

    cr_assert_eq(a->id, b->id);
    cr_expect_eq(a->status, b->status);
    cr_expect_eq(a->generation, b->generation);
    cr_expect_eq(a->age_ms, b->age_ms);
    cr_expect_eq(a->status_age_ms, b->status_age_ms);
    cr_expect_eq(a->status_text == NULL, b->status_text == NULL);
    if (a->status_text != NULL && b->status_text != NULL)
        cr_expect_str_eq(a->status_text, b->status_text);
    cr_expect(digest_eq(a->digest, b->digest), "section %s: digest", d->name);
    cr_assert_eq(a->row_count, b->row_count);
    for (size_t i = 0; i < a->row_count; i++) {
        cr_expect_eq(a->hashes[i], b->hashes[i]);
        cr_expect(record_equal(d->row, section_row(a, i), section_row(b, i)), "section %s row %zu",
                  d->name, i);
    }
}

/* Section -> body -> bytes -> body -> section, for every kind, with no rows and with many. */
Test(wire_section, there_and_back)
{
    struct gen g = { .state = gen_seed(), .fill = 70, .longest = 4 };
    struct err e = { "" };

    for (unsigned k = 0; k < 40; k++) {
        for (int id = 0; id < SECTION_COUNT; id++) {
            size_t n = section_descs[id].singleton ? k % 2 : gen_below(&g, 12);
            struct section s, back;
            struct section_body body;
            struct buf b = { 0 };
            void *decoded;

            g.a = arena_new(0);
            random_section(&g, (enum section_id)id, n, &s);
            cr_assert_eq(section_normalise(&s, g.a, &e), 0, "%s", e.text);
            section_to_body(&s, &body);
            cr_assert_eq(wire_encode(&section_body_desc, &body, &b, &e), 0, "%s", e.text);
            cr_assert_eq(wire_decode(&section_body_desc, b.p, b.n, g.a, &decoded, &e), 0, "%s",
                         e.text);
            cr_assert_eq(section_from_body(decoded, g.a, &back, &e), 0, "%s", e.text);
            same_section(&s, &back);
            buf_deinit(&b);
            arena_free(g.a);
        }
    }
}

struct two_nics {
    struct arena *a;
    struct nic rows[2];
    struct section s;
    struct section_body body;
};

static void two_nics(struct two_nics *t)
{
    struct err e = { "" };

    memset(t, 0, sizeof *t);
    t->a = arena_new(0);
    REC_SET(&t->rows[0], nic, name, "eth0");
    REC_SET(&t->rows[0], nic, mtu_bytes, 1500);
    REC_SET(&t->rows[1], nic, name, "eth1");
    t->s = (struct section){ .id = SECTION_NICS, .status = SECTION_OK, .row_count = 2 };
    t->s.rows = t->rows;
    cr_assert_eq(section_normalise(&t->s, t->a, &e), 0, "%s", e.text);
    section_to_body(&t->s, &t->body);
}

static void refused(struct two_nics *t, const char *sentence)
{
    struct section out;
    struct err e = { "" };

    cr_expect_eq(section_from_body(&t->body, t->a, &out, &e), -EBADMSG, "accepted, but: %s",
                 sentence);
    cr_expect(strstr(e.text, sentence) != NULL, "\"%s\" does not say \"%s\"", e.text, sentence);
    arena_free(t->a);
}

Test(wire_section, a_digest_that_is_not_that_of_the_rows)
{
    struct two_nics t;

    two_nics(&t);
    t.rows[0].mtu_bytes = 9000;
    refused(&t, "section nics: its digest is not that of its rows");
    two_nics(&t);
    t.s.digest.b[15] ^= 1;
    refused(&t, "section nics: its digest is not that of its rows");
    two_nics(&t);
    t.body.digest.n = 15;
    refused(&t, "section nics: its digest is not that of its rows");
    two_nics(&t);
    t.body.status = SECTION_FAILED;
    refused(&t, "section nics: its digest is not that of its rows");
}

/* A worker's result has no digest: it is made here. */
Test(wire_section, without_a_digest)
{
    struct two_nics t;
    struct section out;
    struct err e = { "" };

    two_nics(&t);
    REC_CLEAR(&t.body, section_body, digest);
    cr_assert_eq(section_from_body(&t.body, t.a, &out, &e), 0, "%s", e.text);
    cr_expect(digest_eq(out.digest, t.s.digest));
    arena_free(t.a);
}

Test(wire_section, what_does_not_count_for_the_digest)
{
    struct two_nics t;
    struct section out;
    struct err e = { "" };

    two_nics(&t);
    REC_SET(&t.rows[1], nic, rx_bytes, 12345);
    t.body.generation = 77;
    t.body.age_ms = -5;
    t.body.status_age_ms = INT64_MIN;
    cr_assert_eq(section_from_body(&t.body, t.a, &out, &e), 0, "%s", e.text);
    cr_expect_eq(out.generation, 77);
    cr_expect_eq(out.age_ms, 0, "an age below zero is none");
    cr_expect_eq(out.status_age_ms, 0);
    arena_free(t.a);
}

Test(wire_section, refused)
{
    struct two_nics t;

    two_nics(&t);
    t.body.section = SECTION_COUNT;
    refused(&t, "section number 18 is not known here");
    two_nics(&t);
    t.body.section = INT64_MAX;
    refused(&t, "section number 9223372036854775807 is not known here");
    two_nics(&t);
    t.body.status = SECTION_STUCK + 1;
    refused(&t, "section nics has the unknown status 5");
    two_nics(&t);
    t.body.status = UINT64_C(1) << 32;
    refused(&t, "section nics has the unknown status 4294967296");
    two_nics(&t);
    t.body.section = SECTION_BONDS;
    refused(&t, "section bonds brings rows of section nics");
    two_nics(&t);
    REC_SET(&t.body, section_body, lldp, t.body.nics);
    refused(&t, "section nics brings rows of section lldp");
    two_nics(&t);
    t.rows[1].name = "eth0";
    refused(&t, "two rows have the same key");
    two_nics(&t);
    REC_CLEAR(&t.rows[1], nic, name);
    refused(&t, "a row has no name");
}

/* Decoding must not change what it was given: the body's rows keep their order. */
Test(wire_section, rows_are_copied_before_they_are_sorted)
{
    struct two_nics t;
    struct section out;
    struct err e = { "" };

    two_nics(&t);
    t.rows[0].name = "eth9";
    REC_CLEAR(&t.body, section_body, digest);
    cr_assert_eq(section_from_body(&t.body, t.a, &out, &e), 0, "%s", e.text);
    cr_expect_str_eq(t.rows[0].name, "eth9");
    cr_expect_str_eq(((struct nic *)out.rows)[0].name, "eth1");
    arena_free(t.a);
}

Test(wire_section, ids_and_digests)
{
    static const uint8_t raw[17] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
    uuid128 id = { { 0 } };
    digest128 digest;

    cr_expect(wire_uuid(wire_bytes16(raw), &id));
    cr_expect_eq(id.b[15], 16);
    cr_expect(wire_digest(wire_bytes16(raw), &digest));
    cr_expect_eq(digest.b[0], 1);
    cr_expect_not(wire_uuid((struct bytes){ NULL, 0 }, &id));
    cr_expect_not(wire_uuid((struct bytes){ raw, 15 }, &id));
    cr_expect_not(wire_uuid((struct bytes){ raw, 17 }, &id));
    cr_expect_not(wire_digest((struct bytes){ raw, 17 }, &digest));
    cr_expect_eq(id.b[15], 16, "untouched when refused");
}

static void digest_is(struct section *s, const char *hex)
{
    struct arena *a = arena_new(0);
    struct err e = { "" };
    char text[33];

    cr_assert_eq(section_normalise(s, a, &e), 0, "%s", e.text);
    for (size_t i = 0; i < sizeof s->digest.b; i++)
        snprintf(text + 2 * i, 3, "%02x", s->digest.b[i]);
    cr_expect_str_eq(text, hex);
    arena_free(a);
}

/* The examples of docs/PROTOCOL.md, which were computed by another program from its words alone. */
Test(wire_section, the_digests_of_the_protocol)
{
    static const char *const altnames[] = { "enp1s0", "lan0" };
    struct nic rows[2] = { 0 };
    struct section nics = {
        .id = SECTION_NICS, .status = SECTION_OK, .rows = rows, .row_count = 2
    };
    struct section none = { .id = SECTION_BRIDGES, .status = SECTION_ABSENT };

    none.status_text = "this machine has no bridges";
    REC_SET(&rows[0], nic, name, "eth1");
    REC_SET(&rows[0], nic, rx_bytes, 99);
    REC_SET(&rows[1], nic, name, "eth0");
    REC_SET(&rows[1], nic, mtu_bytes, 1500);
    REC_SET(&rows[1], nic, admin_up, true);
    REC_SET(&rows[1], nic, numa_node, -1);
    REC_SET(&rows[1], nic, altnames, ((struct strs){ altnames, ARRAY_LEN(altnames) }));
    digest_is(&nics, "785ad317bbf9fe1205133654d94907c5");
    digest_is(&none, "736ec8f88de68ef6df3680ff3fa1e0fa");
}
