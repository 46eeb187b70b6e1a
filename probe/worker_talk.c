/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_talk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"
#include "wire/codec.h"

int worker_request_read(const char *kind, struct arena *a, const struct worker_request **out,
                        int *parent, struct err *e)
{
    uint8_t *bytes = arena_alloc(a, LIMIT_WORKER_MESSAGE_BYTES);
    struct ucred peer = { 0 };
    socklen_t size = sizeof peer;
    void *request;
    ssize_t n;
    int rc;

    if (bytes == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    if (getsockopt(WORKER_FD, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return err_set(e, -EINVAL,
                       "a worker is started by muster-probe, which talks to it over a socket");
    *parent = peer.pid;
    do
        n = recv(WORKER_FD, bytes, LIMIT_WORKER_MESSAGE_BYTES, 0);
    while (n < 0 && errno == EINTR);
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

int worker_send(const struct worker_result *result, int memfd, struct err *e)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .room = { 0 } };
    struct buf b = { 0 };
    struct iovec iov;
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    int rc = wire_encode(&worker_result_desc, result, &b, e);

    iov = (struct iovec){ b.p, b.n };
    if (memfd >= 0) {
        m.msg_control = control.room;
        m.msg_controllen = sizeof control.room;
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof memfd);
        memcpy(CMSG_DATA(&control.head), &memfd, sizeof memfd);
    }
    if (rc == 0 && sendmsg(WORKER_FD, &m, MSG_NOSIGNAL) < 0)
        rc = err_set(e, -errno, "cannot send the result: %s", strerror(errno));
    buf_deinit(&b);
    return rc;
}

int worker_error_send(const char *text, struct err *e)
{
    struct worker_result result = { .present = 0 };

    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, 0);
    REC_SET(&result, worker_result, error, text);
    return worker_send(&result, -1, e);
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
    int fd = -1, rc = encode_report(sections, count, a, &b, e);

    if (rc < 0)
        goto out;
    fd = worker_memfd(b.p, b.n, true);
    if (fd < 0) {
        rc = err_set(e, fd, "cannot make a memfd: %s", strerror(-fd));
        goto out;
    }
    REC_SET(&result, worker_result, version, PROTOCOL_VERSION);
    REC_SET(&result, worker_result, bytes, b.n);
    if (memory.n > 0)
        REC_SET(&result, worker_result, memory, memory);
    rc = worker_send(&result, fd, e);
out:
    if (fd >= 0)
        close(fd);
    buf_deinit(&b);
    return rc;
}
