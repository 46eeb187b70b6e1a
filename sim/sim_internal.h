/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the simulator share. Times of the world are in microseconds since its
 * beginning; what a machine's clock shows is clock.c's affair. */
#ifndef MUSTER_SIM_INTERNAL_H
#define MUSTER_SIM_INTERNAL_H

#include "agent.h"
#include "base/buf.h"
#include "base/guard.h"
#include "base/limits.h"
#include "core/core.h"
#include "durable.h"
#include "sim.h"
#include "supervisor_internal.h"
#include "wire/token.h"

typedef int64_t world_us;
#define WORLD_NEVER INT64_MAX

/* By its seed alone a run has something that most have not: those without are what they would be
 * if there were none that have it. */
enum { LOT_PLAY = 4, LOT_CONFIGURED = 7, LOTS = 8 };

struct sim;
struct brain;
struct letter;
struct host;
struct group;

/* ---- dice.c: all chance comes from here */
uint64_t dice(struct sim *s);
uint32_t dice_below(struct sim *s, uint32_t n); /* 0 to n - 1 */
uint32_t dice_lot(const struct sim *s,
                  uint32_t n); /* 0 to n - 1, by the seed alone: the same each time */
bool dice_chance(struct sim *s, uint32_t per_million);
world_us dice_about(struct sim *s, world_us mean); /* exponential, at most 20 times the mean */
void dice_fill(struct sim *s, void *out, size_t n);

/* ---- agenda.c: what happens when. Of what is due at one time, the first made is first. */
typedef void (*happen_fn)(struct sim *s, void *what, uint64_t stamp);
struct happening {
    world_us at;
    uint64_t order, stamp; /* stamp: the maker's own, to know one that is out of date by */
    happen_fn fn;
    void *what;
    bool owned; /* `what` is freed with it when it does not happen */
};
struct agenda {
    struct happening *v;
    size_t n, cap;
    uint64_t order;
};
void agenda_put(struct sim *s, world_us at, happen_fn fn, void *what, uint64_t stamp);
void agenda_put_owned(struct sim *s, world_us at, happen_fn fn, void *what, uint64_t stamp);
void agenda_drop(struct happening *h);                     /* it does not happen */
bool agenda_take(struct agenda *a, struct happening *out); /* the next; false: nothing is left */

/* ---- clock.c: one machine's CLOCK_BOOTTIME */
struct sim_clock {
    world_us since;
    int64_t shown_us; /* at that time */
    int32_t ppm;      /* rate error */
    bool stopped;
};
int32_t sim_rate(struct sim *s); /* an error of a clock's rate, up to 1/1000; often the most */
void clock_start(struct sim_clock *c, world_us now, int64_t shown_us, int32_t ppm);
mono_ms clock_shows(const struct sim_clock *c, world_us now);
/* The first time at which it shows this or more; WORLD_NEVER while it is stopped. */
world_us clock_reaches(const struct sim_clock *c, world_us now, mono_ms shown);
void clock_stop(struct sim_clock *c, world_us now);
void clock_go_on(struct sim_clock *c, world_us now);

/* ---- lineage.c: which database has what, by how they were copied, not by their numbers */
struct point { /* what was durable at that generation of that fork */
    uint32_t fork;
    uint64_t generation;
};
struct fork { /* a database that has gone its own way since it was copied; the first is of none */
    struct point from;
    world_us at;    /* when it was copied */
    world_us ended; /* when its coordinator ran last; WORLD_NEVER: it may yet */
};
struct acked { /* what a boot of a node knows to be durable */
    bool any;
    struct point at;
    uint64_t epoch;
    struct point granted; /* of a grant a node remembers the token alone */
    uint64_t token;
};
uint32_t lineage_fork(struct sim *s, struct point from, world_us at);
struct point lineage_now(const struct brain *b);
bool lineage_has(const struct sim *s, uint32_t fork, struct point p);
/* Nor was it copied before then: a renewal stores nothing. */
bool lineage_heard_of(const struct sim *s, uint32_t fork, struct point p, world_us at);
/* The node has dealt with it; before it remembered that, and followed this start. */
void lineage_heard(struct sim *s, const struct letter *l, const struct envelope *env,
                   const struct memory *before, const uint8_t start[16]);
/* A register is taken up. */
void lineage_told(struct sim *s, const struct letter *l, const struct envelope *env);
void lineage_sent_down(struct sim *s, struct brain *b, struct host *h, const struct envelope *env);
/* What it has been told obliges it to wait for its operator. */
void lineage_grants(struct sim *s, const struct brain *b);

