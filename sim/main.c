/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"
#ifdef MUSTER_GUARDS
#include "guards.h"
#endif

static const char usage[] =
    "Usage: muster-sim [--seed N] [--seeds N] [--hosts N] [--luns N] [--storm S] [--calm S] [--play NAME] [--trace] [--wire]\n"
    "\n"
    "Runs coordinator and probes under virtual time with faults, and judges what happens.\n"
    "\n"
    "  --seed N    the (first) seed; the same seed gives the same run (default 1)\n"
    "  --seeds N   as many runs, with seeds one after the other (default 1)\n"
    "  --hosts N   (default 20)      --luns N   at most 64 (default 10)\n"
    "  --group     a volume group on three LUNs more, which is changed\n"
    "  --outside   and somebody changes it without muster\n"
    "  --active    or its LVs are activated\n"
    "  --remade    or it is removed, and made again\n"
    "  --mapped    or its LVs are activated on hosts with device-mapper, and snapshots are made\n"
    "  --storm S   seconds with faults (default 120)\n"
    "  --calm S    seconds without, after which all must be well (default 240)\n"
    "  --fail-commit N  the coordinator's Nth commit fails\n"
    "  --fail-how H     1: there is no room; 2: the same, and yet it is on the disk; 3: it cannot be\n"
    "                   synced, which ends the process, and is not on the disk; 4: but it is (default 1)\n"
    "  --sweep     each seed again with each of its commits failing in turn, in each of these ways\n"
    "  --play NAME a scripted scene in place of the storm; none: a storm without any, which some seeds\n"
    "              else have in it\n"
    "  --plays     lists them\n"
    "  --unjudged  the end is not judged, only what happens until then\n"
    "  --trace     a line for each thing that happens\n"
    "  --wire      and for each message (implies --trace)\n"
    "\n"
    "Ends with 1 when an invariant was broken, with the seed that replays it.\n";

static bool number(const char *text, uint64_t most, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out <= most;
}

#ifdef MUSTER_GUARDS
/* Takes guards away: NAME[,NAME]... False: there is no such. */
static bool take_away(char *names)
{
    for (char *save = NULL, *name = strtok_r(names, ",", &save); name != NULL;
         name = strtok_r(NULL, ",", &save)) {
        int g = guard_by_name(name);

        if (g < 0)
            return false;
        guards_off[g] = true;
    }
    return true;
}

static int list_guards(void)
{
    for (int g = 0; g < GUARD_COUNT; g++)
        printf("%s %s\n", guard_name((enum guard)g), guard_text((enum guard)g));
    return 0;
}
#endif

static void add(struct sim_counts *sum, const struct sim_counts *c)
{
    for (size_t k = 0; k < sizeof *c / sizeof(uint64_t); k++)
        ((uint64_t *)sum)[k] += ((const uint64_t *)c)[k];
}

/* 0, or 1 with what replays it. */
static int once(const struct sim_options *o, struct sim_counts *sum)
{
    struct sim_counts c;
    struct err e = { "" };
    int rc = sim_run(o, &c, &e);

    add(sum, &c);
    if (rc == 0)
        return 0;
    printf("seed %" PRIu64 ": %s (muster-sim --seed %" PRIu64
           " --hosts %u --luns %u --storm %lld --calm %lld ",
           o->seed, rc == -ENOMEM ? "out of memory" : e.text, o->seed, o->hosts, o->luns,
           (long long)o->storm_ms / 1000, (long long)o->calm_ms / 1000);
    if (o->fail_commit != 0)
        printf("--fail-commit %" PRIu64 " --fail-how %d ", o->fail_commit, (int)o->fail_how);
    if (o->played || o->play == SIM_NO_PLAY)
        printf("--play %s ", o->played ? sim_play_name(o->play) : "none");
    if (o->group)
        printf("--group ");
    if (o->outside)
        printf("--outside ");
    if (o->active)
        printf("--active ");
    if (o->remade)
        printf("--remade ");
    if (o->mapped)
        printf("--mapped ");
    printf("--trace replays it)\n");
    return 1;
}

/* The run of one seed, and if asked for the same again with each of its commits failing in turn, in
 * each way. */
