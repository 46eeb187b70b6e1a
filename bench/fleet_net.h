/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thousands of simulated probes in one process and one thread: the real agent and the real wire
 * code, each on its own CURVE connection; only the hardware (fleet_gen.h), the workers of scans
 * (fleet_work.h) and the executor of changes of volume groups (fleet_vgs.h) are made up. */
#ifndef MUSTER_FLEET_NET_H
#define MUSTER_FLEET_NET_H

#include "base/err.h"
#include "fleet_gen.h"

struct fleet;

struct fleet_options {
    const char *endpoint;
    struct fleet_shape shape;
    /* The number of its first host: a fleet may be made of several processes. A group is in one of
     * them whole, since what its hosts share is made up there. */
    uint32_t first;
    uint32_t nodes;
    char **tokens; /* whole token texts: one for each node, and more for new boots */
    uint32_t token_count;
    int64_t heartbeat_ms;
    /* Every message that a host sends or receives; NULL: nobody looks. */
    void (*watch)(void *ctx, bool sent, const struct envelope *env);
    void *watcher;
};

/* NULL with a sentence. Connects nothing yet. */
struct fleet *fleet_new(const struct fleet_options *o, struct err *e);
void fleet_free(struct fleet *f);

/* Handles what there is to handle, waits at most `timeout_ms` for more. 0, or a negative errno. */
int fleet_run(struct fleet *f, int64_t timeout_ms, struct err *e);

struct fleet_counts {
    uint32_t registered; /* nodes that the coordinator has accepted now */
    uint64_t sent, received, refused;
    uint64_t scans;    /* filesystems that would have been mounted */
    uint64_t overlaps; /* of these, while another host had it: must be 0 */
};
struct fleet_counts fleet_counts(const struct fleet *f);

/* From now on no host acts on an lvm_refresh; each is given the last one that came when they may
 * again. So only the sending of them is measured. */
void fleet_hold(struct fleet *f);
int fleet_release(struct fleet *f, struct err *e); /* 0, or a negative errno */

/* fleet_run() returns when this descriptor can be read too. 0, or a negative errno. */
int fleet_watch(struct fleet *f, int fd, struct err *e);

/* What happens to one host, counted from the first of this fleet. 0, or a negative errno with a
 * sentence. Of one that is off nothing but `fleet_boot` has an effect at once; what is changed
 * meanwhile is so when it boots. */
int fleet_change(struct fleet *f, uint32_t index, struct err *e); /* another carrier count */
int fleet_link(struct fleet *f, uint32_t index, uint32_t nic, bool up, struct err *e);
int fleet_port(struct fleet *f, uint32_t index, uint32_t port, bool up, struct err *e);
int fleet_lun(struct fleet *f, uint32_t index, uint32_t lun, bool mapped, struct err *e);
int fleet_restart(struct fleet *f, uint32_t index, struct err *e); /* its probe, in the same boot */
/* Its probe gives way, in the same boot, to one that speaks this version of the protocol. One of a
 * later version says what that may bring besides: fleet_later.h. */
int fleet_roll(struct fleet *f, uint32_t index, uint32_t version, struct err *e);
void fleet_crash(struct fleet *f, uint32_t index);
/* In a new boot, with the next token that is left; of one that runs: after a crash. */
int fleet_boot(struct fleet *f, uint32_t index, struct err *e);

#endif
