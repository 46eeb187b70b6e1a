/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulator: the real cores of coordinator and probes in one process under virtual time, with
 * seeded faults. The same seed gives the same run, byte for byte. Hosts, disks, network and
 * database are made up; nothing of them is muster's code, and nothing that judges is (oracle.c). */
#ifndef MUSTER_SIM_H
#define MUSTER_SIM_H

#include <stdio.h>

#include "base/err.h"
#include "base/types.h"

/* How a commit may fail. What the store says of it is the same: it cannot be. */
enum sim_failure {
    SIM_FAILS_NOT,
    SIM_FAILS,           /* there is no room: the coordinator reads only, until there is */
    SIM_FAILS_AND_IS,    /* the same, but the commit is on the disk */
    SIM_FAILS_TO_SYNC,   /* nobody knows whether it is on the disk: the process ends. It is not */
    SIM_SYNCS_TO_NO_END, /* it is */
    SIM_FAILURES,
};

struct sim_options {
    uint64_t seed;
    uint32_t hosts, luns;
    int64_t storm_ms;     /* with faults */
    int64_t calm_ms;      /* then without any: by its end all must be well */
    uint64_t fail_commit; /* the how manieth fails, also when there is no storm; 0: none */
    enum sim_failure fail_how;
    bool group;    /* there is a volume group too, on three LUNs more */
    bool outside;  /* and somebody changes it without muster */
    bool active;   /* whose LVs are activated, and not only mapped without muster */
    bool remade;   /* it is removed, and made again */
    bool mapped;   /* hosts have device-mapper: devices are refreshed, snapshots are made */
    bool unjudged; /* at its end: only what is forbidden at any time is found */
    bool played;   /* `play` takes the place of the storm; else some seeds have one in it */
    unsigned play; /* of sim_play_name; SIM_NO_PLAY: a storm without any */
    FILE *trace;   /* a line for each thing that happens; NULL: none */
    bool wire;     /* and for each message */
};

#define SIM_NO_PLAY UINT32_MAX
/* The scripted scenes that a run may have, by their numbers; NULL: there is no further one. */
const char *sim_play_name(unsigned play);
const char *sim_play_text(unsigned play);

struct sim_counts {
    uint64_t steps;    /* of coordinators and agents */
    uint64_t messages; /* delivered */
    uint64_t lost, doubled, delayed;
    uint64_t commits, failed_commits;
    uint64_t crashes; /* of coordinators */
    uint64_t ends;    /* of probes */
    uint64_t reboots, pauses, partitions;
    uint64_t grants, results, scans;     /* leases, results that were taken, mounts to scan */
    uint64_t holds, foreign, hangs;      /* writers under holds, without; workers that hang */
    uint64_t changes, foreign_maps;      /* workers of changes; LVs mapped without muster */
    uint64_t outside_changes;            /* of the volume group, without muster */
    uint64_t activations, deactivations; /* tables that orders have made, and taken away */
    uint64_t refreshes, snapshots;       /* workers of refreshes; snapshots made */
    uint64_t tasks, restores, recoveries, seconds, plays;
    int64_t virtual_ms;
};

/* Runs it to its end. 0; -EPROTO: an invariant is broken, with a sentence; -ENOMEM. */
int sim_run(const struct sim_options *o, struct sim_counts *counts, struct err *e);

#endif
