/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_TESTS_FUZZ_TARGET_H
#define MUSTER_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* What libFuzzer, or replay.c, calls for each input. Ends the process when muster is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
