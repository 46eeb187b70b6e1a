/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's announcements hint at. */
#include <criterion/criterion.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel_hints.h"

#define KIND(k) (1u << (k))

enum { PATIENCE_MS = 10000 };

static uint32_t of_text(const char *p, size_t n)
{
    char *exact = malloc(n); /* so that a reader beyond the end is found */
    uint32_t kinds;

    memcpy(exact, p, n);
    kinds = kernel_hints_of_uevent(exact, n);
    free(exact);
    return kinds;
}

#define OF(text) of_text(text, sizeof(text))

Test(hints, a_uevent_hints_at_who_looks_at_its_subsystem)
{
    cr_expect_eq(OF("add@/devices/pci/net/eth0\0ACTION=add\0SUBSYSTEM=net\0SEQNUM=7"),
                 KIND(WORKER_SYSTEM) | KIND(WORKER_NET));
    cr_expect_eq(OF("offline@/devices/system/cpu/cpu1\0ACTION=offline\0SUBSYSTEM=cpu"),
                 KIND(WORKER_SYSTEM));
    cr_expect_eq(OF("add@/devices/sda\0SUBSYSTEM=block"), 0);
    cr_expect_eq(OF("add@/devices/x\0SUBSYSTEM=network"), 0);
    cr_expect_eq(of_text("add@/x\0SUBSYSTEM=net", 20), KIND(WORKER_SYSTEM) | KIND(WORKER_NET),
                 "the last NUL is missing");
    cr_expect_eq(of_text("add@/x\0SUBSYSTEM=ne", 19), 0);
    cr_expect_eq(of_text("\0\0\0", 3), 0);
    cr_expect_eq(of_text("", 0), 0);
}

static void set_up(int control, const char *name, bool up)
{
    struct ifreq r = { 0 };

    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    cr_assert_eq(ioctl(control, SIOCGIFFLAGS, &r), 0);
    r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
    cr_assert_eq(ioctl(control, SIOCSIFFLAGS, &r), 0);
}

static bool wakes(const struct kernel_hints *h, int ms)
{
    struct pollfd p = { .fd = h->fd[KERNEL_LINKS], .events = POLLIN };

    return poll(&p, 1, ms) == 1;
}

Test(hints, a_link_that_changes_hints_at_net_even_if_the_announcement_is_lost)
{
    struct kernel_hints h;
    struct err e = { "" };
    int control, small = 0;

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
        cr_skip_test("a network namespace needs root");
    control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(kernel_hints_open(&h, &e), 0, "%s", e.text);
    cr_expect_eq(kernel_hints_take(&h), 0);
    set_up(control, "lo", true);
    cr_assert(wakes(&h, PATIENCE_MS));
    cr_expect_neq(kernel_hints_take(&h) & KIND(WORKER_NET), 0);
    cr_expect_not(wakes(&h, 0), "taken");
    cr_assert_eq(setsockopt(h.fd[KERNEL_LINKS], SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    for (int i = 0; i < 100; i++)
        set_up(control, "lo", i % 2 == 1);
    cr_assert(wakes(&h, PATIENCE_MS));
    cr_expect_neq(kernel_hints_take(&h) & KIND(WORKER_NET), 0);
    cr_expect_not(wakes(&h, 0), "an overflow is taken, too");
    kernel_hints_close(&h);
    close(control);
}
