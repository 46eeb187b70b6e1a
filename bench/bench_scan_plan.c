/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P5: how long a scan of a whole fleet takes, against the number of servers.
 *
 * In virtual time: nothing is mounted. A job takes the time that the shape gives it
 * (tests/support/shop.c), estimates are exact unless --error says otherwise, and the scheduler is
 * the coordinator's own (core/openshop.c).
 *
 * bound   no schedule is shorter: the longest of one filesystem by all who see it, one server's
 *         work by slot, one job
 * ours    each server reads each filesystem that it sees (mode every)
 * mutex   all servers at once, in the same order; who finds a filesystem taken waits for it
 * serial  one server after the other
 * once    ours, when each filesystem is read by one server (mode once); `once_bound`: of all
 *         schedules of that
 *
 * Text on stdout; --json FILE and --svg FILE besides. Exits 1 when ours is over its target. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shop.h"

enum { MOST_ROWS = 16 };
enum { BOUND, OURS, MUTEX, SERIAL, ONCE, ONCE_BOUND, COLUMNS };

static const char *const column_names[COLUMNS] = { "bound",  "ours", "mutex",
                                                   "serial", "once", "once_bound" };
static const char *const column_colours[COLUMNS] = { "#888888", "#0072b2", "#d55e00",
                                                     "#cc79a7", "#009e73", "#bbbbbb" };

struct row {
    uint32_t servers;
    uint64_t ms[COLUMNS];
    double us_a_job; /* of the processor, in all of the trial */
};

struct bench {
    enum shop_shape shape;
    uint32_t filesystems, slots, most_servers, error_percent;
    uint64_t seed;
    const char *json, *svg;
    struct row rows[MOST_ROWS];
    size_t count;
};

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool measure(struct bench *b, uint32_t servers)
{
    struct shop_faults f = { .error_percent = b->error_percent };
    struct row *r = &b->rows[b->count++];
    struct shop_result every, once;
    struct shop s;
    double start;

    shop_make(&s, b->shape, servers, b->filesystems, b->slots, b->seed);
    r->servers = servers;
    start = cpu_s();
    every = shop_openshop(&s, false, &f, b->seed, false);
    r->us_a_job = (cpu_s() - start) * 1e6 / (double)every.jobs;
    once = shop_openshop(&s, true, &f, b->seed, false);
    r->ms[BOUND] = shop_bound(&s);
    r->ms[OURS] = every.makespan_ms;
    r->ms[MUTEX] = shop_mutex(&s);
    r->ms[SERIAL] = shop_serial(&s);
    r->ms[ONCE] = once.makespan_ms;
    r->ms[ONCE_BOUND] = shop_bound_once(&s);
    shop_free(&s);
    return every.left + every.overlaps + once.left + once.overlaps == 0;
}

static double target(const struct bench *b, const struct row *r)
{
    return r->servers >= 100 && b->filesystems >= 100 ? 1.02 : 1.05;
}

static double to_bound(const struct row *r, int column)
{
    return (double)r->ms[column] / (double)r->ms[BOUND];
}

/* ---- text, JSON, SVG --------------------------------------------------------------------------
 */

static void print_text(const struct bench *b)
{
    printf(
        "scan of %u filesystems (%s), %u slots a server, estimates off by up to %u %%, seed %llu, "
        "virtual time\n\n",
        b->filesystems, shop_shape_names[b->shape], b->slots, b->error_percent,
        (unsigned long long)b->seed);
    printf("%8s %11s %11s %11s %11s %11s   %s\n", "servers", "bound s", "ours s", "mutex s",
           "serial s", "once s", "of the bound: ours, mutex, serial; bound to once; us a job");
    for (size_t i = 0; i < b->count; i++) {
        const struct row *r = &b->rows[i];

        printf("%8u", r->servers);
        for (int c = 0; c < ONCE_BOUND; c++)
            printf(" %11.1f", (double)r->ms[c] / 1000);
        printf("   %6.4f %7.3f %8.2f %8.1f %6.2f\n", to_bound(r, OURS), to_bound(r, MUTEX),
               to_bound(r, SERIAL), 1 / to_bound(r, ONCE), r->us_a_job);
    }
}

