/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_lvm.h"

#include <dlfcn.h>
#include <errno.h>
#include <lvm2cmd.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/* Loaded by name, so that hosts without LVM run the same worker, and the other kinds of worker do
 * not load device-mapper's libraries. It stays loaded once it has run: the worker ends soon. */
#define LIBRARY      "liblvm2cmd.so.2.03"
#define ANSWER_LIMIT (64u << 20)
#define TROUBLE_MAX  256u

/* hints: /run/lvm/hints of another moment would hide PVs. use_devicesfile: the caller names the
 * devices, with --devices (LVM 2.03.12), for a filter of 4,000 patterns takes LVM 17 s and 500 MiB.
 * multipath: he gives no paths of maps. scan_lvs: what guests have in LVs is theirs.
 * ignore_suspended_devices: to read one would not end. */
#define CONFIG                                                                               \
    " --config 'devices{hints=\"none\" use_devicesfile=0 obtain_device_list_from_udev=0 "    \
    "external_device_info_source=\"none\" multipath_component_detection=0 scan_lvs=0 "       \
    "ignore_suspended_devices=1} global{metadata_read_only=1 use_lvmlockd=0 use_lvmpolld=0 " \
    "event_activation=0 activation=%d} activation{udev_sync=0 udev_rules=0 monitoring=0} "   \
    "backup{backup=0 archive=0} log{syslog=0 level=0 verbose=0 indent=0 prefix=\"\" "        \
    "report_command_log=0} report{mark_hidden_devices=0 binary_values_as_numeric=1 "         \
    "list_item_separator=\",\" compact_output=0 headings=1}' --devices "
/* foreign, shared: VGs of another system id, and of lvmlockd, are shown too. */
#define FORM " --reportformat json --units b --nosuffix --binary --foreign --shared --nolocking"

struct library {
    void *so;
    void *(*init)(void);
    void (*exit)(void *handle);
    void (*log_fn)(lvm2_log_fn_t fn);
    int (*run)(void *handle, const char *command);
};

/* Where the callback puts what LVM says: it has no argument of its own. */
static struct {
    struct buf *report;
    char trouble[TROUBLE_MAX];
} told;

static void hear(int level, const char *file, int line, int dm_errno, const char *message)
{
    enum lvm_message kind = lvm_message_kind(level, file);

    (void)line;
    (void)dm_errno;
    if (message == NULL)
        return;
    if (kind == LVM_MESSAGE_REPORT && told.report != NULL) {
        if (told.report->n > ANSWER_LIMIT)
            told.report->failed = true;
        buf_str(told.report, message);
        buf_str(told.report, "\n");
    } else if (kind == LVM_MESSAGE_ERROR && told.trouble[0] == '\0') {
        snprintf(told.trouble, sizeof told.trouble, "%s", message);
    }
}

static int open_library(struct library *l, struct err *e)
{
    *l = (struct library){ .so = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL) };
    if (l->so == NULL)
        return err_set(e, READ_LVM_NONE, "LVM is not installed: there is no %s", LIBRARY);
    *(void **)&l->init = dlsym(l->so, "lvm2_init");
    *(void **)&l->exit = dlsym(l->so, "lvm2_exit");
    *(void **)&l->log_fn = dlsym(l->so, "lvm2_log_fn");
    *(void **)&l->run = dlsym(l->so, "lvm2_run");
    if (l->init != NULL && l->exit != NULL && l->log_fn != NULL && l->run != NULL)
        return 0;
    dlclose(l->so);
    return err_set(e, READ_LVM_NONE, "LVM's library %s lacks functions of lvm2cmd.h", LIBRARY);
}

/* In a list with commas, unquoted. */
static bool path_is_plain(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 &&
           strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_:.+-") ==
               strlen(path);
}

static int add_config(const struct lvm_device *devices, size_t n, bool device_mapper,
                      struct buf *out, struct err *e)
{
    buf_printf(out, CONFIG, device_mapper ? 1 : 0);
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

/* What LVM answers to `command`, in `a`. */
static int ask(const struct library *l, void *handle, struct buf *command, struct arena *a,
               struct bytes *out, struct err *e)
{
    struct buf report = { 0 };
    int rc;

