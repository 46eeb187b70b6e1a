/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The account of grants: what nodes were told, what they said of it since, and so what a
 * coordinator that is killed again and again must still know. It shares nothing with the code that
 * it judges, and knows only messages, the answers to LEASE_LIST and times on CLOCK_BOOTTIME. */
#ifndef MUSTER_TESTS_ACCOUNT_H
#define MUSTER_TESTS_ACCOUNT_H

#include "wire/messages.h"

enum account_fault {
    FAULT_LOST,    /* a grant that a node has received is not in the history */
    FAULT_DIFFERS, /* it is there for another node or resource */
    FAULT_OVER,    /* it is over there, and its node has never said so */
    FAULT_TOKEN,   /* a token is not above those of earlier starts, or of earlier answers */
    FAULT_TWO,     /* two nodes have a resource: the first had not ended, nor had its time */
    FAULT_MODE,    /* a coordinator that only was restarted is not in mode normal */
    FAULT_COUNT
};
const char *account_fault_name(enum account_fault f); /* "lost", ... */

struct account_counts {
    uint64_t asked, granted, listed; /* requests sent; grants received; of those found in a list */
    uint64_t renewed;                /* grants named in an answer to a renewal */
    uint64_t ended;                  /* grants that their node has said to be over */
    uint64_t expired;                /* grants to another one that time alone allowed */
    uint64_t starts;                 /* of the coordinator that a node has registered with */
    uint64_t highest;                /* token */
    uint64_t faults[FAULT_COUNT];
};

struct account;

/* `ids` of the nodes, which are named by their index; copied. NULL: no memory. */
struct account *account_new(const uuid128 *ids, uint32_t nodes);
void account_free(struct account *a); /* NULL is legal */

/* A coordinator begins: the leases that it loads have their full TTL from here on. */
void account_spawned(struct account *a, mono_ms now);
void account_killed(struct account *a, mono_ms now);
/* What a node is about to send, whether it arrives or not. */
void account_sent(struct account *a, uint32_t node, const struct envelope *env, mono_ms now);
/* What a node has received. */
void account_heard(struct account *a, uint32_t node, const struct envelope *env, mono_ms now);
/* What a list was asked for. */
struct account_scope {
    const uint32_t *node;    /* NULL: all */
    const uuid128 *resource; /* NULL: all */
    uint64_t lowest; /* it was cut, and says nothing of tokens below this one; 0: it is whole */
};
/* The answer to a LEASE_LIST with history that was asked when all before was known. Returns how
 * many grants of the scope have not been looked for yet. */
size_t account_listed(struct account *a, const struct account_scope *scope,
                      const struct recs *leases);
/* All are to be found once more, as at the end. */
void account_look_again(struct account *a);
void account_mode(struct account *a, const char *mode, const char *text);

/* Has this node a grant that it has not said to be over, nor to be residue? */
bool account_has(const struct account *a, uint32_t node);
const struct account_counts *account_counts(const struct account *a);
uint64_t account_faults(const struct account *a); /* of all kinds */

#endif
