/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "collect/parse_device_name.h"
#include "collect/read.h"
#include "collect/read_block.h"

#define ATTRIBUTE_MAX 4096 /* sysfs gives a page at most */

#define NAMES_MAX 12

_Static_assert(READ_PATH_MAX <= LIMIT_STRING_BYTES, "every folder can be remembered");

/* Only what is named here is ever opened. */
static const struct {
    const char *class;
    const char *names[NAMES_MAX];
} classes[] = {
    { "scsi_host",
      { "proc_name", "state", "model_name", "modelname", "board_name", "serial_num", "serialnum",
        "fw_version", "fwrev", "version_fw", "host_sas_address" } },
    { "fc_host",
      { "node_name", "port_name", "fabric_name", "port_id", "port_type", "port_state", "speed",
        "supported_speeds", "symbolic_name", "model", "serial_number", "firmware_version" } },
    { "fc_remote_ports", { "node_name", "port_name", "port_id", "port_state" } },
    { "fc_transport", { "node_name", "port_name", "port_id" } },
    { "iscsi_host", { "initiatorname", "ipaddress", "netdev" } },
    /* password, password_in, username and username_in are beside these: CHAP's, in clear. */
    { "iscsi_session", { "targetname", "initiatorname", "state", "tpgt" } },
    { "iscsi_connection", { "address", "port", "persistent_address", "persistent_port", "state" } },
    { "sas_host", { NULL } },
    { "sas_phy", { "sas_address" } },
    { "sas_device", { "sas_address" } },
    { "nvme",
      { "transport", "model", "serial", "firmware_rev", "address", "state", "subsysnqn",
        "hostnqn" } },
};

static const char *const disk_names[] = { "dev",    "size",   "ro",      "removable",
                                          "hidden", "serial", "diskseq", "wwid",
                                          "nguid",  "eui",    "uuid",    "nsid" };
static const char *const nvme_names[] = { "ana_state" };
static const char *const queue_names[] = { "logical_block_size", "physical_block_size",
                                           "rotational", "discard_max_bytes" };
static const char *const loop_names[] = { "backing_file", "offset", "sizelimit" };
static const char *const dm_names[] = { "name", "uuid", "suspended" };
static const char *const md_names[] = { "uuid" };
static const char *const scsi_names[] = { "vendor",       "model",     "rev",        "type",
                                          "state",        "wwid",      "vpd_pg80",   "vpd_pg83",
                                          "access_state", "ioerr_cnt", "sas_address" };
static const char *const partition_names[] = { "partition", "start", "size", "dev", "ro" };

/* What changes without an announcement is never taken from memory. */
static const char *const moving[] = { "state", "access_state", "ioerr_cnt", "ana_state",
                                      "suspended" };

struct reading {
    const struct collect_request *req;
    const struct tree *before; /* what it said earlier in this boot */
    struct arena *a;
    struct tree_builder b;
    bool known;        /* the disk that is looked at is taken from there, as far as may be */
    size_t root_bytes; /* of the real path of sys_root: in front of what realpath(3) says */
};

static const char *kept(struct reading *r, const char *text, size_t n)
{
    const char *out = arena_strndup(r->a, text, n);

    if (out == NULL && r->b.error == 0)
        r->b.error = -ENOMEM;
    return out;
}

/* An attribute, in `a`: sysfs gives it in one piece. Nothing: it is not there, or says nothing. */
static struct bytes read_attribute(struct reading *r, int folder, const char *name)
{
    char text[ATTRIBUTE_MAX];
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
    struct bytes out = { NULL, 0 };

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return out;
    out.p = arena_memdup(r->a, text, (size_t)n);
    if (out.p == NULL)
        r->b.error = -ENOMEM;
    else
        out.n = (size_t)n;
    return out;
}

