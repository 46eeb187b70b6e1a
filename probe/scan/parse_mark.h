/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tells, before and after a scan, which file system it is, whether it is clean, and whether
 * anybody has mounted it meanwhile: its superblock, and of XFS the head of the log. Pure. */
#ifndef MUSTER_SCAN_PARSE_MARK_H
#define MUSTER_SCAN_PARSE_MARK_H

#include "base/err.h"
#include "collect/parse_superblock.h"

enum { MARK_UUID_TEXT = 40, MARK_BYTES = 8192, MARK_FINGERPRINT = 320 };

struct fs_mark {
    char uuid[MARK_UUID_TEXT]; /* as libblkid writes it */
    uint64_t size_bytes;       /* of the file system */
    uint64_t members;          /* devices that it consists of */
    const char *dirty;         /* NULL: clean, as far as the type tells; else a sentence */
    /* The same once its journal has been replayed. */
    const char *dirty_replayed;
    bool own_journal; /* it has none elsewhere: a replay writes to the container alone */
    /* docs/PROTOCOL.md; "": it may not be compared. */
    char fingerprint[MARK_FINGERPRINT];
    /* What nobody changes who does not mount it. */
    uint8_t bytes[MARK_BYTES];
    size_t n;
};

/* Reads a part of the container, both multiples of 512. 0 or a negative errno. */
typedef int (*mark_reader)(void *ctx, uint64_t at, size_t n, uint8_t *out);

/* True for a type that can be scanned. */
bool mark_knows(const char *type);
/* 0; what the reader returned; or -EBADMSG: no superblock of this type. With a sentence. */
int parse_mark(const char *type, mark_reader read, void *ctx, struct fs_mark *out, struct err *e);
bool mark_equal(const struct fs_mark *a, const struct fs_mark *b);

/* For the parsers: reads it, and keeps it in out->bytes. NULL: *rc says why. */
const uint8_t *mark_read(struct fs_mark *out, mark_reader read, void *ctx, uint64_t at, size_t n,
                         int *rc);

/* The journal of ext3 and ext4 with that superblock (1024 bytes): where the first and the last of
 * its transactions are. 0; -ENOMEM; what the reader returned; -EBADMSG: no journal that we
 * understand. */
struct ext_journal {
    uint64_t start, sequence, head; /* 0: all in it is in the file system too */
    uint8_t last[16];               /* how the block at the head begins */
};
int parse_ext_journal(mark_reader read, void *ctx, struct bytes sb, struct ext_journal *out);

/* The log of XFS: `bytes` of it at `at`. Its head as an LSN, and whether all in it is in the file
 * system too. 0; what the reader returned; -EBADMSG: no log that we understand. */
struct xfs_log {
    uint64_t head;
    bool clean;
};
int parse_xfs_log(mark_reader read, void *ctx, uint64_t at, uint64_t bytes, struct xfs_log *out);

#endif
