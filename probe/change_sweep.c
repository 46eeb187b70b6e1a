/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers of an earlier supervisor. They should have died with it. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "change_pool_internal.h"
#include "worker_change.h"
#include "worker_scan.h"

struct wanted {
    char arguments[256]; /* each with a NUL */
    size_t n;
    char comm[CHANGE_COMM_TEXT];
};

static ssize_t read_proc(const char *pid, const char *file, char *out, size_t room)
{
    char path[64];
    int fd;
    ssize_t got;

    snprintf(path, sizeof path, "/proc/%.20s/%s", pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? -1 : read(fd, out, room);
    if (fd >= 0)
        close(fd);
    return got;
}

/* Of "PID (COMM) STATE ...". A zombie has ended, and so has all of its I/O. */
static bool parse_stat(char *text, const char **comm, bool *ended)
{
    char *first = strchr(text, '('), *last = strrchr(text, ')');

    if (first == NULL || last == NULL || last[1] != ' ')
        return false;
    *last = '\0';
    *comm = first + 1;
    *ended = last[2] == 'Z' || last[2] == 'X';
    return true;
}

/* One that ends has no arguments any more, and its name until the end. */
static bool is_wanted(const char *pid, const struct wanted *w)
{
    char arguments[sizeof w->arguments], stat[512];
    const char *comm;
    bool ended;
    ssize_t n = read_proc(pid, "stat", stat, sizeof stat - 1);

    if (n <= 0)
        return false;
    stat[n] = '\0';
    if (!parse_stat(stat, &comm, &ended) || ended)
        return false;
    if (strcmp(comm, w->comm) == 0)
        return true;
    n = read_proc(pid, "cmdline", arguments, sizeof arguments);
    return n == (ssize_t)w->n && memcmp(arguments, w->arguments, w->n) == 0;
}

static void make_wanted(uuid128 boot, const struct order_key *key, struct wanted *w)
{
    char boot_text[UUID_TEXT], key_text[CHANGE_KEY_TEXT];

    uuid_text(boot, boot_text);
    change_key_text(key, key_text);
    change_comm(boot_text, key_text, w->comm);
    w->n =
        (size_t)snprintf(w->arguments, sizeof w->arguments,
                         WORKER_NAME "%c" WORKER_CHANGE "%c%s%c%s", 0, 0, boot_text, 0, key_text) +
        1;
}

int change_workers(uuid128 boot, const struct order_key *key, bool end)
{
    DIR *dir = opendir("/proc");
    const struct dirent *d;
    struct wanted w;
    int n = dir == NULL ? -1 : 0;

    make_wanted(boot, key, &w);
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        if (d->d_name[0] < '1' || d->d_name[0] > '9' || !is_wanted(d->d_name, &w))
            continue;
        if (end)
            kill((pid_t)strtol(d->d_name, NULL, 10), SIGKILL);
        n++;
    }
    if (dir != NULL)
        closedir(dir);
    return n;
}
