/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/run_refresh.h"

#include <errno.h>
#include <lvm2cmd.h>

#include "change/mapped.h"
#include "change/own_dev.h"
#include "change/parse_mapped.h"
#include "change/read_devices.h"
#include "change/read_group.h"
#include "collect/dm_driver.h"
#include "collect/lvm_library.h"

enum { PASSES = 4 }; /* of removing: devices lie on each other */

/* What there is when it begins. */
struct look {
    struct group group;
    struct mapped *mapped;
    size_t mapped_count;
    struct lvm_rows rows;
};

static struct lvm_change as_change(const struct refresh_work *w)
{
    struct lvm_change c = { .present = 0 };

    REC_SET(&c, lvm_change, devices, w->devices);
    return c;
}

int refresh_open(struct refresh_run *r, struct err *e)
{
    struct lvm_change c = as_change(r->work);
    struct mapped *mapped;
    size_t n;
    int rc;

    if (!dm_driver_is_there())
        return 0;
    rc = mapped_read(r->work->vg_uuid, r->arena, &mapped, &n, e);
    if (rc == 0) /* first, since it needs no disk that answers */
        rc = mapped_resume(mapped, n, e);
    r->wanted = rc == 0 && n > 0;
    if (!r->wanted)
        return rc;
    lvm_library_with_udev();
    rc = change_ask_paths(&c, e);
    if (rc == 0)
        rc = own_dev_make(&c, true, false, e);
    if (rc == 0)
        rc = lvm_library_settle(OWN_DEV_FOLDER, e);
    if (rc == 0)
        dm_driver_open();
    return rc;
}

/* ---- looking -------------------------------------------------------------------------------- */

static int read_rows(struct refresh_run *r, struct look *l, struct err *e)
{
    struct lvm_input in;

    return group_read(&l->group, r->arena, &in, &l->rows, e);
}

/* ---- tables --------------------------------------------------------------------------------- */

static int refresh_one(struct refresh_run *r, const struct look *l, const struct lv *lv,
                       struct err *e)
{
    struct buf text = { 0 };
    char trouble[LVM_TROUBLE_MAX];
    int rc;

    buf_str(&text, "lvchange");
    rc = lvm_library_config(l->group.lvm, l->group.devices.n, true, false, &text, e);
    buf_printf(&text, " --nolocking --refresh %s/%s", r->work->vg, lv->name);
    if (rc == 0 && buf_cstr(&text) == NULL)
        rc = err_set(e, -ENOMEM, "out of memory");
    if (rc == 0 &&
        lvm_library_run(l->group.library, buf_cstr(&text), NULL) != LVM2_COMMAND_SUCCEEDED)
        rc = 1;
    buf_deinit(&text);
    lvm_library_trouble(trouble);
    if (rc > 0)
        err_set(e, rc, "LVM did not give %s/%s the table that the metadata say: %s", r->work->vg,
                lv->name, trouble);
    return rc;
}

static enum mapped_is judge(const struct refresh_run *r, const struct lvm_rows *rows,
                            const struct mapped *m, const struct lv **lv)
{
    return mapped_judge(r->work, rows, m->map, m->uuid, lv);
}

/* Of what LVM has complained of, which may have nothing to do with the table. */
static bool is_still_old(struct refresh_run *r, struct look *l, const char *uuid)
{
    const struct lv *lv;
    struct mapped *now;
    struct err e;
    size_t n = 0;
    bool old = false;

    if (read_rows(r, l, &e) < 0 || mapped_read(r->work->vg_uuid, r->arena, &now, &n, &e) < 0)
        return true;
    for (size_t i = 0; i < n; i++)
        old |= strcmp(now[i].uuid, uuid) == 0 && judge(r, &l->rows, &now[i], &lv) == MAPPED_OLD;
    return old;
}

