/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A running coordinator copies its write-ahead log into the database by itself when it is quiet,
 * long before a commit would do it. */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lab.h"

enum { TOKENS = 5000, MIB = 1 << 20, LOG_LEAST = 17 * MIB, LOG_MOST = 40 * MIB };

static long long bytes_of(const struct lab *l, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", l->config.state_dir, name);
    return stat(path, &st) == 0 ? (long long)st.st_size : 0;
}

static void make_tokens(struct lab *l)
{
    struct request req = { 0 };
    struct told t;

    REC_SET(&req, request, op, OP_TOKEN_CREATE);
    REC_SET(&req, request, role, "node");
    REC_SET(&req, request, count, TOKENS);
    t = lab_ask(l, &req);
    assert(t.reply->code == REPLY_OK);
    told_free(&t);
}

int main(void)
{
    long long before;
    mono_ms until;
    struct lab l;

    lab_init(&l);
    lab_start(&l, NULL);
    for (unsigned i = 0; bytes_of(&l, "muster.db-wal") < LOG_LEAST; i++) {
        make_tokens(&l);
        assert(i < 1000);
    }
    assert(bytes_of(&l, "muster.db-wal") < LOG_MOST);
    before = bytes_of(&l, "muster.db");
    printf("log %lld, database %lld bytes\n", bytes_of(&l, "muster.db-wal"), before);
    until = (mono_ms){ clock_mono().v + LAB_LIMIT_MS };
    while (bytes_of(&l, "muster.db") <= before + MIB) {
        assert(clock_mono().v < until.v);
        assert(lab_op(&l, OP_STATUS) == REPLY_OK); /* a question is no work */
    }
    lab_deinit(&l);
    return 0;
}
