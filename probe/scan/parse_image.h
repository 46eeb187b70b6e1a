/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What disk image a file is, by its content alone. Pure: the parser says which bytes it needs, its
 * caller reads them.
 *
 *     p = parse_image_start(arena, size, IMAGE_IN_FILE);
 *     while (parse_image_needs(p, &ask))
 *         parse_image_give(p, bytes of the file at ask.offset, ask.bytes of them);
 *     image = parse_image_result(p);
 *
 * Nothing in a file is trusted. There is an end after IMAGE_ASKS asks at most, of IMAGE_ASK_BYTES
 * at most, whatever is given. */
#ifndef MUSTER_SCAN_PARSE_IMAGE_H
#define MUSTER_SCAN_PARSE_IMAGE_H

#include "collect/rows.h"

enum image_format {
    IMAGE_NONE, /* no image that we know */
    IMAGE_RAW,  /* a disk as it is: `content` says what is on it */
    IMAGE_QCOW2,
    IMAGE_VHD,
    IMAGE_VHDX,
    IMAGE_VMDK,
    IMAGE_ISO9660,
    IMAGE_FORMAT_COUNT
};

/* Why the content could not be understood, or not to its end. */
enum image_fault {
    IMAGE_SOUND,
    IMAGE_TRUNCATED,  /* the file ends within its own header */
    IMAGE_MALFORMED,  /* a header says what cannot be */
    IMAGE_CHECKSUM,   /* of a header is wrong */
    IMAGE_VERSION,    /* of the format that we do not know */
    IMAGE_FEATURE,    /* needed to read it, and not known to us */
    IMAGE_LIMIT,      /* more of something than we take in */
    IMAGE_UNREADABLE, /* the caller could not read */
    IMAGE_MEMORY,     /* there was none */
    IMAGE_FAULT_COUNT
};

/* What an image says of itself. */
enum {
    IMAGE_DIRTY = 1 << 0,   /* not closed well, or open somewhere */
    IMAGE_CORRUPT = 1 << 1, /* marked so by who found it out, or its first table is */
    IMAGE_ENCRYPTED = 1 << 2,
    IMAGE_NEEDS_LOG = 1 << 3, /* VHDX: its log must be replayed first; what we say may be old */
    IMAGE_SHORT = 1 << 4,     /* the file is smaller than what it says must be in it */
    IMAGE_BLANK = 1 << 5,     /* no image, but all zeros: maybe a disk that nobody has written to */
    IMAGE_PART = 1 << 6,      /* an extent of a disk that another file describes */
    IMAGE_DATA_ELSEWHERE = 1 << 7, /* in another file: `data_file`, or extents */
};

/* Where the name of another file comes from, which says how it is meant. */
enum image_name_kind {
    IMAGE_NAME_PATH,    /* as the host of the image writes paths */
    IMAGE_NAME_QEMU,    /* with qemu's prefixes: "file:", "nbd:", "json:" */
    IMAGE_NAME_URL,     /* "file://" and a path */
    IMAGE_NAME_WINDOWS, /* with backslashes and drives */
};

struct image_name {
    struct bytes raw; /* n 0: there is none */
    const char *text; /* the same as clean text */
    enum image_name_kind kind;
};

struct image_extent {
    struct image_name file; /* none: zeros, and no file */
    const char *type;       /* FLAT, SPARSE, ZERO, VMFS, ... */
    const char *access;     /* RW, RDONLY, NOACCESS */
    uint64_t bytes;         /* of the disk that it holds */
    struct opt start_bytes; /* where it begins in its file */
    bool is_itself;         /* the descriptor is in the extent */
};

/* All texts are clean, live in the arena, and are NULL when there are none. */
struct parsed_image {
    enum image_format format;
    enum image_fault fault;
    const char *why; /* a sentence, with a fault or IMAGE_SHORT */
    unsigned flags;
    const char *subformat;    /* fixed, dynamic, differencing; of VMDK its createType, or extent */
    struct opt version;       /* of the format */
    struct opt virtual_bytes; /* as its guest sees it */
    struct opt block_bytes;   /* unit of allocation in the file */
    struct opt sector_bytes;  /* logical, of the disk */
    struct opt snapshots;     /* within the file */
    const char *uuid;
    const char *content;       /* of a flat disk: gpt, mbr, or the type as libblkid has it */
    struct image_name backing; /* what it takes its other blocks from */
    const char *backing_format;
    const char *backing_uuid;
    struct image_name data_file;
    const struct image_extent *extents;
    size_t extent_count;
};

enum image_source {
    IMAGE_IN_FILE,
    IMAGE_ON_DEVICE, /* which may be larger than what was put on it */
};

struct image_ask {
    uint64_t offset;
    size_t bytes;
};

struct image_parse;

/* For a file of that size. It, and all results, live in the arena. NULL: out of memory. */
struct image_parse *parse_image_start(struct arena *a, uint64_t file_bytes,
                                      enum image_source source);
/* What it needs to know next; false: it is done. Offset and end are multiples of IMAGE_UNIT_BYTES,
 * but for an end at the file's end. */
bool parse_image_needs(const struct image_parse *p, struct image_ask *ask);
/* The bytes at the offset that was asked for. Fewer: the file ends there by now. They are not kept.
 */
void parse_image_give(struct image_parse *p, struct bytes b);
/* They cannot be read; `why` is what the system says. */
void parse_image_failed(struct image_parse *p, const char *why);
/* When it is done. */
const struct parsed_image *parse_image_result(const struct image_parse *p);

const char *image_format_name(enum image_format f); /* "qcow2" */
const char *image_fault_name(enum image_fault f);   /* "truncated"; NULL: IMAGE_SOUND */

#endif
