/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_uses.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/limits.h"
#include "collect/prepare.h"
#include "collect/read.h"

#define SWAPS_MAX (256u << 10)
#define LINKS_MAX 8 /* symbolic links from a name in /dev to the device */

#define XEN_BACKEND "/sys/bus/xen-backend/devices"

/* What is gathered. All memory is of the arena; out of it shows in `r.failed`. */
struct gathering {
    const struct collect_request *req;
    const struct tree *tree; /* of the devices that are looked at, just read */
    struct rows r;
    struct use_input in;
    struct use_gaps gaps;
    struct use_source *sources;
    size_t source_room;
    const char *text; /* what is missing; NULL: nothing */
};

static void say(struct gathering *g, const char *sentence)
{
    g->text = g->text == NULL ? sentence : rows_printf(&g->r, "%s; %s", g->text, sentence);
}

static struct bytes attribute(struct gathering *g, const char *folder, const char *device,
                              const char *name)
{
    return use_attribute(g->req, &g->r, folder, device, name);
}

static uint64_t devnum_of(struct gathering *g, const char *device)
{
    uint64_t devnum = 0;

    dm_devnum(attribute(g, USE_SYS_BLOCK, device, "dev"), &devnum);
    return devnum;
}

static void read_holders(struct gathering *g)
{
    struct use_holder *holders;
    size_t room = 0, n = 0;

    for (size_t i = 0; i < g->in.container_count; i++)
        room += g->in.containers[i].holders.n;
    holders = rows_array(&g->r, room, sizeof *holders);
    for (size_t i = 0; i < g->in.container_count && holders != NULL; i++) {
        const struct strs *devices = &g->in.containers[i].holders;

        for (size_t k = 0; k < devices->n; k++) {
            struct use_holder *h = &holders[n++];

            h->device = devices->v[k];
            h->name = attribute(g, USE_SYS_BLOCK, h->device, "dm/name");
            h->uuid = attribute(g, USE_SYS_BLOCK, h->device, "dm/uuid");
            h->read_only = bytes_number(attribute(g, USE_SYS_BLOCK, h->device, "ro"), 10);
            /* Last: while it has a number, what was read before is its own. */
            h->devnum = devnum_of(g, h->device);
        }
    }
    g->in.holders = holders;
    g->in.holder_count = n;
}

/* Of a loop device, from the tree or, if it is none that is looked at, from sysfs. */
static struct bytes loop_attribute(struct gathering *g, const char *device, const char *inner,
                                   const char *name)
{
    const char *dir = tree_link(g->tree, "/sys/block", device), *where;

    if (dir == NULL || *inner == '\0')
        where = dir;
    else
        where = rows_printf(&g->r, "%s/%s", dir, inner);
    if (where != NULL)
        return bytes_trim(tree_file(g->tree, where, name));
    name = *inner == '\0' ? name : rows_printf(&g->r, "%s/%s", inner, name);
    return name == NULL ? (struct bytes){ NULL, 0 } : attribute(g, USE_SYS_BLOCK, device, name);
}

static void read_loop_files(struct gathering *g)
{
    struct strs names = use_list(g->req, &g->r, USE_SYS_BLOCK);
    struct use_loop *loops = rows_array(&g->r, names.n, sizeof *loops);
    size_t n = 0;

    for (size_t i = 0; i < names.n && loops != NULL; i++) {
        struct use_loop *l = &loops[n];

        if (strncmp(names.v[i], "loop", 4) != 0)
            continue;
        *l = (struct use_loop){ .device = names.v[i] };
        l->file = loop_attribute(g, l->device, "loop", "backing_file");
        if (l->file.n == 0)
            continue;
        dm_devnum(loop_attribute(g, l->device, "", "dev"), &l->devnum);
        l->read_only = bytes_number(loop_attribute(g, l->device, "", "ro"), 10);
        n++;
    }
    g->in.loops = loops;
    g->in.loop_count = n;
}

static void read_members(struct gathering *g)
{
    struct strs all = use_list(g->req, &g->r, "/sys/fs/btrfs");
    struct use_member *members = NULL;
    size_t n = 0;

    for (size_t i = 0; i < all.n && !g->r.failed; i++) {
        const char *folder = rows_printf(&g->r, "/sys/fs/btrfs/%s/devices", all.v[i]);
        struct strs devices =
            folder == NULL ? (struct strs){ NULL, 0 } : use_list(g->req, &g->r, folder);
        struct use_member *more = rows_array(&g->r, n + devices.n, sizeof *more);

        if (more == NULL)
            return;
        if (n > 0)
            memcpy(more, members, n * sizeof *more);
        members = more;
        for (size_t k = 0; k < devices.n; k++)
            members[n++] = (struct use_member){ i, devnum_of(g, devices.v[k]) };
    }
    g->in.members = members;
    g->in.member_count = n;
}