static bool is_in(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n && names[i] != NULL; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* A folder of sysfs; negative: it is not there. */
static int open_folder(struct reading *r, const char *where)
{
    char path[READ_PATH_MAX];

    return read_path(r->req, path, "%s", where) ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

static bool moves(const char *name)
{
    return is_in(name, moving, ARRAY_LEN(moving));
}

static void add_known(struct reading *r, const char *where, const char *const *names, size_t n)
{
    struct tree old = tree_children(r->before, where);

    for (size_t i = 0; i < old.n; i++) {
        const struct tree_entry *e = &old.v[i];

        if (e->kind == TREE_FILE && is_in(e->name, names, n) && !moves(e->name))
            tree_add_file(&r->b, where, e->name, (struct bytes){ e->data, e->n });
    }
}

static const char *inside(struct reading *r, const char *dir, const char *inner)
{
    const char *where = inner == NULL ? dir : arena_printf(r->a, "%s/%s", dir, inner);

    if (where == NULL)
        r->b.error = -ENOMEM;
    return where;
}

/* Adds the attributes that are there and say something; `inner` is a folder below `dir`, or NULL.
 * Of a known disk only those that move are read, whether they were there or not: ALUA's state is
 * there only once multipathd has attached its handler. */
static void add_files(struct reading *r, const char *dir, const char *inner,
                      const char *const *names, size_t n)
{
    const char *where = inside(r, dir, inner);
    bool any = !r->known;
    int folder;

    if (where == NULL)
        return;
    if (r->known)
        add_known(r, where, names, n);
    for (size_t i = 0; i < n && names[i] != NULL; i++)
        any |= moves(names[i]);
    folder = any ? open_folder(r, where) : -1;
    if (folder < 0)
        return;
    for (size_t i = 0; i < n && names[i] != NULL && r->b.error == 0; i++) {
        struct bytes data = { NULL, 0 };

        if (!r->known || moves(names[i]))
            data = read_attribute(r, folder, names[i]);
        if (data.n > 0)
            tree_add_file(&r->b, where, names[i], data);
    }
    close(folder);
}

/* Where a link of this machine's sysfs leads: as real as `dir`, since links there lead to folders
 * by their real names. False: it is none of the kind. */
static bool follow(const char *path, const char *dir, char out[READ_PATH_MAX])
{
    char target[READ_PATH_MAX], *rest = target;
    ssize_t n = readlink(path, target, sizeof target - 1);
    size_t len = strlen(dir);

    if (n <= 0 || *target == '/')
        return false;
    target[n] = '\0';
    for (; strncmp(rest, "../", 3) == 0 && len > 0; rest += 3) {
        while (len > 0 && dir[len - 1] != '/')
            len--;
        len -= len > 0;
    }
    if (strstr(rest, "..") != NULL || len + 1 + strlen(rest) >= READ_PATH_MAX)
        return false;
    memcpy(out, dir, len);
    out[len] = '/';
    memcpy(out + len + 1, rest, strlen(rest) + 1);
    return true;
}

/* The real path of a link, without sys_root in front; NULL: there is none. */
static const char *real_path(struct reading *r, const char *dir, const char *name)
{
    char path[READ_PATH_MAX], told[READ_PATH_MAX];
    struct bytes real = { NULL, 0 };

    if (r->root_bytes == 0 && read_path(r->req, path, "%s/%s", dir, name) &&
        follow(path, dir, told))
        return kept(r, told, strlen(told));
    if (read_path(r->req, path, "%s/%s", dir, name) && access(path, F_OK) == 0)
        real = read_real_path(r->a, path);
    if (real.n <= r->root_bytes)
        return NULL;
    return kept(r, (const char *)real.p + r->root_bytes, real.n - r->root_bytes);
}

static const char *add_link(struct reading *r, const char *dir, const char *name)
{
    const char *target = real_path(r, dir, name);

    if (target != NULL)
        tree_add_link(&r->b, dir, name, target);
    return target;
}

/* Calls `each` for what is in a folder. False: it cannot be read. */
static bool for_entries(struct reading *r, const char *dir,
                        void (*each)(struct reading *r, const char *dir, const char *name))
{
    char path[READ_PATH_MAX];
    struct dirent *entry;
    DIR *d = read_path(r->req, path, "%s", dir) ? opendir(path) : NULL;

    if (d == NULL)
        return false;
    while (r->b.error == 0 && (entry = readdir(d)) != NULL) {
        const char *name =
            entry->d_name[0] == '.' ? NULL : kept(r, entry->d_name, strlen(entry->d_name));

        if (name != NULL)
            each(r, dir, name);
    }
    closedir(d);
    return true;
}

bool read_block_wants(const struct collect_request *req, const char *device)
{
    for (size_t i = 0; i < req->devices.n; i++) {
        if (glob_match(req->devices.v[i], device))
            return true;
    }
    return req->devices.n == 0;
}

static void add_holder(struct reading *r, const char *dir, const char *name)
{
    if (read_block_wants(r->req, name))
        tree_add_dir(&r->b, dir, name);
}

static void add_holders(struct reading *r, const char *dir)
{
    const char *holders = arena_printf(r->a, "%s/holders", dir);

    if (holders != NULL)
        for_entries(r, holders, add_holder);
    else
        r->b.error = -ENOMEM;
}

/* Drivers and NUMA nodes of a controller and of what it is plugged into. */
static void add_place(struct reading *r, const char *dir)
{
    static const char *const names[] = { "numa_node" };
    size_t n = strlen(dir);

    while (n > strlen("/sys/devices")) {
        const char *at = kept(r, dir, n);

        if (at == NULL)
            return;
        add_link(r, at, "driver");
        add_files(r, at, NULL, names, ARRAY_LEN(names));
        while (n > 0 && dir[n - 1] != '/')
            n--;
        n -= n > 0;
    }
}

/* Partitions have their disk's name in front. */
static void add_partition(struct reading *r, const char *dir, const char *name)
{
    const char *disk = strrchr(dir, '/') + 1, *inner;

    if (strncmp(name, disk, strlen(disk)) != 0)
        return;
    inner = arena_printf(r->a, "%s/%s", dir, name);
    if (inner == NULL) {
        r->b.error = -ENOMEM;
        return;
    }
    tree_add_dir(&r->b, dir, name);
    add_files(r, inner, NULL, partition_names, ARRAY_LEN(partition_names));
    add_holders(r, inner);
}

/* "0:0:0:1" */
static bool is_scsi(const char *device)
{
    const char *name = strrchr(device, '/') + 1;

    return isdigit((unsigned char)*name) && strchr(name, ':') != NULL;
}

static const char *add_known_link(struct reading *r, const char *dir, const char *name)
{
    const char *target = tree_link(r->before, dir, name);

    if (target != NULL)
        tree_add_link(&r->b, dir, name, target);
    return target;
}

static void add_known_partitions(struct reading *r, const char *dir)
{
    struct tree old = tree_children(r->before, dir);

    for (size_t i = 0; i < old.n; i++) {
        if (old.v[i].kind == TREE_DIR)
            add_partition(r, dir, old.v[i].name);
    }
}

/* Whether an attribute that was there says what it said. */
static bool is_same(struct reading *r, const char *where, const char *name)
{
    struct bytes old = tree_file(r->before, where, name), is = { NULL, 0 };
    int folder = old.n == 0 ? -1 : open_folder(r, where);

    if (folder >= 0) {
        is = read_attribute(r, folder, name);
        close(folder);
    }
    return is.n == old.n && (is.n == 0 || memcmp(is.p, old.p, is.n) == 0);
}

/* Whether what is remembered is still of this disk: docs/ARCHITECTURE.md, section 4. */
static bool is_known(struct reading *r, const char *dir, const char *name)
{
    const char *device, *loop;

    if (r->req->whole || tree_file(r->before, dir, "dev").n == 0 ||
        device_is_touched(name, r->req->touched))
        return false;
    device = tree_link(r->before, dir, "device");
    loop = inside(r, dir, "loop");
    return loop != NULL && is_same(r, dir, "wwid") && is_same(r, loop, "backing_file") &&
           (device == NULL || is_same(r, device, "wwid"));
}

/* The link of /sys/block comes last, and only if the disk is still there: without it nothing of the
 * disk is looked at. */
static void add_disk(struct reading *r, const char *block, const char *name)
{
    const char *dir = read_block_wants(r->req, name) ? real_path(r, block, name) : NULL, *device;

    if (dir == NULL || strrchr(dir, '/') == NULL)
        return;
    r->known = is_known(r, dir, name);
    add_files(r, dir, NULL, disk_names, ARRAY_LEN(disk_names));
    add_files(r, dir, "queue", queue_names, ARRAY_LEN(queue_names));
    if (strncmp(name, "loop", 4) == 0)
        add_files(r, dir, "loop", loop_names, ARRAY_LEN(loop_names));
    if (strncmp(name, "nvme", 4) == 0)
        add_files(r, dir, NULL, nvme_names, ARRAY_LEN(nvme_names));
    if (strncmp(name, "dm-", 3) == 0)
        add_files(r, dir, "dm", dm_names, ARRAY_LEN(dm_names));
    if (strncmp(name, "md", 2) == 0)
        add_files(r, dir, "md", md_names, ARRAY_LEN(md_names));
    device = r->known ? add_known_link(r, dir, "device") : add_link(r, dir, "device");
    if (device != NULL && is_scsi(device))
        add_files(r, device, NULL, scsi_names, ARRAY_LEN(scsi_names));
    else if (device != NULL && strstr(device, "/virtio") != NULL)
        add_place(r, device);
    if (r->known)
        add_known_partitions(r, dir);
    else
        for_entries(r, dir, add_partition);
    add_holders(r, dir);
    if (r->known || real_path(r, block, name) != NULL)
        tree_add_link(&r->b, block, name, dir);
    r->known = false;
}

static void add_member(struct reading *r, const char *class_dir, const char *name)
{
    const char *class = strrchr(class_dir, '/') + 1;
    const char *dir = add_link(r, class_dir, name);

    for (size_t i = 0; i < ARRAY_LEN(classes) && dir != NULL; i++) {
        if (strcmp(class, classes[i].class) == 0)
            add_files(r, dir, NULL, classes[i].names, NAMES_MAX);
    }
    if (dir != NULL && (strcmp(class, "scsi_host") == 0 || strcmp(class, "nvme") == 0))
        add_place(r, dir);
}

static size_t root_length(const struct collect_request *req, struct arena *a)
{
    if (req->sys_root == NULL || *req->sys_root == '\0')
        return 0;
    return read_real_path(a, req->sys_root).n;
}

int read_tree(const struct collect_request *req, const struct tree *before, struct arena *a,
              struct tree *out, struct err *e)
{
    struct reading r = { .req = req, .before = before, .a = a, .b = { .a = a } };

    r.root_bytes = root_length(req, a);
    if (!for_entries(&r, "/sys/block", add_disk))
        return err_set(e, -ENOENT, "/sys/block cannot be read: sysfs is not mounted there");
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        const char *dir = arena_printf(a, "/sys/class/%s", classes[i].class);

        if (dir == NULL)
            return err_set(e, -ENOMEM, "out of memory while reading block devices");
        for_entries(&r, dir, add_member);
    }
    return tree_finish(&r.b, out, e);
}
