/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kill -9 of a real coordinator at any moment, again and again, while nodes are granted leases:
 * what a node has received is in the history of each later start, and tokens only grow. Prints one
 * JSON document; exits with 0 when the account has found no fault. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "account.h"
#include "base/text.h"
#include "cast.h"
#include "net/net.h"
#include "random.h"
#include "target.h"
#include "vfs_shadow.h"

/* Times in microseconds. */
enum {
    LIMIT_US = 60000000,  /* for whatever must happen */
    SILENT_US = 25000000, /* a TTL, and as long again until what it was in the way of is tried */
    DRY_US = 5000000,     /* a start in which nobody is granted anything is killed all the same */
    LOOK_US = 150000,     /* between looks whether there is anything to be granted */
};
enum {
    TASKS = 3, /* that run at once; with a silent node, for which jobs of them wait, some more */
    GO_ON = 8, /* cycles after the first fault, if anything can be granted then */
    SOME = 300,
    ALL = 1000, /* rows of a list */
};

struct options {
    const char *coordinator, *listen, *dir;
    uint64_t cycles, seed;
    uint64_t silent_every, put_back_at; /* cycles; 0: never */
    bool power, keep_none, forget;
};

struct loop {
    struct options o;
    uint64_t random;
    struct target target;
    struct account *account;
    struct cast *cast;
    uint64_t most_tasks;
    bool owes; /* a silence after which time alone has allowed a grant */
    uint64_t kills, early, dry, silences, restarts, cuts, sectors, scans, checks;
    int64_t began_us;
};

static int64_t within(struct loop *l, int64_t us)
{
    return now_us() + (int64_t)random_below(&l->random, (uint64_t)us);
}

/* ---- questions ------------------------------------------------------------------------------ */

static int ask(struct loop *l, enum client_op op, struct muster_reply *r, struct err *e)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    return target_ask(&l->target, &req, r, e);
}

/* Leases and their history, newest first; *lowest: below which token it has been cut. */
static int list_leases(struct loop *l, const char *node, const char *resource, uint64_t limit,
                       struct muster_reply *r, uint64_t *lowest, struct err *e)
{
    struct request req = { 0 };
    const struct lease_info *v;
    int rc;

    REC_SET(&req, request, op, OP_LEASE_LIST);
    REC_SET(&req, request, flag, true);
    REC_SET(&req, request, limit, limit);
    if (node != NULL)
        REC_SET(&req, request, nodes, ((struct strs){ &node, 1 }));
    if (resource != NULL)
        REC_SET(&req, request, resources, ((struct strs){ &resource, 1 }));
    rc = target_ask(&l->target, &req, r, e);
    if (rc != 0)
        return rc;
    v = r->reply->leases.v;
    *lowest = 0;
    if (r->reply->more && r->reply->leases.n > 0)
        *lowest = strtoull(v[r->reply->leases.n - 1].token, NULL, 10);
    return 0;
}

static int check_list(struct loop *l, struct err *e)
{
    struct muster_reply r = { 0 };
    struct account_scope scope = { 0 };
    uint64_t limit = SOME;
    size_t left;
    int rc;

    do {
        rc = list_leases(l, NULL, NULL, limit, &r, &scope.lowest, e);
        if (rc != 0)
            return rc;
        left = account_listed(l->account, &scope, &r.reply->leases);
        muster_reply_free(&r);
        limit += ALL - SOME;
    } while (left > 0 && limit <= ALL);
    return left == 0 ? 0 : err_set(e, -E2BIG, "%zu grants are older than one list tells", left);
}

/* Of each start; what has been found before is looked for again at the end. */
static int check(struct loop *l, struct err *e)
{
    struct muster_reply r = { 0 };
    int rc = ask(l, OP_STATUS, &r, e);

    if (rc != 0)
        return rc;
    account_mode(l->account, r.reply->status->mode, r.reply->status->mode_text);
    muster_reply_free(&r);
    l->checks++;
    return check_list(l, e);
}

