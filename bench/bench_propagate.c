/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P7: how a change of a volume group comes to all nodes that see it.
 *
 * limit    a bare ROUTER tells as many DEALERs a message of the same size (fanout.h)
 * ours     a real coordinator and a simulated fleet of the real agent (fleet_net.h) with one volume
 *          group that all see; a fake executor makes an LV. From the moment at which its node tells
 *          the result until the last node has been told to look: the result and a job for each node
 *          are durable before the first is told. The nodes do nothing meanwhile, as with the limit.
 * acked    the same until each node has looked and the coordinator has made its answer durable,
 *          with all that they report of the new version besides; the limit of it is the bare ROUTER
 *          until it has an answer of each
 * 1 % off  nodes go off without a word, then the volume group is changed: until all others are
 *          current, and until the task is over; and once more when it is known that they are down
 *
 * Coordinator and nodes share the processors of one machine. Limit and ours take turns; ratios are
 * taken within a round, and medians are printed. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"
#include "daemon.h"
#include "fanout.h"
#include "fleet_net.h"
#include "wire/codec.h"

enum { MOST_ROUNDS = 99, SLICE_MS = 20, WAIT_S = 120 };
#define VG     "vg-g00-0"
#define TARGET 1.3 /* times the limit */

/* What the nodes of a round have sent and received. */
struct seen {
    double done, told, acked; /* when: the change was told; the last was told; the last was acked */
    uint32_t tells, acks;
    struct order_key change;
};

struct round {
    double limit, ours, limit_acked, acked;
    double cpu; /* of the coordinator until all were acked, in seconds */
};

struct off { /* with nodes that are off */
    double acked, over;
    uint64_t silent, current;
    char text[120]; /* how the task ended */
};

struct bench {
    const char *program, *json, *down_ms;
    uint32_t nodes, rounds, off;
    uint32_t missing; /* that are off now */
    struct fanout raw;
    struct daemon_run daemon;
    struct fleet *fleet;
    struct fleet_options options;
    struct seen seen;
    struct buf message, answer; /* of a round, as examples for the limit */
    uint32_t names;
    double connected; /* seconds until all were registered */
    struct round round[MOST_ROUNDS];
    struct off just_now, known;
};

/* ---- what is seen of the nodes' messages ----------------------------------------------------- */

static void keep(struct buf *b, const struct envelope *env)
{
    struct err e;

    if (b->n == 0)
        wire_encode(&envelope_desc, env, b, &e);
}

static void on_result(struct seen *s, const struct lvm_result *r)
{
    if (r->outcome != LVM_DONE || s->done > 0)
        return;
    s->done = seconds_now();
    s->change = *r->order;
}

/* Of a job that this change has made on other nodes, or on the same. */
static bool is_ack(const struct seen *s, const struct result_ack *ack)
{
    return s->done > 0 && ack->taken && ack->order->task == s->change.task &&
           ack->order->job != s->change.job;
}

static void on_message(void *ctx, bool sent, const struct envelope *env)
{
    struct bench *b = ctx;
    struct seen *s = &b->seen;

    if (sent && env->lvm_result != NULL) {
        on_result(s, env->lvm_result);
    } else if (sent && env->lvm_refreshed != NULL) {
        keep(&b->answer, env);
    } else if (!sent && env->lvm_refresh != NULL && s->done > 0 &&
               env->lvm_refresh->order->task == s->change.task) {
        keep(&b->message, env);
        s->tells++;
        s->told = seconds_now();
    } else if (!sent && env->result_ack != NULL && is_ack(s, env->result_ack)) {
        s->acks++;
        s->acked = seconds_now();
    }
}

/* ---- the coordinator is asked ---------------------------------------------------------------- */

static int ask(struct bench *b, const struct request *req, struct muster_reply *r, struct err *e)
{
    int rc = muster_call(b->daemon.conn, req, r);

    return rc == 0 ? 0 : err_set(e, -EIO, "%s", muster_error(b->daemon.conn));
}

