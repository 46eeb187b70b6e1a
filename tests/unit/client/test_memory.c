/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every allocation of a connection fails once: a sentence, and nothing is left behind. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail_alloc.h"
#include "peer.h"

static char *dir;

/* One attempt with the nth allocation failing. True: there was no nth. */
static bool try(int (*attempt)(void), long n)
{
    bool struck;
    int rc;

    fail_alloc_after(n);
    rc = attempt();
    struck = fail_alloc_end();
    assert(struck || rc != MUSTER_E_LOCAL);
    if (struck) {
        expect(rc, MUSTER_E_LOCAL, NULL);
        assert(muster_error(NULL)[0] != '\0');
    }
    return !struck;
}

static int connect_only(void)
{
    struct muster_options o = { .endpoint = "ipc:///no/where", .key_file = "/no/where" };
    struct muster_client *c;
    int rc = muster_connect(&o, &c);

    muster_disconnect(c);
    return rc;
}

static int enrol(void)
{
    static const char token[] =
        "m1.0102030405060708091011121314151617181920212223242526272829303132"
        ".00112233445566778899aabbccddeeff";
    struct muster_options o = { .endpoint = "tcp://127.0.0.1:1", .timeout_ms = 1 };
    struct muster_client *c;

    return muster_enrol(&o, token, "host", &c);
}

int main(void)
{
    long n;

    dir = test_dir();
    setenv("HOME", dir, 1);
    for (n = 0; !try(connect_only, n); n++)
        continue;
    assert(n >= 2);
    printf("%ld allocations of a connection, ", n);
    for (n = 0; !try(enrol, n); n++)
        continue;
    assert(n >= 4);
    printf("%ld of an enrolment\n", n);
    test_dir_remove(dir);
    return 0;
}
