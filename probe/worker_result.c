/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "wire/codec.h"
#include "worker_end.h"

enum { MOST_FDS = 4 };

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

enum { REPORT, MEMORY, FILES };

/* One message: its bytes, and its first descriptors, each -1 if it is not there. */
struct message {
    uint8_t *bytes;
    size_t room, n;
    int fd[FILES], fds;
    bool cut;
};

static void take_fds(struct msghdr *m, struct message *out)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        size_t n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (out->fds < FILES)
                out->fd[out->fds] = fd;
            else
                close(fd);
            out->fds++;
        }
    }
}

/* Of the next message; one that is too long will be found to be cut. A worker that ends before it
 * has read all that it was sent (an extension of its time) leaves an error, which comes once, and
 * before what it has sent. */
static size_t next_size(int sock)
{
    ssize_t n;

    do
        n = recv(sock, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    while (n < 0 && errno == ECONNRESET);
    if (n < 1)
        return 1;
    return (size_t)n < LIMIT_WORKER_MESSAGE_BYTES ? (size_t)n : LIMIT_WORKER_MESSAGE_BYTES;
}

/* True if there was one. */
static bool receive(int sock, struct message *out)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(MOST_FDS * sizeof(int))];
    } control;
    struct iovec iov = { out->bytes, out->room };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.room,
                        .msg_controllen = sizeof control.room };
    ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    for (int i = 0; i < FILES; i++)
        out->fd[i] = -1;
    out->fds = 0;
    if (n < 0)
        return false;
    take_fds(&m, out);
    out->n = (size_t)n;
    out->cut = (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    /* End of file looks like an empty message; an empty message says as much. */
    return n > 0 || out->fds > 0;
}

static void close_files(struct message *m)
{
    for (int i = 0; i < FILES; i++) {
        if (m->fd[i] >= 0)
            close(m->fd[i]);
        m->fd[i] = -1;
    }
}

/* Nobody changes it any more. */
static bool is_sealed(int fd, struct stat *st)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS && fstat(fd, st) == 0;
}

/* The report's bytes, in memory that the caller frees. */
static int read_report(int fd, uint64_t claimed, uint8_t **out, struct err *e)
{
    struct stat st;
    uint8_t *p;
    size_t n = 0;

    if (!is_sealed(fd, &st))
        return err_set(e, -EBADMSG, "the worker's result is in no sealed memory file");
    if (claimed > LIMIT_WORKER_RESULT_BYTES || st.st_size > LIMIT_WORKER_RESULT_BYTES)
        return err_set(e, -EBADMSG, "the worker's result is larger than %u bytes",
                       LIMIT_WORKER_RESULT_BYTES);
    if ((uint64_t)st.st_size != claimed)
        return err_set(e, -EBADMSG, "the worker's result is not as long as it says");
    p = malloc(claimed + 1);
    if (p == NULL)
        return err_set(e, -ENOMEM, "out of memory for a worker's result");
    while (n < claimed) {
        ssize_t got = pread(fd, p + n, claimed - n, (off_t)n);

        if (got <= 0) {
            free(p);
            return err_set(e, -EBADMSG, "the worker's result cannot be read");
        }
        n += (size_t)got;
    }
    *out = p;
    return 0;
}

static int take_sections(const struct report *report, enum worker_kind kind, struct arena *a,
                         struct section *out, size_t *count, struct err *e)
{
    const struct section_body *bodies = report->sections.v;
    uint32_t seen = 0;
    int rc;

    for (size_t i = 0; i < report->sections.n; i++) {
        uint64_t id = bodies[i].section;

        if (id >= SECTION_COUNT || !((worker_kind_sections(kind) >> id) & 1u))
            return err_set(e, -EBADMSG, "the worker brought a section of another kind");
        if ((seen >> id) & 1u)
            return err_set(e, -EBADMSG, "the worker brought section %s twice",
                           section_descs[id].name);
        seen |= 1u << id;
        rc = section_from_body(&bodies[i], a, &out[i], e);
        if (rc < 0)
            return rc;
    }
    *count = report->sections.n;
    return 0;
}

static int take_report(int fd, uint64_t bytes, enum worker_kind kind, struct arena *a,
                       struct section *out, size_t *count, struct err *e)
{
    uint8_t *p = NULL;
    void *report;
    int rc = read_report(fd, bytes, &p, e);

    if (rc == 0)
        rc = wire_decode(&report_desc, p, bytes, a, &report, e);
    if (rc == 0)
        rc = take_sections(report, kind, a, out, count, e);
    free(p);
    return rc;
}

