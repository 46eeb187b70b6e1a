/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes -> protobuf message -> record. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/codec.h"
#include "wire/pb.h"

static void *pb_alloc(void *arena, size_t n)
{
    return arena_alloc(arena, n);
}

static void pb_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

struct decode {
    struct arena *a;
    struct err *e;
};

static int decode_record(const struct decode *x, const struct record_desc *d,
                         const ProtobufCMessage *m, void *rec);

static int no_memory(const struct decode *x, const struct record_desc *d)
{
    return err_set(x->e, -ENOMEM, "%s: more memory than one message may take", d->name);
}

static int check_string(const struct decode *x, const struct record_desc *d, const struct field *f,
                        const char *s)
{
    size_t n = strnlen(s, LIMIT_STRING_BYTES + 1);

    if (n > LIMIT_STRING_BYTES)
        return err_set(x->e, -EBADMSG, "%s.%s is longer than %u bytes", d->name, f->name,
                       LIMIT_STRING_BYTES);
    if (!text_is_clean(s, n))
        return err_set(x->e, -EBADMSG, "%s.%s is not clean UTF-8 text", d->name, f->name);
    return 0;
}

static int decode_strs(const struct decode *x, const struct record_desc *d, const struct field *f,
                       size_t n, char *const *v, struct strs *out)
{
    int rc = 0;

    if (n > LIMIT_STRINGS)
        return err_set(x->e, -EBADMSG, "%s.%s has %zu entries, more than %u", d->name, f->name, n,
                       LIMIT_STRINGS);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = check_string(x, d, f, v[i]);
    out->v = (const char *const *)v;
    out->n = n;
    return rc;
}

static int decode_recs(const struct decode *x, const struct record_desc *d, const struct field *f,
                       size_t n, ProtobufCMessage *const *v, struct recs *out)
{
    char *recs = arena_array(x->a, n, f->sub->size);
    int rc = 0;

    if (recs == NULL)
        return no_memory(x, d);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = decode_record(x, f->sub, v[i], recs + i * f->sub->size);
    out->v = recs;
    out->n = n;
    return rc;
}

static int decode_rec(const struct decode *x, const struct record_desc *d, const struct field *f,
                      const ProtobufCMessage *m, void **out)
{
    *out = arena_zalloc(x->a, f->sub->size);
    return *out == NULL ? no_memory(x, d) : decode_record(x, f->sub, m, *out);
}

static int decode_scalar(const struct decode *x, const struct record_desc *d, const struct field *f,
                         const void *from, void *to)
{
    if (f->type == FIELD_BOOL) {
        *(bool *)to = *(const protobuf_c_boolean *)from != 0;
        return 0;
    }
    memcpy(to, from, sizeof(uint64_t));
    if (f->type == FIELD_U64 && *(uint64_t *)to > INT64_MAX)
        return err_set(x->e, -EBADMSG, "%s.%s is %" PRIu64 ", over the largest number %" PRId64,
                       d->name, f->name, *(uint64_t *)to, INT64_MAX);
    return 0;
}

/* 1 decoded, 0 absent, or an error. */
static int decode_field(const struct decode *x, const struct record_desc *d, const struct field *f,
                        const ProtobufCFieldDescriptor *p, const ProtobufCMessage *m, void *to)
{
    const char *base = (const char *)m;
    const void *from = base + p->offset;
    const void *quantifier = base + p->quantifier_offset;
    int rc = 0;

    if (p->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t n = *(const size_t *)quantifier;

        if (n == 0)
            return 0;
        rc = f->type == FIELD_STRS
                 ? decode_strs(x, d, f, n, *(char *const *const *)from, to)
                 : decode_recs(x, d, f, n, *(ProtobufCMessage *const *const *)from, to);
    } else if (f->type == FIELD_STR || f->type == FIELD_REC) {
        if (*(const void *const *)from == NULL)
            return 0;
        if (f->type == FIELD_STR) {
            *(const char **)to = *(const char *const *)from;
            rc = check_string(x, d, f, *(const char **)to);
        } else {
            rc = decode_rec(x, d, f, *(const ProtobufCMessage *const *)from, to);
        }
    } else {
        if (p->label == PROTOBUF_C_LABEL_OPTIONAL && !*(const protobuf_c_boolean *)quantifier)
            return 0;
        if (f->type == FIELD_BYTES) {
            const ProtobufCBinaryData *b = from;

            *(struct bytes *)to = (struct bytes){ .p = b->data, .n = b->len };
        } else {
            rc = decode_scalar(x, d, f, from, to);
        }
    }
    return rc < 0 ? rc : 1;
}

static int decode_record(const struct decode *x, const struct record_desc *d,
                         const ProtobufCMessage *m, void *rec)
{
    uint64_t present = 0;

    for (uint32_t i = 0; i < d->count; i++) {
        const struct field *f = &d->fields[i];
        const ProtobufCFieldDescriptor *p = pb_field(m->descriptor, i);
        int rc;

        assert(p->id == f->tag);
        rc = decode_field(x, d, f, p, m, (char *)rec + f->offset);
        if (rc < 0)
            return rc;
        if (rc > 0)
            present |= UINT64_C(1) << i;
        else if (f->flags & FIELD_REQUIRED)
            return err_set(x->e, -EBADMSG, "%s has no %s", d->name, f->name);
    }
    *(uint64_t *)rec = present;
    return 0;
}

int wire_decode(const struct record_desc *d, const uint8_t *p, size_t n, struct arena *a,
                void **out, struct err *e)
{
    ProtobufCAllocator allocator = { .alloc = pb_alloc, .free = pb_free, .allocator_data = a };
    const ProtobufCMessageDescriptor *pb = pb_of(d);
    struct decode x = { .a = a, .e = e };
    ProtobufCMessage *m;

    assert(pb != NULL);
    m = protobuf_c_message_unpack(pb, &allocator, n, p);
    if (m == NULL)
        return err_set(e, -EBADMSG, "these %zu bytes are no %s message", n, d->name);
    *out = arena_zalloc(a, d->size);
    if (*out == NULL)
        return no_memory(&x, d);
    return decode_record(&x, d, m, *out);
}

static bool id_length_ok(struct bytes b)
{
    return b.n == 0 || b.n == 16;
}

int wire_decode_envelope(const uint8_t *p, size_t n, struct arena *a, struct envelope **out,
                         struct err *e)
{
    struct envelope *env;
    unsigned bodies = 0;
    void *v;
    int rc = wire_decode(&envelope_desc, p, n, a, &v, e);

    if (rc < 0)
        return rc;
    env = v;
    for (uint32_t i = 0; i < envelope_desc.count; i++) {
        const struct field *f = &envelope_desc.fields[i];

        if (f->type == FIELD_REC && field_present(&envelope_desc, i, env))
            bodies++;
    }
    if (bodies != 1)
        return err_set(e, -EBADMSG, "an envelope has one body, this one has %u", bodies);
    if (!id_length_ok(env->node_id) || !id_length_ok(env->boot_id))
        return err_set(e, -EBADMSG, "an id has 16 bytes");
    *out = env;
    return 0;
}
