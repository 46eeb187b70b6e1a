/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk that is really full: a small file system in memory, in a mount namespace of this test. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "script.h"
#include "store_internal.h"

#define BALLAST (3 << 20)

static bool mount_small(const char *dir)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", dir, "tmpfs", 0, "size=6m,mode=0700") == 0;
}

static void make_ballast(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    cr_assert(fd >= 0 && posix_fallocate(fd, 0, BALLAST) == 0);
    close(fd);
}

/* What the disk has no room for is not there, what was acknowledged is, and all goes on as soon as
 * there is room: several times over. */
Test(full, nothing_false_and_recovery)
{
    uint64_t seed = random_seed();
    char *dir = temp_dir(), ballast[512];
    struct script *s = script_new(seed, 400, 60);
    struct store_options o = { .dir = dir };
    struct store *store = NULL;
    struct err e;
    uint32_t acked = 0, full = 0;

    if (!mount_small(dir)) {
        rmdir(dir);
        cr_skip_test("mounting a small file system needs root");
    }
    snprintf(ballast, sizeof ballast, "%s/ballast", dir);
    cr_assert(store_open(&o, &store, &e) == 0, "%s", e.text);
    cr_assert(store_init_identity(store, script_db_id, &e) == 0, "%s", e.text);
    make_ballast(ballast);
    while (acked < s->count && full < 3) {
        char *text;
        int rc = store_commit(store, s->batches[acked], &e);

        if (rc == 0) {
            acked++;
            continue;
        }
        cr_assert(rc == STORE_E_FAILED, "%s", e.text);
        cr_assert(strstr(e.text, "full"), "%s", e.text);
        full++;
        cr_assert(store_try_write(store, &e) == STORE_E_FAILED, "there is no room yet");
        text = database_text(store, &o, &e);
        cr_assert(text != NULL, "%s", e.text);
        cr_assert_str_eq(text, s->texts[acked]);
        free(text);
        unlink(ballast);
        cr_assert(store_try_write(store, &e) == 0, "%s", e.text);
        cr_assert(store_commit(store, s->batches[acked], &e) == 0, "%s", e.text);
        acked++;
        store_close(store); /* makes the WAL short again */
        cr_assert(store_open(&o, &store, &e) == 0, "%s", e.text);
        if (full < 3)
            make_ballast(ballast);
    }
    cr_assert(full > 0, "the disk has never been full");
    store_close(store);
    umount(dir);
    rmdir(dir);
    free(dir);
    script_free(s);
}
