/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_superblock.h"

/* By the names of libblkid. */
static const struct {
    const char *type;
    bool (*parse)(struct bytes head, struct superblock *out);
} formats[] = {
    { "btrfs", parse_btrfs },     { "ext2", parse_ext },    { "ext3", parse_ext },
    { "ext4", parse_ext },        { "ext4dev", parse_ext }, { "jbd", parse_ext },
    { "iso9660", parse_iso9660 }, { "swap", parse_swap },   { "swsuspend", parse_swap },
    { "vfat", parse_fat },        { "xfs", parse_xfs },
};

bool parse_superblock(const char *type, struct bytes head, struct superblock *out)
{
    *out = (struct superblock){ .state = STATE_UNTOLD };
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i].type, type) != 0)
            continue;
        if (formats[i].parse(head, out))
            return true;
        *out = (struct superblock){ .state = STATE_UNTOLD };
        return false;
    }
    return false;
}

uint64_t bytes_le(struct bytes b, size_t offset, size_t width)
{
    uint64_t v = 0;

    b = bytes_part(b, offset, width);
    for (size_t i = b.n; i-- > 0;)
        v = v << 8 | b.p[i];
    return v;
}

uint64_t bytes_be(struct bytes b, size_t offset, size_t width)
{
    uint64_t v = 0;

    b = bytes_part(b, offset, width);
    for (size_t i = 0; i < b.n; i++)
        v = v << 8 | b.p[i];
    return v;
}

struct bytes bytes_part(struct bytes b, size_t offset, size_t n)
{
    if (b.n < n || offset > b.n - n)
        return (struct bytes){ NULL, 0 };
    return (struct bytes){ b.p + offset, n };
}

bool bytes_have(struct bytes b, size_t offset, const char *text)
{
    return bytes_equal(bytes_part(b, offset, strlen(text)), text);
}

struct opt bytes_times(uint64_t count, uint64_t size)
{
    if (size == 0 || count > INT64_MAX / size)
        return (struct opt){ .has = false };
    return (struct opt){ true, count * size };
}
