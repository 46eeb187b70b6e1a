/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A xenstored of the test's own answers from a listing as xenstore-ls -f prints it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect/read_uses.h"
#include "collect/read_xen.h"
#include "support/support.h"

enum { DIRECTORY = 1, READ = 2, WATCH_EVENT = 15, ERROR = 16, MS = 10000 };

struct message {
    uint32_t type, req, tx, len;
    char text[4096];
};

static struct arena *a;
static struct use_guest *guests;
static size_t n;
static struct err e;
static int ends[2];
static pid_t server;

static void set_up(void)
{
    a = arena_new(0);
    e = (struct err){ "" };
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    server = 0;
}

static void tear_down(void)
{
    close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (server > 0)
        waitpid(server, NULL, 0);
    arena_free(a);
}

TestSuite(xenstore, .init = set_up, .fini = tear_down, .timeout = 60);

static bool take(int fd, void *to, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t k = read(fd, (char *)to + have, size - have);

        if (k <= 0)
            return false;
        have += (size_t)k;
    }
    return true;
}

static void reply(int fd, uint32_t type, const struct message *to, const char *text, size_t size)
{
    struct message m = { type, to->req, 0, (uint32_t)size, "" };
    size_t all = 16 + size;

    memcpy(m.text, text, size);
    /* In pieces: a reader takes what there is. */
    for (size_t at = 0, k; at < all; at += k) {
        k = all - at < 7 ? all - at : 7;
        if (write(fd, (char *)&m + at, k) != (ssize_t)k)
            _exit(1);
    }
}

/* Value of a path, or the names below it. False: there is neither. */
static bool look_up(struct bytes store, const struct message *m, char *out, size_t *size)
{
    struct bytes line, path, value;
    size_t k = strlen(m->text);

    *size = 0;
    while (bytes_line(&store, &line)) {
        value = line;
        if (!bytes_word(&value, " ", &path) || value.n < 4 || path.n < k ||
            memcmp(path.p, m->text, k) != 0)
            continue;
        value = (struct bytes){ value.p + 3, value.n - 4 };
        if (m->type == READ && path.n == k) {
            memcpy(out, value.p, value.n);
            *size = value.n;
            return true;
        }
        if (m->type == DIRECTORY && path.n > k && path.p[k] == '/') {
            struct bytes rest = { path.p + k + 1, path.n - k - 1 }, name;

            bytes_word(&rest, "/", &name);
            /* Its own lines are together. */
            if (*size > name.n && memcmp(out + *size - name.n - 1, name.p, name.n) == 0)
                continue;
            memcpy(out + *size, name.p, name.n);
            out[*size + name.n] = '\0';
            *size += name.n + 1;
        }
    }
    return *size > 0;
}

static void serve(int fd, struct bytes store)
{
    struct message m, event = { .req = 0 };
    char out[4096];
    size_t size;

    while (take(fd, &m, 16) && m.len <= sizeof m.text && take(fd, m.text, m.len)) {
        if (strstr(m.text, "vncpasswd") != NULL)
            _exit(1);
        reply(fd, WATCH_EVENT, &event, "a\0b", 4);
        if (look_up(store, &m, out, &size))
            reply(fd, m.type, &m, out, size);
        else
            reply(fd, ERROR, &m, "ENOENT", 7);
    }
    _exit(0);
}

static void start(struct bytes store)
{
    server = fork();
    cr_assert_geq(server, 0);
    if (server == 0) {
        close(ends[0]);
        serve(ends[1], store);
    }
    close(ends[1]);
    ends[1] = -1;
}

static bool text_is(struct bytes b, const char *text)
{
    return bytes_equal(b, text);
}

