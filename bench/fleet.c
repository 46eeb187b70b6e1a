/* SPDX-License-Identifier: GPL-2.0-or-later */
/* muster-fleet: simulated hosts that talk to a real coordinator over real CURVE connections. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "base/log.h"
#include "fleet_net.h"
#include "net/net.h"

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void usage(FILE *out)
{
    fputs(
        "Usage: muster-fleet --connect tcp://HOST:PORT --tokens FILE --nodes N [options]\n"
        "\n"
        "Runs N simulated hosts against a coordinator: real probes' logic, real CURVE connections,\n"
        "made-up hardware. Runs until Ctrl-C.\n"
        "\n"
        "  --connect ENDPOINT  where the coordinator listens for nodes\n"
        "  --tokens FILE       one enrolment token a line (muster token create --count N)\n"
        "  --nodes N           how many hosts\n"
        "  --seed S            another fleet; the same seed gives the same one (default 1)\n"
        "  --nics N            NICs of each host (default 4)\n"
        "  --vlans N           VLANs of each host (default 8)\n"
        "  --dark N            hosts of a thousand that have a NIC without carrier (default 20)\n"
        "  --help              this text\n"
        "\n"
        "Example:\n"
        "  muster token create --count 300 >tokens\n"
        "  muster-fleet --connect tcp://127.0.0.1:7411 --tokens tokens --nodes 300\n",
        out);
}

static int read_tokens(const char *path, uint32_t n, char ***out)
{
    FILE *f = fopen(path, "re");
    char line[256];
    uint32_t have = 0;

    *out = calloc(n, sizeof **out);
    if (f == NULL || *out == NULL) {
        fprintf(stderr, "muster-fleet: cannot read %s: %s\n", path, strerror(errno));
        if (f != NULL)
            fclose(f);
        return 1;
    }
    while (have < n && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strncmp(line, "m1.", 3) == 0)
            (*out)[have++] = strdup(line);
    }
    fclose(f);
    if (have < n) {
        fprintf(stderr,
                "muster-fleet: %s has %u tokens, %u hosts need one each: create more with "
                "'muster token create --count %u'\n",
                path, have, n, n);
        return 1;
    }
    return 0;
}

static int number(const char *text, uint32_t highest, uint32_t *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || v > highest)
        return -1;
    *out = (uint32_t)v;
    return 0;
}

struct options {
    struct fleet_options fleet;
    const char *tokens;
    uint32_t seed;
};

static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        { "connect", required_argument, NULL, 'c' },
        { "tokens", required_argument, NULL, 't' },
        { "nodes", required_argument, NULL, 'n' },
        { "seed", required_argument, NULL, 's' },
        { "nics", required_argument, NULL, 'i' },
        { "vlans", required_argument, NULL, 'v' },
        { "dark", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct {
        char letter;
        uint32_t highest, *to;
    } numbers[] = {
        { 'n', LIMIT_NODES, &o->fleet.nodes },
        { 's', UINT32_MAX, &o->seed },
        { 'i', 64, &o->fleet.shape.nics },
        { 'v', 1000, &o->fleet.shape.vlans },
        { 'd', 1000, &o->fleet.shape.bad_per_mille },
    };
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 'h') {
            usage(stdout);
            exit(0);
        } else if (c == 'c') {
            o->fleet.endpoint = optarg;
        } else if (c == 't') {
            o->tokens = optarg;
        } else if (c == '?') {
            return 2;
        }
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
            if (c == numbers[i].letter && number(optarg, numbers[i].highest, numbers[i].to) != 0) {
                fprintf(stderr, "muster-fleet: %s is not a number from 0 to %u\n", optarg,
                        numbers[i].highest);
                return 2;
            }
        }
    }
    if (o->fleet.endpoint == NULL || o->tokens == NULL || o->fleet.nodes == 0 ||
        o->fleet.shape.nics == 0 || optind != argc) {
        fputs("muster-fleet: --connect, --tokens and --nodes are needed (see --help)\n", stderr);
        return 2;
    }
    o->fleet.shape.seed = o->seed;
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {
        .fleet = { .shape = { .nics = 4, .vlans = 8, .bad_per_mille = 20 },
                   .heartbeat_ms = DEFAULT_HEARTBEAT_MS },
        .seed = 1,
    };
    struct err e = { "" };
    struct fleet *f;
    struct rlimit files;
    bool told = false;
    int rc = parse_options(argc, argv, &o);

    log_set("muster-fleet", LOG_LEVEL_INFO);
    if (rc == 0)
        rc = read_tokens(o.tokens, o.fleet.nodes, &o.fleet.tokens);
    if (rc != 0)
        return rc;
    /* libzmq takes about two descriptors for each connection. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    f = fleet_new(&o.fleet, &e);
    while (f != NULL && rc == 0 && !stopped) {
        rc = fleet_run(f, 1000, &e);
        if (!told && fleet_counts(f).registered == o.fleet.nodes) {
            log_line(LOG_LEVEL_INFO, "%u simulated hosts are registered", o.fleet.nodes);
            told = true;
        }
    }
    if (f == NULL || rc < 0)
        fprintf(stderr, "muster-fleet: %s\n", e.text);
    fleet_free(f);
    for (uint32_t i = 0; i < o.fleet.nodes; i++)
        free(o.fleet.tokens[i]);
    free(o.fleet.tokens);
    return rc < 0 || f == NULL ? 1 : 0;
}
