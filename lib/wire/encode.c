/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Record -> protobuf message -> bytes. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

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
    size_t n = s == NULL ? LIMIT_STRING_BYTES + 1 : strnlen(s, LIMIT_STRING_BYTES + 1);

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

/* What wire_scan would refuse at the other end. */
static int check_scalar(const struct encode *x, const struct record_desc *d, const struct field *f,
                        const void *from)
{
    const struct bytes *bytes = from;

    if (f->type == FIELD_U64 && *(const uint64_t *)from > INT64_MAX)
        return err_set(x->e, -EINVAL, "%s.%s is over the largest number %" PRId64, d->name, f->name,
                       INT64_MAX);
    if (f->type == FIELD_BYTES &&
        ((f->flags & FIELD_ID) ? bytes->n != 16 : bytes->n > BACKUP_CHUNK_BYTES))
        return err_set(x->e, -EINVAL, "%s.%s may not have %zu bytes", d->name, f->name, bytes->n);
    return 0;
}

static int encode_scalar(const struct encode *x, const struct record_desc *d, const struct field *f,
                         const ProtobufCFieldDescriptor *p, const void *from, char *m)
{
    void *to = m + p->offset;
    const struct bytes *bytes = from;

    if (f->type == FIELD_BYTES)
        *(ProtobufCBinaryData *)to =
            (ProtobufCBinaryData){ .len = bytes->n, .data = (uint8_t *)bytes->p };
    else if (f->type == FIELD_BOOL)
        *(protobuf_c_boolean *)to = *(const bool *)from;
    else
        memcpy(to, from, sizeof(uint64_t));
    if (p->label == PROTOBUF_C_LABEL_OPTIONAL)
        *(protobuf_c_boolean *)(m + p->quantifier_offset) = 1;
    return check_scalar(x, d, f, from);
}

static int encode_field(const struct encode *x, const struct record_desc *d, const struct field *f,
                        const ProtobufCFieldDescriptor *p, const void *from, ProtobufCMessage *m)
{
    char *base = (char *)m;
    void *to = base + p->offset;

    switch (f->type) {
    case FIELD_STR:
        *(const char **)to = *(const char *const *)from;
        return check_string(x, d, f, *(const char **)to);
    case FIELD_REC:
        return encode_record(x, f->sub, p->descriptor, *(const void *const *)from, to);
    case FIELD_STRS:
        *(size_t *)(base + p->quantifier_offset) = ((const struct strs *)from)->n;
        *(const char *const **)to = ((const struct strs *)from)->v;
        return encode_strs(x, d, f, from);
    case FIELD_RECS:
        *(size_t *)(base + p->quantifier_offset) = ((const struct recs *)from)->n;
        return encode_recs(x, f, p, from, to);
    case FIELD_BYTES:
    case FIELD_BOOL:
    case FIELD_U64:
    case FIELD_I64:
        break;
    }
    return encode_scalar(x, d, f, p, from, base);
}

static int encode_record(const struct encode *x, const struct record_desc *d,
                         const ProtobufCMessageDescriptor *pb, const void *rec,
                         ProtobufCMessage **out)
{
    ProtobufCMessage *m;
    int rc = 0;

    if (rec == NULL)
        return err_set(x->e, -EINVAL, "a %s that is said to be present is not there", d->name);
    m = arena_alloc(x->a, pb->sizeof_message);
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

int wire_encode_in(struct arena *scratch, const struct record_desc *d, const void *rec,
                   struct buf *out, struct err *e)
{
    const struct pb_pair *pair = pb_of(d);
    struct encode x = { .a = scratch, .e = e };
    ProtobufCMessage *m = NULL;
    size_t n;
    int rc;

    assert(pair != NULL);
    rc = encode_record(&x, d, pair->pb, rec, &m);
    if (rc == 0) {
        n = protobuf_c_message_get_packed_size(m);
        if (n > pair->limit_bytes)
            rc = err_set(e, -EINVAL, "a %s of %zu bytes is over the limit of %u", d->name, n,
                         pair->limit_bytes);
        else if (!buf_reserve(out, n))
            rc = -ENOMEM;
        else if (n > 0) /* an empty buffer has no place to point at */
            out->n += protobuf_c_message_pack(m, out->p + out->n);
    }
    if (rc == -ENOMEM)
        err_set(e, rc, "not enough memory to encode a %s", d->name);
    return rc;
}

int wire_encode(const struct record_desc *d, const void *rec, struct buf *out, struct err *e)
{
    struct arena *scratch = arena_new(0);
    int rc;

    if (scratch == NULL)
        return err_set(e, -ENOMEM, "not enough memory to encode a %s", d->name);
    rc = wire_encode_in(scratch, d, rec, out, e);
    arena_free(scratch);
    return rc;
}
