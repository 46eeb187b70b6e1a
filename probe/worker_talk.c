/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_talk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"
#include "wire/codec.h"

/* The request, and the memory file that comes with it or -1. */
static ssize_t receive(void *p, size_t n, int *memory)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .room = { 0 } };
    struct iovec iov = { p, n };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.room,
                        .msg_controllen = sizeof control.room };
    const struct cmsghdr *c;
    ssize_t got;

    *memory = -1;
    do
        got = recvmsg(WORKER_FD, &m, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    c = got < 0 ? NULL : CMSG_FIRSTHDR(&m);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(memory, CMSG_DATA(c), sizeof *memory);
    return got;
}

/* The supervisor has seen to it that it is sealed, and not too long. What cannot be mapped is
 * nothing: the worker begins anew. */
static struct bytes map_memory(int fd)
{
    struct bytes out = { NULL, 0 };
    struct stat st;
    void *p;

    if (fd < 0)
        return out;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p != MAP_FAILED)
            out = (struct bytes){ p, (size_t)st.st_size };
    }
    close(fd);
    return out;
}

int worker_request_read(const char *kind, struct arena *a, const struct worker_request **out,
                        struct bytes *memory, int *parent, struct err *e)
{
    uint8_t *bytes = arena_alloc(a, LIMIT_WORKER_MESSAGE_BYTES);
    struct ucred peer = { 0 };
    socklen_t size = sizeof peer;
    void *request;
    ssize_t n;
    int fd, rc;

    if (bytes == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    if (getsockopt(WORKER_FD, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return err_set(e, -EINVAL,
                       "a worker is started by muster-probe, which talks to it over a socket");
    *parent = peer.pid;
    n = receive(bytes, LIMIT_WORKER_MESSAGE_BYTES, &fd);
    *memory = map_memory(fd);
    if (n <= 0)
        return err_set(e, -EPIPE, "the supervisor sent no request");
    rc = wire_decode(&worker_request_desc, bytes, (size_t)n, a, &request, e);
    if (rc < 0)
        return rc;
    *out = request;
    if ((*out)->version != PROTOCOL_VERSION || strcmp((*out)->kind, kind) != 0)
        return err_set(e, -EBADMSG, "the request is not for this worker");
    return 0;
}

int worker_memfd(const void *p, size_t n, bool sealed)
{
    int fd = memfd_create("muster-report", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int rc;

    if (fd < 0)
        return -errno;
    rc = io_write_all(fd, p, n);
    if (rc == 0 && sealed &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        rc = -errno;
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int worker_send(const struct worker_result *result, int memfd, int memory, struct err *e)
{
    const int fds[] = { memfd, memory };
    struct buf b = { 0 };
    int rc = wire_encode(&worker_result_desc, result, &b, e);

    if (rc == 0) {
        rc = io_send(WORKER_FD, b.p, b.n, fds, ARRAY_LEN(fds), 0);
        if (rc < 0)
            err_set(e, rc, "cannot send the result: %s", strerror(-rc));
    }
    buf_deinit(&b);
    return rc;
}

int worker_record_send(const struct record_desc *d, const void *record,
                       struct worker_result *result, struct err *e)
{
    struct buf b = { 0 };
    int fd = -1, rc = wire_encode(d, record, &b, e);

    if (rc == 0) {
        fd = worker_memfd(b.p, b.n, true);
        rc = fd < 0 ? err_set(e, fd, "cannot make a memfd: %s", strerror(-fd)) : 0;
    }
    REC_SET(result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(result, worker_result, bytes, b.n);
    if (rc == 0)
        rc = worker_send(result, fd, -1, e);
    if (fd >= 0)
        close(fd);
    buf_deinit(&b);
    return rc;
}

int worker_error_send(const char *text, struct err *e)
{
    struct worker_result result = { .present = 0 };

    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, 0);
    REC_SET(&result, worker_result, error, text);
    return worker_send(&result, -1, -1, e);
}

static int encode_report(const struct section *sections, size_t count, struct arena *a,
                         struct buf *out, struct err *e)
{
    struct section_body *bodies = arena_array(a, count, sizeof *bodies);
    struct report report = { .present = 0 };
    int rc;

    if (bodies == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        section_to_body(&sections[i], &bodies[i]);
    REC_SET(&report, report, sections, ((struct recs){ .v = bodies, .n = count }));
    rc = wire_encode(&report_desc, &report, out, e);
    if (rc == 0 && out->n > LIMIT_WORKER_RESULT_BYTES)
        rc = err_set(e, -EFBIG, "the sections have %zu bytes, more than %u", out->n,
                     LIMIT_WORKER_RESULT_BYTES);
    return rc;
}

int worker_result_send(const struct section *sections, size_t count, struct bytes memory,
                       struct arena *a, struct err *e)
{
    struct worker_result result = { .present = 0 };
    struct buf b = { 0 };
    int fd = -1, kept = -1, rc = encode_report(sections, count, a, &b, e);

    if (rc < 0)
        goto out;
    fd = worker_memfd(b.p, b.n, true);
    if (fd >= 0 && memory.n > 0)
        kept = worker_memfd(memory.p, memory.n, true);
    if (fd < 0 || (kept < 0 && memory.n > 0)) {
        rc = fd < 0 ? fd : kept;
        err_set(e, rc, "cannot make a memfd: %s", strerror(-rc));
        goto out;
    }
    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, b.n);
    rc = worker_send(&result, fd, kept, e);
out:
    if (fd >= 0)
        close(fd);
    if (kept >= 0)
        close(kept);
    buf_deinit(&b);
    return rc;
}