/* Puts in place of a link what it leads to. False: out of /dev, which is never left, since
 * elsewhere a look may have to wait. */
static bool follow(char path[READ_PATH_MAX], const char *target)
{
    char *end = strrchr(path, '/');
    size_t room;

    if (*target == '/') {
        end = path;
        target++;
    }
    while (strncmp(target, "../", 3) == 0) {
        *end = '\0';
        end = strrchr(path, '/');
        target += 3;
        if (end == NULL)
            return false;
    }
    room = READ_PATH_MAX - (size_t)(end + 1 - path);
    if (strlen(target) >= room)
        return false;
    memcpy(end + 1, target, strlen(target) + 1);
    return strncmp(path, "/dev/", 5) == 0 && strstr(path, "/../") == NULL;
}

/* The device that a name in /dev leads to; 0: none. */
static uint64_t device_of(const char *name)
{
    char path[READ_PATH_MAX], target[READ_PATH_MAX];
    struct stat st;
    ssize_t n;

    if (strncmp(name, "/dev/", 5) != 0 || strstr(name, "/../") != NULL ||
        strlen(name) >= sizeof path)
        return 0;
    memcpy(path, name, strlen(name) + 1);
    for (int i = 0; i < LINKS_MAX; i++) {
        if (lstat(path, &st) < 0)
            return 0;
        if (S_ISBLK(st.st_mode))
            return DM_DEVNUM(major(st.st_rdev), minor(st.st_rdev));
        n = S_ISLNK(st.st_mode) ? readlink(path, target, sizeof target - 1) : -1;
        if (n <= 0)
            return 0;
        target[n] = '\0';
        if (!follow(path, target))
            return 0;
    }
    return 0;
}

static void add_source(struct gathering *g, struct bytes raw)
{
    struct bytes path = bytes_trim(use_unescape(&g->r, raw));
    size_t n = g->in.source_count, room = g->source_room;
    struct use_source *more, s = { .path = NULL };
    uint64_t devnum;

    if (path.n < 5 || memcmp(path.p, "/dev/", 5) != 0 || use_devnum_of(&g->in, path, &devnum))
        return;
    s.path = arena_strndup(g->r.a, (const char *)path.p, path.n);
    g->r.failed |= s.path == NULL;
    s.devnum = s.path == NULL ? 0 : device_of(s.path);
    if (s.devnum == 0)
        return;
    if (n == room) {
        more = rows_array(&g->r, room == 0 ? 16 : 2 * room, sizeof *more);
        if (more == NULL)
            return;
        if (n > 0)
            memcpy(more, g->sources, n * sizeof *more);
        g->sources = more;
        g->source_room = room == 0 ? 16 : 2 * room;
    }
    g->sources[g->in.source_count++] = s;
    g->in.sources = g->sources;
}

/* Of every device that is told by a path alone. */
static void read_sources(struct gathering *g)
{
    struct bytes text = g->in.swaps, path;
    struct use_mount m;
    bool is_file;

    while (use_swap_next(&text, &path, &is_file))
        add_source(g, path);
    for (size_t i = 0; i < g->in.namespace_count; i++) {
        text = g->in.namespaces[i].mountinfo;
        while (use_mount_next(&text, &m)) {
            if (bytes_equal(m.type, "btrfs"))
                add_source(g, m.source);
        }
    }
    for (size_t i = 0; i < g->in.loop_count; i++)
        add_source(g, g->in.loops[i].file);
    for (size_t i = 0; i < g->in.guest_count; i++)
        add_source(g, g->in.guests[i].target);
}

/* blkback tells by itself: no xenstore is needed. */
static size_t read_blkback(struct gathering *g, struct use_guest *out, struct strs names)
{
    struct bytes none = { NULL, 0 };
    size_t n = 0;

    for (size_t i = 0; i < names.n; i++) {
        if (!use_guest_name(bytes_of(names.v[i]), &out[n]))
            continue;
        use_guest_set(&out[n], none, none, attribute(g, XEN_BACKEND, names.v[i], "physical_device"),
                      attribute(g, XEN_BACKEND, names.v[i], "mode"));
        n++;
    }
    return n;
}

