/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks lldpd, where there is one, for the neighbours it has heard. */
#include <errno.h>
#include <unistd.h>

#include "collect/parse_lldp.h"
#include "collect/read.h"

#define LLDPCTL       "/usr/sbin/lldpctl"
#define LLDPD_SOCKET  "/run/lldpd.socket"
#define ANSWER_LIMIT  (4u << 20)
#define TIME_LIMIT_MS 4000 /* well below a worker's own limit, so that the reason is told */

static bool runs(const struct collect_request *req, char lldpctl[READ_PATH_MAX])
{
    char socket[READ_PATH_MAX];

    return read_path(req, lldpctl, LLDPCTL) && read_path(req, socket, LLDPD_SOCKET) &&
           access(lldpctl, X_OK) == 0 && access(socket, F_OK) == 0;
}

static int ask(const char *lldpctl, struct arena *a, struct lldp_rows *rows, struct err *e)
{
    const char *argv[] = { lldpctl, "-f", "json0", NULL };
    struct buf b = { 0 };
    int rc = read_program(argv, TIME_LIMIT_MS, ANSWER_LIMIT, &b, e);

    if (rc == 0)
        rc = parse_lldp((struct bytes){ b.p, b.n }, a, rows, e);
    buf_deinit(&b);
    return rc;
}

int collect_lldp(const struct collect_request *req, struct arena *a, struct section *out,
                 size_t *count, struct err *e)
{
    struct lldp_rows rows = { .n = 0 };
    struct err fault = { "" };
    char lldpctl[READ_PATH_MAX];
    int rc;

    *count = 1;
    *out = (struct section){ .id = SECTION_LLDP, .status = SECTION_ABSENT };
    if (!runs(req, lldpctl)) {
        out->status_text = "lldpd is not running";
        return 0;
    }
    rc = ask(lldpctl, a, &rows, &fault);
    out->status = rc == 0 ? SECTION_OK : SECTION_FAILED;
    out->rows = rows.v;
    out->row_count = rc == 0 ? rows.n : 0;
    if (rc == 0)
        return 0;
    out->status_text = arena_strdup(a, fault.text);
    if (rc == -ENOMEM || out->status_text == NULL)
        return err_set(e, -ENOMEM, "out of memory while asking lldpd");
    return 0;
}
