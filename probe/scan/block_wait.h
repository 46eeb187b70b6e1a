/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for what the kernel does with block devices. */
#ifndef MUSTER_SCAN_BLOCK_WAIT_H
#define MUSTER_SCAN_BLOCK_WAIT_H

#include <stdint.h>

/* CLOCK_BOOTTIME. */
int64_t block_now_ms(void);
/* A socket that whatever the kernel says of block devices wakes; -1: nothing does. */
int block_hear(void);
/* Until something has happened, or a moment. */
void block_wait(int hears);

#endif
