/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists of records and the .proto files say the same. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>

#include "base/buf.h"
#include "wire/messages.h"
#include "wire/pb.h"

static void camel_case(const char *name, char *out)
{
    bool upper = true;

    for (; *name != '\0'; name++) {
        if (*name == '_') {
            upper = true;
            continue;
        }
        *out++ = upper ? (char)toupper((unsigned char)*name) : *name;
        upper = false;
    }
    *out = '\0';
}

static ProtobufCType type_of(enum field_type t)
{
    static const ProtobufCType types[] = {
        [FIELD_STR] = PROTOBUF_C_TYPE_STRING,  [FIELD_U64] = PROTOBUF_C_TYPE_UINT64,
        [FIELD_I64] = PROTOBUF_C_TYPE_INT64,   [FIELD_BOOL] = PROTOBUF_C_TYPE_BOOL,
        [FIELD_STRS] = PROTOBUF_C_TYPE_STRING, [FIELD_BYTES] = PROTOBUF_C_TYPE_BYTES,
        [FIELD_REC] = PROTOBUF_C_TYPE_MESSAGE, [FIELD_RECS] = PROTOBUF_C_TYPE_MESSAGE,
    };

    return types[t];
}

static ProtobufCLabel label_of(const struct field *f)
{
    if (f->type == FIELD_STRS || f->type == FIELD_RECS)
        return PROTOBUF_C_LABEL_REPEATED;
    return f->flags & FIELD_REQUIRED ? PROTOBUF_C_LABEL_REQUIRED : PROTOBUF_C_LABEL_OPTIONAL;
}

static void same_field(const struct record_desc *d, uint32_t i, const ProtobufCFieldDescriptor *p)
{
    const struct field *f = &d->fields[i];

    cr_expect_str_eq(f->name, p->name, "%s field %u", d->name, i);
    cr_expect_eq(f->tag, p->id, "%s.%s: tag %u and %u", d->name, f->name, f->tag, p->id);
    cr_expect_eq(p->type, type_of(f->type), "%s.%s: type", d->name, f->name);
    cr_expect_eq(p->label, label_of(f), "%s.%s: label", d->name, f->name);
    cr_expect_null(p->default_value, "%s.%s: a default", d->name, f->name);
    cr_expect_eq(p->flags & PROTOBUF_C_FIELD_FLAG_ONEOF, 0, "%s.%s: oneof", d->name, f->name);
    if (i > 0)
        cr_expect_gt(f->tag, d->fields[i - 1].tag, "%s.%s: fields stand in order of their tags",
                     d->name, f->name);
    if (f->flags & FIELD_ID)
        cr_expect_eq(f->type, FIELD_BYTES, "%s.%s: an id is bytes", d->name, f->name);
    if (f->sub != NULL) {
        cr_assert_not_null(pb_of(f->sub), "%s.%s: no message", d->name, f->name);
        cr_expect_eq(p->descriptor, pb_of(f->sub)->pb, "%s.%s: another message", d->name, f->name);
    }
    cr_expect_eq(f->sub != NULL, f->type == FIELD_REC || f->type == FIELD_RECS, "%s.%s", d->name,
                 f->name);
}

Test(wire_agreement, every_field_of_every_message)
{
    for (size_t i = 0; i < pb_pair_count; i++) {
        const struct record_desc *d = pb_pairs[i].rec;
        const ProtobufCMessageDescriptor *pb = pb_pairs[i].pb;
        char name[64];

        camel_case(d->name, name);
        cr_expect_str_eq(pb->short_name, name);
        cr_expect_str_eq(pb->package_name, "muster");
        cr_assert_eq(d->count, pb->n_fields, "%s has %u fields, the message %u", d->name, d->count,
                     pb->n_fields);
        for (uint32_t k = 0; k < d->count; k++)
            same_field(d, k, pb_field(pb, k));
    }
}

/* A message is as deep as the schema, and no schema holds itself: nothing recurses without end. */
static unsigned depth(const struct record_desc *d, unsigned so_far)
{
    unsigned deepest = so_far;

    cr_assert_lt(so_far, 10, "%s holds itself", d->name);
    for (uint32_t i = 0; i < d->count; i++) {
        unsigned below = d->fields[i].sub == NULL ? 0 : depth(d->fields[i].sub, so_far + 1);

        deepest = below > deepest ? below : deepest;
    }
    return deepest;
}

Test(wire_agreement, no_message_holds_itself)
{
    for (size_t i = 0; i < pb_pair_count; i++)
        cr_expect_leq(depth(pb_pairs[i].rec, 1), 4, "%s", pb_pairs[i].rec->name);
}

