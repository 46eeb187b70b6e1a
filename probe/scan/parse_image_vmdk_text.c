/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptor of a VMDK: lines of NAME=VALUE, and one for each extent,
 *
 *     RW 4192256 SPARSE "disk-s001.vmdk"
 *     RW 20480 FLAT "disk-flat.vmdk" 0
 *
 * with its sectors, and of flat ones the sector of the file at which it begins. */
#include "scan/parse_image_internal.h"

enum { SECTOR = 512 };

struct descriptor {
    struct image_parse *p;
    struct image_extent *extents;
    size_t n;
    uint64_t bytes; /* of all extents */
    bool embedded;
};

static struct bytes unquoted(struct bytes b)
{
    if (b.n >= 2 && b.p[0] == '"' && b.p[b.n - 1] == '"')
        return (struct bytes){ b.p + 1, b.n - 2 };
    return b;
}

/* A name is in VMware's own way a path of its host, which may be Windows. */
static struct image_name name_of(struct image_parse *p, struct bytes b)
{
    bool drive = b.n > 2 && b.p[1] == ':' && (b.p[2] == '\\' || b.p[2] == '/');
    bool windows =
        drive || (b.n > 0 && memchr(b.p, '\\', b.n) != NULL && memchr(b.p, '/', b.n) == NULL);

    if (b.n > IMAGE_NAME_BYTES) {
        image_fail(p, IMAGE_LIMIT, "a name in its descriptor has more than %d bytes",
                   IMAGE_NAME_BYTES);
        return (struct image_name){ .text = NULL };
    }
    return image_name_of(p, b, windows ? IMAGE_NAME_WINDOWS : IMAGE_NAME_PATH);
}

static bool is_access(struct bytes word)
{
    return bytes_equal(word, "RW") || bytes_equal(word, "RDONLY") || bytes_equal(word, "NOACCESS");
}

static void bad_extent(struct image_parse *p, struct bytes line)
{
    const char *text = rows_text(&p->r, line);

    image_fail(p, IMAGE_MALFORMED, "a line of its descriptor is no extent: %.160s",
               text == NULL ? "" : text);
}

/* The text between the first and the last quote, for a name may have quotes in it. */
static bool take_quoted(struct bytes *rest, struct bytes *name)
{
    const uint8_t *from = rest->n == 0 ? NULL : memchr(rest->p, '"', rest->n);
    const uint8_t *to = rest->n == 0 ? NULL : memrchr(rest->p, '"', rest->n);

    *name = (struct bytes){ NULL, 0 };
    if (from == NULL)
        return true;
    if (to == from)
        return false;
    *name = (struct bytes){ from + 1, (size_t)(to - from) - 1 };
    *rest = (struct bytes){ to + 1, rest->n - (size_t)(to + 1 - rest->p) };
    return true;
}

static void next_word(struct bytes *rest, struct bytes *word)
{
    *rest = bytes_trim(*rest);
    bytes_word(rest, " \t", word);
}

static void take_extent(struct descriptor *d, struct bytes line, struct bytes access,
                        struct bytes rest)
{
    struct image_parse *p = d->p;
    struct image_extent *e = &d->extents[d->n];
    struct bytes sectors = { NULL, 0 }, type = { NULL, 0 }, name;
    struct opt size, start;

    next_word(&rest, &sectors);
    next_word(&rest, &type);
    size = bytes_number(sectors, 10);
    size = size.has ? bytes_times(size.v, SECTOR) : size;
    if (!size.has || type.n == 0 || !take_quoted(&rest, &name) ||
        size.v > (uint64_t)INT64_MAX - d->bytes) {
        bad_extent(p, line);
        return;
    }
    start = bytes_number(bytes_trim(rest), 10);
    d->n++;
    d->bytes += size.v;
    e->bytes = size.v;
    e->access = rows_text(&p->r, access);
    e->type = rows_text(&p->r, type);
    e->start_bytes = start.has ? bytes_times(start.v, SECTOR) : start;
    e->file = name_of(p, name);
    e->is_itself = d->embedded;
    if (!d->embedded && e->file.raw.n > 0)
        p->image.flags |= IMAGE_DATA_ELSEWHERE;
}

static void take_value(struct image_parse *p, struct bytes name, struct bytes value)
{
    struct parsed_image *image = &p->image;

    value = unquoted(bytes_trim(value));
    name = bytes_trim(name);
    if (bytes_equal(name, "version") && !image->version.has) {
        image->version = bytes_number(value, 10);
        if (!image->version.has || image->version.v == 0 || image->version.v > 4)
            image_fail(p, IMAGE_VERSION, "its descriptor is of a version that is not known");
    } else if (bytes_equal(name, "createType")) {
        image->subformat = rows_text(&p->r, value);
    } else if (bytes_equal(name, "CID")) {
        image->uuid = rows_text(&p->r, value);
    } else if (bytes_equal(name, "parentCID")) {
        if (!bytes_equal(value, "ffffffff"))
            image->backing_uuid = rows_text(&p->r, value);
    } else if (bytes_equal(name, "parentFileNameHint")) {
        image->backing = name_of(p, value);
        image->backing_format = "vmdk";
    } else if (name.n >= 10 && memcmp(name.p, "encryption", 10) == 0) {
        image->flags |= IMAGE_ENCRYPTED;
    }
}

static void take_line(struct descriptor *d, struct bytes line)
{
    struct bytes word, rest = line, value;

    if (line.n == 0 || line.p[0] == '#')
        return;
    if (bytes_word(&rest, " \t", &word) && is_access(word)) {
        if (d->n == IMAGE_EXTENTS)
            image_fail(d->p, IMAGE_LIMIT, "it has more than %d extents", IMAGE_EXTENTS);
        else
            take_extent(d, line, word, rest);
        return;
    }
    value = line;
    if (bytes_word(&value, "=", &word) && word.n < line.n)
        take_value(d->p, word, value);
}

/* A line is an extent at most when it has so many bytes. */
static size_t extents_most(struct bytes text)
{
    size_t lines = 1;

    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    return lines < IMAGE_EXTENTS ? lines : IMAGE_EXTENTS;
}

bool vmdk_text_parse(struct image_parse *p, struct bytes text, bool embedded)
{
    const uint8_t *nul = text.n == 0 ? NULL : memchr(text.p, 0, text.n);
    struct descriptor d = { .p = p, .embedded = embedded };
    struct bytes line;

    if (nul != NULL)
        text.n = (size_t)(nul - text.p);
    d.extents = rows_array(&p->r, extents_most(text), sizeof *d.extents);
    if (d.extents == NULL)
        return false;
    while (p->image.fault == IMAGE_SOUND && bytes_line(&text, &line))
        take_line(&d, bytes_trim(line));
    if (p->image.fault != IMAGE_SOUND)
        return false;
    p->image.extents = d.extents;
    p->image.extent_count = d.n;
    if (d.n == 0 || p->image.subformat == NULL) {
        image_fail(p, IMAGE_MALFORMED, "its descriptor names no extent, or no type");
        return false;
    }
    return embedded || image_set_size(p, (struct opt){ true, d.bytes });
}
