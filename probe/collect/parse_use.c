/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "collect/parse_use_rows.h"

#define DELETED " (deleted)" /* the kernel's, after the path of a file without a name */

static int compare_slot(const void *a, const void *b)
{
    const struct use_slot *x = a, *y = b;

    if (x->devnum != y->devnum)
        return x->devnum < y->devnum ? -1 : 1;
    return strcmp(x->c->container, y->c->container);
}

static void make_slots(struct use_builder *b)
{
    const struct use_input *in = b->in;
    size_t n = 0;

    b->slots = rows_array(&b->r, in->container_count, sizeof *b->slots);
    b->found = rows_array(&b->r, in->member_count + 1, sizeof(struct use_slot *));
    if (b->slots == NULL || b->found == NULL)
        return;
    for (size_t i = 0; i < in->container_count; i++) {
        if (in->containers[i].container != NULL && in->containers[i].devnum != 0)
            b->slots[n++] =
                (struct use_slot){ .devnum = in->containers[i].devnum, .c = &in->containers[i] };
    }
    if (n > 1)
        qsort(b->slots, n, sizeof *b->slots, compare_slot);
    for (size_t i = 0; i < n; i++) {
        if (b->slot_count == 0 || b->slots[b->slot_count - 1].devnum != b->slots[i].devnum)
            b->slots[b->slot_count++] = b->slots[i];
    }
}

struct use_slot *use_slot_of(const struct use_builder *b, uint64_t devnum)
{
    size_t low = 0, high = b->slot_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (b->slots[middle].devnum < devnum)
            low = middle + 1;
        else
            high = middle;
    }
    return low < b->slot_count && b->slots[low].devnum == devnum ? &b->slots[low] : NULL;
}

bool use_devnum_of(const struct use_input *in, struct bytes path, uint64_t *devnum)
{
    for (size_t i = 0; i < in->source_count; i++) {
        if (bytes_equal(path, in->sources[i].path)) {
            *devnum = in->sources[i].devnum;
            return true;
        }
    }
    return false;
}

static const struct use_member *member_of(const struct use_input *in, uint64_t devnum)
{
    for (size_t i = 0; i < in->member_count; i++) {
        if (in->members[i].devnum == devnum)
            return &in->members[i];
    }
    return NULL;
}

size_t use_slots_of(struct use_builder *b, const struct use_mount *m)
{
    const struct use_member *first;
    struct use_slot *s;
    uint64_t devnum = m->devnum;
    size_t n = 0;

    if (!bytes_equal(m->type, "btrfs")) {
        b->found[0] = use_slot_of(b, devnum);
        return b->found[0] != NULL;
    }
    use_devnum_of(b->in, use_unescape(&b->r, m->source), &devnum);
    first = member_of(b->in, devnum);
    for (size_t i = 0; first != NULL && i < b->in->member_count; i++) {
        s = b->in->members[i].fs == first->fs ? use_slot_of(b, b->in->members[i].devnum) : NULL;
        if (s != NULL)
            b->found[n++] = s;
    }
    s = first == NULL ? use_slot_of(b, devnum) : NULL;
    if (s != NULL)
        b->found[n++] = s;
    return n;
}

static bool has_room(struct use_builder *b)
{
    size_t cap = b->cap == 0 ? 64 : b->cap * 2;
    struct use *v;

    if (b->n < b->cap)
        return true;
    v = rows_array(&b->r, cap, sizeof *v);
    if (v == NULL)
        return false;
    if (b->n > 0)
        memcpy(v, b->v, b->n * sizeof *v);
    b->v = v;
    b->cap = cap;
    return true;
}

void use_add(struct use_builder *b, const struct use_slot *s, const struct use_fact *f)
{
    struct use *u;

    if (s == NULL || f->where == NULL || !has_room(b))
        return;
    u = &b->v[b->n];
    ROW_TEXT(u, use, key,
             rows_printf(&b->r, "%s/%u:%u/%s", f->kind, (unsigned)(s->devnum >> 32),
                         (unsigned)(s->devnum & UINT32_MAX), f->where));
    ROW_TEXT(u, use, kind, f->kind);
    ROW_TEXT(u, use, container, s->c->container);
    ROW_TEXT(u, use, device, s->c->device);
    ROW_TEXT(u, use, used_by, f->used_by == NULL ? f->where : f->used_by);
    ROW_TEXT(u, use, type, f->type);
    ROW_BOOL(u, use, read_only, f->read_only);
    ROW_TEXT(u, use, options, f->options);
    ROW_TEXT(u, use, file, f->file);
    b->n += u->key != NULL;
}

