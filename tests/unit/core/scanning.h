/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of scans share: three machines that see three filesystems, of which two are
 * admitted, and what they hear and say. */
#ifndef MUSTER_TESTS_CORE_SCANNING_H
#define MUSTER_TESTS_CORE_SCANNING_H

#include "core/core_internal.h"
#include "rights.h"

#define F1  "u1@naa.6001-part1"
#define F2  "u2@lv.L2"
#define F3  "u3@naa.6003"
#define TTL 15000

enum { MACHINES = 3, MOST = 16 };

extern struct life *l;
extern struct machine m[MACHINES];
extern struct order_key held[MACHINES][MOST]; /* offered and not used yet */
extern const char *held_fs[MACHINES][MOST];
extern size_t held_count[MACHINES];
extern const struct shelf plain;
extern const char *const one[1]; /* F1 */

void setup(void);
void teardown(void);

/* Takes in the offers of the last commit; how many. */
size_t hear(void);
/* The offer for this filesystem that the machine has; taken out. */
struct order_key offer_of(unsigned i, const char *fs);
bool has_offer(unsigned i, const char *fs);
unsigned offered_to(const char *fs);

enum reply_code scan(const char *const *names, size_t n, bool every);
const struct task *task(void); /* the newest that runs; NULL: none */
const struct job *job(uint32_t no);

/* The token; 0: denied. */
uint64_t ask(unsigned i, const char *fs, const struct order_key *order);
struct found {
    enum scan_outcome outcome;
    const char *reason, *fingerprint;
    bool again, unchanged, mounted_still, mismatch;
    size_t images;
};
extern const struct found complete;
/* Was it taken? */
bool result(unsigned i, const struct order_key *order, uint64_t token, struct found f);
bool reach(unsigned i, const struct order_key *order, bool proven);
void decline(unsigned i, const struct order_key *order, uint64_t retry_ms);
/* One filesystem is being read; by whom. */
unsigned reading(struct order_key *order, uint64_t *token);
/* Time passes, and all are heard. */
void alive(int64_t ms);

#endif
