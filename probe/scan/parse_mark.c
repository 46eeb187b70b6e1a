/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/parse_mark.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"

#define NOT_REPLAYED                                                                           \
    "its journal has not been replayed (it is mounted elsewhere, or was not unmounted well), " \
    "so what is newest may be missing"
#define NOT_UNMOUNTED "it is mounted elsewhere, or was not unmounted well"
#define HAS_ERRORS    "it is marked as having errors"
#define SUPERBLOCK    512u

const uint8_t *mark_read(struct fs_mark *out, mark_reader read, void *ctx, uint64_t at, size_t n,
                         int *rc)
{
    uint8_t *p = out->bytes + out->n;

    if (n > sizeof out->bytes - out->n) {
        *rc = -EBADMSG;
        return NULL;
    }
    *rc = read(ctx, at, n, p);
    if (*rc < 0)
        return NULL;
    out->n += n;
    return p;
}

static void set_uuid(struct fs_mark *out, struct bytes b, size_t at)
{
    uuid128 id = { { 0 } };

    memcpy(id.b, b.p + at, sizeof id.b);
    uuid_text(id, out->uuid);
}

/* ---- ext2, ext3, ext4: struct ext4_super_block in fs/ext4/ext4.h of Linux -------------------- */

enum { EXT_BYTES = 1024, EXT_STATE = 58, EXT_COMPAT = 92, EXT_INCOMPAT = 96, EXT_RECOVER = 4 };

static const char *ext_dirt(struct bytes sb, bool replayed)
{
    enum { VALID = 1, ERRORS = 2 };
    uint64_t state = bytes_le(sb, EXT_STATE, 2);

    if (!replayed && (bytes_le(sb, EXT_INCOMPAT, 4) & EXT_RECOVER) != 0)
        return NOT_REPLAYED;
    if ((state & ERRORS) != 0)
        return HAS_ERRORS;
    return (state & VALID) == 0 ? NOT_UNMOUNTED : NULL;
}

/* The driver opens the device that an external journal is on, to write to it. What it would replay
 * is part of the mark; of a journal that is not understood nobody could say whether it changes. */
static int ext_journal(mark_reader read, void *ctx, struct bytes sb, struct fs_mark *out)
{
    enum { HAS_JOURNAL = 4, FAST_COMMIT = 0x400, INODE = 224, DEVICE = 228 };
    uint64_t compat = bytes_le(sb, EXT_COMPAT, 4);
    struct ext_journal j;
    int rc;

    out->own_journal = (compat & HAS_JOURNAL) == 0 ||
                       (bytes_le(sb, INODE, 4) != 0 && bytes_le(sb, DEVICE, 4) == 0);
    if ((bytes_le(sb, EXT_INCOMPAT, 4) & EXT_RECOVER) == 0 || !out->own_journal)
        return 0;
    rc = (compat & HAS_JOURNAL) == 0 || (compat & FAST_COMMIT) != 0
             ? -EBADMSG
             : parse_ext_journal(read, ctx, sb, &j);
    out->own_journal = rc == 0;
    if (rc == 0) {
        memcpy(out->bytes + out->n, &j, sizeof j);
        out->n += sizeof j;
    }
    return rc == -EBADMSG ? 0 : rc;
}

static int mark_ext(mark_reader read, void *ctx, const char *type, struct fs_mark *out)
{
    enum { AT = 1024, MAGIC = 56, IS_64BIT = 0x80, JOURNAL_DEV = 8 };
    int rc;
    struct bytes sb = { mark_read(out, read, ctx, AT, EXT_BYTES, &rc), EXT_BYTES };
    uint64_t blocks, log_size;

    if (sb.p == NULL)
        return rc;
    log_size = bytes_le(sb, 24, 4);
    if (bytes_le(sb, MAGIC, 2) != 0xef53 || log_size > 6 ||
        (bytes_le(sb, EXT_INCOMPAT, 4) & JOURNAL_DEV) != 0)
        return -EBADMSG;
    blocks = bytes_le(sb, 4, 4);
    if ((bytes_le(sb, EXT_INCOMPAT, 4) & IS_64BIT) != 0)
        blocks |= bytes_le(sb, 336, 4) << 32;
    set_uuid(out, sb, 104);
    out->size_bytes = blocks << (10 + log_size);
    rc = ext_journal(read, ctx, sb, out);
    if (rc < 0)
        return rc;
    out->dirty = ext_dirt(sb, false);
    out->dirty_replayed = ext_dirt(sb, out->own_journal);
    if (out->dirty == NULL)
        snprintf(out->fingerprint, sizeof out->fingerprint,
                 "%s uuid=%s blocks=%" PRIu64 " mtime=%" PRIu64 " wtime=%" PRIu64 " mnt=%" PRIu64
                 " kbytes=%" PRIu64 " state=%" PRIu64,
                 type, out->uuid, blocks, bytes_le(sb, 44, 4) | bytes_le(sb, 629, 1) << 32,
                 bytes_le(sb, 48, 4) | bytes_le(sb, 628, 1) << 32, bytes_le(sb, 52, 2),
                 bytes_le(sb, 376, 8), bytes_le(sb, 58, 2));
    return 0;
}

