/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files parse_use*.c. */
#ifndef MUSTER_COLLECT_PARSE_USE_ROWS_H
#define MUSTER_COLLECT_PARSE_USE_ROWS_H

#include "collect/parse_use.h"

/* A mount point of another namespace that has a row. */
struct use_point {
    struct bytes point;
    bool read_only;
    const struct use_point *next;
};

/* A device of a container. */
struct use_slot {
    uint64_t devnum;
    const struct block_container *c;
    bool mounted, mounted_rw; /* in the own mount namespace */
    uint32_t mounts;          /* rows of the own namespace */
    uint32_t mounts_elsewhere;
    const struct use_point *elsewhere;
};

struct use_builder {
    struct rows r;
    const struct use_input *in;
    struct use_slot *slots; /* by number, each once */
    size_t slot_count;
    struct use_slot **found;  /* of use_slots_of(): room for all members and one more */
    struct use_mount *mounts; /* of the own namespace, as it has them; points are unescaped */
    size_t mount_count;
    struct use *v;
    size_t n, cap;
    bool cut;
};

/* One thing that uses the device. */
struct use_fact {
    const char *kind;
    const char *where;   /* end of the key */
    const char *used_by; /* NULL: the same as `where` */
    const char *type, *options, *file;
    struct opt read_only;
};

/* NULL: no container has this device. */
struct use_slot *use_slot_of(const struct use_builder *b, uint64_t devnum);
/* The devices of the file system that is mounted, into b->found. How many. */
size_t use_slots_of(struct use_builder *b, const struct use_mount *m);
/* Adds a row; nothing if the slot is NULL. */
void use_add(struct use_builder *b, const struct use_slot *s, const struct use_fact *f);

/* b->mounts: before use_mount_of(). */
void use_read_mounts(struct use_builder *b);
/* The rows of mounts. */
void use_add_mounts(struct use_builder *b);
/* The mount of the own namespace that a path leads into; of several the topmost. `inside`: the path
 * as it is in the file system. False: none. */
bool use_mount_of(struct use_builder *b, struct bytes path, struct use_mount *out,
                  struct bytes *inside);

#endif
