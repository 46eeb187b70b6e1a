/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a file of any size, whose structures lie far from each other, is a short input: a byte of
 * flags, the file's size (8 bytes, little-endian), then pieces: the sector at which one begins (4
 * bytes), its length (2 bytes), and its content. What no piece covers is zero; a later piece covers
 * an earlier one. */
#ifndef MUSTER_TESTS_FUZZ_SPARSE_H
#define MUSTER_TESTS_FUZZ_SPARSE_H

enum {
    SPARSE_SEALED = 1,  /* checksums are made right, so that what is behind them is reached */
    SPARSE_SHRINKS = 2, /* from the second ask on the file has half its size */
    SPARSE_DEVICE = 4,
    SPARSE_HEAD = 9,
    SPARSE_PIECE = 6,
    SPARSE_SECTOR = 512,
};

#endif
