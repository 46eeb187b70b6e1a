/* SPDX-License-Identifier: GPL-2.0-or-later */
/* muster-fleet: simulated hosts that talk to a real coordinator over real CURVE connections. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "base/log.h"
#include "fleet_script.h"
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
        "made-up hardware and scans. Runs until Ctrl-C.\n"
        "\n"
        "  --connect ENDPOINT  where the coordinator listens for nodes\n"
        "  --tokens FILE       one enrolment token a line (muster token create --count N); more\n"
        "                      than there are hosts are for new boots\n"
        "  --nodes N           how many hosts\n"
        "  --first N           the number of the first (default 0), a multiple of --group: where a\n"
        "                      process may not have enough descriptors, several make one fleet\n"
        "  --script FILE       what happens to them once all are registered; of a FIFO, when it\n"
        "                      is written to it\n"
        "  --shape FILE        a line NAME NUMBER for each figure below that is not the usual one\n"
        "  --seed S            another fleet; the same seed gives the same one (default 1)\n"
        "  --help              this text\n"
        "\n"
        "Figures of the fleet:\n",
        out);
    for (size_t i = 0; i < fleet_figure_count; i++) {
        const struct fleet_figure *f = &fleet_figures[i];

        fprintf(out, "  --%-11s N     %s (default %u)\n", f->name, f->what, f->usual);
    }
    fputs(
        "\n"
        "A script has a line for each thing that happens:\n"
        "  wait 2.5s\n"
        "  link down|up NIC HOSTS    a NIC has no carrier\n"
        "  port down|up PORT HOSTS   an FC port, and with it its paths\n"
        "  lun gone|back LUN HOSTS   a LUN is unmapped\n"
        "  flap HOSTS                a carrier goes and comes back\n"
        "  restart HOSTS             the probe, in the same boot\n"
        "  roll VERSION HOSTS        as restart, to a probe of that version of the protocol\n"
        "  crash HOSTS               off, without a word\n"
        "  boot HOSTS                in a new boot, with the next token\n"
        "HOSTS: all, rack N, or numbers from 0: 3 or 0-39 or 1,5,7-9.\n"
        "\n"
        "Example:\n"
        "  muster token create --count 300 >tokens\n"
        "  mkfifo happens\n"
        "  muster-fleet --connect tcp://127.0.0.1:7411 --tokens tokens --nodes 300 --script happens &\n"
        "  echo lun gone 2 rack 1 >happens\n",
        out);
}

static int token_add(struct fleet_options *o, const char *line)
{
    char **more = realloc(o->tokens, (o->token_count + 1) * sizeof *more);

    if (more == NULL)
        return -ENOMEM;
    o->tokens = more;
    more[o->token_count] = strdup(line);
    return more[o->token_count++] == NULL ? -ENOMEM : 0;
}

static int read_tokens(const char *path, struct fleet_options *o)
{
    FILE *f = fopen(path, "re");
    char line[256];

    if (f == NULL) {
        fprintf(stderr, "muster-fleet: cannot read %s: %s\n", path, strerror(errno));
        return 1;
    }
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strncmp(line, "m1.", 3) == 0 && token_add(o, line) < 0) {
            fclose(f);
            fputs("muster-fleet: out of memory\n", stderr);
            return 1;
        }
    }
    fclose(f);
    if (o->token_count < o->nodes) {
        fprintf(stderr,
                "muster-fleet: %s has %u tokens, %u hosts need one each: create more with "
                "'muster token create --count %u'\n",
                path, o->token_count, o->nodes, o->nodes);
        return 1;
    }
    return 0;
}

struct options {
    struct fleet_options fleet;
    const char *tokens, *script;
};

enum { OTHERS = 8 }; /* options that are no figures */

/* The options that are no figures, and then the figures. */
static void option_list(struct option *list)
{
    static const struct option others[OTHERS] = {
        { "connect", required_argument, NULL, 'c' }, { "tokens", required_argument, NULL, 't' },
        { "nodes", required_argument, NULL, 'n' },   { "script", required_argument, NULL, 's' },
        { "shape", required_argument, NULL, 'f' },   { "seed", required_argument, NULL, 'e' },
        { "help", no_argument, NULL, 'h' },          { "first", required_argument, NULL, 'i' },
    };

    memcpy(list, others, sizeof others);
    for (size_t i = 0; i < fleet_figure_count; i++)
        list[OTHERS + i] = (struct option){ fleet_figures[i].name, required_argument, NULL, 1 };
    list[OTHERS + fleet_figure_count] = (struct option){ NULL, 0, NULL, 0 };
}

static int number_of(const char *name, const char *text, unsigned long least, uint32_t *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || v < least || v > LIMIT_NODES) {
        fprintf(stderr, "muster-fleet: --%s %s: it takes a number from %lu to %d\n", name, text,
                least, LIMIT_NODES);
        return 2;
    }
    *out = (uint32_t)v;
    return 0;
}

