/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the probe keeps for this boot: its key and what it remembers of the coordinator, so that it
 * may be restarted. Best in RAM; whatever an earlier boot has left there does not count. */
#ifndef MUSTER_RUN_DIR_H
#define MUSTER_RUN_DIR_H

#include "net/net.h"
#include "probe_state.h"
#include "wire/messages.h"

struct run_dir;

/* Makes the directory if its parent is there, and keeps other instances out while it is open. NULL
 * with a sentence and *rc a negative errno (-EBUSY: another instance runs). */
struct run_dir *run_dir_open(const char *path, int *rc, struct err *e);
void run_dir_close(struct run_dir *d);

/* The state that was saved in this boot, in `a`; an empty one if there is none.
 * 0, or a negative errno with a sentence. */
int run_dir_load(const struct run_dir *d, uuid128 boot_id, struct arena *a, struct probe_state *out,
                 struct err *e);
/* The whole of it or nothing. 0, or a negative errno with a sentence. */
int run_dir_save(const struct run_dir *d, const struct probe_state *state, struct err *e);

/* The order of a scan whose worker lives, or may have left something mounted. As run_dir_save. */
int run_dir_save_scan(const struct run_dir *d, uuid128 boot_id, const struct scan_order *order,
                      struct err *e);
void run_dir_remove_scan(const struct run_dir *d, uuid128 boot_id, uint64_t request);
/* Calls `each` for all that were saved in this boot; others are removed. 0, what `each` returned,
 * or a negative errno with a sentence. */
int run_dir_each_scan(const struct run_dir *d, uuid128 boot_id,
                      int (*each)(void *ctx, const struct scan_order *order), void *ctx,
                      struct err *e);

/* The last change of each volume group that a worker was started for, also when it is over: one of
 * an older token is of the past. As the functions of scans. */
int run_dir_save_change(const struct run_dir *d, uuid128 boot_id, const struct lvm_change *change,
                        struct err *e);
int run_dir_each_change(const struct run_dir *d, uuid128 boot_id,
                        int (*each)(void *ctx, const struct lvm_change *change), void *ctx,
                        struct err *e);

/* What a refresh was to do whose worker has not come to its end: it may have left a device
 * suspended. As the functions of scans. */
int run_dir_save_refresh(const struct run_dir *d, uuid128 boot_id, const struct refresh_work *work,
                         struct err *e);
void run_dir_remove_refresh(const struct run_dir *d, uuid128 boot_id,
                            const struct refresh_work *work);
int run_dir_each_refresh(const struct run_dir *d, uuid128 boot_id,
                         int (*each)(void *ctx, const struct refresh_work *work), void *ctx,
                         struct err *e);

/* As keyfile_load and keyfile_save. */
int run_dir_load_key(const struct run_dir *d, struct keypair *k, pubkey *server, struct err *e);
int run_dir_save_key(const struct run_dir *d, const struct keypair *k, pubkey server,
                     struct err *e);

#endif