static void say(struct refresh_run *r, const char *text)
{
    if (text == NULL)
        text = "out of memory";
    if (!REC_HAS(&r->result, refresh_result, reason))
        REC_SET(&r->result, refresh_result, reason, text);
}

static int refresh_all(struct refresh_run *r, struct look *l, struct err *e)
{
    const struct lvm_rows rows = l->rows;
    const struct lv *lv;
    uint64_t done = 0;
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < l->mapped_count; i++) {
        const char *uuid = l->mapped[i].uuid;
        enum mapped_is is = judge(r, &rows, &l->mapped[i], &lv);

        if (is == MAPPED_BARE)
            say(r,
                arena_printf(r->arena, "%s/%s is %s", r->work->vg, lv->name, mapped_bare_text(lv)));
        if (is != MAPPED_OLD)
            continue;
        rc = refresh_one(r, l, lv, e);
        if (rc > 0 && is_still_old(r, l, uuid))
            say(r, arena_strdup(r->arena, e->text));
        else if (rc >= 0)
            done++;
    }
    REC_SET(&r->result, refresh_result, refreshed, done);
    return rc < 0 ? rc : 0;
}

/* ---- devices that are to go ----------------------------------------------------------------- */

static void say_in_use(struct refresh_run *r, const struct mapped *m, const struct lv *lv)
{
    say(r, lv == NULL ? arena_printf(r->arena,
                                     "%s is a device of a logical volume of %s that is no more, "
                                     "and it is in use here",
                                     m->name, r->work->vg)
                      : arena_printf(r->arena, "logical volume %s/%s is in use here", r->work->vg,
                                     lv->name));
}

/* Gone ones lose their name. False: nothing more goes. */
static bool remove_some(struct refresh_run *r, struct look *l, bool last)
{
    const struct lv *lv;
    bool some = false;

    for (size_t i = 0; i < l->mapped_count; i++) {
        struct mapped *m = &l->mapped[i];

        if (m->name == NULL || judge(r, &l->rows, m, &lv) < MAPPED_UNWANTED)
            continue;
        if (mapped_remove(m) == 0) { /* the kernel removes none that is open */
            REC_SET(&r->result, refresh_result, removed, r->result.removed + 1);
            m->name = NULL;
            some = true;
        } else if (last) {
            say_in_use(r, m, lv);
        }
    }
    return some;
}

static void remove_all(struct refresh_run *r, struct look *l)
{
    for (int i = 0; i < PASSES && remove_some(r, l, false); i++)
        ;
    remove_some(r, l, true);
}

/* ---- the whole of it ------------------------------------------------------------------------ */

static int with_lvm(struct refresh_run *r, struct look *l, struct err *e)
{
    struct lvm_library lvm = { .handle = NULL };
    int rc = 0;

    if (l->group.devices.n > 0) /* else it is asked nothing */
        rc = lvm_library_open(&lvm, e);
    if (rc > 0)
        return -EOPNOTSUPP;
    l->group.library = &lvm;
    if (rc == 0)
        rc = read_rows(r, l, e);
    /* Of other metadata nothing is made so: this node is asked again when it has those. */
    if (rc == 0 && mapped_is_version(r->work, &l->rows)) {
        remove_all(r, l);
        rc = refresh_all(r, l, e);
    }
    lvm_library_close(&lvm);
    return rc;
}

int refresh_carry_out(struct refresh_run *r, struct err *e)
{
    struct look l = { .group = {
                          .vg = r->work->vg, .devices = r->work->devices, .device_mapper = true } };
    int rc = 0;

    REC_SET(&r->result, refresh_result, refreshed, 0);
    REC_SET(&r->result, refresh_result, removed, 0);
    if (r->wanted)
        rc = mapped_read(r->work->vg_uuid, r->arena, &l.mapped, &l.mapped_count, e);
    if (rc < 0 || l.mapped_count == 0)
        return rc;
    rc = group_find(&l.group, r->arena, e);
    return rc == 0 ? with_lvm(r, &l, e) : rc;
}
