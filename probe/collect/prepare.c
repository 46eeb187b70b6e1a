/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/prepare.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "collect/collect.h"
#include "collect/dm_driver.h"
#include "collect/read_block.h"
#include "collect/read_xen.h"

/* In the abstract name space (libmpathcmd, mpath_cmd.h). */
#define MULTIPATHD "/org/kernel/linux/storage/multipathd"

static int opened[PREPARED_COUNT] = { -1, -1 };

static int open_xenstore(void)
{
    static const char *const nodes[] = { "/dev/xen/xenbus", "/proc/xen/xenbus" };
    int fd = -1;

    for (size_t i = 0; i < ARRAY_LEN(nodes) && fd < 0; i++)
        fd = open(nodes[i], O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    return fd;
}

/* Whoever is first may have that name. */
static bool is_root(int s)
{
    struct ucred peer = { 0 };
    socklen_t size = sizeof peer;

    return getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

static int connect_multipathd(void)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(to.sun_path + 1, MULTIPATHD, strlen(MULTIPATHD));
    if (s >= 0 &&
        connect(s, (struct sockaddr *)&to,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(MULTIPATHD))) ==
            0 &&
        is_root(s))
        return s;
    if (s >= 0)
        close(s);
    return -1;
}

void collect_prepare(enum worker_kind kind)
{
    if (kind == WORKER_XEN)
        read_xen_open();
    if (kind == WORKER_XEN || kind == WORKER_STORAGE || kind == WORKER_LVM)
        opened[PREPARED_XENSTORE] = open_xenstore(); /* LVM must not read the disks of guests */
    if (kind != WORKER_STORAGE && kind != WORKER_LVM)
        return;
    opened[PREPARED_MULTIPATHD] = connect_multipathd();
    dm_driver_open();
}

int prepared(enum prepared what)
{
    return opened[what];
}
