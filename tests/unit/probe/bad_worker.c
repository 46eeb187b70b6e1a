/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker that misbehaves in the way that its request names as sys_root. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "base/io.h"
#include "base/limits.h"
#include "wire/codec.h"
#include "worker_talk.h"

enum { LIFE_S = 120 }; /* should a test that fails forget it */

static struct arena *arena;
static struct err e;
static char said[200] = "none here";
static struct bytes memory;
static const struct worker_request *request;

static void encode(const struct section *sections, size_t n, struct buf *out)
{
    struct section_body bodies[SECTION_COUNT + 1];
    struct report report = { .present = 0 };

    for (size_t i = 0; i < n; i++)
        section_to_body(&sections[i], &bodies[i]);
    REC_SET(&report, report, sections, ((struct recs){ .v = bodies, .n = n }));
    if (wire_encode(&report_desc, &report, out, &e) < 0)
        exit(98);
}

static void send_result(int memfd, uint64_t bytes, uint64_t version)
{
    struct worker_result result = { .present = 0 };

    REC_SET(&result, worker_result, version, version);
    REC_SET(&result, worker_result, bytes, bytes);
    if (worker_send(&result, memfd, -1, &e) < 0)
        exit(97);
}

/* The sections of a kind, all absent. */
static size_t fill(enum worker_kind kind, struct section *out)
{
    size_t n = 0;

    for (int i = 0; i < SECTION_COUNT; i++) {
        if ((worker_kind_sections(kind) >> i) & 1u)
            out[n++] = (struct section){ .id = (enum section_id)i,
                                         .status = SECTION_ABSENT,
                                         .status_text = said };
    }
    return n;
}

static void send_sections(enum worker_kind kind, bool sealed, int64_t more)
{
    struct section sections[SECTION_COUNT];
    size_t n = fill(kind, sections);
    struct buf b = { 0 };

    encode(sections, n, &b);
    send_result(worker_memfd(b.p, b.n, sealed), (uint64_t)((int64_t)b.n + more), PROTOCOL_VERSION);
    buf_deinit(&b);
}

static void good(enum worker_kind kind)
{
    send_sections(kind, true, 0);
}

static void hang(enum worker_kind kind)
{
    (void)kind;
    signal(SIGTERM, SIG_IGN);
    alarm(LIFE_S);
    for (;;)
        pause();
}

static void hang_net(enum worker_kind kind)
{
    if (kind == WORKER_NET)
        hang(kind);
    good(kind);
}

static void stop(enum worker_kind kind)
{
    (void)kind;
    kill(getpid(), SIGSTOP);
}

static void crash(enum worker_kind kind)
{
    (void)kind;
    dprintf(STDERR_FILENO, "about to \033[31mcrash\nand more\n");
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void leave(enum worker_kind kind)
{
    good(kind);
    _exit(3); /* what it sent does not count */
}

static void silent(enum worker_kind kind)
{
    (void)kind;
}

static void garbage(enum worker_kind kind)
{
    (void)kind;
    send(WORKER_FD, "\xff\xff\xff rubbish", 11, 0);
}

static void large_message(enum worker_kind kind)
{
    static char bytes[LIMIT_WORKER_MESSAGE_BYTES + 1];

    (void)kind;
    send(WORKER_FD, bytes, sizeof bytes, 0);
}

static void garbage_rows(enum worker_kind kind)
{
    (void)kind;
    send_result(worker_memfd("\xff\xff\xff", 3, true), 3, PROTOCOL_VERSION);
}

static void large(enum worker_kind kind)
{
    size_t n = LIMIT_WORKER_RESULT_BYTES + 1;

    (void)kind;
    send_result(worker_memfd(calloc(1, n), n, true), n, PROTOCOL_VERSION);
}

static void claims_more(enum worker_kind kind)
{
    send_sections(kind, true, 1);
}

static void claims_less(enum worker_kind kind)
{
    send_sections(kind, true, -1);
}

static void claims_all(enum worker_kind kind)
{
    (void)kind;
    send_result(worker_memfd("x", 1, true), INT64_MAX, PROTOCOL_VERSION);
}

static void unsealed(enum worker_kind kind)
{
    send_sections(kind, false, 0);
}

static void no_memfd(enum worker_kind kind)
{
    (void)kind;
    send_result(-1, 10, PROTOCOL_VERSION);
}

static void pipe_for_memfd(enum worker_kind kind)
{
    int fds[2];

    (void)kind;
    if (pipe(fds) == 0)
        send_result(fds[0], 10, PROTOCOL_VERSION);
}

static void other_version(enum worker_kind kind)
{
    (void)kind;
    send_result(-1, 0, PROTOCOL_VERSION + 1);
}

static void other_kind(enum worker_kind kind)
{
    send_sections(kind == WORKER_NET ? WORKER_SYSTEM : WORKER_NET, true, 0);
}

static void twice(enum worker_kind kind)
{
    struct section sections[SECTION_COUNT + 1];
    size_t n = fill(kind, sections);
    struct buf b = { 0 };

    sections[n] = sections[0];
    encode(sections, n + 1, &b);
    send_result(worker_memfd(b.p, b.n, true), b.n, PROTOCOL_VERSION);
    buf_deinit(&b);
}

static void two_results(enum worker_kind kind)
{
    good(kind);
    good(kind);
}

static void shout(enum worker_kind kind)
{
    static char text[65536];

    memset(text, 'x', sizeof text);
    for (int i = 0; i < 1000; i++) {
        if (write(STDERR_FILENO, text, sizeof text) < 0)
            continue; /* full: what does not fit is lost */
    }
    good(kind);
}

static void flood(enum worker_kind kind)
{
    (void)kind;
    while (send(WORKER_FD, "x", 1, 0) >= 0)
        ;
}

static void report_error(enum worker_kind kind)
{
    (void)kind;
    worker_error_send("the driver does not answer", &e);
}

static void linger(enum worker_kind kind)
{
    if (fork() == 0)
        hang(kind);
    good(kind);
}

static void escape(enum worker_kind kind)
{
    int told[2];
    char byte;

    if (pipe(told) != 0)
        return;
    if (fork() == 0) { /* as a daemon does */
        setsid();
        if (fork() != 0)
            _exit(0);
        close(told[0]);
        close(told[1]);
        hang(kind);
    }
    close(told[1]);
    if (read(told[0], &byte, 1) == 0) /* it is on its own */
        good(kind);
}

/* Leaves a child outside its group, which waits for a file system that never answers. */
static void stray(enum worker_kind kind)
{
    char path[256];

    if (fork() == 0) {
        setpgid(0, 0);
        snprintf(path, sizeof path, "%s/held", request->interfaces.v[0]);
        access(path, F_OK);
        hang(kind);
    }
    snprintf(path, sizeof path, "%s/answered", request->interfaces.v[0]);
    access(path, F_OK);
    good(kind);
}

static void send_memory(enum worker_kind kind, const void *p, size_t n, bool sealed)
{
    struct worker_result result = { .present = 0 };
    struct section sections[SECTION_COUNT];
    struct buf b = { 0 };

    encode(sections, fill(kind, sections), &b);
    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, b.n);
    if (worker_send(&result, worker_memfd(b.p, b.n, true), worker_memfd(p, n, sealed), &e) < 0)
        exit(97);
    buf_deinit(&b);
}