static int check_memory(int fd, struct err *e)
{
    struct stat st;

    if (!is_sealed(fd, &st))
        return err_set(e, -EBADMSG, "what the worker wants kept is in no sealed memory file");
    if (st.st_size > LIMIT_WORKER_KEEPS_BYTES)
        return err_set(e, -EBADMSG, "the worker wants %lld bytes kept, more than %u",
                       (long long)st.st_size, LIMIT_WORKER_KEEPS_BYTES);
    return 0;
}

/* What the message says, unless it says that nothing could be done. */
static int take_head(const struct message *m, struct arena *a, const struct worker_result **out,
                     struct err *e)
{
    const struct worker_result *result;
    void *decoded;
    int rc;

    if (m->cut)
        return err_set(e, -EBADMSG, "the worker's result is no message that a worker sends");
    rc = wire_decode(&worker_result_desc, m->bytes, m->n, a, &decoded, e);
    if (rc < 0)
        return rc;
    result = decoded;
    if (result->version != PROTOCOL_VERSION)
        return err_set(e, -EBADMSG, "the worker speaks another version than its supervisor");
    if (result->error != NULL)
        return err_set(e, -EIO, "%s", result->error);
    *out = result;
    return 0;
}

static int take_message(const struct message *m, enum worker_kind kind, struct arena *a,
                        struct section *out, size_t *count, struct err *e)
{
    const struct worker_result *result;
    int rc = take_head(m, a, &result, e);

    if (rc < 0)
        return rc;
    if (m->fds < 1)
        return err_set(e, -EBADMSG, "the worker's result came without its memory file");
    if (m->fds > FILES)
        return err_set(e, -EBADMSG, "the worker's result came with %d files, more than %d", m->fds,
                       FILES);
    if (m->fds > MEMORY)
        rc = check_memory(m->fd[MEMORY], e);
    return rc == 0 ? take_report(m->fd[REPORT], result->bytes, kind, a, out, count, e) : rc;
}

int worker_result_take(int sock, enum worker_kind kind, struct arena *a, struct section *out,
                       size_t *count, int *memory, struct err *e)
{
    uint8_t byte;
    struct message first = { .room = next_size(sock) }, second = { .bytes = &byte, .room = 1 };
    int rc;

    *count = 0;
    *memory = -1;
    first.bytes = arena_alloc(a, first.room);
    if (first.bytes == NULL)
        return err_set(e, -ENOMEM, "out of memory for a worker's result");
    if (!receive(sock, &first)) {
        rc = err_set(e, -EBADMSG, "the worker ended without a word");
    } else if (receive(sock, &second)) {
        rc = err_set(e, -EBADMSG, "the worker sent more than one message");
        close_files(&second);
    } else {
        rc = take_message(&first, kind, a, out, count, e);
    }
    if (rc == 0) {
        *memory = first.fd[MEMORY];
        first.fd[MEMORY] = -1;
    }
    close_files(&first);
    return rc;
}

/* ---- scans --------------------------------------------------------------------------------- */

static int take_record(int fd, uint64_t bytes, const struct record_desc *d, struct arena *a,
                       const void **out, struct err *e)
{
    uint8_t *p = NULL;
    void *record;
    int rc = read_report(fd, bytes, &p, e);

    if (rc == 0)
        rc = wire_decode(d, p, bytes, a, &record, e);
    if (rc == 0)
        *out = record;
    free(p);
    return rc;
}

static int take_scan(const struct message *m, const struct record_desc *d, struct arena *a,
                     struct worker_scan_end *out, struct err *e)
{
    const struct worker_result *result;
    int rc = take_head(m, a, &result, e);

    if (rc < 0)
        return rc;
    if (d != NULL && m->fds != 1)
        return err_set(e, -EBADMSG, "the worker's result came without its memory file");
    rc = d == NULL ? 0 : take_record(m->fd[REPORT], result->bytes, d, a, &out->record, e);
    out->clean = rc == 0 && result->clean;
    out->stale = rc == 0 && result->stale;
    return rc;
}

int worker_scan_take(const struct worker_process *w, int status, const struct record_desc *d,
                     struct arena *a, struct worker_scan_end *out, struct err *e)
{
    struct message m = { .room = next_size(w->sock) };
    int rc;

    *out = (struct worker_scan_end){ .record = NULL };
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(e, -EIO, "%s", worker_end_text(w, status, a));
    m.bytes = arena_alloc(a, m.room);
    if (m.bytes == NULL)
        return err_set(e, -ENOMEM, "out of memory for a worker's result");
    if (!receive(w->sock, &m))
        return err_set(e, -EBADMSG, "the worker ended without a word");
    rc = take_scan(&m, d, a, out, e);
    close_files(&m);
    return rc;
}
