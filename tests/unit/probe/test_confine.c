/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker can no longer do once it has given up what it does not need. Each trial runs in a
 * child, whose exit status says what it came to. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/blktrace_api.h>
#include <linux/blkpg.h>
#include <linux/capability.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/nvme_ioctl.h>
#include <linux/pr.h>
#include <sched.h>
#include <scsi/sg.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "collect/collect.h"
#include "collect/prepare.h"
#include "collect/read_block.h"
#include "collect/read_label.h"
#include "collect/read_lvm.h"
#include "worker_filter.h"
#include "worker_limits.h"
#include "worker_talk.h"

enum { EXIT_UNCONFINED = 100, EXIT_SKIP = 77 };

/* Runs `trial` in a confined child: its result. */
static int confined(enum worker_kind kind, int (*trial)(void))
{
    int status = 0, parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        struct err e = { "" };

        collect_prepare(kind);
        if (worker_confine(kind, collect_needs_root(kind), parent, &e) < 0) {
            fprintf(stderr, "%s\n", e.text);
            _exit(EXIT_UNCONFINED);
        }
        _exit(trial());
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void expect(enum worker_kind kind, int (*trial)(void), const char *what)
{
    int got = confined(kind, trial);

    cr_expect_eq(got, 0, "%s: %s, %s", worker_kind_name(kind), what,
                 got < EXIT_UNCONFINED ? strerror(got) : "not confined");
}

/* The value of a line of /proc/self/status; -1: there is none. */
static long long own_status(const char *name, int base)
{
    char line[256];
    long long value = -1;
    FILE *f = fopen("/proc/self/status", "re");

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoll(line + strlen(name), NULL, base);
    }
    if (f != NULL)
        fclose(f);
    return value;
}

/* 0 if the call was refused by the filter or by the rules; else what it came to. */
static int refused(long rc)
{
    return rc < 0 && (errno == EPERM || errno == EACCES) ? 0 : rc < 0 ? errno : 1;
}

static int gains_nothing(void)
{
    return own_status("NoNewPrivs:", 10) == 1 && own_status("Seccomp:", 10) == 2 ? 0 : 1;
}

static int has_no_capabilities(void)
{
    return own_status("CapEff:", 16) == 0 && own_status("CapPrm:", 16) == 0 &&
                   own_status("CapInh:", 16) == 0 && own_status("CapAmb:", 16) == 0
               ? 0
               : 1;
}

static int is_nobody(void)
{
    return getuid() != 0 && geteuid() != 0 && setuid(0) != 0 && getgroups(0, NULL) == 0 ? 0 : 1;
}

static int is_limited(void)
{
    struct rlimit core, size, files;

    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_FSIZE, &size);
    getrlimit(RLIMIT_NOFILE, &files);
    return core.rlim_max == 0 && size.rlim_max == LIMIT_WORKER_RESULT_BYTES && files.rlim_max == 64
               ? 0
               : 1;
}

static int has_room_for_descriptors(void)
{
    struct rlimit core, files;

    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_NOFILE, &files);
    return core.rlim_max == 0 && files.rlim_max >= 1024 && files.rlim_max <= 8192 ? 0 : 1;
}

