/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child that reads devices' labels, one at a time; read_label.c's own. */
#ifndef MUSTER_COLLECT_READ_LABEL_CHILD_H
#define MUSTER_COLLECT_READ_LABEL_CHILD_H

#include "collect/read_label.h"

/* What a child sends over its socket (SOCK_SEQPACKET) for each device that it is asked for: with a
 * descriptor when error is 0. */
struct label_message {
    int32_t error; /* errno */
    uint64_t at;   /* where reading failed; UINT64_MAX: before */
    uint64_t size_bytes;
    uint32_t sector_bytes;
};

/* Starts one, which knows these devices as they are now and ends when the socket is closed. The
 * socket in *sock and its pid, or a negative errno. */
int label_child_start(const struct label_device *devices, label_opener open_it, pid_t *pid,
                      int *sock);
/* Asks it for devices[index], when it has nothing to do. False: it has ended. */
bool label_child_ask(int sock, size_t index);

/* Takes its message, if one is there. *memfd: sealed, as large as the device, with the bytes that
 * count; -1 with an error. False: it ended without. */
bool label_child_hear(int sock, struct label_message *m, int *memfd);

#endif
