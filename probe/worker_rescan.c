/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker of a rescan. What it writes to and whom it asks it opens as root, before it has asked
 * anybody; then it can open nothing for writing any more. It never writes a wildcard but for the
 * LUNs of one target. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"
#include "collect/read_luns.h"
#include "model/rescan.h"
#include "wire/codec.h"
#include "worker_limits.h"
#include "worker_scan.h"
#include "worker_talk.h"

enum {
    DISKS = 3,
    MOST = 400,      /* targets, or devices */
    MOST_TOLD = 512, /* LUNs in a result, of each sort */
};

/* The kernel takes ten digits (store_scan of drivers/scsi/scsi_sysfs.c). */
#define LUN_WRITABLE UINT64_C(9999999999)

struct one {
    struct scsi_address at;
    int to;           /* `scan` of the host, or `rescan` of the device; -1: it cannot be opened */
    int disks[DISKS]; /* of the target, to ask it: one may be of a LUN that is gone */
    int disk_count;
    int code; /* why it could not be opened */
    uint64_t *known;
    size_t known_count;
    bool runs;  /* one of those does */
    bool asked; /* by the kernel, just now */
};

struct look {
    struct arena *a;
    const char *root;
    struct one *v;
    size_t n;
    bool devices;
    struct told {
        const char **v;
        size_t n;
    } added, gone;
    struct rescan_result result;
    const char *why; /* what was wrong first */
    bool mends;      /* and something may be gone another time */
};

static void fault(struct look *l, const char *text)
{
    if (l->why == NULL)
        l->why = text == NULL ? "out of memory" : text;
}

/* ---- what the kernel has -------------------------------------------------------------------- */

static bool knows(const struct one *x, uint64_t lun)
{
    for (size_t i = 0; i < x->known_count; i++) {
        if (x->known[i] == lun)
            return true;
    }
    return false;
}

/* Each SCSI device that the kernel has. 0 or a negative errno. */
static int each_device(struct look *l, int (*f)(struct look *l, const struct scsi_address *at))
{
    char path[512];
    struct dirent *e;
    int rc = 0;
    DIR *d;

    snprintf(path, sizeof path, "%s/sys/class/scsi_device", l->root);
    d = opendir(path);
    if (d == NULL)
        return errno == ENOENT ? 0 : -errno;
    while (rc == 0 && (e = readdir(d)) != NULL) {
        struct scsi_address at;

        if (scsi_device_parse(e->d_name, &at))
            rc = f(l, &at);
    }
    closedir(d);
    return rc;
}

static struct one *target_of(struct look *l, const struct scsi_address *at)
{
    for (size_t i = 0; i < l->n; i++) {
        if (scsi_same_target(&l->v[i].at, at))
            return &l->v[i];
    }
    return NULL;
}

static int add_one(struct look *l, const struct scsi_address *at, size_t most)
{
    if (l->n == most)
        return -E2BIG;
    l->v[l->n++] = (struct one){ .at = *at, .to = -1 };
    return 0;
}

static int add_target(struct look *l, const struct scsi_address *at)
{
    struct scsi_address target = *at;

    target.lun = 0;
    return target_of(l, at) != NULL ? 0 : add_one(l, &target, MOST);
}

/* As the kernel says: what does not run (blocked, offline, transport-offline) would keep whoever
 * asks it waiting, and the kernel's scan with the host's lock. */
static bool is_running(const struct look *l, const struct scsi_address *at)
{
    char path[512], address[SCSI_ADDRESS_TEXT], text[32] = "running";
    int fd;

    snprintf(path, sizeof path, "%s/sys/class/scsi_device/%s/device/state", l->root,
             scsi_device_text(at, address));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);

        text[n < 0 ? 0 : n] = '\0';
        close(fd);
    }
    return strncmp(text, "running", 7) == 0;
}