static int takes_too_much_memory(void)
{
    void *p = mmap(NULL, LIMIT_WORKER_MEMORY_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED && errno == ENOMEM ? 0 : 1;
}

static int open_new(void)
{
    return refused(open("/tmp/muster-test-confine", O_CREAT | O_RDONLY, 0600));
}

static int open_for_writing(void)
{
    return refused(open("/dev/zero", O_WRONLY));
}

static int remove_file(void)
{
    return refused(unlink("/nonexistent"));
}

static int start_process(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return refused(pid);
}

static int start_program(void)
{
    char *const argv[] = { NULL };

    return refused(execve("/bin/true", argv, argv));
}

static int signal_parent(void)
{
    return refused(kill(getppid(), 0));
}

static int trace_parent(void)
{
    return refused(ptrace(PTRACE_SEIZE, getppid(), 0, 0));
}

static int talk_to_others(void)
{
    return refused(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int make_user_namespace(void)
{
    return refused(unshare(CLONE_NEWUSER));
}

static int do_mount(void)
{
    return refused(syscall(SYS_mount, "none", "/nonexistent", "tmpfs", 0, NULL));
}

static int leave_group(void)
{
    return refused(setsid());
}

static int use_ring(void)
{
    return refused(syscall(SYS_io_uring_setup, 1, NULL));
}

static int read_file(void)
{
    char byte;
    int fd = open("/proc/self/stat", O_RDONLY);

    return fd >= 0 && read(fd, &byte, 1) == 1 ? 0 : errno;
}

static int ask_kernel(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0) >= 0 && socket(AF_INET, SOCK_DGRAM, 0) >= 0 ? 0 : errno;
}

static int make_result(void)
{
    return worker_memfd("x", 1, true) >= 0 ? 0 : errno;
}

static int signal_group(void)
{
    return refused(kill(-getpgrp(), 0));
}

static int take_descriptor(void)
{
    int pidfd = (int)syscall(SYS_pidfd_open, getppid(), 0);

    return refused(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

#define SYSTEM  (1u << WORKER_SYSTEM)
#define LLDP    (1u << WORKER_LLDP)
#define STORAGE (1u << WORKER_STORAGE)
#define LVM     (1u << WORKER_LVM)

static const struct {
    int (*trial)(void);
    const char *what;
    unsigned but; /* kinds that may, or have other limits */
} trials[] = {
    { gains_nothing, "no_new_privs and a filter", 0 },
    { is_limited, "resource limits", SYSTEM | STORAGE | LVM },
    { open_new, "a new file", LLDP },
    { open_for_writing, "opens a file for writing", LLDP },
    { remove_file, "removes a file", LLDP },
    { start_process, "starts a process", LLDP | STORAGE | LVM },
    { start_program, "starts a program", LLDP },
    { signal_parent, "signals another process", STORAGE | LVM },
    { signal_group, "signals a group", LLDP },
    { trace_parent, "traces another process", 0 },
    { take_descriptor, "takes another's descriptor", 0 },
    { talk_to_others, "has a local socket", LLDP },
    { make_user_namespace, "makes a user namespace", 0 },
    { do_mount, "mounts", 0 },
    { leave_group, "leaves its session", 0 },
    { use_ring, "has calls made by io_uring", 0 },
    { read_file, "reads a file", 0 },
    { ask_kernel, "asks the kernel", 0 },
    { make_result, "makes its result", 0 },
};

Test(confine, a_worker_cannot_do_what_it_need_not)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        for (size_t i = 0; i < ARRAY_LEN(trials); i++) {
            if (trials[i].trial == signal_parent && k == WORKER_LLDP && geteuid() != 0)
                continue; /* the parent is of the same user */
            if (!((trials[i].but >> k) & 1u))
                expect((enum worker_kind)k, trials[i].trial, trials[i].what);
        }
    }
    expect(WORKER_SYSTEM, has_room_for_descriptors, "resource limits");
    expect(WORKER_STORAGE, has_room_for_descriptors, "resource limits");
    expect(WORKER_LVM, has_room_for_descriptors, "resource limits");
}

/* ---- devices -------------------------------------------------------------------------------- */

static char device[32]; /* a loop device with a file of DEVICE_BYTES in memory */

enum { DEVICE_BYTES = 8 << 20 };

static bool attach_device(void)
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number = -1, fd = -1, file;
    bool done = false;

    file = memfd_create("muster-test-device", MFD_CLOEXEC);
    /* Others attach devices, too. */
    for (int i = 0; control >= 0 && i < 50 && !done; i++) {
        number = ioctl(control, LOOP_CTL_GET_FREE);
        snprintf(device, sizeof device, "/dev/loop%d", number);
        fd = open(device, O_RDWR | O_CLOEXEC);
        done = fd >= 0 && ftruncate(file, DEVICE_BYTES) == 0 && ioctl(fd, LOOP_SET_FD, file) == 0;
        if (fd >= 0)
            close(fd);
    }
    close(file);
    if (control >= 0)
        close(control);
    return done;
}

static void detach_device(void)
{
    int fd = open(device, O_RDONLY | O_CLOEXEC);

    ioctl(fd, LOOP_CLR_FD, 0);
    close(fd);
}

static int open_device_for_writing(void)
{
    int rc = refused(open(device, O_WRONLY));

    return rc == 0 ? refused(open(device, O_RDWR)) : rc;
}

static int open_device_again_for_writing(void)
{
    char path[64];
    int fd = open(device, O_RDONLY);

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return fd < 0 ? errno : refused(open(path, O_RDWR));
}

static int write_without_leave(void)
{
    char block[4096] = "x";
    struct iocb io = { .aio_lio_opcode = IOCB_CMD_PWRITE,
                       .aio_buf = (uintptr_t)block,
                       .aio_nbytes = sizeof block },
                *ios[] = { &io };
    aio_context_t ring = 0;
    int fd = open(device, O_RDONLY);

    io.aio_fildes = (uint32_t)fd;
    if (fd < 0 || syscall(SYS_io_setup, 1, &ring) != 0)
        return errno;
    if (pwrite(fd, block, sizeof block, 0) >= 0 || errno != EBADF)
        return 1;
    return syscall(SYS_io_submit, ring, 1, ios) < 0 && errno == EBADF ? 0 : 1;
}

static int change_by_ioctl(void)
{
    static const unsigned long orders[] = {
        BLKDISCARD,
        BLKSECDISCARD,
        BLKZEROOUT,
        BLKROSET,
        BLKFLSBUF,
        BLKRRPART,
        BLKPG,
        BLKTRACESETUP,
        LOOP_CLR_FD,
        LOOP_SET_STATUS64,
        LOOP_CHANGE_FD,
        LOOP_CONFIGURE,
        SG_IO,
        NVME_IOCTL_IO_CMD,
        NVME_IOCTL_ADMIN_CMD,
        NVME_IOCTL_RESET,
        DM_DEV_CREATE,
        DM_DEV_REMOVE,
        DM_DEV_SUSPEND,
        DM_TABLE_LOAD,
        DM_TABLE_CLEAR,
        DM_TARGET_MSG,
        DM_REMOVE_ALL,
        IOC_PR_REGISTER,
        IOC_PR_CLEAR,
        FICLONE,
        FS_IOC_SETFLAGS,
        TIOCSTI,
        IOC_PR_PREEMPT_ABORT,
    };
    uint64_t nothing[64] = { 0 };
    int fd = open(device, O_RDONLY);

    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        if (refused(ioctl(fd, orders[i], nothing)) != 0) {
            fprintf(stderr, "ioctl %#lx: %s\n", orders[i], strerror(errno));
            return 1;
        }
    }
    return 0;
}

