/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "model/render.h"
#include "support/support.h"

static void one_section(struct json *j, const struct section *s)
{
    const struct section_desc *d = &section_descs[s->id];

    json_object(j, d->name);
    json_str(j, "status", section_status_name(s->status));
    if (s->status_text != NULL)
        json_str(j, "status_text", s->status_text);
    json_array(j, "rows");
    for (size_t i = 0; i < s->row_count; i++) {
        json_object(j, NULL);
        json_record(j, d->row, section_row(s, i));
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static void new_line(struct buf *out, size_t depth)
{
    buf_str(out, "\n");
    for (size_t i = 0; i < depth; i++)
        buf_str(out, "  ");
}

/* One member a line down to the rows' fields; lists of texts stay on theirs. */
static void lay_out(const struct buf *compact, struct buf *out)
{
    bool in_text = false;
    size_t depth = 0;

    for (size_t i = 0; i < compact->n; i++) {
        char c = (char)compact->p[i];
        char next = i + 1 < compact->n ? (char)compact->p[i + 1] : '\0';
        bool flat = depth > 4;

        if (in_text || c == '"') {
            buf_add(out, &c, 1);
            if (in_text && c == '\\')
                buf_add(out, &compact->p[++i], 1);
            else if (c == '"')
                in_text = !in_text;
            continue;
        }
        if (c == '}' || c == ']') {
            depth--;
            if (depth <= 3 && compact->p[i - 1] != '[' && compact->p[i - 1] != '{')
                new_line(out, depth);
        }
        buf_add(out, &c, 1);
        if (c == '{' || c == '[') {
            depth++;
            if (depth <= 4 && next != '}' && next != ']')
                new_line(out, depth);
        } else if (c == ',') {
            if (flat)
                buf_str(out, " ");
            else
                new_line(out, depth);
        } else if (c == ':') {
            buf_str(out, " ");
        }
    }
}

int sections_json(struct section *sections, size_t count, struct arena *a, struct buf *out,
                  struct err *e)
{
    struct buf compact = { 0 };
    struct json j;
    int rc = 0;

    json_init(&j, &compact);
    json_object(&j, NULL);
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = section_normalise(&sections[i], a, e);
        one_section(&j, &sections[i]);
    }
    json_end_object(&j);
    if (rc == 0) {
        lay_out(&compact, out);
        buf_str(out, "\n");
        if (compact.failed || out->failed)
            rc = err_set(e, -ENOMEM, "out of memory while writing JSON");
    }
    buf_deinit(&compact);
    return rc;
}
