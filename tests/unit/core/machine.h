/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine that speaks to a core as its probe would: what it is, what it has, what it says. */
#ifndef MUSTER_TESTS_CORE_MACHINE_H
#define MUSTER_TESTS_CORE_MACHINE_H

#include "life.h"

enum { MACHINE_NICS = 4, MACHINE_BONDS = 2, MACHINE_VLANS = 6, MACHINE_RIGHTS = 32 };

struct machine_nic {
    char name[16]; /* "": there is none */
    bool up;
    const char *bond; /* slave of it */
    uint64_t rx_bytes;
};

struct machine_vlan {
    char name[24]; /* "": there is none */
    char base[16], tags[16];
};

struct machine {
    struct life *l;
    unsigned number;
    uuid128 id, boot;
    pubkey key;
    uint64_t seq;
    uint64_t protocol; /* version that it speaks; 0: PROTOCOL_VERSION */
    char name[32], uuid[40], mac[24];
    const char *hostname;
    struct machine_nic nics[MACHINE_NICS];
    char bonds[MACHINE_BONDS][16]; /* "": there is none */
    struct machine_vlan vlans[MACHINE_VLANS];
    enum section_status status; /* of nics, bonds and vlans */
    int64_t status_age_ms;
    bool rowless;         /* no rows are reported, as of a probe that is stuck from its start */
    uint32_t sections;    /* bit set of those that it speaks of */
    bool remembers;       /* sends `memory` */
    struct memory memory; /* as an agent keeps it: from Registered and acknowledgements */
    uint8_t db_id[16], nonce[16];
    struct right rights[MACHINE_RIGHTS]; /* named in each message that has a list of them */
    size_t right_count;
};

/* "m1", with eth0 up; its number makes UUID, MAC and key. */
void machine_init(struct machine *m, struct life *l, unsigned number);
void machine_reboot(struct machine *m); /* new boot id and key; it remembers nothing */
void machine_new_key(struct machine *m);

/* Each says one thing; the answer is in the life. */
void machine_enrol(struct machine *m, const char *secret);
void machine_register(struct machine *m);
void machine_heartbeat(struct machine *m);
void machine_report(struct machine *m);                         /* all sections that it speaks of */
void machine_report_some(struct machine *m, uint32_t sections); /* bit set */
void machine_goodbye(struct machine *m);
/* Any envelope, with ids, key and the next number filled in where they are absent. */
void machine_say(struct machine *m, struct envelope *env);
void machine_say_sections(struct machine *m, struct envelope *env, const struct section *v,
                          size_t n);

/* What the last answer was. */
enum enrol_state machine_enrolled(const struct machine *m);  /* 0: no Enrolled */
enum refuse_reason machine_refused(const struct machine *m); /* 0: no Refused */
bool machine_registered(const struct machine *m);
bool machine_acknowledged(const struct machine *m);
/* Does the last answer want the section? */
bool machine_wanted(const struct machine *m, const char *section);

/* Token, enrol, register, report: it must work. */
void machine_join(struct machine *m);

struct section *machine_sections(struct machine *m, struct arena *a, uint32_t set, size_t *n);

#endif
