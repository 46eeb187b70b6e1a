/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rescan looks at, as one text that travels, is stored and is shown:
 *
 *   all                        every target that the node's kernel has a LUN of
 *   target H:C:T [NAME]        the target at that address; NAME is the storage's name for it
 *   target NAME                every target of that name: iSCSI IQN, FC WWNN or WWPN
 *   device H:C:T:L [NAME]      one path: its size and identity are read again
 *   lun KEY                    every path of a LUN, the same
 *
 * Addresses are the kernel's (drivers/scsi/scsi_sysfs.c: host, channel, target, LUN as one number).
 */
#ifndef MUSTER_MODEL_RESCAN_H
#define MUSTER_MODEL_RESCAN_H

#include "base/types.h"

enum rescan_kind { RESCAN_ALL, RESCAN_TARGET, RESCAN_NAME, RESCAN_DEVICE, RESCAN_LUN };

struct scsi_address {
    uint32_t host, channel, target;
    uint64_t lun; /* 0 in that of a target */
};

enum {
    RESCAN_TEXT = 512, /* room for any such text, with its end */
    RESCAN_NAME_MOST = 400,
    SCSI_ADDRESS_TEXT = 56, /* room for an address */
};

struct rescan_what {
    enum rescan_kind kind;
    struct scsi_address at; /* RESCAN_TARGET, RESCAN_DEVICE */
    const char *name;       /* into the text; "" if there is none */
};

/* True if the text is one of the above, which *out then says. */
bool rescan_parse(const char *text, struct rescan_what *out);

/* The name of the storage's target, by which the budget counts: "" if the text does not tell it. */
const char *rescan_target(const struct rescan_what *w);

/* Exactly "H:C:T" or "H:C:T:L" in decimal, up to the end of the text. */
bool scsi_target_parse(const char *text, struct scsi_address *out);
bool scsi_device_parse(const char *text, struct scsi_address *out);
/* Written back; returned. */
const char *scsi_target_text(const struct scsi_address *at, char out[SCSI_ADDRESS_TEXT]);
const char *scsi_device_text(const struct scsi_address *at, char out[SCSI_ADDRESS_TEXT]);
bool scsi_same_target(const struct scsi_address *x, const struct scsi_address *y);

#endif
