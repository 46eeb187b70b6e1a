/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random batches of changes, the same for the same seed, and places to run them in. */
#ifndef MUSTER_TESTS_STORE_SCRIPT_H
#define MUSTER_TESTS_STORE_SCRIPT_H

#include "model.h"
#include "random.h"

extern const uuid128 script_db_id;

/* Batch `number` (0, 1, ...) of the script `seed`; of about `size` changes. */
struct change *script_batch(uint64_t seed, uint32_t number, uint32_t size, struct arena *a);

/* A script whose states are known: texts[i] is the database after i batches. */
struct script {
    struct arena *arena;
    uint32_t count;
    struct change **batches; /* count */
    char **texts;            /* count + 1 */
};
struct script *script_new(uint64_t seed, uint32_t count, uint32_t size);
void script_free(struct script *s);

/* A new empty folder, in memory when there is such a place, so that fsync costs nothing. */
char *temp_dir(void);        /* for free() */
void temp_remove(char *dir); /* with all in it; frees the name */
/* What a killed machine or process leaves: the database and its WAL, not its shared memory. */
char *temp_crash_copy(const char *dir);
/* A folder with a database in which nothing is yet: to make one takes longer than to copy it. */
char *script_empty_database(void); /* for temp_remove() */

#endif