/* A disk of the target is one that answers for it. */
static int open_disk(const struct look *l, const struct scsi_address *at)
{
    char path[512], text[SCSI_ADDRESS_TEXT];
    struct dirent *e;
    int fd = -1;
    DIR *d;

    if (l->root[0] != '\0')
        return -1; /* the names of another machine's disks */
    snprintf(path, sizeof path, "/sys/class/scsi_device/%s/device/block",
             scsi_device_text(at, text));
    d = opendir(path);
    while (d != NULL && fd < 0 && (e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/dev/%.64s", e->d_name);
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    }
    if (d != NULL)
        closedir(d);
    return fd;
}

static int note_lun(struct look *l, const struct scsi_address *at)
{
    struct one *x = target_of(l, at);

    if (x == NULL)
        return 0;
    if (x->known == NULL)
        x->known = arena_array(l->a, READ_LUNS_MOST, sizeof *x->known);
    if (x->known == NULL)
        return -ENOMEM;
    if (x->known_count == READ_LUNS_MOST)
        return -E2BIG;
    x->known[x->known_count++] = at->lun;
    if (x->disk_count == DISKS || !is_running(l, at))
        return 0;
    x->runs = true;
    x->disks[x->disk_count] = open_disk(l, at);
    x->disk_count += x->disks[x->disk_count] >= 0;
    return 0;
}

/* ---- before it is confined ------------------------------------------------------------------ */

/* An attribute, for writing, and nothing that stands in its place. */
static int open_attribute(const struct look *l, const char *path, int *code)
{
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    struct statfs fs;

    *code = fd < 0 ? errno : 0;
    if (fd < 0 || l->root[0] != '\0')
        return fd;
    if (fstatfs(fd, &fs) == 0 && fs.f_type == SYSFS_MAGIC)
        return fd;
    *code = ENOTTY;
    close(fd);
    return -1;
}

static void open_one(struct look *l, struct one *x)
{
    char path[512], text[SCSI_ADDRESS_TEXT];

    if (l->devices)
        snprintf(path, sizeof path, "%s/sys/class/scsi_device/%s/device/rescan", l->root,
                 scsi_device_text(&x->at, text));
    else
        snprintf(path, sizeof path, "%s/sys/class/scsi_host/host%" PRIu32 "/scan", l->root,
                 x->at.host);
    x->to = open_attribute(l, path, &x->code);
}

static int list_addresses(struct look *l, const struct strs *list)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < list->n; i++) {
        struct scsi_address at;

        if (!(l->devices ? scsi_device_parse : scsi_target_parse)(list->v[i], &at))
            return -EINVAL;
        rc = l->devices ? add_one(l, &at, MOST) : add_target(l, &at);
    }
    return rc;
}

static int prepare(struct look *l, const struct rescan_work *w, struct err *e)
{
    int rc;

    l->devices = w->devices.n > 0;
    l->v = arena_array(l->a, MOST, sizeof *l->v);
    if (l->v == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = list_addresses(l, l->devices ? &w->devices : &w->targets);
    if (rc == 0 && w->all)
        rc = each_device(l, add_target);
    if (rc == 0 && !l->devices)
        rc = each_device(l, note_lun);
    if (rc < 0)
        return err_set(e, rc, "what is to be looked at cannot be put together: %s", strerror(-rc));
    for (size_t i = 0; i < l->n; i++)
        open_one(l, &l->v[i]);
    return 0;
}

/* ---- after it ------------------------------------------------------------------------------- */

/* 0 or a negative errno. */
static int write_line(int fd, const char *text)
{
    ssize_t n;

    do {
        n = write(fd, text, strlen(text));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static void tell_lun(struct look *l, struct told *list, const struct scsi_address *target,
                     uint64_t lun)
{
    struct scsi_address at = *target;
    char text[SCSI_ADDRESS_TEXT];

    at.lun = lun;
    if (list->n < MOST_TOLD)
        list->v[list->n++] = arena_strdup(l->a, scsi_device_text(&at, text));
}

static bool is_there(const struct look *l, const struct scsi_address *target, uint64_t lun)
{
    struct scsi_address at = *target;
    char path[512], text[SCSI_ADDRESS_TEXT];

    at.lun = lun;
    snprintf(path, sizeof path, "%s/sys/class/scsi_device/%s", l->root,
             scsi_device_text(&at, text));
    return access(path, F_OK) == 0;
}

static int take_up(struct look *l, struct one *x, uint64_t lun)
{
    char text[96];
    int rc;

    snprintf(text, sizeof text, "%" PRIu32 " %" PRIu32 " %" PRIu64 "\n", x->at.channel,
             x->at.target, lun);
    rc = write_line(x->to, text);
    if (rc == 0 && is_there(l, &x->at, lun))
        tell_lun(l, &l->added, &x->at, lun);
    return rc;
}

static int compare(struct look *l, struct one *x, const uint64_t *luns, size_t n)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!knows(x, luns[i]))
            rc = take_up(l, x, luns[i]);
    }
    for (size_t i = 0; i < x->known_count; i++) {
        size_t k = 0;

        while (k < n && luns[k] != x->known[i])
            k++;
        if (k == n && (x->known[i] & 0xff00) != 0xc100) /* well-known ones are not listed */
            tell_lun(l, &l->gone, &x->at, x->known[i]);
    }
    return rc;
}

