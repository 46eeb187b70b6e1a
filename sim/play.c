/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenes of faults that are scripted: what the storm's faults, which know nothing of each other,
 * bring together too seldom to miss a guard. The dice choose who plays and the pauses; what happens
 * is judged as everywhere. */
#include <stdlib.h>

#include "play_internal.h"

enum { EACH_US = 5000 };

/* A scene with the mean pause before it. */
#define PAUSED(act, us) \
    {                   \
        act, us         \
    }
#define NOW(act)   PAUSED(act, 0)
#define SOON(act)  PAUSED(act, 200000)
#define LATER(act) PAUSED(act, 3000000)

static const struct play plays[] = {
    { .name = "lost-hold",
      .text =
          "A hold that a restored backup lacks, of a node that is silent for longer than the wait",
      .scenes = { SOON(all_are_in), LATER(backup_is_made), LATER(a_writes), LATER(a_is_cut),
                  SOON(copy_is_put_back), LATER(coordinator_starts), LATER(scans_are_asked) } },
    { .name = "lost-scan",
      .text =
          "Files are put back, and of what they lack the only witness is silent, with a scan that hangs",
      .scenes = { SOON(all_are_in), LATER(files_are_copied), SOON(somebody_scans), NOW(a_hangs),
                  SOON(a_is_cut), NOW(others_end), SOON(copy_is_put_back),
                  LATER(coordinator_starts), SOON(others_boot), LATER(b_may_write) } },
    { .name = "short-leases",
      .text = "Leases are short when the coordinator starts anew, and a long one lives",
      .scenes = { SOON(all_are_in), SOON(somebody_scans), NOW(a_worker_stops),
                  NOW(coordinator_ends), NOW(leases_are_shorter), SOON(coordinator_starts),
                  NOW(a_is_in), SOON(a_is_cut), SOON(scans_are_asked) },
      .ttl_ms = 4 * DEFAULT_LEASE_TTL_MS },
    { .name = "lost-lease",
      .text = "Files are put back that lack a long lease, and leases are short from then on",
      .scenes = { SOON(all_are_in), LATER(files_are_copied), NOW(news_fall), SOON(somebody_scans),
                  NOW(a_worker_stops), NOW(a_is_cut), NOW(copy_is_put_back), NOW(all_passes),
                  NOW(leases_are_shorter), SOON(coordinator_starts), SOON(scans_are_asked) },
      .ttl_ms = 4 * DEFAULT_LEASE_TTL_MS },
    { .name = "old-list",
      .text = "A register from before a lease is the first that a start of the coordinator hears",
      .scenes = { SOON(all_are_in), NOW(register_is_copied), NOW(coordinator_ends),
                  SOON(coordinator_starts), NOW(is_copied), NOW(offers_to_others_fall),
                  SOON(a_scans_for_all), NOW(a_worker_stops), NOW(all_passes), NOW(a_is_cut),
                  NOW(coordinator_ends), SOON(coordinator_starts), NOW(kept_comes),
                  SOON(scans_are_asked) } },
    { .name = "two-starts",
      .text =
          "An old register lets a node in at a start that it does not follow, of files that lack what "
          "it knows",
      .scenes = { SOON(all_are_in), NOW(files_are_copied), NOW(register_is_copied),
                  NOW(a_begins_anew), NOW(a_is_in), NOW(a_knows_more), SOON(others_end),
                  NOW(coordinator_ends), SOON(copy_is_put_back), NOW(registration_falls),
                  NOW(coordinator_starts), NOW(kept_comes), SOON(scans_are_asked) } },
    { .name = "lost-token",
      .text = "Files that are put back count on to the token of a scan that they lack",
      .scenes = { SOON(all_are_in), LATER(files_are_copied), NOW(news_fall), SOON(somebody_scans),
                  NOW(a_worker_stops), SOON(others_end), NOW(copy_is_put_back), NOW(all_passes),
                  SOON(coordinator_starts) } },
    { .name = "lost-grant",
      .text =
          "Files that are put back lack a scan that is over, and nothing else that its node knows",
      .scenes = { SOON(all_are_in), LATER(files_are_copied), NOW(news_fall), SOON(somebody_scans),
                  NOW(a_has_scanned), NOW(copy_is_put_back), NOW(all_passes),
                  SOON(coordinator_starts) } },
    { .name = "two-writers",
      .text = "Two want to write at once, and of what the first does nothing is heard yet",
      .scenes = { SOON(all_are_in), LATER(reports_fall), NOW(a_writes), SOON(b_may_write) } },
    { .name = "clone",
      .text = "A second machine with the identity of a silent one, whose scan hangs",
      .scenes = { SOON(all_are_in), LATER(somebody_scans), NOW(a_hangs), SOON(a_is_cut),
                  NOW(silence_passes), SOON(twin_boots), NOW(twin_is_in), SOON(b_may_write) },
      .twin = true },
    { .name = "third-boot",
      .text = "A third boot, with a key of this node alone, beside a first one whose scan hangs",
      .scenes = { SOON(all_are_in), LATER(somebody_scans), NOW(a_hangs), SOON(a_is_cut),
                  NOW(silence_passes), SOON(twin_boots), NOW(twin_is_in), SOON(twin_ends),
                  SOON(twin_is_bound), NOW(silence_passes), SOON(twin_boots), NOW(twin_is_in),
                  SOON(b_may_write) },
      .twin = true },
    { .name = "early-clone",
      .text = "A second machine with the identity of one that was silent, and is not any more",
      .scenes = { SOON(all_are_in), SOON(twin_is_bound), NOW(twin_register_falls), LATER(a_is_cut),
                  NOW(silence_passes), SOON(twin_boots), NOW(twin_is_enrolled),
                  SOON(a_has_a_network), SOON(a_scans), NOW(a_worker_stops), NOW(all_passes),
                  SOON(scans_are_asked) },
      .twin = true },
    { .name = "late-grant",
      .text = "A grant is on its way for longer than its lease, and then its probe is stopped",
      .scenes = { SOON(all_are_in), LATER(grant_is_held_up), SOON(a_scan_is_asked), NOW(is_kept),
                  NOW(all_passes), NOW(b_scans), NOW(b_worker_stops), NOW(kept_comes),
                  NOW(a_stops_its_probe) },
      .ttl_ms = LEAST_LEASE_TTL_MS },
    { .name = "lost-request",
      .text = "A grant is on its way while files are put back that lack it",
      .scenes = { SOON(all_are_in), LATER(files_are_copied), NOW(news_fall), NOW(grant_is_held_up),
                  SOON(a_scan_is_asked), NOW(is_kept), SOON(copy_is_put_back), NOW(all_passes),
                  SOON(coordinator_starts), NOW(b_scans), NOW(b_worker_stops), NOW(kept_comes) },
      .ttl_ms = 4 * DEFAULT_LEASE_TTL_MS },
    { .name = "old-grant",
      .text = "A grant is on its way while the coordinator starts anew",
      .scenes = { SOON(all_are_in), LATER(grant_is_held_up), SOON(a_scan_is_asked), NOW(is_kept),
                  NOW(all_passes), NOW(coordinator_ends), SOON(coordinator_starts), NOW(b_scans),
                  NOW(b_worker_stops), NOW(kept_comes) },
      .ttl_ms = 4 * DEFAULT_LEASE_TTL_MS },
    { .name = "lost-residue",
      .text = "A scan that hangs, and that a restored backup lacks",
      .scenes = { SOON(all_are_in), LATER(backup_is_made), SOON(somebody_scans), NOW(a_hangs),
                  SOON(copy_is_put_back), LATER(coordinator_starts), SOON(b_may_write) } },
    { .name = "blind",
      .text = "A hold that a restored backup lacks, of a node that cannot tell what it uses",
      .scenes = { NOW(a_is_blind), SOON(all_are_in), LATER(backup_is_made), LATER(a_writes),
                  SOON(copy_is_put_back), LATER(coordinator_starts), SOON(scans_are_asked) } },
    { .name = "unread-backup",
      .text = "A restored backup without an operator, and a silent node with a hold that it lacks",
      .scenes = { SOON(all_are_in), NOW(operator_waits), LATER(a_scan_is_asked),
                  NOW(backup_is_made), NOW(news_fall), NOW(a_writes), NOW(a_is_cut),
                  SOON(copy_is_put_back), NOW(all_passes), LATER(coordinator_starts) } },
    { .name = "older-files",
      .text = "Files are put back that lack what all have heard of",
      .scenes = { SOON(all_are_in), LATER(files_are_copied), SOON(a_knows_more),
                  SOON(copy_is_put_back), LATER(coordinator_starts) } },
    { .name = "older-start",
      .text = "Files are put back that lack a start of the coordinator as well",
      .scenes = { SOON(all_are_in), LATER(files_are_copied), LATER(coordinator_ends),
                  SOON(coordinator_starts), LATER(coordinator_ends), SOON(coordinator_starts),
                  SOON(a_is_in), SOON(a_knows_more), SOON(copy_is_put_back),
                  LATER(coordinator_starts) } },
    { .name = "same-start",
      .text = "Files are put back whose next start has the number of the one that all follow",
      .scenes = { SOON(all_are_in), LATER(files_are_copied), LATER(coordinator_ends),
                  SOON(coordinator_starts), SOON(a_is_in), SOON(a_knows_more),
                  SOON(copy_is_put_back), LATER(coordinator_starts) } },
    { .name = "older-epoch",
      .text = "Files are put back from before a recovery",
      .scenes = { SOON(all_are_in), LATER(files_are_copied), SOON(backup_takes_its_place),
                  SOON(coordinator_starts), NOW(coordinator_has_recovered), LATER(copy_is_put_back),
                  SOON(coordinator_starts), NOW(b_boots), SOON(scans_are_asked) } },
    { .name = "lost-paths",
      .text =
          "An LV is activated once more where it is active, and where nobody knows yet that the LUNs are gone",
      .scenes = { SOON(all_are_in), SOON(lv_is_made), SOON(a_has_it_active), NOW(reports_fall),
                  NOW(a_loses_its_luns), SOON(it_is_asked_again) },
      .group = true },
};

