/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The invariants of ARCHITECTURE.md section 5, judged by what is mounted where, what is on the
 * disks, and what has been said; it shares nothing with the code of leases. */
#include <stdlib.h>

#include "sim_internal.h"

struct grant { /* of a lease or hold */
    uint64_t token;
    bool hold;
    struct disk *disk;
    struct host *host;
    world_us at, said;        /* said: given, or renewed last */
    struct point in;          /* the database of who gave it, or has renewed it last */
    world_us started_at;      /* its coordinator */
    int64_t ttl_ms, waits_ms; /* of a lease; what its coordinator waits for in a start */
    world_us recovered_at;
    bool changed; /* somebody wrote while it was read */
    bool taken;   /* its result: it may be told again */
    uint64_t due; /* life of the coordinator that has taken up its result while it was the newest */
    bool read;    /* its node has told of a complete reading */
    uint64_t version;
};

/* Two coordinators may well give one token, each to a host of its own, or one a lease and one a
 * hold. */
static struct grant *right_of(const struct sim *s, uint64_t token, const struct host *h, bool hold)
{
    for (size_t i = s->oracle.grant_n; i-- > 0;) {
        struct grant *g = &s->oracle.grants[i];

        if (g->token == token && g->host == h && g->hold == hold)
            return g;
    }
    return NULL;
}

static struct grant *grant_of(const struct sim *s, uint64_t token, const struct host *h)
{
    return right_of(s, token, h, false);
}

static struct grant *grant_add(struct sim *s, const struct brain *b, uint64_t token, struct disk *d,
                               struct host *h)
{
    struct oracle *o = &s->oracle;

    if (o->grant_n == o->grant_cap) {
        o->grant_cap = o->grant_cap == 0 ? 256 : 2 * o->grant_cap;
        o->grants = realloc(o->grants, o->grant_cap * sizeof *o->grants);
        if (o->grants == NULL)
            abort();
    }
    o->grants[o->grant_n] = (struct grant){ .token = token,
                                            .disk = d,
                                            .host = h,
                                            .at = s->now,
                                            .said = s->now,
                                            .in = lineage_now(b),
                                            .started_at = b->started_at,
                                            .ttl_ms = b->ttl_ms,
                                            .waits_ms = b->waits_ms,
                                            .recovered_at = b->recovered_at };
    return &o->grants[o->grant_n++];
}

/* ---- what a coordinator cannot know, as section 5 says --------------------------------------- */

/* Does its database know of the host? */
static bool is_known(const struct sim *s, uint32_t fork, const struct host *h)
{
    for (uint32_t i = 0; i < h->enrolments && i < HOST_TOKENS; i++) {
        if (lineage_has(s, fork, h->enrolled_in[i]))
            return true;
    }
    return false;
}

/* Of what another coordinator has given beside it, as long as no operator has made it ask all
 * nodes. What one gave that is over for as long as this one goes on by its word, is over by time.
 */
static bool cannot_know(const struct sim *s, const struct grant *of, const struct grant *when)
{
    world_us since = when->recovered_at != 0 ? when->recovered_at : when->started_at;

    if (of == NULL || when == NULL || lineage_heard_of(s, when->in.fork, of->in, of->said) ||
        s->forks[of->in.fork].ended <= since)
        return false;
    return when->recovered_at == 0 || !is_known(s, when->in.fork, of->host);
}

/* Of a lease that it lacks, and that is longer than any that this database has heard of. */
static bool cannot_wait(const struct sim *s, const struct grant *of, const struct grant *when)
{
    return !of->hold && !when->hold && when->recovered_at == 0 && of->ttl_ms > when->waits_ms &&
           !lineage_has(s, when->in.fork, of->in);
}

static bool are_apart(const struct sim *s, const struct mount *x, const struct mount *y)
{
    const struct grant *a = right_of(s, x->token, x->host, x->kind == MOUNT_HELD);
    const struct grant *b = right_of(s, y->token, y->host, y->kind == MOUNT_HELD);

    if (a == NULL || b == NULL)
        return false;
    return a->at < b->at ? cannot_know(s, a, b) || cannot_wait(s, a, b)
                         : cannot_know(s, b, a) || cannot_wait(s, b, a);
}

/* ---- what is mounted: exclusion, and no scan beside a writer -------------------------------- */

