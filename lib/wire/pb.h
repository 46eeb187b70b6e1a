/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which protobuf message belongs to which record. Inside lib/wire and its tests only. */
#ifndef MUSTER_WIRE_PB_H
#define MUSTER_WIRE_PB_H

#include <protobuf-c/protobuf-c.h>

#include "model/record.h"

struct pb_pair {
    const struct record_desc *rec;
    const ProtobufCMessageDescriptor *pb;
    uint32_t limit_bytes; /* of one such message, encoded */
};

extern const struct pb_pair pb_pairs[];
extern const size_t pb_pair_count;

/* NULL: not a message. */
const struct pb_pair *pb_of(const struct record_desc *d);

/* The protobuf field of a record's field `i`. Fields of both stand in order of their tags (a test
 * proves it), so this is an index. */
static inline const ProtobufCFieldDescriptor *pb_field(const ProtobufCMessageDescriptor *pb,
                                                       uint32_t i)
{
    return &pb->fields[i];
}

#endif
