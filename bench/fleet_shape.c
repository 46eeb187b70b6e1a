/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "fleet_lines.h"

#define FIGURE(NAME, member, least, most, usual, what)                       \
    {                                                                        \
        NAME, offsetof(struct fleet_shape, member), least, most, usual, what \
    }

const struct fleet_figure fleet_figures[] = {
    FIGURE("rack", rack, 1, 1000, 40, "hosts in a rack"),
    FIGURE("cpus", cpus, 1, 3, 3, "generations of processors; all in a rack have one"),
    FIGURE("nics", nics, 1, 64, 4, "NICs of a host; pairs of them make bonds"),
    FIGURE("vlans", vlans, 0, 1000, 8, "VLANs over the bonds"),
    FIGURE("dark", bad_per_mille, 0, 1000, 20,
           "hosts of a thousand that have a NIC without carrier"),
    FIGURE("group", group, 1, 10000, 40, "hosts that see the same LUNs"),
    FIGURE("filesystems", filesystems, 0, FLEET_LUNS, 6, "LUNs of a group with a filesystem each"),
    FIGURE("vgs", vgs, 0, 64, 1, "volume groups of a group of hosts"),
    FIGURE("pvs", pvs, 1, 64, 2, "LUNs of a volume group"),
    FIGURE("lvs", lvs, 0, 1000, 8, "logical volumes of a volume group"),
    FIGURE("ports", ports, 1, 32, 2, "FC ports of a host"),
    FIGURE("paths", paths, 1, 64, 4, "paths to a LUN"),
    FIGURE("images", images, 0, 1000, 20, "disk images in a filesystem, about"),
    FIGURE("scan-ms", scan_ms, 1, 3600000, 2000, "milliseconds that a scan takes, about"),
};
const size_t fleet_figure_count = ARRAY_LEN(fleet_figures);

static uint32_t *figure_of(struct fleet_shape *s, size_t i)
{
    return (uint32_t *)(void *)((char *)s + fleet_figures[i].at);
}

void fleet_shape_usual(struct fleet_shape *out)
{
    *out = (struct fleet_shape){ .seed = 1 };
    for (size_t i = 0; i < fleet_figure_count; i++)
        *figure_of(out, i) = fleet_figures[i].usual;
}

static bool number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

int fleet_shape_set(struct fleet_shape *s, const char *name, const char *text, struct err *e)
{
    uint64_t v;
    bool good = number(text, &v);

    if (strcmp(name, "seed") == 0) {
        if (!good)
            return err_set(e, -EINVAL, "seed %.40s: it takes a number", text);
        s->seed = v;
        return 0;
    }
    for (size_t i = 0; i < fleet_figure_count; i++) {
        const struct fleet_figure *f = &fleet_figures[i];

        if (strcmp(f->name, name) != 0)
            continue;
        if (!good || v < f->least || v > f->most)
            return err_set(e, -EINVAL, "%s %.40s: it takes a number from %u to %u (%s)", name, text,
                           f->least, f->most, f->what);
        *figure_of(s, i) = (uint32_t)v;
        return 0;
    }
    return err_set(e, -EINVAL, "%.40s is no figure of a fleet (--help lists them)", name);
}

static int read_line(void *shape, char *line, struct err *e)
{
    char *rest, *name, *text, *more;

    fleet_line_cut(line);
    name = strtok_r(line, " \t", &rest);
    if (name == NULL)
        return 0;
    text = strtok_r(NULL, " \t", &rest);
    more = strtok_r(NULL, " \t", &rest);
    if (text == NULL || more != NULL)
        return err_set(e, -EINVAL, "a line is NAME NUMBER, such as: group 40");
    return fleet_shape_set(shape, name, text, e);
}

int fleet_shape_read(struct fleet_shape *s, const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");
    int rc;

    if (f == NULL)
        return err_set(e, -errno, "%s cannot be read: %s", path, strerror(errno));
    rc = fleet_lines_each(f, path, read_line, s, e);
    fclose(f);
    return rc;
}

int fleet_shape_check(const struct fleet_shape *s, struct err *e)
{
    if (fleet_luns(s) > FLEET_LUNS)
        return err_set(
            e, -EINVAL,
            "filesystems and vgs x pvs are %u LUNs, and a group of hosts sees %d at most",
            fleet_luns(s), FLEET_LUNS);
    return 0;
}
