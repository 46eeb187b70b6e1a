/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guards of the protocol of leases (docs/ARCHITECTURE.md section 5), by what each protects.
 * GUARD(NAME, x) is plainly x. In the simulator's variants alone, which are compiled with
 * MUSTER_GUARDS, it is 0 while the guard is taken away: what the guard would add or forbid is not
 * there, and the simulator must find that out (docs/SIMULATION.md). */
#ifndef MUSTER_BASE_GUARD_H
#define MUSTER_BASE_GUARD_H

#include <stdbool.h>

/* X(NAME, what it is) */
#define GUARD_LIST(X)                                                                           \
    X(DEADLINE_FROM_SENDING, "a deadline counts from when the request was sent")                \
    X(NODE_MARGIN, "the node stops ttl e earlier")                                              \
    X(STOP_BUDGET, "the node stops early enough for the kernel to unmount")                     \
    X(COORDINATOR_MARGIN, "the coordinator frees ttl e later")                                  \
    X(WORKER_TIMER, "a worker's own timer ends it, whatever its supervisor does")               \
    X(NEWEST_REQUEST, "no answer to an earlier request is used")                                \
    X(ASKED_ON_LIST, "a request whose grant may still be used is on the list")                  \
    X(RESIDUE_ON_LIST, "what is not proven unmounted is on the list")                           \
    X(NOTE_BEFORE_START, "a right is in the run directory before its worker starts")            \
    X(PROOF, "a right ends when it is proven unmounted")                                        \
    X(DURABLE, "a grant is durable before it is sent")                                          \
    X(FULL_TTL, "after a start of the coordinator each lease has its whole TTL")                \
    X(LIST_ORDER, "a list ends only what is older than its message")                            \
    X(RENEW_LIVE, "only a live lease is renewed")                                               \
    X(LEASE_BLOCKS, "a live lease is in the way of another")                                    \
    X(HOLD_BLOCKS, "a hold is in the way of a scan")                                            \
    X(LEASE_BLOCKS_HOLD, "a live lease is in the way of a hold")                                \
    X(RESIDUE_BLOCKS, "residue is in the way of a hold")                                        \
    X(USE_BLOCKS, "a use that a node reports is in the way of a scan")                          \
    X(TOLD_FOR_SCAN, "after a start, scans wait until what was lost is over or told")           \
    X(TOLD_FOR_HOLD, "after a start, holds wait for all nodes that see the resource")           \
    X(UNKNOWN_RIGHTS, "after a recovery, nothing is granted where a node's rights are unknown") \
    X(OWN_TTL, "a lease runs for the TTL that it was granted for")                              \
    X(LONGEST_TTL, "a start waits for the longest TTL that what was lost may have")             \
    X(RECOVERY_WAIT, "after a recovery, nothing is granted for the longest TTL")                \
    X(EPOCH, "a recovery raises the epoch")                                                     \
    X(NEW_TOKENS, "what an old database has is not taken under its old token")                  \
    X(TOKEN_ON_RESULT, "a result is taken under a live lease alone")                            \
    X(HELD_ON_LIST, "what a worker may have mounted is on the list")                            \
    X(LEFT_ON_LIST, "what an earlier probe of the boot has left is on the list")                \
    X(GRANT_IN_TIME, "a grant that comes past its deadline is not used")                        \
    X(VOIDED, "an answer is used by who has asked in this registration alone")                  \
    X(ANSWERS_NOW, "an answer counts for a question of the present registration alone")         \
    X(TOKEN_FLOOR, "no token of an earlier start is used")                                      \
    X(FOLLOWED_START, "no answer of another start than the one that is followed is used")       \
    X(TOLD_ALL, "a start is followed that has been told all that is remembered")                \
    X(DECLINE_EPOCH, "a node follows no earlier epoch")                                         \
    X(DECLINE_START, "a node follows no earlier start")                                         \
    X(DECLINE_NONCE, "a node follows one of two starts of the same number")                     \
    X(DECLINE_GENERATION, "a node follows no database that lacks what was acknowledged to it")  \
    X(DECLINE_TOKEN, "a node follows no database that lacks a lease that it was granted")       \
    X(DETECT_EPOCH, "a node that remembers a higher epoch is believed")                         \
    X(DETECT_GENERATION, "a node that remembers a higher generation is believed")               \
    X(DETECT_TOKEN, "a node that remembers a higher token is believed")                         \
    X(DETECT_START, "a node that remembers a start that is not known is believed")              \
    X(RECOVER_BLOCKS, "an old database grants nothing until its operator decides")              \
    X(RECOVER_REFUSES, "an old database lets no node in until its operator decides")            \
    X(BACKUP_MARK, "a copy that muster backup makes says that it is one")                       \
    X(STATE_LOCK, "one coordinator at a time has the state directory")                          \
    X(REPLAY, "a message that comes again is not taken again")                                  \
    X(FOUND_RIGHTS, "what a node has and the database does not gets a row")                     \
    X(FOUND_TOKEN, "and under a token that nobody knows")                                       \
    X(ASKED_UNKNOWN, "what is asked for and has no row may have been granted")                  \
    X(HOLD_NOT_LISTED, "no list ends a hold")                                                   \
    X(LIST_OF_BOOT, "a list says nothing of what an earlier boot has")                          \
    X(RENEW_TOKEN, "a lease is renewed under its own token alone")                              \
    X(FENCE_OF_BOOT, "a fence ends the rights of its boot alone")                               \
    X(SUCCESSOR_WAITS, "a new boot takes over when the one before is silent")                   \
    X(UNTOLD_BLOCKS, "who sees it and has never told its uses is in the way")                   \
    X(HOLD_BLOCKS_HOLD, "a hold is in the way of another")                                      \
    X(CHANGE_BLOCKS, "the right to change a volume group is in the way of another")             \
    X(LUNS_GRANTED, "who makes PVs has the right on all of their LUNs")                         \
    X(LUNS_BELOW, "who removes a volume group has the right on its LUNs too")                   \
    X(LUNS_FREE, "and gets it when all of them are free")                                       \
    X(CHANGE_LASTS, "the right to change a volume group ends by result, fence or word alone")   \
    X(CHANGE_OF_BOOT, "a later boot has no part in what an earlier one has begun")              \
    X(CHANGE_CONFIRMED, "a change begins when its order is confirmed to be due")                \
    X(CHANGE_LEFT, "the worker that an earlier probe has left is waited for")                   \
    X(CHANGE_GONE, "a change is over when its worker is gone")                                  \
    X(CHANGE_RESUMED, "after a start, a change goes on when all nodes have told")               \
    X(ACTIVE_BLOCKS, "an LV that a node has active is in the way of others")                    \
    X(OUTSIDE_BLOCKS, "and so is one that it has active without a right")                       \
    X(ACTIVE_BEFORE, "a refusal ends no right that the node had before")                        \
    X(LET_GO_ROWS, "what a node has told since counts for more than that it has let go")        \
    X(ACTIVE_UNKNOWN, "an activation that failed keeps its right")                              \
    X(DONE_ALREADY, "an attempt looks for what an earlier one has done")                        \
    X(CHANGE_VERSION, "a worker changes the version that it was decided for alone")             \
    X(MADE_EQUAL, "nothing is called done that not every PV has")                               \
    X(UNMAP_FIRST, "before something is taken away every node proves that it is not mapped")    \
    X(UNMAP_SILENT, "a silent node counts as having it mapped")                                 \
    X(REFRESH_ANEW, "a node answers by what LVM has read since it was asked")                   \
    X(REFRESH_START, "and tells it to the start alone that has asked")                          \
    X(REFRESH_VERSION, "a node is current when it has the version that it is asked for")        \
    X(REFRESH_TABLE, "and when every table is what the metadata say")                           \
    X(LEFT_TOLD, "what a worker could not mend is told")                                        \
    X(FAULT_TOLD, "and what is found of the devices of LVs that are no more")                   \
    X(REFRESH_NOTED, "what a worker of devices is at is in the run directory before it starts") \
    X(REFRESH_KEPT, "and stays there until one has come to its end")                            \
    X(REFRESH_LEFT, "a later probe does it before it is asked for")                             \
    X(REFRESH_AGAIN, "a worker that dies is followed by another")                               \
    X(LEFT_AGAIN, "and that is followed by another too")                                        \
    X(MENDED_AFTER, "what a worker of a change that died has left suspended goes on")           \
    X(LEFT_SUSPENDED, "and so does what one of an earlier probe has left")                      \
    X(MEND_WAITS, "devices are not refreshed while a change of the volume group runs here")     \
    X(CHANGE_WAITS, "nor is one begun while they are")                                          \
    X(BARE_STAYS, "an origin does not get on a second node the snapshots that a first keeps")   \
    X(SNAPSHOT_WHERE, "a snapshot is made where its origin is active")                          \
    X(SNAPSHOT_TWICE, "and nowhere when that is on two nodes")                                  \
    X(SNAPSHOT_JOINED, "it is done when its origin is written to through it")                   \
    X(STORE_FOUND, "an attempt goes on with the store that an earlier one has made")            \
    X(STORE_LEFT, "while there is one, nobody says that nothing has changed")                   \
    X(ORIGIN_STAYS, "an origin stays as it is while it has snapshots")

#define GUARD_ENUM(name, text) GUARD_##name,
enum guard { GUARD_LIST(GUARD_ENUM) GUARD_COUNT };

#ifdef MUSTER_GUARDS
extern bool guards_off[GUARD_COUNT];
#define GUARD(name, x) (guards_off[GUARD_##name] ? 0 : (x))
#else
#define GUARD(name, x) (x)
#endif

#endif