/* Uses of a file: of the devices of the file system that it is in. */
static void add_file(struct use_builder *b, struct bytes path, struct use_fact *f)
{
    struct use_mount m;
    struct bytes inside;
    size_t n;

    if (!use_mount_of(b, path, &m, &inside))
        return;
    f->file = rows_text(&b->r, inside);
    n = use_slots_of(b, &m);
    for (size_t i = 0; i < n; i++)
        use_add(b, b->found[i], f);
}

bool use_swap_next(struct bytes *rest, struct bytes *path, bool *is_file)
{
    struct bytes line, word;

    while (bytes_line(rest, &line)) {
        if (!bytes_word(&line, " \t", path) || path->n == 0 || path->p[0] != '/')
            continue; /* the heading */
        do {
            if (!bytes_word(&line, " \t", &word))
                word = bytes_of("");
        } while (word.n == 0 && line.n > 0);
        if (word.n == 0)
            continue;
        *is_file = bytes_equal(word, "file");
        return true;
    }
    return false;
}

static struct bytes without_deleted(struct bytes path)
{
    size_t n = strlen(DELETED);

    if (path.n > n && memcmp(path.p + path.n - n, DELETED, n) == 0)
        path.n -= n;
    return path;
}

static void add_swaps(struct use_builder *b)
{
    struct bytes text = b->in->swaps, path;
    bool is_file;

    while (use_swap_next(&text, &path, &is_file)) {
        struct use_fact f = { .kind = "swap", .type = is_file ? "file" : "partition" };
        uint64_t devnum;

        path = use_unescape(&b->r, path);
        f.where = rows_text(&b->r, path);
        if (!is_file && use_devnum_of(b->in, path, &devnum))
            use_add(b, use_slot_of(b, devnum), &f);
        else if (is_file)
            add_file(b, without_deleted(path), &f);
    }
}

/* A partition that kpartx has made lies on its LUN, and is a container itself. */
static bool is_part_of(const struct use_slot *s, const struct block_container *c)
{
    size_t n = strlen(c->container);

    return s != NULL && strncmp(s->c->container, c->container, n) == 0 &&
           strncmp(s->c->container + n, "-part", 5) == 0;
}

static const struct use_holder *holder_of(const struct use_input *in, const char *device)
{
    for (size_t i = 0; i < in->holder_count; i++) {
        if (strcmp(in->holders[i].device, device) == 0)
            return &in->holders[i];
    }
    return NULL;
}

/* "dm" of "dm-3", "md" of "md127"; a driver of another name counts by it. */
static const char *holder_kind(struct rows *r, const char *device)
{
    size_t n = strcspn(device, "-0123456789");

    return n == 0 ? NULL : rows_text(r, (struct bytes){ (const uint8_t *)device, n });
}

static void add_holder(struct use_builder *b, const struct use_slot *s, const char *device)
{
    const struct use_holder *h = holder_of(b->in, device);
    struct use_fact f = { .kind = holder_kind(&b->r, device) };
    struct bytes uuid, word;

    if (f.kind == NULL ||
        (h != NULL && (h->devnum == 0 || is_part_of(use_slot_of(b, h->devnum), s->c))))
        return;
    f.where = rows_text(&b->r, bytes_of(device));
    if (h != NULL) {
        uuid = bytes_trim(h->uuid);
        f.used_by = rows_text(&b->r, h->name);
        f.read_only = h->read_only;
        if (bytes_word(&uuid, "-", &word) && uuid.n > 0)
            f.type = rows_text(&b->r, word);
    }
    use_add(b, s, &f);
}

static void add_holders(struct use_builder *b)
{
    for (size_t i = 0; i < b->slot_count; i++) {
        const struct strs *holders = &b->slots[i].c->holders;

        for (size_t k = 0; k < holders->n; k++)
            add_holder(b, &b->slots[i], holders->v[k]);
    }
}

/* The number of the file system that a loop device's file is in: in the key of the LUN
 * "loop.BOOT-ID:DEVICE:INODE", DEVICE as stat(2) has it. */
static bool file_system_of(const struct use_slot *s, uint64_t *devnum)
{
    struct bytes key, word;
    struct opt dev;

    if (s == NULL || strncmp(s->c->container, "loop.", 5) != 0)
        return false;
    key = bytes_of(s->c->container);
    if (!bytes_word(&key, ":", &word) || !bytes_word(&key, ":", &word))
        return false;
    dev = bytes_number(word, 16);
    *devnum = DM_DEVNUM((dev.v >> 8 & 0xfff) | (dev.v >> 32 & 0xfffff000),
                        (dev.v & 0xff) | (dev.v >> 12 & 0xffffff00));
    return dev.has && dev.v != 0;
}