/* There is always something to be scanned, by one task, and now and then by a few. */
static int scan(struct loop *l, struct err *e)
{
    struct request req = { 0 };
    struct muster_reply r = { 0 };
    int rc = ask(l, OP_STATUS, &r, e);
    uint64_t tasks;

    if (rc != 0)
        return rc;
    tasks = r.reply->status->tasks_running;
    muster_reply_free(&r);
    if (tasks >= l->most_tasks || (tasks > 0 && random_chance(&l->random, 90)))
        return 0;
    REC_SET(&req, request, op, OP_SCAN);
    REC_SET(&req, request, flag, random_chance(&l->random, 60));
    rc = target_ask(&l->target, &req, &r, e);
    muster_reply_free(&r);
    l->scans += rc == 0;
    return rc == MUSTER_E_REPLY ? 0 : rc; /* it is known what it refuses: no node is up yet */
}

/* ---- a cycle -------------------------------------------------------------------------------- */

static int start(struct loop *l, struct err *e)
{
    account_spawned(l->account, clock_mono());
    return target_start(&l->target, e);
}

/* The nodes live on while it starts. */
static int wait_serving(struct loop *l, struct err *e)
{
    int64_t until_us = now_us() + LIMIT_US;
    int rc = 0;

    while (rc == 0) {
        rc = target_serves(&l->target, e);
        if (rc != 0)
            break;
        if (now_us() >= until_us)
            return err_set(e, -ETIMEDOUT, "the coordinator does not serve");
        rc = cast_run(l->cast, now_us() + 100000, NULL, NULL, l->target.ready, e);
    }
    return rc < 0 ? rc : 0;
}

struct aim {
    const struct account *account;
    uint64_t asked, granted;
};

static bool is_reached(const void *what)
{
    const struct aim *a = what;
    const struct account_counts *n = account_counts(a->account);

    return n->asked >= a->asked || n->granted >= a->granted;
}

/* A moment after a request has been sent or a grant has come. */
static struct aim aim_at(struct loop *l)
{
    const struct account_counts *n = account_counts(l->account);
    struct aim a = { l->account, UINT64_MAX, UINT64_MAX };
    uint64_t more = 1 + random_below(&l->random, 6);

    if (random_chance(&l->random, 50))
        a.asked = n->asked + more;
    else
        a.granted = n->granted + more;
    return a;
}

static void end(struct loop *l, struct err *e, int *rc)
{
    int64_t taken;

    target_kill(&l->target);
    account_killed(l->account, clock_mono());
    l->kills++;
    if (*rc == 0)
        *rc = cast_drain(l->cast, e);
    if (!l->o.power || *rc != 0)
        return;
    taken = vfs_shadow_cut(l->target.state, l->o.keep_none ? NULL : &l->random);
    if (taken < 0)
        *rc = err_set(e, -errno, "the power cannot be cut: %s", strerror(errno));
    l->cuts++;
    l->sectors += taken > 0 ? (uint64_t)taken : 0;
}

/* Killed while it starts, or just after. */
static int early(struct loop *l, struct err *e)
{
    int rc = start(l, e);

    if (rc == 0)
        rc = cast_run(l->cast, within(l, 80000), NULL, NULL, -1, e);
    l->early++;
    end(l, e, &rc);
    return rc;
}

/* Until `enough`, or it is no use to wait on. What is scanned is scanned again. */
static int grants(struct loop *l, int64_t most_us, bool (*enough)(const void *), const void *what,
                  struct err *e)
{
    int64_t until_us = now_us() + most_us;
    int rc = 0;

    while (rc == 0 && !enough(what) && now_us() < until_us) {
        rc = scan(l, e);
        if (rc == 0)
            rc = cast_run(l->cast, now_us() + LOOK_US, enough, what, -1, e);
    }
    return rc;
}

static int cycle(struct loop *l, struct err *e)
{
    struct aim aim;
    int rc = start(l, e);

    if (rc == 0)
        rc = wait_serving(l, e);
    if (rc == 0)
        rc = check(l, e);
    aim = aim_at(l);
    if (rc == 0)
        rc = grants(l, DRY_US, is_reached, &aim, e);
    l->dry += !is_reached(&aim);
    if (rc == 0)
        rc = cast_run(l->cast, within(l, 4000), NULL, NULL, -1, e);
    end(l, e, &rc);
    return rc;
}

static int64_t holder(const struct loop *l)
{
    for (uint32_t i = 0; i < CAST_NODES; i++) {
        if (account_has(l->account, i))
            return i;
    }
    return -1;
}

static bool is_held(const void *what)
{
    return holder(what) >= 0;
}

