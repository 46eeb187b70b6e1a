/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the supervisor share. Nothing else includes this. */
#ifndef MUSTER_SUPERVISOR_INTERNAL_H
#define MUSTER_SUPERVISOR_INTERNAL_H

#include "base/limits.h"
#include "change_pool.h"
#include "kernel_hints.h"
#include "refresh_pool.h"
#include "rescan_pool.h"
#include "run_dir.h"
#include "scan_pool.h"
#include "supervisor.h"
#include "uplink.h"
#include "wire/token.h"
#include "worker_pool.h"

struct supervisor {
    const struct probe_options *options;
    uuid128 boot_id;
    pubkey token_server; /* with `secret`: the token */
    char secret[TOKEN_SECRET_TEXT];
    bool has_token;

    struct run_dir *dir;
    struct arena *kept;       /* strings of state and identity */
    struct probe_state state; /* as it was loaded, then as it is saved */
    struct keypair key;
    pubkey server;
    bool has_key; /* that of an earlier probe of this boot */

    struct identity identity;
    char hostname[65];
    bool looked;
    mono_ms look_at; /* until there is an agent: when to look again who this machine is */
    struct err said; /* the last complaint, so that it is not repeated */

    struct kernel_hints hints;
    struct worker_pool *pool;
    struct scan_pool *scans;        /* NULL: before it is known which boot this is */
    struct change_pool *changes;    /* the same */
    struct refresh_pool *refreshes; /* the same */
    struct rescan_pool *rescans;
    bool rescan_failed; /* what was ordered could not be started: rescan_fault */
    struct err rescan_fault;
    struct uplink *uplink;
    struct agent *agent;
    int epoll, signals;
    struct arena *scratch; /* of what comes in */
    int ending;            /* the signal, 0: goes on */
};

/* supervisor.c */
__attribute__((format(printf, 2, 3))) void supervisor_log(enum log_level level, const char *fmt,
                                                          ...);
/* An error, unless it is what was said last. */
void supervisor_complain(struct supervisor *s, const char *text);
/* For these events of epoll(7). */
int supervisor_watch(struct supervisor *s, int fd, uint32_t events, struct err *e);
int supervisor_step(struct supervisor *s, const struct agent_event *ev, struct err *e);
/* What is on the order's device and its paths is read again at once, whatever is remembered. */
int supervisor_look_again(struct supervisor *s, const struct scan_order *order, mono_ms now,
                          struct err *e);

/* supervisor_scan.c: scans and reaches. */
void supervisor_scan(struct supervisor *s, const struct agent_action *x, mono_ms now);
/* Tells the agent, if there is one, what has become of them. */
int supervisor_hear_scans(struct supervisor *s, mono_ms now, struct err *e);
int supervisor_open_scans(struct supervisor *s, const char *worker_path, struct err *e);
/* supervisor_change.c: the same of changes of volume groups. */
void supervisor_change(struct supervisor *s, const struct agent_action *x, mono_ms now);
int supervisor_hear_changes(struct supervisor *s, mono_ms now, struct err *e);
int supervisor_open_changes(struct supervisor *s, const char *worker_path, struct err *e);

/* supervisor_refresh.c: the same of their devices. */
void supervisor_refresh(struct supervisor *s, const struct agent_action *x);
int supervisor_hear_refreshes(struct supervisor *s, mono_ms now, struct err *e);
int supervisor_open_refreshes(struct supervisor *s, const char *worker_path, struct err *e);

/* supervisor_rescan.c */
void supervisor_rescan(struct supervisor *s, const struct agent_action *x, mono_ms now);
int supervisor_hear_rescans(struct supervisor *s, mono_ms now, struct err *e);
int supervisor_hint_rescans(struct supervisor *s, const struct rescan_hints *h, mono_ms now,
                            struct err *e);
int supervisor_open_rescans(struct supervisor *s, const char *worker_path, struct err *e);
/* Children that are those of scans, rescans, changes or refreshes. */
bool supervisor_owns(void *supervisor, pid_t group);
void supervisor_reaped(void *supervisor, pid_t pid, int status);

/* supervisor_start.c: everything before the agent. */
/* The boot, the token, and what an earlier probe of this boot left. */
int supervisor_prepare(struct supervisor *s, struct err *e);
/* Looks who this machine is, if it is time; makes the agent as soon as that is known. */
int supervisor_look(struct supervisor *s, mono_ms now, struct err *e);
/* What a worker found when there is no agent yet. */
int supervisor_found(struct supervisor *s, const struct worker_outcome *o, mono_ms now,
                     struct err *e);

#endif
