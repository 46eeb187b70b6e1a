/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/scan_run.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "scan/block_wait.h"
#include "scan/scan_walk.h"

enum { PROVE_MS = 2000 };

bool scan_may_mend(int rc)
{
    return rc != -EBADMSG && rc != -EINVAL && rc != -EOPNOTSUPP;
}

/* ---- the result ---------------------------------------------------------------------------- */

static void set_outcome(struct scan *s, enum scan_outcome outcome, const char *reason, bool again)
{
    const char *text = reason == NULL ? NULL : arena_strdup(s->arena, reason);

    REC_SET(&s->result, scan_result, outcome, outcome);
    if (outcome != SCAN_COMPLETE)
        REC_SET(&s->result, scan_result, reason, text == NULL ? "out of memory" : text);
    if (again)
        REC_SET(&s->result, scan_result, again, true);
}

static void set_head(struct scan *s)
{
    REC_SET(&s->result, scan_result, token, s->order->token);
    REC_SET(&s->result, scan_result, order, s->order->order);
    REC_SET(&s->result, scan_result, ms, (uint64_t)(block_now_ms() - s->started_ms));
}

static void set_not_read(struct scan *s, int rc, const struct err *e)
{
    set_outcome(s, SCAN_NOT_READ, e->text, scan_may_mend(rc));
    if (s->mismatch)
        REC_SET(&s->result, scan_result, mismatch, true);
}

void scan_not_opened(struct scan *s, int rc, const struct err *e)
{
    struct err why;

    set_head(s);
    set_not_read(s, rc, e);
    s->clean = !s->prepared || scan_prove(s->order->device, s->order->devnum, PROVE_MS, &why) == 0;
}

/* ---- before -------------------------------------------------------------------------------- */