static int ask_device(void)
{
    _Alignas(4096) static char block[4096];
    int fd = open(device, O_RDONLY | O_DIRECT | O_NONBLOCK), sector = 0;
    struct loop_info64 info;
    uint64_t size = 0;

    if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) != 0 || ioctl(fd, BLKSSZGET, &sector) != 0 ||
        ioctl(fd, LOOP_GET_STATUS64, &info) != 0)
        return errno;
    return size == DEVICE_BYTES && pread(fd, block, sizeof block, 0) == sizeof block ? 0 : 1;
}

static int read_its_label(void)
{
    static struct label_memory memory;
    struct label_device d = { .path = device };
    struct label_answer answer;
    struct arena *a = arena_new(0);
    struct stat st;
    struct err e = { "" };

    if (stat(device, &st) != 0)
        return errno;
    d.devnum = st.st_rdev;
    if (read_labels(&d, 1, label_open, 3000, &memory, a, &answer, &e) != 0)
        return 1;
    if (answer.status != LABEL_READ)
        fprintf(stderr, "%s\n", answer.text);
    return answer.status == LABEL_READ && answer.size_bytes == DEVICE_BYTES ? 0 : 1;
}

static int let_lvm_ask(void)
{
    struct lvm_device d = { .path = device };
    struct section out[3];
    struct arena *a = arena_new(0);
    struct lvm_tables tables = { 0 };
    struct err e = { "" };
    size_t n;

    if (collect_lvm("", &d, 1, a, out, &n, &tables, &e) != 0 || out[0].status_text != NULL)
        fprintf(stderr, "%s: %s\n", out[0].status_text, e.text);
    return out[0].status_text == NULL || out[0].status == SECTION_ABSENT ? 0 : 1;
}

