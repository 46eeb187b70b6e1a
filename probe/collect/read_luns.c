/* SPDX-License-Identifier: GPL-2.0-or-later */
/* REPORT LUNS (SPC-4 6.33) by SG_IO. */
#include "collect/read_luns.h"

#include <errno.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>

#include "collect/parse_report_luns.h"

enum {
    ANSWER_BYTES = 8 + 8 * READ_LUNS_MOST,
    REPORT_LUNS = 0xa0,
    PATIENCE_MS = 8000, /* then the kernel aborts the command, and resets what it must */
    CHECK_CONDITION = 2,
    ILLEGAL_REQUEST = 5,
    TRIES = 3, /* a unit attention is told once for each reason */
};

/* 0: it is answered; -ENOTSUP; -EAGAIN: not so this time; or another negative errno. */
static int ask(int fd, uint8_t answer[ANSWER_BYTES], size_t *n)
{
    uint8_t sense[32] = { 0 };
    uint8_t command[12] = { REPORT_LUNS };
    struct sg_io_hdr io = { .interface_id = 'S',
                            .dxfer_direction = SG_DXFER_FROM_DEV,
                            .cmd_len = sizeof command,
                            .mx_sb_len = sizeof sense,
                            .dxfer_len = ANSWER_BYTES,
                            .dxferp = answer,
                            .cmdp = command,
                            .sbp = sense,
                            .timeout = PATIENCE_MS };

    for (int i = 0; i < 4; i++)
        command[6 + i] = (uint8_t)(ANSWER_BYTES >> (24 - 8 * i));
    if (ioctl(fd, SG_IO, &io) != 0)
        return errno == ENOTTY || errno == EPERM || errno == EINVAL ? -ENOTSUP : -errno;
    *n = ANSWER_BYTES - (size_t)io.resid;
    if ((io.info & SG_INFO_OK_MASK) == SG_INFO_OK)
        return 0;
    if (io.status == CHECK_CONDITION && io.sb_len_wr > 2 && (sense[2] & 15) == ILLEGAL_REQUEST)
        return -ENOTSUP;
    return -EAGAIN;
}

int read_luns(int fd, struct arena *a, uint64_t out[READ_LUNS_MOST])
{
    uint8_t *answer = arena_array(a, ANSWER_BYTES, 1);
    int rc = answer == NULL ? -ENOMEM : -EAGAIN;
    size_t n = 0;

    for (int i = 0; rc == -EAGAIN && i < TRIES; i++)
        rc = ask(fd, answer, &n);
    if (rc < 0)
        return rc == -EAGAIN ? -EIO : rc;
    return parse_report_luns((struct bytes){ answer, n }, out, READ_LUNS_MOST);
}
