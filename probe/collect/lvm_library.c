/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/lvm_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <lvm2cmd.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Loaded by name, so that hosts without LVM run the same worker, and the other kinds of worker do
 * not load device-mapper's libraries. It stays loaded once it has run: the worker ends soon. */
#define LIBRARY      "liblvm2cmd.so.2.03"
#define ANSWER_LIMIT (64u << 20)

/* hints: /run/lvm/hints of another moment would hide PVs. use_devicesfile: the caller names the
 * devices, with --devices (LVM 2.03.12), for a filter of 4,000 patterns takes LVM 17 s and 500 MiB.
 * multipath: he gives no paths of maps. scan_lvs: what guests have in
 * LVs is theirs. ignore_suspended_devices: to read one would not end. udev_rules: LVM tells udev
 * with each change of a device whether its rules count, and where they do not the device loses its
 * links in /dev. */
#define CONFIG                                                                                                               \
    " --config 'devices{hints=\"none\" use_devicesfile=0 obtain_device_list_from_udev=0 "                                    \
    "external_device_info_source=\"none\" multipath_component_detection=0 scan_lvs=0 "                                       \
    "ignore_suspended_devices=1} global{metadata_read_only=%d use_lvmlockd=0 use_lvmpolld=0 "                                \
    "event_activation=0 activation=%d} activation{udev_sync=0 udev_rules=%d "                                                \
    "verify_udev_operations=0 monitoring=0} backup{backup=0 archive=0} log{syslog=0 level=0 verbose=0 indent=0 prefix=\"\" " \
    "report_command_log=0} report{mark_hidden_devices=0 binary_values_as_numeric=1 "                                         \
    "list_item_separator=\",\" compact_output=0 headings=1}' --devices "
#define NO_UDEV "DM_DISABLE_UDEV"
/* What a reader says of metadata areas of different versions. */
#define UNEQUAL "vgck --updatemetadata"

/* What LVM takes from a file alone, as it starts. Before it suspends a device it touches as many
 * KiB as it may want until the device goes on, twice: of the 8 MiB that it would take itself, most
 * of a second goes to page faults where those are dear. It changes one LV with each command, and
 * says so if that was too little. */
#define SETTLED "activation{reserved_memory=1024}\n"
/* glibc gives to the kernel what is freed, and asks for it again; LVM frees all with each command.
 */
enum { KEPT_BYTES = 32 << 20 };

/* Where the callback puts what LVM says: it has no argument of its own. */
static struct {
    struct buf *report;
    char trouble[LVM_TROUBLE_MAX];
    bool unequal;
} told;

static void hear(int level, const char *file, int line, int dm_errno, const char *message)
{
    enum lvm_message kind = lvm_message_kind(level, file);

    (void)line;
    (void)dm_errno;
    if (message == NULL)
        return;
    told.unequal |= kind != LVM_MESSAGE_REPORT && strstr(message, UNEQUAL) != NULL;
    if (kind == LVM_MESSAGE_REPORT && told.report != NULL) {
        if (told.report->n > ANSWER_LIMIT)
            told.report->failed = true;
        buf_str(told.report, message);
        buf_str(told.report, "\n");
    } else if (kind == LVM_MESSAGE_ERROR && told.trouble[0] == '\0') {
        snprintf(told.trouble, sizeof told.trouble, "%s", message);
    }
}

static bool has_udev;

void lvm_library_with_udev(void)
{
    has_udev = true;
}

static int set_environment(const char *system_dir, struct err *e)
{
    const char *const variables[][2] = {
        { "LVM_SYSTEM_DIR", system_dir },
        { "LVM_SUPPRESS_FD_WARNINGS", "1" },
        { "LC_ALL", "C" },
        { "TZ", "UTC" },
    };

    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        if (setenv(variables[i][0], variables[i][1], 1) < 0)
            return err_set(e, -errno, "cannot set %s: %s", variables[i][0], strerror(errno));
    }
    if (!has_udev && setenv(NO_UDEV, "1", 1) < 0)
        return err_set(e, -errno, "cannot set %s: %s", NO_UDEV, strerror(errno));
    return 0;
}