static int note_added(struct look *l, const struct scsi_address *at)
{
    const struct one *x = target_of(l, at);

    if (x != NULL && x->asked && !knows(x, at->lun))
        tell_lun(l, &l->added, at, at->lun);
    return 0;
}

/* The kernel asks the target itself, and takes up what it does not have. */
static int let_kernel_ask(struct look *l, struct one *x)
{
    char text[64];
    int rc;

    snprintf(text, sizeof text, "%" PRIu32 " %" PRIu32 " -\n", x->at.channel, x->at.target);
    rc = write_line(x->to, text);
    x->asked = true;
    if (rc == 0)
        rc = each_device(l, note_added);
    x->asked = false;
    return rc;
}

static int look_at_target(struct look *l, struct one *x)
{
    uint64_t *luns = arena_array(l->a, READ_LUNS_MOST, sizeof *luns);
    int n = -ENOTSUP;

    if (luns == NULL)
        return -ENOMEM;
    if (x->known_count > 0 && !x->runs)
        return -EHOSTDOWN;
    for (int i = 0; n == -ENOTSUP && i < x->disk_count; i++)
        n = read_luns(x->disks[i], l->a, luns);
    if (n == -ENOTSUP || (n > 0 && luns[n - 1] > LUN_WRITABLE))
        return let_kernel_ask(l, x);
    return n < 0 ? n : compare(l, x, luns, (size_t)n);
}

static void look_at(struct look *l, struct one *x)
{
    char text[SCSI_ADDRESS_TEXT];
    int rc = x->to < 0 ? -x->code : l->devices ? write_line(x->to, "1\n") : look_at_target(l, x);

    l->result.looked++;
    if (rc == 0)
        return;
    l->mends |= rc != -ENOENT;
    (l->devices ? scsi_device_text : scsi_target_text)(&x->at, text);
    fault(l, rc == -ENOENT ? arena_printf(l->a, "the kernel has no %s", text)
                           : arena_printf(l->a, "%s cannot be looked at: %s", text, strerror(-rc)));
}

/* ---- its result ----------------------------------------------------------------------------- */

static int send_result(struct look *l, struct err *e)
{
    struct worker_result result = { .present = 0 };
    struct rescan_result *r = &l->result;
    struct strs added = { l->added.v, l->added.n }, gone = { l->gone.v, l->gone.n };
    struct order_key key = { .present = 0 }; /* the agent has it */

    REC_SET(&key, order_key, task, 0);
    REC_SET(&key, order_key, job, 0);
    REC_SET(&key, order_key, attempt, 0);
    REC_SET(r, rescan_result, order, &key);
    REC_SET(r, rescan_result, done, l->why == NULL);
    REC_SET(r, rescan_result, looked, r->looked);
    REC_SET(r, rescan_result, added, added);
    REC_SET(r, rescan_result, gone, gone);
    if (l->why != NULL) {
        REC_SET(r, rescan_result, reason, l->why);
        REC_SET(r, rescan_result, again, l->mends);
    }
    return worker_record_send(&rescan_result_desc, r, &result, e);
}

static int64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int carry_out(const struct worker_request *request, struct look *l, int parent,
                     struct err *e)
{
    int64_t begun = clock_ms();
    struct err why;
    int prepared, rc;

    l->root = request->sys_root == NULL ? "" : request->sys_root;
    l->added.v = arena_array(l->a, MOST_TOLD, sizeof(char *));
    l->gone.v = arena_array(l->a, MOST_TOLD, sizeof(char *));
    if (l->added.v == NULL || l->gone.v == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    prepared = prepare(l, request->rescan, &why);
    rc = worker_confine_rescan(parent, e);
    if (rc < 0)
        return rc;
    if (prepared < 0)
        fault(l, why.text);
    l->mends = prepared < 0 && prepared != -EINVAL;
    for (size_t i = 0; prepared == 0 && i < l->n; i++)
        look_at(l, &l->v[i]);
    REC_SET(&l->result, rescan_result, ms, (uint64_t)(clock_ms() - begun));
    return send_result(l, e);
}

int worker_rescan(struct err *e)
{
    struct arena *a = arena_new(LIMIT_WORKER_MEMORY_BYTES / 2);
    const struct worker_request *request;
    struct look l = { .a = a };
    struct bytes kept;
    int parent, rc;

    if (a == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = worker_request_read(WORKER_RESCAN, a, &request, &kept, &parent, e);
    if (rc == 0 && !REC_HAS(request, worker_request, rescan))
        rc = err_set(e, -EBADMSG, "the request has no order");
    if (rc == 0)
        rc = carry_out(request, &l, parent, e);
    arena_free(a);
    return rc;
}
