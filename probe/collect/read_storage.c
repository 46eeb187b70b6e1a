/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_storage.h"

#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "collect/read_block.h"
#include "collect/read_label.h"
#include "collect/read_label_memory.h"

/* Even if a child is not let run, the worker has time left to say so. */
enum { LIMIT_MS = 2000 };

_Static_assert(LABEL_LIMITS *LIMIT_MS < DEFAULT_WORKER_TIMEOUT_MS, "the worker ends in time");

/* The devices of one round of reading, with the containers that they are. */
struct round {
    struct label_device *devices;
    size_t *containers; /* indexes */
    struct label_answer *answers;
    size_t n;
};

static mono_ms now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (mono_ms){ (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

/* sysfs writes the slash of "cciss/c0d0" as an exclamation mark. */
const char *device_path(struct rows *r, const char *device)
{
    char *path = arena_printf(r->a, "/dev/%s", device);

    r->failed |= path == NULL;
    for (char *p = path; p != NULL && *p != '\0'; p++) {
        if (*p == '!')
            *p = '/';
    }
    return path;
}

static int no_memory(struct err *e)
{
    return err_set(e, -ENOMEM, "out of memory while reading what is on devices");
}

static bool open_round(struct storage *s, struct round *round)
{
    *round = (struct round){
        .devices = rows_array(&s->r, s->container_count, sizeof *round->devices),
        .containers = rows_array(&s->r, s->container_count, sizeof *round->containers),
        .answers = rows_array(&s->r, s->container_count, sizeof *round->answers),
    };
    return !s->r.failed;
}

/* A device that goes while others are looked at is no fault of anybody: what is not there is not
 * told, and that it has gone the kernel announces. */
static void note_gone(const struct label_device *d, struct label_answer *answer)
{
    char path[64];

    snprintf(path, sizeof path, "/sys/dev/block/%u:%u", major(d->devnum), minor(d->devnum));
    if (answer->status == LABEL_FAILED && (answer->error == ENOENT || answer->error == ENXIO) &&
        access(path, F_OK) != 0)
        answer->status = LABEL_GONE;
}

static int run_round(struct storage *s, struct round *round, struct err *e)
{
    int rc = s->r.failed     ? no_memory(e)
             : round->n == 0 ? 0
                             : read_labels(round->devices, round->n, label_open, LIMIT_MS,
                                           s->before.stuck, s->r.a, round->answers, e);

    for (size_t i = 0; i < round->n && rc == 0; i++) {
        note_gone(&round->devices[i], &round->answers[i]);
        s->containers[round->containers[i]].answer = &round->answers[i];
    }
    return rc;
}

/* A suspended map would keep whoever reads it waiting: it is stuck without being asked. */
static void note_suspended(struct storage *s, struct block_container *c, mono_ms since)
{
    struct label_answer *answer = rows_array(&s->r, 1, sizeof *answer);

    if (answer == NULL)
        return;
    answer->status = LABEL_STUCK;
    answer->since = label_memory_put(s->before.stuck, storage_dev(c->devnum), since, 0, true);
    answer->text = rows_printf(&s->r, "%s is suspended", device_path(&s->r, c->device));
    c->answer = answer;
}

/* Reading the others makes the memory forget those that are not asked. */
static mono_ms *suspended_since(struct storage *s)
{
    mono_ms *since = rows_array(&s->r, s->container_count, sizeof *since);

    for (size_t i = 0; i < s->container_count && since != NULL; i++) {
        const struct block_container *c = &s->containers[i];
        const struct label_stuck *known =
            c->suspended ? label_memory_get(s->before.stuck, storage_dev(c->devnum)) : NULL;

        since[i] = known == NULL ? s->now : known->since;
    }
    return since;
}

static bool is_asked(const struct block_container *c)
{
    return c->top && c->device != NULL && c->devnum != 0 && !c->suspended && c->answer == NULL;
}

static int read_devices(struct storage *s, struct err *e)
{
    mono_ms *since = suspended_since(s);
    struct round round;
    int rc;

    if (since == NULL || !open_round(s, &round))
        return no_memory(e);
    for (size_t i = 0; i < s->container_count; i++) {
        const struct block_container *c = &s->containers[i];

        if (!is_asked(c))
            continue;
        round.containers[round.n] = i;
        round.devices[round.n++] = (struct label_device){ .path = device_path(&s->r, c->device),
                                                          .devnum = storage_dev(c->devnum) };
    }
    rc = run_round(s, &round, e);
    for (size_t i = 0; i < s->container_count && rc == 0; i++) {
        if (s->containers[i].suspended && s->containers[i].top)
            note_suspended(s, &s->containers[i], since[i]);
    }
    return rc == 0 && s->r.failed ? no_memory(e) : rc;
}

/* The LUN that a partition without a device is read through; NULL: it has a device, or the LUN does
 * not answer. */
static const struct block_container *way_in(struct storage *s, const struct block_container *c)
{
    const struct block_container *lun = NULL;

    if (c->kind == CONTAINER_PARTITION && c->top && c->device == NULL)
        lun = container_by_name(s->containers, s->container_count, c->lun);
    return lun != NULL && lun->answer != NULL && lun->answer->status == LABEL_READ ? lun : NULL;
}

static int read_inner(struct storage *s, struct err *e)
{
    struct round round;

    if (!open_round(s, &round))
        return no_memory(e);
    for (size_t i = 0; i < s->container_count; i++) {
        const struct block_container *c = &s->containers[i], *lun = way_in(s, c);

        if (lun == NULL || c->answer != NULL)
            continue;
        round.containers[round.n] = i;
        round.devices[round.n++] = (struct label_device){ .path = device_path(&s->r, lun->device),
                                                          .devnum = storage_dev(lun->devnum),
                                                          .start_bytes = c->start_bytes.v,
                                                          .size_bytes = c->size_bytes.v };
    }
    return run_round(s, &round, e);
}

static void note_waits(struct storage_memory *m)
{
    enum { LOOP_MAJOR = 7 };

    for (size_t i = 0; i < m->loops.n; i++) {
        struct loop_known *k = &m->loops.v[i];
        struct opt number = { .has = false };

        if (strncmp(k->device, "loop", 4) == 0)
            number = bytes_number(bytes_of(k->device + 4), 10);
        k->waits =
            number.has && label_memory_waits(m->stuck, makedev(LOOP_MAJOR, (unsigned)number.v));
    }
}

int read_storage_devices(const struct collect_request *req, struct arena *a,
                         struct storage_read *out, struct err *e)
{
    struct storage *s = &out->s;
    const char *boot_id = read_boot_id(req, a);
    int rc;

    *out = (struct storage_read){ .s = { .r = { .a = a }, .now = now() } };
    rc = storage_memory_read(req->memory, boot_id, a, &s->before, e);
    if (rc == 0) {
        note_waits(&s->before);
        rc = read_block(req, &s->before.tree, &s->before.loops, a, &out->in, e);
    }
    if (rc == 0)
        rc = block_parse(&out->in, a, &s->rows, &out->fault, e);
    if (rc == 0)
        rc = parse_containers(&out->in, &s->rows, a, &s->containers, &s->container_count, e);
    return rc;
}

/* A stuck partition may have made the device one that does not answer, and forgotten is only what
 * is not among the devices: those of the first round are all asked again by the next worker. */
int read_storage_labels(const struct collect_request *req, bool for_lvm, struct section *uses,
                        struct storage_read *r, struct err *e)
{
    const struct storage_hint hint = { .whole = req->whole,
                                       .pvs = for_lvm,
                                       .touched = req->touched };
    struct storage *s = &r->s;
    struct use *rows = uses == NULL ? NULL : uses->rows;
    size_t n = uses == NULL ? 0 : uses->row_count;
    int rc;

    if (req->sys_root != NULL && *req->sys_root != '\0')
        return 0;
    storage_uses(s, rows, n);
    storage_identify(s, &r->in.tree);
    storage_reuse(s, &hint);
    rc = read_devices(s, e);
    if (rc == 0)
        storage_partitions(s);
    if (rc == 0 && !for_lvm && !s->r.failed) {
        storage_identify(s, &r->in.tree);
        storage_reuse(s, &hint);
        rc = read_inner(s, e);
    }
    if (rc == 0 && !s->r.failed)
        storage_name_arrays(s, rows, n);
    return rc == 0 && s->r.failed ? no_memory(e) : rc;
}

int read_storage_keep(struct storage_read *r, struct bytes *memory, size_t *left_out, struct err *e)
{
    struct storage_memory m = { .stuck = r->s.before.stuck,
                                .loops = r->s.before.loops,
                                .tree = r->in.tree };

    storage_remember(&r->s, &m);
    return r->s.r.failed ? no_memory(e)
                         : storage_memory_write(&m, r->in.boot_id, r->s.r.a, memory, left_out, e);
}
