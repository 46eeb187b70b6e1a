/* SPDX-License-Identifier: GPL-2.0-or-later */
/* multipathd's maps, over its socket: a length in the machine's own size_t, then so many bytes with
 * a NUL at their end, both ways (libmpathcmd, mpath_cmd.c). */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "collect/prepare.h"
#include "collect/read_block.h"

enum { ANSWER_MS = 2000 };

#define ANSWER_BYTES ((size_t)8 << 20)

static int64_t now_ms(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whether all of it has come in time. */
static bool take(int fd, void *to, size_t n, int64_t deadline_ms)
{
    uint8_t *p = to;

    while (n > 0) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        int64_t left = deadline_ms - now_ms();
        ssize_t got;

        if (left <= 0)
            return false;
        if (poll(&wait, 1, (int)left) <= 0)
            continue;
        got = recv(fd, p, n, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            return false;
        p += got > 0 ? got : 0;
        n -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

int read_multipathd(int fd, struct arena *a, struct bytes *out)
{
    static const char question[] = "show maps json";
    const size_t size = sizeof question;
    int64_t deadline = now_ms() + ANSWER_MS;
    size_t n = 0;
    uint8_t *p;

    *out = (struct bytes){ NULL, 0 };
    if (fd < 0 || send(fd, &size, sizeof size, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof size ||
        send(fd, question, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size ||
        !take(fd, &n, sizeof n, deadline) || n < 2 || n > ANSWER_BYTES)
        return 0;
    p = arena_alloc(a, n);
    if (p == NULL)
        return -ENOMEM;
    if (take(fd, p, n, deadline))
        *out = (struct bytes){ p, n - 1 };
    return 0;
}
