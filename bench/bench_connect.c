/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P7, its second half: how long as many nodes take to be there, and what each costs in memory.
 *
 * limit  a bare ROUTER until as many DEALERs are connected and have said something (fanout.h)
 * ours   a real coordinator and a simulated fleet of the real agent (fleet_net.h), until each node
 *        is connected, enrolled by a token and registered, all of which is durable; they have two
 *        NICs and nothing else, and report what they see while others still come
 *
 * CURVE on loopback; all share the processors of one machine. Rounds take turns, each with a new
 * coordinator; medians are printed. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"
#include "daemon.h"
#include "fanout.h"
#include "fleet_net.h"

enum { MOST_ROUNDS = 99, SLICE_MS = 20, WAIT_S = 300, SPARE_DESCRIPTORS = 100 };
/* For so many nodes: PERFORMANCE, P7. */
#define TARGET_NODES 10000
#define TARGET_S     15.0
#define TARGET_KIB   40.0

struct round {
    double limit, ours; /* seconds */
    double cpu_us, kib; /* of the coordinator, for each node */
};

struct bench {
    const char *program, *json;
    uint32_t nodes, rounds;
    struct round round[MOST_ROUNDS];
};

static int until_registered(struct fleet *f, uint32_t nodes, struct err *e)
{
    double limit = seconds_now() + WAIT_S;
    int rc = 0;

    while (rc == 0 && fleet_counts(f).registered < nodes) {
        if (seconds_now() > limit)
            return err_set(e, -ETIMEDOUT, "%u of %u nodes are registered after %d s",
                           fleet_counts(f).registered, nodes, WAIT_S);
        rc = fleet_run(f, SLICE_MS, e);
    }
    return rc;
}

static int connect_all(const struct daemon_run *d, struct fleet_options *o, struct round *out,
                       struct err *e)
{
    double start = seconds_now(), cpu = daemon_cpu_s(d);
    long kib = daemon_memory_kib(d);
    struct fleet *f;
    int rc;

    f = fleet_new(o, e);
    if (f == NULL)
        return -EIO;
    rc = until_registered(f, o->nodes, e);
    out->ours = seconds_now() - start;
    out->cpu_us = (daemon_cpu_s(d) - cpu) * 1e6 / o->nodes;
    out->kib = (double)(daemon_memory_kib(d) - kib) / o->nodes;
    fleet_free(f);
    return rc;
}

static int measure_ours(const struct bench *b, struct round *out, struct err *e)
{
    struct fleet_options o = { .nodes = b->nodes, .heartbeat_ms = DEFAULT_HEARTBEAT_MS };
    struct daemon_run d = { .pid = 0 };
    int rc = daemon_start(b->program, &d, e);

    fleet_shape_usual(&o.shape);
    o.shape.filesystems = 0;
    o.shape.nics = 2;
    o.shape.vlans = 0;
    o.shape.bad_per_mille = 0;
    o.endpoint = d.nodes;
    o.token_count = b->nodes;
    if (rc == 0)
        rc = daemon_tokens(&d, b->nodes, &o.tokens, e);
    if (rc == 0)
        rc = connect_all(&d, &o, out, e);
    if (d.pid > 0)
        daemon_stop(&d);
    for (uint32_t i = 0; o.tokens != NULL && i < b->nodes; i++)
        free(o.tokens[i]);
    free(o.tokens);
    return rc;
}

static int measure_limit(const struct bench *b, struct round *out, struct err *e)
{
    double start = seconds_now();
    struct fanout raw;
    int rc = fanout_start(&raw, b->nodes, e);

    out->limit = seconds_now() - start;
    if (rc == 0)
        fanout_stop(&raw);
    return rc;
}

/* ---- figures --------------------------------------------------------------------------------- */

enum figure { LIMIT, OURS, RATIO, CPU, KIB, FIGURES };

static double figure(const struct bench *b, enum figure f)
{
    double v[MOST_ROUNDS];

    for (uint32_t i = 0; i < b->rounds; i++) {
        const struct round *r = &b->round[i];
        const double all[FIGURES] = { r->limit, r->ours, r->ours / r->limit, r->cpu_us, r->kib };

        v[i] = all[f];
    }
    return median(v, b->rounds);
}

static const char *verdict(bool met)
{
    return met ? "met" : "missed";
}

