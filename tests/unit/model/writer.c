/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "writer.h"

#include "model/render.h"

void write_record(struct buf *b, const struct record_desc *d, const void *rec)
{
    struct json j;

    json_init(&j, b);
    json_object(&j, NULL);
    json_record(&j, d, rec);
    json_end_object(&j);
}

void write_text(struct buf *b, const char *text)
{
    struct json j;

    json_init(&j, b);
    json_str(&j, NULL, text);
}

static void write_mixed_array(struct json *j)
{
    json_array(j, "mixed");
    json_int(j, NULL, INT64_MIN);
    json_bool(j, NULL, true);
    json_bool(j, NULL, false);
    json_null(j, NULL);
    json_str(j, NULL, NULL);
    json_object(j, NULL);
    json_end_object(j);
    json_array(j, NULL);
    json_int(j, NULL, 1);
    json_end_array(j);
    json_end_array(j);
}

void write_structure(struct buf *b)
{
    struct json j;

    json_init(&j, b);
    json_object(&j, NULL);
    json_array(&j, "empty");
    json_end_array(&j);
    write_mixed_array(&j);
    json_str(&j, "a \"name\"", "x");
    json_end_object(&j);
}

void write_nested(struct buf *b, int depth)
{
    struct json j;

    json_init(&j, b);
    for (int i = 0; i < depth; i++)
        json_array(&j, NULL);
    for (int i = 0; i < depth; i++)
        json_end_array(&j);
}
