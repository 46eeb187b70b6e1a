/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What plays are made of. */
#ifndef MUSTER_SIM_PLAY_INTERNAL_H
#define MUSTER_SIM_PLAY_INTERNAL_H

#include "sim_internal.h"

struct scene {
    /* True: it is over. Else it is asked again in a moment, and begins what it does once while
     * stage.begun is false. */
    bool (*act)(struct sim *s, struct stage *p);
    world_us pause; /* before it, in the mean; 0: at the same moment as the one before */
};
enum { SCENES = 20 };
struct play {
    const char *name, *text;
    struct scene scenes[SCENES]; /* to the first without an act */
    int64_t ttl_ms;              /* of leases; 0: any */
    bool group;                  /* with the volume group, whose LVs are activated */
    bool twin;                   /* the last host has the identity of another one */
};

/* ---- play_scene.c. `a`, `b`: two hosts; the disk is one that all of them see. */
bool all_are_in(struct sim *s, struct stage *p);
bool files_are_copied(struct sim *s, struct stage *p);
bool backup_is_made(struct sim *s, struct stage *p);
bool copy_is_put_back(struct sim *s, struct stage *p); /* its coordinator does not run then */
bool backup_takes_its_place(struct sim *s, struct stage *p);
bool coordinator_ends(struct sim *s, struct stage *p);
bool coordinator_starts(struct sim *s, struct stage *p);
bool coordinator_has_recovered(struct sim *s, struct stage *p); /* and `a` follows it */
bool leases_are_shorter(struct sim *s, struct stage *p);        /* from the next start on */
bool operator_waits(struct sim *s, struct stage *p);
bool silence_passes(struct sim *s, struct stage *p); /* until a new boot may take over */

bool a_is_cut(struct sim *s, struct stage *p);
bool a_has_a_network(struct sim *s, struct stage *p);
bool a_is_blind(struct sim *s, struct stage *p);
bool a_boots(struct sim *s, struct stage *p);
bool b_boots(struct sim *s, struct stage *p);
bool others_end(struct sim *s, struct stage *p); /* all but a */
bool others_boot(struct sim *s, struct stage *p);
bool a_begins_anew(struct sim *s, struct stage *p); /* its probe */
bool a_is_in(struct sim *s, struct stage *p);       /* follows this start */
bool a_stops_its_probe(struct sim *s, struct stage *p);
bool a_knows_more(struct sim *s, struct stage *p); /* than the copy has */
bool twin_boots(struct sim *s, struct stage *p);
bool twin_ends(struct sim *s, struct stage *p);
bool twin_is_in(struct sim *s, struct stage *p);
bool twin_is_bound(struct sim *s, struct stage *p); /* the token of its next boot */
bool twin_is_enrolled(struct sim *s, struct stage *p);

bool a_writes(struct sim *s, struct stage *p);       /* under a hold, until the end */
bool b_may_write(struct sim *s, struct stage *p);    /* it asks until it does */
bool somebody_scans(struct sim *s, struct stage *p); /* he is `a` from then on */
bool a_scans(struct sim *s, struct stage *p);
bool a_scans_for_all(struct sim *s,
                     struct stage *p);              /* it may be the only one that is offered it */
bool a_has_scanned(struct sim *s, struct stage *p); /* and has told */
bool b_scans(struct sim *s, struct stage *p);       /* somebody but a, who is `b` then */
bool a_hangs(struct sim *s, struct stage *p);       /* its worker, in the kernel */
bool a_worker_stops(struct sim *s, struct stage *p);
bool b_worker_stops(struct sim *s, struct stage *p);
bool a_scan_is_asked(struct sim *s, struct stage *p);
bool scans_are_asked(struct sim *s, struct stage *p); /* until the end */

/* play_group.c */
bool lv_is_made(struct sim *s, struct stage *p);
bool a_has_it_active(struct sim *s, struct stage *p);
bool a_loses_its_luns(struct sim *s, struct stage *p);  /* those of the volume group */
bool it_is_asked_again(struct sim *s, struct stage *p); /* of a, until the end */

bool news_fall(struct sim *s, struct stage *p); /* nobody hears how far the database is */
bool reports_fall(struct sim *s, struct stage *p);
bool offers_to_others_fall(struct sim *s, struct stage *p);
bool registration_falls(struct sim *s, struct stage *p); /* its answer does not reach a */
bool twin_register_falls(struct sim *s, struct stage *p);
bool grant_is_held_up(struct sim *s, struct stage *p);
bool register_is_copied(struct sim *s, struct stage *p); /* of a, the next one */
bool is_kept(struct sim *s, struct stage *p);
bool is_copied(struct sim *s, struct stage *p); /* and the coordinator has answered */
bool kept_comes(struct sim *s, struct stage *p);
bool all_passes(struct sim *s, struct stage *p); /* no sieve is left */

#endif
