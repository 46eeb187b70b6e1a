/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of muster-coordinator. */
#ifndef MUSTER_COORDINATOR_OPTIONS_H
#define MUSTER_COORDINATOR_OPTIONS_H

#include "base/log.h"
#include "config.h"

#define OPTIONS_SETTINGS 64

enum options_mode { MODE_SERVE, MODE_CHECK_CONFIG, MODE_HELP, MODE_VERSION };

struct options {
    enum options_mode mode;
    const char *config_file; /* NULL: CONFIG_FILE, if there is one */
    enum log_level log_level;
    /* Settings in the order in which they were given; the key is up to the '=' in --set. */
    struct {
        const char *key, *value;
    } settings[OPTIONS_SETTINGS];
    size_t setting_count;
};

/* Fills *o; strings stay those of argv, which is changed (--set is cut at its '='). 0, or -EINVAL
 * with a sentence. */
int options_parse(struct options *o, int argc, char **argv, struct err *e);
/* Puts the settings that were given over *c. 0, or -EINVAL with the first one's sentence. */
int options_apply(const struct options *o, struct config *c, struct err *e);
const char *options_help(void);

#endif
