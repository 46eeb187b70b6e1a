/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the labels say, put into the rows of file systems, partitions and LUNs. Pure. */
#ifndef MUSTER_COLLECT_PARSE_STORAGE_H
#define MUSTER_COLLECT_PARSE_STORAGE_H

#include "collect/parse_container.h"
#include "collect/parse_label.h"
#include "collect/storage_memory.h"

enum fact_kind {
    FACT_NONE,   /* it was not read: it may not be, or it went away */
    FACT_LABEL,  /* read just now */
    FACT_STUCK,  /* it does not answer */
    FACT_FAILED, /* it answers with errors */
};

/* What was found out about one container. */
struct storage_fact {
    enum fact_kind kind;
    const struct label *label; /* FACT_LABEL */
    int64_t stuck_ms;          /* FACT_STUCK: for how long by now */
    const char *text;          /* FACT_STUCK, FACT_FAILED: a sentence */
};

struct storage {
    struct rows r;
    struct block_rows *rows;
    struct block_container *containers;
    struct storage_fact *facts; /* of each container */
    size_t count;
    const struct storage_memory *memory; /* of the last collection */
};

/* Names the MD arrays after what is on their members. */
void storage_name(struct storage *s);

/* Partitions that the table on a LUN tells of and for which the kernel has no device (it was not
 * asked to, or a multipath map has the LUN): adds rows and containers that there are not, without
 * facts, and says in all where they are to be read. */
void storage_add_partitions(struct storage *s);

/* Into the rows of LUNs what did not answer, into those of partitions what the tables say. */
void storage_mark(struct storage *s);

/* One that cannot be read now has its row by what the memory has of it. False: out of memory. */
bool storage_filesystems(struct storage *s, struct filesystem **out, size_t *count);

/* What is to be known of the containers at the next collection. False: out of memory. */
bool storage_remember(struct storage *s, struct storage_memory *out);

#endif