/* ---- XFS: fs/xfs/libxfs/xfs_format.h of Linux ------------------------------------------------ */

static int mark_xfs(mark_reader read, void *ctx, const char *type, struct fs_mark *out)
{
    enum { BLOCK = 4, BLOCKS = 8, UUID = 32, LOG = 48, AG = 84, LOG_BLOCKS = 96, VERSION = 100 };
    enum { AG_LOG = 124, LSN = 240 };
    int rc;
    struct bytes sb = { mark_read(out, read, ctx, 0, SUPERBLOCK, &rc), SUPERBLOCK };
    uint64_t block, log, shift;
    struct xfs_log head;

    if (sb.p == NULL)
        return rc;
    block = bytes_be(sb, BLOCK, 4);
    shift = bytes_be(sb, AG_LOG, 1);
    log = bytes_be(sb, LOG, 8);
    if (!bytes_have(sb, 0, "XFSB") || block < 512 || block > 65536 || (block & (block - 1)) != 0 ||
        shift > 31)
        return -EBADMSG;
    set_uuid(out, sb, UUID);
    out->size_bytes = bytes_be(sb, BLOCKS, 8) * block;
    if (log == 0) {
        out->dirty = out->dirty_replayed = "its log is on another device, which is not read";
        return 0;
    }
    log = (log >> shift) * bytes_be(sb, AG, 4) + (log & ((UINT64_C(1) << shift) - 1));
    rc = parse_xfs_log(read, ctx, log * block, bytes_be(sb, LOG_BLOCKS, 4) * block, &head);
    if (rc < 0)
        return rc;
    memcpy(out->bytes + out->n, &head, sizeof head.head);
    out->n += sizeof head.head;
    out->own_journal = true;
    out->dirty = head.clean ? NULL : NOT_REPLAYED;
    if (head.clean && (bytes_be(sb, VERSION, 2) & 0xf) == 5)
        snprintf(out->fingerprint, sizeof out->fingerprint,
                 "%s uuid=%s blocks=%" PRIu64 " lsn=%" PRIu64 " head=%" PRIu64, type, out->uuid,
                 bytes_be(sb, BLOCKS, 8), bytes_be(sb, LSN, 8), head.head);
    return 0;
}

/* ---- btrfs: struct btrfs_super_block in include/uapi/linux/btrfs_tree.h of Linux ------------- */

static int mark_btrfs(mark_reader read, void *ctx, const char *type, struct fs_mark *out)
{
    enum { AT = 65536, BYTES = 4096, UUID = 32, FLAGS = 56, MAGIC = 64, GENERATION = 72 };
    enum { LOG_ROOT = 96, TOTAL = 112, DEVICES = 136, FLAG_ERROR = 1 << 2 };
    int rc;
    struct bytes sb = { mark_read(out, read, ctx, AT, BYTES, &rc), BYTES };

    if (sb.p == NULL)
        return rc;
    if (!bytes_have(sb, MAGIC, "_BHRfS_M"))
        return -EBADMSG;
    set_uuid(out, sb, UUID);
    out->size_bytes = bytes_le(sb, TOTAL, 8);
    out->members = bytes_le(sb, DEVICES, 8);
    if ((bytes_le(sb, FLAGS, 8) & FLAG_ERROR) != 0)
        out->dirty = HAS_ERRORS;
    else if (bytes_le(sb, LOG_ROOT, 8) != 0)
        out->dirty = NOT_REPLAYED;
    else
        snprintf(out->fingerprint, sizeof out->fingerprint,
                 "%s uuid=%s bytes=%" PRIu64 " generation=%" PRIu64, type, out->uuid,
                 out->size_bytes, bytes_le(sb, GENERATION, 8));
    return 0;
}

/* ---- FAT: include/uapi/linux/msdos_fs.h of Linux --------------------------------------------- */

/* Its first table is read for the state that others than Linux keep there. */
static int fat_dirt(mark_reader read, void *ctx, struct bytes boot, struct fs_mark *out)
{
    uint64_t at = fat_table_at(boot);
    int rc = 0;
    struct bytes table = { at == 0 ? NULL : mark_read(out, read, ctx, at, SUPERBLOCK, &rc),
                           SUPERBLOCK };
    enum superblock_state state;

    if (table.p == NULL)
        return at == 0 ? -EBADMSG : rc;
    state = fat_state(boot, table);
    if (state == STATE_ERROR)
        out->dirty = HAS_ERRORS;
    else if (state == STATE_DIRTY)
        out->dirty = NOT_UNMOUNTED;
    return 0;
}