static int vg_is(struct bench *b, struct vg_info *out, struct err *e)
{
    struct request req = { 0 };
    struct muster_reply r = { 0 };
    int rc;

    REC_SET(&req, request, op, OP_VG_LIST);
    rc = ask(b, &req, &r, e);
    *out = (struct vg_info){ 0 };
    if (rc == 0 && r.reply->vgs.n > 0)
        *out = *(const struct vg_info *)r.reply->vgs.v;
    muster_reply_free(&r);
    return rc;
}

static int adopt(struct bench *b, struct err *e)
{
    struct request req = { 0 };
    struct muster_reply r = { 0 };
    int rc;

    REC_SET(&req, request, op, OP_VG_ADOPT);
    REC_SET(&req, request, resource, VG);
    REC_SET(&req, request, flag, true);
    rc = ask(b, &req, &r, e);
    muster_reply_free(&r);
    return rc;
}

/* A new LV; the task's number. */
static int create(struct bench *b, uint64_t *task, struct err *e)
{
    struct request req = { 0 };
    struct vg_ask what = { 0 };
    struct muster_reply r = { 0 };
    char name[16];
    int rc;

    snprintf(name, sizeof name, "new%u", b->names++);
    REC_SET(&what, vg_ask, op, LVM_LV_CREATE);
    REC_SET(&what, vg_ask, vg, VG);
    REC_SET(&what, vg_ask, lv, name);
    REC_SET(&what, vg_ask, size_bytes, 4 << 20);
    REC_SET(&req, request, op, OP_VG_CHANGE);
    REC_SET(&req, request, vg_ask, &what);
    b->seen = (struct seen){ 0 };
    rc = ask(b, &req, &r, e);
    if (rc == 0 && r.reply->tasks.n > 0)
        *task = ((const struct task_info *)r.reply->tasks.v)->no;
    muster_reply_free(&r);
    return rc;
}

/* 1: it is over, and the text says how. */
static int is_over(struct bench *b, uint64_t task, char *text, size_t n, struct err *e)
{
    struct request req = { 0 };
    struct muster_reply r = { 0 };
    const struct task_info *t;
    int rc;

    REC_SET(&req, request, op, OP_TASK_SHOW);
    REC_SET(&req, request, count, task);
    rc = ask(b, &req, &r, e);
    if (rc == 0 && r.reply->tasks.n > 0) {
        t = r.reply->tasks.v;
        rc = t->ended_ms != 0;
        snprintf(text, n, "%s", t->text);
    }
    muster_reply_free(&r);
    return rc;
}

static int nodes_down(struct bench *b, uint64_t *out, struct err *e)
{
    struct request req = { 0 };
    struct muster_reply r = { 0 };
    int rc;

    REC_SET(&req, request, op, OP_STATUS);
    rc = ask(b, &req, &r, e);
    if (rc == 0)
        *out = r.reply->status->nodes_down;
    muster_reply_free(&r);
    return rc;
}

/* ---- the fleet goes on until something is so ------------------------------------------------- */

static int until(struct bench *b, int (*so)(struct bench *, struct err *), const char *what,
                 struct err *e)
{
    double limit = seconds_now() + WAIT_S;
    int rc;

