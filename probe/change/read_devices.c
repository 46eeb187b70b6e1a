/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/read_devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "collect/read_label.h"
#include "scan/read_container.h"

enum { PATH_BYTES = 384 };

int change_ask_paths(const struct lvm_change *c, struct err *e)
{
    const struct change_device *d = c->devices.v;

    for (size_t i = 0; i < c->devices.n; i++) {
        for (size_t k = 0; k < d[i].paths.n; k++) {
            int rc = path_identity(d[i].paths.v[k], e);

            if (rc < 0)
                return rc == -ESTALE ? -EINVAL : rc;
        }
    }
    return 0;
}

/* ---- who lies on it -------------------------------------------------------------------------- */

static bool is_lvm(const char *device)
{
    char path[PATH_BYTES], uuid[8] = "";
    int fd;

    snprintf(path, sizeof path, "/sys/class/block/%s/dm/uuid", device);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (read(fd, uuid, sizeof uuid - 1) < 0)
        uuid[0] = '\0';
    close(fd);
    return strncmp(uuid, "LVM-", 4) == 0;
}

/* A path under a multipath map, a member of an array, a guest's by way of device-mapper. */
static int check_holders(const struct change_device *d, struct err *e)
{
    char path[PATH_BYTES];
    DIR *dir;
    const struct dirent *x;
    int rc = 0;

    snprintf(path, sizeof path, "/sys/dev/block/%s/holders", d->devnum);
    dir = opendir(path);
    while (rc == 0 && dir != NULL && (x = readdir(dir)) != NULL) {
        if (x->d_name[0] != '.' && !is_lvm(x->d_name))
            rc = err_set(e, -EINVAL, "%s is part of %s, and not to be used by itself", d->device,
                         x->d_name);
    }
    if (dir != NULL)
        closedir(dir);
    return rc;
}

/* ---- what is on it --------------------------------------------------------------------------- */

static int take_answer(const struct change_device *d, const struct label_answer *answer,
                       struct change_label *out, struct err *e)
{
    const struct label *l = &answer->label;

    if (answer->status == LABEL_FAILED && answer->error == ESTALE)
        return err_set(e, -EINVAL, "%s", answer->text);
    if (answer->status != LABEL_READ)
        return err_set(e, -EIO, "%s", answer->text);
    if (d->size_bytes != 0 && answer->size_bytes != d->size_bytes)
        return err_set(e, -EINVAL, "%s has %llu bytes now, not %llu", d->device,
                       (unsigned long long)answer->size_bytes, (unsigned long long)d->size_bytes);
    *out = (struct change_label){ .pv_uuid = label_pv_uuid(l) };
    if (out->pv_uuid == NULL)
        out->holds = l->ambivalent         ? "more than one thing"
                     : l->type != NULL     ? l->type
                     : l->signatures.n > 0 ? l->signatures.v[0]
                                           : NULL;
    if (out->holds == NULL && l->table_type != NULL)
        out->holds = "a partition table";
    if (out->pv_uuid != NULL && l->table_type != NULL)
        out->pv_uuid = NULL; /* nobody can say what it is */
    return 0;
}

static int parse_devnum(const char *text, dev_t *out)
{
    char *end;
    unsigned long first = strtoul(text, &end, 10);

    if (*end != ':')
        return -EINVAL;
    *out = makedev((unsigned)first, (unsigned)strtoul(end + 1, &end, 10));
    return *end == '\0' ? 0 : -EINVAL;
}

int change_read_labels(const struct lvm_change *c, struct arena *a, struct change_label *labels,
                       struct err *e)
{
    static struct label_memory memory; /* nothing */
    const struct change_device *d = c->devices.v;
    struct label_device *v = arena_array(a, c->devices.n, sizeof *v);
    struct label_answer *answers = arena_array(a, c->devices.n, sizeof *answers);
    int rc = v == NULL || answers == NULL ? err_set(e, -ENOMEM, "out of memory") : 0;

    for (size_t i = 0; rc == 0 && i < c->devices.n; i++) {
        v[i].path = arena_printf(a, "/dev/%s", d[i].device);
        if (v[i].path == NULL || parse_devnum(d[i].devnum, &v[i].devnum) < 0)
            rc = err_set(e, -EINVAL, "%.40s is no number of a device", d[i].devnum);
        else
            rc = check_holders(&d[i], e);
    }
    if (rc == 0)
        rc = read_labels(v, c->devices.n, label_open, LABEL_LIMIT_MS, &memory, a, answers, e);
    for (size_t i = 0; rc == 0 && i < c->devices.n; i++) {
        rc = take_answer(&d[i], &answers[i], &labels[i], e);
        if (rc == 0)
            rc = change_check_label(c, i, &labels[i], e);
    }
    return rc;
}

int change_check_unused(const struct change_device *d, struct err *e)
{
    char path[PATH_BYTES];
    int fd;

    snprintf(path, sizeof path, "/dev/%s", d->device);
    fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, -EINVAL, "%s is in use on this node", d->device);
    close(fd);
    return 0;
}
