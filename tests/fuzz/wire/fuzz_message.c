/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as one kind of message (FUZZ_DESC). What is accepted must come back the same from its
 * own encoding; what the check lets pass must be good enough for protobuf-c; a refusal has a
 * sentence and took no memory. */
#include <errno.h>

#include "base/limits.h"
#include "fuzz.h"
#include "wire/codec.h"
#include "wire/pb.h"
#include "wire/scan.h"

static void drop_unknown(ProtobufCMessage *m)
{
    m->n_unknown_fields = 0;
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *p = &m->descriptor->fields[i];
        char *at = (char *)m + p->offset;
        size_t n = 1;
        ProtobufCMessage **v = (ProtobufCMessage **)at;

        if (p->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (p->label == PROTOBUF_C_LABEL_REPEATED) {
            n = *(size_t *)((char *)m + p->quantifier_offset);
            v = *(ProtobufCMessage ***)at;
        }
        for (size_t k = 0; k < n; k++) {
            if (v[k] != NULL)
                drop_unknown(v[k]);
        }
    }
}

static void *pb_alloc(void *a, size_t n)
{
    return arena_alloc(a, n);
}

static void pb_free(void *a, void *p)
{
    (void)a;
    (void)p;
}

/* protobuf-c reads the bytes and writes them again, without what is not known here. */
static void as_protobuf_has_it(const struct record_desc *d, const uint8_t *data, size_t size,
                               const void *rec)
{
    struct arena *a = arena_new(0);
    ProtobufCAllocator allocator = { pb_alloc, pb_free, a };
    ProtobufCMessage *m = protobuf_c_message_unpack(pb_of(d)->pb, &allocator, size, data);
    struct buf ours = { 0 };
    struct err e = { "" };
    uint8_t *theirs;
    size_t n;

    MUST(m != NULL, "protobuf-c refuses what we accept");
    drop_unknown(m);
    n = protobuf_c_message_get_packed_size(m);
    theirs = arena_alloc(a, n);
    protobuf_c_message_pack(m, theirs);
    MUST(wire_encode(d, rec, &ours, &e) == 0, "decoded, but cannot be encoded: %s", e.text);
    MUST(ours.n == n && (n == 0 || memcmp(ours.p, theirs, n) == 0), "protobuf-c has it otherwise");
    buf_deinit(&ours);
    arena_free(a);
}

static void once_more(const struct record_desc *d, const void *rec)
{
    struct arena *a = arena_new(0);
    struct buf first = { 0 }, second = { 0 };
    struct err e = { "" };
    void *again;

    MUST(wire_encode(d, rec, &first, &e) == 0, "decoded, but cannot be encoded: %s", e.text);
    MUST(wire_decode(d, first.p, first.n, a, &again, &e) == 0, "encoded, but refused: %s", e.text);
    MUST(record_equal(d, rec, again), "another %s than before", d->name);
    MUST(wire_encode(d, again, &second, &e) == 0, "the second time: %s", e.text);
    MUST(first.n == second.n && (first.n == 0 || memcmp(first.p, second.p, first.n) == 0),
         "another encoding than before");
    buf_deinit(&first);
    buf_deinit(&second);
    arena_free(a);
}

static void try_envelope(const uint8_t *data, size_t size, const void *rec)
{
    struct arena *a = arena_new(0);
    struct envelope *env = NULL;
    struct err e = { "" };
    int rc = wire_decode_envelope(data, size, a, &env, &e);

    MUST(rc == 0 || (rc == -EBADMSG && e.text[0] != '\0'), "envelope: %d", rc);
    MUST(rc != 0 || record_equal(&envelope_desc, env, rec), "another envelope");
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct record_desc *d = &FUZZ_DESC;
    struct arena *a = arena_new(LIMIT_DECODE_ARENA_BYTES);
    struct err e = { "" };
    bool well_formed = wire_scan(d, data, size, NULL) == 0;
    void *rec = NULL;
    int rc = wire_decode(d, data, size, a, &rec, &e);

    MUST(rc == 0 || e.text[0] != '\0', "no sentence");
    MUST(rc == 0 || rc == -EBADMSG || rc == -ENOMEM, "result %d", rc);
    MUST(rc != -EBADMSG || arena_used(a) == 0, "memory for a message that is refused: %s", e.text);
    MUST((rc == -EBADMSG) != well_formed, "the check and the unpack disagree: %s", e.text);
    if (rc == 0) {
        once_more(d, rec);
        as_protobuf_has_it(d, data, size, rec);
    }
    if (rc == 0 && d == &envelope_desc)
        try_envelope(data, size, rec);
    arena_free(a);
    return 0;
}
