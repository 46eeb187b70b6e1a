/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker_filter.h"

/* All that changes a file system, as far as the first version of Landlock knows. */
#define CHANGES                                                                                    \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static int allow(int rules, const char *path)
{
    struct landlock_path_beneath_attr to = { .allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE };
    int rc = 0;

    to.parent_fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (to.parent_fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &to, 0) != 0)
        rc = -errno;
    close(to.parent_fd);
    return rc;
}

bool worker_rules_are_there(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

int worker_rules(const char *const *paths, struct err *e)
{
    const struct landlock_ruleset_attr attr = { .handled_access_fs = CHANGES };
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0), rc;

    if (rules < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
        return 0;
    rc = rules < 0 ? -errno : 0;
    for (; rc == 0 && *paths != NULL; paths++)
        rc = allow(rules, *paths);
    if (rc == 0 && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        rc = -errno;
    if (rules >= 0)
        close(rules);
    return rc < 0 ? err_set(e, rc, "a worker cannot limit what it writes: %s", strerror(-rc)) : 1;
}
