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
#include "worker_frozen.h"

/* A kernel lets no user send more descriptors, all his processes taken together, than the sender
 * may have open (ETOOMANYREFS of man 7 unix): workers of root send while their children do. */
enum { NOBODY = 65534, FILES = 64, SCAN_FILES = 256, ROOT_FILES = 8192 };

_Static_assert(ROOT_FILES >= LIMIT_ROWS_PVS + FILES, "LVM has all PVs open at one time");

#define CAP(name)  (UINT64_C(1) << CAP_##name)
#define DM_DRIVER  "/sys/class/misc/device-mapper"
#define DM_CONTROL "/dev/mapper/control"
#define NO_LIMIT   RLIM_INFINITY

/* What a kind keeps. As root without capabilities one reads root's own files, block devices among
 * them, and no others. */
struct kept {
    uint64_t capabilities;    /* bits of <linux/capability.h> */
    uint64_t dm_capabilities; /* more of them, where there is device-mapper */
    const char *group_of;     /* joins the group of this socket, if it is there */
    unsigned freedoms;        /* of the filter */
    unsigned dm_freedoms;     /* more of them, where there is device-mapper */
    const char *may_write[3]; /* worker_rules; empty: not asked */
    rlim_t files, file_bytes; /* 0: the usual */
    rlim_t memory_bytes;      /* 0: the usual */
    bool as_nobody;           /* keeps them though it becomes nobody */
    bool all_devices;         /* it has the /dev of the host */
};

static const struct kept kept[WORKER_KIND_COUNT] = {
    /* The rate of the TSC comes with a performance event. */
    [WORKER_SYSTEM] = { .capabilities = CAP(PERFMON), .files = ROOT_FILES },
    [WORKER_NET] = { .capabilities = 0 },
    /* Runs lldpctl, to which lldpd listens for its own user and group alone. */
    [WORKER_LLDP] = { .group_of = "/run/lldpd.socket", .freedoms = WORKER_RUNS_PROGRAMS },
    /* Looks at what processes of others have open and mounted (/proc/PID/fd, mountinfo), has a
     * child for each device that does not answer and a descriptor for it, and memory files with
     * holes, as long as devices are. */
    [WORKER_STORAGE] = { .capabilities = CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH),
                         .dm_capabilities = CAP(SYS_ADMIN),
                         .freedoms = WORKER_FORKS | WORKER_ASKS_DEVICES,
                         .files = ROOT_FILES,
                         .file_bytes = NO_LIMIT },
    /* Reads labels first. */
    [WORKER_LVM] = { .dm_capabilities = CAP(SYS_ADMIN),
                     .freedoms = WORKER_FORKS | WORKER_ASKS_DEVICES,
                     .may_write = { DM_CONTROL, "/dev/null" },
                     .all_devices = true,
                     .files = ROOT_FILES,
                     .file_bytes = NO_LIMIT },
    /* The ways to Xen and to xenstore it has opened before. */
    [WORKER_XEN] = { .freedoms = WORKER_ASKS_XEN },
};

/* Mounts, and reads files of whatever owner (with O_NOATIME: CAP_FOWNER). Not root: what root may
 * write, it may not. */
static const struct kept scan_kept = { .capabilities =
                                           CAP(SYS_ADMIN) | CAP(DAC_READ_SEARCH) | CAP(FOWNER),
                                       .freedoms = WORKER_MOUNTS | WORKER_UNMOUNTS | WORKER_THREADS,
                                       .files = SCAN_FILES,
                                       .memory_bytes = LIMIT_SCAN_MEMORY_BYTES,
                                       .as_nobody = true };

/* What it writes to and whom it asks it has opened before. As nobody, and without CAP_SYS_RAWIO. */
static const struct kept rescan_kept = { .freedoms = WORKER_ASKS_TARGETS, .files = ROOT_FILES };
/* What it may write to is what is in its /dev. */
static const struct kept change_kept = {
    .dm_capabilities = CAP(SYS_ADMIN),
    .freedoms = WORKER_FORKS | WORKER_ASKS_DEVICES | WORKER_WRITES,
    .dm_freedoms = WORKER_MAPS,
    .may_write = { "/dev" },
    .files = ROOT_FILES,
    .file_bytes = NO_LIMIT,
};

/* A snapshot is made where its origin is active: LVM in it makes devices, and changes tables. */
static const struct kept snapshot_kept = {
    .dm_capabilities = CAP(SYS_ADMIN),
    .freedoms = WORKER_FORKS | WORKER_ASKS_DEVICES | WORKER_WRITES,
    .dm_freedoms = WORKER_MAPS | WORKER_LOADS | WORKER_MAKES_MAPS,
    .may_write = { "/dev" },
    .files = ROOT_FILES,
    .file_bytes = NO_LIMIT,
};

/* LVM in it changes tables, and reads devices. */
static const struct kept refresh_kept = {
    .dm_capabilities = CAP(SYS_ADMIN),
    .freedoms = WORKER_FORKS | WORKER_ASKS_DEVICES,
    .dm_freedoms = WORKER_MAPS | WORKER_LOADS,
    .may_write = { DM_CONTROL, "/dev/null" },
    .files = ROOT_FILES,
    .file_bytes = NO_LIMIT,
};

