/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who writes on the shared filesystems: under a hold, which he ends when he has unmounted, or
 * without muster. */
#include <stdlib.h>

#include "base/text.h"
#include "sim_internal.h"

enum { READY_US = 300000, WRITE_US = 3000000, WORK_US = 8000000, AGAIN_US = 500000 };
enum { FOREIGN_ONE_IN = 4 };
enum { LEAVES_ONE_IN = 3, STAYS_ONE_IN = 4, STAYER_LEAVES_ONE_IN = 60 };

struct user {
    struct user *next;
    struct host *host;
    struct disk *disk;
    uint32_t boots;      /* of the host when he began */
    uint64_t token;      /* 0: without muster */
    struct brain *brain; /* who gave it */
    struct point given;
    struct mount *mount;
    bool stays;        /* as a guest does: longer than any lease, recovery, or cut */
    bool rooted;       /* until the calm */
    bool leaves, done; /* he has what he came for; he has unmounted */
    bool lost;         /* the database that is there now does not have his hold */
};

static bool is_there(const struct user *u)
{
    return u->host->powered && u->host->boots == u->boots;
}

static void drop(struct sim *s, struct user *u)
{
    struct user **at = &s->users;

    while (*at != u)
        at = &(*at)->next;
    *at = u->next;
    free(u);
}

static void acts(struct sim *s, void *what, uint64_t stamp);

static void again(struct sim *s, struct user *u, world_us in)
{
    agenda_put(s, s->now + in, acts, u, 0);
}

static void take_end(void *with, const struct reply *r)
{
    *(bool *)with = r->code == REPLY_OK || r->code == REPLY_NOT_FOUND;
}

static void end_hold(struct sim *s, struct user *u)
{
    struct request req = { 0 };
    bool over = false;

    REC_SET(&req, request, op, OP_HOLD_END);
    REC_SET(&req, request, count, u->token);
    if (u->lost || (brain_ask(s, u->brain, &req, take_end, &over) && over))
        drop(s, u);
    else
        again(s, u, AGAIN_US);
}

static void leave(struct sim *s, struct user *u)
{
    disk_unmount(s, u->disk, u->mount);
    u->mount = NULL;
    u->done = true;
}

/* His kernel refuses a mount while a scan has the container open for itself. */
static void begin(struct sim *s, struct user *u)
{
    if (u->leaves || (u->token == 0 && !s->storm)) {
        u->done = true;
        return;
    }
    if (disk_mount_of(u->disk, u->host) != NULL)
        return;
    s->counts.foreign += u->token == 0;
    u->mount =
        disk_mount(s, u->disk, u->host, u->token == 0 ? MOUNT_FOREIGN : MOUNT_HELD, u->token);
}

static void work(struct sim *s, struct user *u)
{
    disk_write(s, u->disk);
    if (u->leaves ||
        (!u->rooted && dice_below(s, u->stays ? STAYER_LEAVES_ONE_IN : LEAVES_ONE_IN) == 0))
        leave(s, u);
}

static void acts(struct sim *s, void *what, uint64_t stamp)
{
    struct user *u = what;

    (void)stamp;
    if (!is_there(u) || (u->lost && u->mount == NULL && !u->done)) {
        drop(s, u);
        return;
    }
    if (!u->host->paused && !u->done)
        (u->mount == NULL ? begin : work)(s, u);
    if (!u->done)
        again(s, u, u->mount == NULL ? AGAIN_US : dice_about(s, WRITE_US));
    else if (u->token == 0)
        drop(s, u);
    else
        end_hold(s, u);
}

struct asked {
    const struct host *host;
    uint64_t token;
};

/* A hold of an earlier boot, which the coordinator still takes for alive, is none of his. */
static void take_hold(void *with, const struct reply *r)
{
    const struct lease_info *l = r->leases.v;
    struct asked *a = with;
    uuid128 boot;

    if (r->code == REPLY_OK && uuid128_parse(l->boot_id, &boot) && uuid_eq(boot, a->host->boot))
        a->token = strtoull(l->token, NULL, 10);
}

static uint64_t ask_hold(struct sim *s, struct brain *b, const struct disk *d, const struct host *h)
{
    struct request req = { 0 };
    struct asked asked = { h, 0 };

    REC_SET(&req, request, op, OP_HOLD_TAKE);
    REC_SET(&req, request, node, h->name);
    REC_SET(&req, request, resource, d->key);
    REC_SET(&req, request, name, "a guest");
    brain_ask(s, b, &req, take_hold, &asked);
    return asked.token;
}

static struct user *user_add(struct sim *s, struct brain *b, struct host *h, struct disk *d,
                             uint64_t token)
{
    struct user *u = calloc(1, sizeof *u);

    if (u == NULL)
        abort();
    if (token != 0)
        oracle_hold(s, b, d, h, token);
    sim_trace(s, "%s: disk %u is to be written (hold %llu)", h->name, d->no,
              (unsigned long long)token);
    *u = (struct user){ .next = s->users, .host = h, .disk = d, .boots = h->boots, .token = token };
    u->brain = b;
    u->given = token != 0 ? lineage_now(b) : (struct point){ 0, 0 };
    s->users = u;
    return u;
}

void user_start(struct sim *s)
{
    struct host *h = &s->hosts[dice_below(s, s->o.hosts)];
    struct disk *d = disk_of_host(s, h);
    bool foreign = dice_below(s, FOREIGN_ONE_IN) == 0;
    struct brain *b = &s->brains[s->brains[1].c != NULL ? dice_below(s, BRAINS) : 0];
    uint64_t token;
    struct user *u;

    if (d == NULL || !h->powered)
        return;
    token = foreign ? 0 : ask_hold(s, b, d, h);
    if (!foreign && token == 0)
        return;
    u = user_add(s, b, h, d, token);
    u->stays = dice_below(s, STAYS_ONE_IN) == 0;
    again(s, u, dice_about(s, READY_US));
}

bool user_stays(struct sim *s, struct host *h, struct disk *d)
{
    uint64_t token = h->powered ? ask_hold(s, &s->brains[0], d, h) : 0;
    struct user *u;

    if (token == 0)
        return false;
    u = user_add(s, &s->brains[0], h, d, token);
    u->stays = u->rooted = true;
    again(s, u, dice_about(s, READY_US));
    return true;
}

void users_calm(struct sim *s)
{
    for (struct user *u = s->users; u != NULL; u = u->next)
        u->leaves = true;
}

/* Of a copy of the files nobody knows what is missing until a node tells; of a backup the operator
 * does, and each hold waits for what its user has mounted. */
struct host *users_lost(struct sim *s, bool known)
{
    struct brain *b = &s->brains[0];
    struct host *writes = NULL;

    for (struct user *u = s->users; u != NULL; u = u->next) {
        if (u->token == 0 || (u->brain != b && s->brains[1].disk != NULL))
            continue;
        u->brain = b;
        if (lineage_has(s, b->fork, u->given))
            continue;
        u->lost = true;
        if (u->mount != NULL)
            writes = u->host;
        if (u->mount != NULL && !known)
            u->mount->excused = true;
    }
    return writes;
}

void users_host_ends(struct sim *s, const struct host *h)
{
    for (struct user *u = s->users; u != NULL; u = u->next) {
        if (u->host == h)
            u->mount = NULL;
    }
}

void users_free(struct sim *s)
{
    while (s->users != NULL)
        drop(s, s->users);
}
