/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records <-> protobuf bytes. lib/wire is the only includer of *.pb-c.h. Pure: all memory comes
 * from the caller's arena, nothing is global but constants. */
#ifndef MUSTER_WIRE_CODEC_H
#define MUSTER_WIRE_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/messages.h"

/* Appends the encoding of `rec` to `out`, or nothing. 0, -ENOMEM, or -EINVAL with a sentence: a
 * required field missing, text that is not clean UTF-8, an id that has not 16 bytes, a string,
 * number, list or message over its limit. A list that is present and empty is not sent. */
int wire_encode(const struct record_desc *d, const void *rec, struct buf *out, struct err *e);
/* The same for who encodes much: what it needs meanwhile it leaves in `scratch`. */
int wire_encode_in(struct arena *scratch, const struct record_desc *d, const void *rec,
                   struct buf *out, struct err *e);

/* Decodes `n` bytes into a record in `a`; strings and bytes point into `a`, never into `p`.
 * 0, -ENOMEM (arena limit included), or -EBADMSG with a sentence: not the message, a required field
 * missing, a field twice, text that is not clean UTF-8, an id that has not 16 bytes, a string,
 * list, number or message over its limit (docs/PROTOCOL.md, "Encoding"). Whatever is -EBADMSG has
 * been found before anything was allocated. Fields of a newer version are ignored. */
int wire_decode(const struct record_desc *d, const uint8_t *p, size_t n, struct arena *a,
                void **out, struct err *e);

/* As wire_decode for an envelope, and checks that there is exactly one body; none in one of a later
 * version of the protocol, whose kind of message is not known here. */
int wire_decode_envelope(const uint8_t *p, size_t n, struct arena *a, struct envelope **out,
                         struct err *e);

/* A section and its message. From: rows are copied into contiguous records in `a`, then normalised
 * (section_normalise) and, where the body carries a digest, held against it: a difference is
 * -EBADMSG. To: shares the section's memory. */
int section_from_body(const struct section_body *b, struct arena *a, struct section *out,
                      struct err *e);
void section_to_body(const struct section *s, struct section_body *out);

/* 16-byte fields. False when absent or of another length. */
bool wire_uuid(struct bytes b, uuid128 *out);
bool wire_digest(struct bytes b, digest128 *out);
static inline struct bytes wire_bytes16(const void *p)
{
    return (struct bytes){ .p = p, .n = 16 };
}

#endif
