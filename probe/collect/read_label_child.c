/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_label_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CHUNK    (UINT64_C(256) << 10)
#define PAGE     UINT64_C(4096)
#define ALIGN    (UINT64_C(64) << 10) /* no logical sector is larger */
#define TAIL     (UINT64_C(512) << 10)
#define NOWHERE  UINT64_MAX
#define EBRS_MAX 100 /* as libblkid */

struct window {
    uint64_t at, bytes;
};

/* What libblkid looks at, with TAIL. Most is in the first 512 KiB and the last (GPT, RAID of many
 * kinds, ZFS); UDF, VMFS and the second header of LUKS have something beyond. */
static const struct window windows[] = { { 0, UINT64_C(576) << 10 },
                                         { UINT64_C(1) << 20, ALIGN },
                                         { UINT64_C(2) << 20, ALIGN } };
/* And what it looks at only if the beginning asks for it: label_asks_for_more. */
static const struct window more = { UINT64_C(576) << 10, UINT64_C(448) << 10 };

struct copy {
    struct label_source source;
    int memfd;
    uint64_t base;  /* of the part of the device that is read */
    uint8_t *chunk; /* aligned, with room for CHUNK + ALIGN */
    uint64_t at;    /* of the read under way */
};

int label_open(const struct label_device *d, struct label_source *out)
{
    struct stat st;
    int sector = 0, rc = 0;

    /* O_NONBLOCK: a drive without a medium is not waited for. */
    out->fd = open(d->path, O_RDONLY | O_DIRECT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (out->fd < 0)
        return -errno;
    if (fstat(out->fd, &st) != 0 || ioctl(out->fd, BLKGETSIZE64, &out->size_bytes) != 0 ||
        ioctl(out->fd, BLKSSZGET, &sector) != 0)
        rc = -errno;
    else if (!S_ISBLK(st.st_mode) || st.st_rdev != d->devnum)
        rc = -ESTALE;
    else if (out->size_bytes == 0)
        rc = -ENOMEDIUM;
    if (rc < 0)
        close(out->fd);
    out->sector_bytes = (uint32_t)sector;
    return rc;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool is_zero(const uint8_t *p, uint64_t n)
{
    return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static int write_all(int fd, const uint8_t *p, uint64_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t done = pwrite(fd, p, n, (off_t)at);

        if (done < 0 && errno != EINTR)
            return -errno;
        if (done > 0) {
            p += done;
            n -= (uint64_t)done;
            at += (uint64_t)done;
        }
    }
    return 0;
}

/* What is zero stays a hole, which costs no memory. */
static int write_pages(int fd, const uint8_t *p, uint64_t n, uint64_t at)
{
    int rc = 0;

    for (uint64_t done = 0; done < n && rc == 0; done += PAGE) {
        uint64_t some = smaller(PAGE, n - done);

        if (!is_zero(p + done, some))
            rc = write_all(fd, p + done, some, at + done);
    }
    return rc;
}

/* At most CHUNK bytes, at a multiple of the sector. They are in c->chunk then too. More may be read
 * than was asked for, so that its length suits O_DIRECT. */
static int copy_chunk(struct copy *c, uint64_t at, uint64_t n)
{
    uint64_t end = at + n;

    c->at = at;
    while (c->at < end) {
        uint64_t left = (end - c->at + ALIGN - 1) / ALIGN * ALIGN; /* a file may end anywhere */
        ssize_t done = pread(c->source.fd, c->chunk + (c->at - at), left, (off_t)(c->base + c->at));

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EIO; /* it is shorter than it says */
        c->at += (uint64_t)done;
    }
    c->at = NOWHERE;
    return write_pages(c->memfd, c->chunk, n, at);
}

static int copy_range(struct copy *c, uint64_t at, uint64_t n)
{
    uint64_t end = smaller(at + n, c->source.size_bytes);
    int rc = 0;

    for (; at < end && rc == 0; at += CHUNK)
        rc = copy_chunk(c, at, smaller(CHUNK, end - at));
    return rc;
}

/* What a table or a superblock points to is as good as what it says: what leads out of the device,
 * or cannot be read, is left out, and the rest is still an answer. */
static bool copy_pointed(struct copy *c, uint64_t at, uint64_t n)
{
    return at < c->source.size_bytes && copy_range(c, at, n) == 0;
}

/* Logical partitions of a DOS table are a chain through the disk. */
static void copy_extended(struct copy *c, struct opt start)
{
    const struct bytes sector = { c->chunk, LABEL_SECTOR_BYTES };
    uint64_t first = start.v, next = first;

    for (int i = 0; i < EBRS_MAX && start.has; i++) {
        if (!copy_pointed(c, next * c->source.sector_bytes, c->source.sector_bytes))
            return;
        start = label_extended_start(sector);
        next = first + start.v;
    }
}

static void copy_far(struct copy *c)
{
    struct bytes head = { c->chunk, LABEL_SECTOR_BYTES }, begin = { c->chunk, LABEL_BEGIN_BYTES };
    struct opt extended, far;
    ssize_t n = pread(c->memfd, c->chunk, begin.n, 0);
    bool asks;

    if (n < (ssize_t)head.n)
        return;
    begin.n = (size_t)n;
    asks = label_asks_for_more(begin);
    extended = label_extended_start(head);
    far = label_far_start(head);
    if (far.has)
        copy_pointed(c, far.v / ALIGN * ALIGN, 2 * ALIGN);
    copy_extended(c, extended);
    if (asks)
        copy_pointed(c, more.at, more.bytes);
}

/* So that a child that is abandoned has one page for the device to write to, and no more. */
static int ask_sign_of_life(struct copy *c)
{
    ssize_t n;

    c->at = 0;
    while ((n = pread(c->source.fd, c->chunk, c->source.sector_bytes, (off_t)c->base)) < 0 &&
           errno == EINTR)
        continue;
    return n < 0 ? -errno : 0;
}

static int copy_all(struct copy *c)
{
    uint64_t size = c->source.size_bytes, tail = size < TAIL ? 0 : (size - TAIL) / ALIGN * ALIGN;
    int rc = 0;

    if (ftruncate(c->memfd, (off_t)size) != 0)
        return -errno;
    rc = ask_sign_of_life(c);
    for (size_t i = 0; i < ARRAY_LEN(windows) && rc == 0; i++)
        rc = copy_range(c, windows[i].at, windows[i].bytes);
    if (rc == 0)
        rc = copy_range(c, tail, size - tail);
    if (rc == 0)
        copy_far(c);
    return rc;
}

/* O_DIRECT wants whole sectors, and a table may say anything. */
static int choose_part(const struct label_device *d, struct copy *c)
{
    uint64_t size = c->source.size_bytes;

    if (d->size_bytes == 0)
        return 0;
    if (d->start_bytes > size || d->size_bytes > size - d->start_bytes ||
        d->start_bytes % c->source.sector_bytes != 0)
        return -ERANGE;
    c->base = d->start_bytes;
    c->source.size_bytes = d->size_bytes;
    return 0;
}

static int seal(int memfd)
{
    int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

    return fcntl(memfd, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

static int take(const struct label_device *d, label_opener open_it, struct copy *c)
{
    int rc = open_it(d, &c->source);

    if (rc < 0)
        return rc;
    rc = choose_part(d, c);
    if (rc == 0) {
        c->memfd = memfd_create("label", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        rc = c->memfd < 0 ? -errno : copy_all(c);
    }
    /* Before it answers: the end of a child must not wait for a device. */
    close(c->source.fd);
    return rc == 0 ? seal(c->memfd) : rc;
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void tell(int sock, struct label_message *m, int memfd)
{
    union control control = { .bytes = { 0 } };
    struct iovec iov = { m, sizeof *m };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (m->error == 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof control.bytes;
        control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof memfd),
                                          .cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(&control.align), &memfd, sizeof memfd);
    }
    while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 && errno == EINTR)
        continue;
}

static void read_one(const struct label_device *d, label_opener open_it, uint8_t *chunk)
{
    struct copy c = { .memfd = -1, .chunk = chunk, .at = NOWHERE };
    struct label_message m = { .error = 0 };

    m.error = -take(d, open_it, &c);
    m.at = c.at;
    m.size_bytes = c.source.size_bytes;
    m.sector_bytes = c.source.sector_bytes;
    tell(0, &m, c.memfd);
    if (c.memfd >= 0)
        close(c.memfd);
    /* What waits for the next device has no more than one page: ask_sign_of_life. */
    madvise(chunk, CHUNK + ALIGN, MADV_DONTNEED);
}

/* After fork: an abandoned child must hold nothing of the worker's, neither its descriptors, whose
 * end others wait for, nor its life, nor its process group, whose end the supervisor waits for. */
static _Noreturn void be_child(const struct label_device *devices, label_opener open_it, int sock)
{
    uint32_t index;
    void *chunk;
    ssize_t n;

    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    setpgid(0, 0);
    if (dup2(sock, 0) < 0 || close_range(1, ~0U, 0) != 0)
        _exit(1);
    chunk = mmap(NULL, CHUNK + ALIGN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED)
        _exit(1);
    do {
        n = recv(0, &index, sizeof index, 0);
        if (n == sizeof index)
            read_one(&devices[index], open_it, chunk);
    } while (n > 0 || (n < 0 && errno == EINTR));
    _exit(0);
}

int label_child_start(const struct label_device *devices, label_opener open_it, pid_t *pid,
                      int *sock)
{
    int socks[2], rc = 0;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) != 0)
        return -errno;
    *pid = fork();
    if (*pid == 0)
        be_child(devices, open_it, socks[1]);
    if (*pid < 0)
        rc = -errno;
    close(socks[1]);
    if (rc < 0)
        close(socks[0]);
    else
        *sock = socks[0];
    return rc;
}

bool label_child_ask(int sock, size_t index)
{
    uint32_t number = (uint32_t)index;
    ssize_t n;

    do
        n = send(sock, &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n == sizeof number;
}

bool label_child_hear(int sock, struct label_message *m, int *memfd)
{
    union control control = { .bytes = { 0 } };
    struct iovec iov = { m, sizeof *m };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof control.bytes };
    const struct cmsghdr *c;
    ssize_t n;

    *memfd = -1;
    while ((n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        continue;
    if (n != sizeof *m)
        return false;
    c = CMSG_FIRSTHDR(&msg);
    if (c != NULL && c->cmsg_type == SCM_RIGHTS)
        memcpy(memfd, CMSG_DATA(c), sizeof *memfd);
    return m->error != 0 || *memfd >= 0;
}