/* How often a line of the file begins with `with`. */
static size_t lines_beginning(const char *path, const char *with)
{
    char line[512], full[512];
    size_t count = 0;
    FILE *f;

    snprintf(full, sizeof full, "%s/%s", SOURCE_ROOT, path);
    f = fopen(full, "r");
    cr_assert_not_null(f, "%s", full);
    while (fgets(line, sizeof line, f) != NULL)
        count += strncmp(line, with, strlen(with)) == 0;
    fclose(f);
    return count;
}

Test(wire_agreement, no_message_is_left_out)
{
    static const char *const protos[] = { "proto/inventory.proto", "proto/node.proto",
                                          "proto/client.proto", "proto/worker.proto" };
    size_t messages = 0, records;

    for (size_t i = 0; i < ARRAY_LEN(protos); i++)
        messages += lines_beginning(protos[i], "message ");
    records = lines_beginning("lib/wire/messages.h", "RECORD_DECLARE(") +
              lines_beginning("lib/wire/messages_scan.h", "RECORD_DECLARE(") +
              lines_beginning("lib/wire/messages_lvm.h", "RECORD_DECLARE(") +
              lines_beginning("lib/wire/messages_answers.h", "RECORD_DECLARE(") +
              lines_beginning("lib/model/sections.h", "RECORD_DECLARE(");
    cr_expect_eq(messages, pb_pair_count, "%zu messages, %zu pairs", messages, pb_pair_count);
    cr_expect_eq(records, pb_pair_count, "%zu records, %zu pairs", records, pb_pair_count);
    for (size_t i = 0; i < pb_pair_count; i++) {
        for (size_t k = 0; k < i; k++)
            cr_expect_neq(pb_pairs[i].pb, pb_pairs[k].pb, "%s twice", pb_pairs[i].rec->name);
    }
}

Test(wire_agreement, names)
{
    cr_expect_str_eq(refuse_reason_name(REFUSE_UNKNOWN_KEY), "unknown-key");
    for (int r = REFUSE_MALFORMED; r <= REFUSE_BUSY; r++) {
        cr_expect_str_neq(refuse_reason_name((enum refuse_reason)r), "unknown", "%d", r);
        for (int q = REFUSE_MALFORMED; q < r; q++)
            cr_expect_str_neq(refuse_reason_name((enum refuse_reason)r),
                              refuse_reason_name((enum refuse_reason)q));
    }
    cr_expect_str_eq(refuse_reason_name((enum refuse_reason)0), "unknown");
    cr_expect_str_eq(refuse_reason_name((enum refuse_reason)1000), "unknown");
    cr_expect_str_eq(edge_state_name(EDGE_DEGRADED), "degraded");
    cr_expect_str_eq(edge_state_name(EDGE_STUCK), "stuck");
    cr_expect_str_eq(edge_state_name((enum edge_state)77), "unknown");
    cr_expect_str_eq(resource_kind_name(RESOURCE_NETWORK), "network");
    cr_expect_str_eq(resource_kind_name((enum resource_kind)77), "unknown");
    cr_expect_eq(resource_kind_by_name("network"), RESOURCE_NETWORK);
    cr_expect_eq(resource_kind_by_name("lun?"), -1);
    for (int r = ROLE_NONE; r <= ROLE_OPERATOR; r++)
        cr_expect_eq(role_by_name(role_name((enum role)r)), r);
    cr_expect_eq(role_by_name("root"), -1);
    cr_expect_str_eq(role_name((enum role)9), "none");
}

static char *whole_file(const char *path)
{
    static char text[64 << 10];
    char full[512];
    size_t n;
    FILE *f;

    snprintf(full, sizeof full, "%s/%s", SOURCE_ROOT, path);
    f = fopen(full, "r");
    cr_assert_not_null(f, "%s", full);
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    cr_assert_lt(n, sizeof text - 1);
    text[n] = '\0';
    return text;
}

/* Every reason, every section and every body is in the description of the protocol. */
Test(wire_agreement, the_document_names_everything)
{
    const char *text = whole_file("docs/PROTOCOL.md");
    char row[96];

    for (int r = REFUSE_MALFORMED; r <= REFUSE_BUSY; r++) {
        snprintf(row, sizeof row, "| %d | `%s` |", r, refuse_reason_name((enum refuse_reason)r));
        cr_expect(strstr(text, row) != NULL, "PROTOCOL.md has no %s", row);
    }
    for (int i = 0; i < SECTION_COUNT; i++) {
        snprintf(row, sizeof row, "%s %d", section_descs[i].name, i);
        cr_expect(strstr(text, row) != NULL, "PROTOCOL.md has no section %s", row);
    }
    for (uint32_t i = envelope_enrol; i < envelope_FIELD_COUNT; i++) {
        snprintf(row, sizeof row, "`%s`", envelope_desc.fields[i].name);
        cr_expect(strstr(text, row) != NULL, "PROTOCOL.md has no %s", row);
    }
}