/* ---- net.c */
struct letter {          /* one message on its way */
    struct brain *brain; /* to or from it */
    struct host *host;
    pubkey key;                     /* of its sender, when it was sent */
    uint64_t brain_life, host_life; /* lives of the processes that the connection is between */
    size_t n;
    bool up;            /* from the host */
    struct point from;  /* down: what its sender had stored */
    struct acked knows; /* a register: what the node says that it remembers */
    uint8_t bytes[];
};
void net_send_up(struct sim *s, struct host *h, const struct envelope *env);
void net_send_down(struct sim *s, struct brain *b, const struct route *to,
                   const struct envelope *env);
void net_bring(struct sim *s, struct letter *l); /* takes it: it arrives, whatever is cut */

/* A line of the trace, if messages are traced. */
void net_describe(struct sim *s, const char *verb, const struct letter *l,
                  const struct envelope *env);

/* ---- brain.c: a coordinator and its database */
enum { BRAINS = 2 };
struct brain {
    uint32_t no;
    struct coord *c; /* NULL: it does not run */
    struct durable *disk;
    struct sim_clock clock;
    uint64_t life; /* counts its starts, and the cores that were loaded anew */
    mono_ms started;
    uuid128 nonce;
    struct inbox {
        struct letter **v;
        size_t n, cap;
    } inbox, batch;      /* batch: what is taken up with the commit that is under way */
    struct arena *arena; /* of the batch */
    struct coord_update update;
    bool committing, paused, read_only;
    uint64_t stamp; /* of its newest timer */
    bool begun;     /* the row of its start is durable: else a process serves nobody, and ends */
    world_us paused_at;
    int64_t deaf_ms;
    uint32_t fork;          /* its database */
    world_us started_at;    /* its process */
    int64_t ttl_ms;         /* of the leases that it gives */
    int64_t waits_ms;       /* the longest that it knows of what may be lost, when it starts */
    world_us recovered_at;  /* by its operator, the last time on this fork; 0: never */
    const struct host *old; /* has told it that its database is old; NULL: nobody */
    uint64_t old_epoch;     /* then */
};
void brain_start(struct sim *s, struct brain *b);
void brain_crash(struct sim *s, struct brain *b);
void brain_deinit(struct brain *b);
void brain_pause(struct sim *s, struct brain *b);
void brain_go_on(struct sim *s, struct brain *b);
void brain_deliver(struct sim *s, struct letter *l); /* takes it */
/* Asks as the local operator and gives the reply to `take` at once, before anything else happens.
 * False: it does not run, or is busy. */
bool brain_ask(struct sim *s, struct brain *b, struct request *req,
               void (*take)(void *with, const struct reply *r), void *with);

/* ---- disk.c: what is shared: a filesystem on each LUN, and who has it mounted */
enum mount_kind {
    MOUNT_SCAN,    /* a scan's worker */
    MOUNT_OWN,     /* a scan's worker, through the mount that its node's user has under a hold */
    MOUNT_HELD,    /* for writing, under a hold */
    MOUNT_FOREIGN, /* for writing, without muster */
};
struct mount {
    struct mount *next;
    struct host *host;
    enum mount_kind kind;
    uint64_t token;
    world_us since;
    bool left;     /* MOUNT_SCAN: its worker is gone */
    bool compared; /* MOUNT_SCAN: what changes from now on, its result does not claim to tell */
    bool excused;  /* MOUNT_SCAN: its kernel cannot let go of it, as section 5 allows for */
};
struct disk {
    uint32_t no;
    struct mount *mounts;
    uint64_t version;    /* of its content, superblock and journal */
    world_us *replaced;  /* by version: when another one took its place */
    size_t replaced_cap; /* those of the present one and later are not set */
    bool dirty;          /* mounted for writing, or was when its host ended */
    char key[72];        /* as a resource */
    uint8_t id[16];      /* as a resource, when the operator has heard of it */
    struct disk_known {  /* what oracle_scan.c has heard of it, of each coordinator */
        uint64_t token;  /* the newest lease */
    } known[BRAINS];
};
struct mount *disk_mount(struct sim *s, struct disk *d, struct host *h, enum mount_kind kind,
                         uint64_t token);
