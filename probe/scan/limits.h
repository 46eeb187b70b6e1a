/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every limit of the scan for images. One that is hit is reported by name. */
#ifndef MUSTER_SCAN_LIMITS_H
#define MUSTER_SCAN_LIMITS_H

#include "base/limits.h"

/* What the parsers of images ask for. */
enum {
    IMAGE_UNIT_BYTES = 4096, /* asks begin and end at multiples of it, or at the file's end */
    IMAGE_HEAD_BYTES =
        68 << 10,               /* the first ask: 64 KiB, and the superblock of btrfs behind them */
    IMAGE_ASK_BYTES = 72 << 10, /* the largest: a VHDX region table, or a text of 64 KiB anywhere */
    IMAGE_ASKS = 40,            /* of one file */
    IMAGE_LEAST_BYTES = 128,    /* a smaller file is no image; a VMDK descriptor has some 300 */
};

/* What they take in. */
enum {
    IMAGE_NAME_BYTES = 4095,     /* of another file: PATH_MAX without its NUL */
    IMAGE_TEXT_BYTES = 64 << 10, /* of a VMDK descriptor */
    IMAGE_EXTENTS = 1024,        /* of a VMDK: 2 TiB in files of 2 GiB */
    QCOW2_EXTENSIONS = 64,
    VHD_LOCATORS = 8,
    VHDX_ENTRIES = 2047, /* of a table */
};

/* What a walk takes in when nobody says otherwise. */
enum {
    WALK_DEPTH = 64,        /* folders below the top one */
    WALK_ENTRIES = 4 << 20, /* names in folders */
    WALK_FILES = 256 << 10, /* regular ones */
    WALK_PATH_BYTES = 4095, /* PATH_MAX without its NUL */
    WALK_MEMORY = 96 << 20, /* for names */
    WALK_THREADS = 16,      /* that read */
    WALK_THREADS_MOST = 64,
};
#define WALK_BYTES   (INT64_C(16) << 30) /* read of files */
#define WALK_TIME_MS (INT64_C(30) * 60 * 1000)

/* What is read of a journal of ext3 and ext4. */
enum {
    EXT_JOURNAL_EXTENTS = 512,
    EXT_JOURNAL_BLOCKS = 1 << 20,      /* 4 GiB in blocks of 4 KiB; the default is 1 GiB at most */
    EXT_JOURNAL_READ_BYTES = 32 << 10, /* at a time */
};

/* What is written to the snapshot that a journal is replayed in, in memory. */
enum {
    SNAPSHOT_CHUNK_BYTES = 4096,
    SNAPSHOT_SHARE = 8,              /* of the memory that is free, one scan takes one part */
    SNAPSHOT_MEMORY_LEAST = 4 << 20, /* with less it is not tried */
    SNAPSHOT_MEMORY_MOST = 256 << 20,
};

_Static_assert(SNAPSHOT_SHARE >= 2 * DEFAULT_SCANS_PER_NODE, "half of it is for others");
_Static_assert(SNAPSHOT_MEMORY_LEAST % SNAPSHOT_CHUNK_BYTES == 0 &&
                   SNAPSHOT_MEMORY_MOST % SNAPSHOT_CHUNK_BYTES == 0,
               "the memory is whole chunks");
_Static_assert(IMAGE_HEAD_BYTES % IMAGE_UNIT_BYTES == 0, "asks are whole units");
_Static_assert(IMAGE_ASK_BYTES >= IMAGE_HEAD_BYTES, "the head is an ask");
_Static_assert(IMAGE_ASK_BYTES >= IMAGE_TEXT_BYTES + 2 * IMAGE_UNIT_BYTES,
               "a text may begin and end within units");

#endif