static bool print_text(const struct bench *b)
{
    double s = figure(b, OURS), most = TARGET_S * b->nodes / TARGET_NODES, load[1] = { 0 };
    bool in_time = s <= most, small = figure(b, KIB) <= TARGET_KIB;

    getloadavg(load, 1);
    printf("P7 %u nodes come: %u rounds; CURVE on loopback, nodes on the same %ld processors, load "
           "%.1f; medians\n",
           b->nodes, b->rounds, sysconf(_SC_NPROCESSORS_ONLN), load[0]);
    printf("  %-46s %7.2f s\n", "limit  bare ROUTER, all are connected", figure(b, LIMIT));
    printf("  %-46s %7.2f s   ratio %5.2f   (target %.1f s: %s)\n",
           "ours   connected, enrolled, registered", s, figure(b, RATIO), most, verdict(in_time));
    printf("  %-46s %7.1f KiB a node   (target %.0f: %s)\n", "ours   resident in the coordinator",
           figure(b, KIB), TARGET_KIB, verdict(small));
    printf("  %-46s %7.0f us a node\n", "ours   coordinator's processor time", figure(b, CPU));
    return in_time && small;
}

static bool write_json(const struct bench *b)
{
    FILE *f = b->json == NULL ? NULL : fopen(b->json, "we");

    if (b->json == NULL)
        return true;
    if (f != NULL)
        fprintf(f,
                "{\"benchmark\":\"connect\",\"nodes\":%u,\"rounds\":%u,\"limit_s\":%.3f,"
                "\"ours_s\":%.3f,\"ratio\":%.3f,\"target_s\":%.3f,\"kib_a_node\":%.2f,"
                "\"target_kib\":%.0f,\"cpu_us_a_node\":%.1f}\n",
                b->nodes, b->rounds, figure(b, LIMIT), figure(b, OURS), figure(b, RATIO),
                TARGET_S * b->nodes / TARGET_NODES, figure(b, KIB), TARGET_KIB, figure(b, CPU));
    if (f != NULL && fclose(f) == 0)
        return true;
    fprintf(stderr, "bench-connect: %s cannot be written: %m\n", b->json);
    return false;
}

/* ---- what to do ------------------------------------------------------------------------------ */

static const char usage[] =
    "bench-connect --coordinator PATH-TO-muster-coordinator [--nodes N] [--rounds R] [--json FILE]\n"
    "\n"
    "How long N nodes (default: 10000, or as many as there may be descriptors for) take to be\n"
    "connected, enrolled and registered, and what memory each takes in the coordinator.\n";

static bool options(struct bench *b, int argc, char **argv)
{
    static const struct option list[] = {
        { "coordinator", 1, NULL, 'c' }, { "nodes", 1, NULL, 'n' }, { "rounds", 1, NULL, 'r' },
        { "json", 1, NULL, 'j' },        { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:n:r:", list, NULL)) != -1) {
        if (c == 'c')
            b->program = optarg;
        else if (c == 'n')
            b->nodes = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'r')
            b->rounds = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'j')
            b->json = optarg;
        else
            return false;
    }
    return optind == argc && b->program != NULL && b->nodes > 1 && b->nodes <= LIMIT_NODES &&
           b->rounds > 0 && b->rounds <= MOST_ROUNDS;
}

/* A simulated node takes two descriptors. */
static void fit_descriptors(struct bench *b)
{
    struct rlimit files;
    uint32_t most;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    most = files.rlim_max > 2ul * LIMIT_NODES + SPARE_DESCRIPTORS
               ? LIMIT_NODES
               : (uint32_t)(files.rlim_max - SPARE_DESCRIPTORS) / 2;
    if (b->nodes > most) {
        printf("%u nodes, since a process may have %lu descriptors here\n", most,
               (unsigned long)files.rlim_max);
        b->nodes = most;
    }
}

int main(int argc, char **argv)
{
    static struct bench b = { .nodes = TARGET_NODES, .rounds = 3 };
    struct err e = { "" };
    bool good;
    int rc = 0;

    if (!options(&b, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    fit_descriptors(&b);
    for (uint32_t i = 0; rc == 0 && i < b.rounds; i++) {
        rc = measure_limit(&b, &b.round[i], &e);
        if (rc == 0)
            rc = measure_ours(&b, &b.round[i], &e);
    }
    if (rc < 0) {
        fprintf(stderr, "bench-connect: %s\n", e.text);
        return 1;
    }
    good = print_text(&b);
    good = write_json(&b) && good;
    return good ? 0 : 1;
}
