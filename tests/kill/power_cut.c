/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random.h"
#include "vfs_shadow.h"

enum { SECTOR = 512 };

struct content {
    uint8_t *p;
    size_t n;
};

static bool read_all(const char *path, struct content *c)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool good = fd >= 0 && fstat(fd, &st) == 0;

    *c = (struct content){ NULL, good ? (size_t)st.st_size : 0 };
    c->p = calloc(1, c->n + SECTOR);
    good = good && c->p != NULL && pread(fd, c->p, c->n, 0) == (ssize_t)c->n;
    if (fd >= 0)
        close(fd);
    return good;
}

static bool write_sector(int fd, const struct content *c, size_t at)
{
    size_t n = c->n - at < SECTOR ? c->n - at : SECTOR;

    return pwrite(fd, c->p + at, n, (off_t)at) == (ssize_t)n;
}

static bool is_kept(uint64_t *random, unsigned percent)
{
    return random != NULL && random_chance(random, percent);
}

/* Makes both the same: of each sector that differs one of the two is kept. */
static int64_t cut(const char *path, const char *shadow, uint64_t *random)
{
    static const unsigned keep[] = { 0, 0, 100, 50, 90, 10 };
    unsigned percent =
        random == NULL ? 0 : keep[random_below(random, sizeof keep / sizeof keep[0])];
    struct content now = { NULL, 0 }, synced = { NULL, 0 };
    bool good = read_all(path, &now) && read_all(shadow, &synced);
    int real = open(path, O_WRONLY | O_CLOEXEC), other = open(shadow, O_WRONLY | O_CLOEXEC);
    size_t least = now.n < synced.n ? now.n : synced.n, size = synced.n;
    int64_t taken = 0;

    good = good && real >= 0 && other >= 0;
    for (size_t at = 0; good && at < least; at += SECTOR) {
        size_t n = least - at < SECTOR ? least - at : SECTOR;

        if (memcmp(now.p + at, synced.p + at, n) == 0)
            continue;
        if (is_kept(random, percent)) {
            good = write_sector(other, &now, at);
        } else {
            good = write_sector(real, &synced, at);
            taken++;
        }
    }
    /* What was appended: a part of it from the front, with holes, or nothing. */
    for (size_t at = synced.n / SECTOR * SECTOR; good && at < now.n; at += SECTOR) {
        if (!is_kept(random, percent)) {
            taken++;
            continue;
        }
        size = at + SECTOR < now.n ? at + SECTOR : now.n;
        good = write_sector(other, &now, at);
    }
    if (good && size > synced.n) { /* holes are zeros, in both */
        struct content both = { NULL, 0 };

        good = ftruncate(other, (off_t)size) == 0 && read_all(shadow, &both) &&
               pwrite(real, both.p, both.n, 0) == (ssize_t)both.n;
        free(both.p);
    }
    if (good && now.n < synced.n) /* a truncation that was not synced */
        good = pwrite(real, synced.p + now.n, synced.n - now.n, (off_t)now.n) ==
               (ssize_t)(synced.n - now.n);
    good = good && ftruncate(real, (off_t)size) == 0;
    free(now.p);
    free(synced.p);
    if (real >= 0)
        close(real);
    if (other >= 0)
        close(other);
    return good ? taken : -1;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* What SQLite keeps there, but for shadows and what is memory. */
static bool is_file(const char *name)
{
    return strncmp(name, "muster.db", 9) == 0 && !ends_with(name, SHADOW_SUFFIX) &&
           !ends_with(name, "-shm") && strstr(name, ".before-") == NULL;
}

int64_t vfs_shadow_cut(const char *folder, uint64_t *random)
{
    char path[600], shadow[620];
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int64_t taken = 0, more = 0;

    if (dir == NULL)
        return -1;
    while (more >= 0 && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (ends_with(entry->d_name, "-shm"))
            unlink(path);
        if (!is_file(entry->d_name))
            continue;
        snprintf(shadow, sizeof shadow, "%s" SHADOW_SUFFIX, path);
        if (access(shadow, F_OK) == 0)
            more = cut(path, shadow, random);
        else if (!is_kept(random, 50))
            more = unlink(path);
        taken += more;
    }
    closedir(dir);
    return more < 0 ? -1 : taken;
}

static bool settle(const char *path, const char *shadow)
{
    struct content now = { NULL, 0 };
    int fd = open(shadow, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && read_all(path, &now) && pwrite(fd, now.p, now.n, 0) == (ssize_t)now.n;

    free(now.p);
    if (fd >= 0)
        close(fd);
    return good;
}

int vfs_shadow_settle(const char *folder)
{
    char path[600], shadow[620];
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool good = dir != NULL;

    while (good && (entry = readdir(dir)) != NULL) {
        if (!is_file(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        snprintf(shadow, sizeof shadow, "%s" SHADOW_SUFFIX, path);
        good = settle(path, shadow);
    }
    if (dir != NULL)
        closedir(dir);
    return good ? 0 : -1;
}