static int read_guests(struct gathering *g)
{
    static const char *const nodes[] = { "/dev/xen/xenbus", "/proc/xen/xenbus" };
    struct strs names = use_list(g->req, &g->r, XEN_BACKEND);
    struct use_guest *told = NULL, *all;
    struct err e = { "" };
    char path[READ_PATH_MAX];
    size_t n = 0;
    int fd = -1, rc = 0;

    if (g->req->sys_root == NULL || *g->req->sys_root == '\0')
        fd = fcntl(prepared(PREPARED_XENSTORE), F_DUPFD_CLOEXEC, 0);
    for (size_t i = 0; i < ARRAY_LEN(nodes) && fd < 0; i++) {
        /* A confined worker is refused even what is not there. */
        if (!read_path(g->req, path, "%s", nodes[i]) || access(path, F_OK) < 0)
            continue;
        fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        if (fd < 0)
            say(g, rows_printf(&g->r, "xenstore cannot be asked: %s", strerror(errno)));
    }
    if (fd >= 0) {
        rc = read_xenstore(fd, USE_XENSTORE_MS, g->r.a, &told, &n, &e);
        close(fd);
    }
    if (rc < 0)
        say(g, rows_printf(&g->r, "%s", e.text));
    all = rows_array(&g->r, n + names.n, sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    if (n > 0)
        memcpy(all, told, n * sizeof *all);
    g->in.guests = all;
    g->in.guest_count = n + read_blkback(g, all + n, names);
    return rc == -ENOMEM ? rc : 0;
}

int read_use_exports(const struct collect_request *req, struct arena *a, uint64_t **out, size_t *n,
                     struct err *e)
{
    struct gathering g = { .req = req, .r = { .a = a } };
    int rc = read_guests(&g);

    *n = 0;
    if (rc == 0)
        read_sources(&g);
    *out = rows_array(&g.r, g.in.guest_count, sizeof **out);
    if (rc < 0 || g.r.failed)
        return err_set(e, -ENOMEM, "out of memory while looking for what guests have");
    for (size_t i = 0; i < g.in.guest_count; i++) {
        uint64_t devnum = g.in.guests[i].devnum;

        if (devnum != 0 || use_devnum_of(&g.in, g.in.guests[i].target, &devnum))
            (*out)[(*n)++] = devnum;
    }
    return 0;
}

static void say_gaps(struct gathering *g)
{
    if (g->gaps.processes)
        say(g, rows_printf(&g->r, "there are more than %d processes, and not all were looked at",
                           USE_PROCESSES_MAX));
    if (g->gaps.namespaces)
        say(g, "there are more mounts, or mount namespaces, than are looked at");
    if (g->gaps.opens)
        say(g, "processes have devices open more often than is looked at");
    if (g->gaps.refused)
        say(g, "some processes may not be looked at, and what they have open is not known");
}

static int gather(struct gathering *g, struct err *e)
{
    char path[READ_PATH_MAX];
    int rc;

    if (read_path(g->req, path, "/proc/swaps"))
        g->in.swaps = read_file(g->r.a, path, SWAPS_MAX, NULL);
    read_holders(g);
    read_loop_files(g);
    read_members(g);
    rc = read_guests(g);
    if (rc == 0)
        rc = read_use_processes(g->req, g->r.a, &g->in, &g->gaps, e);
    else
        err_set(e, rc, "out of memory while looking for uses");
    read_sources(g);
    say_gaps(g);
    return rc;
}

int collect_uses(const struct collect_request *req, const struct used_devices *of, struct arena *a,
                 struct section *out, struct err *e)
{
    struct gathering g = { .req = req, .tree = of->tree, .r = { .a = a } };
    struct use_rows rows = { .n = 0 };
    int rc;

    *out = (struct section){ .id = SECTION_USES, .status = SECTION_OK };
    g.in.containers = use_devices(req, &g.r, of->containers, of->n, of->paths, of->path_count,
                                  &g.in.container_count);
    rc = g.in.containers == NULL ? -ENOMEM : gather(&g, e);
    if (rc == -ENOMEM || g.r.failed)
        return err_set(e, -ENOMEM, "out of memory while looking for uses");
    if (rc < 0) {
        out->status = SECTION_FAILED;
        out->status_text = e == NULL ? "uses cannot be read" : arena_strdup(a, e->text);
        return 0;
    }
    rc = parse_uses(&g.in, a, &rows, e);
    if (rc < 0)
        return rc;
    if (rows.cut)
        say(&g, "there are more uses, or mounts of one file system, than are told");
    out->rows = rows.v;
    out->row_count = rows.n;
    out->status_text = g.text;
    return 0;
}
