/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Superblocks of every format, and the sectors that say where else to look. The input is taken for
 * the begin of a container, and for what lies at the place of a format's superblock. */
#include "collect/parse_label.h"
#include "fuzz.h"

static void one_type(struct arena *a, const char *type, struct bytes head)
{
    struct label_container c = { .container = "x" };
    struct label l = { .type = type };
    struct rows r = { .a = a };
    struct filesystem row = { .present = 0 };
    const struct superblock *s = &l.superblock;

    if (!parse_superblock(type, head, &l.superblock))
        return;
    if (!s->block_bytes.has || s->block_bytes.v < 512 || (s->block_bytes.v & 511) != 0)
        abort();
    if (s->free_bytes.has && s->size_bytes.has && s->free_bytes.v > s->size_bytes.v)
        abort();
    if (parse_label_filesystem(&r, &c, &l, &row) && !r.failed)
        rows_are_good(a, SECTION_FILESYSTEMS, &row, 1);
}

static void all_types(struct arena *a, struct bytes head)
{
    static const char *const types[] = { "ext4", "xfs", "btrfs", "vfat", "swap", "iso9660" };

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        one_type(a, types[i], head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t places[] = { 1024, 32 << 10, 64 << 10 };
    struct arena *a = arena_new(64u << 20);
    struct bytes b = { data, size };

    all_types(a, b);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        uint8_t *head = calloc(1, places[i] + size);

        if (head == NULL)
            break;
        memcpy(head + places[i], data, size);
        all_types(a, (struct bytes){ head, places[i] + size });
        free(head);
    }
    label_far_start(b);
    if (label_extended_start(b).has && label_extended_start(b).v == 0)
        abort();
    arena_free(a);
    return 0;
}
