/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Record -> protobuf message -> bytes. */
#include <assert.h>
#include <errno.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/codec.h"
#include "wire/pb.h"

struct encode {
    struct arena *a;
    struct err *e;
};

static int encode_record(const struct encode *x, const struct record_desc *d,
                         const ProtobufCMessageDescriptor *pb, const void *rec,
                         ProtobufCMessage **out);

static int check_string(const struct encode *x, const struct record_desc *d, const struct field *f,
                        const char *s)
{
    size_t n = strnlen(s, LIMIT_STRING_BYTES + 1);

    if (n > LIMIT_STRING_BYTES || !text_is_clean(s, n))
        return err_set(x->e, -EINVAL, "%s.%s is not clean UTF-8 text of at most %u bytes", d->name,
                       f->name, LIMIT_STRING_BYTES);
    return 0;
}

static int encode_strs(const struct encode *x, const struct record_desc *d, const struct field *f,
                       const struct strs *s)
{
    int rc = 0;

    if (s->n > LIMIT_STRINGS)
        return err_set(x->e, -EINVAL, "%s.%s has %zu entries, more than %u", d->name, f->name, s->n,
                       LIMIT_STRINGS);
    for (size_t i = 0; i < s->n && rc == 0; i++)
        rc = check_string(x, d, f, s->v[i]);
    return rc;
}

static int encode_recs(const struct encode *x, const struct field *f,
                       const ProtobufCFieldDescriptor *p, const struct recs *r, void *to)
{
    ProtobufCMessage **v = arena_array(x->a, r->n, sizeof *v);
    int rc = 0;

    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < r->n && rc == 0; i++)
        rc = encode_record(x, f->sub, p->descriptor, (const char *)r->v + i * f->sub->size, &v[i]);
    *(ProtobufCMessage ***)to = v;
    return rc;
}

static int encode_field(const struct encode *x, const struct record_desc *d, const struct field *f,
                        const ProtobufCFieldDescriptor *p, const void *from, ProtobufCMessage *m)
{
    char *base = (char *)m;
    void *to = base + p->offset;
    void *quantifier = base + p->quantifier_offset;
    const struct bytes *bytes = from;
    int rc = 0;

    switch (f->type) {
    case FIELD_STR:
        *(const char **)to = *(const char *const *)from;
        return check_string(x, d, f, *(const char **)to);
    case FIELD_REC:
        return encode_record(x, f->sub, p->descriptor, *(const void *const *)from, to);
    case FIELD_STRS:
        *(size_t *)quantifier = ((const struct strs *)from)->n;
        *(const char *const **)to = ((const struct strs *)from)->v;
        return encode_strs(x, d, f, from);
    case FIELD_RECS:
        *(size_t *)quantifier = ((const struct recs *)from)->n;
        return encode_recs(x, f, p, from, to);
    case FIELD_BYTES:
        *(ProtobufCBinaryData *)to = (ProtobufCBinaryData){ .len = bytes->n, .data = NULL };
        ((ProtobufCBinaryData *)to)->data = arena_memdup(x->a, bytes->p, bytes->n);
        rc = ((ProtobufCBinaryData *)to)->data == NULL ? -ENOMEM : 0;
        break;
    case FIELD_BOOL:
        *(protobuf_c_boolean *)to = *(const bool *)from;
        break;
    case FIELD_U64:
    case FIELD_I64:
        memcpy(to, from, sizeof(uint64_t));
        break;
    }
    if (p->label == PROTOBUF_C_LABEL_OPTIONAL)
        *(protobuf_c_boolean *)quantifier = 1;
    return rc;
}

static int encode_record(const struct encode *x, const struct record_desc *d,
                         const ProtobufCMessageDescriptor *pb, const void *rec,
                         ProtobufCMessage **out)
{
    ProtobufCMessage *m = arena_alloc(x->a, pb->sizeof_message);
    int rc = 0;

    if (m == NULL)
        return -ENOMEM;
    protobuf_c_message_init(pb, m);
    for (uint32_t i = 0; i < d->count && rc == 0; i++) {
        const struct field *f = &d->fields[i];
        const ProtobufCFieldDescriptor *p = pb_field(pb, i);

        assert(p->id == f->tag);
        if (field_present(d, i, rec))
            rc = encode_field(x, d, f, p, field_at(f, rec), m);
        else if (f->flags & FIELD_REQUIRED)
            rc = err_set(x->e, -EINVAL, "%s has no %s", d->name, f->name);
    }
    *out = m;
    return rc;
}

int wire_encode(const struct record_desc *d, const void *rec, struct buf *out, struct err *e)
{
    const ProtobufCMessageDescriptor *pb = pb_of(d);
    struct encode x = { .a = arena_new(0), .e = e };
    ProtobufCMessage *m = NULL;
    size_t n;
    int rc;

    assert(pb != NULL);
    if (x.a == NULL)
        return err_set(e, -ENOMEM, "not enough memory to encode a %s", d->name);
    rc = encode_record(&x, d, pb, rec, &m);
    if (rc == 0) {
        n = protobuf_c_message_get_packed_size(m);
        if (n > LIMIT_REPLY_BYTES)
            rc = err_set(e, -EINVAL, "a %s of %zu bytes is over the limit of %u", d->name, n,
                         LIMIT_REPLY_BYTES);
        else if (!buf_reserve(out, n))
            rc = -ENOMEM;
        else
            out->n += protobuf_c_message_pack(m, out->p + out->n);
    }
    if (rc == -ENOMEM)
        err_set(e, rc, "not enough memory to encode a %s", d->name);
    arena_free(x.a);
    return rc;
}
