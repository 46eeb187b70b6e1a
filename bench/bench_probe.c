/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P9: a real probe at rest, and the way of a link's change from the kernel to a client.
 *
 * Everything runs in a network namespace of its own: a coordinator, a probe whose host has one
 * virtual NIC, and this program as client.
 *
 * at rest  resident memory of the supervisor, and processor time of it and of all its workers over
 *          a time in which full rescans fall as often as they do in operation.
 * change   from the moment the kernel's own announcement of a lost or found carrier reaches a
 *          netlink socket of this program, until the event, durable and in the matrix, is here. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "daemon.h"

#define NODE_NAME   "bench"
#define NODE_ID     "00000000-0000-4000-8000-0000000000be" /* a veth has no permanent MAC */
#define HOST_NIC    "eth0"
#define PEER_NIC    "peer0"
#define MAX_PULLS   500
#define LIMIT_MS    100.0 /* PERFORMANCE, P9 */
#define LIMIT_RSS   (8.0 * 1024)
#define LIMIT_CPU   0.2
#define PATIENCE_MS 60000

struct bench {
    const char *coordinator, *probe;
    uint32_t rest_s, pulls;
    struct daemon_run daemon;
    pid_t probe_pid;
    int kernel;  /* netlink socket that hears of links */
    int control; /* for ioctl */
    unsigned nic_index;
};

/* ---- the little world --------------------------------------------------------------------- */

static int link_up(struct bench *b, const char *name, bool up, struct err *e)
{
    struct ifreq r = { 0 };

    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    if (ioctl(b->control, SIOCGIFFLAGS, &r) < 0)
        return err_set(e, -errno, "link %s: %s", name, strerror(errno));
    r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
    if (ioctl(b->control, SIOCSIFFLAGS, &r) < 0)
        return err_set(e, -errno, "link %s: %s", name, strerror(errno));
    return 0;
}

static int make_world(struct bench *b, struct err *e)
{
    struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
    char *const veth[] = { "ip",   "link", "add",  HOST_NIC, "type",
                           "veth", "peer", "name", PEER_NIC, NULL };
    static const char *const links[] = { "lo", HOST_NIC, PEER_NIC };
    int rc = 0;

    if (unshare(CLONE_NEWNET) < 0)
        return err_set(e, -errno, "a network namespace cannot be made (root is needed): %s",
                       strerror(errno));
    b->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (run_program(veth) != 0)
        return err_set(e, -EIO, "'ip link add' failed: is iproute2 installed?");
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(links); i++)
        rc = link_up(b, links[i], true, e);
    b->nic_index = if_nametoindex(HOST_NIC);
    b->kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (rc == 0 && bind(b->kernel, (struct sockaddr *)&own, sizeof own) < 0)
        rc = err_set(e, -errno, "no netlink socket: %s", strerror(errno));
    return rc;
}

static int write_token(const char *path, const char *token, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t n = fd < 0 ? -1 : write(fd, token, strlen(token));

    if (fd >= 0)
        close(fd);
    return n < 0 ? err_set(e, -errno, "cannot write %s: %s", path, strerror(errno)) : 0;
}

static int start_probe(struct bench *b, struct err *e)
{
    char token_file[160], run_dir[160], **tokens = NULL;
    int rc = daemon_tokens(&b->daemon, 1, &tokens, e);

    if (rc < 0)
        return rc;
    snprintf(token_file, sizeof token_file, "%s/token", b->daemon.folder.path);
    snprintf(run_dir, sizeof run_dir, "%s/probe", b->daemon.folder.path);
    rc = write_token(token_file, tokens[0], e);
    free(tokens[0]);
    free(tokens);
    if (rc < 0)
        return rc;
    b->probe_pid = fork();
    if (b->probe_pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execl(b->probe, b->probe, "--connect", b->daemon.nodes, "--token-file", token_file,
              "--run-dir", run_dir, "--node-name", NODE_NAME, "--node-id", NODE_ID, "--interface",
              HOST_NIC, (char *)NULL);
        _exit(127);
    }
    if (b->probe_pid < 0)
        return err_set(e, -errno, "fork: %s", strerror(errno));
    folder_has(&b->daemon.folder, b->probe_pid);
    return 0;
}

/* ---- what a client sees ------------------------------------------------------------------- */

/* The newest event of this kind about our node after *since; then *since is its number. 0; -ENOENT:
 * not there yet; -EIO. */
