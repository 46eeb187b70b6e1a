/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/codec.h"
#include "worker_change.h"
#include "worker_refresh.h"
#include "worker_scan.h"
#include "worker_talk.h"

enum { STDERR_BYTES = 4096, EXIT_NOT_STARTED = 127 };

/* While it holds up a device nobody gets what is on that. LVM's programs go before others for as
 * long as they do that (-18), but a worker may not raise its own priority. */
enum { REFRESH_NICE = -5 };

/* With the file `memory`, or none where it is -1. */
static int send_record(struct worker_request *request, int memory, int sock, struct err *e)
{
    struct buf b = { 0 };
    int rc;

    REC_SET(request, worker_request, version, PROTOCOL_VERSION);
    rc = wire_encode(&worker_request_desc, request, &b, e);
    if (rc == 0) {
        rc = io_send(sock, b.p, b.n, &memory, 1, MSG_DONTWAIT);
        if (rc < 0)
            err_set(e, rc, "cannot send a worker its request: %s", strerror(-rc));
    }
    buf_deinit(&b);
    return rc;
}

static int send_request(const struct worker_pool_config *config, const struct worker_order *order,
                        int sock, struct err *e)
{
    struct worker_request request = { .present = 0 };
    const struct device_names *names = order->touched;
    const char *touched[DEVICE_NAMES_MAX];

    REC_SET(&request, worker_request, kind, worker_kind_name(order->kind));
    if (config->interfaces.n > 0)
        REC_SET(&request, worker_request, interfaces, config->interfaces);
    if (config->devices.n > 0)
        REC_SET(&request, worker_request, devices, config->devices);
    for (size_t i = 0; i < names->n; i++)
        touched[i] = names->v[i];
    if (names->n > 0)
        REC_SET(&request, worker_request, touched, ((struct strs){ touched, names->n }));
    REC_SET(&request, worker_request, whole, order->whole || names->all);
    if (config->sys_root != NULL)
        REC_SET(&request, worker_request, sys_root, config->sys_root);
    return send_record(&request, order->memory, sock, e);
}

/* -1 in the fields of `w` that are not made. */
static int make_channels(struct worker_process *w, int *theirs, int *their_err)
{
    int socks[2], pipes[2], room = 2 * (int)LIMIT_WORKER_MESSAGE_BYTES;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) != 0)
        return -errno;
    w->sock = socks[0];
    *theirs = socks[1];
    for (int i = 0; i < 2; i++)
        setsockopt(socks[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    /* Its writing end does not block: what does not fit is lost, and nobody waits for a reader. */
    if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0)
        return -errno;
    w->err = pipes[0];
    *their_err = pipes[1];
    fcntl(pipes[1], F_SETPIPE_SZ, STDERR_BYTES);
    return 0;
}

/* Signals as a fresh program expects them, a process group of its own, and no descriptors but its
 * four. */
static bool set_scene(int sock, int err)
{
    sigset_t none;
    int null;

    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (setpgid(0, 0) != 0 || dup2(err, STDERR_FILENO) < 0)
        return false;
    if (sock == WORKER_FD ? fcntl(sock, F_SETFD, 0) != 0 : dup2(sock, WORKER_FD) < 0)
        return false;
    null = open("/dev/null", O_RDWR);
    return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
           close_range(WORKER_FD + 1, ~0U, 0) == 0;
}

/* After fork, in a process that has threads: only what is safe in a signal handler. */
static _Noreturn void become_worker(const char *path, char *const argv[], int sock, int err)
{
    static char *const environment[] = { (char *)(uintptr_t) "LC_ALL=C", NULL };
    const char *parts[] = { "cannot start ", path, ": ", NULL };

    if (set_scene(sock, err))
        execve(path, argv, environment);
    parts[3] = strerrordesc_np(errno);
    for (size_t i = 0; i < ARRAY_LEN(parts) && parts[i] != NULL; i++) {
        if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
            break;
    }
    _exit(EXIT_NOT_STARTED);
}

/* Not posix_spawn, which waits until the program is loaded: a disk that is dead must hold the
 * worker and not the supervisor. */
