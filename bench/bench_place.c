/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P4: where something can run, of a large fleet in the real core, against SQLite on the same
 * matrix.
 *
 * eligible  the nodes that see all of eight resources and may be placed on (place_begin() and
 *           place_eligible(), each time anew), against the fastest of several forms of SQL
 * masks     what is against each node of the fleet (place_begin() and place_masks())
 * first     as eligible, when nobody has asked about the resources before: their sets are made by
 *           walks over their edges
 * answer    the whole operation, its names looked up, with sentences for 20 nodes of each kind; not
 *           encoded
 *
 * Questions: of storage that 1,000 nodes see; of a guest, four networks that all see and four LUNs
 * of 1,000; of LUNs of two groups, which no node sees together; of networks that half of the nodes
 * see, which is what masks take longest for. All in the processor time of one thread, rounds in
 * turn, medians. What both sides find is compared.
 *
 * Text on stdout; --json FILE besides. Exits 1 when a target is missed. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bits.h"
#include "core/core_internal.h"
#include "core/place.h"
#include "fleet_gen_internal.h"
#include "large.h"
#include "net/net.h"
#include "place_sql.h"

enum { NODES_A_BATCH = 32, FULL = 4, HALF = 8, GROUPS = 10, MOST_ROUNDS = 99 };
enum { OURS_TIMES = 2000, MASK_TIMES = 200, FIRST_TIMES = 20, ANSWER_TIMES = 20 };
#define SQL_LEAST_S 0.02 /* of each form in a round */
#define FASTER      300.0
#define MASKS_US    100.0

enum { ELIGIBLE, MASKS, FIRST, ANSWER, SQL, FIGURES = SQL + SQL_FORMS };

struct question {
    const char *name;
    struct resource *needs[SQL_NEEDS];
    uint64_t eligible;
    double us[FIGURES][MOST_ROUNDS];
};

struct bench {
    struct large l;
    struct place_sql *sql;
    uint64_t edges;
    size_t rounds;
    const char *json;
    struct question q[4];
};

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ---- the fleet ------------------------------------------------------------------------------ */

static int batch_end(struct large *l)
{
    int rc = coord_end_batch(l->coord, &l->update);

    coord_update_deinit(&l->update);
    return rc;
}

static int load(struct bench *b)
{
    struct coord_event ev = { .type = COORD_LOADED };
    struct node_row *nodes = calloc(b->l.nodes, sizeof *nodes);
    struct key_row *keys = calloc(b->l.nodes, sizeof *keys);
    struct start_row starts[1];
    struct stored image = { .nodes = nodes,
                            .node_count = b->l.nodes,
                            .keys = keys,
                            .key_count = b->l.nodes,
                            .starts = starts };
    int rc = nodes == NULL || keys == NULL ? -ENOMEM : large_core(&b->l);

    large_begin(&b->l);
    for (uint32_t i = 0; rc == 0 && i < b->l.nodes; i++)
        large_rows(&b->l, i, &nodes[i], &keys[i]);
    image.meta.next_node_no = b->l.nodes + 1;
    image.meta.next_resource_no = 1;
    ev.loaded.image = &image;
    ev.loaded.first = true;
    random_bytes(&ev.loaded.nonce, sizeof ev.loaded.nonce);
    if (rc == 0)
        rc = large_step(&b->l, &ev);
    if (rc == 0)
        rc = batch_end(&b->l);
    free(nodes);
    free(keys);
    return rc;
}

static int define(struct bench *b, const char *name, uint64_t vlan, struct strs matches)
{
    struct coord_event ev = { .type = COORD_CLIENT_REQUEST, .local = true };
    struct request req = { 0 };
    int rc;

    REC_SET(&req, request, version, PROTOCOL_VERSION);
    REC_SET(&req, request, op, OP_NETWORK_DEFINE);
    REC_SET(&req, request, name, name);
    REC_SET(&req, request, vlan, vlan);
    REC_SET(&req, request, matches, matches);
    ev.request = &req;
    large_begin(&b->l);
    rc = large_step(&b->l, &ev);
    return rc < 0 ? rc : batch_end(&b->l);
}

/* Four networks that all nodes see, and eight that those see whose number is even. */
static int define_all(struct bench *b)
{
    static const char *const all[] = { "*/bond*" };
    static const char *const half[] = { "*0/bond*", "*2/bond*", "*4/bond*", "*6/bond*",
                                        "*8/bond*" };
    char name[16];
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < FULL + HALF; i++) {
        snprintf(name, sizeof name, i < FULL ? "all-%u" : "half-%u", i);
        rc = define(b, name, 100 + i,
                    i < FULL ? (struct strs){ all, 1 } : (struct strs){ half, ARRAY_LEN(half) });
    }
    return rc;
}

