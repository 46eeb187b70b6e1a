/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the agent share. Nothing else includes this. */
#ifndef MUSTER_AGENT_INTERNAL_H
#define MUSTER_AGENT_INTERNAL_H

#include "agent.h"
#include "base/limits.h"
#include "model/rescan.h"
#include "wire/token.h"

enum agent_state {
    AGENT_IDLE,        /* before AGENT_START */
    AGENT_ENROLLING,   /* this boot's key is not admitted yet */
    AGENT_REGISTERING, /* admitted; asks to be followed by the coordinator */
    AGENT_FOLLOWING,   /* registered */
    AGENT_SILENT,      /* registered once, but the coordinator has not answered for a while */
    AGENT_DECLINING,   /* the coordinator that answers is older than the one remembered */
    AGENT_STOPPED,
    AGENT_STATE_COUNT
};

/* What the agent does in a state; the table is in agent_talk.c. */
struct agent_duty {
    bool enrols, registers, beats, reports;
};
extern const struct agent_duty agent_duties[AGENT_STATE_COUNT];

/* One section as this node knows it, and as the coordinator is known to know it. */
struct part {
    struct section content; /* all memory in `arena`; normalised once `known` */
    struct arena *arena;
    bool known; /* a worker has had its turn, well or badly */
    bool good;  /* there are rows of a collection that went well, at `collected` */
    mono_ms collected, status_since;

    digest128 told; /* what the coordinator has, if `told_any` */
    bool told_any;
    digest128 offered; /* what the last register said of it, if `offered_any` */
    bool offered_any;
    uint64_t reported_seq; /* the last report that carried it, 0: none */
    mono_ms not_before;    /* a report that was refused as wrong is not repeated before */
};

enum job_state { JOB_IDLE, JOB_RUNNING, JOB_STUCK };

/* One kind of worker. */
struct worker_job {
    enum job_state state;
    bool hinted;       /* `due` is for a hint's sake */
    bool again;        /* hinted while it ran */
    bool asked;        /* while it ran: to begin anew at once, whatever it costs */
    bool whole;        /* JOB_RUNNING: this run takes nothing from memory */
    mono_ms due;       /* JOB_IDLE: next run */
    mono_ms whole_due; /* when the next run is to be such a one, whatever it is for */
    mono_ms started;
    mono_ms rested;    /* no run for a hint's sake before */
    uint32_t failures; /* in a row */
    uint32_t credit;   /* runs that hints may still ask for */
    mono_ms credit_at;
};

/* The reports that are on their way: messages first..last, those of `open` not answered yet. */
struct burst {
    uint64_t first, last;
    uint32_t open; /* 0: none is on its way */
    mono_ms sent;
};

/* A scan or a reach that was offered (docs/ARCHITECTURE.md section 5). */
enum slot_state {
    SLOT_FREE,
    SLOT_WANTED,  /* a scan: its lease is to be asked for */
    SLOT_ASKED,   /* a grant that comes may be used */
    SLOT_GRANTED, /* the worker is to be started */
    SLOT_RUNNING,
    SLOT_ENDING, /* the worker must end, and is told so */
    SLOT_DONE,   /* the result is to be told until it is answered */
};

struct scan_slot {
    enum slot_state state;
    struct order_key order;
    uuid128 resource;
    uint64_t request; /* seq of the lease_request; 0: none yet */
    mono_ms asked;    /* when that was sent */
    uint64_t token;
    int64_t ttl_ms;
    mono_ms deadline;    /* the right is not used from then on */
    uint64_t held_from;  /* messages from this seq on name it as held */
    const char *why;     /* SLOT_ENDING */
    bool clean;          /* SLOT_DONE: proven unmounted */
    struct arena *arena; /* of all below */
    const struct granted *grant;
    const struct offer *offer;
    struct scan_result scan;
    struct reach_result reach;
    uint64_t told, last_told; /* the first and the last message that brought the result; 0: none */
    mono_ms tell_at;
};

/* A lease_renew, by the time at which it was sent. */
struct renewal {
    uint64_t seq;
    mono_ms sent;
};

enum {
    RENEWALS = 8,
    AGENT_ASK_MS = 10000, /* a grant that comes later is not used, however long its TTL is */
};

struct leases {
    struct scan_slot *slots; /* first those of scans, then as many for reaches */
    uint32_t scans;
    struct agent_residue *residues;
    size_t residue_count; /* there is room for one more of each slot */
    struct renewal renewals[RENEWALS];
    uint32_t renewal_count; /* ever */
    mono_ms renew_at;
    uint64_t token_floor; /* of an earlier start of the coordinator */
};