Test(xenstore, disks_of_guests)
{
    int status = -1;

    start(capture(a, "use/xenstore.txt"));
    cr_assert_eq(read_xenstore(ends[0], MS, a, &guests, &n, &e), 0, "%s", e.text);
    cr_assert_eq(n, 5);
    cr_assert_str_eq(guests[0].type, "vbd");
    cr_assert(guests[0].domid == 3 && guests[0].vdev == 51712);
    cr_assert_eq(guests[0].devnum, DM_DEVNUM(253, 4));
    cr_assert(text_is(guests[0].target, "/dev/dm-4") && text_is(guests[0].mode, "w"));
    cr_assert(guests[1].vdev == 51728 && guests[1].devnum == 0);
    cr_assert(text_is(guests[1].target, "/srv/images/data.img") && text_is(guests[1].mode, "r"));
    cr_assert(guests[2].vdev == 5632 && guests[2].target.n == 0);
    cr_assert(text_is(guests[3].target, "/dev/sdb"));
    cr_assert_str_eq(guests[4].type, "9pfs");
    cr_assert(text_is(guests[4].target, "/mnt/lv") && guests[4].mode.n == 0);
    shutdown(ends[0], SHUT_RDWR);
    cr_assert_eq(waitpid(server, &status, 0), server);
    cr_assert_eq(status, 0, "it was asked for a password");
    server = 0;
}

Test(xenstore, no_guests)
{
    start(bytes_of(""));
    cr_assert_eq(read_xenstore(ends[0], MS, a, &guests, &n, &e), 0, "%s", e.text);
    cr_assert_eq(n, 0);
}

Test(xenstore, one_that_hangs)
{
    cr_assert_eq(read_xenstore(ends[0], 30, a, &guests, &n, &e), -ETIMEDOUT);
    cr_assert_str_eq(e.text, "xenstore did not answer in 30 ms");
}

static struct xen_domain domains[] = { { .domid = 0 }, { .domid = 5 }, { .domid = 7 } };

Test(xenstore, names_of_domains)
{
    start(bytes_of("/local/domain/0/name = \"Domain-0\"\n/local/domain/0/vnc = \"x\"\n"
                   "/local/domain/7/name = \"web 1\"\n"));
    cr_assert_eq(read_domain_names(ends[0], MS, a, domains, 3, &e), 0, "%s", e.text);
    cr_expect(text_is(domains[0].name, "Domain-0"));
    cr_expect_eq(domains[1].name.n, 0);
    cr_expect(text_is(domains[2].name, "web 1"));
}

/* One limit for all names: it is not asked again for each. */
Test(xenstore, names_of_domains_from_one_that_hangs)
{
    struct message m;
    char rest;

    cr_assert_eq(read_domain_names(ends[0], 30, a, domains, 3, &e), -ETIMEDOUT);
    cr_expect_str_eq(e.text, "xenstore did not answer in 30 ms");
    cr_expect_eq(domains[0].name.n, 0);
    cr_assert(take(ends[1], &m, 16) && take(ends[1], m.text, m.len));
    cr_expect_str_eq(m.text, "/local/domain/0/name");
    cr_expect_eq(recv(ends[1], &rest, 1, MSG_DONTWAIT), -1);
}

Test(xenstore, one_that_is_gone)
{
    close(ends[1]);
    ends[1] = -1;
    signal(SIGPIPE, SIG_IGN);
    cr_assert_lt(read_xenstore(ends[0], MS, a, &guests, &n, &e), 0);
    cr_assert_neq(e.text[0], '\0');
}

static void answers(uint32_t type, uint32_t len, const char *text)
{
    struct message m = { type, 1, 0, len, "" };

    snprintf(m.text, sizeof m.text, "%s", text);
    cr_assert_eq(write(ends[1], &m, sizeof m), (ssize_t)sizeof m);
    cr_assert_eq(read_xenstore(ends[0], MS, a, &guests, &n, &e), -EPROTO, "%s", e.text);
    cr_assert_neq(e.text[0], '\0');
}

Test(xenstore, an_answer_too_long)
{
    answers(DIRECTORY, 4097, "");
}

Test(xenstore, an_answer_to_something_else)
{
    answers(READ, 4, "abc");
}

Test(xenstore, a_refusal)
{
    answers(ERROR, 7, "EACCES");
}
