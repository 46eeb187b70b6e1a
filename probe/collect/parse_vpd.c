/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_vpd.h"

#include <stdio.h>

/* Association of a designator with (SPC-4 table 609). */
enum { WITH_UNIT = 0, WITH_PORT = 1 };
/* Types (SPC-4 table 610). */
enum { TYPE_T10 = 1, TYPE_EUI = 2, TYPE_NAA = 3, TYPE_PORT = 4, TYPE_GROUP = 5 };
enum { TYPE_NAME = 8, TYPE_UUID = 10 };

#define DESIGNATOR_TEXT_MAX 512 /* longer than any that 255 bytes can make */

static enum designator_kind naa_kind(char first, size_t digits)
{
    if (first == '6')
        return digits == 32 ? DESIGNATOR_NAA6 : DESIGNATOR_KIND_COUNT;
    if (digits != 16)
        return DESIGNATOR_KIND_COUNT;
    if (first == '3')
        return DESIGNATOR_NAA_LOCAL;
    return first == '2' || first == '5' ? DESIGNATOR_NAA : DESIGNATOR_KIND_COUNT;
}

static bool is_hex(const char *text)
{
    return text[strspn(text, "0123456789abcdef")] == '\0';
}

static enum designator_kind kind_of(const char *text)
{
    size_t n = strlen(text);

    if (n > DESIGNATOR_TEXT_MAX)
        return DESIGNATOR_KIND_COUNT;
    if (strncmp(text, "naa.", 4) == 0)
        return is_hex(text + 4) ? naa_kind(text[4], n - 4) : DESIGNATOR_KIND_COUNT;
    if (strncmp(text, "eui.", 4) == 0) {
        bool whole = n == 4 + 16 || n == 4 + 24 || n == 4 + 32;

        return whole && is_hex(text + 4) ? DESIGNATOR_EUI : DESIGNATOR_KIND_COUNT;
    }
    if (strncmp(text, "uuid.", 5) == 0)
        return n == 5 + 36 ? DESIGNATOR_UUID : DESIGNATOR_KIND_COUNT;
    if (strncmp(text, "t10.", 4) == 0 && n > 4)
        return DESIGNATOR_T10;
    if (strncmp(text, "nvme.", 5) == 0 && n > 5)
        return DESIGNATOR_NVME;
    return strncmp(text, "name.", 5) == 0 && n > 5 ? DESIGNATOR_OTHER : DESIGNATOR_KIND_COUNT;
}

/* All zeros or all ones are what firmware writes that was never given a name. */
static bool is_blank_name(const char *text)
{
    const char *digits = strchr(text, '.') + 1;

    return digits[strspn(digits, "0-")] == '\0' || digits[strspn(digits, "f-")] == '\0';
}

static void add_text(struct designators *out, const char *text)
{
    enum designator_kind kind = text == NULL ? DESIGNATOR_KIND_COUNT : kind_of(text);

    if (kind == DESIGNATOR_KIND_COUNT || out->n == DESIGNATORS_MAX || is_blank_name(text))
        return;
    for (size_t i = 0; i < out->n; i++) {
        if (strcmp(out->v[i].text, text) == 0)
            return;
    }
    out->v[out->n++] = (struct designator){ kind, text };
}