static bool scans(const struct mount *m)
{
    return m->kind == MOUNT_SCAN;
}

static void judge_pair(struct sim *s, const struct disk *d, const struct mount *x,
                       const struct mount *y)
{
    if (x->host == y->host || (x->excused && y->excused) || are_apart(s, x, y))
        return;
    if (scans(x) && scans(y) && !x->excused && !y->excused)
        sim_fail(s, "%s (token %llu) and %s (token %llu) have disk %u mounted to scan it",
                 x->host->name, (unsigned long long)x->token, y->host->name,
                 (unsigned long long)y->token, d->no);
    if (x->kind == MOUNT_HELD && y->kind == MOUNT_HELD && !x->excused && !y->excused)
        sim_fail(s, "%s (token %llu) and %s (token %llu) write on disk %u, each under a hold",
                 x->host->name, (unsigned long long)x->token, y->host->name,
                 (unsigned long long)y->token, d->no);
    if (x->kind == MOUNT_HELD && scans(y) && !x->excused)
        sim_fail(s, "%s writes on disk %u under a hold (token %llu) while %s scans it (token %llu)",
                 x->host->name, d->no, (unsigned long long)x->token, y->host->name,
                 (unsigned long long)y->token);
}

void oracle_mounted(struct sim *s, struct disk *d, struct mount *m)
{
    struct grant *g = scans(m) ? grant_of(s, m->token, m->host) : NULL;

    s->counts.scans += scans(m) || m->kind == MOUNT_OWN;
    /* A clock that stood still has moved its deadline. */
    m->excused |= g != NULL && g->at <= m->host->thawed;
    for (const struct mount *x = d->mounts; x != NULL; x = x->next) {
        judge_pair(s, d, m, x);
        judge_pair(s, d, x, m);
    }
    if (g != NULL)
        g->changed |= d->dirty;
}

void oracle_written(struct sim *s, struct disk *d)
{
    for (const struct mount *m = d->mounts; m != NULL; m = m->next) {
        struct grant *g = scans(m) && !m->compared ? grant_of(s, m->token, m->host) : NULL;

        if (g != NULL)
            g->changed = true;
    }
}

/* ---- tokens --------------------------------------------------------------------------------- */

static void new_token(struct sim *s, const struct brain *b, uint64_t token)
{
    struct oracle_side *o = &s->oracle.side[b->no];

    lineage_grants(s, b);
    if (token <= o->token)
        sim_fail(s, "token %llu comes after token %llu", (unsigned long long)token,
                 (unsigned long long)o->token);
    o->token = token;
    if (token > o->highest)
        o->highest = token;
}

void oracle_hold(struct sim *s, struct brain *b, struct disk *d, struct host *h, uint64_t token)
{
    struct grant *g;

    s->counts.holds++;
    new_token(s, b, token);
    g = grant_add(s, b, token, d, h);
    g->hold = true;
    for (const struct mount *m = d->mounts; m != NULL; m = m->next) {
        if (scans(m) && !cannot_know(s, grant_of(s, m->token, m->host), g))
            sim_fail(s,
                     "%s is given a hold of disk %u (token %llu) while %s has it mounted "
                     "to scan it (token %llu)",
                     h->name, d->no, (unsigned long long)token, m->host->name,
                     (unsigned long long)m->token);
    }
}

/* ---- what is said --------------------------------------------------------------------------- */

static struct disk *disk_of(struct sim *s, const char *container)
{
    unsigned long no = strtoul(container + strlen(container) - 4, NULL, 10);

    return &s->disks[no];
}

/* Of a use that the coordinator has acknowledged it knows. */
static void judge_uses(struct sim *s, const struct brain *b, const struct disk *d,
                       const struct host *to, bool own)
{
    for (const struct mount *m = d->mounts; m != NULL; m = m->next) {
        const struct told_known *k = &m->host->told.known[b->no];
        bool known = (k->disks >> d->no & 1) != 0 && m->since <= k->at;

        if (known && !scans(m) && m->kind != MOUNT_OWN && (m->host != to || !own))
            sim_fail(s, "%s is granted disk %u, and the coordinator knows that %s has it mounted",
                     to->name, d->no, m->host->name);
    }
}