struct expiry {
    const struct account *account;
    uint64_t expired;
};

static bool is_expired(const void *what)
{
    const struct expiry *x = what;

    return account_counts(x->account)->expired > x->expired || account_faults(x->account) > 0;
}

/* A node that has a grant falls silent, and the coordinator is killed: its lease has the whole TTL
 * after the next start, and then another gets it. */
static int silent_cycle(struct loop *l, struct err *e)
{
    struct expiry expiry = { l->account, account_counts(l->account)->expired };
    int64_t who;
    int rc = start(l, e);

    if (rc == 0)
        rc = wait_serving(l, e);
    if (rc == 0)
        rc = grants(l, LIMIT_US, is_held, l, e);
    who = holder(l);
    if (who >= 0)
        cast_silence(l->cast, (uint32_t)who, true);
    end(l, e, &rc);
    if (rc == 0)
        rc = start(l, e);
    if (rc == 0)
        rc = wait_serving(l, e);
    l->most_tasks = 2 * TASKS;
    if (rc == 0 && who >= 0)
        rc = grants(l, SILENT_US, is_expired, &expiry, e);
    l->most_tasks = TASKS;
    l->owes = !is_expired(&expiry);
    l->silences += who >= 0;
    if (who >= 0)
        cast_silence(l->cast, (uint32_t)who, false);
    if (rc == 0)
        rc = check(l, e);
    end(l, e, &rc);
    return rc;
}

/* The database is what it was some cycles ago, and nobody has said `recover`. */
static int put_back(struct loop *l, uint64_t no, struct err *e)
{
    char copy[320];

    snprintf(copy, sizeof copy, "%s/older", l->target.dir);
    if (no + 10 == l->o.put_back_at)
        return target_copy(l->target.state, copy, e);
    if (no != l->o.put_back_at)
        return 0;
    return target_copy(copy, l->target.state, e);
}

/* Between two cycles: probes that end. */
static int restart_probes(struct loop *l, uint64_t no, struct err *e)
{
    bool all = l->o.forget && no + 1 >= l->o.put_back_at;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && all && i < CAST_NODES; i++)
        rc = cast_restart(l->cast, i, true, e);
    if (rc != 0 || all || !random_chance(&l->random, 3))
        return rc;
    l->restarts++;
    return cast_restart(l->cast, (uint32_t)random_below(&l->random, CAST_NODES), false, e);
}