static int fill(struct bench *b)
{
    int rc = load(b);

    if (rc == 0)
        rc = define_all(b);
    for (uint32_t i = 0; rc == 0 && i < b->l.nodes;) {
        large_begin(&b->l);
        do
            rc = rc == 0 ? large_report(&b->l, i) : rc;
        while (++i % NODES_A_BATCH != 0 && i < b->l.nodes);
        if (rc == 0)
            rc = batch_end(&b->l);
    }
    return rc;
}

/* The same for SQLite. */
static int copy(struct bench *b, struct err *e)
{
    const struct coord *c = b->l.coord;
    int rc = 0;

    b->sql = place_sql_new(e);
    if (b->sql == NULL)
        return -EIO;
    for (size_t i = 0; rc == 0 && i < c->node_count; i++) {
        const struct node *n = c->nodes[i];

        rc = place_sql_node(b->sql, n->row.no, is_placeable(n), e);
        for (uint32_t k = 0; rc == 0 && k < n->edge_count; k++) {
            rc =
                place_sql_edge(b->sql, n->edges[k]->resource->no, n->row.no, n->edges[k]->shown, e);
            b->edges++;
        }
    }
    return rc < 0 ? rc : place_sql_ready(b->sql, e);
}

/* ---- the questions -------------------------------------------------------------------------- */

static struct resource *lun(struct bench *b, uint32_t group, uint32_t i)
{
    return resource_by_text(b->l.coord, fleet_wwid(&b->l.shape, group, i, b->l.arena));
}

static struct resource *net(struct bench *b, unsigned i)
{
    char name[16];

    snprintf(name, sizeof name, i < FULL ? "all-%u" : "half-%u", i);
    return resource_by_text(b->l.coord, name);
}

/* Those that fewest see come first, which helps a join. */
static int questions(struct bench *b)
{
    static const char *const names[] = { "storage", "guest", "nowhere", "half" };

    for (unsigned i = 0; i < SQL_NEEDS; i++) {
        bool first = i < SQL_NEEDS / 2;

        b->q[0].needs[i] = lun(b, 0, i);
        b->q[1].needs[i] = first ? lun(b, 0, i) : net(b, i - SQL_NEEDS / 2);
        b->q[2].needs[i] = lun(b, first ? 0 : 1, i);
        b->q[3].needs[i] = net(b, FULL + i);
    }
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        b->q[k].name = names[k];
        for (size_t i = 0; i < SQL_NEEDS; i++) {
            if (b->q[k].needs[i] == NULL)
                return -ENOENT;
        }
    }
    return 0;
}

/* ---- both sides ----------------------------------------------------------------------------- */

static void ask(struct bench *b, struct question *q, uint64_t *set)
{
    struct place p;

    if (place_begin(&p, b->l.coord, b->l.arena, q->needs, SQL_NEEDS) < 0)
        abort();
    q->eligible = place_eligible(&p, set);
}

static double time_eligible(struct bench *b, struct question *q, uint64_t *set)
{
    double at = cpu_us();

    for (size_t i = 0; i < OURS_TIMES; i++)
        ask(b, q, set);
    return (cpu_us() - at) / OURS_TIMES;
}

static double time_first(struct bench *b, struct question *q, uint64_t *set)
{
    double took = 0;

    for (size_t i = 0; i < FIRST_TIMES; i++) {
        double at;

        seers_drop_all(b->l.coord);
        at = cpu_us();
        ask(b, q, set);
        took += cpu_us() - at;
    }
    return took / FIRST_TIMES;
}

static double time_masks(struct bench *b, struct question *q, uint64_t *masks)
{
    double at = cpu_us();

    for (size_t i = 0; i < MASK_TIMES; i++) {
        struct place p;

        if (place_begin(&p, b->l.coord, b->l.arena, q->needs, SQL_NEEDS) < 0)
            abort();
        place_masks(&p, masks);
    }
    return (cpu_us() - at) / MASK_TIMES;
}

static double time_answer(struct bench *b, const struct question *q)
{
    struct coord_event ev = { .type = COORD_CLIENT_REQUEST, .local = true };
    const char *needs[SQL_NEEDS];
    struct request req = { 0 };
    double took = 0;

    for (size_t i = 0; i < SQL_NEEDS; i++)
        needs[i] = resource_key(b->l.arena, q->needs[i]);
    REC_SET(&req, request, version, PROTOCOL_VERSION);
    REC_SET(&req, request, op, OP_PLACE);
    REC_SET(&req, request, resources, ((struct strs){ needs, SQL_NEEDS }));
    REC_SET(&req, request, limit, 20);
    ev.request = &req;
    for (size_t i = 0; i < ANSWER_TIMES; i++) {
        double at = cpu_us();

        coord_update_init(&b->l.update, b->l.arena);
        if (large_step(&b->l, &ev) < 0 || b->l.update.messages->reply->code != REPLY_OK)
            abort();
        coord_update_deinit(&b->l.update);
        took += cpu_us() - at;
    }
    return took / ANSWER_TIMES;
}

