/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_FUZZ_WIRE_H
#define MUSTER_FUZZ_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What libFuzzer, or replay.c, calls for each input. Ends the process when muster is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Asserts, with a word about what should have been. */
#define MUST(condition, ...)              \
    do {                                  \
        if (!(condition)) {               \
            fprintf(stderr, __VA_ARGS__); \
            fputc('\n', stderr);          \
            abort();                      \
        }                                 \
    } while (0)

#endif
