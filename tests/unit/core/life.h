/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A core under virtual time on a model of its database: every step is checked (coord_check), every
 * batch is committed to the model, and after each commit a second core that is loaded from the
 * model must hold the same as the first. */
#ifndef MUSTER_TESTS_CORE_LIFE_H
#define MUSTER_TESTS_CORE_LIFE_H

#include "core/core.h"
#include "core/explain.h"
#include "durable.h"

enum { LIFE_OFFERS = 64, LIFE_GONE = 64 };

struct life_gone {
    uint32_t node_no;
    struct path_lost lost; /* its texts are the database's */
};

struct life {
    struct coord *c;
    struct core_config config;
    struct durable *d;
    mono_ms now;
    int64_t deaf_ms; /* of the time so far nobody listened */
    wall_ms wall;
    uint64_t random; /* seed of what the shell would draw */
    uuid128 nonce;
    struct arena *arena; /* of the batch: events, changes, messages */
    struct coord_update update;
    bool batch;     /* steps are collected; life_commit ends them */
    bool read_only; /* nothing is committed */
    bool doubtful;  /* do not hold a loaded core against this one (costs time) */
    bool light;     /* no database, and check one step of 100 (the same) */
    uint64_t steps;
    size_t changes;                   /* of the last commit */
    size_t lost, renamed;             /* events edge.lost, node.renamed so far */
    struct life_gone gone[LIFE_GONE]; /* paths that were lost so far */
    size_t gone_count;
    void (*arm)(bool on); /* called around all that the core does: allocations may fail then */
    bool failed;          /* the last step was out of memory: nothing of it has happened */
    struct arena *kept;
    const struct envelope *answer;              /* the last one, or NULL: there was none */
    const struct envelope *offers[LIFE_OFFERS]; /* that nobody asked for, of the last commit */
    size_t offer_count;
    const struct reply *reply;
};

struct life *life_new(void);
struct life *life_new_on(struct durable *d, uint8_t nonce); /* a start on a database; takes it */
void life_free(struct life *l);

void life_step(struct life *l, struct coord_event *ev); /* and commits, outside of a batch */
void life_pass(struct life *l, int64_t ms);             /* time, with a tick at its end */
void life_run(struct life *l, int64_t ms);              /* the same, with each tick that is due */
void life_begin(struct life *l);
void life_commit(struct life *l);

void life_restart(struct life *l); /* the process ends and starts again */
void life_fail(struct life *l);    /* the batch so far cannot be stored: reload, read-only */
void life_writable(struct life *l, bool on); /* the store says so */

uint32_t life_rand(struct life *l, uint32_t below);
void life_draw(struct life *l, void *out, size_t n);

/* Asks as the local operator. */
enum reply_code life_ask(struct life *l, struct request *req);
enum reply_code life_order(struct life *l, enum client_op op, const char *node); /* with its name */
enum reply_code life_define(struct life *l, const char *name, uint64_t vlan, const char *match);
/* A token's secret of 32 digits into `out`; `node` may be NULL. */
void life_token(struct life *l, const char *node, char out[33]);

/* What the core shows of the port or network with this label. NULL: no such edge. */
struct edge;
const struct edge *life_edge(const struct life *l, const char *node, const char *label);
uint8_t life_shown(const struct life *l, const char *node, const char *label); /* 0: no edge */

/* Everything durable as text, from the core's own state. The caller frees it. */
char *life_text(const struct coord *c);

#endif
