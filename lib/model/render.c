/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/render.h"

#include <inttypes.h>

#include "base/text.h"

void json_init(struct json *j, struct buf *out)
{
    *j = (struct json){ .out = out };
}

/* Length of a well-formed UTF-8 sequence at `s`, 0 if there is none. */
static size_t utf8_length(const char *s, size_t left)
{
    size_t n = (unsigned char)*s < 0x80 ? 1 : (*s & 0x20) == 0 ? 2 : (*s & 0x10) == 0 ? 3 : 4;

    /* U+0080 to U+009F are well formed though not clean. */
    if (left >= 2 && (unsigned char)s[0] == 0xc2 && ((unsigned char)s[1] & 0xe0) == 0x80)
        return 2;
    return n > 1 && (left < n || !text_is_clean(s, n)) ? 0 : n;
}

static void escaped(struct buf *out, const char *s)
{
    size_t left = strlen(s);

    buf_add(out, "\"", 1);
    while (left > 0) {
        unsigned char c = (unsigned char)*s;
        size_t n = utf8_length(s, left);

        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else if (n == 0)
            buf_str(out, "\\ufffd");
        else
            buf_add(out, s, n);
        s += n == 0 ? 1 : n;
        left -= n == 0 ? 1 : n;
    }
    buf_add(out, "\"", 1);
}

static void lead(struct json *j, const char *name)
{
    uint64_t bit = UINT64_C(1) << (j->depth & 63);

    if (j->comma & bit)
        buf_add(j->out, ",", 1);
    j->comma |= bit;
    if (name != NULL) {
        escaped(j->out, name);
        buf_add(j->out, ":", 1);
    }
}

static void open_level(struct json *j, const char *name, const char *mark)
{
    lead(j, name);
    buf_add(j->out, mark, 1);
    j->depth++;
    j->comma &= ~(UINT64_C(1) << (j->depth & 63));
}

static void close_level(struct json *j, const char *mark)
{
    j->depth--;
    buf_add(j->out, mark, 1);
}

void json_object(struct json *j, const char *name)
{
    open_level(j, name, "{");
}

void json_array(struct json *j, const char *name)
{
    open_level(j, name, "[");
}

void json_end_object(struct json *j)
{
    close_level(j, "}");
}

void json_end_array(struct json *j)
{
    close_level(j, "]");
}

void json_str(struct json *j, const char *name, const char *value)
{
    if (value == NULL) {
        json_null(j, name);
        return;
    }
    lead(j, name);
    escaped(j->out, value);
}

void json_int(struct json *j, const char *name, int64_t value)
{
    lead(j, name);
    buf_printf(j->out, "%" PRId64, value);
}

void json_bool(struct json *j, const char *name, bool value)
{
    lead(j, name);
    buf_str(j->out, value ? "true" : "false");
}

void json_null(struct json *j, const char *name)
{
    lead(j, name);
    buf_str(j->out, "null");
}

static void json_bytes(struct json *j, const char *name, const struct bytes *b)
{
    lead(j, name);
    buf_add(j->out, "\"", 1);
    for (size_t i = 0; i < b->n; i++)
        buf_printf(j->out, "%02x", b->p[i]);
    buf_add(j->out, "\"", 1);
}

static void json_list(struct json *j, const struct field *f, const void *at)
{
    const struct strs *strings = at;
    const struct recs *records = at;

    json_array(j, f->name);
    if (f->type == FIELD_STRS) {
        for (size_t i = 0; i < strings->n; i++)
            json_str(j, NULL, strings->v[i]);
    } else {
        for (size_t i = 0; i < records->n; i++) {
            json_object(j, NULL);
            json_record(j, f->sub, (const char *)records->v + i * f->sub->size);
            json_end_object(j);
        }
    }
    json_end_array(j);
}

static void json_field(struct json *j, const struct field *f, const void *at)
{
    switch (f->type) {
    case FIELD_STR:
        json_str(j, f->name, *(const char *const *)at);
        break;
    case FIELD_U64:
    case FIELD_I64:
        json_int(j, f->name, *(const int64_t *)at);
        break;
    case FIELD_BOOL:
        json_bool(j, f->name, *(const bool *)at);
        break;
    case FIELD_BYTES:
        json_bytes(j, f->name, at);
        break;
    case FIELD_REC:
        json_object(j, f->name);
        json_record(j, f->sub, *(const void *const *)at);
        json_end_object(j);
        break;
    case FIELD_STRS:
    case FIELD_RECS:
        json_list(j, f, at);
        break;
    }
}

void json_record(struct json *j, const struct record_desc *d, const void *rec)
{
    for (uint32_t i = 0; i < d->count; i++) {
        if (field_present(d, i, rec))
            json_field(j, &d->fields[i], field_at(&d->fields[i], rec));
    }
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    return n >= m && strcmp(name + n - m, suffix) == 0;
}

static void number_text(struct buf *out, const char *name, int64_t v)
{
    char text[24];

    if (v >= 0 && ends_with(name, "_bytes") && strcmp(name, "mtu_bytes") != 0)
        buf_str(out, bytes_text((uint64_t)v, text));
    else if (v >= 0 && ends_with(name, "_ms"))
        buf_str(out, duration_text(v, text));
    else if (ends_with(name, "_mbps"))
        buf_printf(out, "%" PRId64 " Mbit/s", v);
    else if (ends_with(name, "_khz"))
        buf_printf(out, "%" PRId64 " kHz", v);
    else if (ends_with(name, "_s"))
        buf_printf(out, "%" PRId64 " s", v);
    else
        buf_printf(out, "%" PRId64, v);
}

static void strs_text(struct buf *out, const struct strs *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (i > 0)
            buf_str(out, ", ");
        buf_str(out, s->v[i]);
    }
    if (s->n == 0)
        buf_str(out, "-");
}

void field_text(struct buf *out, const struct record_desc *d, uint32_t i, const void *rec)
{
    const struct field *f = &d->fields[i];
    const void *at = field_at(f, rec);
    const struct bytes *bytes = at;

    if (!field_present(d, i, rec)) {
        buf_str(out, "-");
        return;
    }
    switch (f->type) {
    case FIELD_STR:
        buf_str(out, *(const char *const *)at);
        break;
    case FIELD_U64:
    case FIELD_I64:
        number_text(out, f->name, *(const int64_t *)at);
        break;
    case FIELD_BOOL:
        buf_str(out, *(const bool *)at ? "yes" : "no");
        break;
    case FIELD_STRS:
        strs_text(out, at);
        break;
    case FIELD_BYTES:
        for (size_t k = 0; k < bytes->n; k++)
            buf_printf(out, "%02x", bytes->p[k]);
        break;
    case FIELD_REC:
        buf_str(out, "(record)");
        break;
    case FIELD_RECS:
        buf_printf(out, "(%zu records)", ((const struct recs *)at)->n);
        break;
    }
}
