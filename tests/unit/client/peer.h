/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A coordinator made of a script, in a thread of its own: it does with each request what the next
 * step says, and writes down what it was asked. Tests with it are plain programs. */
#ifndef MUSTER_TESTS_CLIENT_PEER_H
#define MUSTER_TESTS_CLIENT_PEER_H

#include <pthread.h>

#include "client/muster.h"
#include "net/net.h"

enum step_kind {
    ANSWER = 0, /* with `code`, `text`, and the peer's figures */
    SILENCE,    /* says nothing */
    DROP,       /* closes the connection, and listens again at once */
    LEAVE,      /* closes the connection, and listens again when it is told to */
    GARBAGE,    /* answers with what is no reply */
    TO_A_NODE,  /* answers as at the port for nodes */
    TWO_PARTS,  /* answers with a message of two frames */
    OLD_FIRST,  /* answers the request before, then this one */
    HINT_FIRST, /* sends a hint, then answers */
    UNASKED,    /* answers with correlation 0, `code` and `text`: a message was dropped */
};

struct step {
    enum step_kind kind;
    uint64_t code;
    const char *text;
};

enum { PEER_STEPS = 8, PEER_SEEN = 64 };
/* Limits: where it must work; where it must not; and where it must be found out that it does not.
 */
enum { LONG_MS = 60000, SHORT_MS = 2000, FOUND_OUT_MS = 6000 };

/* One request, as it came. */
struct seen {
    uint64_t op, version, correlation, since;
    char name[64], secret[64], kind[32];
};

struct peer {
    char endpoint[128];
    const struct keypair *key; /* tcp */
    pthread_t thread;
    int control[2];
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool listening, busy;
    struct step steps[PEER_STEPS]; /* after them it answers */
    int step, step_count;
    struct seen seen[PEER_SEEN];
    int seen_count;
    uint64_t generation, event_no; /* in all answers */
    /* The thread's own. */
    void *ctx, *router;
    char client[64]; /* routing id of who asked last */
    size_t client_size;
};

/* Listens on `endpoint` (for tcp a port of 0 is replaced by one that stays its own) when it
 * returns. */
void peer_start(struct peer *p, const char *endpoint, const struct keypair *key);
void peer_stop(struct peer *p);
/* What to do with the next requests; forgets what was seen. */
void peer_script(struct peer *p, const struct step *steps, int count);
void peer_figures(struct peer *p, uint64_t generation, uint64_t event_no);
/* After LEAVE, or whenever: closes what there is, and listens anew when it returns. */
void peer_return(struct peer *p);
void peer_hint(struct peer *p); /* with its figures, to who asked last */
/* How many requests there were and were dealt with, waiting until it is at least `least`. */
int peer_seen(struct peer *p, int least);

/* ---- for all tests of the client ------------------------------------------------------------ */

/* Fails the test, with what the client says, unless `got` is `wanted`. */
#define expect(got, wanted, client) expect_at(got, wanted, client, #got, __FILE__, __LINE__)
void expect_at(int got, int wanted, const struct muster_client *c, const char *what,
               const char *file, int line);
#define expect_says(client, part) expect_says_at(client, part, __FILE__, __LINE__)
void expect_says_at(const struct muster_client *c, const char *part, const char *file, int line);

char *test_dir(void); /* new and empty; for test_dir_remove */
void test_dir_remove(char *dir);

/* From now on, for connections and answers. */
void limit(struct muster_client *c, int64_t ms);

/* A request of one operation, and what came of it. */
int ask(struct muster_client *c, enum client_op op);

#endif
