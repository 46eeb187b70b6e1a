/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "account.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "wire/codec.h"

enum { TIMES = 256, MOST_PRINTED = 20, NOTES = 600, NOTE = 200 };

static const mono_ms never = { INT64_MAX };

/* A request for a lease, and what became of it. */
struct ask {
    uint64_t request, token; /* token 0: no grant of it was received */
    uint64_t start_no;
    uuid128 resource;
    int64_t ttl_ms;
    mono_ms sent, arrived;
    mono_ms counts_from; /* what was answered last: the request, or a renewal */
    mono_ms freed;       /* since its node has said that others may scan: over, or residue */
    uint32_t node;
    bool over, listed;
};

struct start {
    uuid128 nonce;
    uint64_t no, least, most, floor; /* tokens: of its own grants, and the most of those before */
    mono_ms spawned, killed;
};

struct node {
    uuid128 id;
    uint64_t start_no, token; /* of the newest grant */
    size_t *open;             /* asks that are not over */
    size_t open_n, open_room;
    struct {
        uint64_t seq;
        mono_ms sent;
    } times[TIMES];
};

struct account {
    struct node *nodes;
    uint32_t node_n;
    struct ask *asks;
    size_t ask_n, ask_room;
    size_t *granted; /* in the order of their arrival */
    size_t granted_n, granted_room;
    size_t unlisted_from; /* all before have been looked for */
    struct start *starts;
    size_t start_n, start_room;
    mono_ms spawned;
    struct account_counts counts;
    unsigned printed;
    char (*notes)[NOTE]; /* what was said and heard last, for who reads of a fault */
    uint64_t note_n;
};

static const char *const fault_names[] = {
    [FAULT_LOST] = "lost",   [FAULT_DIFFERS] = "differs", [FAULT_OVER] = "over",
    [FAULT_TOKEN] = "token", [FAULT_TWO] = "two",         [FAULT_MODE] = "mode",
};

const char *account_fault_name(enum account_fault f)
{
    return fault_names[f];
}

__attribute__((format(printf, 2, 3))) static void note(struct account *a, const char *text, ...)
{
    va_list args;

    va_start(args, text);
    vsnprintf(a->notes[a->note_n++ % NOTES], NOTE, text, args);
    va_end(args);
}

static void print_notes(const struct account *a)
{
    uint64_t i = a->note_n > NOTES ? a->note_n - NOTES : 0;

    for (; i < a->note_n; i++)
        fprintf(stderr, "  %s\n", a->notes[i % NOTES]);
}

__attribute__((format(printf, 3, 4))) static void fault(struct account *a, enum account_fault f,
                                                        const char *text, ...)
{
    va_list args;

    a->counts.faults[f]++;
    if (a->printed++ >= MOST_PRINTED)
        return;
    if (a->printed == 1)
        print_notes(a);
    fprintf(stderr, "%s: ", fault_names[f]);
    va_start(args, text);
    vfprintf(stderr, text, args);
    va_end(args);
    fputc('\n', stderr);
}

/* Room for one more; a test without memory has no verdict. */
static void *grown(void *v, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return v;
    *room = *room == 0 ? 64 : 2 * *room;
    v = realloc(v, *room * size);
    if (v == NULL)
        abort();
    return v;
}

struct account *account_new(const uuid128 *ids, uint32_t nodes)
{
    struct account *a = calloc(1, sizeof *a);

    if (a == NULL)
        return NULL;
    a->nodes = calloc(nodes, sizeof *a->nodes);
    a->notes = calloc(NOTES, NOTE);
    if (a->nodes == NULL || a->notes == NULL) {
        account_free(a);
        return NULL;
    }
    a->node_n = nodes;
    for (uint32_t i = 0; i < nodes; i++)
        a->nodes[i].id = ids[i];
    return a;
}

void account_free(struct account *a)
{
    if (a == NULL)
        return;
    for (uint32_t i = 0; i < a->node_n; i++)
        free(a->nodes[i].open);
    free(a->nodes);
    free(a->notes);
    free(a->asks);
    free(a->granted);
    free(a->starts);
    free(a);
}

void account_killed(struct account *a, mono_ms now)
{
    if (a->start_n > 0 && a->starts[a->start_n - 1].killed.v == never.v)
        a->starts[a->start_n - 1].killed = now;
}

void account_spawned(struct account *a, mono_ms now)
{
    note(a, "%" PRId64 " the coordinator is started", now.v);
    a->spawned = now;
}

/* ---- what nodes say ------------------------------------------------------------------------- */

static const struct recs *list_of(const struct envelope *env)
{
    if (env->node_register != NULL)
        return &env->node_register->rights;
    if (env->heartbeat != NULL)
        return &env->heartbeat->rights;
    if (env->lease_request != NULL)
        return &env->lease_request->rights;
    if (env->lease_renew != NULL)
        return &env->lease_renew->rights;
    return env->scan_result != NULL ? &env->scan_result->rights : NULL;
}

