/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
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

int worker_filter(bool runs_programs, struct err *e)
{
    (void)runs_programs;
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
    SYS_acct,
    SYS_adjtimex,
    SYS_bpf,
    SYS_chroot,
    SYS_clock_adjtime,
    SYS_clock_settime,
    SYS_delete_module,
    SYS_finit_module,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fsopen,
    SYS_fspick,
    SYS_init_module,
    SYS_io_uring_setup,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_mount,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_open_by_handle_at,
    SYS_open_tree,
    SYS_pivot_root,
    SYS_process_vm_writev,
    SYS_ptrace,
    SYS_quotactl,
    SYS_reboot,
    SYS_setdomainname,
    SYS_sethostname,
    SYS_setns,
    SYS_setpgid,
    SYS_setsid,
    SYS_settimeofday,
    SYS_swapoff,
    SYS_swapon,
    SYS_umount2,
    SYS_unshare,
    SYS_userfaultfd,
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
};

/* Change files, start programs, or reach other processes. */
static const int of_lookers[] = {
    SYS_clone,
    SYS_connect,
    SYS_execve,
    SYS_execveat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_fremovexattr,
    SYS_fsetxattr,
    SYS_kill,
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
    SYS_fork,
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
    SYS_vfork,
#endif
};

enum { MOST = 2 * (ARRAY_LEN(of_nobody) + ARRAY_LEN(of_lookers)) + 64 };

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

static void write_head(struct program *p)
{
    load(p, offsetof(struct seccomp_data, arch));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    answer(p, EPERM);
    load(p, offsetof(struct seccomp_data, nr));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
    answer(p, EPERM);
}

static void write_program(struct program *p, bool runs_programs)
{
    write_head(p);
    for (size_t i = 0; i < ARRAY_LEN(of_nobody); i++)
        refuse(p, of_nobody[i], EPERM);
    /* Their flags are in memory that a filter does not see; libc knows other ways. */
    refuse(p, SYS_clone3, ENOSYS);
    refuse(p, SYS_openat2, ENOSYS);
    if (runs_programs) {
        refuse_if(p, SYS_clone, 0, BPF_JSET, NEW_SPACES, true);
    } else {
        for (size_t i = 0; i < ARRAY_LEN(of_lookers); i++)
            refuse(p, of_lookers[i], EPERM);
        refuse_if(p, SYS_openat, 2, BPF_JSET, WRITE_FLAGS, true);
#ifdef SYS_open
        refuse_if(p, SYS_open, 1, BPF_JSET, WRITE_FLAGS, true);
#endif
        refuse_if(p, SYS_socket, 0, BPF_JEQ, AF_UNIX, true);
        refuse_if(p, SYS_tgkill, 0, BPF_JEQ, (uint32_t)getpid(), false); /* abort() */
    }
    answer(p, 0);
}

int worker_filter(bool runs_programs, struct err *e)
{
    struct program p = { .n = 0 };
    struct sock_fprog f = { .filter = p.at };

    write_program(&p, runs_programs);
    f.len = p.n;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &f, 0, 0) != 0 && errno != EINVAL)
        return err_set(e, -errno, "a worker cannot limit what it asks of the kernel: %s",
                       strerror(errno));
    return 0;
}

#endif
