/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as one kind of message (FUZZ_DESC). What is accepted must come back the same from its
 * own encoding; what the check lets pass must be good enough for protobuf-c; a refusal has a
 * sentence and took no memory. */
#include <errno.h>

#include "base/limits.h"
#include "fuzz.h"
#include "wire/codec.h"
#include "wire/scan.h"

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
    if (rc == 0)
        once_more(d, rec);
    if (rc == 0 && d == &envelope_desc)
        try_envelope(data, size, rec);
    arena_free(a);
    return 0;
}
