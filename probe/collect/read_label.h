/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads labels: the first and last bytes of many devices, fresh from each device, while some of
 * them may never answer.
 *
 * Devices are opened and read by a few children, one at a time by each, with O_DIRECT, so that no
 * stale page is taken for what is on them. A device that has not answered within the limit is
 * stuck, unless its child has been ready to run all the time and was not let (it gets four limits
 * at most); its child is killed, which helps only when the device answers, so it is abandoned and
 * remembered, and another takes its place. While it lives, its device is not asked again; nor can
 * another device get that device's number, since the child has it open. Devices that were stuck
 * before are asked after all others. */
#ifndef MUSTER_COLLECT_READ_LABEL_H
#define MUSTER_COLLECT_READ_LABEL_H

#include <sys/types.h>

#include "base/err.h"
#include "collect/parse_label.h"

enum {
    LABEL_LIMIT_MS = 3000, /* a good default */
    LABEL_LIMITS = 4,      /* for a child that the machine does not let run */
    LABEL_AGAIN_MS = 500,  /* the limit for a device that was stuck, so that it holds up nobody */
    LABEL_FULL_MS = 30000, /* since it had the whole limit: it gets it again, for it may be slow */
    LABEL_AT_ONCE = 4,     /* children that are asked of their devices at one time */
    LABEL_SLOW_MS = 100,   /* older than this, a child no longer counts among those */
    LABEL_CHILDREN_MAX = 1024, /* all that live, abandoned ones too, of some 50 KB; the reader has a
                                  descriptor for each that is not abandoned */
};

struct label_device {
    const char *path; /* "/dev/dm-3" */
    dev_t devnum;     /* a path that leads to another device is refused */
    /* The part of it that is read; size 0: all of it. */
    uint64_t start_bytes, size_bytes;
};

/* An open device. */
struct label_source {
    int fd;
    uint64_t size_bytes;
    uint32_t sector_bytes; /* logical */
};

/* Opens a device, in a child that has no descriptors but 0. 0 or a negative errno. */
typedef int (*label_opener)(const struct label_device *d, struct label_source *out);
/* Opens a block device for O_DIRECT. -ESTALE: it is another one by now; -ENOMEDIUM: it is empty. */
int label_open(const struct label_device *d, struct label_source *out);

/* Asks all devices, and fills answers[i] for devices[i]; texts live in `a`. Takes limit_ms if one
 * does not answer, and a little more if hundreds do not. For a process without threads, that does
 * not wait for children of others. 0 or -ENOMEM with a sentence. */
int read_labels(const struct label_device *devices, size_t n, label_opener open_it,
                int64_t limit_ms, struct label_memory *memory, struct arena *a,
                struct label_answer *answers, struct err *e);

#endif
