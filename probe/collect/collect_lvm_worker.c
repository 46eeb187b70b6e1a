/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker of kind lvm runs: which devices LVM is told of, and then LVM. LVM waits for ever
 * for a device that does not answer, so it gets those that have just answered to us, and of them
 * those that have a PV's label. */
#include <errno.h>

#include "base/limits.h"
#include "collect/parse_lvm_mapped.h"
#include "collect/read.h"
#include "collect/read_lvm.h"
#include "collect/read_lvm_auto.h"
#include "collect/read_storage.h"
#include "collect/read_uses.h"

static bool is_among(uint64_t devnum, const uint64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i] == devnum)
            return true;
    }
    return false;
}

/* A guest may have a LUN by any of its paths. */
static bool is_lun_guests(const struct storage *s, const char *lun, const uint64_t *exports,
                          size_t n)
{
    for (size_t i = 0; i < s->rows.path_count; i++) {
        const struct path *p = &s->rows.paths[i];
        uint64_t devnum;

        if (strcmp(p->lun, lun) == 0 && REC_HAS(p, path, devnum) &&
            dm_devnum(bytes_of(p->devnum), &devnum) && is_among(devnum, exports, n))
            return true;
    }
    return false;
}

/* What a guest has, or the disk that it has a part of: its PVs are its own. */
static bool is_guests(struct storage *s, const struct block_container *c, const uint64_t *exports,
                      size_t n)
{
    const struct block_container *lun = NULL;

    if (n == 0)
        return false;
    if (c->lun != NULL)
        lun = container_by_name(s->containers, s->container_count, c->lun);
    return is_among(c->devnum, exports, n) || (lun != NULL && is_among(lun->devnum, exports, n)) ||
           (c->lun != NULL && is_lun_guests(s, c->lun, exports, n));
}

/* PVs inside LVs are guests' too, or nobody's. One that is only remembered has not answered now. */
static bool is_for_lvm(const struct block_container *c)
{
    return c->device != NULL && c->kind != CONTAINER_LV && c->answer != NULL &&
           c->answer->status == LABEL_READ && !c->answer->remembered &&
           label_pv_uuid(&c->answer->label) != NULL;
}

static struct lvm_device *choose(struct storage *s, const uint64_t *exports, size_t export_count,
                                 size_t *n)
{
    struct lvm_device *v = rows_array(&s->r, s->container_count, sizeof *v);

    *n = 0;
    for (size_t i = 0; i < s->container_count && v != NULL; i++) {
        const struct block_container *c = &s->containers[i];

        if (!is_for_lvm(c) || is_guests(s, c, exports, export_count))
            continue;
        v[*n].path = device_path(&s->r, c->device);
        v[*n].name = c->device;
        v[*n].devnum = rows_printf(&s->r, "%u:%u", (unsigned)(c->devnum >> 32),
                                   (unsigned)(c->devnum & UINT32_MAX));
        v[(*n)++].container = c->container;
    }
    return v;
}

static struct section *good(struct section *v, size_t n, enum section_id id)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].status == SECTION_OK && v[i].id == id)
            return &v[i];
    }
    return NULL;
}

static void find_faults(struct storage_read *r, const struct lvm_tables *tables, struct section *v,
                        size_t n)
{
    struct section *vgs = good(v, n, SECTION_VGS), *lvs = good(v, n, SECTION_LVS);

    if (vgs != NULL && lvs != NULL) {
        const struct mapped_lvm lvm = { .lvs = lvs->rows,
                                        .lv_count = lvs->row_count,
                                        .tables = tables };

        mapped_faults(&r->s.r, r->in.maps, r->in.map_count, &lvm, vgs->rows, vgs->row_count);
    }
}

/* What is not known of the host's configuration is not told. */
static void find_activators(const struct collect_request *req, struct rows *r, struct section *v,
                            size_t n)
{
    struct section *vgs = good(v, n, SECTION_VGS), *lvs = good(v, n, SECTION_LVS);
    struct lvm_auto found;
    int rc;

    if (vgs == NULL || lvs == NULL || vgs->row_count == 0)
        return;
    rc = read_lvm_auto(req, r->a, &found);
    for (size_t i = 0; rc == 0 && i < vgs->row_count; i++) {
        struct vg *row = (struct vg *)vgs->rows + i;
        const char *text;

        rc = lvm_auto_text(&found, row, lvs->rows, lvs->row_count, r->a, &text);
        if (rc == 0 && text != NULL)
            ROW_TEXT(row, vg, activated_by, rows_text(r, bytes_of(text)));
    }
    r->failed |= rc == -ENOMEM;
}

int collect_lvm_worker(const struct collect_request *req, struct arena *a, struct section *out,
                       size_t *count, struct bytes *memory, struct err *e)
{
    struct storage_read *r = arena_alloc(a, sizeof *r);
    struct lvm_device *devices = NULL;
    size_t export_count = 0, n = 0, left_out;
    uint64_t *exports = NULL;
    struct lvm_tables tables;
    int rc = r == NULL ? err_set(e, -ENOMEM, "out of memory while reading storage")
                       : read_storage_devices(req, a, r, e);

    if (rc == 0)
        rc = read_storage_labels(req, true, NULL, r, e);
    if (rc == 0)
        rc = read_use_exports(req, a, &exports, &export_count, e);
    if (rc == 0)
        devices = choose(&r->s, exports, export_count, &n);
    if (rc == 0 && r->s.r.failed)
        rc = err_set(e, -ENOMEM, "out of memory while choosing devices for LVM");
    if (rc == 0)
        rc = collect_lvm(req->sys_root, devices, n, a, out, count, &tables, e);
    if (rc == 0) {
        find_faults(r, &tables, out, *count);
        find_activators(req, &r->s.r, out, *count);
    }
    if (rc == 0 && r->s.r.failed)
        rc = err_set(e, -ENOMEM, "out of memory while looking at devices of LVs");
    return rc < 0 ? rc : read_storage_keep(r, memory, &left_out, e);
}
