/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/order.h"

#define REST_MS 1000

static const char *const reply_codes[] = {
    [REPLY_NOT_FOUND] = "not-found", [REPLY_AMBIGUOUS] = "ambiguous",
    [REPLY_INVALID] = "invalid",     [REPLY_REFUSED] = "refused",
    [REPLY_FORBIDDEN] = "forbidden", [REPLY_READ_ONLY] = "read-only",
    [REPLY_RESYNC] = "resync",       [REPLY_TOO_LARGE] = "too-large",
    [REPLY_FAILED] = "failed",
};

/* A wrong argument is wrong usage, whoever finds it. */
static int exit_of(const char *code)
{
    if (strcmp(code, "usage") == 0 || strcmp(code, "invalid") == 0)
        return EXIT_USAGE;
    return strcmp(code, "unreachable") == 0 ? EXIT_UNREACHABLE : EXIT_FAILED;
}

int fail_with(struct run *r, const struct failure *f)
{
    r->out.ops->fail(&r->out, f);
    return exit_of(f->code);
}

int fail(struct run *r, const char *code, const char *hint, const char *fmt, ...)
{
    char text[1024];
    struct failure f = { .code = code, .text = text, .hint = hint };
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fail_with(r, &f);
}

/* Where the thing that was not found could have been looked up. */
static const char *list_hint(const struct run *r)
{
    const char *a = r->command->arguments;

    if (strcmp(r->command->noun, "network") == 0)
        return "'muster network list' shows the declared networks.";
    if (a != NULL && strstr(a, "RESOURCE") != NULL && strstr(a, "NODE") != NULL)
        return "'muster node list' and 'muster resource list' show what there is.";
    if (a != NULL && strstr(a, "RESOURCE") != NULL)
        return "'muster resource list' shows the resources, 'muster node list' the nodes.";
    if (a != NULL && strstr(a, "NODE") != NULL)
        return "'muster node list' shows the nodes.";
    return NULL;
}

static const char *hint_of(const struct run *r, uint64_t code)
{
    switch (code) {
    case REPLY_NOT_FOUND:
        return list_hint(r);
    case REPLY_AMBIGUOUS:
        return "Give more of the id, or the exact name or key.";
    case REPLY_FORBIDDEN:
        return "Ask an operator, or run this on the coordinator's machine.";
    case REPLY_READ_ONLY:
        return "'muster status' tells why; it goes on by itself once it can store again.";
    case REPLY_TOO_LARGE:
        return "Ask for less: choose nodes with --node or resources with --resource.";
    default:
        return NULL;
    }
}

static const char *hint_of_endpoint(const struct run *r)
{
    const char *endpoint = r->client != NULL ? muster_endpoint(r->client) : "";

    if (strncmp(endpoint, "ipc://", 6) == 0)
        return "'systemctl status muster-coordinator' tells whether it runs; --connect or "
               "$MUSTER_CONNECT name another one.";
    return "On its machine 'systemctl status muster-coordinator' tells whether it runs, and "
           "'muster-coordinator --check-config' what client_listen is.";
}

int ask_failed(struct run *r, int rc, const struct reply *reply)
{
    struct failure f = { .text = muster_error(r->client) };

    if (rc == MUSTER_E_REPLY && reply != NULL) {
        bool known = reply->code < sizeof reply_codes / sizeof *reply_codes &&
                     reply_codes[reply->code] != NULL;

        f.code = known ? reply_codes[reply->code] : "failed";
        f.hint = hint_of(r, reply->code);
        f.candidates = reply->candidates;
    } else if (rc == MUSTER_E_UNREACHABLE) {
        f.code = "unreachable";
        f.hint = hint_of_endpoint(r);
    } else if (rc == MUSTER_E_USAGE) {
        f.code = "usage";
    } else {
        f.code = "local";
    }
    return fail_with(r, &f);
}

int ask_connect(struct run *r)
{
    int rc = r->client != NULL ? 0 : muster_connect(&r->connect, &r->client);

    return rc == 0 ? 0 : ask_failed(r, rc, NULL);
}

int ask(struct run *r, const struct request *req, struct muster_reply *out)
{
    int rc = ask_connect(r);

    *out = (struct muster_reply){ NULL, NULL };
    if (rc != 0)
        return rc;
    rc = muster_call(r->client, req, out);
    if (rc != 0)
        return ask_failed(r, rc, out->reply);
    return reply_order(out->reply) == 0 ? 0 : fail(r, "local", NULL, "out of memory");
}

void notice(struct run *r, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    output_notice(&r->out, text);
}

int show(struct run *r, const struct view *v, const void *data)
{
    int rc = r->out.ops->show(&r->out, v, data);

    if (rc == 0)
        return EXIT_DONE;
    if (rc == -EPIPE)
        return EXIT_FAILED; /* whoever read has seen enough */
    return fail(r, "local", NULL, "the answer cannot be written: %s", strerror(-rc));
}

int ask_and_show(struct run *r, const struct request *req, const struct view *v)
{
    struct muster_reply reply;
    int rc = ask(r, req, &reply);

    if (rc == 0)
        rc = show(r, v, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

/* ---- arguments and time --------------------------------------------------------------------- */

int argument_number(struct run *r, size_t i, const char *what, const char *list, uint64_t *out)
{
    const char *s = r->arguments[i];
    unsigned long long n;
    char *end;

    errno = 0;
    n = strtoull(s, &end, 10);
    if (*s >= '0' && *s <= '9' && *end == '\0' && errno == 0 && n > 0 && n <= INT64_MAX) {
        *out = n;
        return 0;
    }
    return fail(r, "usage", NULL, "%s is a number, as 'muster %s' shows it, not '%s'", what, list,
                s);
}

int64_t now_ms(void)
{
    struct timespec ts = { 0, 0 };

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool rest(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO };

    return poll(&out, 1, REST_MS) <= 0 || !(out.revents & (POLLERR | POLLHUP));
}
