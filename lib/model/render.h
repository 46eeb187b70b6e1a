/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records as JSON. Pure: text in, text out. */
#ifndef MUSTER_MODEL_RENDER_H
#define MUSTER_MODEL_RENDER_H

#include "base/buf.h"
#include "model/record.h"

/* A streaming JSON writer over a buf: it puts commas and escapes, the caller gives the structure.
 * Bytes over 0x7f pass through (all text is UTF-8). */
struct json {
    struct buf *out;
    uint32_t depth;
    uint64_t comma; /* bit per depth: a value was written at this depth */
};

void json_init(struct json *j, struct buf *out);
void json_object(struct json *j, const char *name); /* name NULL inside an array or at the top */
void json_array(struct json *j, const char *name);
void json_end_object(struct json *j);
void json_end_array(struct json *j);
void json_str(struct json *j, const char *name, const char *value); /* NULL value: null */
void json_int(struct json *j, const char *name, int64_t value);
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);
/* All present fields, as members of the object now open; absent ones are left out. Bytes as hex. */
void json_record(struct json *j, const struct record_desc *d, const void *rec);

/* One field as text for a person: units applied (GiB, ms as a duration), lists joined by ", ",
 * "-" when absent. Returns `out`'s text through buf_cstr. */
void field_text(struct buf *out, const struct record_desc *d, uint32_t i, const void *rec);

#endif
