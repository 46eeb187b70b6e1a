/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/blkzoned.h>
#include <linux/btrfs.h>
#include <linux/cdrom.h>
#include <linux/dm-ioctl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifndef ARCHITECTURE

int worker_filter(unsigned freedoms, struct err *e)
{
    (void)freedoms;
    (void)e;
    return 0;
}

#else

#define X32_BIT     0x40000000u /* the other calls of x86-64, by other numbers */
#define WRITE_FLAGS (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define NEW_SPACES                                                                             \
    (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
     CLONE_NEWCGROUP)

/* Change the machine, get round this filter, or leave the group that is killed with the worker. */
static const int of_nobody[] = {
    SYS_acct,          SYS_adjtimex,       SYS_bpf,           SYS_chroot,
    SYS_clock_adjtime, SYS_clock_settime,  SYS_delete_module, SYS_finit_module,
    SYS_fsconfig,      SYS_fsmount,        SYS_fsopen,        SYS_fspick,
    SYS_init_module,   SYS_io_uring_setup, SYS_kexec_load,    SYS_keyctl,
    SYS_mount,         SYS_mount_setattr,  SYS_move_mount,    SYS_open_by_handle_at,
    SYS_open_tree,     SYS_pidfd_getfd,    SYS_pivot_root,    SYS_process_vm_writev,
    SYS_ptrace,        SYS_quotactl,       SYS_reboot,        SYS_setdomainname,
    SYS_sethostname,   SYS_setns,          SYS_setsid,        SYS_settimeofday,
    SYS_swapoff,       SYS_swapon,         SYS_umount2,       SYS_unshare,
    SYS_userfaultfd,
#ifdef SYS_iopl
    SYS_iopl,          SYS_ioperm,
#endif
};

/* Of the above, for who mounts. */
static const int of_mounters[] = {
    SYS_fsconfig, SYS_fsmount, SYS_fsopen, SYS_mount_setattr, SYS_move_mount, SYS_open_tree,
};

/* Start processes, and reach them. */
static const int of_forkers[] = {
    SYS_clone,
    SYS_kill,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
};

/* Change files, start programs, or reach other processes. */
static const int of_lookers[] = {
    SYS_connect,
    SYS_execve,
    SYS_execveat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_fremovexattr,
    SYS_fsetxattr,
    SYS_linkat,
    SYS_lremovexattr,
    SYS_lsetxattr,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_pidfd_send_signal,
    SYS_process_vm_readv,
    SYS_removexattr,
    SYS_renameat,
    SYS_renameat2,
    SYS_setxattr,
    SYS_symlinkat,
    SYS_tkill,
    SYS_truncate,
    SYS_unlinkat,
    SYS_utimensat,
#ifdef SYS_open
    SYS_chmod,
    SYS_chown,
    SYS_creat,
    SYS_futimesat,
    SYS_lchown,
    SYS_link,
    SYS_mkdir,
    SYS_mknod,
    SYS_rename,
    SYS_rmdir,
    SYS_symlink,
    SYS_unlink,
    SYS_utime,
    SYS_utimes,
#endif
};

/* What asks a device for something, and what libc asks any file. */
static const unsigned long questions[] = {
    BLKALIGNOFF,     BLKBSZGET,         BLKDISCARDZEROES, BLKGETDISKSEQ,
    BLKGETSIZE,      BLKGETSIZE64,      BLKGETZONESZ,     BLKIOMIN,
    BLKIOOPT,        BLKPBSZGET,        BLKRAGET,         BLKROGET,
    BLKROTATIONAL,   BLKSECTGET,        BLKSSZGET,        CDROM_GET_CAPABILITY,
    DM_DEV_STATUS,   DM_LIST_DEVICES,   DM_LIST_VERSIONS, DM_TABLE_DEPS,
    DM_TABLE_STATUS, DM_VERSION,        FIONREAD,         HDIO_GETGEO,
    LOOP_GET_STATUS, LOOP_GET_STATUS64, TCGETS,
};

/* The same, and what makes a loop device of a descriptor, and ends what btrfs knows of it. Of
 * device-mapper, how a snapshot is: it was made before. */
