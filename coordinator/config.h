/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The coordinator's configuration: defaults, coordinator.conf(5), command line, in that order. */
#ifndef MUSTER_COORDINATOR_CONFIG_H
#define MUSTER_COORDINATOR_CONFIG_H

#include "base/err.h"
#include "base/types.h"

#define CONFIG_FILE "/etc/muster/coordinator.conf"
#define CONFIG_TEXT 512

struct config {
    char state_dir[CONFIG_TEXT];
    char node_listen[CONFIG_TEXT];
    char client_ipc[CONFIG_TEXT];
    char client_listen[CONFIG_TEXT]; /* empty: no remote clients */
    char user[CONFIG_TEXT];          /* whom to become when started as root; empty: nobody else */
    bool enrol_by_token;
    int64_t heartbeat_ms, suspect_ms, down_ms, edge_retention_ms;
    int64_t event_retention_rows;
    int64_t lease_ttl_ms, lease_history_rows, task_history_rows;
    int64_t rescans, rescans_per_target, rescan_timeout_ms;
    int64_t peer_messages_per_s, peer_messages_burst;
    int64_t peer_bytes_per_s, peer_bytes_burst;
    int64_t decoder_threads;
};

void config_default(struct config *c);

/* Called once for each thing that is wrong, with one sentence. */
typedef void config_report(void *ctx, const char *sentence);

/* Reads a file over *c and reports every wrong line as "FILE:LINE: ...". Returns the number of
 * wrong lines, or a negative errno when the file cannot be read (reported too). */
int config_read(struct config *c, const char *path, config_report *report, void *ctx);
/* One setting, as from a line. 0 or -EINVAL with a sentence. */
int config_set(struct config *c, const char *key, const char *value, struct err *e);
/* What must hold between settings. 0 or -EINVAL with a sentence. */
int config_check(const struct config *c, struct err *e);
/* One "key = value" line for each setting, through `report`. */
void config_print(const struct config *c, config_report *report, void *ctx);

#endif
