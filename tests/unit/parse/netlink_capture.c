/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes a capture for the tests on the machine that it runs on: netlink-capture DIR writes what the
 * kernel sends, unchanged, to DIR/links.bin, DIR/ethtool.bin and DIR/NAME.drvinfo.bin. */
#include <stdio.h>
#include <string.h>

#include "collect/read.h"

static bool write_file(const char *dir, const char *name, const char *suffix, struct bytes b)
{
    char path[1024];
    FILE *f;
    bool ok;

    snprintf(path, sizeof path, "%s/%s%s", dir, name, suffix);
    f = fopen(path, "wb");
    if (f == NULL)
        return false;
    ok = fwrite(b.p, 1, b.n, f) == b.n;
    return fclose(f) == 0 && ok;
}

int main(int argc, char **argv)
{
    struct collect_request req = { .sys_root = "" };
    struct arena *a = arena_new(0);
    struct net_input in = { .fact_count = 0 };
    struct buf links = { 0 }, answers = { 0 };
    struct err e = { "" };
    uint32_t indexes[256];
    size_t n = 0;
    int rc;

    if (argc != 2)
        return 2;
    rc = read_links(&links, &e);
    if (rc == 0)
        rc = parse_links((struct bytes){ links.p, links.n }, a, &in.links, &e);
    if (rc == 0)
        rc = read_net_facts(&req, true, a, &in, &e);
    for (size_t i = 0; i < in.links.n && n < ARRAY_LEN(indexes); i++)
        indexes[n++] = in.links.v[i].index;
    if (rc == 0)
        rc = read_ethtool(indexes, n, &answers, &e);
    if (rc < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    rc = write_file(argv[1], "links", ".bin", (struct bytes){ links.p, links.n }) &&
         write_file(argv[1], "ethtool", ".bin", (struct bytes){ answers.p, answers.n });
    for (size_t i = 0; i < in.fact_count && rc; i++) {
        struct opt index = { true, in.facts[i].index };

        if (in.facts[i].drvinfo.n > 0)
            rc = write_file(argv[1], link_by_index(&in.links, index)->name, ".drvinfo.bin",
                            in.facts[i].drvinfo);
    }
    buf_deinit(&links);
    buf_deinit(&answers);
    arena_free(a);
    return rc ? 0 : 1;
}
