/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of superblocks what libblkid does not tell: state, journal, sizes, members. Pure.
 *
 * libblkid has said what a container holds before these are asked, checksums included where it
 * knows them; still no number in here is trusted: what cannot be is left out. */
#ifndef MUSTER_COLLECT_PARSE_SUPERBLOCK_H
#define MUSTER_COLLECT_PARSE_SUPERBLOCK_H

#include "collect/rows.h"

enum superblock_state { STATE_UNTOLD, STATE_CLEAN, STATE_DIRTY, STATE_ERROR };
enum superblock_journal { JOURNAL_UNTOLD, JOURNAL_NONE, JOURNAL_INTERNAL, JOURNAL_EXTERNAL };

struct superblock {
    enum superblock_state state;
    enum superblock_journal journal;
    uuid128 journal_uuid;          /* of an external one; nil: not told */
    struct opt size_bytes;         /* of the file system */
    struct opt block_bytes;        /* its unit of allocation */
    struct opt free_bytes;         /* as the superblock says */
    struct opt mmp;                /* ext4: 1 protects against a second mount, 0 does not */
    struct opt members, member_id; /* btrfs: devices, and which of them this is */
};

/* From the first bytes of a container (a short head has the less in it), for a type as libblkid
 * names it. False, and an empty *out: no superblock of this type in it, or a type that none of
 * these parsers knows. */
bool parse_superblock(const char *type, struct bytes head, struct superblock *out);

/* The parsers, one for each format. `head` is as above. */
bool parse_ext(struct bytes head, struct superblock *out); /* ext2, ext3, ext4 and their journals */
bool parse_xfs(struct bytes head, struct superblock *out);
bool parse_btrfs(struct bytes head, struct superblock *out);
bool parse_fat(struct bytes head, struct superblock *out);
bool parse_swap(struct bytes head, struct superblock *out);
bool parse_iso9660(struct bytes head, struct superblock *out);

/* Where the first table of a FAT is, by its boot sector (512 bytes), and its state by both: 8 bytes
 * of the table are enough. 0 and STATE_UNTOLD: it is no FAT. */
uint64_t fat_table_at(struct bytes boot);
enum superblock_state fat_state(struct bytes boot, struct bytes table);

/* For the parsers. A number of 1 to 8 bytes at an offset, in little- or big-endian order; 0 beyond
 * the end. */
uint64_t bytes_le(struct bytes b, size_t offset, size_t width);
uint64_t bytes_be(struct bytes b, size_t offset, size_t width);
/* The `n` bytes at an offset; nothing when not all of them are there. */
struct bytes bytes_part(struct bytes b, size_t offset, size_t n);
/* True if this text is at the offset. */
bool bytes_have(struct bytes b, size_t offset, const char *text);
/* count * size, where that is a number of bytes that a row can hold. */
struct opt bytes_times(uint64_t count, uint64_t size);

#endif