static uint64_t numbers_of(const struct bench *b, const uint64_t *set)
{
    const struct coord *c = b->l.coord;
    uint64_t sum = 0;

    for (size_t i = 0; i < c->node_count; i++)
        sum += bits_has(set, c->nodes[i]->slot) ? c->nodes[i]->row.no : 0;
    return sum;
}

/* The same nodes have to be found. */
static int time_sql(struct bench *b, struct question *q, size_t form, uint64_t sum, double *us,
                    struct err *e)
{
    uint32_t numbers[SQL_NEEDS];
    uint64_t found, of_found;
    double at, took = 0;
    size_t times = 0;

    for (size_t i = 0; i < SQL_NEEDS; i++)
        numbers[i] = q->needs[i]->no;
    at = cpu_us();
    while (took < SQL_LEAST_S * 1e6) {
        int rc = place_sql_ask(b->sql, form, numbers, &found, &of_found, e);

        if (rc < 0)
            return rc;
        times++;
        took = cpu_us() - at;
    }
    *us = took / (double)times;
    if (found == q->eligible && of_found == sum)
        return 0;
    return err_set(e, -EINVAL, "%s by %s: SQL finds %llu nodes and the core %llu, or others",
                   q->name, place_sql_forms[form], (unsigned long long)found,
                   (unsigned long long)q->eligible);
}

static int round_of(struct bench *b, struct question *q, size_t round, struct err *e)
{
    size_t words = bits_words(b->l.coord->slot_cap);
    uint64_t *set = calloc(words, sizeof *set), *masks = calloc(words * BITS_A_WORD, sizeof *masks);
    uint64_t sum;
    int rc = set == NULL || masks == NULL ? -ENOMEM : 0;

    large_begin(&b->l);
    if (rc == 0) {
        q->us[FIRST][round] = time_first(b, q, set);
        q->us[ELIGIBLE][round] = time_eligible(b, q, set);
        q->us[MASKS][round] = time_masks(b, q, masks);
        q->us[ANSWER][round] = time_answer(b, q);
        sum = numbers_of(b, set);
    }
    for (size_t form = 0; rc == 0 && form < SQL_FORMS; form++)
        rc = time_sql(b, q, form, sum, &q->us[SQL + form][round], e);
    free(set);
    free(masks);
    return rc;
}

/* ---- what is told --------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const struct bench *b, const struct question *q, int figure)
{
    double v[MOST_ROUNDS];

    memcpy(v, q->us[figure], b->rounds * sizeof *v);
    qsort(v, b->rounds, sizeof *v, by_size);
    return b->rounds % 2 == 1 ? v[b->rounds / 2] : (v[b->rounds / 2 - 1] + v[b->rounds / 2]) / 2;
}

static int best_form(const struct bench *b, const struct question *q)
{
    int best = SQL;

    for (int i = SQL + 1; i < FIGURES; i++) {
        if (median(b, q, i) < median(b, q, best))
            best = i;
    }
    return best;
}

static double ratio(const struct bench *b, const struct question *q)
{
    return median(b, q, best_form(b, q)) / median(b, q, ELIGIBLE);
}

static double load_of(void)
{
    double v = 0;

    return getloadavg(&v, 1) == 1 ? v : -1;
}

static bool tell(const struct bench *b, FILE *json)
{
    bool met = true;

    printf(
        "%llu edges of %u nodes, %zu rounds in turn, medians, us of one thread's processor time; "
        "load %.1f\n\n",
        (unsigned long long)b->edges, b->l.nodes, b->rounds, load_of());
    printf("%8s %9s %12s %10s %10s %8s %10s %10s %10s\n", "question", "eligible", "best SQL", "us",
           "ours us", "ratio", "masks us", "first us", "answer us");
    if (json != NULL)
        fprintf(json,
                "{\"benchmark\":\"place\",\"edges\":%llu,\"nodes\":%u,\"rounds\":%zu,\"load\":%.1f,"
                "\"questions\":[",
                (unsigned long long)b->edges, b->l.nodes, b->rounds, load_of());
    for (size_t k = 0; k < ARRAY_LEN(b->q); k++) {
        const struct question *q = &b->q[k];
        int best = best_form(b, q);

        met = met && ratio(b, q) >= FASTER && median(b, q, MASKS) <= MASKS_US;
        printf("%8s %9llu %12s %10.1f %10.3f %8.0f %10.1f %10.1f %10.0f\n", q->name,
               (unsigned long long)q->eligible, place_sql_forms[best - SQL], median(b, q, best),
               median(b, q, ELIGIBLE), ratio(b, q), median(b, q, MASKS), median(b, q, FIRST),
               median(b, q, ANSWER));
        if (json != NULL)
            fprintf(json,
                    "%s\n{\"question\":\"%s\",\"eligible\":%llu,\"sql\":\"%s\",\"sql_us\":%.2f,"
                    "\"ours_us\":%.3f,\"ratio\":%.1f,\"masks_us\":%.2f,\"first_us\":%.1f,"
                    "\"answer_us\":%.1f}",
                    k > 0 ? "," : "", q->name, (unsigned long long)q->eligible,
                    place_sql_forms[best - SQL], median(b, q, best), median(b, q, ELIGIBLE),
                    ratio(b, q), median(b, q, MASKS), median(b, q, FIRST), median(b, q, ANSWER));
    }
    if (json != NULL)
        fprintf(json, "\n]}\n");
    printf("\ntargets: each ratio at least %.0f, masks at most %.0f us: %s\n", FASTER, MASKS_US,
           met ? "met" : "missed");
    return met;
}

static void tell_forms(const struct bench *b)
{
    printf("\nSQL by form, us:");
    for (size_t k = 0; k < ARRAY_LEN(b->q); k++) {
        printf("\n%8s", b->q[k].name);
        for (int i = 0; i < SQL_FORMS; i++)
            printf("  %s %.1f", place_sql_forms[i], median(b, &b->q[k], SQL + i));
    }
    printf("\n");
}

/* ---- main ----------------------------------------------------------------------------------- */

