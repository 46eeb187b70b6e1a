/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_COLLECT_PARSE_CONTAINER_H
#define MUSTER_COLLECT_PARSE_CONTAINER_H

#include "model/sections.h"

struct block_container {
    const char *container, *device;
    uint64_t devnum;
    struct strs holders;
};

#endif