void disk_unmount(struct sim *s, struct disk *d, struct mount *m);
void disks_let_go(struct sim *s, const struct host *h, uint64_t token); /* what was left there */
void disk_write(struct sim *s, struct disk *d);
/* What this host has mounted of it, of any kind but MOUNT_OWN; NULL: nothing. */
struct mount *disk_mount_of(const struct disk *d, const struct host *h);
void disk_fingerprint(const struct disk *d, char out[80]); /* "": it is dirty */
void disks_host_ends(struct sim *s, struct host *h);       /* its mounts are gone with its kernel */
void disks_free(struct sim *s);
struct disk *disk_of_host(struct sim *s, const struct host *h); /* by chance; NULL: it sees none */

/* ---- process.c: the workers of scans, below the real pool of the supervisor */
struct process;
struct run_dir { /* what is in /run of scans, and of the last change */
    struct host *host;
    struct note *notes;
    struct arena *change_arena;
    const struct lvm_change *change;
    struct refresh_note *refreshes; /* group_refresh.c */
};
void refresh_notes_end(struct run_dir *d);
void notes_end(struct run_dir *d); /* notes.c: with the boot */
/* Whose system calls those of the pool are from now on. */
void process_at(struct sim *s, struct host *h);
void processes_reap(struct host *h); /* what has ended is told to the pools */
void processes_lose_supervisor(struct sim *s, struct host *h);
void processes_end(struct host *h); /* with the machine */
void processes_go_on(struct sim *s, struct host *h);
void processes_freeze(struct host *h);              /* the machine with its clock */
void processes_calm(struct sim *s, struct host *h); /* nothing hangs any more */
/* The workers that it has with this disk, until the calm: they are stopped, or hang in the kernel.
 */
void processes_stop(struct sim *s, struct host *h, const struct disk *d, bool hang);

/* ---- user.c: who writes, under a hold or without muster */
struct user;
void user_start(struct sim *s);
void users_calm(struct sim *s); /* all come to their end */
/* Somebody there takes a hold, and writes until the calm. False: it is not given. */
bool user_stays(struct sim *s, struct host *h, struct disk *d);
/* Holds are lost that the database of the first coordinator does not have. Is it known to lack
 * something? Then what is mounted is waited for. A host that writes under such a one; NULL: none.
 */
struct host *users_lost(struct sim *s, bool known);
void users_host_ends(struct sim *s, const struct host *h);
void users_free(struct sim *s);

/* ---- operator.c: what is asked of the coordinator */
void operator_start(struct sim *s);
void operator_hastens(struct sim *s);
void operator_cancels(struct sim *s, struct brain *b); /* a task that runs */
/* False: he is not heard. */
bool operator_scans(struct sim *s, const struct disk *d, bool every_node);
bool operator_binds(struct sim *s, struct host *h); /* its next token is for its node alone */

/* ---- oracle_scan.c: the invariants of scans, by what is mounted and what is said */
struct oracle {
    struct grant *grants;
    size_t grant_n, grant_cap;
    struct oracle_side {         /* of each coordinator */
        uint64_t token, highest; /* the highest that its database knows of; that there ever was */
    } side[BRAINS];
};
struct host_told { /* of one host, by the newest of its messages */
    struct told_result {
        uint64_t seq, token, outcome, version;
        bool unchanged;
    } results[16];
    struct told_uses {
        uint64_t seq, disks;
        world_us at;
    } uses[16];
    uint32_t result_n, uses_n;
    struct told_known { /* of each coordinator */
        uint64_t disks; /* that it knows the host to have mounted */
        world_us at;
    } known[BRAINS];
};
void oracle_mounted(struct sim *s, struct disk *d, struct mount *m);
void oracle_written(struct sim *s, struct disk *d);
void oracle_taken_up(struct sim *s, const struct letter *l, const struct envelope *env);
void oracle_sent_up(struct sim *s, struct host *h, const struct envelope *env);
void oracle_sent_down(struct sim *s, struct brain *b, struct host *h, const struct envelope *env);
void oracle_hold(struct sim *s, struct brain *b, struct disk *d, struct host *h, uint64_t token);
void oracle_copied(struct sim *s);                    /* what is known now is what the copy has */
void oracle_restored(struct sim *s, struct brain *b); /* from that copy */
void oracle_doubled(struct sim *s); /* the second begins with what the first has */
void oracle_follows(struct sim *s); /* and takes its place */
void oracle_recovered(struct sim *s, struct brain *b); /* the operator goes on with it */
void oracle_deinit(struct sim *s);