const char *sim_play_name(unsigned play)
{
    return play < ARRAY_LEN(plays) ? plays[play].name : NULL;
}

const char *sim_play_text(unsigned play)
{
    return play < ARRAY_LEN(plays) ? plays[play].text : NULL;
}

/* Those of the volume group, which most runs do not have, are the last. */
static const struct play *drawn(const struct sim *s)
{
    uint32_t n = ARRAY_LEN(plays);
    const struct play *p;

    while (plays[n - 1].group)
        n--;
    p = &plays[dice_lot(s, LOTS * n) / LOTS];

    return dice_lot(s, LOTS) == LOT_PLAY && !p->twin ? p : NULL;
}

void stage_set(struct sim *s)
{
    struct stage *p = &s->stage;

    if (s->o.hosts < 3 || s->o.luns == 0 || s->o.play == SIM_NO_PLAY)
        return;
    p->alone = s->o.played;
    p->play = p->alone ? &plays[s->o.play] : drawn(s);
    if (p->alone && p->play->ttl_ms != 0)
        s->ttl_ms = p->play->ttl_ms;
    s->o.group |= p->alone && p->play->group;
}

static void make_twin(struct host *h, const struct host *of)
{
    h->id = of->id;
    memcpy(h->uuid, of->uuid, sizeof h->uuid);
    memcpy(h->mac, of->mac, sizeof h->mac);
    memcpy(h->name, of->name, sizeof h->name);
}

