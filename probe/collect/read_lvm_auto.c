/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_lvm_auto.h"

#include <errno.h>
#include <lvm2cmd.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/lvm_library.h"
#include "collect/read.h"
#include "collect/rows.h"

enum { ANSWER_MOST = 1 << 20 };

/* ---- what runs it --------------------------------------------------------------------------- */

/* udev(7), systemd.generator(7): of files of one name the first counts; one that is empty, or leads
 * to /dev/null, is none. -1: there is none of this name there. */
static int is_file(const struct collect_request *req, const char *dir, const char *name)
{
    char path[READ_PATH_MAX];
    struct stat st;

    if (!read_path(req, path, "%s/%s", dir, name) || stat(path, &st) != 0)
        return -1;
    return S_ISREG(st.st_mode) && st.st_size > 0;
}

static bool is_in(const struct collect_request *req, const char *const *dirs, size_t n,
                  const char *name)
{
    int is = -1;

    for (size_t i = 0; i < n && is < 0; i++)
        is = is_file(req, dirs[i], name);
    return is > 0;
}

/* Debian, and versions before 2.03.14, call it otherwise. NULL: there is none. */
static const char *find_rule(const struct collect_request *req)
{
    static const char *const names[] = { "69-lvm.rules", "69-dm-lvm.rules", "69-lvm-metad.rules",
                                         "69-dm-lvm-metad.rules" };
    static const char *const dirs[] = { "/etc/udev/rules.d", "/run/udev/rules.d",
                                        "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d",
                                        "/lib/udev/rules.d" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (is_in(req, dirs, ARRAY_LEN(dirs), names[i]))
            return names[i];
    }
    return NULL;
}

/* LVM has it no more; older versions are there yet. NULL: there is none. */
static const char *find_generator(const struct collect_request *req)
{
    static const char name[] = "lvm2-activation-generator";
    static const char *const dirs[] = { "/run/systemd/system-generators",
                                        "/etc/systemd/system-generators",
                                        "/usr/local/lib/systemd/system-generators",
                                        "/usr/lib/systemd/system-generators",
                                        "/lib/systemd/system-generators" };

    return is_in(req, dirs, ARRAY_LEN(dirs), name) ? name : NULL;
}

/* ---- LVM ------------------------------------------------------------------------------------ */

/* LVM writes this to standard output, and to nobody's callback. */
static int ask(const struct lvm_library *l, int to)
{
    int out = dup(STDOUT_FILENO), rc;

    fflush(stdout);
    if (out < 0 || dup2(to, STDOUT_FILENO) < 0)
        rc = -errno;
    else
        rc = lvm_library_run(l, "lvmconfig --typeconfig full " LVM_AUTO_SETTINGS, NULL) ==
                     LVM2_COMMAND_SUCCEEDED
                 ? 0
                 : -EIO;
    fflush(stdout);
    if (out >= 0) {
        dup2(out, STDOUT_FILENO);
        close(out);
    }
    return rc;
}

static int read_answer(int fd, struct arena *a, struct bytes *out)
{
    char *p = arena_alloc(a, ANSWER_MOST);
    ssize_t n = p == NULL ? 0 : pread(fd, p, ANSWER_MOST, 0);

    if (p == NULL || n < 0)
        return p == NULL ? -ENOMEM : -errno;
    *out = (struct bytes){ (const uint8_t *)p, (size_t)n };
    return n == ANSWER_MOST ? -EFBIG : 0;
}

int read_lvm_auto(const struct collect_request *req, struct arena *a, struct lvm_auto *out)
{
    char dir[READ_PATH_MAX];
    struct lvm_library l;
    struct bytes answer;
    struct err e;
    int rc, fd;

    *out = (struct lvm_auto){ .rule = find_rule(req), .generator = find_generator(req) };
    if (out->rule == NULL && out->generator == NULL)
        return 0;
    fd = memfd_create("lvmconfig", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = read_path(req, dir, "/etc/lvm") ? lvm_library_open_as_host(&l, dir, &e) : -ENAMETOOLONG;
    if (rc == 0) {
        rc = ask(&l, fd);
        lvm_library_close(&l);
    }
    if (rc == 0)
        rc = read_answer(fd, a, &answer);
    close(fd);
    if (rc == 0)
        rc = parse_lvm_auto(answer, a, out);
    return rc > 0 ? -ENOENT : rc;
}