static void print_json(const struct bench *b, FILE *f)
{
    fprintf(f,
            "{\"benchmark\":\"scan-plan\",\"time\":\"virtual\",\"shape\":\"%s\",\"filesystems\":%u,"
            "\"slots\":%u,\"error_percent\":%u,\"seed\":%llu,\"rows\":[",
            shop_shape_names[b->shape], b->filesystems, b->slots, b->error_percent,
            (unsigned long long)b->seed);
    for (size_t i = 0; i < b->count; i++) {
        fprintf(f, "%s\n{\"servers\":%u", i > 0 ? "," : "", b->rows[i].servers);
        for (int c = 0; c < COLUMNS; c++)
            fprintf(f, ",\"%s_ms\":%llu", column_names[c], (unsigned long long)b->rows[i].ms[c]);
        fprintf(f, ",\"ratio\":%.4f}", to_bound(&b->rows[i], OURS));
    }
    fprintf(f, "\n]}\n");
}

enum { WIDTH = 820, HEIGHT = 520, LEFT = 80, RIGHT = 120, TOP = 50, BOTTOM = 60 };
struct axes {
    double x0, x1, y0, y1; /* decimal logarithms */
};

static double at_x(const struct axes *a, double v)
{
    return LEFT + (log10(v) - a->x0) / fmax(a->x1 - a->x0, 0.001) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct axes *a, double v)
{
    return HEIGHT - BOTTOM - (log10(v) - a->y0) / (a->y1 - a->y0) * (HEIGHT - TOP - BOTTOM);
}

static void svg_grid(const struct bench *b, const struct axes *a, FILE *f)
{
    for (double e = a->y0; e <= a->y1; e++) {
        double y = at_y(a, pow(10, e));

        fprintf(f, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#dddddd'/>\n", LEFT, y,
                WIDTH - RIGHT, y);
        fprintf(f, "<text x='%d' y='%.1f' text-anchor='end'>%g s</text>\n", LEFT - 6, y + 4,
                pow(10, e - 3));
    }
    for (size_t i = 0; i < b->count; i++)
        fprintf(f, "<text x='%.1f' y='%d' text-anchor='middle'>%u</text>\n",
                at_x(a, b->rows[i].servers), HEIGHT - BOTTOM + 18, b->rows[i].servers);
    fprintf(f, "<text x='%d' y='%d' text-anchor='middle'>servers</text>\n",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 40);
    fprintf(
        f,
        "<text x='%d' y='24' font-size='15'>Time until the scan of %u filesystems (%s) is done, "
        "in virtual time</text>\n",
        LEFT, b->filesystems, shop_shape_names[b->shape]);
}

static void svg_line(const struct bench *b, const struct axes *a, int c, FILE *f)
{
    const struct row *last = &b->rows[b->count - 1];

    fprintf(f, "<polyline fill='none' stroke='%s' stroke-width='2'%s points='", column_colours[c],
            c == BOUND ? " stroke-dasharray='7 5'" : "");
    for (size_t i = 0; i < b->count; i++)
        fprintf(f, "%.1f,%.1f ", at_x(a, b->rows[i].servers), at_y(a, (double)b->rows[i].ms[c]));
    fprintf(f, "'/>\n<text x='%d' y='%.1f' fill='%s'>%s</text>\n", WIDTH - RIGHT + 8,
            at_y(a, (double)last->ms[c]) + (c == BOUND  ? 14
                                            : c == OURS ? 0
                                                        : 4),
            column_colours[c], column_names[c]);
}

static void print_svg(const struct bench *b, FILE *f)
{
    static const int drawn[] = { SERIAL, MUTEX, OURS, BOUND, ONCE };
    struct axes a = { .x0 = log10(b->rows[0].servers),
                      .x1 = log10(b->rows[b->count - 1].servers),
                      .y0 = 99,
                      .y1 = 0 };

    for (size_t i = 0; i < b->count; i++) {
        for (size_t c = 0; c < ARRAY_LEN(drawn); c++) {
            a.y0 = fmin(a.y0, floor(log10((double)b->rows[i].ms[drawn[c]])));
            a.y1 = fmax(a.y1, ceil(log10((double)b->rows[i].ms[drawn[c]])));
        }
    }
    fprintf(f,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
            "font-family='sans-serif' font-size='12'>\n<rect width='100%%' height='100%%' "
            "fill='white'/>\n",
            WIDTH, HEIGHT);
    svg_grid(b, &a, f);
    for (size_t c = 0; c < ARRAY_LEN(drawn); c++)
        svg_line(b, &a, drawn[c], f);
    fprintf(f, "</svg>\n");
}

