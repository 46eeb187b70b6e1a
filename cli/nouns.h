/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the nouns share. Each defines its commands; commands.c lists them all. */
#ifndef MUSTER_CLI_NOUNS_H
#define MUSTER_CLI_NOUNS_H

#include "cli/command.h"
#include "cli/order.h"
#include "cli/records.h"

#define REQUEST(name, number) \
    struct request name = { .present = UINT64_C(1) << request_op, .op = (number) }

extern const struct command status_command, wait_command, node_list_command, node_show_command,
    node_approve_command, node_rename_command, node_forget_command, node_declare_dead_command,
    node_drain_command, matrix_command, network_define_command, network_list_command,
    network_delete_command, resource_list_command, resource_show_command, explain_command,
    impact_command, event_tail_command, fs_list_command, fs_admit_command, fs_retire_command,
    scan_command, rescan_command, task_list_command, task_show_command, task_watch_command,
    task_cancel_command, lease_list_command, hold_list_command, hold_take_command, hold_end_command,
    hold_break_command, token_create_command, token_list_command, token_revoke_command,
    client_list_command, client_revoke_command, backup_command, recover_command, enrol_command,
    vg_adopt_command, vg_list_command, vg_show_command, vg_release_command, vg_create_command,
    vg_autoactivation_off_command, vg_extend_command, vg_reduce_command, vg_remove_command,
    lv_create_command, lv_extend_command, lv_activate_command, lv_deactivate_command,
    lv_reduce_command, lv_remove_command, lv_rename_command, lv_snapshot_command, place_command;

enum paint paint_of_word(const char *state); /* of a node, an edge, a section, an event, ... */

/* A word as it is typed in a shell: in quotes where it needs them. */
const char *typed(struct text *t, const char *word);
/* "3 nodes", "1 node". */
const char *counted(struct text *t, uint64_t n, const char *one, const char *many);
/* "12 ok, 1 degraded, 2 lost", without what is none; "none" when all are. */
const char *edge_counts(struct text *t, uint64_t ok, uint64_t degraded, uint64_t lost,
                        uint64_t unknown, uint64_t stuck, uint64_t quarantined);
/* "ago" of a duration: "1.2 s". NULL when the field is absent. */
const char *age_text(struct text *t, bool present, int64_t ms);

/* Asks to revoke what the first argument names, and tells it: that name and the rest of a sentence.
 * 0 or an exit code. */
int ask_to_revoke(struct run *r, enum client_op op, const char *rest);

/* lease.c: of leases and holds. */
bool lease_is(const struct lease_info *l, const char *state);
const char *lease_text(struct text *t, const struct lease_info *l); /* "xen3 scans it" */
/* An object; `history`: with when it was granted, when and how it ended. */
void lease_json(struct json *j, const char *name, const struct lease_info *l, bool history);
/* fs_scan.c: may a filesystem be scanned, and what did the last scan bring; who has a right to it:
 * pairs of a detail view. */
void admitted_text(struct text *t, const struct resource_info *x);
void leases_of_text(struct text *t, const struct reply *r, const struct resource_info *x);
bool lease_is_of(const struct lease_info *l, const struct resource_info *x);

/* kinds.c: ranks are those of cli/order.h. */
/* The value of --kind, NULL when it is not given: 0, or EXIT_USAGE after the sentence. */
int kind_checked(struct run *r, const char **kind);
const char *rank_title(unsigned rank);                               /* "LUN" */
const char *rank_counted(struct text *t, unsigned rank, uint64_t n); /* "3 LUNs" */
/* Where the resources of each rank are in a reply that is in order. */
struct ranks {
    struct rank {
        size_t first, n, edges;
    } of[RANKS];
};
struct ranks ranks_of(const struct reply *r);
/* What to type for a resource of the reply: its label, or its key where another one has that label.
 */
const char *resource_word(const struct reply *r, const struct resource_info *x);
/* What a resource of the reply is shown as: its label; where its neighbour has the same, with what
 * it lies in. */
const char *resource_shown(struct text *t, const struct reply *r, const struct resource_info *x);

/* "bond0.100, bond1.100": what an edge goes through. */
const char *ports_text(struct text *t, const struct edge_info *e);
/* The detail view of a reply with one node or resource and its edges, after an empty line: which
 * resources a node sees, which nodes see a resource. */
void edges_text(struct text *t, const struct reply *r, bool by_node);
/* resource.c: what is wrong with its identity, a sentence each. */
void doubts_text(struct text *t, const struct resource_info *x);
/* Where a reply to a show command has no edges, takes them from a snapshot of that one. 0 or an
 * exit code. */
int with_edges(struct run *r, const char *node_id, const char *resource_id,
               struct muster_reply *reply);

#endif