static int find_event(struct bench *b, const char *kind, uint64_t *since, struct err *e)
{
    struct muster_reply r = { NULL, NULL };
    const struct event_info *events;
    int rc = -ENOENT;

    if (muster_events(b->daemon.conn, *since, 1000, &r) != 0) {
        muster_reply_free(&r);
        return err_set(e, -EIO, "%s", muster_error(b->daemon.conn));
    }
    events = r.reply->events.v;
    for (size_t i = 0; i < r.reply->events.n; i++) {
        *since = events[i].no;
        if (strcmp(events[i].kind, kind) == 0 && events[i].node_name != NULL &&
            strcmp(events[i].node_name, NODE_NAME) == 0) {
            rc = 0;
            break;
        }
    }
    muster_reply_free(&r);
    return rc;
}

static int await_event(struct bench *b, const char *kind, uint64_t *since, struct err *e)
{
    double until = seconds_now() + PATIENCE_MS / 1000.0;
    int rc;

    while ((rc = find_event(b, kind, since, e)) == -ENOENT) {
        uint64_t generation = UINT64_MAX, event_no = *since;

        if (seconds_now() > until)
            return err_set(e, -ETIMEDOUT, "no event %s within %d s", kind, PATIENCE_MS / 1000);
        muster_wait(b->daemon.conn, &generation, &event_no, 1000);
    }
    return rc;
}

/* Does the matrix have the host's network in full? 0; -ENOENT: not yet; -EIO. *generation is the
 * matrix's. */
static int find_edge(struct bench *b, uint64_t *generation, struct err *e)
{
    struct muster_reply r = { NULL, NULL };
    const struct edge_info *edges;
    int rc = -ENOENT;

    if (muster_snapshot(b->daemon.conn, resource_kind_name(RESOURCE_NETWORK), &r) != 0) {
        muster_reply_free(&r);
        return err_set(e, -EIO, "%s", muster_error(b->daemon.conn));
    }
    *generation = r.reply->generation;
    edges = r.reply->edges.v;
    for (size_t i = 0; i < r.reply->edges.n; i++)
        if (edges[i].state == EDGE_OK)
            rc = 0;
    muster_reply_free(&r);
    return rc;
}

/* A node is up before its first report has come, and a link that is lost before that was never
 * there: nothing would be told of it. */
static int await_edge(struct bench *b, struct err *e)
{
    double until = seconds_now() + PATIENCE_MS / 1000.0;
    uint64_t generation = 0;
    int rc;

    while ((rc = find_edge(b, &generation, e)) == -ENOENT) {
        uint64_t event_no = UINT64_MAX;

        if (seconds_now() > until)
            return err_set(e, -ETIMEDOUT, "the host's network is not in the matrix within %d s",
                           PATIENCE_MS / 1000);
        muster_wait(b->daemon.conn, &generation, &event_no, 1000);
    }
    return rc;
}

/* Reads the kernel's announcements until one says that the host's NIC has, or has no, carrier. */
static int await_kernel(struct bench *b, bool lower_up, struct err *e)
{
    _Alignas(struct nlmsghdr) char bytes[65536];
    struct pollfd p = { .fd = b->kernel, .events = POLLIN };

    while (poll(&p, 1, PATIENCE_MS) > 0) {
        ssize_t n = recv(b->kernel, bytes, sizeof bytes, 0);
        unsigned left = n < 0 ? 0 : (unsigned)n;

        for (const struct nlmsghdr *h = (void *)bytes; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            const struct ifinfomsg *m = NLMSG_DATA(h);

            if (h->nlmsg_type == RTM_NEWLINK && (unsigned)m->ifi_index == b->nic_index &&
                ((m->ifi_flags & IFF_LOWER_UP) != 0) == lower_up)
                return 0;
        }
    }
    return err_set(e, -ETIMEDOUT, "the kernel announced no change of " HOST_NIC);
}

/* ---- the two measurements ----------------------------------------------------------------- */

static int measure_change(struct bench *b, double *ms, struct err *e)
{
    uint64_t since = 0;
    int rc = await_event(b, "node.up", &since, e);

    if (rc == 0)
        rc = await_edge(b, e);
    for (uint32_t i = 0; rc == 0 && i < b->pulls; i++) {
        bool up = i % 2 == 1;
        double started;

        rc = link_up(b, PEER_NIC, up, e);
        if (rc == 0)
            rc = await_kernel(b, up, e);
        started = seconds_now();
        if (rc == 0)
            rc = await_event(b, up ? "edge.ok" : "edge.lost", &since, e);
        ms[i] = (seconds_now() - started) * 1000;
    }
    return rc;
}

struct usage {
    double own_s, workers_s;
    double rss_kib;
};

/* Fields of /proc/PID/stat, see proc(5): 14 utime, 15 stime, 16 cutime, 17 cstime; VmRSS of
 * /proc/PID/status. */