static const unsigned long of_scans[] = {
    BLKGETSIZE64,   BLKSSZGET,         BTRFS_IOC_FORGET_DEV, DM_TABLE_STATUS, FIONREAD,
    LOOP_CONFIGURE, LOOP_CTL_GET_FREE, LOOP_GET_STATUS64,    TCGETS,
};

/* Of a rescan, which asks a target for its LUNs. */
static const unsigned long of_rescans[] = { FIONREAD, SG_IO, TCGETS };
/* IOCTL_PRIVCMD_HYPERCALL (Xen's sys/privcmd.h): a number and five arguments. */
#define HYPERCALL _IOC(_IOC_NONE, 'P', 0, 6 * sizeof(uint64_t))
static const unsigned long of_xen[] = { FIONREAD, HYPERCALL, TCGETS };
/* What makes a suspended device go on. */
static const unsigned long of_mappers[] = { DM_DEV_SUSPEND, DM_TABLE_CLEAR };
/* What gives it another table, and takes it away. */
static const unsigned long of_loaders[] = { DM_DEV_REMOVE, DM_TABLE_LOAD };
/* What makes it, and finds out whether the kernel knows its kind of target. */
static const unsigned long of_makers[] = { DM_DEV_CREATE, DM_GET_TARGET_VERSION };

enum {
    MOST = 2 * (ARRAY_LEN(of_nobody) + ARRAY_LEN(of_forkers) + ARRAY_LEN(of_lookers) +
                ARRAY_LEN(questions) + ARRAY_LEN(of_mappers) + ARRAY_LEN(of_loaders) +
                ARRAY_LEN(of_makers)) +
           64
};

struct program {
    struct sock_filter at[MOST];
    unsigned short n;
};

static void add(struct program *p, struct sock_filter x)
{
    p->at[p->n++] = x;
}

static void load(struct program *p, size_t offset)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void answer(struct program *p, int code)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, code == 0
                                                             ? SECCOMP_RET_ALLOW
                                                             : SECCOMP_RET_ERRNO | (uint32_t)code));
}

/* The number is loaded. */
static void refuse(struct program *p, int call, int code)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1));
    answer(p, code);
}

/* Refused if argument `i` passes the test (BPF_JEQ: is `value`; BPF_JSET: has bits of it), which
 * `want` says to be true or not; else allowed. Only the lower half of the argument is looked at,
 * which is all that the kernel takes of these. */
static void refuse_if(struct program *p, int call, unsigned i, uint16_t test, uint32_t value,
                      bool want)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4));
    load(p, offsetof(struct seccomp_data, args) + 8 * i);
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, want ? 0 : 1, want ? 1 : 0));
    answer(p, EPERM);
    answer(p, 0);
}

/* The number is loaded. Allowed with one of these as its second argument, of which the kernel takes
 * the lower half alone; else refused. */
static void refuse_unless(struct program *p, int call, const unsigned long *values, uint8_t n)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0,
                                        (uint8_t)(2 * n + 2)));
    load(p, offsetof(struct seccomp_data, args) + 8);
    for (uint8_t i = 0; i < n; i++) {
        add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)values[i], 0, 1));
        answer(p, 0);
    }
    answer(p, EPERM);
}

static void refuse_all(struct program *p, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        refuse(p, calls[i], EPERM);
}

static void write_head(struct program *p)
{
    load(p, offsetof(struct seccomp_data, arch));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    answer(p, EPERM);
    load(p, offsetof(struct seccomp_data, nr));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
    answer(p, EPERM);
}

static bool is_free(int call, unsigned freedoms)
{
    if (call == SYS_umount2)
        return (freedoms & WORKER_UNMOUNTS) != 0;
    for (size_t i = 0; i < ARRAY_LEN(of_mounters); i++) {
        if (of_mounters[i] == call)
            return (freedoms & WORKER_MOUNTS) != 0;
    }
    return false;
}

static void refuse_nobody(struct program *p, unsigned freedoms)
{
    for (size_t i = 0; i < ARRAY_LEN(of_nobody); i++) {
        if (!is_free(of_nobody[i], freedoms))
            refuse(p, of_nobody[i], EPERM);
    }
}