static void granted(struct sim *s, struct brain *b, struct host *h, const struct granted *g)
{
    struct disk *d = disk_of(s, g->container);

    s->counts.grants++;
    sim_trace(s, "%s: is granted disk %u (token %llu)", h->name, d->no,
              (unsigned long long)g->token);
    new_token(s, b, g->token);
    judge_uses(s, b, d, h, g->own_mount);
    grant_add(s, b, g->token, d, h);
    d->known[b->no].token = g->token;
}

static void renewed(struct sim *s, const struct brain *b, const struct host *h,
                    const struct renewed *in)
{
    const struct right *v = in->rights.v;

    for (size_t i = 0; i < in->rights.n; i++) {
        struct grant *g = grant_of(s, v[i].token, h);

        if (g == NULL || g->disk->known[b->no].token != v[i].token)
            sim_fail(s, "a lease of %s is renewed under token %llu, which is over", h->name,
                     (unsigned long long)v[i].token);
        if (g != NULL) {
            g->in = lineage_now(b);
            g->said = s->now;
        }
    }
}

static bool was_replaced(const struct disk *d, uint64_t version, world_us before)
{
    return version < d->version && d->replaced[version] < before;
}

/* Whether that result was taken may be known to the database alone, when its coordinator ended. */
static bool was_read(const struct sim *s, const struct disk *d, uint64_t version)
{
    const struct grant *g = s->oracle.grants, *end = g + s->oracle.grant_n;

    while (g < end && (g->disk != d || !g->read || g->version != version))
        g++;
    return g < end;
}

static void complete(struct sim *s, const struct grant *g, const struct told_result *r)
{
    if (r->unchanged && !was_read(s, g->disk, r->version))
        sim_fail(s, "disk %u is said to be unchanged since version %llu, which nobody has read",
                 g->disk->no, (unsigned long long)r->version);
    if (g->changed)
        sim_fail(s, "a scan of disk %u (token %llu) is complete, and somebody wrote meanwhile",
                 g->disk->no, (unsigned long long)g->token);
    if (was_replaced(g->disk, r->version, g->at))
        sim_fail(s, "what is said of disk %u (token %llu) was not on it after the grant",
                 g->disk->no, (unsigned long long)g->token);
}

/* Of all that there ever were. */
static uint64_t life_of(const struct brain *b)
{
    return b->life * BRAINS + b->no;
}

/* A coordinator may have ended before it told that it has stored a result. */
static bool may_be_stored(const struct brain *b, const struct grant *g)
{
    return g->due != 0 && g->due != life_of(b);
}

void oracle_taken_up(struct sim *s, const struct letter *l, const struct envelope *env)
{
    const struct scan_result *in = env->scan_result;
    struct grant *g = in != NULL ? grant_of(s, in->token, l->host) : NULL;

    if (g != NULL && g->due == 0 && g->disk->known[l->brain->no].token == in->token)
        g->due = life_of(l->brain);
}

static void result_taken(struct sim *s, const struct brain *b, const struct host *h, uint64_t seq)
{
    const struct told_result *r = h->told.results;
    struct grant *g;

    while (r < h->told.results + ARRAY_LEN(h->told.results) && r->seq != seq)
        r++;
    if (seq == 0 || r == h->told.results + ARRAY_LEN(h->told.results))
        return; /* of a reach, or too old to be remembered */
    s->counts.results++;
    g = grant_of(s, r->token, h);
    if (g == NULL || (!g->taken && g->disk->known[b->no].token != r->token && !may_be_stored(b, g)))
        sim_fail(s, "a result of %s is taken under token %llu, which is over", h->name,
                 (unsigned long long)r->token);
    else if (r->outcome == SCAN_COMPLETE && !g->taken)
        complete(s, g, r);
    if (g != NULL)
        g->taken = true;
}

void oracle_sent_down(struct sim *s, struct brain *b, struct host *h, const struct envelope *env)
{
    if (env->granted != NULL)
        granted(s, b, h, env->granted);
    else if (env->renewed != NULL)
        renewed(s, b, h, env->renewed);
    else if (env->result_ack != NULL && env->result_ack->taken)
        result_taken(s, b, h, env->correlation);
    else if (env->enrolled != NULL && !is_known(s, b->fork, h))
        h->enrolled_in[h->enrolments++ % HOST_TOKENS] = lineage_now(b);
    if (env->report_ack == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(h->told.uses); i++) {
        const struct told_uses *u = &h->told.uses[i];

        if (u->seq != env->correlation || u->at < h->told.known[b->no].at)
            continue;
        h->told.known[b->no] = (struct told_known){ u->disks, u->at };
    }
}