/* A scan's own mount is not there for others to see: its loop device stands for it. */
static bool add_scan(struct use_builder *b, struct bytes file)
{
    struct use_fact f = { .kind = "scan", .read_only = { true, 1 } };
    struct bytes token;
    uint64_t devnum;

    if (!use_is_scan(file, &token, &devnum))
        return false;
    f.where = rows_text(&b->r, token);
    use_add(b, use_slot_of(b, devnum), &f);
    return true;
}

static void add_loop(struct use_builder *b, const struct use_loop *l)
{
    struct use_fact f = { .kind = "loop", .where = l->device, .read_only = l->read_only };
    struct bytes path = without_deleted(bytes_trim(l->file)), inside;
    struct use_mount m;
    uint64_t devnum = 0;
    bool known, lies;

    if (use_is_scan_memory(path) || add_scan(b, path))
        return;
    if (use_devnum_of(b->in, path, &devnum)) { /* over a device */
        use_add(b, use_slot_of(b, devnum), &f);
        return;
    }
    known = file_system_of(use_slot_of(b, l->devnum), &devnum);
    lies = use_mount_of(b, path, &m, &inside);
    if (known && use_slot_of(b, devnum) != NULL) {
        f.file = rows_text(&b->r, lies && m.devnum == devnum ? inside : path);
        use_add(b, use_slot_of(b, devnum), &f);
    } else if (lies && (!known || bytes_equal(m.type, "btrfs"))) {
        add_file(b, path, &f);
    }
}

static void add_guest(struct use_builder *b, const struct use_guest *g)
{
    struct use_fact f = { .kind = "xen", .type = g->type };
    uint64_t devnum = g->devnum;

    f.where = rows_printf(&b->r, "%u/%u", g->domid, g->vdev);
    if (g->mode.n > 0)
        f.read_only = (struct opt){ true, g->mode.p[0] == 'r' };
    if (devnum != 0 || use_devnum_of(b->in, g->target, &devnum))
        use_add(b, use_slot_of(b, devnum), &f);
    else
        add_file(b, g->target, &f);
}

static void add_open(struct use_builder *b, const struct use_open *o)
{
    struct use_slot *s = use_slot_of(b, o->devnum);
    struct use_fact f = { .kind = "open", .read_only = { true, !o->writes } };
    const char *program;

    if (s == NULL)
        return;
    program = rows_text(&b->r, bytes_of(o->program));
    f.where = rows_printf(&b->r, "%s[%u]", program == NULL ? "" : program, o->pid);
    use_add(b, s, &f);
}

/* Of equal keys (a mount over a mount) first what may write. */
static int compare_use(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    int c = strcmp(x->key, y->key);

    return c != 0 ? c : (int)x->read_only - (int)y->read_only;
}

static void finish(struct use_builder *b, struct use_rows *out)
{
    size_t n = 0;

    if (b->n > 1)
        qsort(b->v, b->n, sizeof *b->v, compare_use);
    for (size_t i = 0; i < b->n; i++) {
        if (n == 0 || strcmp(b->v[n - 1].key, b->v[i].key) != 0)
            b->v[n++] = b->v[i];
    }
    *out = (struct use_rows){ b->v, n > LIMIT_ROWS_USES ? LIMIT_ROWS_USES : n, b->cut };
    out->cut |= n > LIMIT_ROWS_USES;
}

int parse_uses(const struct use_input *in, struct arena *a, struct use_rows *out, struct err *e)
{
    struct use_builder b = { .r = { .a = a }, .in = in };

    *out = (struct use_rows){ .n = 0 };
    make_slots(&b);
    use_read_mounts(&b);
    if (!b.r.failed) {
        use_add_mounts(&b);
        add_swaps(&b);
        add_holders(&b);
    }
    for (size_t i = 0; i < in->loop_count && !b.r.failed; i++)
        add_loop(&b, &in->loops[i]);
    for (size_t i = 0; i < in->guest_count && !b.r.failed; i++)
        add_guest(&b, &in->guests[i]);
    for (size_t i = 0; i < in->open_count && !b.r.failed; i++)
        add_open(&b, &in->opens[i]);
    if (b.r.failed)
        return err_set(e, -ENOMEM, "out of memory while making the rows of uses");
    finish(&b, out);
    return 0;
}
