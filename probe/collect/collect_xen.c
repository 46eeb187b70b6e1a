/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as Xen knows it, and its domains. The hypervisor answers at once, whatever becomes of
 * xenstored; only the names of domains are asked of that. */
#include <errno.h>

#include "collect/parse_system.h"
#include "collect/prepare.h"
#include "collect/read.h"
#include "collect/read_xen.h"

enum { FILE_MAX = 4096 };

static struct bytes read_one(const struct collect_request *req, struct arena *a, const char *name)
{
    char path[READ_PATH_MAX];

    if (!read_path(req, path, "%s", name))
        return (struct bytes){ NULL, 0 };
    return read_file(a, path, FILE_MAX, NULL);
}

/* Why Xen is not asked of the machine; NULL: it is. */
static const char *nothing_to_ask(const struct collect_request *req, struct arena *a)
{
    struct system_input in = { .cpu_count = 0 };

    in.file[FILE_HYPERVISOR_TYPE] = read_one(req, a, "/sys/hypervisor/type");
    in.file[FILE_XEN_UUID] = read_one(req, a, "/sys/hypervisor/uuid");
    in.file[FILE_XEN_CAPABILITIES] = read_one(req, a, "/proc/xen/capabilities");
    if (!system_is_xen(&in))
        return "no hypervisor: this kernel does not run under Xen";
    if (system_is_guest(&in))
        return "this kernel runs in a guest of Xen, which tells dom0 alone of the machine";
    if (req->sys_root != NULL && *req->sys_root != '\0')
        return "the files are those of another machine, whose Xen cannot be asked";
    return NULL;
}

static void fail(struct section *s, struct arena *a, const struct err *e)
{
    s->status = SECTION_FAILED;
    s->status_text = arena_strdup(a, e->text);
}

static int collect_machine(struct arena *a, struct section *out, struct err *e)
{
    struct rows r = { .a = a };
    struct xen_machine in;
    struct xen *row = rows_array(&r, 1, sizeof *row);
    int rc = row == NULL ? -ENOMEM : read_xen(a, &in, e);

    if (rc == 0) {
        parse_xen(&r, &in, row);
        out->rows = row;
        out->row_count = 1;
    }
    if (r.failed)
        return err_set(e, -ENOMEM, "out of memory while asking Xen");
    if (rc < 0)
        fail(out, a, e);
    return 0;
}

/* What is lacking beside the rows, or NULL. */
static const char *gaps(struct arena *a, struct xen_domain *domains, size_t n, bool cut)
{
    struct err e = { "there is no /dev/xen/xenbus" };
    int fd = prepared(PREPARED_XENSTORE);

    if (fd < 0 || read_domain_names(fd, XEN_NAMES_MS, a, domains, n, &e) < 0)
        return arena_printf(a, "names of domains are not known: %s", e.text);
    return cut ? "there are more domains than are told" : NULL;
}

static int collect_domains(struct arena *a, struct section *out, struct err *e)
{
    struct rows r = { .a = a };
    struct xen_domain *in;
    struct domain *rows;
    size_t n;
    bool cut;
    int rc = read_domains(a, &in, &n, &cut, e);

    if (rc == -ENOMEM)
        return rc;
    if (rc < 0) {
        fail(out, a, e);
        return 0;
    }
    out->status_text = gaps(a, in, n, cut);
    out->rows = rows = rows_array(&r, n, sizeof *rows);
    for (size_t i = 0; i < n && rows != NULL; i++)
        parse_domain(&r, &in[i], &rows[out->row_count++]);
    return r.failed ? err_set(e, -ENOMEM, "out of memory while asking Xen for its domains") : 0;
}

int collect_xen(const struct collect_request *req, struct arena *a, struct section *out,
                size_t *count, struct err *e)
{
    const char *why = nothing_to_ask(req, a);
    int rc = 0;

    for (int i = 0; i < 2; i++)
        out[i] = (struct section){ .id = i == 0 ? SECTION_XEN : SECTION_DOMAINS,
                                   .status = why == NULL ? SECTION_OK : SECTION_ABSENT,
                                   .status_text = why };
    *count = 2;
    if (why == NULL)
        rc = collect_machine(a, &out[0], e);
    if (why == NULL && rc == 0)
        rc = collect_domains(a, &out[1], e);
    return rc;
}
