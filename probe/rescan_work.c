/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rescan_work.h"

#include <errno.h>
#include <string.h>

#include "model/rescan.h"

enum { MOST = 400 }; /* targets, or devices, of one order: as many as the worker takes */

static bool is_text(const char *x, const char *y)
{
    return x != NULL && strcmp(x, y) == 0;
}

/* The path is one of those. */
static bool is_meant(const struct path *row, const struct rescan_what *w)
{
    if (w->kind == RESCAN_LUN)
        return is_text(row->lun, w->name);
    return is_text(row->target, w->name) || is_text(row->target_port, w->name);
}

struct list {
    const char **v;
    size_t n;
};

static int add(struct list *list, const char *text, struct arena *a, struct err *e)
{
    const char *copy;

    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->v[i], text) == 0)
            return 0;
    }
    if (list->n == MOST)
        return err_set(e, -E2BIG, "more than %d targets or devices are meant", MOST);
    copy = arena_strdup(a, text);
    if (copy == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    list->v[list->n++] = copy;
    return 0;
}

static int add_path(const struct path *row, const struct rescan_what *w, struct list *list,
                    struct arena *a, struct err *e)
{
    struct scsi_address at;
    char text[SCSI_ADDRESS_TEXT];

    if (row->address == NULL || !is_meant(row, w) || !scsi_device_parse(row->address, &at))
        return 0;
    return add(list,
               w->kind == RESCAN_LUN ? scsi_device_text(&at, text) : scsi_target_text(&at, text), a,
               e);
}

static int by_rows(const struct section *paths, const struct rescan_what *w, struct list *list,
                   struct arena *a, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < paths->row_count; i++)
        rc = add_path(section_row(paths, i), w, list, a, e);
    if (rc < 0 || list->n > 0)
        return rc;
    return err_set(e, -ENOENT,
                   w->kind == RESCAN_LUN ? "no SCSI path leads to the LUN here"
                                         : "no LUN of a target of that name is known here");
}

int rescan_work(const struct section *paths, const char *what, struct arena *a,
                struct rescan_work *out, struct err *e)
{
    struct list list = { arena_array(a, MOST, sizeof(char *)), 0 };
    char text[SCSI_ADDRESS_TEXT];
    struct rescan_what w;
    int rc = 0;

    if (list.v == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    if (!rescan_parse(what, &w))
        return err_set(e, -EINVAL, "this probe does not know what is to be looked at");
    if (w.kind == RESCAN_ALL)
        REC_SET(out, rescan_work, all, true);
    else if (w.kind == RESCAN_TARGET)
        rc = add(&list, scsi_target_text(&w.at, text), a, e);
    else if (w.kind == RESCAN_DEVICE)
        rc = add(&list, scsi_device_text(&w.at, text), a, e);
    else
        rc = by_rows(paths, &w, &list, a, e);
    if (list.n > 0 && (w.kind == RESCAN_DEVICE || w.kind == RESCAN_LUN))
        REC_SET(out, rescan_work, devices, ((struct strs){ list.v, list.n }));
    else if (list.n > 0)
        REC_SET(out, rescan_work, targets, ((struct strs){ list.v, list.n }));
    return rc;
}