static void send_three_files(void)
{
    const int fds[] = { worker_memfd("x", 1, true), worker_memfd("x", 1, true),
                        worker_memfd("x", 1, true) };
    struct worker_result result = { .present = 0 };
    struct buf b = { 0 };

    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, 1);
    if (wire_encode(&worker_result_desc, &result, &b, &e) < 0 ||
        io_send(WORKER_FD, b.p, b.n, fds, ARRAY_LEN(fds), 0) < 0)
        exit(96);
    buf_deinit(&b);
}

/* Says how many bytes it was given to remember, and does with that as it is told. */
static void keep(enum worker_kind kind)
{
    static const uint8_t many[LIMIT_WORKER_KEEPS_BYTES + 1];
    size_t n = memory.n;
    const char *order = request->devices.n > 0 ? request->devices.v[0] : "one-more";

    snprintf(said, sizeof said, "had %zu", n);
    if (strcmp(order, "one-more") == 0)
        send_memory(kind, many, n + 1, true);
    else if (strcmp(order, "all") == 0)
        send_memory(kind, many, LIMIT_WORKER_KEEPS_BYTES, true);
    else if (strcmp(order, "too-much") == 0)
        send_memory(kind, many, LIMIT_WORKER_KEEPS_BYTES + 1, true);
    else if (strcmp(order, "unsealed") == 0)
        send_memory(kind, many, 1, false);
    else if (strcmp(order, "three-files") == 0)
        send_three_files();
    else if (strcmp(order, "nothing") == 0)
        good(kind);
    else if (strcmp(order, "fail") == 0)
        worker_error_send(said, &e);
    else
        leave(kind);
}

/* Says which devices were named to it. */
static void told(enum worker_kind kind)
{
    int n = snprintf(said, sizeof said, request->whole ? "whole:" : "some:");

    for (size_t i = 0; i < request->touched.n && n < (int)sizeof said; i++)
        n += snprintf(said + n, sizeof said - (size_t)n, " %s", request->touched.v[i]);
    if (strcmp(request->devices.v[0], "good") == 0)
        good(kind);
    else
        worker_error_send(said, &e);
}

static const struct {
    const char *name;
    void (*run)(enum worker_kind kind);
} modes[] = {
    { "good", good },
    { "hang", hang },
    { "hang-net", hang_net },
    { "stop", stop },
    { "crash", crash },
    { "leave", leave },
    { "silent", silent },
    { "garbage", garbage },
    { "large-message", large_message },
    { "garbage-rows", garbage_rows },
    { "large", large },
    { "claims-more", claims_more },
    { "claims-less", claims_less },
    { "claims-all", claims_all },
    { "unsealed", unsealed },
    { "no-memfd", no_memfd },
    { "pipe", pipe_for_memfd },
    { "other-version", other_version },
    { "other-kind", other_kind },
    { "twice", twice },
    { "two-results", two_results },
    { "shout", shout },
    { "flood", flood },
    { "error", report_error },
    { "linger", linger },
    { "escape", escape },
    { "stray", stray },
    { "keep", keep },
    { "told", told },
};

int main(int argc, char **argv)
{
    int parent;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    arena = arena_new(0);
    if (argc != 2 || worker_request_read(argv[1], arena, &request, &memory, &parent, &e) < 0)
        return 99;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (strcmp(modes[i].name, request->sys_root) == 0) {
            modes[i].run((enum worker_kind)worker_kind_by_name(argv[1]));
            _exit(0); /* nothing is freed, which is no fault here */
        }
    }
    _exit(96);
}
