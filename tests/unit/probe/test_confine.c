/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker can no longer do once it has given up what it does not need. Each trial runs in a
 * child, whose exit status says what it came to. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "collect/collect.h"
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

/* 0 if the call was refused by the filter; else what it came to. */
static int refused(long rc)
{
    return rc < 0 && errno == EPERM ? 0 : rc < 0 ? errno : 1;
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
    return refused(open("/dev/null", O_WRONLY));
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
    return refused(mount("none", "/nonexistent", "tmpfs", 0, NULL));
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

static const struct {
    int (*trial)(void);
    const char *what;
    bool lookers_only; /* a kind that runs programs may */
} trials[] = {
    { gains_nothing, "no_new_privs and a filter", false },
    { is_limited, "resource limits", false },
    { open_new, "a new file", true },
    { open_for_writing, "opens a file for writing", true },
    { remove_file, "removes a file", true },
    { start_process, "starts a process", true },
    { start_program, "starts a program", true },
    { signal_parent, "signals another process", false },
    { trace_parent, "traces another process", false },
    { talk_to_others, "has a local socket", true },
    { make_user_namespace, "makes a user namespace", false },
    { do_mount, "mounts", false },
    { leave_group, "leaves its process group", false },
    { use_ring, "has calls made by io_uring", false },
    { read_file, "reads a file", false },
    { ask_kernel, "asks the kernel", false },
    { make_result, "makes its result", false },
};

Test(confine, a_worker_cannot_do_what_it_need_not)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        for (size_t i = 0; i < ARRAY_LEN(trials); i++) {
            if (trials[i].trial == signal_parent && k == WORKER_LLDP && geteuid() != 0)
                continue; /* the parent is of the same user */
            if (!trials[i].lookers_only || k != WORKER_LLDP)
                expect((enum worker_kind)k, trials[i].trial, trials[i].what);
        }
    }
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
}

static int has_perfmon_alone(void)
{
    long long had = 1LL << 38; /* CAP_PERFMON; a container's root may have none */

    return (own_status("CapEff:", 16) & ~had) == 0 && own_status("CapInh:", 16) == 0 ? 0 : 1;
}

Test(confine, root_without_capabilities_remains_for_files_of_root)
{
    if (geteuid() != 0)
        cr_skip_test("SKIP: only root has something to give up");
    expect(WORKER_SYSTEM, has_perfmon_alone, "capabilities");
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
