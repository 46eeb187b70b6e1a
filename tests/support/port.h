/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port of loopback for who listens on it again after he has left: no other test takes it
 * meanwhile (integration/harness.py has the same claim), nor does the kernel for an outgoing
 * connection. */
#ifndef MUSTER_TESTS_PORT_H
#define MUSTER_TESTS_PORT_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Until the process ends. */
static inline int port_claim(int port)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "muster-port-%d", port);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&a, (socklen_t)(sizeof a.sun_family + 1 + (size_t)n)) == 0)
        return 0;
    close(fd);
    return -1;
}

static inline int port_is_free(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = bind(fd, (struct sockaddr *)&a, sizeof a);

    close(fd);
    return rc == 0;
}

static inline int port_take(void)
{
    enum { FIRST = 20000, COUNT = 12000 }; /* below net.ipv4.ip_local_port_range */

    for (int i = 0; i < COUNT; i++) {
        int port = FIRST + (7 * getpid() + i) % COUNT;

        if (port_claim(port) == 0 && port_is_free(port))
            return port;
    }
    fprintf(stderr, "no port of loopback is free\n");
    abort();
}

/* "tcp://127.0.0.1:PORT" */
static inline void port_endpoint(char *out, size_t n)
{
    snprintf(out, n, "tcp://127.0.0.1:%d", port_take());
}

#endif