    if (buf_cstr(command) == NULL)
        return err_set(e, -ENOMEM, "out of memory while asking LVM");
    told.report = &report;
    rc = l->run(handle, buf_cstr(command));
    told.report = NULL;
    if (rc != LVM2_COMMAND_SUCCEEDED && rc != LVM2_PROCESSING_FAILED)
        rc = err_set(e, -EIO, "LVM refused (%d): %s", rc, told.trouble);
    else if (report.n > ANSWER_LIMIT)
        rc = err_set(e, -EFBIG, "LVM answered more than %u bytes", ANSWER_LIMIT);
    else if (report.n == 0)
        rc = err_set(e, -EIO, "LVM made no report: %s", told.trouble);
    else
        rc = report.failed ? -ENOMEM : 0;
    if (rc == 0) {
        *out = (struct bytes){ arena_memdup(a, report.p, report.n), report.n };
        rc = out->p == NULL ? -ENOMEM : 0;
    }
    if (rc == -ENOMEM)
        err_set(e, rc, "out of memory while LVM answered");
    buf_deinit(&report);
    return rc;
}

static int ask_both(const struct library *l, void *handle, const char *config, struct arena *a,
                    struct lvm_input *out, struct err *e)
{
    struct buf full = { 0 }, duplicates = { 0 };
    int rc;

    buf_str(&full, "fullreport --all" FORM);
    buf_str(&full, config);
    buf_str(&full, " --configreport vg -o " LVM_VG_FIELDS " --configreport pv -o " LVM_PV_FIELDS
                   " --configreport lv -o " LVM_LV_FIELDS " --configreport seg -o " LVM_SEG_FIELDS
                   " --configreport pvseg -o " LVM_PVSEG_FIELDS);
    buf_str(&duplicates, "pvs --all" FORM);
    buf_str(&duplicates, config);
    buf_str(&duplicates, " --select pv_duplicate=1 -o " LVM_DUPLICATE_FIELDS);
    rc = ask(l, handle, &full, a, &out->report, e);
    if (rc == 0)
        rc = ask(l, handle, &duplicates, a, &out->duplicates, e);
    buf_deinit(&full);
    buf_deinit(&duplicates);
    return rc;
}

static int set_environment(struct err *e)
{
    static const char *const variables[][2] = {
        { "LVM_SYSTEM_DIR", "" }, /* no lvm.conf, no lvmlocal.conf, no backups */
        { "LVM_SUPPRESS_FD_WARNINGS", "1" },
        { "DM_DISABLE_UDEV", "1" },
        { "LC_ALL", "C" },
        { "TZ", "UTC" },
    };

    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        if (setenv(variables[i][0], variables[i][1], 1) < 0)
            return err_set(e, -errno, "cannot set %s: %s", variables[i][0], strerror(errno));
    }
    return 0;
}

int read_lvm(const struct lvm_device *devices, size_t n, bool device_mapper, struct arena *a,
             struct lvm_input *out, const char **trouble, struct err *e)
{
    struct buf config = { 0 };
    struct library library;
    void *handle;
    int rc;

    *out =
        (struct lvm_input){ .devices = devices, .device_count = n, .device_mapper = device_mapper };
    *trouble = NULL;
    told.trouble[0] = '\0';
    if (n == 0) { /* to LVM an empty list would mean all devices */
        out->report = bytes_of("{\"report\":[]}");
        return 0;
    }
    rc = add_config(devices, n, device_mapper, &config, e);
    if (rc == 0)
        rc = set_environment(e);
    if (rc == 0)
        rc = open_library(&library, e);
    if (rc != 0)
        goto out;
    library.log_fn(hear);
    handle = library.init();
    if (handle == NULL) {
        rc = err_set(e, -EIO, "LVM does not start: %s", told.trouble);
    } else {
        rc = ask_both(&library, handle, buf_cstr(&config), a, out, e);
        library.exit(handle);
    }
    if (rc == 0 && told.trouble[0] != '\0' && (*trouble = arena_strdup(a, told.trouble)) == NULL)
        rc = err_set(e, -ENOMEM, "out of memory while LVM answered");
out:
    buf_deinit(&config);
    return rc;
}
