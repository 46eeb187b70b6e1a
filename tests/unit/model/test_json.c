/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON writer: jansson, which shares nothing with it, must read back what went in. */
#include <criterion/criterion.h>
#include <jansson.h>

#include "gen.h"
#include "wire/messages.h"
#include "writer.h"

static void compare_record(const struct record_desc *d, const void *rec, const json_t *v);

static void compare_bytes(const struct bytes *b, const json_t *v)
{
    char *text = calloc(2, b->n + 1);

    for (size_t i = 0; i < b->n; i++)
        snprintf(text + 2 * i, 3, "%02x", b->p[i]);
    cr_assert_str_eq(json_string_value(v), text);
    free(text);
}

static void compare_list(const struct field *f, const void *at, const json_t *v)
{
    const struct strs *texts = at;
    const struct recs *recs = at;
    size_t n = f->type == FIELD_STRS ? texts->n : recs->n;

    cr_assert(json_is_array(v) && json_array_size(v) == n);
    for (size_t i = 0; i < n; i++) {
        if (f->type == FIELD_STRS)
            cr_assert_str_eq(json_string_value(json_array_get(v, i)), texts->v[i]);
        else
            compare_record(f->sub, (const char *)recs->v + i * f->sub->size, json_array_get(v, i));
    }
}

static void compare_field(const struct field *f, const void *at, const json_t *v)
{
    switch (f->type) {
    case FIELD_STR:
        cr_assert_str_eq(json_string_value(v), *(const char *const *)at);
        break;
    case FIELD_U64:
    case FIELD_I64:
        cr_assert(json_is_integer(v) && json_integer_value(v) == *(const int64_t *)at);
        break;
    case FIELD_BOOL:
        cr_assert(json_is_boolean(v) && json_is_true(v) == *(const bool *)at);
        break;
    case FIELD_BYTES:
        compare_bytes(at, v);
        break;
    case FIELD_REC:
        compare_record(f->sub, *(const void *const *)at, v);
        break;
    case FIELD_STRS:
    case FIELD_RECS:
        compare_list(f, at, v);
        break;
    }
}

/* The present fields, and nothing else. */
static void compare_record(const struct record_desc *d, const void *rec, const json_t *v)
{
    size_t present = 0;

    cr_assert(json_is_object(v), "%s", d->name);
    for (uint32_t i = 0; i < d->count; i++) {
        const json_t *member = json_object_get(v, d->fields[i].name);

        cr_assert_eq(member != NULL, field_present(d, i, rec), "%s.%s", d->name, d->fields[i].name);
        if (member == NULL)
            continue;
        compare_field(&d->fields[i], field_at(&d->fields[i], rec), member);
        present++;
    }
    cr_assert_eq(json_object_size(v), present);
}

static json_t *parse(struct buf *b)
{
    json_error_t error;
    const char *text = buf_cstr(b);
    json_t *v = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

    cr_assert_not_null(v, "%s: %s", error.text, text);
    return v;
}

Test(json, records_of_every_kind)
{
    static const struct record_desc *const descs[] = { &system_desc, &cpu_desc,   &nic_desc,
                                                       &lldp_desc,   &reply_desc, &envelope_desc };
    struct gen g = { .state = gen_seed(), .fill = 60, .longest = 4 };

    for (int i = 0; i < 300; i++) {
        const struct record_desc *d = descs[i % (int)ARRAY_LEN(descs)];
        struct buf b = { 0 };
        void *rec;
        json_t *v;

        g.a = arena_new(0);
        rec = gen_record(&g, d);
        write_record(&b, d, rec);
        v = parse(&b);
        compare_record(d, rec, v);
        json_decref(v);
        buf_deinit(&b);
        arena_free(g.a);
    }
}

Test(json, structure)
{
    struct buf b = { 0 };

    write_structure(&b);
    cr_expect_str_eq(buf_cstr(&b), "{\"empty\":[],\"mixed\":[-9223372036854775808,true,false,null,"
                                   "null,{},[1]],\"a \\\"name\\\"\":\"x\"}");
    json_decref(parse(&b));
    buf_deinit(&b);
}

/* Deeper than a word has bits. */
Test(json, deep)
{
    struct buf b = { 0 };

    write_nested(&b, 200);
    json_decref(parse(&b));
    buf_deinit(&b);
}

static void expect_text(const char *in, const char *out)
{
    struct buf b = { 0 };

    write_text(&b, in);
    cr_expect_str_eq(buf_cstr(&b), out);
    json_decref(parse(&b));
    buf_deinit(&b);
}

Test(json, escapes)
{
    expect_text("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\"plain ä € 😀\"");
    expect_text("\"\\/", "\"\\\"\\\\/\"");
    expect_text("\n\t\x1f\x7f", "\"\\u000a\\u0009\\u001f\\u007f\"");
    expect_text("", "\"\"");
}

/* Whatever the bytes, what comes out is JSON. (Clean text never has them; a reply of a newer
 * coordinator, or a file name, might.) */
Test(json, not_utf8)
{
    struct gen g = { .state = gen_seed() };

    expect_text("a\xff"
                "b",
                "\"a\\ufffdb\"");
    expect_text("\xe2\x82", "\"\\ufffd\\ufffd\"");
    for (int i = 0; i < 100000; i++) {
        char text[9] = "";
        struct buf b = { 0 };

        for (int k = 0; k < 8; k++)
            text[k] = (char)(gen_below(&g, 3) ? 0x80 + gen_below(&g, 0x80) : gen_below(&g, 0x80));
        write_text(&b, text);
        json_decref(parse(&b));
        buf_deinit(&b);
    }
}
