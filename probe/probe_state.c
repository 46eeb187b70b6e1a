/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_state.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium/utils.h>
#include <stdlib.h>

enum { ID_BYTES = 16 };

/* clang-format off */
#define NO_FIELD(...)
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(probe_state, TYPE, member, tag, flags, help)
static const struct field fields[] = { PROBE_STATE_LIST(X, NO_FIELD, NO_FIELD) };
#undef X
/* clang-format on */

const struct record_desc probe_state_desc = { "probe_state", fields, probe_state_FIELD_COUNT,
                                              sizeof(struct probe_state) };

static void add_value(struct buf *out, const struct field *f, const void *at)
{
    const struct bytes *bytes = at;

    switch (f->type) {
    case FIELD_STR:
        buf_str(out, *(const char *const *)at);
        break;
    case FIELD_U64:
        buf_printf(out, "%" PRIu64, *(const uint64_t *)at);
        break;
    case FIELD_BOOL:
        buf_str(out, *(const bool *)at ? "yes" : "no");
        break;
    default: /* FIELD_BYTES; there are no others */
        for (size_t i = 0; i < bytes->n; i++)
            buf_printf(out, "%02x", bytes->p[i]);
    }
}

void probe_state_text(const struct probe_state *s, struct buf *out)
{
    for (uint32_t i = 0; i < probe_state_desc.count; i++) {
        if (!field_present(&probe_state_desc, i, s))
            continue;
        buf_printf(out, "%s ", fields[i].name);
        add_value(out, &fields[i], field_at(&fields[i], s));
        buf_str(out, "\n");
    }
}

static bool parse_u64(const char *text, uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *out <= INT64_MAX;
}

static int parse_bytes(const char *text, struct arena *a, struct bytes *out)
{
    uint8_t *p = arena_alloc(a, ID_BYTES);
    size_t n = 0;

    if (p == NULL)
        return -ENOMEM;
    *out = (struct bytes){ p, ID_BYTES };
    if (strlen(text) != 2 * ID_BYTES ||
        sodium_hex2bin(p, ID_BYTES, text, strlen(text), NULL, &n, NULL) != 0 || n != ID_BYTES)
        return -EBADMSG;
    return 0;
}

static int parse_value(const struct field *f, const char *text, struct arena *a, void *at)
{
    switch (f->type) {
    case FIELD_STR:
        *(const char **)at = text;
        return 0;
    case FIELD_U64:
        return parse_u64(text, at) ? 0 : -EBADMSG;
    case FIELD_BOOL:
        *(bool *)at = strcmp(text, "yes") == 0;
        return *(bool *)at || strcmp(text, "no") == 0 ? 0 : -EBADMSG;
    default:
        return parse_bytes(text, a, at);
    }
}

static int parse_line(char *line, struct arena *a, struct probe_state *out)
{
    char *value = strchr(line, ' ');
    int i, rc;

    if (value == NULL)
        return -EBADMSG;
    *value++ = '\0';
    i = record_field_index(&probe_state_desc, line);
    if (i < 0)
        return 0; /* of a newer probe */
    rc = parse_value(&fields[i], value, a, (char *)out + fields[i].offset);
    out->present |= UINT64_C(1) << i;
    return rc;
}

int probe_state_parse(const char *text, size_t n, struct arena *a, struct probe_state *out)
{
    char *line = arena_strndup(a, text, n), *end;
    int rc = 0;

    *out = (struct probe_state){ .present = 0 };
    if (line == NULL)
        return -ENOMEM;
    if (strlen(line) != n)
        return -EBADMSG;
    for (; rc == 0 && *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        if (end == NULL)
            return -EBADMSG; /* cut off */
        *end = '\0';
        rc = parse_line(line, a, out);
    }
    return rc == 0 && !REC_HAS(out, probe_state, boot_id) ? -EBADMSG : rc;
}