static int read_usage(pid_t pid, struct usage *u, struct err *e)
{
    char path[64], line[1024];
    unsigned long t[4] = { 0 };
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    const char *p = NULL;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    f = fopen(path, "re");
    if (f != NULL && fgets(line, sizeof line, f) != NULL)
        p = strrchr(line, ')');
    if (f != NULL)
        fclose(f);
    if (p == NULL || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
                            &t[0], &t[1], &t[2], &t[3]) != 4)
        return err_set(e, -EIO, "the probe is gone");
    u->own_s = (double)(t[0] + t[1]) * tick;
    u->workers_s = (double)(t[2] + t[3]) * tick;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        sscanf(line, "VmRSS: %lf", &u->rss_kib);
    if (f != NULL)
        fclose(f);
    return 0;
}

/* Nothing happens for so long; a signal or the probe's end would show in the figures. */
static void rest(uint32_t seconds)
{
    double until = seconds_now() + seconds, left;

    while ((left = until - seconds_now()) > 0)
        poll(NULL, 0, (int)(left * 1000) + 1);
}

static int measure_rest(struct bench *b, struct usage *out, struct err *e)
{
    struct usage before = { 0 }, after = { 0 };
    int rc;

    rest(2); /* what the pulls have started ends */
    rc = read_usage(b->probe_pid, &before, e);
    if (rc < 0)
        return rc;
    rest(b->rest_s);
    rc = read_usage(b->probe_pid, &after, e);
    out->own_s = after.own_s - before.own_s;
    out->workers_s = after.workers_s - before.workers_s;
    out->rss_kib = after.rss_kib;
    return rc;
}

static void print_results(const struct bench *b, const struct usage *u, double *ms)
{
    double percent = (u->own_s + u->workers_s) / b->rest_s * 100, middle;

    printf(
        "P9 probe: one virtual NIC, heartbeat %d ms, rescan %d ms, CURVE on loopback, all on the "
        "same %ld processors\n",
        DEFAULT_HEARTBEAT_MS, DEFAULT_RESCAN_MS, sysconf(_SC_NPROCESSORS_ONLN));
    printf("  resident at rest     limit %6.1f MiB   ours %6.1f MiB   ratio %5.2f\n",
           LIMIT_RSS / 1024, u->rss_kib / 1024, u->rss_kib / LIMIT_RSS);
    printf("  processor at rest    limit %6.2f %%     ours %6.2f %%     ratio %5.2f   (%u s: "
           "supervisor %.2f s, workers %.2f s)\n",
           LIMIT_CPU, percent, percent / LIMIT_CPU, b->rest_s, u->own_s, u->workers_s);
    middle = median(ms, b->pulls);
    printf("  change, median       limit %6.1f ms    ours %6.1f ms    ratio %5.2f\n", LIMIT_MS,
           middle, middle / LIMIT_MS);
    printf("  change, worst of %-3u limit %6.1f ms    ours %6.1f ms    ratio %5.2f\n", b->pulls,
           LIMIT_MS, ms[b->pulls - 1], ms[b->pulls - 1] / LIMIT_MS);
}

static int parse(int argc, char **argv, struct bench *b)
{
    int c;

    while ((c = getopt(argc, argv, "c:p:s:r:h")) != -1) {
        if (c == 'c')
            b->coordinator = optarg;
        else if (c == 'p')
            b->probe = optarg;
        else if (c == 's')
            b->rest_s = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'r')
            b->pulls = (uint32_t)strtoul(optarg, NULL, 10);
        else
            return -1;
    }
    return b->coordinator == NULL || b->probe == NULL || b->rest_s == 0 || b->pulls == 0 ||
                   b->pulls > MAX_PULLS
               ? -1
               : 0;
}

int main(int argc, char **argv)
{
    struct bench b = { .rest_s = 120, .pulls = 40, .kernel = -1, .control = -1 };
    double ms[MAX_PULLS] = { 0 };
    struct usage usage = { 0 };
    struct err e = { "" };
    int rc;

    if (parse(argc, argv, &b) != 0) {
        fputs("Usage: bench-probe -c PATH-TO-muster-coordinator -p PATH-TO-muster-probe\n"
              "                   [-s SECONDS-AT-REST] [-r PULLS]\n",
              stderr);
        return 2;
    }
    rc = make_world(&b, &e);
    if (rc == 0)
        rc = daemon_start(b.coordinator, &b.daemon, &e);
    if (rc == 0)
        rc = start_probe(&b, &e);
    if (rc == 0)
        rc = measure_change(&b, ms, &e);
    if (rc == 0)
        rc = measure_rest(&b, &usage, &e);
    if (rc == 0)
        print_results(&b, &usage, ms);
    else
        fprintf(stderr, "bench-probe: %s\n", e.text);
    if (b.probe_pid > 0) {
        kill(b.probe_pid, SIGTERM);
        waitpid(b.probe_pid, NULL, 0);
    }
    if (b.daemon.folder.path[0] != '\0')
        daemon_stop(&b.daemon);
    return rc == 0 ? 0 : 1;
}
