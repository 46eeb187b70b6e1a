/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

struct account {
    uid_t uid;
    gid_t gid;
};

static int find_account(const struct config *c, struct account *a, struct err *e)
{
    struct passwd *pw;

    *a = (struct account){ geteuid(), getegid() };
    if (c->user[0] == '\0')
        return 0;
    errno = 0;
    pw = getpwnam(c->user);
    if (pw == NULL && errno != 0 && errno != ENOENT)
        return err_set(e, -errno, "the user %s cannot be looked up: %s", c->user, strerror(errno));
    if (pw == NULL)
        return err_set(e, -ENOENT, "there is no user %s on this machine: make it, or change user",
                       c->user);
    *a = (struct account){ pw->pw_uid, pw->pw_gid };
    return 0;
}

int privilege_check(const struct config *c, struct err *e)
{
    struct account a;
    int rc = find_account(c, &a, e);

    if (rc == 0 && geteuid() != 0 && a.uid != geteuid())
        rc = err_set(e, -EPERM,
                     "only root can become the user %s: start the coordinator as root or as %s, or "
                     "remove user from its configuration",
                     c->user, c->user);
    return rc;
}

/* A folder that is there is left as it is. */
static int make_folder(const char *path, mode_t mode, const struct account *a)
{
    int fd, rc = 0;

    if (mkdir(path, mode) != 0)
        return errno == EEXIST ? 0 : -errno;
    if (a->uid == geteuid())
        return 0;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fchown(fd, a->uid, a->gid) != 0)
        rc = -errno;
    close(fd);
    return rc;
}

static int make_socket_folder(const struct config *c, const struct account *a, struct err *e)
{
    const char *path = c->client_ipc + strlen("ipc://"), *slash = strrchr(path, '/');
    char folder[CONFIG_TEXT];
    int rc;

    if (slash == NULL || slash == path)
        return 0;
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    rc = make_folder(folder, 0755, a);
    if (rc < 0)
        return err_set(e, rc,
                       "the folder %s of the operators' socket cannot be made (%s): make it, or "
                       "choose another client_ipc",
                       folder, strerror(-rc));
    return 0;
}

static int become(const struct account *a, const char *user, struct err *e)
{
    if (setgroups(0, NULL) != 0 || setresgid(a->gid, a->gid, a->gid) != 0 ||
        setresuid(a->uid, a->uid, a->uid) != 0)
        return err_set(e, -errno, "this process cannot become the user %s: %s", user,
                       strerror(errno));
    if (setuid(0) == 0)
        return err_set(e, -EPERM, "this process could become root again after it became %s", user);
    return 0;
}

int privilege_enter(const struct config *c, struct err *e)
{
    struct account a;
    int rc = privilege_check(c, e);

    if (rc == 0)
        rc = find_account(c, &a, e);
    if (rc < 0)
        return rc;
    if (geteuid() == 0 && c->user[0] == '\0')
        log_line(LOG_LEVEL_WARNING, "running as root, which is not needed: set user in the "
                                    "configuration, or start as another user");
    rc = make_socket_folder(c, &a, e);
    if (rc < 0 || a.uid == geteuid())
        return rc; /* the store makes its directory itself */
    rc = make_folder(c->state_dir, 0700, &a);
    if (rc < 0)
        return err_set(e, rc, "the state directory %s cannot be made: %s", c->state_dir,
                       strerror(-rc));
    return become(&a, c->user, e);
}
