/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What muster-probe is told: its command line, and under that the kernel's ("muster.connect=..."),
 * by which a diskless host is told. */
#ifndef MUSTER_PROBE_OPTIONS_H
#define MUSTER_PROBE_OPTIONS_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"

#define PROBE_GLOBS   64
#define PROBE_RUN_DIR "/run/muster-probe"

enum probe_mode { PROBE_SUPERVISE, PROBE_PRINT, PROBE_HELP, PROBE_VERSION };

struct probe_options {
    enum probe_mode mode;
    const char *connect;             /* NULL: not told */
    const char *token_file;          /* NULL: none */
    const char *token;               /* of the kernel command line; NULL: none */
    const char *run_dir;             /* never NULL */
    const char *node_name, *node_id; /* NULL: not told */
    const char *interfaces[PROBE_GLOBS];
    size_t interface_count;
    const char *devices[PROBE_GLOBS];
    size_t device_count;
    int64_t rescan_ms, worker_timeout_ms;
    uint32_t scans;
    enum log_level log_level;
    uint32_t given; /* settings of the command line, by their place in the table */
};

/* Fills *o from the command line, defaults for the rest; strings stay those of argv. 0, or -EINVAL
 * with a sentence. */
int probe_options_parse(struct probe_options *o, int argc, char **argv, struct err *e);

/* Adds what the kernel command line says and argv did not. `text` is changed and must live as long
 * as *o. `ignored` is called with a sentence for each setting of muster that there is not. 0, or
 * -EINVAL with a sentence. */
int probe_options_kernel(struct probe_options *o, char *text,
                         void (*ignored)(void *ctx, const char *sentence), void *ctx,
                         struct err *e);

const char *probe_options_help(void);

#endif