static const struct right *named(const struct recs *rights, uint64_t request)
{
    const struct right *v = rights->v;

    for (size_t i = 0; i < rights->n; i++) {
        if (v[i].request == request)
            return &v[i];
    }
    return NULL;
}

/* A message that names rights, or asks for one. */
static void note_list(struct account *a, uint32_t node, const struct envelope *env,
                      const struct recs *rights, mono_ms now)
{
    const struct right *v = rights->v;
    char list[NOTE / 2] = "";
    size_t n = 0;

    for (size_t i = 0; i < rights->n && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, " %" PRIu64 "%c", v[i].request,
                              "?ahr"[v[i].state & 3]);
    note(a, "%" PRId64 " node %u says %s %" PRIu64 ":%s", now.v, node,
         env->node_register != NULL   ? "register"
         : env->heartbeat != NULL     ? "heartbeat"
         : env->lease_request != NULL ? "request"
         : env->lease_renew != NULL   ? "renew"
                                      : "result",
         env->seq, list);
}

static void said(struct account *a, struct node *n, const struct recs *rights, mono_ms now)
{
    size_t kept = 0;

    for (size_t i = 0; i < n->open_n; i++) {
        struct ask *x = &a->asks[n->open[i]];
        const struct right *r = named(rights, x->request);

        if ((r == NULL || r->state == RIGHT_RESIDUE) && x->freed.v == never.v)
            x->freed = now;
        x->over = r == NULL;
        a->counts.ended += x->over && x->token != 0;
        if (!x->over)
            n->open[kept++] = n->open[i];
    }
    n->open_n = kept;
}

static void asked(struct account *a, uint32_t node, const struct envelope *env, mono_ms now)
{
    struct node *n = &a->nodes[node];
    struct ask x = { .request = env->seq, .node = node, .sent = now, .freed = never };

    wire_uuid(env->lease_request->resource, &x.resource);
    a->asks = grown(a->asks, a->ask_n, &a->ask_room, sizeof *a->asks);
    n->open = grown(n->open, n->open_n, &n->open_room, sizeof *n->open);
    n->open[n->open_n++] = a->ask_n;
    a->asks[a->ask_n++] = x;
    a->counts.asked++;
}

void account_sent(struct account *a, uint32_t node, const struct envelope *env, mono_ms now)
{
    struct node *n = &a->nodes[node];
    const struct recs *rights = list_of(env);

    n->times[env->seq % TIMES].seq = env->seq;
    n->times[env->seq % TIMES].sent = now;
    if (rights != NULL) {
        note_list(a, node, env, rights, now);
        said(a, n, rights, now);
    }
    if (env->lease_request != NULL)
        asked(a, node, env, now);
}

/* ---- what nodes hear ------------------------------------------------------------------------ */

static struct start *start_of(struct account *a, struct bytes nonce)
{
    uuid128 id;

    if (!wire_uuid(nonce, &id))
        return NULL;
    for (size_t i = a->start_n; i-- > 0;) {
        if (uuid_eq(a->starts[i].nonce, id))
            return &a->starts[i];
    }
    return NULL;
}

static void heard_start(struct account *a, const struct memory *m)
{
    struct start s = {
        .no = m->start_no, .least = UINT64_MAX, .spawned = a->spawned, .killed = never
    };

    if (start_of(a, m->nonce) != NULL || !wire_uuid(m->nonce, &s.nonce))
        return;
    for (size_t i = 0; i < a->start_n; i++)
        s.floor = a->starts[i].most > s.floor ? a->starts[i].most : s.floor;
    if (a->start_n > 0 && s.no <= a->starts[a->start_n - 1].no)
        fault(a, FAULT_TOKEN, "start %" PRIu64 " comes after start %" PRIu64, s.no,
              a->starts[a->start_n - 1].no);
    account_killed(a, s.spawned); /* the one before, if nobody has said so */
    a->starts = grown(a->starts, a->start_n, &a->start_room, sizeof *a->starts);
    a->starts[a->start_n++] = s;
    a->counts.starts++;
}

