/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scenes of plays: what is done, or waited for. */
#include "play_internal.h"

enum { SCAN_US = 4000000, HOLD_US = 500000, SILENCE_US = DEFAULT_SUSPECT_MS * 1000 + 1500000 };
enum { MORE = 40 }; /* generations */

#define BODY(name) (UINT64_C(1) << envelope_##name)

static bool is_twin(const struct stage *p, const struct host *h)
{
    return h == p->twin;
}

/* So much after the last time, or at once. */
static bool again(struct sim *s, struct stage *p, world_us in)
{
    if (s->now < p->next)
        return false;
    p->next = s->now + in;
    return true;
}

/* ---- the coordinator ------------------------------------------------------------------------ */

static bool is_in(const struct host *h)
{
    return h->powered && h->supervisor.agent != NULL && agent_registered(h->supervisor.agent);
}

bool all_are_in(struct sim *s, struct stage *p)
{
    static const uint8_t none[sizeof p->d->id];

    for (uint32_t i = 0; i < s->o.hosts; i++) {
        if (!is_twin(p, &s->hosts[i]) && !is_in(&s->hosts[i]))
            return false;
    }
    return s->brains[0].c != NULL && s->brains[1].disk == NULL &&
           memcmp(p->d->id, none, sizeof none) != 0;
}

bool files_are_copied(struct sim *s, struct stage *p)
{
    (void)p;
    chaos_copy(s, true);
    return true;
}

bool backup_is_made(struct sim *s, struct stage *p)
{
    (void)p;
    chaos_copy(s, false);
    return true;
}

bool copy_is_put_back(struct sim *s, struct stage *p)
{
    (void)p;
    if (s->brains[1].disk != NULL)
        return false;
    chaos_put_back(s);
    return true;
}

/* All of it, as what `muster backup` makes of it. */
bool backup_takes_its_place(struct sim *s, struct stage *p)
{
    (void)p;
    brain_crash(s, &s->brains[0]);
    durable_mark_backup(s->brains[0].disk);
    return true;
}

bool coordinator_ends(struct sim *s, struct stage *p)
{
    (void)p;
    brain_crash(s, &s->brains[0]);
    return true;
}

bool coordinator_starts(struct sim *s, struct stage *p)
{
    (void)p;
    brain_start(s, &s->brains[0]);
    return true;
}

bool coordinator_has_recovered(struct sim *s, struct stage *p)
{
    return s->brains[0].recovered_at != 0 && is_in(p->a) && p->a->acked.any &&
           p->a->acked.epoch > durable_meta(s->copy.disk)->epoch;
}

bool leases_are_shorter(struct sim *s, struct stage *p)
{
    (void)p;
    s->ttl_ms = LEAST_LEASE_TTL_MS;
    return true;
}

bool operator_waits(struct sim *s, struct stage *p)
{
    (void)s;
    p->operator_waits = true;
    return true;
}

/* p->next is when it is over. */
static bool passes(struct sim *s, struct stage *p, world_us how_long)
{
    if (!p->begun)
        p->next = s->now + how_long;
    p->begun = true;
    return s->now >= p->next;
}

bool silence_passes(struct sim *s, struct stage *p)
{
    return passes(s, p, SILENCE_US);
}

/* ---- hosts ---------------------------------------------------------------------------------- */

bool a_is_cut(struct sim *s, struct stage *p)
{
    sim_trace(s, "%s: has no network", p->a->name);
    s->counts.partitions++;
    p->a->cut_up = p->a->cut_down = true;
    p->a->cut_until = s->end;
    return true;
}

bool a_has_a_network(struct sim *s, struct stage *p)
{
    sim_trace(s, "%s: has a network again", p->a->name);
    p->a->cut_up = p->a->cut_down = false;
    p->a->cut_until = 0;
    return true;
}

bool a_is_blind(struct sim *s, struct stage *p)
{
    (void)s;
    p->blind = p->a;
    return true;
}

