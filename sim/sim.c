/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The world: its beginning, its time, its end. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"
#include "sim_internal.h"

void sim_trace(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (s->o.trace == NULL)
        return;
    fprintf(s->o.trace, "%8lld.%06lld  ", (long long)(s->now / 1000000),
            (long long)(s->now % 1000000));
    va_start(ap, fmt);
    vfprintf(s->o.trace, fmt, ap);
    va_end(ap);
    fputc('\n', s->o.trace);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
    char text[sizeof s->why.text - 32];
    va_list ap;

    if (s->failed)
        return;
    s->failed = true;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(&s->why, -EPROTO, "after %lld ms: %s", (long long)(s->now / 1000), text);
    sim_trace(s, "FAULT: %s", text);
}

static void host_make(struct sim *s, struct host *h, uint32_t no)
{
    uint8_t raw[16];

    h->sim = s;
    h->no = no;
    h->run.host = h;
    h->brain = &s->brains[0];
    dice_fill(s, raw, sizeof raw);
    h->id = uuid_v4_from(raw);
    uuid_text(h->id, h->uuid);
    snprintf(h->mac, sizeof h->mac, "02:4d:00:%02x:%02x:01", no >> 8 & 0xff, no & 0xff);
    snprintf(h->name, sizeof h->name, "h%u", no);
    REC_SET(&h->identity, identity, product_uuid, h->uuid);
    REC_SET(&h->identity, identity, lowest_mac, h->mac);
    REC_SET(&h->identity, identity, hostname, h->name);
    REC_SET(&h->identity, identity, probe_version, MUSTER_VERSION);
    REC_SET(&h->identity, identity, source, "smbios");
    /* Racks of ten share four LUNs, and everybody sees the first two. */
    h->luns = s->o.luns == 0 ? 0 : 3;
    for (uint32_t i = 0; i < 4 && s->o.luns > 2; i++)
        h->luns |= UINT64_C(1) << (2 + (no / 10 * 4 + i) % (s->o.luns - 2));
}

enum { LOST_PPM = 20000, LATE_PPM = 20000, LATECOMERS_US = 60000000 };

static void disk_make(struct disk *d, uint32_t no)
{
    d->no = no;
    snprintf(d->key, sizeof d->key, "aaaaaaaa-0000-4000-8000-00000000%04u@naa.600140500000%04u", no,
             no);
}

static void take_tokens(void *with, const struct reply *r)
{
    struct sim *s = with;
    const struct token_info *t = r->tokens.v;
    pubkey server;

    for (size_t i = 0; i < r->tokens.n; i++) {
        struct host *h = &s->hosts[i / HOST_TOKENS];

        if (token_parse(t[i].token, &server, h->secrets[i % HOST_TOKENS], NULL) != 0)
            sim_fail(s, "a token cannot be read");
    }
}

void sim_draw_ttl(struct sim *s)
{
    static const int64_t ttls[] = { LEAST_LEASE_TTL_MS, DEFAULT_LEASE_TTL_MS,
                                    4 * DEFAULT_LEASE_TTL_MS };

    s->ttl_ms = ttls[dice_below(s, ARRAY_LEN(ttls))];
}

static int begin(struct sim *s)
{
    sim_draw_ttl(s);
    s->lost_ppm = LOST_PPM * (1 + 2 * dice_below(s, 3));
    s->late_ppm = LATE_PPM * (1 + 4 * dice_below(s, 3));
    s->restores = dice_below(s, 3);
    s->seconds = dice_below(s, 3);
    s->reconfigured = dice_lot(s, LOTS) == LOT_CONFIGURED;
    stage_set(s);
    s->hosts = calloc(s->o.hosts, sizeof *s->hosts);
    s->disks = calloc(s->o.luns + 1, sizeof *s->disks);
    s->scratch = arena_new(0);
    s->actions = arena_new(0);
    s->brains[0].disk = durable_new((uuid128){ { 0xdb } });
    if (s->hosts == NULL || s->disks == NULL || s->scratch == NULL || s->actions == NULL ||
        s->brains[0].disk == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < s->o.hosts; i++)
        host_make(s, &s->hosts[i], i);
    for (uint32_t i = 0; i < s->o.luns; i++)
        disk_make(&s->disks[i], i);
    group_make(s);
    stage_cast(s);
    s->brains[1].no = 1;
    lineage_fork(s, (struct point){ 0, 0 }, 0);
    brain_start(s, &s->brains[0]);
    return 0;
}