static int check_paths(struct scan *s, struct err *e)
{
    const struct scan_order *o = s->order;

    for (size_t i = 0; i < o->paths.n; i++) {
        int rc = path_identity(o->paths.v[i], e);

        s->mismatch = rc == -ESTALE;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void close_all(struct scan *s)
{
    struct err e;

    scan_unmount(&s->mount, &e);
    if (s->opened)
        container_close(&s->container);
}

int scan_open(struct scan *s, struct err *e)
{
    const struct scan_order *o = s->order;
    bool shared = o->kind != SCAN_ORDER_SCAN || o->own_mount;
    char node[CONTAINER_PATH_BYTES];
    int rc;

    s->started_ms = block_now_ms();
    s->mount = SCAN_NOT_MOUNTED;
    rc = check_paths(s, e);
    if (rc == 0 && !shared)
        rc = container_node(o->mount_at, o->device, o->token, node, e);
    if (rc == 0)
        rc = container_open(&s->container, o->device, shared ? NULL : node, o->devnum,
                            o->size_bytes, shared ? CONTAINER_SHARED : CONTAINER_ALONE, e);
    s->opened = rc == 0;
    if (rc == 0 && !shared)
        rc = container_is_clean(&s->container, e);
    s->stale = rc == -ESTALE;
    s->prepared = rc == 0 && !shared;
    if (s->prepared)
        rc = scan_mount_prepare(&s->mount, &s->container, o->type, o->token, e);
    if (rc < 0)
        close_all(s);
    return rc;
}

/* A btrfs that this kernel has mounted in whatever way would take the loop device for its own. */
static bool is_mounted_btrfs(const char *type, const char *uuid)
{
    char path[80];

    snprintf(path, sizeof path, "/sys/fs/btrfs/%.40s", uuid);
    return strcmp(type, "btrfs") == 0 && access(path, F_OK) == 0;
}

static int compare_mark(struct scan *s, struct err *e)
{
    const struct scan_order *o = s->order;
    int rc = parse_mark(o->type, container_read, &s->container, &s->before, e);

    if (rc == -EBADMSG && mark_knows(o->type) && s->before.uuid[0] == '\0')
        return err_set(e, -ESTALE, "identity changed: there is no superblock of %s in it now",
                       o->type);
    if (rc < 0)
        return rc == -EBADMSG ? rc
                              : err_set(e, rc, "its superblock cannot be read: %s", strerror(-rc));
    if (strcmp(s->before.uuid, o->uuid) != 0)
        return err_set(e, -ESTALE, "identity changed: its superblock has the UUID %s, not %.40s",
                       s->before.uuid[0] == '\0' ? "of nothing" : s->before.uuid, o->uuid);
    if (s->before.size_bytes > s->container.size_bytes)
        return err_set(e, -ESTALE, "identity changed: it is larger than its container");
    return 0;
}

static int check_mark(struct scan *s, struct err *e)
{
    int rc = compare_mark(s, e);

    s->mismatch = s->stale = rc == -ESTALE;
    return rc;
}

int scan_reach(struct scan *s, struct err *e)
{
    return check_mark(s, e);
}

/* ---- the mount ----------------------------------------------------------------------------- */

static int do_mount(struct scan *s, struct err *e)
{
    const struct scan_order *o = s->order;
    int rc;

    if (s->before.members > 1)
        return err_set(e, -EINVAL, "it has %llu devices, and such a btrfs is not scanned",
                       (unsigned long long)s->before.members);
    if (!o->own_mount && is_mounted_btrfs(o->type, o->uuid))
        return err_set(e, -EBUSY, "a btrfs with its UUID is mounted on this node");
    rc = o->own_mount ? scan_mount_own(&s->mount, &s->container, o->mount_at, e)
                      : scan_mount(&s->mount, &s->container, o->type, o->token,
                                   s->before.own_journal, o->mount_at, e);
    if (rc == 0)
        REC_SET(&s->result, scan_result, mounts, 1);
    if (rc == 0 && s->confine != NULL)
        rc = s->confine(e);
    return rc;
}

/* Never NULL: that would say that nothing is wrong. */
static const char *kept(struct scan *s, const char *text)
{
    const char *copy = arena_strdup(s->arena, text);

    return copy == NULL ? "out of memory" : copy;
}

/* What is wrong with it as it was read; NULL: nothing. */
static const char *dirt(struct scan *s)
{
    const char *text;

    if (s->mount.replayed)
        return s->before.dirty_replayed;
    if (s->before.dirty == NULL || s->before.dirty_replayed != NULL || s->mount.why.text[0] == '\0')
        return s->before.dirty;
    text = arena_printf(s->arena, "%s: %s", s->before.dirty, s->mount.why.text);
    return text == NULL ? s->before.dirty : text;
}

/* The reason why what was found may not be all; NULL: it is. */
static const char *doubt(struct scan *s, const struct scan_found *found)
{
    struct err e;

    if (s->order->own_mount)
        return "it is mounted for writing on this node, and may change while it is read";
    if (parse_mark(s->order->type, container_read, &s->container, &s->after, &e) < 0)
        return "its superblock could not be read again afterwards";
    if (!mark_equal(&s->before, &s->after))
        return "mounted outside muster: its superblock or journal has changed while it was read";
    if (scan_mount_check(&s->mount, &e) < 0)
        return kept(s, e.text);
    return dirt(s) != NULL ? dirt(s) : found->left_out;
}

static void tell_found(struct scan *s, const struct scan_found *found)
{
    const char *why = doubt(s, found);

    set_outcome(s, why == NULL ? SCAN_COMPLETE : SCAN_INCOMPLETE, why, false);
    REC_SET(&s->result, scan_result, images, found->images);
    REC_SET(&s->result, scan_result, entries, found->entries);
    if (why == NULL && s->after.fingerprint[0] != '\0')
        REC_SET(&s->result, scan_result, fingerprint, s->after.fingerprint);
}

static void read_mounted(struct scan *s)
{
    struct scan_found found = { .entries = 0 };
    struct err e;
    int rc = do_mount(s, &e);

    if (rc == 0)
        rc = scan_walk(s->mount.root, s->arena, &found, &e);
    if (rc < 0)
        set_outcome(s, SCAN_NOT_READ, e.text, scan_may_mend(rc));
    else
        tell_found(s, &found);
}

static bool is_unchanged(const struct scan *s)
{
    const char *known = s->order->fingerprint;

    return known != NULL && s->before.fingerprint[0] != '\0' && !s->order->own_mount &&
           strcmp(known, s->before.fingerprint) == 0;
}

void scan_read(struct scan *s)
{
    struct err e;
    int rc = check_mark(s, &e);

    if (rc < 0) {
        set_not_read(s, rc, &e);
    } else if (is_unchanged(s)) {
        set_outcome(s, SCAN_COMPLETE, NULL, false);
        REC_SET(&s->result, scan_result, unchanged, true);
        REC_SET(&s->result, scan_result, fingerprint, s->before.fingerprint);
    } else {
        read_mounted(s);
    }
    s->clean = scan_unmount(&s->mount, &e) == 0;
    container_close(&s->container);
    if (s->clean && !s->order->own_mount)
        s->clean = scan_prove(s->order->device, s->order->devnum, PROVE_MS, &e) == 0;
    set_head(s);
}
