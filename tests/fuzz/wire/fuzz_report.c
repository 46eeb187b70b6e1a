/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a report, and each of its sections as the coordinator takes it in. What is accepted
 * must be accepted again, with the same digest, from its own encoding. */
#include <errno.h>

#include "base/limits.h"
#include "fuzz.h"
#include "wire/codec.h"

static void once_more(const struct section *s)
{
    struct arena *a = arena_new(0);
    struct section_body body;
    struct section again;
    struct buf b = { 0 };
    struct err e = { "" };
    void *decoded;

    section_to_body(s, &body);
    MUST(wire_encode(&section_body_desc, &body, &b, &e) == 0, "cannot be encoded: %s", e.text);
    MUST(wire_decode(&section_body_desc, b.p, b.n, a, &decoded, &e) == 0, "refused: %s", e.text);
    MUST(section_from_body(decoded, a, &again, &e) == 0, "not a section any more: %s", e.text);
    MUST(digest_eq(s->digest, again.digest), "another digest");
    MUST(s->row_count == again.row_count, "another number of rows");
    for (size_t i = 0; i < s->row_count; i++)
        MUST(s->hashes[i] == again.hashes[i], "another row");
    buf_deinit(&b);
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(LIMIT_DECODE_ARENA_BYTES);
    const struct report *report;
    void *rec;

    if (wire_decode(&report_desc, data, size, a, &rec, NULL) == 0) {
        report = rec;
        for (size_t i = 0; i < report->sections.n; i++) {
            const struct section_body *bodies = report->sections.v;
            struct section s;
            struct err e = { "" };
            int rc = section_from_body(&bodies[i], a, &s, &e);

            MUST(rc == 0 || ((rc == -EBADMSG || rc == -ENOMEM) && e.text[0] != '\0'), "%d", rc);
            if (rc == 0)
                once_more(&s);
        }
    }
    arena_free(a);
    return 0;
}
