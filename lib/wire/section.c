/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections and their messages. */
#include <errno.h>
#include <inttypes.h>

#include "wire/codec.h"

/* The lists of rows in a section_body: field numbers from here on, in the order of section ids. */
#define FIRST_LIST section_body_system

_Static_assert(section_body_domains - FIRST_LIST + 1 == SECTION_COUNT, "one list for each section");

bool wire_uuid(struct bytes b, uuid128 *out)
{
    if (b.n != sizeof out->b)
        return false;
    memcpy(out->b, b.p, sizeof out->b);
    return true;
}

bool wire_digest(struct bytes b, digest128 *out)
{
    if (b.n != sizeof out->b)
        return false;
    memcpy(out->b, b.p, sizeof out->b);
    return true;
}

static int only_own_list(const struct section_body *b, struct err *e)
{
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        if (i != b->section && field_present(&section_body_desc, FIRST_LIST + i, b))
            return err_set(e, -EBADMSG, "section %s brings rows of section %s",
                           section_descs[b->section].name, section_descs[i].name);
    }
    return 0;
}

int section_from_body(const struct section_body *b, struct arena *a, struct section *out,
                      struct err *e)
{
    const struct recs *rows;
    digest128 claimed;
    int rc;

    if (b->section >= SECTION_COUNT)
        return err_set(e, -EBADMSG, "section number %" PRIu64 " is not known here", b->section);
    if (b->status > SECTION_STUCK)
        return err_set(e, -EBADMSG, "section %s has the unknown status %" PRIu64,
                       section_descs[b->section].name, b->status);
    rc = only_own_list(b, e);
    if (rc < 0)
        return rc;
    rows = field_at(&section_body_desc.fields[FIRST_LIST + b->section], b);
    *out = (struct section){
        .id = (enum section_id)b->section,
        .status = (enum section_status)b->status,
        .status_text = b->status_text,
        .generation = b->generation,
        .age_ms = b->age_ms > 0 ? b->age_ms : 0,
        .status_age_ms = b->status_age_ms > 0 ? b->status_age_ms : 0,
        .row_count = rows->n,
    };
    out->rows = arena_memdup(a, rows->v, rows->n * section_descs[out->id].row->size);
    if (out->rows == NULL)
        return err_set(e, -ENOMEM, "section %s: more memory than one message may take",
                       section_descs[out->id].name);
    rc = section_normalise(out, a, e);
    if (rc == 0 && REC_HAS(b, section_body, digest) &&
        (!wire_digest(b->digest, &claimed) || !digest_eq(claimed, out->digest)))
        rc = err_set(e, -EBADMSG, "section %s: its digest is not that of its rows",
                     section_descs[out->id].name);
    return rc;
}

void section_to_body(const struct section *s, struct section_body *out)
{
    struct recs *rows;

    memset(out, 0, sizeof *out);
    REC_SET(out, section_body, section, (uint64_t)s->id);
    REC_SET(out, section_body, status, (uint64_t)s->status);
    if (s->status_text != NULL)
        REC_SET(out, section_body, status_text, s->status_text);
    REC_SET(out, section_body, generation, s->generation);
    REC_SET(out, section_body, age_ms, s->age_ms);
    REC_SET(out, section_body, status_age_ms, s->status_age_ms);
    if (s->hashes != NULL)
        REC_SET(out, section_body, digest, wire_bytes16(s->digest.b));
    rows = (struct recs *)((char *)out + section_body_desc.fields[FIRST_LIST + s->id].offset);
    *rows = (struct recs){ .v = s->rows, .n = s->row_count };
    if (s->row_count > 0)
        out->present |= UINT64_C(1) << (FIRST_LIST + s->id);
}