/* What the storage has announced (rescan_parse). */
enum wish_state {
    WISH_DUE,
    WISH_TOLD,  /* and not answered yet */
    WISH_NOTED, /* kept so that the same is not wanted again too soon */
};
struct rescan_wish {
    enum wish_state state;
    bool again; /* WISH_TOLD: announced once more since */
    char *what; /* owned */
    uint64_t told;
    mono_ms at; /* not told before */
    int64_t pause_ms;
};

enum { RESCAN_WISHES = 48 }; /* of one message; more are one of all */

struct agent_rescans {
    struct rescan_wish *wants;
    size_t count;
    enum { RESCAN_IDLE, RESCAN_NEW, RESCAN_RUNS, RESCAN_TELLS } state;
    bool stuck;          /* a worker was given up and has not ended */
    struct arena *arena; /* of all below */
    const struct rescan_order *order;
    struct order_key key; /* the newest that asks for it */
    struct rescan_result result;
    uint64_t told, last_told; /* as in scan_slot */
    mono_ms tell_at;
};

enum change_slot_state {
    CHANGE_FREE,
    CHANGE_ASKED,  /* whether the order still counts: it may have come late, or twice */
    CHANGE_WANTED, /* the worker is to be started */
    CHANGE_RUNS,
    CHANGE_OVER, /* the result is to be told until it is answered */
};

/* A change of a volume group that this node was ordered (docs/ARCHITECTURE.md section 8). */
struct change_slot {
    enum change_slot_state state;
    struct arena *arena; /* of all below */
    const struct lvm_change *change;
    bool say_started;         /* the order is to be answered */
    uint64_t asked;           /* CHANGE_ASKED: the last message that asked; 0: none yet */
    struct lvm_result result; /* CHANGE_OVER */
    uint64_t told, last_told; /* the first and the last message that brought it; 0: none */
    mono_ms tell_at;
};

/* The last change of one volume group in this boot: no older token counts any more. */
struct change_past {
    struct arena *arena;
    const struct lvm_change *change;
};

enum { CHANGE_SLOTS = 16, REFRESHES = 64 };

_Static_assert(CHANGE_SLOTS >= 2 * LIMIT_CHANGES_PER_NODE, "results wait beside what runs");

/* An lvm_refresh: first the devices are made what the metadata say, then it is answered when LVM
 * has looked, beginning no earlier than that. */
struct refresh {
    struct arena *arena; /* NULL: none */
    const struct lvm_refresh *ask;
    enum { REFRESH_WANTED, REFRESH_RUNS, REFRESH_LOOKS } state;
    bool asked; /* else it is for the node's own sake: a worker was killed at its devices */
    uint32_t tries;
    const char *left;  /* what of the devices is not so; NULL: nothing */
    mono_ms since;     /* REFRESH_RUNS, REFRESH_LOOKS */
    uint8_t start[16]; /* of the coordinator, that asked last */
};

struct changes {
    struct change_slot slots[CHANGE_SLOTS];
    struct change_past *past;
    size_t past_count;
    struct refresh refreshes[REFRESHES];
    size_t refresh_count; /* of those that are */
};

struct agent {
    struct agent_config config;
    char secret[TOKEN_SECRET_TEXT];
    enum agent_state state;
    bool enrolled;
    bool without_secret;          /* the token was rejected: ask for an operator's approval */
    uint64_t next_seq, state_seq; /* state_seq: next_seq at the last change of state */
    uint64_t random;
    uint32_t attempts; /* questions since the last good answer */
    mono_ms started, retry_at, beat_at, report_at, heard;
    int64_t heartbeat_ms;

    bool remembers, dirty; /* dirty: memory or `enrolled` is to be saved */
    struct memory memory;
    uint8_t db_id[16], nonce[16];

    struct part parts[SECTION_COUNT];
    struct worker_job jobs[WORKER_KIND_COUNT];
    struct burst burst;
    struct leases leases;
    struct agent_rescans rescans;
    struct changes changes;
    char said[320]; /* the last complaint, so that it is not repeated */
};

/* One step: where its actions go. `failed`: out of memory somewhere; what could be made counts. */
struct turn {
    struct arena *arena;
    struct agent_action **tail;
    mono_ms now;
    bool failed;
};