Test(confine, a_worker_reads_devices_and_cannot_change_them)
{
    if (geteuid() != 0 || !attach_device())
        cr_skip_test("SKIP: needs root and loop devices");
    for (int k = WORKER_STORAGE; k <= WORKER_LVM; k++) {
        enum worker_kind kind = (enum worker_kind)k;

        expect(kind, ask_device, "asks a device");
        expect(kind, open_device_for_writing, "opens a device for writing");
        expect(kind, open_device_again_for_writing, "opens a device anew for writing");
        expect(kind, write_without_leave, "writes");
        expect(kind, change_by_ioctl, "ioctl");
    }
    expect(WORKER_STORAGE, read_its_label, "reads the label");
    expect(WORKER_LVM, read_its_label, "reads the label");
    expect(WORKER_LVM, let_lvm_ask, "LVM");
    detach_device();
}

/* Its snapshot is made before: of device-mapper it asks how a table is, and orders nothing. */
/* It has open what it writes to, and SG_IO; all else that changes something is refused. */
static int rescan_can_do_no_more(void)
{
    static const unsigned long others[] = {
        BLKFLSBUF,     BLKRRPART,   BLKROSET, LOOP_CLR_FD, NVME_IOCTL_ADMIN_CMD,
        DM_TABLE_LOAD, BLKGETSIZE64
    };
    int null = open("/dev/null", O_WRONLY), status = 0;
    struct err e = { "" };

    if (worker_confine_rescan(getppid(), &e) < 0)
        return EXIT_UNCONFINED;
    if (geteuid() == 0 || own_status("CapPrm", 16) != 0)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (ioctl(null, others[i], 0) == 0 || errno != EPERM)
            return (int)(10 + i);
    }
    if (ioctl(null, SG_IO, 0) == 0 || errno == EPERM)
        return 2;
    if (write(null, "1", 1) != 1)
        return 3;
    if (open("/dev/null", O_WRONLY) >= 0 || errno != EPERM)
        return 4;
    if (open("/dev/null", O_RDWR) >= 0 || errno != EPERM)
        return 5;
    if (fork() >= 0 || errno != EPERM)
        return 6;
    status = mount("none", "/", NULL, 0, NULL);
    return status == 0 || errno != EPERM ? 7 : 0;
}

Test(confine, a_rescan_writes_to_what_it_has_open_and_asks_and_no_more)
{
    int status = 0;
    pid_t pid;

    if (geteuid() != 0)
        cr_skip_test("it gives up being root");
    pid = fork();
    if (pid == 0)
        _exit(rescan_can_do_no_more());
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
    cr_expect_eq(WEXITSTATUS(status), 0, "%d", WEXITSTATUS(status));
}

static int scans_with_no_orders(void)
{
    static const unsigned long orders[] = {
        DM_DEV_CREATE,  DM_DEV_REMOVE, DM_DEV_RENAME, DM_DEV_SUSPEND, DM_TABLE_LOAD,
        DM_TABLE_CLEAR, DM_TARGET_MSG, DM_REMOVE_ALL, BLKFLSBUF,      BLKROSET,
        BLKDISCARD,     LOOP_CLR_FD,   SG_IO,
    };
    uint64_t nothing[64] = { 0 };
    struct err e = { "" };
    int fd = open(device, O_RDONLY);

    for (int walks = 0; walks < 2; walks++) {
        if (fd < 0 ||
            (walks == 0 ? worker_confine_scan(getppid(), &e) : worker_confine_walk(&e)) < 0)
            return 2;
        for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
            if (refused(ioctl(fd, orders[i], nothing)) != 0)
                return 3;
        }
        if (refused(ioctl(fd, DM_TABLE_STATUS, nothing)) == 0)
            return 4;
        if (refused(open(device, O_RDWR)) != 0)
            return 5;
    }
    return 0;
}