void stage_cast(struct sim *s)
{
    struct stage *p = &s->stage;
    uint32_t n = s->o.hosts, first;

    if (p->play == NULL)
        return;
    s->counts.plays++;
    n -= p->play->twin;
    first = dice_below(s, n);
    p->a = &s->hosts[first];
    p->b = &s->hosts[(first + 1) % n];
    p->d = &s->disks[s->o.luns > 1]; /* one that has no fingerprint, if it may be */
    if (!p->play->twin)
        return;
    p->twin = &s->hosts[n];
    make_twin(p->twin, p->a);
}

static void turn(struct sim *s, void *what, uint64_t stamp)
{
    struct stage *p = &s->stage;
    world_us in = EACH_US;

    (void)what, (void)stamp;
    while (s->storm && p->play->scenes[p->at].act != NULL && p->play->scenes[p->at].act(s, p)) {
        p->at++;
        p->begun = false;
        p->next = 0;
        if (p->play->scenes[p->at].pause != 0) {
            in = dice_about(s, p->play->scenes[p->at].pause);
            break;
        }
    }
    if (s->storm && p->play->scenes[p->at].act != NULL)
        agenda_put(s, s->now + in, turn, NULL, 0);
}

void stage_begin(struct sim *s)
{
    if (s->stage.play == NULL)
        return;
    sim_trace(s, "the play: %s", s->stage.play->text);
    agenda_put(s, s->now + dice_about(s, s->stage.play->scenes[0].pause), turn, NULL, 0);
}

/* Of two with one identity the first stays. What the other one was makes its boot one that is over,
 * so it boots anew. */
static void twin_goes(struct sim *s)
{
    struct stage *p = &s->stage;

    host_power_off(s, p->twin);
    p->twin->gone = true;
    p->twin->luns = 0;
    host_power_off(s, p->a);
}

void stage_end(struct sim *s)
{
    struct stage *p = &s->stage;

    for (size_t i = 0; i < SIEVES; i++)
        p->sieves[i].bodies = 0;
    p->operator_waits = false;
    p->blind = NULL;
    if (p->twin != NULL)
        twin_goes(s);
}

bool stage_takes(struct sim *s, struct letter *l, const struct envelope *env)
{
    struct stage *p = &s->stage;

    for (size_t i = 0; i < SIEVES; i++) {
        const struct sieve *x = &p->sieves[i];

        if ((env->present & x->bodies) == 0 || l->up != x->up ||
            (x->host != NULL && l->host != x->host) || l->host == x->but)
            continue;
        if (x->does == IS_COPIED && p->kept == NULL) {
            p->kept = malloc(sizeof *l + l->n);
            if (p->kept == NULL)
                abort();
            memcpy(p->kept, l, sizeof *l + l->n);
        }
        if (x->does == IS_COPIED)
            continue;
        sim_trace(s, "%s: a message %s it %s", l->host->name, l->up ? "from" : "to",
                  x->does == FALLS ? "is lost" : "is held up");
        if (x->does == IS_HELD_UP && p->kept == NULL)
            p->kept = l;
        else
            free(l);
        return true;
    }
    return false;
}
