/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes -> protobuf message -> record. */
#include <assert.h>
#include <errno.h>

#include "base/limits.h"
#include "wire/codec.h"
#include "wire/pb.h"
#include "wire/scan.h"

/* protobuf-c does not tell why an unpack failed. */
struct memory_of_pb {
    struct arena *arena;
    bool exhausted;
};

static void *pb_alloc(void *memory, size_t n)
{
    struct memory_of_pb *m = memory;
    void *p = arena_alloc(m->arena, n);

    m->exhausted |= p == NULL;
    return p;
}

static void pb_free(void *memory, void *p)
{
    (void)memory;
    (void)p;
}

static bool take_record(struct arena *a, const struct record_desc *d, const ProtobufCMessage *m,
                        void *rec);

static bool take_recs(struct arena *a, const struct field *f, size_t n, ProtobufCMessage *const *v,
                      struct recs *out)
{
    char *recs = arena_array(a, n, f->sub->size);

    if (recs == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!take_record(a, f->sub, v[i], recs + i * f->sub->size))
            return false;
    }
    *out = (struct recs){ .v = recs, .n = n };
    return true;
}

static bool take_rec(struct arena *a, const struct field *f, const ProtobufCMessage *m, void **out)
{
    *out = arena_zalloc(a, f->sub->size);
    return *out != NULL && take_record(a, f->sub, m, *out);
}

/* Whether the message has a value for this field. */
static bool has_value(const struct field *f, const ProtobufCFieldDescriptor *p, const char *m)
{
    if (f->type == FIELD_STR || f->type == FIELD_REC)
        return *(const void *const *)(m + p->offset) != NULL;
    if (p->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)(m + p->quantifier_offset) > 0;
    return p->label == PROTOBUF_C_LABEL_REQUIRED ||
           *(const protobuf_c_boolean *)(m + p->quantifier_offset);
}

/* False: the arena is full. Everything else has been checked by wire_scan. */
static bool take_field(struct arena *a, const struct field *f, const ProtobufCFieldDescriptor *p,
                       const char *m, void *to)
{
    const void *from = m + p->offset;

    switch (f->type) {
    case FIELD_STR:
        *(const char **)to = *(const char *const *)from;
        break;
    case FIELD_U64:
    case FIELD_I64:
        memcpy(to, from, sizeof(uint64_t));
        break;
    case FIELD_BOOL:
        *(bool *)to = *(const protobuf_c_boolean *)from != 0;
        break;
    case FIELD_BYTES:
        ((struct bytes *)to)->p = ((const ProtobufCBinaryData *)from)->data;
        ((struct bytes *)to)->n = ((const ProtobufCBinaryData *)from)->len;
        break;
    case FIELD_STRS:
        ((struct strs *)to)->v = *(const char *const *const *)from;
        ((struct strs *)to)->n = *(const size_t *)(m + p->quantifier_offset);
        break;
    case FIELD_REC:
        return take_rec(a, f, *(const ProtobufCMessage *const *)from, to);
    case FIELD_RECS:
        return take_recs(a, f, *(const size_t *)(m + p->quantifier_offset),
                         *(ProtobufCMessage *const *const *)from, to);
    }
    return true;
}

static bool take_record(struct arena *a, const struct record_desc *d, const ProtobufCMessage *m,
                        void *rec)
{
    const ProtobufCMessageDescriptor *pb = m->descriptor;
    const char *from = (const char *)m;
    uint64_t present = 0;

    for (uint32_t i = 0; i < d->count; i++) {
        const struct field *f = &d->fields[i];
        const ProtobufCFieldDescriptor *p = pb_field(pb, i);

        assert(p->id == f->tag);
        if (!has_value(f, p, from))
            continue;
        if (!take_field(a, f, p, from, (char *)rec + f->offset))
            return false;
        present |= UINT64_C(1) << i;
    }
    *(uint64_t *)rec = present;
    return true;
}

int wire_decode(const struct record_desc *d, const uint8_t *p, size_t n, struct arena *a,
                void **out, struct err *e)
{
    struct memory_of_pb memory = { .arena = a };
    ProtobufCAllocator allocator = { pb_alloc, pb_free, &memory };
    const struct pb_pair *pair = pb_of(d);
    ProtobufCMessage *m;
    void *rec = NULL;
    int rc;

    assert(pair != NULL);
    if (n > pair->limit_bytes)
        return err_set(e, -EBADMSG, "a %s of %zu bytes is over the limit of %u", d->name, n,
                       pair->limit_bytes);
    rc = wire_scan(d, p, n, e);
    if (rc < 0)
        return rc;
    m = protobuf_c_message_unpack(pair->pb, &allocator, n, p);
    if (m == NULL && !memory.exhausted)
        return err_set(e, -EBADMSG, "these %zu bytes are no %s message", n, d->name);
    if (m != NULL)
        rec = arena_zalloc(a, d->size);
    if (rec == NULL || !take_record(a, d, m, rec))
        return err_set(e, -ENOMEM, "%s: more memory than one message may take", d->name);
    *out = rec;
    return 0;
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
    for (uint32_t i = 0; i < envelope_desc.count; i++)
        bodies +=
            envelope_desc.fields[i].type == FIELD_REC && field_present(&envelope_desc, i, env);
    if (bodies != 1 && (bodies != 0 || env->version <= PROTOCOL_VERSION))
        return err_set(e, -EBADMSG, "an envelope has one body, this one has %u", bodies);
    *out = env;
    return 0;
}
