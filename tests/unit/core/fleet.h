/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A core under virtual time, with hosts that speak to it as probes do and clients that ask it. All
 * goes in and out as events and updates: no test reaches into the core. */
#ifndef MUSTER_TESTS_CORE_FLEET_H
#define MUSTER_TESTS_CORE_FLEET_H

#include "core/core.h"

enum { FLEET_PORTS = 6, FLEET_GENERATION = 50 /* of the database that is loaded */ };

/* Who asks. */
enum client { CLIENT_LOCAL, CLIENT_OBSERVER, CLIENT_OPERATOR, CLIENT_STRANGER, CLIENT_NODE };

struct fleet {
    struct coord *c;
    struct core_config config;
    mono_ms now;
    wall_ms wall;
    uint64_t random; /* seed of what the shell would draw */
    struct arena *arena;
    struct coord_update update;
    struct arena *asked; /* memory of the last reply */
    const struct reply *reply;
    struct join join;
    struct arena *told; /* memory of the last envelope */
    const struct envelope *answer;
    uint64_t commits;
    char events[8192]; /* "kind: text" of the last commit that had any, one a line */
    bool unchecked;    /* do not walk the whole state after each step (costs time) */
    bool batch;        /* steps are collected; fleet_commit ends them */
};

/* A port: eth0 ... as a NIC, or as VLANs on it. */
struct port {
    bool there, up;
    uint16_t vlans[3]; /* tags of links on it; 0: none */
};

struct host {
    struct fleet *f;
    uint8_t number;
    uuid128 id, boot;
    pubkey key;
    uint64_t seq;
    char name[24];
    struct port ports[FLEET_PORTS];
    enum section_status status; /* of nics and vlans */
    uint64_t generation;
    uint64_t remembered; /* generation of the coordinator that it remembers; 0: none */
};

struct fleet *fleet_new(void);
struct fleet *fleet_new_by(bool enrol_by_token); /* else an operator approves each node */
void fleet_free(struct fleet *f);
void fleet_pass(struct fleet *f, int64_t ms); /* time, with a tick at its end */
void fleet_step(struct fleet *f, struct coord_event *ev);
void fleet_begin(struct fleet *f); /* the steps until fleet_commit are one batch */
void fleet_commit(struct fleet *f);
void fleet_read_only(struct fleet *f, bool on);

/* Asks; the reply stays until the next. Returns its code. */
enum reply_code fleet_ask(struct fleet *f, enum client who, struct request *req);

/* A host that is enrolled, registered and reported; ports[0] is up. */
void host_init(struct host *h, struct fleet *f, uint8_t number);
void host_join(struct host *h);
enum enrol_state host_enrol(struct host *h, bool with_token); /* 0: refused */
bool host_register(struct host *h);
bool host_report(struct host *h); /* nics and vlans as the ports are */
/* Any sections; they are normalised on the way. */
bool host_report_sections(struct host *h, struct section *v, size_t n);
void host_beat(struct host *h);
void host_goodbye(struct host *h);
void host_reboot(struct host *h); /* new boot id and key, nothing said yet */

#endif
