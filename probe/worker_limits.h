/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker gives up before it touches anything. */
#ifndef MUSTER_WORKER_LIMITS_H
#define MUSTER_WORKER_LIMITS_H

#include "agent.h"

/* Resource limits, no new privileges, all capabilities but those that this kind needs, another user
 * for a kind that does not need root, death with the parent, and worker_filter. `parent` is the pid
 * that the worker was started by. 0, or a negative errno with a sentence; -ESRCH: the parent is
 * gone already. */
int worker_confine(enum worker_kind kind, bool needs_root, int parent, struct err *e);
/* The same for the worker of a scan, which is nobody but may mount and read everything. Before it
 * has threads. */
int worker_confine_scan(int parent, struct err *e);
/* The same for the worker of a rescan, which has opened all that it writes to. */
int worker_confine_rescan(int parent, struct err *e);
/* The same for the worker of a change, which is root and writes to the devices that are in a /dev
 * of its own by then. */
int worker_confine_change(int parent, struct err *e);
/* And, where there is device-mapper, makes devices and loads tables. */
int worker_confine_snapshot(int parent, struct err *e);
/* The same for the worker of a refresh, which writes to no device, and loads tables where there is
 * device-mapper. */
int worker_confine_refresh(int parent, struct err *e);
/* The same for the worker of an activation, which makes devices of device-mapper too. */
int worker_confine_activate(int parent, struct err *e);
/* From now on it mounts no more. */
int worker_confine_walk(struct err *e);

#endif
