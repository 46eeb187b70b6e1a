/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies on a container, by the bytes on it: the row of its file system, and what the parsers of
 * partitions and PVs ask about it. Pure. */
#ifndef MUSTER_COLLECT_PARSE_LABEL_H
#define MUSTER_COLLECT_PARSE_LABEL_H

#include <sys/types.h>

#include "collect/parse_superblock.h"
#include "model/sections.h"

/* The bytes of a container that count: the head has this many (or all of a smaller one). */
enum { LABEL_HEAD_BYTES = (1 << 20) + (64 << 10), LABEL_SECTOR_BYTES = 512 };

/* As libblkid reads a partition table; numbers as the kernel gives them. Texts are NULL when there
 * are none. */
struct label_partition {
    uint64_t number, start_bytes, size_bytes;
    const char *type;  /* GUID, or 0x83 */
    const char *uuid;  /* PARTUUID */
    const char *label; /* PARTLABEL */
};

/* All texts are clean, live in the arena, and are NULL when there are none. */
struct label {
    /* The signature that counts, as libblkid's safe probe decides: RAID and encryption come before
     * what shows through them. `type` is NULL when there is none, or when the signatures contradict
     * each other (`ambivalent`): then nobody can say what lies here. */
    const char *type, *usage, *uuid, *sub_uuid, *label, *version;
    bool ambivalent;
    struct strs signatures; /* all that were found, sorted */
    struct superblock superblock;
    const char *table_type; /* gpt, dos, ...; NULL: no partition table */
    const char *table_uuid;
    const struct label_partition *partitions; /* by number */
    size_t partition_count;
};

/* The UUID of the PV that this container is, as LVM writes it; NULL: it is none. Two containers
 * with one UUID are clones, whichever of them LVM uses. */
const char *label_pv_uuid(const struct label *l);
/* By the number that the kernel gave it; NULL: the table has none. */
const struct label_partition *label_partition(const struct label *l, uint64_t number);

/* Where a container is, as others found out. */
struct label_container {
    const char *container, *device; /* its key; name of the device */
    struct strs holders;
    struct opt paths_active, paths_total;
};

/* Fills a zeroed row. False: no file system or the like is on it (nothing, a partition table, a
 * PV), and so there is no row. Out of memory sets r->failed. */
bool parse_label_filesystem(struct rows *r, const struct label_container *c, const struct label *l,
                            struct filesystem *row);

/* What lies elsewhere. Of the first 512 bytes of a sector with a DOS partition table: where the
 * extended partition in it begins, in sectors (from the disk's begin in its first sector, else from
 * that of the first extended partition). */
struct opt label_extended_start(struct bytes sector);
/* Of the first 512 bytes of a container, if a FAT, exFAT or NTFS begins there: the byte at which
 * the volume's label is (root directory, master file table). */
struct opt label_far_start(struct bytes sector);

/* Of the first LABEL_BEGIN_BYTES: a format begins there that may have something anywhere in the
 * first MiB (UDF, HFS). */
enum { LABEL_BEGIN_BYTES = 64 << 10 };
bool label_asks_for_more(struct bytes begin);

enum { LABEL_STUCK_MAX = 1536 }; /* devices that are remembered */

/* A device that did not answer when it was last asked. */
struct label_stuck {
    dev_t devnum;
    mono_ms since;        /* of the first attempt that it has not answered */
    mono_ms asked;        /* when it had the whole limit the last time */
    pid_t pid;            /* of the abandoned child; 0: it is gone, and the device may be asked */
    uint64_t pid_started; /* as /proc/PID/stat has it, for the pid may be another's by now */
};

/* What is kept from one read to the next, also over processes of one boot. All zero: nothing. */
struct label_memory {
    struct label_stuck v[LABEL_STUCK_MAX];
    size_t n;
};

enum label_status {
    LABEL_READ,
    LABEL_FAILED,  /* it answered with an error */
    LABEL_STUCK,   /* it did not answer */
    LABEL_SKIPPED, /* not asked: too many others do not answer */
    LABEL_GONE,    /* the kernel has no such device any more */
};

struct label_answer {
    enum label_status status;
    bool remembered;     /* LABEL_READ: by an earlier worker */
    struct label label;  /* LABEL_READ */
    uint64_t size_bytes; /* LABEL_READ, not remembered: of the device */
    int error;           /* LABEL_FAILED: the errno */
    mono_ms since;       /* LABEL_STUCK */
    const char *text;    /* why, when not read: a sentence */
};

#endif