/* Who starts processes gets no new name spaces for them, and signals no groups of others. */
static void write_forks(struct program *p, unsigned freedoms)
{
    if ((freedoms & WORKER_THREADS) != 0)
        refuse_if(p, SYS_clone, 0, BPF_JSET, CLONE_THREAD, false);
    if ((freedoms & (WORKER_RUNS_PROGRAMS | WORKER_FORKS)) == 0)
        refuse_all(p, of_forkers, ARRAY_LEN(of_forkers));
    if ((freedoms & WORKER_FORKS) == 0)
        refuse(p, SYS_setpgid, EPERM);
    else
        refuse_if(p, SYS_kill, 0, BPF_JSET, 1u << 31, true);
    if ((freedoms & (WORKER_RUNS_PROGRAMS | WORKER_FORKS)) != 0)
        refuse_if(p, SYS_clone, 0, BPF_JSET, NEW_SPACES, true);
}

/* Allowed with one of these; the list goes on. */
static void allow_also(struct program *p, int call, const unsigned long *values, uint8_t n)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0,
                                        (uint8_t)(2 * n + 2)));
    load(p, offsetof(struct seccomp_data, args) + 8);
    for (uint8_t i = 0; i < n; i++) {
        add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)values[i], 0, 1));
        answer(p, 0);
    }
    load(p, offsetof(struct seccomp_data, nr));
}

static void write_ioctls(struct program *p, unsigned freedoms)
{
    if ((freedoms & WORKER_MAPS) != 0)
        allow_also(p, SYS_ioctl, of_mappers, ARRAY_LEN(of_mappers));
    if ((freedoms & WORKER_LOADS) != 0)
        allow_also(p, SYS_ioctl, of_loaders, ARRAY_LEN(of_loaders));
    if ((freedoms & WORKER_MAKES_MAPS) != 0)
        allow_also(p, SYS_ioctl, of_makers, ARRAY_LEN(of_makers));
    if ((freedoms & WORKER_UNMOUNTS) != 0)
        refuse_unless(p, SYS_ioctl, of_scans, ARRAY_LEN(of_scans));
    else if ((freedoms & WORKER_ASKS_TARGETS) != 0)
        refuse_unless(p, SYS_ioctl, of_rescans, ARRAY_LEN(of_rescans));
    else if ((freedoms & WORKER_ASKS_XEN) != 0)
        refuse_unless(p, SYS_ioctl, of_xen, ARRAY_LEN(of_xen));
    else if ((freedoms & WORKER_ASKS_DEVICES) != 0)
        refuse_unless(p, SYS_ioctl, questions, ARRAY_LEN(questions));
}

static void write_program(struct program *p, unsigned freedoms)
{
    bool opens = (freedoms & (WORKER_IS_RULED | WORKER_WRITES)) != 0;
    uint32_t writing = opens ? O_CREAT | O_TRUNC : WRITE_FLAGS;

    write_head(p);
    refuse_nobody(p, freedoms);
    /* Their flags are in memory that a filter does not see; libc knows other ways. */
    refuse(p, SYS_clone3, ENOSYS);
    if ((freedoms & WORKER_UNMOUNTS) == 0)
        refuse(p, SYS_openat2, ENOSYS);
    write_forks(p, freedoms);
    write_ioctls(p, freedoms);
    if ((freedoms & WORKER_RUNS_PROGRAMS) == 0) {
        refuse_all(p, of_lookers, ARRAY_LEN(of_lookers));
        refuse_if(p, SYS_openat, 2, BPF_JSET, writing, true);
#ifdef SYS_open
        refuse_if(p, SYS_open, 1, BPF_JSET, writing, true);
#endif
        refuse_if(p, SYS_socket, 0, BPF_JEQ, AF_UNIX, true);
        refuse_if(p, SYS_tgkill, 0, BPF_JEQ, (uint32_t)getpid(), false); /* abort() */
    }
    answer(p, 0);
}

int worker_filter(unsigned freedoms, struct err *e)
{
    struct program p = { .n = 0 };
    struct sock_fprog f = { .filter = p.at };

    write_program(&p, freedoms);
    f.len = p.n;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &f, 0, 0) != 0 && errno != EINVAL)
        return err_set(e, -errno, "a worker cannot limit what it asks of the kernel: %s",
                       strerror(errno));
    return 0;
}

#endif