static int one_seed(struct sim_options o, bool sweep, struct sim_counts *sum)
{
    struct sim_counts first = { 0 };
    int rc = once(&o, &first);

    add(sum, &first);
    for (int how = SIM_FAILS; sweep && rc == 0 && how < SIM_FAILURES; how++) {
        o.fail_how = (enum sim_failure)how;
        for (o.fail_commit = 1; rc == 0 && o.fail_commit <= first.commits; o.fail_commit++)
            rc = once(&o, sum);
    }
    return rc;
}

static int run(struct sim_options *o, uint64_t seeds, bool sweep)
{
    struct sim_counts sum = { 0 };
    struct timespec begin, end;
    double real_s;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (uint64_t i = 0; i < seeds; i++, o->seed++) {
        if (one_seed(*o, sweep, &sum) != 0)
            return 1;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    real_s = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    printf(
        "%" PRIu64
        " seeds, %u hosts: %.0f s of virtual time in %.1f s of processor time (%.0f times as fast)\n"
        "steps %" PRIu64 ", messages %" PRIu64 " (lost %" PRIu64 ", doubled %" PRIu64
        ", late %" PRIu64 "), commits %" PRIu64 " (failed %" PRIu64 ")\n"
        "coordinator ended %" PRIu64 ", probes ended %" PRIu64 ", reboots %" PRIu64
        ", pauses %" PRIu64 ", partitions %" PRIu64 "\n"
        "leases %" PRIu64 ", mounts to scan %" PRIu64 ", results taken %" PRIu64
        ", workers that hang %" PRIu64 "\ntasks %" PRIu64 ", holds %" PRIu64
        ", mounts without muster %" PRIu64 ", restores %" PRIu64 ", recoveries %" PRIu64
        ", second coordinators %" PRIu64 ", plays %" PRIu64 "\n"
        "changes of the volume group %" PRIu64 ", LVs mapped without muster %" PRIu64
        ", changes without muster %" PRIu64 "\nLVs activated %" PRIu64 ", deactivated %" PRIu64
        ", refreshes of devices %" PRIu64 ", snapshots %" PRIu64 "\n",
        seeds, o->hosts, (double)sum.virtual_ms / 1e3, real_s,
        (double)sum.virtual_ms / 1e3 / real_s, sum.steps, sum.messages, sum.lost, sum.doubled,
        sum.delayed, sum.commits, sum.failed_commits, sum.crashes, sum.ends, sum.reboots,
        sum.pauses, sum.partitions, sum.grants, sum.scans, sum.results, sum.hangs, sum.tasks,
        sum.holds, sum.foreign, sum.restores, sum.recoveries, sum.seconds, sum.plays, sum.changes,
        sum.foreign_maps, sum.outside_changes, sum.activations, sum.deactivations, sum.refreshes,
        sum.snapshots);
    return 0;
}

/* False: there is no such. */
static bool choose_play(const char *name, struct sim_options *o)
{
    const char *known;

    o->played = strcmp(name, "none") != 0;
    o->play = o->played ? 0 : SIM_NO_PLAY;
    while (o->played && (known = sim_play_name(o->play)) != NULL && strcmp(known, name) != 0)
        o->play++;
    return !o->played || sim_play_name(o->play) != NULL;
}

static int list_plays(void)
{
    for (unsigned i = 0; sim_play_name(i) != NULL; i++)
        printf("%s %s\n", sim_play_name(i), sim_play_text(i));
    return 0;
}

/* What only tells something; what to end with. */
static int tell(int c)
{
    if (c == 'P')
        return list_plays();
#ifdef MUSTER_GUARDS
    if (c == 'G')
        return list_guards();
#endif
    if (c != 'H')
        return 2;
    fputs(usage, stdout);
    return 0;
}

static void set_number(int c, uint64_t v, struct sim_options *o)
{
    switch (c) {
    case 's':
        o->seed = v;
        break;
    case 'h':
        o->hosts = (uint32_t)v;
        break;
    case 'l':
        o->luns = (uint32_t)v;
        break;
    case 'm':
        o->storm_ms = (int64_t)v * 1000;
        break;
    case 'c':
        o->calm_ms = (int64_t)v * 1000;
        break;
    case 'f':
        o->fail_commit = v;
        break;
    default:
        o->fail_how = (enum sim_failure)v;
    }
}

/* What the volume group is like. */
static void set_group(int c, struct sim_options *o)
{
    o->group = true;
    o->outside |= c == 'O';
    o->active |= c == 'A' || c == 'D';
    o->remade |= c == 'R';
    o->mapped |= c == 'D';
}

/* One option. -1: it is set; else what to end with. */
static int set_option(int c, uint64_t v, struct sim_options *o, uint64_t *seeds, bool *sweep)
{
    switch (c) {
    case 's':
    case 'h':
    case 'l':
    case 'm':
    case 'c':
    case 'f':
    case 'o':
        set_number(c, v, o);
        break;
    case 'n':
        *seeds = v;
        break;
    case 'S':
        *sweep = true;
        break;
    case 'w':
        o->wire = true;
        o->trace = stdout;
        break;
    case 'g':
    case 'O':
    case 'A':
    case 'R':
    case 'D':
        set_group(c, o);
        break;
    case 'u':
        o->unjudged = true;
        break;
    case 't':
        o->trace = stdout;
        break;
    case 'p':
        if (!choose_play(optarg, o)) {
            fprintf(stderr, "muster-sim: there is no such play; --plays lists them\n");
            return 2;
        }
        break;
#ifdef MUSTER_GUARDS
    case 'W':
        if (!take_away(optarg)) {
            fprintf(stderr, "muster-sim-guards: there is no such guard; --guards lists them\n");
            return 2;
        }
        break;
#endif
    default:
        return tell(c);
    }
    return -1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "seed", 1, NULL, 's' },     { "seeds", 1, NULL, 'n' },   { "hosts", 1, NULL, 'h' },
        { "luns", 1, NULL, 'l' },     { "storm", 1, NULL, 'm' },   { "calm", 1, NULL, 'c' },
        { "trace", 0, NULL, 't' },    { "help", 0, NULL, 'H' },    { "wire", 0, NULL, 'w' },
        { "unjudged", 0, NULL, 'u' }, { "sweep", 0, NULL, 'S' },   { "fail-commit", 1, NULL, 'f' },
        { "fail-how", 1, NULL, 'o' }, { "play", 1, NULL, 'p' },    { "plays", 0, NULL, 'P' },
        { "group", 0, NULL, 'g' },    { "outside", 0, NULL, 'O' }, { "active", 0, NULL, 'A' },
        { "remade", 0, NULL, 'R' },   { "mapped", 0, NULL, 'D' },
#ifdef MUSTER_GUARDS
        { "without", 1, NULL, 'W' },  { "guards", 0, NULL, 'G' },
#endif
        { NULL, 0, NULL, 0 }
    };
    struct sim_options o = { .seed = 1,
                             .hosts = 20,
                             .luns = 10,
                             .storm_ms = 120000,
                             .calm_ms = 240000,
                             .fail_how = SIM_FAILS };
    uint64_t seeds = 1, v = 0;
    bool sweep = false;
    int c, end;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        static const char *const takes = "snhlmcfo";
        static const uint64_t most[] = { INT64_MAX, 1000000000, 10000,      64,
                                         1000000,   1000000,    1000000000, SIM_FAILURES - 1 };
        const char *at = strchr("twuSHWGpPg?", c) != NULL ? NULL : strchr(takes, c);

        if (at != NULL && !number(optarg, most[at - takes], &v)) {
            fprintf(stderr, "muster-sim: %s is no number, or too large\n", optarg);
            return 2;
        }
        end = set_option(c, v, &o, &seeds, &sweep);
        if (end >= 0)
            return end;
    }
    if (o.hosts == 0) {
        fprintf(stderr, "muster-sim: there must be a host\n");
        return 2;
    }
    if ((o.group || o.played) && o.luns > 64 - 3) {
        fprintf(stderr, "muster-sim: there is no room for the volume group's LUNs\n");
        return 2;
    }
    if (o.played && (o.hosts < 3 || o.luns == 0)) {
        fprintf(stderr, "muster-sim: a play needs three hosts and a LUN\n");
        return 2;
    }
    return run(&o, seeds, sweep);
}