Test(confine, a_scan_orders_nothing_of_devices)
{
    int status = 0;
    pid_t pid;

    if (geteuid() != 0 || !attach_device())
        cr_skip_test("SKIP: needs root and loop devices");
    pid = fork();
    if (pid == 0)
        _exit(scans_with_no_orders());
    waitpid(pid, &status, 0);
    detach_device();
    cr_expect_eq(status, 0, "%#x", (unsigned)status);
}

/* ---- multipathd ----------------------------------------------------------------------------- */

#define MULTIPATHD "\0/org/kernel/linux/storage/multipathd"

static const char maps[] = "{\"maps\":[]}";

/* A multipathd that has one connection and answers one question, or hangs up. */
static pid_t serve_maps(const char *answer)
{
    struct sockaddr_un own = { .sun_family = AF_UNIX };
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + sizeof MULTIPATHD - 1;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char question[64] = "";
    size_t n = 0;
    pid_t pid;

    memcpy(own.sun_path, MULTIPATHD, sizeof MULTIPATHD - 1);
    cr_assert_eq(bind(s, (struct sockaddr *)&own, length), 0);
    cr_assert_eq(listen(s, 1), 0);
    pid = fork();
    if (pid == 0) {
        int c = accept(s, NULL, NULL);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (recv(c, &n, sizeof n, MSG_WAITALL) != sizeof n || n != sizeof "show maps json" ||
            recv(c, question, n, MSG_WAITALL) != (ssize_t)n ||
            strcmp(question, "show maps json") != 0)
            _exit(1);
        n = strlen(answer) + 1;
        if (n > 1 && (write(c, &n, sizeof n) != sizeof n || write(c, answer, n) != (ssize_t)n))
            _exit(2);
        _exit(0);
    }
    close(s);
    return pid;
}

static int ask_multipathd(void)
{
    struct arena *a = arena_new(0);
    struct bytes got;

    if (prepared(PREPARED_MULTIPATHD) < 0)
        return 2;
    return read_multipathd(prepared(PREPARED_MULTIPATHD), a, &got) == 0 &&
                   got.n == sizeof maps - 1 && memcmp(got.p, maps, got.n) == 0
               ? 0
               : 1;
}

static int get_nothing(void)
{
    struct arena *a = arena_new(0);
    struct bytes got = { (const uint8_t *)"x", 1 };

    return read_multipathd(prepared(PREPARED_MULTIPATHD), a, &got) == 0 && got.n == 0 ? 0 : 1;
}

Test(confine, multipathd_is_asked_over_a_socket_that_was_opened_before)
{
    int status = 0;
    pid_t pid;

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
        cr_skip_test("SKIP: a network namespace needs root");
    expect(WORKER_STORAGE, get_nothing, "there is none");
    pid = serve_maps(maps);
    expect(WORKER_STORAGE, ask_multipathd, "asks multipathd");
    waitpid(pid, &status, 0);
    cr_expect_eq(status, 0, "%#x", (unsigned)status);
    pid = serve_maps("");
    expect(WORKER_STORAGE, get_nothing, "it hangs up");
    waitpid(pid, &status, 0);
    cr_expect_eq(status, 0, "%#x", (unsigned)status);
}

/* Rules in place of the filter, as LVM has them where there is device-mapper. */
static int is_ruled(void)
{
    struct err e = { "" };
    static const char *const paths[] = { "/dev/mapper/control", "/dev/null", NULL };
    int rc = worker_rules(paths, &e), null;

    if (rc == 0)
        return EXIT_SKIP;
    null = open("/dev/null", O_RDWR);
    if (rc < 0 || null < 0)
        return 1;
    if (open(device, O_RDWR) >= 0 || errno != EACCES || open(device, O_RDONLY) < 0)
        return 2;
    if (open("/tmp/muster-test-confine", O_CREAT | O_RDONLY, 0600) >= 0 || errno != EACCES)
        return 3;
    return worker_memfd("x", 1, true) < 0 ? 4 : let_lvm_ask();
}

Test(confine, rules_let_write_to_no_device)
{
    int status = 0;
    pid_t pid;

    if (geteuid() != 0 || !attach_device())
        cr_skip_test("SKIP: needs root and loop devices");
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit(is_ruled());
    }
    waitpid(pid, &status, 0);
    detach_device();
    if (status == EXIT_SKIP << 8)
        cr_skip_test("SKIP: this kernel has no Landlock");
    cr_expect_eq(status, 0, "%#x", (unsigned)status);
}