/* ---- host.c: a machine with a probe */
enum { HOST_LUNS = 64, HOST_TOKENS = 16 };
struct host {
    struct sim *sim;
    uint32_t no;
    uuid128 id, boot;
    pubkey key;
    char uuid[40], mac[20], name[16];
    struct identity identity;
    struct sim_clock clock;
    struct supervisor supervisor; /* its agent is NULL when the probe does not run */
    struct run_dir run;
    struct process **processes;
    size_t process_n, process_cap;
    uint64_t life;  /* counts its processes */
    uint64_t stamp; /* of its newest timer */
    world_us wakes; /* when that is due; 0: it has been */
    bool powered, paused;
    bool stopped;          /* its probe is, and its workers go on */
    bool gone;             /* for good */
    world_us thawed;       /* when its clock went on last; 0: it was never stopped in this boot */
    bool cut_up, cut_down; /* the network takes nothing of it; brings nothing */
    world_us cut_until;
    struct brain *brain; /* where its connection leads to */
    /* In its /run: gone with the boot. */
    bool enrolled, remembers;
    struct memory memory;
    uint8_t db_id[16], nonce[16];
    uint64_t first_seq;
    char secrets[HOST_TOKENS][TOKEN_SECRET_TEXT];
    uint32_t boots;
    struct letter **late; /* came while it was paused */
    size_t late_n, late_cap;
    uint64_t luns;           /* bit set of those that it sees */
    bool lost_luns;          /* those of the volume group */
    struct group_meta *seen; /* what its LVM worker has read last */
    struct group_question {  /* whether it is current; the newest ones */
        uint64_t task, job, attempt, mark;
        char unmapped[16], vg[16];
        uint8_t start[16]; /* of the coordinator that asks */
        world_us at;       /* when it was heard first */
    } questions[32];
    uint32_t question_n;
    struct group_seen { /* it has told a database that it sees the volume group, in this boot */
        struct point in;
        world_us at;
        uint32_t vg;
    } told_group[8];
    uint32_t told_group_n;
    struct group_report { /* that tells it, and which */
        uint64_t seq;
        uint32_t vg;
    } group_reports[16];
    uint32_t group_report_n;
    struct active_report { /* that lists LVs, and what of them is active */
        uint64_t seq;
        world_us at;
    } active_reports[16];
    uint32_t active_report_n;
    uint32_t refresh_deaths; /* workers of refreshes that have died since one has ended */
    struct host_told told;
    struct acked acked;
    uint64_t asks; /* seq of the register that was taken up last of what its coordinator lacks */
    struct point enrolled_in[HOST_TOKENS]; /* the databases that know it */
    uint32_t enrolments;
};
void host_power_on(struct sim *s, struct host *h); /* a new boot */
void host_power_off(struct sim *s, struct host *h);
void host_probe_start(struct sim *s, struct host *h);
void host_probe_end(struct sim *s, struct host *h); /* kill -9 */
void host_pause(struct sim *s, struct host *h, bool clock_too);
void host_go_on(struct sim *s, struct host *h);
void host_stop_probe(struct sim *s, struct host *h);
void host_deliver(struct sim *s, struct letter *l);  /* takes it */
void host_turn(struct sim *s, struct host *h);       /* its supervisor has something to look at */
void host_lvm_hint(struct sim *s, struct host *h);   /* its kernel tells of a PV */
void host_loses_luns(struct sim *s, struct host *h); /* of the volume group */
void host_has_luns(struct sim *s, struct host *h);   /* again */
void host_mounts_changed(struct sim *s, struct host *h);

/* ---- stock.c: what a host has to report */
int stock_sections(const struct sim *s, const struct host *h, enum worker_kind kind,
                   struct arena *a, struct section *out, size_t *count);

/* ---- group*.c: a volume group on LUNs of its own, if the run has one (group.h) */
enum { GROUP_LUNS = 3 };
struct group_meta;
void group_make(struct sim *s);
void group_free(struct sim *s);
void group_looks(struct sim *s, struct host *h); /* its LVM worker reads */
int group_sections(const struct sim *s, const struct host *h, struct arena *a, struct section *out,
                   size_t *n);
