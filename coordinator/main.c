/* SPDX-License-Identifier: GPL-2.0-or-later */
/* muster-coordinator: options, one start, one wait for a signal, one end. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"
#include "heap.h"
#include "net/net.h"
#include "notify.h"
#include "options.h"
#include "privilege.h"
#include "service.h"

#define PROGRAM "muster-coordinator"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static void print_wrong(void *ctx, const char *sentence)
{
    (void)ctx;
    log_line(LOG_LEVEL_ERROR, "%s", sentence);
}

static void print_setting(void *ctx, const char *line)
{
    (void)ctx;
    puts(line);
}

/* Defaults, file, command line. Reports all that is wrong: an exit code. */
static int read_config(const struct options *o, struct config *c)
{
    const char *path = o->config_file != NULL ? o->config_file : CONFIG_FILE;
    struct err e = { "" };
    int wrong = 0;

    config_default(c);
    if (o->config_file != NULL || access(path, F_OK) == 0)
        wrong = config_read(c, path, print_wrong, NULL);
    if (options_apply(o, c, &e) < 0) {
        log_line(LOG_LEVEL_ERROR, "%s", e.text);
        return EXIT_USAGE;
    }
    if (wrong == 0 && (config_check(c, &e) < 0 || privilege_check(c, &e) < 0)) {
        log_line(LOG_LEVEL_ERROR, "%s", e.text);
        wrong++;
    }
    return wrong == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int check_config(const struct options *o, struct config *c)
{
    int code = read_config(o, c);

    config_print(c, print_setting, NULL);
    if (fflush(stdout) != 0)
        return EXIT_FAILED;
    return code;
}

/* Each connected node is a file. */
static void raise_file_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        log_line(LOG_LEVEL_WARNING, "the limit of open files cannot be raised: %s",
                 strerror(errno));
}

/* Blocked here, before there are threads, so that they come to the wait below and nowhere else. A
 * SIGHUP that was ignored before (nohup) stays ignored. */
static void block_signals(sigset_t *set)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, hup;

    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN)
        sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

static void log_serving(const struct service *s, int64_t took_ms)
{
    struct service_status st;
    const char *remote;

    service_status(s, &st);
    remote = st.endpoints[SOCKET_REMOTE];
    log_line(LOG_LEVEL_INFO,
             "serving nodes on %s, operators on %s%s%s: %zu nodes, generation %" PRIu64
             ", ready in %" PRId64 " ms",
             st.endpoints[SOCKET_NODES], st.endpoints[SOCKET_LOCAL],
             *remote != '\0' ? ", clients on " : "", remote, st.nodes, st.generation, took_ms);
}

static int serve(const struct config *c)
{
    mono_ms begin = clock_mono();
    struct err e = { "" };
    struct service *s;
    sigset_t set;
    int signal;

    block_signals(&set);
    raise_file_limit();
    if (privilege_enter(c, &e) < 0) {
        log_line(LOG_LEVEL_ERROR, "%s", e.text);
        return EXIT_FAILED;
    }
    process_harden(); /* after the change of user, which undoes it */
    s = service_start(c, NULL, &e);
    if (s == NULL) {
        log_line(LOG_LEVEL_ERROR, "not started: %s", e.text);
        return EXIT_FAILED;
    }
    log_serving(s, mono_since(clock_mono(), begin));
    notify_manager("READY=1");
    while (sigwait(&set, &signal) != 0)
        ;
    notify_manager("STOPPING=1");
    log_line(LOG_LEVEL_INFO, "ending on SIG%s", sigabbrev_np(signal));
    pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* once more ends it at once */
    service_stop(s);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct err e = { "" };
    struct options o;
    struct config c;
    int code;

    heap_keep();
    log_set(PROGRAM, LOG_LEVEL_INFO);
    if (options_parse(&o, argc, argv, &e) < 0) {
        log_line(LOG_LEVEL_ERROR, "%s", e.text);
        return EXIT_USAGE;
    }
    log_set(PROGRAM, o.log_level);
    switch (o.mode) {
    case MODE_HELP:
        return fputs(options_help(), stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILED : EXIT_DONE;
    case MODE_VERSION:
        return puts(PROGRAM " " MUSTER_VERSION) < 0 || fflush(stdout) != 0 ? EXIT_FAILED
                                                                           : EXIT_DONE;
    case MODE_CHECK_CONFIG:
        return check_config(&o, &c);
    case MODE_SERVE:
        break;
    }
    code = read_config(&o, &c);
    return code != EXIT_DONE ? code : serve(&c);
}
