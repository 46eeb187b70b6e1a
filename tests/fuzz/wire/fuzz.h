/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_FUZZ_WIRE_H
#define MUSTER_FUZZ_WIRE_H

#include <stdio.h>
#include <stdlib.h>

#include "../target.h"

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