int lvm_library_open_as_host(struct lvm_library *l, const char *system_dir, struct err *e)
{
    void *(*init)(void);
    void (*log_fn)(lvm2_log_fn_t fn);
    int rc = set_environment(system_dir, e);

    *l = (struct lvm_library){ .so = NULL };
    if (rc < 0)
        return rc;
    l->so = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (l->so == NULL)
        return err_set(e, LVM_LIBRARY_NONE, "LVM is not installed: there is no %s", LIBRARY);
    *(void **)&init = dlsym(l->so, "lvm2_init");
    *(void **)&log_fn = dlsym(l->so, "lvm2_log_fn");
    *(void **)&l->exit = dlsym(l->so, "lvm2_exit");
    *(void **)&l->run = dlsym(l->so, "lvm2_run");
    if (init == NULL || l->exit == NULL || log_fn == NULL || l->run == NULL) {
        dlclose(l->so);
        return err_set(e, LVM_LIBRARY_NONE, "LVM's library %s lacks functions of lvm2cmd.h",
                       LIBRARY);
    }
    told.trouble[0] = '\0';
    told.unequal = false;
    log_fn(hear);
    l->handle = init();
    return l->handle == NULL ? err_set(e, -EIO, "LVM does not start: %s", told.trouble) : 0;
}

static const char *own_folder = ""; /* no lvm.conf, no lvmlocal.conf, no backups */

int lvm_library_settle(const char *folder, struct err *e)
{
    char path[64];
    int fd = -1, rc = 0;

    snprintf(path, sizeof path, "%s/lvm.conf", folder);
    if (mkdir(folder, 0755) == 0)
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd < 0)
        rc = -errno;
    else if (write(fd, SETTLED, sizeof SETTLED - 1) != sizeof SETTLED - 1)
        rc = -EIO;
    if (fd >= 0)
        close(fd);
    if (rc < 0)
        return err_set(e, rc, "cannot write %s: %s", path, strerror(-rc));
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    own_folder = folder;
    return 0;
}

int lvm_library_open(struct lvm_library *l, struct err *e)
{
    return lvm_library_open_as_host(l, own_folder, e);
}

void lvm_library_close(struct lvm_library *l)
{
    if (l->handle != NULL)
        l->exit(l->handle);
    l->handle = NULL;
}

int lvm_library_run(const struct lvm_library *l, const char *command, struct buf *report)
{
    int rc;

    told.report = report;
    rc = l->run(l->handle, command);
    told.report = NULL;
    if (report != NULL && report->n > ANSWER_LIMIT)
        report->failed = true;
    return rc;
}

void lvm_library_trouble(char out[LVM_TROUBLE_MAX])
{
    memcpy(out, told.trouble, LVM_TROUBLE_MAX);
    told.trouble[0] = '\0';
}

bool lvm_library_unequal(void)
{
    bool was = told.unequal;

    told.unequal = false;
    return was;
}

/* In a list with commas, unquoted. */
static bool path_is_plain(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 &&
           strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_:.+-") ==
               strlen(path);
}

int lvm_library_config(const struct lvm_device *devices, size_t n, bool activates, bool writes,
                       struct buf *out, struct err *e)
{
    buf_printf(out, CONFIG, writes ? 0 : 1, activates ? 1 : 0, activates ? 1 : 0);
    for (size_t i = 0; i < n; i++) {
        if (!path_is_plain(devices[i].path))
            return err_set(e, -EINVAL,
                           "LVM cannot be told to read %s: a device is /dev/ and "
                           "letters, digits or any of /_:.+-",
                           devices[i].path);
        buf_printf(out, "%s%s", i == 0 ? "" : ",", devices[i].path);
    }
    return buf_cstr(out) == NULL ? err_set(e, -ENOMEM, "out of memory while asking LVM") : 0;
}