/* The same, and makes the devices. */
static const struct kept activate_kept = {
    .dm_capabilities = CAP(SYS_ADMIN),
    .freedoms = WORKER_FORKS | WORKER_ASKS_DEVICES,
    .dm_freedoms = WORKER_MAPS | WORKER_LOADS | WORKER_MAKES_MAPS,
    .may_write = { DM_CONTROL, "/dev/null" },
    .files = ROOT_FILES,
    .file_bytes = NO_LIMIT,
};

static int set_limit(__rlimit_resource_t which, uint64_t value)
{
    struct rlimit r = { value, value };

    return setrlimit(which, &r) == 0 ? 0 : -errno;
}

/* What is allowed already is the most there is. */
static int set_files(rlim_t files)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return -errno;
    return set_limit(RLIMIT_NOFILE, files < r.rlim_max ? files : r.rlim_max);
}

static int limit_resources(const struct kept *k, struct err *e)
{
    rlim_t bytes = k->file_bytes;
    int rc = set_limit(RLIMIT_CORE, 0);

    if (rc == 0)
        rc = set_files(k->files == 0 ? FILES : k->files);
    if (rc == 0 && bytes != NO_LIMIT)
        rc = set_limit(RLIMIT_FSIZE, bytes == 0 ? LIMIT_WORKER_RESULT_BYTES : bytes);
#ifndef __SANITIZE_ADDRESS__ /* its shadow takes terabytes of address space */
    if (rc == 0)
        rc = set_limit(RLIMIT_AS,
                       k->memory_bytes == 0 ? LIMIT_WORKER_MEMORY_BYTES : k->memory_bytes);
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

static bool has_mapper(void)
{
    return access(DM_DRIVER, F_OK) == 0;
}

/* A container may have no way to it. */
static bool has_control(void)
{
    return has_mapper() && access(DM_CONTROL, F_OK) == 0;
}

static int drop_privileges(const struct kept *k, bool needs_root, struct err *e)
{
    uint64_t capabilities = k->capabilities;
    int rc = 0;

    if (has_mapper())
        capabilities |= k->dm_capabilities;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        rc = -errno;
    if (rc == 0 && k->as_nobody && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        rc = -errno;
    if (rc == 0 && geteuid() == 0 && !needs_root)
        rc = become_nobody(k->group_of);
    if (rc == 0)
        rc = set_capabilities(geteuid() == 0 || k->as_nobody ? capabilities : 0);
    return rc == 0 ? 0 : err_set(e, rc, "a worker cannot drop its privileges: %s", strerror(-rc));
}

/* LVM opens device-mapper's node anew, for writing. Where there is none, who asks devices writes to
 * nothing at all; else Landlock lets it have that node alone, or, where there is no Landlock, what
 * else it could write is read-only. On a kernel that has neither it gets no node. */
static int filter(const struct kept *k, struct err *e)
{
    bool maps = has_mapper();
    unsigned freedoms = k->freedoms | (maps ? k->dm_freedoms : 0);
    int ruled = 0;

    if (k->may_write[0] != NULL && (maps || (k->freedoms & WORKER_WRITES) != 0))
        ruled = worker_rules(k->may_write, e);
    if (ruled == 0 && k->may_write[0] != NULL && has_control())
        ruled = worker_frozen_mounts(e);
    if (ruled < 0)
        return ruled;
    return worker_filter(freedoms | (ruled > 0 ? WORKER_IS_RULED : 0), e);
}

static int confine(const struct kept *k, bool needs_root, int parent, struct err *e)
{
    int rc = limit_resources(k, e);

    if (rc == 0 && k->all_devices && has_control() && !worker_rules_are_there())
        rc = worker_frozen_nodes(e);
    if (rc == 0)
        rc = drop_privileges(k, needs_root, e);
    if (rc < 0)
        return rc;
    /* After the change of user, which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return err_set(e, -errno, "a worker cannot bind its life to the supervisor's: %s",
                       strerror(errno));
    if (getppid() != parent)
        return err_set(e, -ESRCH, "the supervisor that started this worker is gone");
    return filter(k, e);
}

int worker_confine(enum worker_kind kind, bool needs_root, int parent, struct err *e)
{
    return confine(&kept[kind], needs_root, parent, e);
}

int worker_confine_scan(int parent, struct err *e)
{
    return confine(&scan_kept, false, parent, e);
}

int worker_confine_rescan(int parent, struct err *e)
{
    return confine(&rescan_kept, false, parent, e);
}

int worker_confine_change(int parent, struct err *e)
{
    return confine(&change_kept, true, parent, e);
}

int worker_confine_snapshot(int parent, struct err *e)
{
    return confine(&snapshot_kept, true, parent, e);
}

int worker_confine_refresh(int parent, struct err *e)
{
    return confine(&refresh_kept, true, parent, e);
}

int worker_confine_activate(int parent, struct err *e)
{
    return confine(&activate_kept, true, parent, e);
}

int worker_confine_walk(struct err *e)
{
    return worker_filter(WORKER_UNMOUNTS | WORKER_THREADS, e);
}