static uint64_t number_in(const char *text)
{
    while (text != NULL && *text != '\0' && (*text < '0' || *text > '9'))
        text++;
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static void told_result(struct sim *s, struct host *h, const struct envelope *env)
{
    const struct scan_result *in = env->scan_result;
    const struct image *images = in->images.v;
    struct told_result *r = &h->told.results[h->told.result_n++ % ARRAY_LEN(h->told.results)];
    struct grant *g;
    const char *version = strchr(in->fingerprint != NULL ? in->fingerprint : "", '=');

    *r = (struct told_result){ .seq = env->seq, .token = in->token, .outcome = in->outcome };
    r->unchanged = in->unchanged;
    r->version = in->images.n > 0 ? number_in(images->path) : number_in(version);
    g = grant_of(s, r->token, h);
    if (g != NULL && r->outcome == SCAN_COMPLETE && !r->unchanged) {
        g->read = true;
        g->version = r->version;
    }
}

static void told_uses(struct sim *s, struct host *h, uint64_t seq, const struct section_body *body)
{
    struct told_uses *u = &h->told.uses[h->told.uses_n++ % ARRAY_LEN(h->told.uses)];
    const struct use *rows = body->uses.v;

    *u = (struct told_uses){ .seq = seq, .at = s->now };
    for (size_t i = 0; i < body->uses.n; i++) {
        if (strcmp(rows[i].kind, "scan") != 0)
            u->disks |= UINT64_C(1) << disk_of(s, rows[i].container)->no;
    }
}

void oracle_sent_up(struct sim *s, struct host *h, const struct envelope *env)
{
    const struct section_body *bodies;

    if (env->scan_result != NULL)
        told_result(s, h, env);
    if (env->report == NULL)
        return;
    bodies = env->report->sections.v;
    for (size_t i = 0; i < env->report->sections.n; i++) {
        if (bodies[i].section == SECTION_USES)
            told_uses(s, h, env->seq, &bodies[i]);
    }
}

/* ---- restores ------------------------------------------------------------------------------- */

void oracle_copied(struct sim *s)
{
    s->copy.token = s->oracle.side[0].token;
    s->copy.known = realloc(s->copy.known, (s->o.luns + 1) * sizeof *s->copy.known);
    if (s->copy.known == NULL)
        abort();
    for (uint32_t i = 0; i < s->o.luns; i++)
        s->copy.known[i] = s->disks[i].known[0];
}

/* Until a node tells, what was lost is not known to be: tokens may come again. */
void oracle_restored(struct sim *s, struct brain *b)
{
    s->oracle.side[b->no].token = s->copy.token;
    for (uint32_t i = 0; i < s->o.luns; i++)
        s->disks[i].known[b->no] = s->copy.known[i];
    for (uint32_t i = 0; i < s->o.hosts; i++)
        s->hosts[i].told.known[b->no].disks = 0;
}

static void becomes(struct sim *s, uint32_t from, uint32_t to)
{
    s->oracle.side[to] = s->oracle.side[from];
    for (uint32_t i = 0; i < s->o.luns; i++)
        s->disks[i].known[to] = s->disks[i].known[from];
    for (uint32_t i = 0; i < s->o.hosts; i++)
        s->hosts[i].told.known[to] = s->hosts[i].told.known[from];
}

void oracle_doubled(struct sim *s)
{
    becomes(s, 0, 1);
}

void oracle_follows(struct sim *s)
{
    becomes(s, 1, 0);
}

void oracle_recovered(struct sim *s, struct brain *b)
{
    struct oracle_side *o = &s->oracle.side[b->no];

    b->recovered_at = s->now;
    b->old = NULL;
    o->token = o->highest;
    for (uint32_t i = 0; i < s->o.luns; i++)
        s->disks[i].known[b->no].token = 0; /* nothing is taken under an earlier one */
}

void oracle_deinit(struct sim *s)
{
    free(s->oracle.grants);
    free(s->copy.known);
    if (s->copy.disk != NULL)
        durable_free(s->copy.disk);
}