static bool boots(struct sim *s, struct host *h)
{
    s->counts.reboots++;
    host_power_off(s, h);
    host_power_on(s, h);
    return true;
}

bool a_boots(struct sim *s, struct stage *p)
{
    return boots(s, p->a);
}

bool b_boots(struct sim *s, struct stage *p)
{
    return boots(s, p->b);
}

bool others_end(struct sim *s, struct stage *p)
{
    for (uint32_t i = 0; i < s->o.hosts; i++) {
        if (&s->hosts[i] != p->a)
            host_power_off(s, &s->hosts[i]);
    }
    return true;
}

bool others_boot(struct sim *s, struct stage *p)
{
    for (uint32_t i = 0; i < s->o.hosts; i++) {
        if (!is_twin(p, &s->hosts[i]))
            host_power_on(s, &s->hosts[i]);
    }
    return true;
}

bool a_begins_anew(struct sim *s, struct stage *p)
{
    host_probe_end(s, p->a);
    host_probe_start(s, p->a);
    return true;
}

bool a_is_in(struct sim *s, struct stage *p)
{
    return is_in(p->a) && memcmp(p->a->nonce, s->brains[0].nonce.b, sizeof p->a->nonce) == 0;
}

bool a_stops_its_probe(struct sim *s, struct stage *p)
{
    host_stop_probe(s, p->a);
    return true;
}

bool a_knows_more(struct sim *s, struct stage *p)
{
    const struct acked *k = &p->a->acked;

    if (k->any && k->at.fork == s->brains[0].fork &&
        k->at.generation > s->copy.at.generation + MORE)
        return true;
    if (again(s, p, SCAN_US))
        operator_scans(s, p->d, true);
    return false;
}

bool twin_boots(struct sim *s, struct stage *p)
{
    host_power_on(s, p->twin);
    return true;
}

bool twin_ends(struct sim *s, struct stage *p)
{
    host_power_off(s, p->twin);
    return true;
}

bool twin_is_in(struct sim *s, struct stage *p)
{
    (void)s;
    return is_in(p->twin);
}

bool twin_is_bound(struct sim *s, struct stage *p)
{
    return operator_binds(s, p->twin);
}

bool twin_is_enrolled(struct sim *s, struct stage *p)
{
    (void)s;
    return p->twin->enrolled;
}

/* ---- who writes, and who scans -------------------------------------------------------------- */

bool a_writes(struct sim *s, struct stage *p)
{
    const struct mount *m = disk_mount_of(p->d, p->a);

    if (m != NULL && m->kind == MOUNT_HELD)
        return true;
    if (!p->begun && again(s, p, HOLD_US))
        p->begun = user_stays(s, p->a, p->d);
    return false;
}

bool b_may_write(struct sim *s, struct stage *p)
{
    return again(s, p, HOLD_US) && user_stays(s, p->b, p->d);
}

static struct host *scanning(const struct disk *d, const struct host *but)
{
    const struct mount *m = d->mounts;

    while (m != NULL && (m->kind != MOUNT_SCAN || m->host == but))
        m = m->next;
    return m != NULL ? m->host : NULL;
}

/* `a` is this one, and `b` another. */
static bool casts(struct sim *s, struct stage *p, struct host *a)
{
    uint32_t n = s->o.hosts - (p->twin != NULL);

    if (a == NULL || (p->twin != NULL && a != p->a))
        return false;
    p->a = a;
    p->b = &s->hosts[(a->no + 1) % n];
    return true;
}

bool somebody_scans(struct sim *s, struct stage *p)
{
    if (casts(s, p, scanning(p->d, NULL)))
        return true;
    if (again(s, p, SCAN_US))
        operator_scans(s, p->d, p->twin != NULL);
    return false;
}

static bool scans(struct sim *s, struct stage *p, bool every_node)
{
    const struct mount *m = disk_mount_of(p->d, p->a);

    if (m != NULL && m->kind == MOUNT_SCAN)
        return true;
    if (again(s, p, SCAN_US))
        operator_scans(s, p->d, every_node);
    return false;
}