/* group_user.c: who asks for changes, and who maps LVs without muster */
void group_users_start(struct sim *s);
void group_users_calm(struct sim *s);
void group_active_start(struct sim *s);             /* group_active.c: who has LVs activated */
void group_asks_lv(struct sim *s, struct brain *b); /* to be made */
/* group_active.c */
void group_asks_active(struct sim *s, const struct host *h); /* of an LV, on this host */
bool group_has_lv(const struct sim *s);
bool group_is_active(const struct sim *s, const struct host *h); /* by a task that is over */
void group_admit(struct sim *s, struct brain *b);
void group_frees(struct sim *s, struct brain *b);          /* what boots have that are over */
void group_host_ends(struct sim *s, const struct host *h); /* its tables are gone */
/* oracle_group.c */
void oracle_group_sent_down(struct sim *s, struct brain *b, struct host *h,
                            const struct envelope *env);
void oracle_devices(struct sim *s); /* oracle_device.c: at each step */
/* oracle_active.c: which LVs are active where */
void oracle_active_sent_up(struct sim *s, struct host *h, const struct envelope *env);
void oracle_active_acknowledged(struct sim *s, const struct brain *b, struct host *h, uint64_t seq);
void oracle_active_stored(struct sim *s, const struct brain *b); /* in its database */
void oracle_group_heard(struct sim *s, struct host *h, const struct envelope *env);
void oracle_group_sent_up(struct sim *s, struct host *h, const struct envelope *env);
void oracle_group_end(struct sim *s);

/* ---- second.c: a second coordinator at the same time */
void second_start(struct sim *s);
void second_end(struct sim *s); /* the first goes on */

/* ---- chaos.c */
void chaos_restart(struct sim *s, struct brain *b); /* before long */
void chaos_start(struct sim *s);
void chaos_end(struct sim *s);              /* all that is broken is mended */
void chaos_copy(struct sim *s, bool plain); /* of the files; else by `muster backup` */
/* In place of the database. Who writes under a hold that it lacks; NULL: nobody. */
struct host *chaos_put_back(struct sim *s);

/* ---- play.c: scenes of faults that are scripted, where the storm's come together too seldom */
struct play;
struct sieve {                     /* of the network, for some messages */
    const struct host *host, *but; /* NULL: any; none */
    bool up;
    uint64_t bodies; /* bits by the fields of an envelope; 0: none */
    enum { FALLS, IS_HELD_UP, IS_COPIED } does;
};
enum { SIEVES = 2 };
struct stage {
    const struct play *play; /* NULL: none in this run */
    bool alone;              /* it is in place of the storm */
    size_t at;               /* which of its scenes */
    struct host *a, *b;
    struct host *twin; /* another machine with the identity of `a`; NULL: there is none */
    struct disk *d;
    struct sieve sieves[SIEVES];
    struct letter *kept;
    world_us next;       /* when it is tried again */
    bool begun;          /* what the scene does once */
    bool operator_waits; /* he does not recover */
    struct host *blind;  /* cannot tell what it uses */
};
void stage_set(struct sim *s); /* before there are hosts */
void stage_cast(struct sim *s);
void stage_begin(struct sim *s);
void stage_end(struct sim *s);
/* True: it has taken the letter. */
bool stage_takes(struct sim *s, struct letter *l, const struct envelope *env);

/* ---- oracle.c */
void oracle_end(struct sim *s); /* after the calm */
__attribute__((format(printf, 2, 3))) void sim_fail(struct sim *s, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void sim_trace(struct sim *s, const char *fmt, ...);

void sim_draw_ttl(struct sim *s); /* sim.c */

struct sim {
    struct sim_options o;
    struct sim_counts counts;
    uint64_t random;
    int64_t ttl_ms;              /* of leases, as it is configured now */
    bool reconfigured;           /* now and then, when a coordinator starts */
    uint32_t lost_ppm, late_ppm; /* messages, in the storm */
    uint32_t restores, seconds;  /* that this run may have */
    world_us now, end;
    struct agenda agenda;
    struct brain brains[BRAINS]; /* the second only runs when two do */
    struct host *hosts;
    struct disk *disks;
    struct user *users;
    struct group *group; /* NULL: the run has none */
    struct oracle oracle;
    struct fork *forks;
    uint32_t fork_n;
    struct copy { /* of the database */
        struct durable *disk;
        struct disk_known *known;
        uint64_t token;
        struct point at;
        world_us when;
        bool plain; /* of the files; else by `muster backup` */
    } copy;
    pid_t pids;
    bool storm; /* faults happen, people write and scan */
    bool rough; /* and chance has a hand in it everywhere */
    struct stage stage;
    bool failed;
    struct err why;
    struct arena *scratch, *actions; /* of what is heard; of an agent's step */
    struct buf out;
};

#endif
