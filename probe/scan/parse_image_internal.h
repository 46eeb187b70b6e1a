/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parsers of the formats share. Each is a chain of stages: a stage looks at bytes that it
 * wants, and is called again from its begin when they had to be asked for first. */
#ifndef MUSTER_SCAN_PARSE_IMAGE_INTERNAL_H
#define MUSTER_SCAN_PARSE_IMAGE_INTERNAL_H

#include "collect/parse_superblock.h"
#include "scan/limits.h"
#include "scan/parse_image.h"

typedef void (*image_stage)(struct image_parse *p);

struct qcow2_state {
    uint64_t cluster, header, at, end; /* `at`: of the next header extension, up to `end` */
    uint64_t backing_at, backing_bytes;
    unsigned extensions;
};

struct vhd_state {
    uint64_t header_at; /* of a dynamic disk's second header */
    uint64_t disk_bytes;
    unsigned next; /* preference of the locator to be tried */
    struct {
        uint32_t code, bytes;
        uint64_t at;
    } locators[VHD_LOCATORS];
};

struct vhdx_state {
    unsigned copy;     /* of the header, then of the region table, that is looked at */
    uint64_t sequence; /* of the newest good header */
    bool has_header, has_log, bad_checksum;
    uint64_t metadata_at, metadata_bytes;
    uint64_t bat_at, bat_bytes;
    unsigned item;
    struct {
        uint64_t at, bytes;
    } items[8]; /* of the metadata; bytes 0: there is none */
    bool has_parent;
};

struct vmdk_state {
    uint64_t text_at, text_bytes;
    bool at_end; /* what counts is the footer */
};

struct image_parse {
    struct rows r;
    enum image_source source;
    uint64_t file_bytes;
    bool has_shrunk; /* since it was said how large it is */
    struct parsed_image image;
    image_stage stage; /* NULL: done */
    bool asking;
    unsigned asks;
    struct image_ask ask;
    struct bytes window; /* what was given last, at ask.offset */
    union {
        struct qcow2_state qcow2;
        struct vhd_state vhd;
        struct vhdx_state vhdx;
        struct vmdk_state vmdk;
    } u;
};

/* The bytes at an offset. False: the stage returns, since they are asked for, or since the file has
 * no such bytes, which ends the parse as truncated. */
bool image_want(struct image_parse *p, uint64_t offset, size_t n, struct bytes *out);
/* The parse is over. */
void image_done(struct image_parse *p);
__attribute__((format(printf, 3, 4))) void image_fail(struct image_parse *p, enum image_fault fault,
                                                      const char *fmt, ...);
/* The file is smaller than `end`, where `what` (as in "the block table") ends: says so. */
void image_check_end(struct image_parse *p, const char *what, uint64_t start, uint64_t bytes);
/* The size of the disk, with a fault when a row cannot hold it. */
bool image_set_size(struct image_parse *p, struct opt bytes);
struct image_name image_name_of(struct image_parse *p, struct bytes raw, enum image_name_kind kind);
const char *image_uuid_text(struct image_parse *p, uuid128 id); /* NULL: nil */

/* How formats begin. Each is called when the head, in the window, says that it is one. */
void qcow2_start(struct image_parse *p);
void vhd_start(struct image_parse *p);
void vhd_fixed_start(struct image_parse *p, struct bytes footer);
void vhdx_start(struct image_parse *p);
void vmdk_sparse_start(struct image_parse *p);
void vmdk_cowd_start(struct image_parse *p);
void vmdk_text_start(struct image_parse *p);

/* The text of a VMDK descriptor: fills the image. False: it has failed. */
bool vmdk_text_parse(struct image_parse *p, struct bytes text, bool embedded);

/* What a flat disk holds. */
struct raw_content {
    const char *type;      /* NULL: nothing that we know */
    struct opt size_bytes; /* what it needs of the disk */
    bool corrupt;
    bool blank; /* all zeros */
};
struct raw_content raw_content(struct bytes head, uint64_t disk_bytes);

/* CRC32 with a polynomial in reversed bit order, as if the 4 bytes at `hole` were zero. */
#define CRC32_OF_GPT  UINT32_C(0xedb88320)
#define CRC32_OF_VHDX UINT32_C(0x82f63b78) /* Castagnoli */
uint32_t image_crc32(uint32_t polynomial, struct bytes b, size_t hole);
/* UTF-16 up to its first NUL, as UTF-8; a lone surrogate becomes U+FFFD. Nothing: out of memory, or
 * it is empty. */
struct bytes image_utf8(struct rows *r, struct bytes utf16, bool big_endian);
/* A GUID as Microsoft lays it out. */
uuid128 image_guid(struct bytes b, size_t offset);

#endif
