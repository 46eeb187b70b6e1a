/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Row hashes and digests: the examples of docs/PROTOCOL.md, and the same once more, written down as
 * that page says it, piece by piece. */
#include <criterion/criterion.h>
#include <sodium.h>

#include "base/err.h"
#include "gen.h"
#include "wire/messages.h"

static char *hex(digest128 d)
{
    static char text[33];

    return sodium_bin2hex(text, sizeof text, d.b, sizeof d.b);
}

/* ---- docs/PROTOCOL.md, "Digest" ------------------------------------------------------------- */

static void add_u64(crypto_generichash_state *h, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        uint8_t byte = (uint8_t)(v >> 8 * i);

        crypto_generichash_update(h, &byte, 1);
    }
}

static void add_text(crypto_generichash_state *h, const char *s)
{
    add_u64(h, strlen(s));
    crypto_generichash_update(h, (const uint8_t *)s, strlen(s));
}

static void add_field(crypto_generichash_state *h, const struct field *f, const void *at)
{
    static const unsigned types[] = {
        [FIELD_STR] = 0, [FIELD_U64] = 1, [FIELD_I64] = 2, [FIELD_BOOL] = 3, [FIELD_STRS] = 4
    };
    const struct strs *list = at;

    add_u64(h, f->tag * 256u + types[f->type]);
    switch (f->type) {
    case FIELD_STR:
        add_text(h, *(const char *const *)at);
        break;
    case FIELD_BOOL:
        add_u64(h, *(const bool *)at ? 1 : 0);
        break;
    case FIELD_STRS:
        add_u64(h, list->n);
        for (size_t i = 0; i < list->n; i++)
            add_text(h, list->v[i]);
        break;
    default:
        add_u64(h, *(const uint64_t *)at);
    }
}

static void row_hash(const struct record_desc *d, const void *row, uint8_t out[8])
{
    crypto_generichash_state h;
    uint8_t whole[16];

    crypto_generichash_init(&h, NULL, 0, sizeof whole);
    for (unsigned tag = 1; tag < 256; tag++) { /* in order of tags */
        for (uint32_t i = 0; i < d->count; i++) {
            const struct field *f = &d->fields[i];

            if (f->tag == tag && field_present(d, i, row) && !(f->flags & FIELD_VOLATILE))
                add_field(&h, f, field_at(f, row));
        }
    }
    crypto_generichash_final(&h, whole, sizeof whole);
    memcpy(out, whole, 8);
}

static digest128 digest_of(const struct section *s)
{
    const struct section_desc *d = &section_descs[s->id];
    crypto_generichash_state h;
    digest128 out;

    crypto_generichash_init(&h, NULL, 0, sizeof out.b);
    add_u64(&h, s->id);
    add_u64(&h, s->status);
    add_text(&h, s->status_text == NULL ? "" : s->status_text);
    for (size_t i = 0; i < s->row_count; i++) {
        uint8_t hash[8];

        add_text(&h, section_row_key(d, section_row(s, i)));
        row_hash(d->row, section_row(s, i), hash);
        crypto_generichash_update(&h, hash, sizeof hash);
    }
    crypto_generichash_final(&h, out.b, sizeof out.b);
    return out;
}

/* --------------------------------------------------------------------------------------------- */

static void normalise(struct section *s, struct arena *a)
{
    struct err e;

    cr_assert_eq(section_normalise(s, a, &e), 0, "%s", e.text);
}

Test(digest, examples_of_the_protocol)
{
    struct nic nics[2] = { { 0 }, { 0 } };
    struct section s = { .id = SECTION_NICS, .status = SECTION_OK, .rows = nics, .row_count = 2 };
    struct arena *a = arena_new(0);

    REC_SET(&nics[1], nic, name, "eth0");
    REC_SET(&nics[1], nic, mtu_bytes, 1500);
    REC_SET(&nics[1], nic, admin_up, true);
    REC_SET(&nics[1], nic, numa_node, -1);
    REC_SET(&nics[1], nic, altnames, ((struct strs){ (const char *[]){ "enp1s0", "lan0" }, 2 }));
    REC_SET(&nics[0], nic, name, "eth1");
    REC_SET(&nics[0], nic, rx_bytes, 99);
    normalise(&s, a);
    cr_expect_str_eq(hex(s.digest), "785ad317bbf9fe1205133654d94907c5");

    s = (struct section){ .id = SECTION_BRIDGES, .status = SECTION_ABSENT };
    s.status_text = "this machine has no bridges";
    normalise(&s, a);
    cr_expect_str_eq(hex(s.digest), "736ec8f88de68ef6df3680ff3fa1e0fa");
    arena_free(a);
}