/* agent.c */
struct agent_action *turn_action(struct turn *t, enum agent_action_type type);
__attribute__((format(printf, 3, 4))) void turn_log(struct turn *t, int level, const char *fmt,
                                                    ...);
/* As turn_log, but only if it is not what was said last. */
__attribute__((format(printf, 4, 5))) void agent_complain(struct agent *a, struct turn *t,
                                                          int level, const char *fmt, ...);
/* Between a half and the whole of `ms`. */
int64_t agent_jitter(struct agent *a, int64_t ms);
/* The time to wait before the next question, longer each time. */
int64_t agent_backoff(struct agent *a);
/* The question that belongs to the state is asked `delay_ms` from now. */
void agent_enter(struct agent *a, enum agent_state state, mono_ms now, int64_t delay_ms);

/* agent_part.c */
/* Takes over what a worker brought; `error` as in agent_event. */
void agent_worker_done(struct agent *a, struct turn *t, const struct agent_event *ev);
/* All sections of the kind become `status`; rows of the last good collection are kept. */
void agent_mark(struct agent *a, struct turn *t, enum worker_kind kind, enum section_status status,
                const char *text);
int64_t part_age_ms(const struct agent *a, const struct part *p, mono_ms now);

/* agent_plan.c */
void agent_plan_start(struct agent *a, mono_ms now);
void agent_plan_hint(struct agent *a, enum worker_kind kind, mono_ms now);
/* The same, in two seconds: unless there is a hint before that. */
void agent_plan_hint_later(struct agent *a, enum worker_kind kind, mono_ms now);
/* Runs anew as soon as can be, with nothing from memory: what is asked for is paid by who asks. */
void agent_plan_ask(struct agent *a, enum worker_kind kind, mono_ms now);
void agent_plan_done(struct agent *a, enum worker_kind kind, bool good, mono_ms now);
void agent_plan_run(struct agent *a, struct turn *t); /* starts what is due */
mono_ms agent_plan_deadline(const struct agent *a);

/* agent_hear.c */
void agent_hear(struct agent *a, struct turn *t, const struct envelope *env);

/* Does it answer a question of now, as the start of the coordinator that is followed? What another
 * start acknowledges would be remembered as that one's. It may have taken up a register that was
 * late, and then it answers all, but it has not been accepted. */
bool agent_hears(struct agent *a, struct turn *t, const struct envelope *env);

/* agent_accept.c */
/* NULL: this start of a coordinator may be followed. Else why not. */
const char *agent_decline(const struct agent *a, const struct memory *coordinator);
/* Is this the nonce of the start that is followed? */
bool agent_is_followed(const struct agent *a, struct bytes start);
bool agent_same_start(const struct agent *a, const struct memory *coordinator);
void agent_remember(struct agent *a, const struct memory *coordinator);
void agent_saw_generation(struct agent *a, uint64_t generation);

/* The question of a state is repeated after this time at most, where nothing better is known. */
enum { DECLINING_RETRY_MS = 5000, SLOW_RETRY_MS = 30000 };

/* agent_talk.c */
void agent_talk(struct agent *a, struct turn *t); /* sends what is due */
void agent_goodbye(struct agent *a, struct turn *t, const char *reason);
mono_ms agent_talk_deadline(const struct agent *a);

/* agent_lease.c: offers and what becomes of them. */
int agent_lease_init(struct agent *a); /* -ENOMEM */
void agent_lease_deinit(struct agent *a);
/* What needs no event but time; before anything else in a step. */
void agent_lease_time(struct agent *a, struct turn *t);
void agent_lease_hear(struct agent *a, struct turn *t, const struct envelope *env);
void agent_lease_refused(struct agent *a, struct turn *t, const struct envelope *env);
/* No answer to what was asked for so far is used any more. */
void agent_lease_void(struct agent *a);
void agent_lease_run(struct agent *a, struct turn *t); /* starts what is granted */
void agent_lease_stop(struct agent *a, struct turn *t);
bool slot_is_scan(const struct agent *a, const struct scan_slot *s);
/* What it had and is not proven unmounted stays among the residues. */
void slot_free(struct agent *a, struct scan_slot *s);

/* agent_scan.c: what the workers of scans bring. */
void agent_scan_done(struct agent *a, struct turn *t, const struct agent_event *ev);
void agent_scan_clean(struct agent *a, const struct agent_event *ev);
void agent_reach_done(struct agent *a, struct turn *t, const struct agent_event *ev);

