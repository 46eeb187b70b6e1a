/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of parse_containers. Pure. */
#ifndef MUSTER_COLLECT_PARSE_CONTAINER_ROWS_H
#define MUSTER_COLLECT_PARSE_CONTAINER_ROWS_H

#include "collect/parse_container.h"

struct container_build {
    struct rows r;
    const struct block_input *in;
    const struct tree *t;
    struct dm_map *maps; /* as in->maps */
    size_t map_count;
    struct block_container *v;
    size_t n;
    const char **taken; /* devices of LUNs, their paths and partitions, sorted */
    size_t taken_count;
    const char *dir; /* of the device that is looked at; NULL: sysfs does not have it */
};

/* parse_container_name.c */
/* Makes b->taken of the containers that there are, and of all paths. */
void container_index(struct container_build *b);
bool container_has_device(const struct container_build *b, const char *device);
/* Names of the devices on b->dir. */
struct strs container_holders(struct container_build *b);
/* Sets kind, container, top and suspended. False: it is none: a path, or what has no use. */
bool container_identify(struct container_build *b, const char *device, struct block_container *c);

#endif
