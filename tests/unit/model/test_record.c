/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies and comparisons by description, over records of every kind. */
#include <criterion/criterion.h>

#include "gen.h"
#include "wire/messages.h"

static const struct record_desc *const descs[] = {
    &system_desc, &cpu_desc,   &nic_desc,      &bond_desc,    &vlan_desc,   &bridge_desc,
    &lldp_desc,   &reply_desc, &envelope_desc, &request_desc, &report_desc, &heartbeat_desc,
};

/* A copy is equal to its record, and shares no byte with it: it lives on when that is gone. */
Test(record, dup)
{
    struct gen g = { .state = gen_seed(), .fill = 60, .longest = 4, .short_texts = true };
    uint64_t start = g.state;

    for (int i = 0; i < 400; i++) {
        const struct record_desc *d = descs[i % (int)ARRAY_LEN(descs)];
        struct arena *keep = arena_new(0);
        void *rec, *copy, *again;

        g.a = arena_new(0);
        g.state = start + (uint64_t)i;
        rec = gen_record(&g, d);
        copy = record_dup(keep, d, rec);
        cr_assert(copy != NULL && copy != rec && record_equal(d, copy, rec), "%s", d->name);
        memset(rec, 0xa5, d->size); /* and its texts go with the arena */
        arena_free(g.a);

        g.a = arena_new(0);
        g.state = start + (uint64_t)i;
        again = gen_record(&g, d);
        cr_assert(record_equal(d, copy, again), "%s", d->name);
        arena_free(g.a);
        arena_free(keep);
    }
}

/* Any one field that is taken away makes a difference. */
Test(record, equal_sees_what_is_absent)
{
    struct gen g = { .state = gen_seed(), .a = arena_new(0), .fill = 100, .longest = 2 };

    g.short_texts = true;
    for (size_t k = 0; k < ARRAY_LEN(descs); k++) {
        const struct record_desc *d = descs[k];
        void *rec = gen_record(&g, d);

        for (uint32_t i = 0; i < d->count; i++) {
            void *copy = record_dup(g.a, d, rec);

            *(uint64_t *)copy &= ~(UINT64_C(1) << i);
            cr_assert(!record_equal(d, rec, copy), "%s.%s", d->name, d->fields[i].name);
            cr_assert(!record_equal(d, copy, rec), "%s.%s", d->name, d->fields[i].name);
        }
    }
    arena_free(g.a);
}

static void change(struct gen *g, const struct field *f, void *at)
{
    struct strs *list = at;
    struct bytes *bytes = at;
    struct recs *recs = at;
    void *rec;

    switch (f->type) {
    case FIELD_STR:
        *(const char **)at = arena_printf(g->a, "%s!", *(const char **)at);
        break;
    case FIELD_U64:
    case FIELD_I64:
        *(uint64_t *)at ^= UINT64_C(1) << gen_below(g, 63);
        break;
    case FIELD_BOOL:
        *(bool *)at = !*(bool *)at;
        break;
    case FIELD_STRS:
        ((const char **)(uintptr_t)list->v)[gen_below(g, list->n)] = "\x01 other";
        break;
    case FIELD_BYTES:
        if (bytes->n == 0)
            *bytes = (struct bytes){ (const uint8_t *)"x", 1 };
        else
            ((uint8_t *)(uintptr_t)bytes->p)[gen_below(g, bytes->n)] ^= 0x10;
        break;
    case FIELD_REC:
        rec = *(void **)at;
        *(uint64_t *)rec ^= 1;
        break;
    case FIELD_RECS:
        rec = (char *)(uintptr_t)recs->v + gen_below(g, recs->n) * f->sub->size;
        *(uint64_t *)rec ^= 1;
        break;
    }
}

/* So does any one value, volatile ones too, and the length of a list. */
Test(record, equal_sees_every_value)
{
    struct gen g = { .state = gen_seed(), .a = arena_new(0), .fill = 100, .longest = 2 };

    g.short_texts = true;
    for (size_t k = 0; k < ARRAY_LEN(descs); k++) {
        const struct record_desc *d = descs[k];
        void *rec = gen_record(&g, d);

        for (uint32_t i = 0; i < d->count; i++) {
            void *copy = record_dup(g.a, d, rec);
            void *at = (char *)copy + d->fields[i].offset;

            change(&g, &d->fields[i], at);
            cr_assert(!record_equal(d, rec, copy), "%s.%s", d->name, d->fields[i].name);
            if (d->fields[i].type != FIELD_STRS && d->fields[i].type != FIELD_RECS)
                continue;
            copy = record_dup(g.a, d, rec);
            at = (char *)copy + d->fields[i].offset;
            if (d->fields[i].type == FIELD_STRS)
                ((struct strs *)at)->n--;
            else
                ((struct recs *)at)->n--;
            cr_assert(!record_equal(d, rec, copy), "%s.%s", d->name, d->fields[i].name);
        }
    }
    arena_free(g.a);
}

/* Too little memory at every size below what it takes. */
Test(record, dup_without_memory)
{
    struct gen g = { .state = 7, .a = arena_new(0), .fill = 80, .longest = 3, .short_texts = true };

    for (size_t k = 0; k < ARRAY_LEN(descs); k++) {
        void *rec = gen_record(&g, descs[k]);
        struct arena *a = arena_new(0);
        size_t needs;

        cr_assert_not_null(record_dup(a, descs[k], rec));
        needs = arena_used(a);
        arena_free(a);
        for (size_t limit = 16; limit <= needs; limit += 16 * (1 + needs / 20000)) {
            a = arena_new(limit);
            cr_assert_eq(record_dup(a, descs[k], rec) != NULL, limit >= needs, "%zu", limit);
            arena_free(a);
        }
    }
    arena_free(g.a);
}

Test(record, fields_by_name)
{
    for (size_t k = 0; k < ARRAY_LEN(descs); k++) {
        for (uint32_t i = 0; i < descs[k]->count; i++)
            cr_assert_eq(record_field_index(descs[k], descs[k]->fields[i].name), (int)i);
    }
    cr_expect_eq(record_field_index(&nic_desc, "mtu"), -1);
    cr_expect_eq(record_field_index(&nic_desc, ""), -1);
}

Test(record, set_and_clear)
{
    struct nic n = { .present = 0 };

    cr_expect(!REC_HAS(&n, nic, mtu_bytes));
    REC_SET(&n, nic, mtu_bytes, 1500);
    cr_expect(REC_HAS(&n, nic, mtu_bytes) && n.mtu_bytes == 1500);
    cr_expect(field_present(&nic_desc, nic_mtu_bytes, &n));
    REC_CLEAR(&n, nic, mtu_bytes);
    cr_expect(!REC_HAS(&n, nic, mtu_bytes) && n.mtu_bytes == 0 && n.present == 0);
}

/* The core keeps edges to rows by section number and by key: what a description says of them. */
Test(record, sections)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        const struct section_desc *d = &section_descs[i];

        cr_assert_eq(section_by_name(d->name), i);
        cr_assert(d->singleton == (d->max_rows == 1));
        cr_assert_eq((d->row->fields[0].flags & FIELD_KEY) != 0, !d->singleton, "%s", d->name);
        for (uint32_t k = 1; k < d->row->count; k++)
            cr_assert(!(d->row->fields[k].flags & FIELD_KEY), "%s has two keys", d->name);
    }
    cr_expect_eq(section_by_name("nic"), -1);
    cr_expect_str_eq(section_status_name(SECTION_STUCK), "stuck");
    cr_expect_str_eq(section_status_name((enum section_status)77), "never");
}