static int number(const char *text, unsigned long most, unsigned long *out)
{
    char *end;

    *out = strtoul(text, &end, 10);
    return *end == '\0' && *out > 0 && *out <= most ? 0 : -1;
}

static int parse(int argc, char **argv, struct bench *b)
{
    static const struct option options[] = { { "json", required_argument, NULL, 'j' },
                                             { "nodes", required_argument, NULL, 'n' },
                                             { "rounds", required_argument, NULL, 'r' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    unsigned long v;
    int c;

    while ((c = getopt_long(argc, argv, "n:r:h", options, NULL)) != -1) {
        if (c == 'j')
            b->json = optarg;
        else if (c == 'n' && number(optarg, LIMIT_NODES, &v) == 0 && v >= GROUPS)
            b->l.nodes = (uint32_t)v;
        else if (c == 'r' && number(optarg, MOST_ROUNDS, &v) == 0)
            b->rounds = v;
        else
            return -1;
    }
    return optind == argc ? 0 : -1;
}

static int measure(struct bench *b, struct err *e)
{
    int rc = fill(b);

    if (rc == 0)
        rc = copy(b, e);
    large_begin(&b->l);
    if (rc == 0)
        rc = questions(b);
    for (size_t round = 0; rc == 0 && round < b->rounds; round++) {
        for (size_t k = 0; rc == 0 && k < ARRAY_LEN(b->q); k++)
            rc = round_of(b, &b->q[k], round, e);
    }
    return rc;
}

static bool report(const struct bench *b)
{
    FILE *json = b->json != NULL ? fopen(b->json, "w") : NULL;
    bool met = tell(b, json);

    tell_forms(b);
    if (b->json != NULL && (json == NULL || fclose(json) != 0)) {
        fprintf(stderr, "bench-place: %s cannot be written\n", b->json);
        return false;
    }
    return met;
}

int main(int argc, char **argv)
{
    static struct bench b = { .l.nodes = 10000, .rounds = 7 };
    struct err e = { "" };
    bool met = false;
    int rc;

    if (parse(argc, argv, &b) != 0) {
        fputs("Usage: bench-place [--nodes N] [--rounds N] [--json FILE]\n", stderr);
        return 2;
    }
    fleet_shape_usual(&b.l.shape);
    b.l.shape.vgs = b.l.shape.bad_per_mille = 0;
    b.l.shape.vlans = FULL + HALF;
    b.l.shape.filesystems = 43; /* with their LUNs, the VLANs and two bonds 100 edges a node */
    b.l.shape.paths = 1;
    b.l.shape.group = b.l.nodes / GROUPS;
    b.l.arena = arena_new(0);
    rc = b.l.arena == NULL ? -ENOMEM : measure(&b, &e);
    if (rc == 0)
        met = report(&b);
    else
        fprintf(stderr, "bench-place: %s\n", e.text[0] != '\0' ? e.text : strerror(-rc));
    place_sql_free(b.sql);
    coord_free(b.l.coord);
    arena_free(b.l.arena);
    return met ? 0 : 1;
}
