/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fleet that shares much storage: nothing may grow with the square of its nodes or LUNs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "asking.h"

enum { NODES = 100, LUNS = 500 };

static struct lun luns[LUNS];
static struct pv pvs[LUNS];
static struct filesystem filesystems[LUNS];
static char keys[LUNS][40], uuids[LUNS][24];

static int64_t elapsed_ms(struct timespec *from)
{
    struct timespec now;
    int64_t ms;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    ms = (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
    *from = now;
    return ms;
}

/* All filesystems are clones of one. */
static void rows_make(void)
{
    for (int i = 0; i < LUNS; i++) {
        snprintf(keys[i], sizeof keys[i], "naa.6001405%025d", i);
        snprintf(uuids[i], sizeof uuids[i], "pv-%d", i);
        REC_SET(&luns[i], lun, key, keys[i]);
        REC_SET(&luns[i], lun, device, keys[i] + 20);
        REC_SET(&luns[i], lun, serial, keys[i] + 20);
        REC_SET(&luns[i], lun, size_bytes, UINT64_C(10) << 30);
        REC_SET(&luns[i], lun, paths_active, 4);
        REC_SET(&luns[i], lun, paths_total, 4);
        REC_SET(&pvs[i], pv, uuid, uuids[i]);
        REC_SET(&pvs[i], pv, container, keys[i]);
        REC_SET(&filesystems[i], filesystem, container, keys[i]);
        REC_SET(&filesystems[i], filesystem, uuid, "golden");
    }
}

static size_t events_of(const struct fleet *f, const char *kind)
{
    size_t n = 0;

    for (const char *p = f->events; (p = strstr(p, kind)) != NULL; p++)
        n++;
    return n;
}

/* The limits tell seconds from minutes. */
Test(large, nodes_that_share_many_luns, .timeout = 120)
{
    struct fleet *f = fleet_new();
    struct host *hosts = calloc(NODES, sizeof *hosts);
    struct request req = ask_for(OP_RESOURCE_LIST);
    int64_t first_ms, grown_ms, list_ms;
    struct timespec at;

    rows_make();
    for (int i = 0; i < NODES; i++) {
        host_init(&hosts[i], f, (uint8_t)(i + 1));
        host_join(&hosts[i]);
    }
    f->unchecked = true; /* but for the last */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    for (int i = 0; i < NODES; i++) {
        struct section s[] = {
            { .id = SECTION_LUNS, .rows = luns, .row_count = LUNS },
            { .id = SECTION_PVS, .rows = pvs, .row_count = LUNS },
            { .id = SECTION_FILESYSTEMS, .rows = filesystems, .row_count = LUNS },
        };

        cr_assert(host_report_sections(&hosts[i], s, ARRAY_LEN(s)));
    }
    first_ms = elapsed_ms(&at);
    for (int i = 0; i < LUNS; i++)
        REC_SET(&luns[i], lun, size_bytes, UINT64_C(20) << 30);
    elapsed_ms(&at);
    for (int i = 0; i < NODES; i++) {
        struct section s = { .id = SECTION_LUNS, .rows = luns, .row_count = LUNS };

        cr_assert(host_report_sections(&hosts[i], &s, 1));
        cr_expect_eq(events_of(f, "lun.grown") > 0, i == 0);
        f->events[0] = '\0';
    }
    grown_ms = elapsed_ms(&at);
    f->unchecked = false;
    REC_SET(&req, request, kind, "filesystem");
    elapsed_ms(&at);
    cr_expect_eq(fleet_ask(f, CLIENT_LOCAL, &req), REPLY_OK);
    list_ms = elapsed_ms(&at);
    printf("# %d nodes, %d LUNs, PVs and filesystems: reported in %lld ms, grown in %lld ms, "
           "listed in %lld ms\n",
           NODES, LUNS, (long long)first_ms, (long long)grown_ms, (long long)list_ms);
    cr_expect_eq(f->reply->resources.n, LUNS);
    cr_expect_lt(first_ms, 30000);
    cr_expect_lt(grown_ms, 30000);
    cr_expect_lt(list_ms, 5000);
    free(hosts);
    fleet_free(f);
}