static int one(struct loop *l, uint64_t no, struct err *e)
{
    int rc = l->o.put_back_at > 0 ? put_back(l, no, e) : 0;

    if (rc != 0)
        return rc;
    if (l->owes || (l->o.silent_every > 0 && no % l->o.silent_every == l->o.silent_every / 2))
        rc = silent_cycle(l, e);
    else
        rc = random_chance(&l->random, 12) ? early(l, e) : cycle(l, e);
    return rc == 0 ? restart_probes(l, no, e) : rc;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static int tokens(struct loop *l, char *out[CAST_NODES], struct err *e)
{
    struct request req = { 0 };
    struct muster_reply r = { 0 };
    const struct token_info *v;
    int rc;

    REC_SET(&req, request, op, OP_TOKEN_CREATE);
    REC_SET(&req, request, role, "node");
    REC_SET(&req, request, count, CAST_NODES);
    rc = target_ask(&l->target, &req, &r, e);
    if (rc != 0)
        return rc;
    v = r.reply->tokens.v;
    for (uint32_t i = 0; i < CAST_NODES; i++)
        out[i] = strdup(v[i].token);
    muster_reply_free(&r);
    return 0;
}

/* All nodes are there and see all filesystems, which may be scanned from then on. */
static int admit(struct loop *l, struct err *e)
{
    int64_t until_us = now_us() + LIMIT_US;
    struct request req = { 0 };
    struct muster_reply r = { 0 };
    size_t admitted = 0;
    int rc = 0;

    REC_SET(&req, request, op, OP_FS_ADMIT);
    REC_SET(&req, request, flag, true);
    while (rc == 0 && admitted < CAST_FILESYSTEMS && now_us() < until_us) {
        rc = cast_run(l->cast, now_us() + 20000, NULL, NULL, -1, e);
        if (rc == 0)
            rc = target_ask(&l->target, &req, &r, e);
        admitted += rc == 0 ? r.reply->resources.n : 0;
        muster_reply_free(&r);
        rc = rc == MUSTER_E_REPLY ? 0 : rc;
    }
    if (rc == 0 && admitted < CAST_FILESYSTEMS)
        return err_set(e, -ETIMEDOUT, "%zu filesystems are there", admitted);
    return rc;
}

static int prepare(struct loop *l, struct err *e)
{
    struct cast_options o = { .endpoint = l->o.listen, .heartbeat_ms = 400, .seed = l->o.seed };
    char *texts[CAST_NODES] = { NULL };
    uuid128 ids[CAST_NODES];
    int rc;

    cast_ids(l->o.seed, ids);
    l->account = account_new(ids, CAST_NODES);
    rc = target_init(&l->target, l->o.coordinator, l->o.listen, l->o.dir, e);
    if (rc == 0)
        rc = start(l, e);
    if (rc == 0)
        rc = target_wait(&l->target, e);
    if (rc == 0)
        rc = tokens(l, texts, e);
    if (rc == 0) {
        o.tokens = texts;
        o.account = l->account;
        l->cast = cast_new(&o, e);
        rc = l->cast == NULL ? -EIO : admit(l, e);
    }
    for (uint32_t i = 0; i < CAST_NODES; i++)
        free(texts[i]);
    target_stop(&l->target);
    if (rc == 0 && vfs_shadow_settle(l->target.state) != 0)
        rc = err_set(e, -errno, "what is durable cannot be kept: %s", strerror(errno));
    return rc;
}

/* Each filesystem's leases of each node, as far as one list goes: *beyond counts the others. */
static int look_again(struct loop *l, size_t *beyond, struct err *e)
{
    struct muster_reply all = { 0 };
    struct request req = { 0 };
    const struct resource_info *v;
    uuid128 ids[CAST_NODES];
    int rc;

    cast_ids(l->o.seed, ids);
    account_look_again(l->account);
    REC_SET(&req, request, op, OP_RESOURCE_LIST);
    REC_SET(&req, request, kind, "filesystem");
    rc = target_ask(&l->target, &req, &all, e);
    if (rc != 0)
        return rc;
    v = all.reply->resources.v;
    for (size_t i = 0; rc == 0 && i < all.reply->resources.n; i++) {
        for (uint32_t n = 0; rc == 0 && n < CAST_NODES; n++) {
            struct account_scope scope = { .node = &n };
            struct muster_reply r = { 0 };
            char node[UUID_TEXT];
            uuid128 id;

            uuid128_parse(v[i].id, &id);
            scope.resource = &id;
            rc = list_leases(l, uuid_text(ids[n], node), v[i].id, ALL, &r, &scope.lowest, e);
            if (rc == 0)
                *beyond += account_listed(l->account, &scope, &r.reply->leases);
            muster_reply_free(&r);
        }
    }
    muster_reply_free(&all);
    return rc;
}

static int finish(struct loop *l, size_t *beyond, struct err *e)
{
    int rc = start(l, e);

    if (rc == 0)
        rc = wait_serving(l, e);
    if (rc == 0)
        rc = check(l, e);
    if (rc == 0)
        rc = look_again(l, beyond, e);
    return rc;
}

static void print(const struct loop *l, uint64_t cycles, size_t beyond)
{
    const struct account_counts *n = account_counts(l->account);
    struct cast_counts c = cast_counts(l->cast);
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        { "seed", l->o.seed },
        { "cycles", cycles },
        { "kills", l->kills },
        { "killed_while_starting", l->early },
        { "power_cuts", l->cuts },
        { "sectors_lost", l->sectors },
        { "starts_followed", n->starts },
        { "scans", l->scans },
        { "leases_asked", n->asked },
        { "granted", n->granted },
        { "found", n->listed },
        { "beyond_lists", beyond },
        { "renewed", n->renewed },
        { "ended", n->ended },
        { "silences", l->silences },
        { "expired", n->expired },
        { "probe_restarts", l->restarts },
        { "dry_cycles", l->dry },
        { "messages", c.sent + c.heard },
        { "highest_token", n->highest },
        { "ms", (uint64_t)(now_us() - l->began_us) / 1000 },
        { "us_a_cycle", (uint64_t)(now_us() - l->began_us) / (cycles > 0 ? cycles : 1) },
    };

    fputs("{\"faults\":{", stdout);
    for (int i = 0; i < FAULT_COUNT; i++)
        printf("%s\"%s\":%" PRIu64, i > 0 ? "," : "", account_fault_name((enum account_fault)i),
               n->faults[i]);
    fputc('}', stdout);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        printf(",\"%s\":%" PRIu64, counts[i].name, counts[i].value);
    puts("}");
}