static int take_option(int c, const char *name, struct options *o)
{
    struct err e;
    int rc = 0;

    switch (c) {
    case 'c':
        o->fleet.endpoint = optarg;
        return 0;
    case 't':
        o->tokens = optarg;
        return 0;
    case 's':
        o->script = optarg;
        return 0;
    case 'n':
        return number_of("nodes", optarg, 1, &o->fleet.nodes);
    case 'i':
        return number_of("first", optarg, 0, &o->fleet.first);
    case 'f':
        rc = fleet_shape_read(&o->fleet.shape, optarg, &e);
        break;
    case 'e':
    case 1:
        rc = fleet_shape_set(&o->fleet.shape, name, optarg, &e);
        break;
    default:
        return 2;
    }
    if (rc < 0)
        fprintf(stderr, "muster-fleet: %s\n", e.text);
    return rc < 0 ? 2 : 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
    struct option *list = calloc(OTHERS + fleet_figure_count + 1, sizeof *list);
    struct err e;
    int c, at = 0, rc = list == NULL ? 1 : 0;

    if (list != NULL)
        option_list(list);
    while (rc == 0 && (c = getopt_long(argc, argv, "", list, &at)) != -1) {
        if (c == 'h') {
            usage(stdout);
            exit(0);
        }
        rc = take_option(c, c == '?' ? NULL : list[at].name, o);
    }
    free(list);
    if (rc == 0 &&
        (o->fleet.endpoint == NULL || o->tokens == NULL || o->fleet.nodes == 0 || optind != argc)) {
        fputs("muster-fleet: --connect, --tokens and --nodes are needed (see --help)\n", stderr);
        return 2;
    }
    if (rc == 0 && fleet_shape_check(&o->fleet.shape, &e) < 0) {
        fprintf(stderr, "muster-fleet: %s\n", e.text);
        return 2;
    }
    if (rc == 0 && o->fleet.first % o->fleet.shape.group != 0) {
        fprintf(stderr,
                "muster-fleet: --first %u is not a multiple of %u: the hosts of a group share "
                "storage, and must be in one process\n",
                o->fleet.first, o->fleet.shape.group);
        return 2;
    }
    return rc;
}

/* libzmq takes about two descriptors for each connection. */
static void raise_limits(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* Two hosts that would have mounted one filesystem at once are the end of it. */
static int run(struct fleet *f, uint32_t size, struct fleet_script *script, struct err *e)
{
    uint64_t overlaps = 0;
    bool told = false;
    int64_t wait_ms = 1000;

    while (!stopped) {
        int rc = fleet_run(f, wait_ms, e);

        if (rc == 0 && !told && fleet_counts(f).registered == size) {
            log_line(LOG_LEVEL_INFO, "%u simulated hosts are registered", size);
            told = true;
        }
        if (rc == 0 && told && script != NULL)
            wait_ms = fleet_script_run(script, f, e);
        if (rc < 0 || wait_ms < 0)
            return rc < 0 ? rc : (int)wait_ms;
        if (fleet_counts(f).overlaps != overlaps) {
            overlaps = fleet_counts(f).overlaps;
            log_line(LOG_LEVEL_ERROR, "two hosts would have had one filesystem mounted at once");
        }
    }
    return overlaps == 0 ? 0 : err_set(e, -EBUSY, "filesystems were mounted twice at once");
}

int main(int argc, char **argv)
{
    struct options o = { .fleet = { .heartbeat_ms = DEFAULT_HEARTBEAT_MS } };
    struct fleet_script *script = NULL;
    struct err e = { "" };
    struct fleet *f;
    int rc;

    fleet_shape_usual(&o.fleet.shape);
    rc = parse_options(argc, argv, &o);
    log_set("muster-fleet", LOG_LEVEL_INFO);
    if (rc == 0)
        rc = read_tokens(o.tokens, &o.fleet);
    if (rc != 0)
        return rc;
    raise_limits();
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (o.script != NULL)
        script = fleet_script_open(o.script, &o.fleet, &e);
    f = o.script != NULL && script == NULL ? NULL : fleet_new(&o.fleet, &e);
    rc = f == NULL ? -EINVAL : 0;
    if (rc == 0 && script != NULL && fleet_script_fd(script) >= 0)
        rc = fleet_watch(f, fleet_script_fd(script), &e);
    if (rc == 0)
        rc = run(f, o.fleet.nodes, script, &e);
    if (rc < 0)
        fprintf(stderr, "muster-fleet: %s\n", e.text);
    fleet_script_free(script);
    fleet_free(f);
    for (uint32_t i = 0; i < o.fleet.token_count; i++)
        free(o.fleet.tokens[i]);
    free(o.fleet.tokens);
    return rc < 0 ? 1 : 0;
}
