/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a SCSI target answers to REPORT LUNS (SPC-4 6.33). Pure. */
#ifndef MUSTER_COLLECT_PARSE_REPORT_LUNS_H
#define MUSTER_COLLECT_PARSE_REPORT_LUNS_H

#include "base/types.h"

/* The numbers that the kernel calls the LUNs by (drivers/scsi/scsi_common.c, scsilun_to_int),
 * sorted, each once, without well-known ones; `room` of them at most. How many; -EBADMSG: it is no
 * such answer; -EOVERFLOW: there are more than fit into the answer, or into `out`. */
int parse_report_luns(struct bytes answer, uint64_t *out, size_t room);

#endif
