/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <sys/un.h>

static int check_ipc(const char *endpoint, struct err *e)
{
    const char *path = endpoint + strlen("ipc://");

    /* '@' would be the abstract namespace, which has no file permissions; '*' a made-up name. */
    if (*path == '\0' || *path == '@' || *path == '*')
        return err_set(e, -EINVAL,
                       "%s names no file; write ipc://PATH, for example "
                       "ipc:///run/muster/client.sock",
                       endpoint);
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return err_set(e, -EINVAL,
                       "the path of %s is too long; a socket's path has at most %zu "
                       "characters",
                       endpoint, sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
    return 0;
}

static bool port_ok(const char *p)
{
    unsigned n = 0;

    if (*p == '\0' || strlen(p) > 5)
        return false;
    for (; *p != '\0'; p++) {
        if (*p < '0' || *p > '9')
            return false;
        n = n * 10 + (unsigned)(*p - '0');
    }
    return n <= 65535;
}

static int check_tcp(const char *endpoint, struct err *e)
{
    const char *host = endpoint + strlen("tcp://");
    const char *colon = strrchr(host, ':');
    bool ok = colon != NULL && colon > host && port_ok(colon + 1);

    if (ok && *host == '[')
        ok = colon[-1] == ']' && colon - host > 2;
    else if (ok)
        ok = memchr(host, ':', (size_t)(colon - host)) == NULL;
    for (const char *p = host; ok && p < colon; p++)
        ok = strchr(" \t;/", *p) == NULL && *p > ' ';
    if (!ok)
        return err_set(e, -EINVAL,
                       "%s is not an endpoint; write tcp://HOST:PORT, for example "
                       "tcp://192.0.2.1:7411 or tcp://[2001:db8::1]:7411",
                       endpoint);
    return 0;
}

int net_endpoint_check(const char *endpoint, struct err *e)
{
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return check_ipc(endpoint, e);
    if (strncmp(endpoint, "tcp://", 6) == 0)
        return check_tcp(endpoint, e);
    return err_set(e, -EINVAL, "%s is not an endpoint; write ipc://PATH or tcp://HOST:PORT",
                   endpoint);
}
