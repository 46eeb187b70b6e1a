/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel announces, and which kinds of worker have something new to see then. */
#ifndef MUSTER_KERNEL_HINTS_H
#define MUSTER_KERNEL_HINTS_H

#include "agent.h"
#include "device_names.h"
#include "rescan_hint.h"

enum { KERNEL_LINKS, KERNEL_DEVICES, KERNEL_FIBRE, KERNEL_MOUNTS, KERNEL_SWAPS, KERNEL_SOURCES };

/* Announcements of links come from this process's network namespace; those of devices come to all
 * network namespaces of the initial user namespace; those of Fibre Channel to the initial network
 * namespace; those of mounts are of this process's mount
 * namespace. */
struct kernel_hints {
    int fd[KERNEL_SOURCES];          /* to wait for; -1: this kernel has none */
    uint32_t events[KERNEL_SOURCES]; /* for which, as of epoll(7) */
    uint32_t told;                   /* by kernel_hints_told */
};

/* Subscribes. 0, or a negative errno with a sentence: then nothing is announced, and what changes
 * is seen at the next rescan. Either way `h` may be closed. */
int kernel_hints_open(struct kernel_hints *h, struct err *e);
void kernel_hints_close(struct kernel_hints *h);

/* One was waited for with success. Of mounts and swaps the kernel says once that they have changed,
 * to whoever waits. */
void kernel_hints_told(struct kernel_hints *h, int fd);

/* Takes what has been announced. A bit set of enum worker_kind; announcements that were lost are
 * hints for all that they could have been about. Block devices that were announced are added to
 * *touched: all of them when it is not told which ones have changed; what is to be looked at anew
 * to *rescans. A list of LUNs that has changed is no hint before that: agent_rescan_hint(). */
uint32_t kernel_hints_take(struct kernel_hints *h, struct device_names *touched,
                           struct rescan_hints *rescans);

/* Pieces of it, for tests: what one uevent hints at. */
uint32_t kernel_hints_of_uevent(const char *p, size_t n, struct device_names *touched);

#endif