/* Between starts all tokens are in order; of one start only those of one node arrive in order. */
static void check_token(struct account *a, struct node *n, struct start *s, uint64_t token)
{
    size_t i = a->start_n;

    if (token <= s->floor)
        fault(a, FAULT_TOKEN, "%" PRIu64 " of start %" PRIu64 " is not above %" PRIu64, token,
              s->no, s->floor);
    while (i-- > 0 && &a->starts[i] != s) {
        if (token >= a->starts[i].least)
            fault(a, FAULT_TOKEN, "%" PRIu64 " of start %" PRIu64 " is not below start %" PRIu64,
                  token, s->no, a->starts[i].no);
        if (token > a->starts[i].floor)
            a->starts[i].floor = token;
    }
    if (n->start_no == s->no && token <= n->token)
        fault(a, FAULT_TOKEN, "%" PRIu64 " comes to one node after %" PRIu64, token, n->token);
    n->start_no = s->no;
    n->token = token;
    s->least = token < s->least ? token : s->least;
    s->most = token > s->most ? token : s->most;
    a->counts.highest = token > a->counts.highest ? token : a->counts.highest;
}

/* When the earlier of the two can have run out at the soonest: a start that lives for a whole TTL
 * makes residue of it, which is durable; one that does not gives the next one all of the TTL to
 * wait for. */
static mono_ms runs_out(const struct account *a, const struct ask *low, const struct ask *high)
{
    mono_ms first = never;

    for (size_t i = a->start_n; i-- > 0 && a->starts[i].no >= low->start_no;) {
        const struct start *s = &a->starts[i];
        mono_ms from = s->no > low->start_no && s->spawned.v > low->counts_from.v
                           ? s->spawned
                           : low->counts_from;

        if (s->no <= high->start_no && from.v + low->ttl_ms <= s->killed.v)
            first.v = from.v + low->ttl_ms;
    }
    return first;
}

static void check_pair(struct account *a, const struct ask *x, const struct ask *y)
{
    const struct ask *low = x->token < y->token ? x : y, *high = low == x ? y : x;
    mono_ms until = runs_out(a, low, high);

    if (low->freed.v <= high->arrived.v)
        return;
    if (until.v <= high->arrived.v) {
        a->counts.expired++;
        return;
    }
    fault(a, FAULT_TWO,
          "%" PRIu64 " of node %u is granted while %" PRIu64 " of node %u is not over and has "
          "%" PRId64 " ms",
          high->token, high->node, low->token, low->node, until.v - high->arrived.v);
}

/* Against all that might still have been held when it came: what was freed long ago cannot. */
static void check_alone(struct account *a, const struct ask *x)
{
    enum { LOOK_BACK = 2048 };
    size_t i = a->granted_n, stop = i > LOOK_BACK ? i - LOOK_BACK : 0;

    while (i-- > stop) {
        const struct ask *y = &a->asks[a->granted[i]];

        if (y != x && uuid_eq(x->resource, y->resource))
            check_pair(a, x, y);
    }
}

static struct ask *ask_by(struct account *a, uint32_t node, uint64_t request)
{
    for (size_t i = a->ask_n; i-- > 0;) {
        if (a->asks[i].node == node && a->asks[i].request <= request)
            return a->asks[i].request == request ? &a->asks[i] : NULL;
    }
    return NULL;
}

static void heard_grant(struct account *a, uint32_t node, const struct envelope *env, mono_ms now)
{
    struct start *s = start_of(a, env->start);
    struct ask *x = ask_by(a, node, env->correlation);
    uuid128 resource;

    if (s == NULL || x == NULL || x->token != 0 || !wire_uuid(env->granted->resource, &resource) ||
        !uuid_eq(resource, x->resource)) {
        fault(a, FAULT_DIFFERS, "%" PRIu64 " answers nothing that node %u has asked",
              env->granted->token, node);
        return;
    }
    x->token = env->granted->token;
    x->ttl_ms = (int64_t)env->granted->ttl_ms;
    x->start_no = s->no;
    x->arrived = now;
    x->counts_from = x->sent;
    a->granted = grown(a->granted, a->granted_n, &a->granted_room, sizeof *a->granted);
    a->granted[a->granted_n++] = (size_t)(x - a->asks);
    a->counts.granted++;
    a->counts.ended += x->over;
    check_token(a, &a->nodes[node], s, x->token);
    check_alone(a, x);
}

static void heard_renewal(struct account *a, uint32_t node, const struct envelope *env)
{
    struct node *n = &a->nodes[node];

    if (n->times[env->correlation % TIMES].seq != env->correlation)
        return;
    for (size_t i = 0; i < n->open_n; i++) {
        struct ask *x = &a->asks[n->open[i]];
        const struct right *r = named(&env->renewed->rights, x->request);

        if (r == NULL || r->state != RIGHT_HELD || x->token == 0 || r->token != x->token)
            continue;
        x->counts_from = n->times[env->correlation % TIMES].sent;
        a->counts.renewed++;
    }
}

