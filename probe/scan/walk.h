/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A walk through the folders of a file system, in bounds. Pure: its caller opens the folders that
 * it names, feeds it their entries, and then reads the files that it takes out, in the order that
 * it gives. Many folders, and many files, may be in work at one time.
 *
 *     while (walk_folder(w, now, &folder))
 *         walk_entry(w, &folder, ...) for each name in it
 *     walk_sort(w)
 *     while ((file = walk_file(w, now)) != NULL)
 *         walk_size(w, its size), and if it says so read it, and walk_spent(w, bytes)
 *
 * Every bound that is hit is in the tally, with what was left out for it. */
#ifndef MUSTER_SCAN_WALK_H
#define MUSTER_SCAN_WALK_H

#include "base/types.h"

struct walk_limits {
    uint32_t depth;   /* folders below the top one */
    uint64_t entries; /* names in folders */
    uint64_t files;   /* regular ones */
    uint64_t bytes;   /* read of files */
    size_t memory;    /* for names */
    int64_t time_ms;
};

/* Those of limits.h. */
struct walk_limits walk_limits_default(void);

enum walk_bound {
    WALK_HIT_DEPTH,   /* counts folders that were not looked into */
    WALK_HIT_ENTRIES, /* folders of which some entries, or all, were not looked at */
    WALK_HIT_FILES,   /* files that were not read */
    WALK_HIT_BYTES,   /* files that were not read */
    WALK_HIT_TIME,    /* folders and files */
    WALK_HIT_PATH,    /* folders and files: their path is longer than one that can be opened */
    WALK_HIT_MEMORY,  /* folders and files */
    WALK_BOUND_COUNT
};

enum walk_kind { WALK_FILE, WALK_FOLDER, WALK_LINK, WALK_OTHER };

struct walk_tally {
    uint64_t folders, entries;      /* that were looked at */
    uint64_t files;                 /* regular ones, of any size */
    uint64_t candidates;            /* that are large enough to be an image */
    uint64_t links, others;         /* symbolic ones; FIFOs, sockets, devices */
    uint64_t mounts;                /* of other file systems, which hide what is below them */
    uint64_t failed;                /* folders and files that could not be opened or read */
    uint64_t bytes;                 /* read of files */
    uint64_t hit[WALK_BOUND_COUNT]; /* what was left out; 0: the bound was not hit */
};

/* Paths are raw bytes from the top, without a first '/'; the top itself is "". */
struct walk_folder {
    const char *path;
    uint32_t depth;
};

struct walk_file {
    const char *path;
    uint64_t inode;
};

struct walk;

/* NULL: out of memory. */
struct walk *walk_new(const struct walk_limits *limits, mono_ms start);
void walk_free(struct walk *w); /* NULL is legal */

/* The next folder to be looked into. False: none waits, or a bound is hit. Its path lives as long
 * as the walk. */
bool walk_folder(struct walk *w, mono_ms now, struct walk_folder *out);
/* One name in that folder ("." and ".." are nothing). True: go on with the next; false: a bound is
 * hit, and no more of this folder counts. The inode counts for files alone. */
bool walk_entry(struct walk *w, const struct walk_folder *folder, const char *name,
                enum walk_kind kind, uint64_t inode, mono_ms now);
/* An entry, a folder or a file that could not be looked at. */
void walk_failed(struct walk *w);
/* A folder, or a file, on which another file system is mounted. */
void walk_is_mount(struct walk *w);

/* After the last folder: in the order of inodes, which is near that on the disk; then by path. */
void walk_sort(struct walk *w);
/* The next file to be read; NULL: there is none, or a bound is hit. It lives as long as the walk.
 */
const struct walk_file *walk_file(struct walk *w, mono_ms now);
/* True: a file of that size may be an image. */
bool walk_size(struct walk *w, uint64_t size_bytes);
void walk_spent(struct walk *w, uint64_t bytes);

const struct walk_tally *walk_tally(const struct walk *w);
/* Nothing was left out, hidden, or failed. */
bool walk_is_complete(const struct walk_tally *t);
const char *walk_bound_name(enum walk_bound b); /* "depth" */

#endif
