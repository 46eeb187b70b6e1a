/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_limits.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/limits.h"
#include "worker_filter.h"

enum { NOBODY = 65534, FILES = 64 };

/* What a kind keeps. As root without capabilities one reads root's own files and no others. */
static const struct {
    uint64_t capabilities; /* bits of <linux/capability.h> */
    const char *group_of;  /* joins the group of this socket, if it is there */
    bool runs_programs;
} kept[WORKER_KIND_COUNT] = {
    /* The rate of the TSC comes with a performance event. */
    [WORKER_SYSTEM] = { .capabilities = UINT64_C(1) << CAP_PERFMON },
    [WORKER_NET] = { .capabilities = 0 },
    /* Runs lldpctl, to which lldpd listens for its own user and group alone. */
    [WORKER_LLDP] = { .group_of = "/run/lldpd.socket", .runs_programs = true },
};

static int set_limit(__rlimit_resource_t which, uint64_t value)
{
    struct rlimit r = { value, value };

    return setrlimit(which, &r) == 0 ? 0 : -errno;
}

static int limit_resources(struct err *e)
{
    int rc = set_limit(RLIMIT_CORE, 0);

    if (rc == 0)
        rc = set_limit(RLIMIT_NOFILE, FILES);
    if (rc == 0)
        rc = set_limit(RLIMIT_FSIZE, LIMIT_WORKER_RESULT_BYTES);
#ifndef __SANITIZE_ADDRESS__ /* its shadow takes terabytes of address space */
    if (rc == 0)
        rc = set_limit(RLIMIT_AS, LIMIT_WORKER_MEMORY_BYTES);
#endif
    return rc == 0 ? 0 : err_set(e, rc, "cannot limit a worker: %s", strerror(-rc));
}

static int set_capabilities(uint64_t bits)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct have[2], want[2] = { { 0 } };

    if (syscall(SYS_capget, &head, have) != 0)
        return -errno;
    /* Of those that there are: root in a container has fewer. */
    for (int i = 0; i < 2; i++) {
        want[i].permitted = have[i].permitted & (uint32_t)(bits >> (32 * i));
        want[i].effective = want[i].permitted;
    }
    return syscall(SYS_capset, &head, want) == 0 ? 0 : -errno;
}

static int become_nobody(const char *group_of)
{
    gid_t gid = NOBODY;
    struct stat st;

    if (group_of != NULL && stat(group_of, &st) == 0 && S_ISSOCK(st.st_mode))
        gid = st.st_gid;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) != 0)
        return -errno;
    return 0;
}

static int drop_privileges(enum worker_kind kind, bool needs_root, struct err *e)
{
    int rc = 0;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        rc = -errno;
    if (rc == 0 && geteuid() == 0 && !needs_root)
        rc = become_nobody(kept[kind].group_of);
    if (rc == 0)
        rc = set_capabilities(geteuid() == 0 ? kept[kind].capabilities : 0);
    return rc == 0 ? 0 : err_set(e, rc, "a worker cannot drop its privileges: %s", strerror(-rc));
}

int worker_confine(enum worker_kind kind, bool needs_root, int parent, struct err *e)
{
    int rc = limit_resources(e);

    if (rc == 0)
        rc = drop_privileges(kind, needs_root, e);
    if (rc < 0)
        return rc;
    /* After the change of user, which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return err_set(e, -errno, "a worker cannot bind its life to the supervisor's: %s",
                       strerror(errno));
    if (getppid() != parent)
        return err_set(e, -ESRCH, "the supervisor that started this worker is gone");
    return worker_filter(kept[kind].runs_programs, e);
}