Test(confine, memory_is_limited)
{
#ifdef __SANITIZE_ADDRESS__
    cr_skip_test("SKIP: the sanitizer itself takes terabytes of address space");
#endif
    expect(WORKER_NET, takes_too_much_memory, "memory");
}

Test(confine, root_is_given_up)
{
    if (geteuid() != 0)
        cr_skip_test("SKIP: only root has something to give up");
    expect(WORKER_NET, is_nobody, "another user");
    expect(WORKER_LLDP, is_nobody, "another user");
    expect(WORKER_NET, has_no_capabilities, "capabilities");
    expect(WORKER_LLDP, has_no_capabilities, "capabilities");
    expect(WORKER_XEN, is_nobody, "another user");
    expect(WORKER_XEN, has_no_capabilities, "capabilities");
}

/* IOCTL_PRIVCMD_HYPERCALL, which no file here knows, and IOCTL_PRIVCMD_MMAP beside it. */
static int makes_hypercalls_alone(void)
{
    int fd = open("/dev/null", O_RDONLY);

    if (ioctl(fd, _IOC(_IOC_NONE, 'P', 0, 48), 0) == 0 || errno != ENOTTY)
        return 1;
    if (refused(ioctl(fd, _IOC(_IOC_NONE, 'P', 2, 16), 0)) != 0)
        return 2;
    return refused(ioctl(fd, BLKGETSIZE64, 0)) == 0 ? 0 : 3;
}

Test(confine, who_asks_xen_asks_nobody_else)
{
    expect(WORKER_XEN, makes_hypercalls_alone, "hypercalls");
}

static int has_perfmon_alone(void)
{
    long long had = 1LL << 38; /* CAP_PERFMON; a container's root may have none */

    return (own_status("CapEff:", 16) & ~had) == 0 && own_status("CapInh:", 16) == 0 ? 0 : 1;
}

static int looks_at_all(void)
{
    long long had = 1LL << CAP_SYS_PTRACE | 1LL << CAP_DAC_READ_SEARCH | 1LL << CAP_SYS_ADMIN;

    if ((own_status("CapEff:", 16) & ~had) != 0 || own_status("CapInh:", 16) != 0)
        return 1;
    return access("/sys/class/misc/device-mapper", F_OK) == 0 ||
                   (own_status("CapEff:", 16) & 1LL << CAP_SYS_ADMIN) == 0
               ? 0
               : 2;
}

Test(confine, root_without_capabilities_remains_for_files_of_root)
{
    if (geteuid() != 0)
        cr_skip_test("SKIP: only root has something to give up");
    expect(WORKER_SYSTEM, has_perfmon_alone, "capabilities");
    expect(WORKER_STORAGE, looks_at_all, "capabilities");
    if (access("/sys/class/misc/device-mapper", F_OK) != 0)
        expect(WORKER_LVM, has_no_capabilities, "capabilities");
}

Test(confine, nothing_is_done_for_a_supervisor_that_is_gone)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct err e;

        _exit(worker_confine(WORKER_NET, false, getpid(), &e) == -ESRCH ? 0 : 1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect_eq(status, 0);
}

/* A pipe whose writing end only the worker has closes when it dies. */
Test(confine, a_worker_dies_with_its_supervisor)
{
    int pipes[2];
    char byte;
    pid_t supervisor;

    cr_assert_eq(pipe(pipes), 0);
    supervisor = fork();
    if (supervisor == 0) {
        int parent = getpid();

        if (fork() == 0) {
            struct err e;

            if (worker_confine(WORKER_NET, false, parent, &e) == 0 && write(pipes[1], "x", 1) == 1)
                pause();
            _exit(1);
        }
        close(pipes[1]);
        pause();
        _exit(0);
    }
    close(pipes[1]);
    cr_assert_eq(read(pipes[0], &byte, 1), 1);
    kill(supervisor, SIGKILL);
    waitpid(supervisor, NULL, 0);
    cr_expect_eq(read(pipes[0], &byte, 1), 0, "it lives on");
}
