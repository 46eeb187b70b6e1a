/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "daemon.h"

bool turn_done(struct turn *t, double *since)
{
    double now = seconds_now();

    if (t->kept < TURN_KEPT)
        t->took[t->kept++] = (float)((now - *since) * 1e6);
    *since = now;
    t->done++;
    t->ended = now;
    return now < t->until;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

static double cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void print(struct turn *t, double cpu)
{
    qsort(t->took, t->kept, sizeof *t->took, compare);
    printf("{\"operations\":%llu,\"seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
           "\"sender_cpu_us\":%.2f}\n",
           (unsigned long long)t->done, t->ended - t->began,
           t->kept ? (double)t->took[t->kept / 2] : 0,
           t->kept ? (double)t->took[t->kept * 99 / 100] : 0,
           t->done ? cpu * 1e6 / (double)t->done : 0);
    fflush(stdout);
}

int turns(turn_work *work, void *ctx, int server, struct err *e)
{
    struct turn t = { .took = calloc(TURN_KEPT, sizeof *t.took) };
    char line[64];
    int rc = t.took == NULL ? err_set(e, -ENOMEM, "out of memory") : 0;

    printf("{\"ready\":true,\"server\":%d}\n", server);
    fflush(stdout);
    while (rc == 0 && fgets(line, sizeof line, stdin) != NULL) {
        double cpu = cpu_s();

        t.kept = 0;
        t.done = 0;
        t.began = t.ended = seconds_now();
        t.until = t.began + strtod(line, NULL);
        rc = work(ctx, &t, e);
        if (rc == 0)
            print(&t, cpu_s() - cpu);
    }
    free(t.took);
    return rc;
}
