/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

/* In the order of the help; the verbs of one noun stand together. */
const struct command *const commands[] = {
    &status_command,         &matrix_command,
    &explain_command,        &impact_command,
    &resource_list_command,  &resource_show_command,
    &fs_list_command,        &fs_admit_command,
    &fs_retire_command,      &event_tail_command,
    &scan_command,           &task_list_command,
    &task_show_command,      &task_watch_command,
    &task_cancel_command,    &lease_list_command,
    &hold_list_command,      &hold_take_command,
    &hold_end_command,       &hold_break_command,
    &vg_list_command,        &vg_show_command,
    &vg_adopt_command,       &vg_release_command,
    &vg_create_command,      &vg_extend_command,
    &vg_reduce_command,      &vg_remove_command,
    &lv_create_command,      &lv_extend_command,
    &lv_reduce_command,      &lv_remove_command,
    &lv_rename_command,      &lv_snapshot_command,
    &node_list_command,      &node_show_command,
    &node_approve_command,   &node_rename_command,
    &node_drain_command,     &node_declare_dead_command,
    &node_forget_command,    &network_list_command,
    &network_define_command, &network_delete_command,
    &token_create_command,   &token_list_command,
    &token_revoke_command,   &client_list_command,
    &client_revoke_command,  &enrol_command,
    &backup_command,         &recover_command,
    &wait_command,           NULL,
};

const struct option global_options[] = {
    { 0, "json", NULL, false, "one JSON document on stdout" },
    { 0, "connect", "ENDPOINT", false,
      "the coordinator: ipc://PATH or tcp://HOST:PORT (default: $MUSTER_CONNECT, else "
      "ipc:///run/muster/client.sock)" },
    { 0, "key-file", "FILE", false,
      "this client's key, for tcp (default: ~/.config/muster/client.key)" },
    { 0, "timeout", "TIME", false,
      "how long to wait for an answer (default: 10s, 2s of it for a coordinator to be there)" },
    { 0, "color", "WHEN", false,
      "auto (on a terminal, unless $NO_COLOR is set), always or never (default: auto)" },
    { 'h', "help", NULL, false, "what the command does, and how" },
    { 'V', "version", NULL, false, "the version of this program" },
    { 0 },
};
