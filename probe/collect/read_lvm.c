/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_lvm.h"

#include <errno.h>
#include <lvm2cmd.h>

#include "collect/lvm_library.h"

#define ANSWER_LIMIT (64u << 20)

/* foreign, shared: VGs of another system id, and of lvmlockd, are shown too. */
#define FORM " --reportformat json --units b --nosuffix --binary --foreign --shared --nolocking"

/* What LVM answers to `command`, in `a`. */
static int ask(const struct lvm_library *l, struct buf *command, struct arena *a, struct bytes *out,
               char trouble[LVM_TROUBLE_MAX], struct err *e)
{
    struct buf report = { 0 };
    char more[LVM_TROUBLE_MAX];
    int rc;

    if (buf_cstr(command) == NULL)
        return err_set(e, -ENOMEM, "out of memory while asking LVM");
    rc = lvm_library_run(l, buf_cstr(command), &report);
    lvm_library_trouble(more);
    if (trouble[0] == '\0')
        memcpy(trouble, more, LVM_TROUBLE_MAX);
    if (rc != LVM2_COMMAND_SUCCEEDED && rc != LVM2_PROCESSING_FAILED)
        rc = err_set(e, -EIO, "LVM refused (%d): %s", rc, trouble);
    else if (report.n > ANSWER_LIMIT)
        rc = err_set(e, -EFBIG, "LVM answered more than %u bytes", ANSWER_LIMIT);
    else if (report.n == 0)
        rc = err_set(e, -EIO, "LVM made no report: %s", trouble);
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

static int ask_full(const struct lvm_library *l, const char *config, struct arena *a,
                    struct lvm_input *out, char trouble[LVM_TROUBLE_MAX], struct err *e)
{
    struct buf full = { 0 };
    int rc;

    buf_str(&full, "fullreport --all" FORM);
    buf_str(&full, config);
    buf_str(&full, " --configreport vg -o " LVM_VG_FIELDS " --configreport pv -o " LVM_PV_FIELDS
                   " --configreport lv -o " LVM_LV_FIELDS " --configreport seg -o " LVM_SEG_FIELDS
                   " --configreport pvseg -o " LVM_PVSEG_FIELDS);
    rc = ask(l, &full, a, &out->report, trouble, e);
    buf_deinit(&full);
    return rc;
}

static int ask_duplicates(const struct lvm_library *l, const char *config, struct arena *a,
                          struct lvm_input *out, char trouble[LVM_TROUBLE_MAX], struct err *e)
{
    struct buf duplicates = { 0 };
    int rc;

    buf_str(&duplicates, "pvs --all" FORM);
    buf_str(&duplicates, config);
    buf_str(&duplicates, " --select pv_duplicate=1 -o " LVM_DUPLICATE_FIELDS);
    rc = ask(l, &duplicates, a, &out->duplicates, trouble, e);
    buf_deinit(&duplicates);
    return rc;
}

static int ask_itself(const char *config, struct arena *a, struct lvm_input *out,
                      char trouble[LVM_TROUBLE_MAX], struct err *e)
{
    struct lvm_library library;
    int rc = lvm_library_open(&library, e);

    if (rc != 0)
        return rc;
    rc = ask_full(&library, config, a, out, trouble, e);
    if (rc == 0)
        rc = ask_duplicates(&library, config, a, out, trouble, e);
    lvm_library_close(&library);
    return rc;
}

int read_lvm_with(const struct lvm_library *library, const struct lvm_device *devices, size_t n,
                  bool device_mapper, struct arena *a, struct lvm_input *out, const char **trouble,
                  struct err *e)
{
    char said[LVM_TROUBLE_MAX] = "";
    struct buf config = { 0 };
    int rc;

    *out =
        (struct lvm_input){ .devices = devices, .device_count = n, .device_mapper = device_mapper };
    *trouble = NULL;
    if (n == 0) { /* to LVM an empty list would mean all devices */
        out->report = bytes_of("{\"report\":[]}");
        return 0;
    }
    rc = lvm_library_config(devices, n, device_mapper, false, &config, e);
    if (rc == 0 && library == NULL)
        rc = ask_itself(buf_cstr(&config), a, out, said, e);
    else if (rc == 0)
        rc = ask_full(library, buf_cstr(&config), a, out, said, e);
    if (rc == 0 && said[0] != '\0' && (*trouble = arena_strdup(a, said)) == NULL)
        rc = err_set(e, -ENOMEM, "out of memory while LVM answered");
    buf_deinit(&config);
    return rc;
}

int read_lvm(const struct lvm_device *devices, size_t n, bool device_mapper, struct arena *a,
             struct lvm_input *out, const char **trouble, struct err *e)
{
    return read_lvm_with(NULL, devices, n, device_mapper, a, out, trouble, e);
}