    while ((rc = so(b, e)) == 0) {
        if (seconds_now() > limit)
            return err_set(e, -ETIMEDOUT, "%s: not in %d s", what, WAIT_S);
        rc = fleet_run(b->fleet, SLICE_MS, e);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : 0;
}

static int all_registered(struct bench *b, struct err *e)
{
    (void)e;
    return fleet_counts(b->fleet).registered == b->nodes;
}

static int all_told(struct bench *b, struct err *e)
{
    (void)e;
    return b->seen.tells >= b->nodes;
}

static int all_acked(struct bench *b, struct err *e)
{
    (void)e;
    return b->seen.acks >= b->nodes - b->missing;
}

/* Their rows have come too: the next change may begin. */
static int all_current(struct bench *b, struct err *e)
{
    struct vg_info v;
    int rc = vg_is(b, &v, e);

    return rc < 0 ? rc : v.current == b->nodes - b->missing && !REC_HAS(&v, vg_info, task);
}

static int off_are_down(struct bench *b, struct err *e)
{
    uint64_t down = 0;
    int rc = nodes_down(b, &down, e);

    return rc < 0 ? rc : down == b->off;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static int measure_told(struct bench *b, struct round *r, struct err *e)
{
    uint64_t task;
    int rc;

    fleet_hold(b->fleet);
    rc = create(b, &task, e);
    if (rc == 0)
        rc = until(b, all_told, "not all nodes are told", e);
    r->ours = b->seen.told - b->seen.done;
    if (rc == 0)
        rc = fleet_release(b->fleet, e);
    if (rc == 0)
        rc = until(b, all_current, "not all nodes are current", e);
    if (rc < 0)
        return rc;
    r->limit = fanout_round(&b->raw, &b->message, NULL, e);
    return r->limit < 0 ? -EIO : 0;
}

static int measure_acked(struct bench *b, struct round *r, struct err *e)
{
    double cpu = daemon_cpu_s(&b->daemon);
    uint64_t task;
    int rc = create(b, &task, e);

    if (rc == 0)
        rc = until(b, all_acked, "not all nodes have answered", e);
    r->acked = b->seen.acked - b->seen.done;
    r->cpu = daemon_cpu_s(&b->daemon) - cpu;
    if (rc == 0)
        rc = until(b, all_current, "not all nodes are current", e);
    if (rc < 0)
        return rc;
    r->limit_acked = fanout_round(&b->raw, &b->message, &b->answer, e);
    return r->limit_acked < 0 ? -EIO : 0;
}

/* A change while some are off. */
static int measure_off(struct bench *b, struct off *out, struct err *e)
{
    double limit = seconds_now() + WAIT_S;
    struct vg_info v;
    uint64_t task = 0;
    int rc = create(b, &task, e), over = 0;

    if (rc == 0)
        rc = until(b, all_acked, "those that are on have not answered", e);
    out->acked = b->seen.acked - b->seen.done;
    while (rc == 0 && over == 0) {
        if (seconds_now() > limit)
            return err_set(e, -ETIMEDOUT, "the task is not over in %d s", WAIT_S);
        rc = fleet_run(b->fleet, SLICE_MS, e);
        over = rc < 0 ? 0 : is_over(b, task, out->text, sizeof out->text, e);
        rc = over < 0 ? over : rc;
    }
    out->over = seconds_now() - b->seen.done;
    if (rc == 0)
        rc = until(b, all_current, "those that are on are not current", e);
    if (rc == 0)
        rc = vg_is(b, &v, e);
    if (rc == 0) {
        out->silent = v.silent;
        out->current = v.current;
    }
    return rc;
}

static int measure_all_off(struct bench *b, struct err *e)
{
    int rc;

    for (uint32_t i = 0; i < b->off; i++)
        fleet_crash(b->fleet, b->nodes - 1 - i);
    b->missing = b->off;
    rc = measure_off(b, &b->just_now, e);
    if (rc == 0)
        rc = until(b, off_are_down, "nodes that are off are not down", e);
    if (rc == 0)
        rc = measure_off(b, &b->known, e);
    for (uint32_t i = 0; rc == 0 && i < b->off; i++)
        rc = fleet_boot(b->fleet, b->nodes - 1 - i, e);
    b->missing = 0;
    return rc < 0 ? rc : until(b, all_current, "who comes back does not become current", e);
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static int begin(struct bench *b, struct err *e)
{
    char down[32];
    const char *words[] = { "--set", down, NULL };
    double start;
    int rc = fanout_start(&b->raw, b->nodes, e);

    snprintf(down, sizeof down, "down_ms=%s", b->down_ms == NULL ? "" : b->down_ms);
    if (rc == 0)
        rc = daemon_start_with(b->program, b->down_ms == NULL ? NULL : words, &b->daemon, e);
    if (rc == 0)
        rc = daemon_tokens(&b->daemon, b->nodes + b->off, &b->options.tokens, e);
    b->options.token_count = b->nodes + b->off;
    if (rc < 0)
        return rc;
    b->options.endpoint = b->daemon.nodes;
    start = seconds_now();
    b->fleet = fleet_new(&b->options, e);
    if (b->fleet == NULL)
        return -EIO;
    rc = until(b, all_registered, "not all nodes are registered", e);
    b->connected = seconds_now() - start;
    if (rc == 0)
        rc = until(b, all_current, "not all nodes see the volume group", e);
    return rc < 0 ? rc : adopt(b, e);
}

static void end(struct bench *b)
{
    fleet_free(b->fleet);
    if (b->daemon.pid > 0)
        daemon_stop(&b->daemon);
    fanout_stop(&b->raw);
    for (uint32_t i = 0; b->options.tokens != NULL && i < b->options.token_count; i++)
        free(b->options.tokens[i]);
    free(b->options.tokens);
    buf_deinit(&b->message);
    buf_deinit(&b->answer);
}

static int measure(struct bench *b, struct err *e)
{
    struct round warm = { 0 };
    int rc = begin(b, e);

    if (rc == 0)
        rc = measure_acked(b, &warm, e);
    for (uint32_t i = 0; rc == 0 && i < b->rounds; i++) {
        rc = measure_told(b, &b->round[i], e);
        if (rc == 0)
            rc = measure_acked(b, &b->round[i], e);
    }
    return rc < 0 ? rc : measure_all_off(b, e);
}

/* ---- figures --------------------------------------------------------------------------------- */

enum figure { LIMIT, OURS, LIMIT_ACKED, ACKED, CPU, RATIO, RATIO_ACKED, FIGURES };

static double figure(const struct bench *b, enum figure f)
{
    double v[MOST_ROUNDS];

    for (uint32_t i = 0; i < b->rounds; i++) {
        const struct round *r = &b->round[i];
        const double all[FIGURES] = { r->limit,
                                      r->ours,
                                      r->limit_acked,
                                      r->acked,
                                      r->cpu,
                                      r->ours / r->limit,
                                      r->acked / r->limit_acked };

        v[i] = all[f];
    }
    return median(v, b->rounds);
}

/* All that are off were told of, and nobody else. */
static bool is_told(const struct bench *b, const struct off *o)
{
    char text[64];

    snprintf(text, sizeof text, "; %u nodes are current, %u behind.", b->nodes - b->off, b->off);
    return o->silent == b->off && o->current == b->nodes - b->off && strstr(o->text, text) != NULL;
}

static void print_off(const struct bench *b, const char *name, const struct off *o)
{
    printf(
        "  %-34s all others current after %8.1f ms, the task over after %6.2f s; told as behind: "
        "%llu of %u%s\n",
        name, o->acked * 1e3, o->over, (unsigned long long)o->silent, b->off,
        is_told(b, o) ? "" : " (WRONG)");
    if (!is_told(b, o))
        printf("    %s\n", o->text);
}

static bool print_text(const struct bench *b)
{
    bool met = figure(b, RATIO) <= TARGET;
    double load[1] = { 0 };

    getloadavg(load, 1);
    printf("P7 a change of a volume group comes to %u nodes: %u rounds, messages of %zu bytes, "
           "answers of %zu; CURVE on loopback, nodes on the same %ld processors, load %.1f; "
           "medians\n",
           b->nodes, b->rounds, b->message.n, b->answer.n, sysconf(_SC_NPROCESSORS_ONLN), load[0]);
    printf("  %-34s %8.1f ms\n", "limit  bare ROUTER, all are told", figure(b, LIMIT) * 1e3);
    printf("  %-34s %8.1f ms   ratio %6.2f   (target %.1f: %s)\n", "ours   all are told",
           figure(b, OURS) * 1e3, figure(b, RATIO), TARGET, met ? "met" : "missed");
    printf("  %-34s %8.1f ms\n", "limit  bare ROUTER, all answer", figure(b, LIMIT_ACKED) * 1e3);
    printf("  %-34s %8.1f ms   ratio %6.2f   coordinator's processor time %.1f us a node\n",
           "ours   all have looked, durable", figure(b, ACKED) * 1e3, figure(b, RATIO_ACKED),
           figure(b, CPU) * 1e6 / b->nodes);
    print_off(b, "1 % off, just now", &b->just_now);
    print_off(b, "1 % off, and known to be down", &b->known);
    if (b->raw.repeated > 0)
        printf("  %u rounds of the limit were made again: not all messages had come in time\n",
               b->raw.repeated);
    printf("  all nodes connected, enrolled and registered in %.2f s\n", b->connected);
    return met && is_told(b, &b->just_now) && is_told(b, &b->known);
}

static void print_json(const struct bench *b, FILE *f)
{
    fprintf(f,
            "{\"benchmark\":\"propagate\",\"nodes\":%u,\"rounds\":%u,\"message_bytes\":%zu,"
            "\"limit_ms\":%.2f,\"ours_ms\":%.2f,\"ratio\":%.3f,\"limit_acked_ms\":%.2f,"
            "\"acked_ms\":%.2f,\"ratio_acked\":%.3f,\"cpu_us_a_node\":%.2f,\"off\":%u,"
            "\"off_just_now\":{\"acked_ms\":%.2f,\"over_s\":%.2f,\"told\":%s},"
            "\"off_known\":{\"acked_ms\":%.2f,\"over_s\":%.2f,\"told\":%s},"
            "\"registered_s\":%.2f}\n",
            b->nodes, b->rounds, b->message.n, figure(b, LIMIT) * 1e3, figure(b, OURS) * 1e3,
            figure(b, RATIO), figure(b, LIMIT_ACKED) * 1e3, figure(b, ACKED) * 1e3,
            figure(b, RATIO_ACKED), figure(b, CPU) * 1e6 / b->nodes, b->off,
            b->just_now.acked * 1e3, b->just_now.over, is_told(b, &b->just_now) ? "true" : "false",
            b->known.acked * 1e3, b->known.over, is_told(b, &b->known) ? "true" : "false",
            b->connected);
}

static bool write_json(const struct bench *b)
{
    FILE *f = b->json == NULL ? NULL : fopen(b->json, "we");

    if (b->json == NULL)
        return true;
    if (f != NULL)
        print_json(b, f);
    if (f != NULL && fclose(f) == 0)
        return true;
    fprintf(stderr, "bench-propagate: %s cannot be written: %m\n", b->json);
    return false;
}

/* ---- what to do ------------------------------------------------------------------------------ */

static const char usage[] =
    "bench-propagate --coordinator PATH-TO-muster-coordinator [--nodes N] [--rounds R]\n"
    "                [--down-ms MS] [--json FILE]\n";

static bool options(struct bench *b, int argc, char **argv)
{
    static const struct option list[] = {
        { "coordinator", 1, NULL, 'c' }, { "nodes", 1, NULL, 'n' }, { "rounds", 1, NULL, 'r' },
        { "down-ms", 1, NULL, 'd' },     { "json", 1, NULL, 'j' },  { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:n:r:", list, NULL)) != -1) {
        if (c == 'c')
            b->program = optarg;
        else if (c == 'n')
            b->nodes = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'r')
            b->rounds = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'd')
            b->down_ms = optarg;
        else if (c == 'j')
            b->json = optarg;
        else
            return false;
    }
    b->off = (b->nodes + 99) / 100;
    return optind == argc && b->program != NULL && b->nodes > 1 && b->nodes <= LIMIT_NODES &&
           b->rounds > 0 && b->rounds <= MOST_ROUNDS;
}

static void one_group(struct bench *b)
{
    struct fleet_shape *s = &b->options.shape;

    fleet_shape_usual(s);
    s->group = b->nodes;
    s->filesystems = 0;
    s->nics = 2;
    s->vlans = 0;
    s->bad_per_mille = 0;
    b->options.nodes = b->nodes;
    b->options.heartbeat_ms = DEFAULT_HEARTBEAT_MS;
    b->options.watch = on_message;
    b->options.watcher = b;
}

int main(int argc, char **argv)
{
    static struct bench b = { .nodes = 300, .rounds = 5 };
    struct err e = { "" };
    struct rlimit files;
    bool good;

    if (!options(&b, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    one_group(&b);
    good = measure(&b, &e) == 0;
    if (good) {
        good = print_text(&b);
        good = write_json(&b) && good;
    } else {
        fprintf(stderr, "bench-propagate: %s\n", e.text);
    }
    end(&b);
    return good ? 0 : 1;
}
