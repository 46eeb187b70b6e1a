/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker of kind storage collects: block devices, what lies on them, who uses them. */
#include <errno.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "collect/read.h"
#include "collect/read_label_memory.h"
#include "collect/read_storage.h"
#include "collect/read_uses.h"

static mono_ms now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (mono_ms){ (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

static dev_t device_number(uint64_t devnum)
{
    return makedev((unsigned)(devnum >> 32), (unsigned)(devnum & UINT32_MAX));
}

/* A loop device for which a reader of labels still waits answers nobody. */
static int read_devices(const struct collect_request *req, struct storage_memory *m,
                        struct arena *a, struct block_input *in, struct err *e)
{
    enum { LOOP_MAJOR = 7 };

    for (size_t i = 0; i < m->loop_count; i++)
        m->loops[i].waits = label_memory_waits(&m->stuck, makedev(LOOP_MAJOR, m->loops[i].number));
    return read_block(req, m->loops, m->loop_count, a, in, e);
}

static void remember_loops(const struct block_input *in, struct storage *s,
                           struct storage_memory *m)
{
    m->loops = rows_array(&s->r, in->loop_count, sizeof *m->loops);
    m->loop_count = 0;
    for (size_t i = 0; i < in->loop_count && m->loops != NULL; i++) {
        const struct loop_facts *f = &in->loops[i];

        if (f->inode != 0)
            m->loops[m->loop_count++] = (struct loop_known){
                .number = (uint32_t)strtoul(f->device + strlen("loop"), NULL, 10),
                .file = memory_hash(f->file),
                .dev = f->dev,
                .inode = f->inode,
            };
    }
}

/* ---- labels -----------------------------------------------------------------------------------
 */

/* It went away meanwhile, or there is nothing in it: no fault of a device. */
static bool is_gone(int error)
{
    return error == ESTALE || error == ENOENT || error == ENXIO || error == ENODEV ||
           error == ENOMEDIUM || error == EOVERFLOW;
}

static void take_answer(struct storage *s, size_t i, const struct label_answer *answer, mono_ms t,
                        const char **denied)
{
    struct storage_fact *f = &s->facts[i];

    f->text = answer->text;
    if (answer->status == LABEL_READ) {
        f->kind = FACT_LABEL;
        f->label = &answer->label;
    } else if (answer->status == LABEL_STUCK) {
        f->kind = FACT_STUCK;
        f->stuck_ms = mono_since(t, answer->since);
    } else if (answer->status == LABEL_FAILED &&
               (answer->error == EACCES || answer->error == EPERM)) {
        *denied = answer->text;
    } else if (answer->status == LABEL_FAILED && !is_gone(answer->error)) {
        f->kind = FACT_FAILED;
    }
}

static bool is_asked(const struct block_container *c, bool parts)
{
    return c->top && container_answers(c) && (parts ? c->through != NULL : c->device != NULL);
}

/* Reads the labels of those with a device, or of partitions without. *denied: a sentence, if this
 * process may not read one. */
static int read_facts(struct storage *s, bool parts, struct label_memory *memory,
                      const char **denied, struct err *e)
{
    struct label_device *devices = rows_array(&s->r, s->count, sizeof *devices);
    struct label_answer *answers = rows_array(&s->r, s->count, sizeof *answers);
    size_t *of = rows_array(&s->r, s->count, sizeof *of), n = 0;
    mono_ms t;
    int rc;

    for (size_t i = 0; i < s->count && !s->r.failed; i++) {
        const struct block_container *c = &s->containers[i];

        if (!is_asked(c, parts))
            continue;
        devices[n] = (struct label_device){
            .path = container_path(&s->r, parts ? c->through : c->device),
            .devnum = device_number(parts ? c->through_devnum : c->devnum),
            .start_bytes = parts ? c->start_bytes : 0,
            .size_bytes = parts ? c->size_bytes.v : 0,
        };
        of[n++] = i;
    }
    if (s->r.failed)
        return err_set(e, -ENOMEM, "out of memory while reading labels");
    rc = read_labels(devices, n, label_open, LABEL_LIMIT_MS, memory, s->r.a, answers, e);
    t = now();
    for (size_t i = 0; i < n && rc == 0; i++)
        take_answer(s, of[i], &answers[i], t, denied);
    return rc;
}

/* Through devices that have just answered. What was found to be stuck stays remembered. */
static int read_parts(struct storage *s, struct label_memory *memory, const char **denied,
                      struct err *e)
{
    struct label_memory *before = arena_memdup(s->r.a, memory, sizeof *memory);
    int rc;

    if (before == NULL)
        return err_set(e, -ENOMEM, "out of memory while reading labels");
    rc = read_facts(s, true, memory, denied, e);
    for (size_t i = 0; i < before->n && memory->n < LABEL_STUCK_MAX; i++) {
        if (label_memory_get(memory, before->v[i].devnum) == NULL)
            memory->v[memory->n++] = before->v[i];
    }
    return rc;
}

int read_storage(const struct collect_request *req, struct storage_memory *m, struct arena *a,
                 struct storage_reading *out, struct err *e)
{
    struct storage *s = &out->storage;
    int rc;

    *out = (struct storage_reading){ .storage = { .r = { .a = a }, .memory = m } };
    s->rows = &out->rows;
    rc = read_devices(req, m, a, &out->input, e);
    if (rc == 0)
        rc = block_rows(&out->input, a, &out->rows, &out->fault, e);
    if (rc == 0)
        rc = parse_containers(&out->input, &out->rows, a, &s->containers, &s->count, e);
    if (rc < 0)
        return rc;
    s->facts = rows_array(&s->r, s->count, sizeof *s->facts);
    if (s->facts == NULL)
        return err_set(e, -ENOMEM, "out of memory while reading labels");
    rc = read_facts(s, false, &m->stuck, &out->denied, e);
    if (rc < 0)
        return rc;
    storage_name(s);
    storage_add_partitions(s);
    return read_parts(s, &m->stuck, &out->denied, e);
}

/* ---- the sections -----------------------------------------------------------------------------
 */

static int keep(struct storage_reading *reading, const struct storage_memory *before,
                struct bytes *memory, struct err *e)
{
    struct storage *s = &reading->storage;
    struct storage_memory *after = rows_array(&s->r, 1, sizeof *after);
    struct buf b = { 0 };
    bool good;

    if (after == NULL)
        return err_set(e, -ENOMEM, "out of memory while collecting storage");
    after->stuck = before->stuck;
    remember_loops(&reading->input, s, after);
    good = storage_remember(s, after) && storage_memory_encode(after, &b);
    if (good)
        *memory = (struct bytes){ arena_memdup(s->r.a, b.p, b.n), b.n };
    good = good && memory->p != NULL;
    buf_deinit(&b);
    return good ? 0 : err_set(e, -ENOMEM, "out of memory while collecting storage");
}

int collect_storage(const struct collect_request *req, struct arena *a, struct section *out,
                    size_t *count, struct bytes *memory, struct err *e)
{
    struct storage_memory *m = storage_memory_decode(req->memory, a);
    struct storage_reading reading;
    struct filesystem *filesystems;
    size_t n;
    int rc;

    *count = 0;
    if (m == NULL)
        return err_set(e, -ENOMEM, "out of memory while collecting storage");
    rc = read_storage(req, m, a, &reading, e);
    if (rc < 0)
        return rc;
    storage_mark(&reading.storage);
    if (!storage_filesystems(&reading.storage, &filesystems, &n))
        return err_set(e, -ENOMEM, "out of memory while collecting storage");
    block_sections(&reading.rows, reading.fault, a, out, count);
    block_section(SECTION_FILESYSTEMS, filesystems, n, a, &out[*count]);
    if (reading.denied != NULL && n == 0)
        out[*count].status = SECTION_FAILED;
    if (out[*count].status_text == NULL)
        out[*count].status_text = reading.denied;
    ++*count;
    rc = collect_uses(req, reading.storage.containers, reading.storage.count, reading.rows.paths,
                      reading.rows.path_count, a, &out[*count], e);
    if (rc < 0)
        return rc;
    ++*count;
    return keep(&reading, m, memory, e);
}

/* ---- for LVM ----------------------------------------------------------------------------------
 */

/* Disks of guests: what they call PVs is theirs. */
static bool is_guests(const struct section *uses, const struct block_container *c)
{
    const struct use *rows = uses->rows;

    for (size_t i = 0; i < uses->row_count; i++) {
        if (rows[i].kind != NULL && strcmp(rows[i].kind, "xen") == 0 && rows[i].container != NULL &&
            (strcmp(rows[i].container, c->container) == 0 ||
             (c->lun != NULL && strcmp(rows[i].container, c->lun) == 0)))
            return true;
    }
    return false;
}

/* PVs that answered just now, on devices of their own that are not LVs. */
static size_t find_pvs(struct storage_reading *reading, const struct section *uses,
                       struct lvm_device *out)
{
    struct storage *s = &reading->storage;
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct block_container *c = &s->containers[i];
        const struct storage_fact *f = &s->facts[i];

        if (f->kind != FACT_LABEL || label_pv_uuid(f->label) == NULL || c->device == NULL ||
            c->kind == CONTAINER_LV || is_guests(uses, c))
            continue;
        out[n++] = (struct lvm_device){
            .path = container_path(&s->r, c->device),
            .name = c->device,
            .devnum = rows_printf(&s->r, "%u:%u", (unsigned)(c->devnum >> 32),
                                  (unsigned)(c->devnum & UINT32_MAX)),
            .container = c->container,
        };
    }
    return n;
}

int collect_volumes(const struct collect_request *req, struct arena *a, struct section *out,
                    size_t *count, struct bytes *memory, struct err *e)
{
    struct storage_memory *m = storage_memory_decode(req->memory, a);
    struct storage_reading reading;
    struct lvm_device *devices;
    struct section uses;
    int rc;

    *count = 0;
    if (m == NULL)
        return err_set(e, -ENOMEM, "out of memory while collecting volumes");
    rc = read_storage(req, m, a, &reading, e);
    if (rc == 0)
        rc = collect_uses(req, reading.storage.containers, reading.storage.count,
                          reading.rows.paths, reading.rows.path_count, a, &uses, e);
    if (rc < 0)
        return rc;
    devices = rows_array(&reading.storage.r, reading.storage.count, sizeof *devices);
    if (devices == NULL)
        return err_set(e, -ENOMEM, "out of memory while collecting volumes");
    rc = collect_lvm(req->sys_root, devices, find_pvs(&reading, &uses, devices), a, out, count, e);
    return rc < 0 ? rc : keep(&reading, m, memory, e);
}