static void note_heard(struct account *a, uint32_t node, const struct envelope *env, mono_ms now)
{
    if (env->registered != NULL)
        note(a, "%" PRId64 " node %u hears of start %" PRIu64 " to %" PRIu64, now.v, node,
             env->registered->coordinator->start_no, env->correlation);
    else if (env->granted != NULL)
        note(a, "%" PRId64 " node %u hears of token %" PRIu64 " to %" PRIu64 ", resource %02x%02x",
             now.v, node, env->granted->token, env->correlation, env->granted->resource.p[0],
             env->granted->resource.p[1]);
    else if (env->renewed != NULL || env->result_ack != NULL)
        note(a, "%" PRId64 " node %u hears of a %s to %" PRIu64, now.v, node,
             env->renewed != NULL ? "renewal" : "result", env->correlation);
    else if (env->refused != NULL)
        note(a, "%" PRId64 " node %u hears of a refusal (%" PRIu64 ") of %" PRIu64, now.v, node,
             env->refused->reason, env->correlation);
}

void account_heard(struct account *a, uint32_t node, const struct envelope *env, mono_ms now)
{
    note_heard(a, node, env, now);
    if (env->registered != NULL)
        heard_start(a, env->registered->coordinator);
    else if (env->granted != NULL)
        heard_grant(a, node, env, now);
    else if (env->renewed != NULL)
        heard_renewal(a, node, env);
}

/* ---- what the coordinator says it has granted ----------------------------------------------- */

struct row {
    uint64_t token;
    const struct lease_info *info;
};

static int by_token(const void *p, const void *q)
{
    const struct row *x = p, *y = q;

    return x->token < y->token ? -1 : x->token > y->token;
}

static struct row *sorted(const struct recs *leases)
{
    struct row *v = calloc(leases->n + 1, sizeof *v);
    const struct lease_info *info = leases->v;

    if (v == NULL)
        abort();
    for (size_t i = 0; i < leases->n; i++)
        v[i] = (struct row){ strtoull(info[i].token, NULL, 10), &info[i] };
    qsort(v, leases->n, sizeof *v, by_token);
    return v;
}

static void check_row(struct account *a, struct ask *x, const struct row *row)
{
    uuid128 node, resource;

    if (row == NULL) {
        fault(a, FAULT_LOST, "%" PRIu64 " of start %" PRIu64 ", which node %u has received",
              x->token, x->start_no, x->node);
    } else if (!uuid128_parse(row->info->node, &node) ||
               !uuid128_parse(row->info->resource, &resource) ||
               !uuid_eq(node, a->nodes[x->node].id) || !uuid_eq(resource, x->resource)) {
        fault(a, FAULT_DIFFERS, "%" PRIu64 " of node %u is for node %s and resource %s", x->token,
              x->node, row->info->node, row->info->resource);
    } else if (strcmp(row->info->state, "over") == 0 && !x->over) {
        fault(a, FAULT_OVER, "%" PRIu64 " is over (%s), which node %u has not said", x->token,
              row->info->end, x->node);
    } else {
        a->counts.listed++;
    }
    x->listed = true;
}

static bool is_in(const struct account_scope *s, const struct ask *x)
{
    return (s->node == NULL || *s->node == x->node) &&
           (s->resource == NULL || uuid_eq(*s->resource, x->resource));
}

size_t account_listed(struct account *a, const struct account_scope *scope,
                      const struct recs *leases)
{
    struct row *rows = sorted(leases);
    size_t left = 0;

    for (size_t i = a->unlisted_from; i < a->granted_n; i++) {
        struct ask *x = &a->asks[a->granted[i]];
        struct row key = { .token = x->token };

        if (x->listed || !is_in(scope, x))
            continue;
        if (x->token >= scope->lowest)
            check_row(a, x, bsearch(&key, rows, leases->n, sizeof key, by_token));
        left += !x->listed;
    }
    while (a->unlisted_from < a->granted_n && a->asks[a->granted[a->unlisted_from]].listed)
        a->unlisted_from++;
    free(rows);
    return left;
}

void account_look_again(struct account *a)
{
    for (size_t i = 0; i < a->granted_n; i++)
        a->asks[a->granted[i]].listed = false;
    a->unlisted_from = 0;
    a->counts.listed = 0;
}

void account_mode(struct account *a, const char *mode, const char *text)
{
    if (strcmp(mode, "normal") != 0)
        fault(a, FAULT_MODE, "%s: %s", mode, text == NULL ? "" : text);
}

bool account_has(const struct account *a, uint32_t node)
{
    const struct node *n = &a->nodes[node];

    for (size_t i = 0; i < n->open_n; i++) {
        const struct ask *x = &a->asks[n->open[i]];

        if (x->token != 0 && x->freed.v == never.v)
            return true;
    }
    return false;
}

const struct account_counts *account_counts(const struct account *a)
{
    return &a->counts;
}

uint64_t account_faults(const struct account *a)
{
    uint64_t n = 0;

    for (int i = 0; i < FAULT_COUNT; i++)
        n += a->counts.faults[i];
    return n;
}
