/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's mind: when to enrol, register, send a heartbeat, collect, report. A pure step like
 * the coordinator's core, so that thousands can run in one process under virtual time. */
#ifndef MUSTER_AGENT_H
#define MUSTER_AGENT_H

#include "base/arena.h"
#include "base/err.h"
#include "wire/messages.h"

/* Kinds of worker, each with the sections that it brings. */
enum worker_kind {
    WORKER_SYSTEM,
    WORKER_NET,
    WORKER_LLDP,
    WORKER_STORAGE,
    WORKER_LVM,
    WORKER_XEN,
    WORKER_KIND_COUNT
};
const char *worker_kind_name(enum worker_kind k); /* "system", "net", ... */
int worker_kind_by_name(const char *name);        /* -1: no such kind */
/* Bit set of enum section_id: system -> system, cpu; net -> nics, bonds, vlans, bridges; lvm ->
 * pvs, vgs, lvs; storage -> the other sections of storage; xen -> xen, domains. */
uint32_t worker_kind_sections(enum worker_kind k);

/* A right whose filesystem is not proven unmounted. */
struct agent_residue {
    uint64_t request, token;
    uuid128 resource;
};

/* The last change of a volume group that an earlier probe of this boot has begun. */
struct agent_change {
    const struct lvm_change *change;
    bool runs; /* a worker of it may live, and ends in AGENT_CHANGE_DONE */
};

struct agent_config {
    uuid128 node_id, boot_id;
    const struct identity *identity; /* must outlive the agent */
    const char *secret;              /* one-time token's secret, NULL: none */
    bool enrolled;                   /* this boot's key is known to be enrolled (kept in /run) */
    const struct memory *memory;     /* remembered from an earlier probe of this boot, or NULL */
    int64_t rescan_ms, worker_timeout_ms, coalesce_ms, heartbeat_ms;
    uint32_t jitter_seed; /* spreads retries over a fleet */
    uint64_t first_seq;   /* above every seq used before in this boot */
    uint32_t scans;       /* that may run at one time, as registers say; 0: the default */
    /* What an earlier probe of this boot has left mounted, as far as is known. At most
     * LIMIT_RIGHTS / 2; copied. */
    const struct agent_residue *residues;
    size_t residue_count;
    const struct agent_change *changes; /* copied */
    size_t change_count;
    /* Refreshes that an earlier probe of this boot has left and that are done now; copied. */
    const struct refresh_work *const *refreshes;
    size_t refresh_count;
    bool mends; /* devices of LVs can be made what the metadata say: AGENT_RUN_REFRESH */
};

enum agent_event_type {
    AGENT_START,
    AGENT_TICK,
    AGENT_MESSAGE,      /* decoded envelope from the coordinator */
    AGENT_KERNEL_HINT,  /* something of this worker's kind changed */
    AGENT_WORKER_DONE,  /* result: sections, or error text */
    AGENT_WORKER_STUCK, /* killed after its time limit but not gone yet, or died badly: text */
    AGENT_WORKER_GONE,  /* a stuck worker has been reaped at last */
    AGENT_SCAN_DONE,    /* a scan's worker has ended, or cannot be ended */
    AGENT_SCAN_CLEAN,   /* what was not proven unmounted is so now */
    AGENT_REACH_DONE,   /* a reach's worker has ended, or has been given up */
    AGENT_RESCAN_HINT,  /* storage has announced something that the kernel does not look at */
    AGENT_RESCAN_DONE,  /* a rescan's worker has ended, or has been given up, or has ended then */
    AGENT_CHANGE_DONE,  /* a change's worker is gone, with all of its I/O */
    AGENT_REFRESH_DONE, /* a refresh's worker has ended */
    AGENT_STOP,         /* the probe ends in good order */
};