static int run(struct loop *l, struct err *e)
{
    uint64_t no = 0, last = l->o.cycles, go_on = l->o.forget ? GO_ON : 0;
    size_t beyond = 0;
    int rc = prepare(l, e);

    l->began_us = now_us();
    for (; rc == 0 && no < last; no++) {
        rc = one(l, no, e);
        if (account_faults(l->account) > 0 && last > no + 1 + go_on)
            last = no + 1 + go_on;
    }
    if (rc == 0)
        rc = finish(l, &beyond, e);
    if (l->cast != NULL)
        print(l, no, beyond);
    return rc;
}

/* ---- options -------------------------------------------------------------------------------- */

static const char usage[] =
    "Usage: kill-loop --coordinator PROGRAM --listen tcp://HOST:PORT --dir DIR [OPTION]...\n"
    "\n"
    "  --cycles N         kills, and one more start in which all is looked for (default 300)\n"
    "  --seed N           of the dice (default: another one each time)\n"
    "  --silent-every N   cycles of which in one a node falls silent until its lease is over\n"
    "  --power            the power is cut with each kill: PROGRAM has the disk that notes syncs\n"
    "  --keep-none        and of what was not synced nothing is left, not even by chance\n"
    "  --put-back N       in this cycle the database is put back that was there ten before\n"
    "  --forget           from then on the nodes forget the coordinator with each kill\n";

enum {
    OPT_COORDINATOR,
    OPT_LISTEN,
    OPT_DIR,
    OPT_CYCLES,
    OPT_SEED,
    OPT_SILENT,
    OPT_POWER,
    OPT_KEEP,
    OPT_BACK,
    OPT_FORGET
};

static const struct option longs[] = {
    { "coordinator", required_argument, NULL, OPT_COORDINATOR },
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "dir", required_argument, NULL, OPT_DIR },
    { "cycles", required_argument, NULL, OPT_CYCLES },
    { "seed", required_argument, NULL, OPT_SEED },
    { "silent-every", required_argument, NULL, OPT_SILENT },
    { "power", no_argument, NULL, OPT_POWER },
    { "keep-none", no_argument, NULL, OPT_KEEP },
    { "put-back", required_argument, NULL, OPT_BACK },
    { "forget", no_argument, NULL, OPT_FORGET },
    { NULL, 0, NULL, 0 },
};

static bool read_options(struct options *o, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (option == OPT_COORDINATOR)
            o->coordinator = optarg;
        else if (option == OPT_LISTEN)
            o->listen = optarg;
        else if (option == OPT_DIR)
            o->dir = optarg;
        else if (option == OPT_CYCLES)
            o->cycles = strtoull(optarg, NULL, 10);
        else if (option == OPT_SEED)
            o->seed = strtoull(optarg, NULL, 10);
        else if (option == OPT_SILENT)
            o->silent_every = strtoull(optarg, NULL, 10);
        else if (option == OPT_POWER)
            o->power = true;
        else if (option == OPT_KEEP)
            o->keep_none = true;
        else if (option == OPT_BACK)
            o->put_back_at = strtoull(optarg, NULL, 10);
        else if (option == OPT_FORGET)
            o->forget = true;
        else
            return false;
    }
    return o->coordinator != NULL && o->listen != NULL && o->dir != NULL && optind == argc;
}

int main(int argc, char **argv)
{
    struct loop l = { .o = { .cycles = 300 }, .most_tasks = TASKS };
    struct err e = { "" };
    uint64_t faults;
    int rc;

    random_bytes(&l.o.seed, 4);
    if (!read_options(&l.o, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    l.random = l.o.seed;
    rc = run(&l, &e);
    if (rc != 0)
        fprintf(stderr, "seed %" PRIu64 ": %s\n", l.o.seed, e.text);
    faults = l.account == NULL ? 0 : account_faults(l.account);
    target_deinit(&l.target);
    cast_free(l.cast);
    account_free(l.account);
    return rc != 0 || faults > 0;
}
