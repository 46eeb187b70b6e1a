/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One agent under virtual time, with workers and a coordinator that do what a test tells them. */
#ifndef MUSTER_TESTS_AGENT_WORLD_H
#define MUSTER_TESTS_AGENT_WORLD_H

#include "agent.h"
#include "base/limits.h"

enum { WORLD_SENT = 4096, WORLD_COALESCE_MS = 10, WORLD_SCANS = 64 };

/* The worker of a scan. It is dead by itself at `deadline`. */
struct world_scan {
    uint64_t request, token;
    mono_ms deadline;
    bool told_to_end, ended;
};

struct world {
    struct agent *agent;
    struct agent_config config;
    struct identity identity;
    struct arena *arena; /* of all that was sent */
    mono_ms now;
    const struct envelope *sent[WORLD_SENT];
    size_t sent_count;
    unsigned runs[WORKER_KIND_COUNT];       /* how often it was told to start one */
    unsigned whole_runs[WORKER_KIND_COUNT]; /* of those that take nothing from memory */
    bool running[WORKER_KIND_COUNT];
    struct world_scan scans[WORLD_SCANS]; /* all that were started */
    unsigned scan_count, reach_count;
    struct order_key reach; /* the last that was started */
    unsigned rescan_count;
    const struct rescan_order *rescan; /* the last that was started */
    unsigned change_count;
    struct order_key change; /* the last that was started */
    size_t change_devices;
    unsigned mend_count;
    const struct refresh_work *mend; /* the last that was started */
    unsigned saves;
    bool saved_enrolled;
    const struct memory *saved; /* NULL: none */
    char log[16384];            /* sentences, one a line */
    uint8_t db_id[16], nonce[16];
    struct memory coordinator; /* as it introduces itself */
    uint64_t mtu;              /* of the one NIC that the workers find */
    uint64_t lun_bytes;        /* the LUN's */
    uint64_t vg_seqno;         /* of vg0, which lies on the LUN; 0: there is none */
    const char *lv_attr;       /* of its LV lv0; NULL: there is none */
    bool no_group;             /* LVM has looked, and there is none */
    bool lv_is_origin;         /* it has snapshots */
    const char *vg_fault;      /* of vg0; NULL: none */
    const char *lv_used_by;    /* where that is mounted; NULL: it is not */
    bool no_device_mapper;     /* LVM does not know what is active: nothing is */
};

/* Not started yet: a test may still change `config`. With a token. */
void world_open(struct world *w);
void world_close(struct world *w);
void world_start(struct world *w);
/* Lets time pass, with a tick at each deadline of the agent. */
void world_pass(struct world *w, int64_t ms);
void world_event(struct world *w, enum agent_event_type type, enum worker_kind kind,
                 const char *error);
/* All workers that run bring their sections, well. */
void world_collect(struct world *w);

/* The worker of the last scan that was started has ended. */
struct world_scan *world_scan(struct world *w);
void world_scan_done(struct world *w, struct world_scan *s, const struct scan_result *result,
                     const char *error, bool clean);
void world_scan_clean(struct world *w, const struct world_scan *s);
void world_reach_done(struct world *w, const struct reach_result *result, const char *error);
void world_rescan_hint(struct world *w, const char *what);
void world_rescan_done(struct world *w, const struct rescan_result *result, const char *error,
                       bool stuck);

void world_change_done(struct world *w, const struct order_key *order,
                       const struct lvm_result *result, const char *error);
/* The refresh that was started last has ended. */
void world_mended(struct world *w, const struct refresh_result *result, const char *error);

/* The last envelope that was sent with this body (enum envelope_field), NULL: none since the start
 * or since world_forget. */
const struct envelope *world_last(const struct world *w, enum envelope_field body);
unsigned world_count(const struct world *w, enum envelope_field body);
void world_forget(struct world *w); /* what was sent and logged, not the numbers of runs */

/* Answers of the coordinator, each to `question`. */
void world_enrolled(struct world *w, const struct envelope *question, enum enrol_state state,
                    uint64_t retry_ms);
void world_registered(struct world *w, const struct envelope *question, struct strs want);
void world_beat_acked(struct world *w, const struct envelope *question, uint64_t generation,
                      struct strs want);
void world_report_acked(struct world *w, const struct envelope *question);
void world_refused(struct world *w, const struct envelope *question, enum refuse_reason reason,
                   uint64_t retry_ms);

/* Any answer, or an offer with question NULL: `env` has the body. */
void world_answer(struct world *w, const struct envelope *question, struct envelope *env);

/* All of that: until it is registered and the coordinator has all sections. */
void world_settle(struct world *w);
/* Enrolled and registered, whatever its workers have brought by then. */
void world_follow(struct world *w);

#endif
