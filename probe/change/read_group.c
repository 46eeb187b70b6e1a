/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/read_group.h"

#include <errno.h>

#include "collect/read_lvm.h"

int group_find(struct group *g, struct arena *a, struct err *e)
{
    const struct change_device *d = g->devices.v;

    g->lvm = arena_array(a, g->devices.n, sizeof *g->lvm);
    for (size_t i = 0; g->lvm != NULL && i < g->devices.n; i++) {
        g->lvm[i] = (struct lvm_device){ .path = arena_printf(a, "/dev/%s", d[i].device),
                                         .name = d[i].device,
                                         .devnum = d[i].devnum,
                                         .container = d[i].container };
        if (g->lvm[i].path == NULL)
            return err_set(e, -ENOMEM, "out of memory");
    }
    return g->lvm == NULL ? err_set(e, -ENOMEM, "out of memory") : 0;
}

int group_read(const struct group *g, struct arena *a, struct lvm_input *in, struct lvm_rows *rows,
               struct err *e)
{
    const char *trouble;
    int rc = read_lvm_with(g->library, g->lvm, g->devices.n, g->device_mapper, a, in, &trouble, e);

    if (rc > 0)
        return -EOPNOTSUPP;
    if (rc == 0 && trouble != NULL)
        rc = err_set(e, -EIO, "LVM cannot read all of %s: %s", g->vg, trouble);
    return rc == 0 ? parse_lvm(in, a, rows, e) : rc;
}