/* Rows of every section, with texts longer than what is gathered at a time. */
Test(digest, as_the_protocol_says_it)
{
    struct gen g = { .state = gen_seed(), .fill = 60, .longest = 20 };

    for (int round = 0; round < 350; round++) {
        enum section_id id = (enum section_id)(round % SECTION_COUNT);
        const struct section_desc *d = &section_descs[id];
        struct section s = { .id = id, .status = (enum section_status)gen_below(&g, 5) };

        g.a = arena_new(0);
        s.row_count = d->singleton ? 1 : gen_below(&g, 6);
        s.rows = arena_array(g.a, s.row_count, d->row->size);
        for (size_t i = 0; i < s.row_count; i++) {
            memcpy(section_row(&s, i), gen_record(&g, d->row), d->row->size);
            if (!d->singleton) /* so that no two are the same, and none is empty */
                *(const char **)((char *)section_row(&s, i) + d->row->fields[0].offset) =
                    arena_printf(g.a, "%c%zu", "zyxabc"[i], i);
        }
        s.status_text = gen_below(&g, 2) ? gen_text(&g, 600) : NULL;
        normalise(&s, g.a);
        cr_assert(digest_eq(s.digest, digest_of(&s)), "section %s", d->name);
        arena_free(g.a);
    }
}

static digest128 of_one_nic(struct nic *n)
{
    struct section s = { .id = SECTION_NICS, .status = SECTION_OK, .rows = n, .row_count = 1 };
    struct arena *a = arena_new(0);

    normalise(&s, a);
    arena_free(a);
    return s.digest;
}

/* Counters travel with a row and never cause a report. */
Test(digest, volatile_fields_do_not_count)
{
    struct nic n = { 0 };
    digest128 before, after;
    int counters = 0;

    REC_SET(&n, nic, name, "eth0");
    before = of_one_nic(&n);
    for (uint32_t i = 0; i < nic_desc.count; i++) {
        const struct field *f = &nic_desc.fields[i];

        if (f->type != FIELD_U64)
            continue;
        *(uint64_t *)((char *)&n + f->offset) = 17;
        n.present |= UINT64_C(1) << i;
        after = of_one_nic(&n);
        cr_assert_eq(digest_eq(before, after), (f->flags & FIELD_VOLATILE) != 0, "%s", f->name);
        counters += (f->flags & FIELD_VOLATILE) != 0;
        before = after;
    }
    cr_expect_eq(counters, 8);
}

/* An empty list does not survive the wire, where it is the same as none. */
Test(digest, an_empty_list_does_not_count)
{
    struct nic n = { 0 };
    digest128 before;

    REC_SET(&n, nic, name, "eth0");
    before = of_one_nic(&n);
    REC_SET(&n, nic, altnames, ((struct strs){ NULL, 0 }));
    cr_expect(digest_eq(before, of_one_nic(&n)));
    REC_SET(&n, nic, altnames, ((struct strs){ (const char *[]){ "" }, 1 }));
    cr_expect(!digest_eq(before, of_one_nic(&n)));
}

/* Zero, false and the empty text are values. */
Test(digest, values_that_are_nothing_count)
{
    struct nic n = { 0 };
    digest128 before, after;

    REC_SET(&n, nic, name, "eth0");
    before = of_one_nic(&n);
    REC_SET(&n, nic, ifindex, 0);
    after = of_one_nic(&n);
    cr_expect(!digest_eq(before, after));
    REC_SET(&n, nic, carrier, false);
    cr_expect(!digest_eq(after, of_one_nic(&n)));
    after = of_one_nic(&n);
    REC_SET(&n, nic, alias, "");
    cr_expect(!digest_eq(after, of_one_nic(&n)));
}

/* Where one text ends and the next begins makes a difference. */
Test(digest, borders_count)
{
    struct nic n = { 0 }, m = { 0 };

    REC_SET(&n, nic, name, "eth0");
    m = n;
    REC_SET(&n, nic, altnames, ((struct strs){ (const char *[]){ "ab", "c" }, 2 }));
    REC_SET(&m, nic, altnames, ((struct strs){ (const char *[]){ "a", "bc" }, 2 }));
    cr_expect(!digest_eq(of_one_nic(&n), of_one_nic(&m)));
    m.altnames = (struct strs){ (const char *[]){ "abc" }, 1 };
    cr_expect(!digest_eq(of_one_nic(&n), of_one_nic(&m)));
}
