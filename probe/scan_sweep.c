/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers of an earlier supervisor. They should have died with it. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "scan_pool_internal.h"
#include "worker_scan.h"

/* "muster-probe-worker", "scan", the boot and the number, each with a NUL. */
static bool is_worker_of(const char *pid, const char *boot, uint64_t request)
{
    char path[64], text[256], want[128];
    int fd, n;
    ssize_t got;

    snprintf(path, sizeof path, "/proc/%.20s/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    n = snprintf(want, sizeof want, WORKER_NAME "%c" WORKER_SCAN "%c%s%c%" PRIu64, 0, 0, boot, 0,
                 request) +
        1;
    return got == n && memcmp(text, want, (size_t)n) == 0;
}

int end_workers_of(uuid128 boot, uint64_t request)
{
    char text[UUID_TEXT];
    DIR *dir = opendir("/proc");
    const struct dirent *d;
    int n = 0;

    uuid_text(boot, text);
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        if (d->d_name[0] < '1' || d->d_name[0] > '9' || !is_worker_of(d->d_name, text, request))
            continue;
        kill((pid_t)strtol(d->d_name, NULL, 10), SIGKILL);
        n++;
    }
    if (dir != NULL)
        closedir(dir);
    return n;
}