static int spawn(const char *path, char *const argv[], int sock, int err, pid_t *pid)
{
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of ours may run in the child */
    *pid = fork();
    code = errno;
    if (*pid == 0)
        become_worker(path, argv, sock, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (*pid < 0)
        return -code;
    setpgid(*pid, *pid); /* whoever of the two comes first */
    return 0;
}

void worker_process_close(struct worker_process *w)
{
    if (w->sock >= 0)
        close(w->sock);
    if (w->err >= 0)
        close(w->err);
    w->sock = w->err = -1;
}

/* A request that could not be sent, if `rc` says so, leaves nothing. */
static int start(const char *path, char *const argv[], int theirs, int their_err, int rc,
                 struct worker_process *out, struct err *e)
{
    if (rc == 0) {
        rc = spawn(path, argv, theirs, their_err, &out->pid);
        if (rc < 0)
            err_set(e, rc, "cannot make a process for a worker: %s", strerror(-rc));
    }
    if (theirs >= 0)
        close(theirs);
    if (their_err >= 0)
        close(their_err);
    if (rc < 0)
        worker_process_close(out);
    return rc;
}

int worker_spawn(const struct worker_pool_config *config, const struct worker_order *order,
                 struct worker_process *out, struct err *e)
{
    char *const argv[] = { (char *)(uintptr_t)WORKER_NAME,
                           (char *)(uintptr_t)worker_kind_name(order->kind), NULL };
    int theirs = -1, their_err = -1, rc;

    *out = (struct worker_process){ .pid = -1, .sock = -1, .err = -1 };
    rc = make_channels(out, &theirs, &their_err);
    if (rc < 0)
        err_set(e, rc, "cannot make a worker's channels: %s", strerror(-rc));
    if (rc == 0)
        rc = send_request(config, order, out->sock, e);
    return start(config->worker_path, argv, theirs, their_err, rc, out, e);
}

/* `WORKER KIND BOOT NAME` for one order. */
static int spawn_for(const char *worker_path, uuid128 boot, const char *name,
                     struct worker_request *request, struct worker_process *out, struct err *e)
{
    int theirs = -1, their_err = -1, rc;
    char boot_text[UUID_TEXT];
    char *const argv[] = { (char *)(uintptr_t)WORKER_NAME, (char *)(uintptr_t)request->kind,
                           uuid_text(boot, boot_text), (char *)(uintptr_t)name, NULL };

    *out = (struct worker_process){ .pid = -1, .sock = -1, .err = -1 };
    rc = make_channels(out, &theirs, &their_err);
    if (rc < 0)
        err_set(e, rc, "cannot make a worker's channels: %s", strerror(-rc));
    if (rc == 0)
        rc = send_record(request, -1, out->sock, e);
    return start(worker_path, argv, theirs, their_err, rc, out, e);
}

/* `WORKER KIND`. */
static int spawn_plain(const char *worker_path, struct worker_request *request,
                       struct worker_process *out, struct err *e)
{
    char *const argv[] = { (char *)(uintptr_t)WORKER_NAME, (char *)(uintptr_t)request->kind, NULL };
    int theirs = -1, their_err = -1, rc;

    *out = (struct worker_process){ .pid = -1, .sock = -1, .err = -1 };
    rc = make_channels(out, &theirs, &their_err);
    if (rc < 0)
        err_set(e, rc, "cannot make a worker's channels: %s", strerror(-rc));
    if (rc == 0)
        rc = send_record(request, -1, out->sock, e);
    return start(worker_path, argv, theirs, their_err, rc, out, e);
}

int worker_spawn_rescan(const char *worker_path, const char *sys_root,
                        const struct rescan_work *work, struct worker_process *out, struct err *e)
{
    struct worker_request request = { .present = 0 };

    REC_SET(&request, worker_request, kind, WORKER_RESCAN);
    REC_SET(&request, worker_request, rescan, work);
    if (sys_root != NULL)
        REC_SET(&request, worker_request, sys_root, sys_root);
    return spawn_plain(worker_path, &request, out, e);
}

int worker_spawn_refresh(const char *worker_path, const struct refresh_work *work,
                         struct worker_process *out, struct err *e)
{
    struct worker_request request = { .present = 0 };
    int rc;

    REC_SET(&request, worker_request, kind, WORKER_REFRESH);
    REC_SET(&request, worker_request, refresh, work);
    rc = spawn_plain(worker_path, &request, out, e);
    if (rc == 0)
        setpriority(PRIO_PROCESS, (id_t)out->pid, REFRESH_NICE); /* it goes without, too */
    return rc;
}

int worker_spawn_scan(const char *worker_path, uuid128 boot, const struct scan_order *order,
                      struct worker_process *out, struct err *e)
{
    struct worker_request request = { .present = 0 };
    char number[24];

    snprintf(number, sizeof number, "%" PRIu64, order->request);
    REC_SET(&request, worker_request, kind, WORKER_SCAN);
    REC_SET(&request, worker_request, scan, order);
    return spawn_for(worker_path, boot, number, &request, out, e);
}

int worker_spawn_change(const char *worker_path, uuid128 boot, const struct lvm_change *change,
                        struct worker_process *out, struct err *e)
{
    struct worker_request request = { .present = 0 };
    char key[CHANGE_KEY_TEXT];

    change_key_text(change->order->order, key);
    REC_SET(&request, worker_request, kind, WORKER_CHANGE);
    REC_SET(&request, worker_request, change, change);
    return spawn_for(worker_path, boot, key, &request, out, e);
}
