/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_COORDINATOR_NOTIFY_H
#define MUSTER_COORDINATOR_NOTIFY_H

/* Tells the service manager, if there is one (NOTIFY_SOCKET, see sd_notify(3)): "READY=1",
 * "STOPPING=1". */
void notify_manager(const char *state);

#endif