/* Some hosts are added later. */
static void come(struct sim *s, void *what, uint64_t stamp)
{
    (void)stamp;
    if (what != s->stage.twin)
        host_power_on(s, what);
}

static world_us comes(struct sim *s)
{
    return dice_below(s, 4) == 0 && !s->stage.alone ? dice_about(s, LATECOMERS_US) : 0;
}

static void tokens(struct sim *s, void *what, uint64_t stamp)
{
    struct request req = { 0 };

    (void)what, (void)stamp;
    REC_SET(&req, request, op, OP_TOKEN_CREATE);
    REC_SET(&req, request, role, "node");
    REC_SET(&req, request, count, s->o.hosts * (uint64_t)HOST_TOKENS);
    REC_SET(&req, request, ttl_ms, INT64_C(365) * 86400 * 1000);
    if (!brain_ask(s, &s->brains[0], &req, take_tokens, s)) { /* it could not store them */
        agenda_put(s, s->now + 2000000, tokens, NULL, 0);
        return;
    }
    for (uint32_t i = 0; i < s->o.hosts; i++)
        agenda_put(s, s->now + comes(s), come, &s->hosts[i], 0);
    operator_start(s);
}

static void storm(struct sim *s, void *what, uint64_t stamp)
{
    (void)what, (void)stamp;
    chaos_start(s);
}

static void calm(struct sim *s, void *what, uint64_t stamp)
{
    (void)what, (void)stamp;
    chaos_end(s);
}

static void finish(struct sim *s)
{
    struct happening left;

    for (uint32_t i = 0; s->hosts != NULL && i < s->o.hosts; i++) {
        struct host *h = &s->hosts[i];

        s->storm = s->rough = false;
        host_power_off(s, h);
        free(h->processes);
        for (size_t k = 0; k < h->late_n; k++)
            free(h->late[k]);
        free(h->late);
        free(h->seen);
    }
    for (uint32_t i = 0; i < BRAINS; i++) {
        struct brain *b = &s->brains[i];

        brain_deinit(b);
        if (b->disk != NULL && (i + 1 == BRAINS || b->disk != s->brains[i + 1].disk))
            durable_free(b->disk);
    }
    while (agenda_take(&s->agenda, &left))
        agenda_drop(&left);
    free(s->agenda.v);
    users_free(s);
    group_free(s);
    disks_free(s);
    oracle_deinit(s);
    free(s->stage.kept);
    free(s->hosts);
    free(s->forks);
    arena_free(s->scratch);
    arena_free(s->actions);
    buf_deinit(&s->out);
}

int sim_run(const struct sim_options *o, struct sim_counts *counts, struct err *e)
{
    struct sim s = { .o = *o, .random = o->seed };
    struct happening next;
    int rc = begin(&s);

    s.end = (o->storm_ms + o->calm_ms) * 1000;
    if (rc == 0) {
        agenda_put(&s, 1000000, tokens, NULL, 0);
        agenda_put(&s, 10000000, storm, NULL, 0);
        agenda_put(&s, o->storm_ms * 1000, calm, NULL, 0);
    }
    while (rc == 0 && !s.failed && agenda_take(&s.agenda, &next)) {
        if (next.at > s.end) {
            agenda_drop(&next);
            break;
        }
        s.now = next.at;
        next.fn(&s, next.what, next.stamp);
        if (o->mapped)
            oracle_devices(&s);
    }
    if (rc == 0 && !s.failed && !o->unjudged)
        oracle_end(&s);
    s.counts.virtual_ms = s.now / 1000;
    *counts = s.counts;
    if (s.failed) {
        *e = s.why;
        rc = -EPROTO;
    }
    finish(&s);
    return rc;
}
