/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "net/net.h"

Test(endpoint, good)
{
    static const char *const good[] = {
        "ipc:///run/muster/client.sock",
        "ipc://var/client.sock",
        "tcp://192.0.2.1:7411",
        "tcp://coordinator.example:7411",
        "tcp://[2001:db8::1]:7411",
        "tcp://[fe80::1%eth0]:7411",
        "tcp://*:7411",
        "tcp://0.0.0.0:0",
        "tcp://h:65535",
    };
    struct err e = { "" };

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        cr_assert_eq(net_endpoint_check(good[i], &e), 0, "%s: %s", good[i], e.text);
}

/* Each says what it would look like. */
Test(endpoint, refused)
{
    static const char *const bad[] = {
        "",
        "7411",
        "192.0.2.1:7411",
        "http://192.0.2.1:7411",
        "TCP://192.0.2.1:7411",
        "inproc://x",
        "ipc:/run/x",
        "ipc://",
        "ipc://@abstract",
        "ipc://*",
        "tcp://",
        "tcp://:7411",
        "tcp://192.0.2.1",
        "tcp://192.0.2.1:",
        "tcp://192.0.2.1:x",
        "tcp://192.0.2.1:7411x",
        "tcp://192.0.2.1:-1",
        "tcp://192.0.2.1:+1",
        "tcp://192.0.2.1:65536",
        "tcp://192.0.2.1:100000",
        "tcp://192.0.2.1: 7411",
        "tcp://192.0.2.1:*",
        "tcp://a b:7411",
        "tcp://a\tb:7411",
        "tcp://eth0;192.0.2.1:7411",
        "tcp://a/b:7411",
        "tcp://2001:db8::1:7411",
        "tcp://[2001:db8::1:7411",
        "tcp://[]:7411",
        "tcp://[2001:db8::1]7411",
        "tcp://h\x80:7411",
        "tcp://h:7411/",
    };
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        e.text[0] = '\0';
        cr_assert_eq(net_endpoint_check(bad[i], &e), -EINVAL, "%s", bad[i]);
        cr_assert(strstr(e.text, "ipc://") != NULL || strstr(e.text, "tcp://HOST:PORT") != NULL,
                  "%s: %s", bad[i], e.text);
    }
}

/* A path that does not fit the kernel's address would be cut. (unix(7)) */
Test(endpoint, long_path)
{
    char endpoint[200];
    struct err e;

    for (int n = 100; n < 120; n++) {
        snprintf(endpoint, sizeof endpoint, "ipc:///%0*d", n - 1, 0);
        cr_assert_eq(net_endpoint_check(endpoint, &e), n <= 107 ? 0 : -EINVAL, "%d", n);
    }
    cr_assert(strstr(e.text, "at most 107 characters") != NULL, "%s", e.text);
}