bool a_scans(struct sim *s, struct stage *p)
{
    return scans(s, p, true);
}

bool a_scans_for_all(struct sim *s, struct stage *p)
{
    return scans(s, p, false);
}

bool a_has_scanned(struct sim *s, struct stage *p)
{
    if (disk_mount_of(p->d, p->a) != NULL)
        return false;
    return passes(s, p, 200000);
}

bool b_scans(struct sim *s, struct stage *p)
{
    struct host *h = scanning(p->d, p->a);

    if (h != NULL) {
        p->b = h;
        return true;
    }
    if (again(s, p, SCAN_US))
        operator_scans(s, p->d, false);
    return false;
}

bool a_hangs(struct sim *s, struct stage *p)
{
    processes_stop(s, p->a, p->d, true);
    return true;
}

bool a_worker_stops(struct sim *s, struct stage *p)
{
    processes_stop(s, p->a, p->d, false);
    return true;
}

bool b_worker_stops(struct sim *s, struct stage *p)
{
    processes_stop(s, p->b, p->d, false);
    return true;
}

bool a_scan_is_asked(struct sim *s, struct stage *p)
{
    return again(s, p, HOLD_US) && operator_scans(s, p->d, false);
}

bool scans_are_asked(struct sim *s, struct stage *p)
{
    if (again(s, p, SCAN_US))
        operator_scans(s, p->d, false);
    return false;
}

/* ---- the network ---------------------------------------------------------------------------- */

static bool sift(struct stage *p, const struct sieve *x)
{
    size_t i = 0;

    while (p->sieves[i].bodies != 0)
        i++;
    p->sieves[i] = *x;
    return true;
}

/* What names a generation of the database. */
bool news_fall(struct sim *s, struct stage *p)
{
    (void)s;
    return sift(
        p, &(struct sieve){ .bodies = BODY(registered) | BODY(heartbeat_ack) | BODY(report_ack),
                            .does = FALLS });
}

bool reports_fall(struct sim *s, struct stage *p)
{
    (void)s;
    return sift(p,
                &(struct sieve){ .host = p->a, .up = true, .bodies = BODY(report), .does = FALLS });
}

bool offers_to_others_fall(struct sim *s, struct stage *p)
{
    (void)s;
    return sift(p, &(struct sieve){ .but = p->a, .bodies = BODY(offer), .does = FALLS });
}

bool registration_falls(struct sim *s, struct stage *p)
{
    (void)s;
    return sift(p, &(struct sieve){ .host = p->a, .bodies = BODY(registered), .does = FALLS });
}

bool twin_register_falls(struct sim *s, struct stage *p)
{
    (void)s;
    return sift(p, &(struct sieve){
                       .host = p->twin, .up = true, .bodies = BODY(node_register), .does = FALLS });
}

bool grant_is_held_up(struct sim *s, struct stage *p)
{
    (void)s;
    return sift(p, &(struct sieve){ .bodies = BODY(granted), .does = IS_HELD_UP });
}

bool register_is_copied(struct sim *s, struct stage *p)
{
    (void)s;
    return sift(p,
                &(struct sieve){
                    .host = p->a, .up = true, .bodies = BODY(node_register), .does = IS_COPIED });
}

bool is_kept(struct sim *s, struct stage *p)
{
    return p->kept != NULL && casts(s, p, p->kept->host);
}

bool is_copied(struct sim *s, struct stage *p)
{
    (void)s;
    return p->kept != NULL && is_in(p->a);
}

bool kept_comes(struct sim *s, struct stage *p)
{
    struct letter *l = p->kept;

    p->kept = NULL;
    if (l != NULL)
        net_bring(s, l);
    return true;
}

bool all_passes(struct sim *s, struct stage *p)
{
    (void)s;
    for (size_t i = 0; i < SIEVES; i++)
        p->sieves[i].bodies = 0;
    return true;
}
