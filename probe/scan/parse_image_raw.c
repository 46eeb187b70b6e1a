/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a disk holds, by its first bytes: partition tables and file systems, by libblkid's names
 * (MBR and GPT by their own).
 *
 * Where several show, the order of the table below decides: what is checked best comes first. A
 * boot sector has its code where other formats have their superblock, so an MBR comes before those
 * that may be left from a former use of the disk. */
#include "scan/parse_image_internal.h"

enum { SECTOR = 512, SIGNATURE_AT = 510, SIGNATURE = 0xaa55 };
enum { ENTRIES_AT = 446, ENTRY = 16, ENTRY_TYPE = 4, ENTRY_START = 8, ENTRY_SECTORS = 12 };
enum { TYPE_PROTECTIVE = 0xee };
/* UEFI, 5.3.2 */
enum {
    GPT_BYTES = 12,
    GPT_SUM = 16,
    GPT_OTHER = 32, /* the sector of the other copy, which is the disk's last */
    GPT_LEAST = 92,
};

/* What is known of a disk. */
struct disk {
    struct bytes head;
    uint64_t bytes;
};

static bool find_gpt(const struct disk *d, struct raw_content *out)
{
    for (size_t sector = 512; sector <= 4096; sector *= 8) {
        size_t n = (size_t)bytes_le(d->head, sector + GPT_BYTES, 4);
        struct bytes gpt;

        if (!bytes_have(d->head, sector, "EFI PART"))
            continue;
        gpt = bytes_part(d->head, sector, n < GPT_LEAST || n > sector ? 0 : n);
        out->corrupt =
            gpt.n == 0 || image_crc32(CRC32_OF_GPT, gpt, GPT_SUM) != bytes_le(gpt, GPT_SUM, 4);
        if (!out->corrupt && bytes_le(gpt, GPT_OTHER, 8) < UINT64_MAX)
            out->size_bytes = bytes_times(bytes_le(gpt, GPT_OTHER, 8) + 1, sector);
        return true;
    }
    return false;
}

/* Every entry must be empty or possible, and one must be there. */
static bool find_mbr(const struct disk *d, struct raw_content *out)
{
    uint64_t end = 0;

    if (bytes_le(d->head, SIGNATURE_AT, 2) != SIGNATURE)
        return false;
    for (size_t at = ENTRIES_AT; at < SIGNATURE_AT; at += ENTRY) {
        uint64_t type = bytes_le(d->head, at + ENTRY_TYPE, 1);
        uint64_t start = bytes_le(d->head, at + ENTRY_START, 4);
        uint64_t sectors = bytes_le(d->head, at + ENTRY_SECTORS, 4);

        if ((bytes_le(d->head, at, 1) & 0x7f) != 0)
            return false;
        if (type == 0)
            continue;
        if (start == 0 || sectors == 0 || start >= d->bytes / SECTOR)
            return false;
        if (type == TYPE_PROTECTIVE) { /* of a GPT, whose first copy would have been found */
            out->type = "gpt";
            out->corrupt = true;
        } else if (start + sectors > end) {
            end = start + sectors;
        }
        out->size_bytes = bytes_times(end, SECTOR);
    }
    return out->size_bytes.has;
}

static bool find_luks(const struct disk *d, struct raw_content *out)
{
    (void)out;
    return bytes_have(d->head, 0, "LUKS\xba\xbe");
}

/* The label of a PV is in one of the first four sectors. */
static bool find_pv(const struct disk *d, struct raw_content *out)
{
    (void)out;
    for (size_t at = 0; at < 4 * (size_t)SECTOR; at += SECTOR) {
        if (bytes_have(d->head, at, "LABELONE") && bytes_have(d->head, at + 24, "LVM2 001"))
            return true;
    }
    return false;
}

static bool find_ntfs(const struct disk *d, struct raw_content *out)
{
    uint64_t sector = bytes_le(d->head, 11, 2), sectors = bytes_le(d->head, 40, 8);

    if (!bytes_have(d->head, 3, "NTFS    ") || sector < 256 || sector > 4096 ||
        sectors == UINT64_MAX)
        return false;
    out->size_bytes = bytes_times(sectors, sector);
    return true;
}

static bool find_exfat(const struct disk *d, struct raw_content *out)
{
    uint64_t shift = bytes_le(d->head, 108, 1);

    if (!bytes_have(d->head, 3, "EXFAT   ") || shift < 9 || shift > 12)
        return false;
    out->size_bytes = bytes_times(bytes_le(d->head, 72, 8), UINT64_C(1) << shift);
    return true;
}

static bool find_superblock(const char *type, struct bytes head, struct raw_content *out)
{
    struct superblock sb;

    if (!parse_superblock(type, head, &sb))
        return false;
    out->size_bytes = sb.size_bytes;
    return true;
}

/* A boot sector can look like any numbers, so it must say its name too. */
static bool find_fat(const struct disk *d, struct raw_content *out)
{
    bool named = bytes_have(d->head, 54, "FAT") || bytes_have(d->head, 82, "FAT");

    return named && bytes_le(d->head, SIGNATURE_AT, 2) == SIGNATURE &&
           find_superblock("vfat", d->head, out);
}

/* By the features that each of them was the first to have (as libblkid tells them apart). */
static bool find_ext(const struct disk *d, struct raw_content *out)
{
    enum { COMPAT = 1024 + 0x5c, INCOMPAT = 1024 + 0x60, RO_COMPAT = 1024 + 0x64 };
    enum { HAS_JOURNAL = 0x4, JOURNAL_DEVICE = 0x8, INCOMPAT_EXT3 = 0x16, RO_COMPAT_EXT3 = 0x7 };

    if (!find_superblock("ext4", d->head, out))
        return false;
    if ((bytes_le(d->head, INCOMPAT, 4) & JOURNAL_DEVICE) != 0)
        out->type = "jbd";
    else if ((bytes_le(d->head, INCOMPAT, 4) & ~(uint64_t)INCOMPAT_EXT3) != 0 ||
             (bytes_le(d->head, RO_COMPAT, 4) & ~(uint64_t)RO_COMPAT_EXT3) != 0)
        out->type = "ext4";
    else
        out->type = (bytes_le(d->head, COMPAT, 4) & HAS_JOURNAL) != 0 ? "ext3" : "ext2";
    return true;
}

static const struct {
    const char *type;
    bool (*find)(const struct disk *d, struct raw_content *out); /* NULL: by its superblock */
} contents[] = {
    { "iso9660", NULL }, /* which may have a boot sector with any partition table too */
    { "gpt", find_gpt },
    { "crypto_LUKS", find_luks },
    { "LVM2_member", find_pv },
    { "ntfs", find_ntfs },
    { "exfat", find_exfat },
    { "vfat", find_fat },
    { "xfs", NULL },
    { "mbr", find_mbr },
    { "btrfs", NULL },
    { "ext4", find_ext },
    { "swap", NULL },
};

static bool is_blank(struct bytes head)
{
    return head.n >= SECTOR && head.p[0] == 0 && memcmp(head.p, head.p + 1, head.n - 1) == 0;
}

struct raw_content raw_content(struct bytes head, uint64_t disk_bytes)
{
    const struct disk d = { head, disk_bytes };

    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        struct raw_content out = { .type = contents[i].type };

        if (contents[i].find == NULL ? find_superblock(contents[i].type, head, &out)
                                     : contents[i].find(&d, &out))
            return out;
    }
    return (struct raw_content){ .blank = is_blank(head) };
}