static bool write_file(const struct bench *b, const char *name,
                       void (*print)(const struct bench *, FILE *))
{
    FILE *f;

    if (name == NULL)
        return true;
    f = fopen(name, "w");
    if (f != NULL)
        print(b, f);
    if (f == NULL || fclose(f) != 0) {
        fprintf(stderr, "%s: cannot be written: %m\n", name);
        return false;
    }
    return true;
}

/* ---- what to do ------------------------------------------------------------------------------ */

static const char usage[] =
    "bench-scan-plan [--shape NAME] [--filesystems N] [--servers MOST] [--slots K]\n"
    "                [--error PERCENT] [--seed S] [--json FILE] [--svg FILE]\n"
    "Shapes: uniform, heavy-tailed, one-huge, sparse, groups, unlike.\n";

static bool shape_by_name(const char *name, enum shop_shape *out)
{
    for (int i = 0; i < SHOP_SHAPES; i++) {
        if (strcmp(shop_shape_names[i], name) == 0) {
            *out = (enum shop_shape)i;
            return true;
        }
    }
    return false;
}

static bool options(struct bench *b, int argc, char **argv)
{
    static const struct option list[] = {
        { "shape", 1, NULL, 'h' }, { "filesystems", 1, NULL, 'f' }, { "servers", 1, NULL, 'n' },
        { "slots", 1, NULL, 'k' }, { "error", 1, NULL, 'e' },       { "seed", 1, NULL, 's' },
        { "json", 1, NULL, 'j' },  { "svg", 1, NULL, 'v' },         { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
        uint32_t n = c == '?' ? 0 : (uint32_t)strtoul(optarg, NULL, 10);
        uint32_t *figure = c == 'f'   ? &b->filesystems
                           : c == 'n' ? &b->most_servers
                           : c == 'k' ? &b->slots
                           : c == 'e' ? &b->error_percent
                                      : NULL;

        if (figure != NULL)
            *figure = n;
        else if (c == 's')
            b->seed = strtoull(optarg, NULL, 10);
        else if (c == 'j')
            b->json = optarg;
        else if (c == 'v')
            b->svg = optarg;
        else if (c != 'h' || !shape_by_name(optarg, &b->shape))
            return false;
    }
    return optind == argc && b->filesystems > 0 && b->filesystems <= 100000 && b->slots > 0 &&
           b->slots <= 64 && b->most_servers > 0 && b->most_servers <= 20000 &&
           b->error_percent < 100;
}

int main(int argc, char **argv)
{
    static const uint32_t steps[] = { 1, 2, 5 };
    struct bench b = {
        .shape = SHOP_UNIFORM, .filesystems = 200, .slots = 4, .most_servers = 1000, .seed = 1
    };
    bool good = true, met = true;

    if (!options(&b, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    for (uint32_t i = 0, ten = 1; b.count < MOST_ROWS; i++, ten *= i % 3 == 0 ? 10 : 1) {
        uint32_t servers = steps[i % 3] * ten;

        if (servers >= b.most_servers || b.count == MOST_ROWS - 1)
            servers = b.most_servers;
        good &= measure(&b, servers);
        met &= to_bound(&b.rows[b.count - 1], OURS) <= target(&b, &b.rows[b.count - 1]);
        if (servers == b.most_servers)
            break;
    }
    print_text(&b);
    printf("\nours: target %s (at most 1.05 of the bound, 1.02 from 100 servers and filesystems)\n",
           met ? "met" : "missed");
    if (!good)
        fprintf(stderr, "a schedule left jobs undone or gave a filesystem twice\n");
    good &= write_file(&b, b.json, print_json);
    good &= write_file(&b, b.svg, print_svg);
    return good && met ? 0 : 1;
}
