/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images made by hand: a file of up to 4 MiB, the structures of each format put into it, and what
 * the parser says of it. */
#ifndef MUSTER_TESTS_SCAN_MADE_H
#define MUSTER_TESTS_SCAN_MADE_H

#include "scan/parse_image.h"

enum { MADE_MOST = 4 << 20 };

extern uint8_t made[MADE_MOST];
extern uint64_t made_bytes; /* of the file */

void made_clear(void); /* all zeros, 1 MiB */
void put_le(size_t at, size_t width, uint64_t v);
void put_be(size_t at, size_t width, uint64_t v);
void put(size_t at, const char *text);
/* As UTF-16 without a NUL; the bytes that it takes. */
size_t put_utf16(size_t at, const char *text, bool big_endian);
/* A GUID in Microsoft's layout from its text. */
void put_guid(size_t at, const char *text);

/* Whole images of 64 MiB, dynamic where there is a choice. */
void make_qcow2(unsigned version);
void make_vhd(unsigned type); /* 2 fixed (of 1 MiB), 3 dynamic, 4 differencing */
void make_vhdx(void);
void make_vmdk_sparse(const char *text); /* NULL: without descriptor */
void make_vmdk_text(const char *text);
/* After changes. */
void seal_vhd(size_t footer); /* the checksum of a footer */
void seal_vhd_header(void);   /* of the second header */
void seal_vhdx(void);         /* of both headers and region tables */

enum {
    VHD_HEADER = 512,
    VHDX_METADATA = 1 << 20,
    VHDX_ITEMS = VHDX_METADATA + (64 << 10), /* parameters, size, sector, id, parent: 4 KiB each */
};
enum {
    VHDX_PARAMETERS = VHDX_ITEMS,
    VHDX_SIZE = VHDX_ITEMS + 4096,
    VHDX_SECTOR = VHDX_ITEMS + 8192
};
enum { VHDX_PARENT = VHDX_ITEMS + 16384 };

/* What the parser says of the file now. It lives until the next call. Each ask is answered with
 * memory of just its size. */
const struct parsed_image *parsed(void);
const struct parsed_image *parsed_as(enum image_source source);
unsigned parsed_asks(void); /* of the last parse */
/* The file ends after so many bytes from the parser's second ask on: it shrinks while it is read.
 */
const struct parsed_image *parsed_shrinking(uint64_t bytes);
/* True: the last ends with a fault, a sentence, and this format. */
bool is_fault(enum image_format format, enum image_fault fault);

#endif