struct agent_event {
    enum agent_event_type type;
    mono_ms now;
    union {
        const struct envelope *message;
        struct {
            enum worker_kind kind;
            const struct section *sections; /* normalised; the agent copies what it keeps */
            size_t section_count;
            const char *error; /* NULL: good */
        } worker;
        struct {
            uint64_t request; /* as in the action */
            /* What the worker brought; token, order and rights are the agent's. NULL: nothing. */
            const struct scan_result *result;
            const char *error; /* why it brought nothing */
            bool clean;        /* proven: no worker lives and nothing is mounted */
        } scan;                /* AGENT_SCAN_DONE; AGENT_SCAN_CLEAN: request alone */
        struct {
            struct order_key order;
            const struct reach_result *result; /* NULL: nothing */
            const char *error;
        } reach; /* AGENT_REACH_DONE */
        struct {
            const char *what; /* AGENT_RESCAN_HINT: rescan_parse() */
            /* AGENT_RESCAN_DONE: the order is the agent's. */
            const struct rescan_result *result; /* NULL: nothing */
            const char *error;
            bool stuck; /* there is a worker that cannot be ended */
        } rescan;
        struct {
            struct order_key order;
            const struct lvm_result *result; /* NULL: nothing */
            const char *error;
        } change; /* AGENT_CHANGE_DONE */
        struct {
            struct order_key order;
            const struct refresh_result *result; /* NULL: nothing */
            const char *error;
        } refresh;          /* AGENT_REFRESH_DONE */
        const char *reason; /* AGENT_STOP */
    };
};

enum agent_action_type {
    AGENT_SEND,        /* encode and send the envelope */
    AGENT_RUN_WORKER,  /* start it; time limit deadline_ms from now */
    AGENT_SAVE_MEMORY, /* keep `memory` and `enrolled` for a later probe of this boot */
    AGENT_RUN_SCAN,    /* note the right where a later probe of this boot finds it, then start the
                          worker, which must be dead at `deadline`. Ends in AGENT_SCAN_DONE */
    AGENT_EXTEND_SCAN, /* the worker of `request` has until `deadline` now */
    AGENT_KILL_SCAN,   /* end the worker of `request` */
    AGENT_RUN_REACH,   /* start a worker that looks, without a mount. Ends in AGENT_REACH_DONE */
    AGENT_RUN_RESCAN,  /* start a worker that looks. Ends in AGENT_RESCAN_DONE */
    AGENT_RUN_CHANGE, /* note it where a later probe of this boot finds it, then start a worker that
                         changes a volume group. Ends in AGENT_CHANGE_DONE */
    AGENT_RUN_REFRESH, /* start a worker that makes devices of LVs what the metadata say. Ends in
                          AGENT_REFRESH_DONE */
    AGENT_LOG,         /* one sentence for the log */
};

struct agent_action {
    struct agent_action *next;
    enum agent_action_type type;
    const struct envelope *env;  /* AGENT_SEND */
    enum worker_kind kind;       /* AGENT_RUN_WORKER */
    int64_t timeout_ms;          /* AGENT_RUN_WORKER */
    bool whole;                  /* AGENT_RUN_WORKER: nothing is taken from memory */
    const struct memory *memory; /* AGENT_SAVE_MEMORY */
    bool enrolled;               /* AGENT_SAVE_MEMORY */
    uint64_t request;            /* AGENT_RUN_SCAN, _EXTEND_SCAN, _KILL_SCAN: names the right */
    mono_ms deadline;            /* AGENT_RUN_SCAN, _EXTEND_SCAN */
    const struct granted *grant; /* AGENT_RUN_SCAN */
    const struct offer *offer;   /* AGENT_RUN_REACH */
    const struct rescan_order *rescan;  /* AGENT_RUN_RESCAN */
    const struct lvm_change *change;    /* AGENT_RUN_CHANGE */
    const struct refresh_work *refresh; /* AGENT_RUN_REFRESH */
    const char *text;                   /* AGENT_LOG */
    int level;                          /* AGENT_LOG: enum log_level */
};

struct agent *agent_new(const struct agent_config *config); /* NULL: out of memory */
void agent_free(struct agent *a);

/* Actions live in `arena` and point into the agent's state: carry them out (encode!) before the
 * next step. 0 or -ENOMEM. */
int agent_step(struct agent *a, const struct agent_event *ev, struct arena *arena,
               struct agent_action **actions);

mono_ms agent_next_deadline(const struct agent *a);

/* For a status page and tests. */
bool agent_registered(const struct agent *a);
const struct section *agent_section(const struct agent *a, enum section_id id);

#endif
