/* SPDX-License-Identifier: GPL-2.0-or-later */
/* muster-probe: what it is told, where its worker is, then the supervisor. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "net/net.h"
#include "print.h"
#include "supervisor.h"

#define PROGRAM        "muster-probe"
#define WORKER         "muster-probe-worker"
#define KERNEL_CMDLINE "/proc/cmdline"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, PATH_BYTES = 4096, CMDLINE_BYTES = 16384 };

static void warn(void *ctx, const char *sentence)
{
    (void)ctx;
    log_line(LOG_LEVEL_WARNING, "%s", sentence);
}

/* A machine without /proc/cmdline is told nothing there. */
static void read_cmdline(char text[CMDLINE_BYTES])
{
    int fd = open(KERNEL_CMDLINE, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, CMDLINE_BYTES - 1);

    text[n < 0 ? 0 : n] = '\0';
    if (fd >= 0)
        close(fd);
}

/* Beside this program, as in a build folder, or where it is installed. */
static int find_worker(char path[PATH_BYTES], struct err *e)
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES - 1);
    char *slash;

    path[n < 0 ? 0 : n] = '\0';
    slash = strrchr(path, '/');
    if (slash != NULL &&
        snprintf(slash + 1, PATH_BYTES - (size_t)(slash + 1 - path), "%s", WORKER) <
            (int)(PATH_BYTES - (slash + 1 - path)) &&
        access(path, X_OK) == 0)
        return 0;
    snprintf(path, PATH_BYTES, "%s/%s", MUSTER_LIBEXEC, WORKER);
    if (access(path, X_OK) == 0)
        return 0;
    return err_set(e, -ENOENT,
                   "there is no " WORKER " beside this program nor in " MUSTER_LIBEXEC
                   "; install both");
}

/* Little memory: the supervisor lives on every host for ever. */
static void stay_small(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, 64 << 10);
    mallopt(M_MMAP_THRESHOLD, 64 << 10);
}

/* A descriptor that was closed by whoever started us must not become a socket of ours. */
static bool keep_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
    return fd > STDERR_FILENO;
}

static int run(const struct probe_options *o)
{
    char worker[PATH_BYTES];
    struct err e = { "" };
    int rc = find_worker(worker, &e);

    supervisor_block_signals();
    if (rc == 0 && o->mode == PROBE_PRINT) {
        rc = print_inventory(o, worker, &e);
    } else if (rc == 0) {
        if (geteuid() != 0)
            log_line(LOG_LEVEL_WARNING, "running without root: what only root may read (the SMBIOS "
                                        "UUID, serial numbers) is missing");
        rc = supervise(o, worker, &e);
    }
    if (rc == 0)
        return EXIT_DONE;
    log_line(LOG_LEVEL_ERROR, "%s", e.text);
    return EXIT_FAILED;
}

/* What the kernel command line adds, and whether that is enough. */
static int complete(struct probe_options *o, char *cmdline, struct err *e)
{
    if (probe_options_kernel(o, cmdline, warn, NULL, e) < 0)
        return EXIT_FAILED;
    if (o->mode == PROBE_PRINT || o->connect != NULL)
        return EXIT_DONE;
    err_set(e, -EINVAL,
            "no coordinator is named: give --connect tcp://HOST:PORT, or "
            "muster.connect= on the kernel command line; see --help");
    return EXIT_USAGE;
}

static int say(const char *text)
{
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILED : EXIT_DONE;
}

int main(int argc, char **argv)
{
    static char cmdline[CMDLINE_BYTES];
    struct probe_options o;
    struct err e = { "" };
    int code;

    if (!keep_standard_descriptors())
        return EXIT_FAILED;
    log_set(PROGRAM, LOG_LEVEL_INFO);
    if (probe_options_parse(&o, argc, argv, &e) < 0) {
        log_line(LOG_LEVEL_ERROR, "%s", e.text);
        return EXIT_USAGE;
    }
    if (o.mode == PROBE_HELP)
        return say(probe_options_help());
    if (o.mode == PROBE_VERSION)
        return say(PROGRAM " " MUSTER_VERSION "\n");
    stay_small();
    process_harden();
    read_cmdline(cmdline);
    code = complete(&o, cmdline, &e);
    if (code != EXIT_DONE) {
        log_line(LOG_LEVEL_ERROR, "%s", e.text);
        return code;
    }
    log_set(PROGRAM, o.log_level);
    code = run(&o);
    sodium_memzero(cmdline, sizeof cmdline); /* it may have had the token */
    return code;
}