/* That there is such a token is remembered in this boot. */
void agent_saw_token(struct agent *a, uint64_t token);

/* agent_change.c: changes of volume groups. */
int agent_change_init(struct agent *a); /* -ENOMEM */
void agent_change_deinit(struct agent *a);
void agent_change_hear(struct agent *a, struct turn *t, const struct envelope *env); /* lvm_order */
void agent_change_ack(struct agent *a, struct turn *t, const struct envelope *env);
void agent_change_refused(struct agent *a, struct turn *t, const struct envelope *env);
void agent_change_done(struct agent *a, struct turn *t, const struct agent_event *ev);
void agent_change_run(struct agent *a, struct turn *t);  /* starts what is wanted */
void agent_change_talk(struct agent *a, struct turn *t); /* tells results */
mono_ms agent_change_deadline(const struct agent *a);
/* Whether it is about devices of an LV, and no change of metadata. */
bool agent_change_is_active(const struct lvm_order *o);
/* Whether a worker of a change of this volume group (UUID) runs, which may change its devices. */
bool agent_change_makes(const struct agent *a, const char *group);

/* agent_mend.c: the devices of an lvm_refresh. */
int agent_mend_init(struct agent *a); /* -ENOMEM */
/* A worker of this change may have died: what it has left suspended goes on. 0 or -ENOMEM. */
int agent_mend_after(struct agent *a, const struct lvm_change *change);
void agent_mend_run(struct agent *a, struct turn *t); /* starts what is wanted */
void agent_mend_done(struct agent *a, struct turn *t, const struct agent_event *ev);
bool agent_mend_waits(const struct agent *a);
/* Until when a worker of this kind is not started for a hint's sake: those that look at disks leave
 * these, and the processor, to who makes devices new and then to LVM's look, since what they would
 * find is of the past soon. */
mono_ms agent_mend_until(const struct agent *a, enum worker_kind kind);
bool agent_mend_runs(const struct agent *a, const char *group); /* of this volume group (UUID) */

/* agent_refresh.c */
/* From now on LVM's look counts. */
void agent_refresh_look(struct agent *a, struct turn *t, struct refresh *r);
struct refresh *agent_refresh_of(struct agent *a, const struct order_key *key);
/* A place for it, in which nobody has asked yet; NULL: there is none, or no memory. */
struct refresh *agent_refresh_new(struct agent *a, const struct lvm_refresh *ask);
void agent_refresh_clear(struct agent *a, struct refresh *r);
void agent_refresh_deinit(struct agent *a);
void agent_refresh_hear(struct agent *a, struct turn *t, const struct envelope *env);
/* LVM has looked: the run that began then. */
void agent_refresh_looked(struct agent *a, struct turn *t, mono_ms began);

/* agent_rights.c: what is said of rights. */
/* A result is told again after so many heartbeats. */
enum { TELL_BEATS = 2 };
/* The whole list, for any message or (`own` not NULL) for what is sent for this slot: its request,
 * or its result. False: no memory, and a message that would carry it must not be sent, for what it
 * leaves out is over. */
bool agent_rights(struct agent *a, struct turn *t, const struct scan_slot *own, struct recs *out);
void agent_rights_talk(struct agent *a, struct turn *t);
mono_ms agent_rights_deadline(const struct agent *a);

/* agent_report.c */
void agent_report(struct agent *a,
                  struct turn *t); /* what the coordinator lacks, if it may be sent */
mono_ms agent_report_deadline(const struct agent *a);
struct envelope *agent_envelope(struct agent *a,
                                struct turn *t); /* sent with this step; NULL: no memory */
/* An upper bound of the bytes that a record takes in a message. */
size_t agent_record_bound(const struct record_desc *d, const void *rec);

/* agent_rescan.c */
void agent_rescan_deinit(struct agent *a);
void agent_rescan_hint(struct agent *a, struct turn *t, const struct agent_event *ev);
void agent_rescan_done(struct agent *a, struct turn *t, const struct agent_event *ev);
/* True: the message was for it. */
bool agent_rescan_hear(struct agent *a, struct turn *t, const struct envelope *env);
void agent_rescan_refused(struct agent *a, const struct envelope *env);
void agent_rescan_run(struct agent *a, struct turn *t);  /* starts what is ordered */
void agent_rescan_talk(struct agent *a, struct turn *t); /* while it follows */
mono_ms agent_rescan_deadline(const struct agent *a);

#endif