static int mark_fat(mark_reader read, void *ctx, const char *type, struct fs_mark *out)
{
    enum { SECTOR = 11, SECTORS = 19, FAT_SECTORS = 22, SECTORS32 = 32, FSINFO = 48, MAGIC = 510 };
    int rc;
    struct bytes sb = { mark_read(out, read, ctx, 0, SUPERBLOCK, &rc), SUPERBLOCK };
    uint64_t sector, sectors, serial, info;
    bool fat32;

    (void)type;
    if (sb.p == NULL)
        return rc;
    if (bytes_le(sb, MAGIC, 2) != 0xaa55)
        return -EBADMSG;
    rc = fat_dirt(read, ctx, sb, out);
    if (rc < 0)
        return rc;
    sector = bytes_le(sb, SECTOR, 2);
    fat32 = bytes_le(sb, FAT_SECTORS, 2) == 0;
    serial = bytes_le(sb, fat32 ? 67 : 39, 4);
    snprintf(out->uuid, sizeof out->uuid, "%04X-%04X", (unsigned)(serial >> 16),
             (unsigned)(serial & 0xffff));
    sectors = bytes_le(sb, SECTORS, 2);
    out->size_bytes = (sectors != 0 ? sectors : bytes_le(sb, SECTORS32, 4)) * sector;
    info = fat32 ? bytes_le(sb, FSINFO, 2) : 0;
    if (info != 0 && info != 0xffff && mark_read(out, read, ctx, info * sector, 512, &rc) == NULL)
        return rc;
    return 0;
}

/* ---- ISO 9660: ECMA-119 8.4 ------------------------------------------------------------------ */

/* A date of 16 digits and a zone, as libblkid makes a UUID of it. False: there is no date. */
static bool date_uuid(struct fs_mark *out, struct bytes date)
{
    static const char form[] = "####-##-##-##-##-##-##";
    size_t k = 0;

    for (size_t i = 0; i < 16; i++) {
        if (date.p[i] < '0' || date.p[i] > '9')
            return false;
    }
    if (memcmp(date.p, "0000000000000000", 16) == 0 && date.p[16] == 0)
        return false;
    for (size_t i = 0; i < sizeof form; i++)
        out->uuid[i] = form[i] == '#' ? (char)date.p[k++] : form[i];
    return true;
}

static int mark_iso(mark_reader read, void *ctx, const char *type, struct fs_mark *out)
{
    enum { AT = 32768, BYTES = 2048, BLOCKS = 80, BLOCK = 128, CREATED = 813, MODIFIED = 830 };
    int rc;
    struct bytes sb = { mark_read(out, read, ctx, AT, BYTES, &rc), BYTES };

    (void)type;
    if (sb.p == NULL)
        return rc;
    if (!bytes_have(sb, 1, "CD001") || sb.p[0] != 1)
        return -EBADMSG;
    if (!date_uuid(out, bytes_part(sb, MODIFIED, 17)))
        date_uuid(out, bytes_part(sb, CREATED, 17));
    out->size_bytes = bytes_le(sb, BLOCKS, 4) * bytes_le(sb, BLOCK, 2);
    return 0;
}

static const struct {
    const char *type;
    int (*mark)(mark_reader read, void *ctx, const char *type, struct fs_mark *out);
} types[] = {
    { "ext2", mark_ext },    { "ext3", mark_ext }, { "ext4", mark_ext },    { "xfs", mark_xfs },
    { "btrfs", mark_btrfs }, { "vfat", mark_fat }, { "iso9660", mark_iso },
};

static size_t type_of(const char *type)
{
    size_t i = 0;

    while (i < ARRAY_LEN(types) && strcmp(types[i].type, type) != 0)
        i++;
    return i;
}

bool mark_knows(const char *type)
{
    return type_of(type) < ARRAY_LEN(types);
}

int parse_mark(const char *type, mark_reader read, void *ctx, struct fs_mark *out, struct err *e)
{
    size_t i = type_of(type);
    int rc;

    *out = (struct fs_mark){ .members = 1 };
    if (i == ARRAY_LEN(types))
        return err_set(e, -EBADMSG, "a filesystem of type %s is not scanned", type);
    rc = types[i].mark(read, ctx, type, out);
    if (rc == -EBADMSG)
        return err_set(e, rc, "there is no superblock of %s in it now", type);
    if (rc < 0)
        return err_set(e, rc, "its superblock cannot be read (error %d)", -rc);
    return 0;
}

bool mark_equal(const struct fs_mark *a, const struct fs_mark *b)
{
    return a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}