/* Hexadecimal digits are compared as text, so they are always in lower case. */
static const char *lowered(struct rows *r, const char *prefix, struct bytes b)
{
    char text[DESIGNATOR_TEXT_MAX + 1];
    size_t n = strlen(prefix);

    if (n + b.n > DESIGNATOR_TEXT_MAX)
        return NULL;
    memcpy(text, prefix, n);
    for (size_t i = 0; i < b.n; i++) {
        uint8_t c = b.p[i];

        text[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    return rows_text(r, (struct bytes){ (const uint8_t *)text, n });
}

void designator_add(struct rows *r, struct designators *out, struct bytes text)
{
    static const char *const in_hex[] = { "naa.", "eui.", "uuid." };
    struct bytes b = bytes_trim(text);

    for (size_t i = 0; i < ARRAY_LEN(in_hex); i++) {
        size_t n = strlen(in_hex[i]);

        if (b.n > n && memcmp(b.p, in_hex[i], n) == 0) {
            add_text(out, lowered(r, in_hex[i], (struct bytes){ b.p + n, b.n - n }));
            return;
        }
    }
    add_text(out, rows_text(r, b));
}

static const char *hex_text(struct rows *r, const char *prefix, struct bytes b)
{
    char text[8 + 2 * 255 + 1];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", prefix);

    for (size_t i = 0; i < b.n && n + 2 < sizeof text; i++)
        n += (size_t)snprintf(text + n, 3, "%02x", b.p[i]);
    return rows_text(r, bytes_of(text));
}

static const char *uuid_text_of(struct rows *r, struct bytes b)
{
    const uint8_t *p = b.p;

    if (b.n != 18 || p[0] >> 4 != 1)
        return NULL;
    p += 2;
    return rows_printf(
        r, "uuid.%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", p[0], p[1],
        p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12], p[13], p[14], p[15]);
}

static const char *prefixed(struct rows *r, const char *prefix, struct bytes b)
{
    const char *text = rows_text(r, b);

    return text == NULL ? NULL : rows_printf(r, "%s%s", prefix, text);
}

/* A SCSI name string says "naa.", "eui." and so on in front; what is neither is an iSCSI name. */
static void add_name(struct rows *r, struct designators *out, struct bytes b)
{
    size_t before = out->n;

    designator_add(r, out, b);
    if (out->n == before)
        add_text(out, prefixed(r, "name.", b));
}

static void add_of_unit(struct rows *r, struct designators *out, unsigned type, struct bytes b)
{
    switch (type) {
    case TYPE_T10:
        add_text(out, prefixed(r, "t10.", b));
        break;
    case TYPE_EUI:
        add_text(out, hex_text(r, "eui.", b));
        break;
    case TYPE_NAA:
        add_text(out, hex_text(r, "naa.", b));
        break;
    case TYPE_NAME:
        add_name(r, out, b);
        break;
    case TYPE_UUID:
        add_text(out, uuid_text_of(r, b));
        break;
    default:
        break;
    }
}

static struct opt port_number(struct bytes b)
{
    if (b.n != 4)
        return (struct opt){ .has = false };
    return (struct opt){ true, (uint64_t)b.p[2] << 8 | b.p[3] };
}

/* The page without its header; n == 0: it is another page, or cut. */
static struct bytes page_body(struct bytes page, uint8_t code)
{
    size_t n;

    if (page.n < 4 || page.p[1] != code)
        return (struct bytes){ NULL, 0 };
    n = (size_t)page.p[2] << 8 | page.p[3];
    return (struct bytes){ page.p + 4, n < page.n - 4 ? n : page.n - 4 };
}

void parse_vpd83(struct rows *r, struct bytes page, struct designators *out,
                 struct opt *relative_port, struct opt *target_port_group)
{
    struct bytes body = page_body(page, 0x83);

    while (body.n >= 4 && body.p[3] <= body.n - 4) {
        unsigned association = body.p[1] >> 4 & 3, type = body.p[1] & 15;
        struct bytes b = { body.p + 4, body.p[3] };

        if (association == WITH_UNIT)
            add_of_unit(r, out, type, b);
        else if (association == WITH_PORT && type == TYPE_PORT && !relative_port->has)
            *relative_port = port_number(b);
        else if (association == WITH_PORT && type == TYPE_GROUP && !target_port_group->has)
            *target_port_group = port_number(b);
        body.p += 4 + b.n;
        body.n -= 4 + b.n;
    }
}

const char *parse_vpd80(struct rows *r, struct bytes page)
{
    return rows_text(r, page_body(page, 0x80));
}

static bool is_better(const struct designator *x, const struct designator *y)
{
    size_t n = strlen(x->text), m = strlen(y->text);

    if (x->kind != y->kind)
        return x->kind < y->kind;
    return n != m ? n > m : strcmp(x->text, y->text) < 0;
}

const struct designator *designator_best(const struct designators *d)
{
    const struct designator *best = NULL;

    for (size_t i = 0; i < d->n; i++) {
        if (d->v[i].kind != DESIGNATOR_OTHER && (best == NULL || is_better(&d->v[i], best)))
            best = &d->v[i];
    }
    return best;
}

const char *designator_class(const struct designator *d)
{
    static const char *const names[DESIGNATOR_KIND_COUNT] = {
        [DESIGNATOR_NAA6] = "naa",      [DESIGNATOR_NAA] = "naa",   [DESIGNATOR_EUI] = "eui",
        [DESIGNATOR_UUID] = "uuid",     [DESIGNATOR_T10] = "t10",   [DESIGNATOR_NVME] = "nvme",
        [DESIGNATOR_NAA_LOCAL] = "naa", [DESIGNATOR_OTHER] = "name"
    };

    return names[d->kind];
}
