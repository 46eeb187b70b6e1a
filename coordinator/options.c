/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <getopt.h>

static const char help[] =
    "Usage: muster-coordinator [OPTION]...\n"
    "\n"
    "The coordinator of a muster fleet: the one process that nodes report to and\n"
    "that operators ask. It runs in the foreground, logs to standard error, needs no\n"
    "root, and ends on SIGTERM or Ctrl-C.\n"
    "\n"
    "What it uses: these options, over the configuration file, over the defaults\n"
    "  --config FILE             the file, see coordinator.conf(5)\n"
    "                            (" CONFIG_FILE ", if there is one)\n"
    "  --state-dir DIR           database, server key and lock; made when missing\n"
    "                            (default /var/lib/muster)\n"
    "  --listen ENDPOINT         where nodes connect (default tcp://*:7411)\n"
    "  --client-ipc ENDPOINT     where operators on this machine connect\n"
    "                            (default ipc:///run/muster/client.sock)\n"
    "  --client-listen ENDPOINT  where remote clients connect, or off (default off)\n"
    "  --set KEY=VALUE           any setting of coordinator.conf(5); may be repeated\n"
    "  --log-level LEVEL         error, warning, info (default) or debug\n"
    "\n"
    "What it does instead of serving\n"
    "  --check-config            print each setting as it would be used, and every\n"
    "                            line of the file that is wrong\n"
    "  --version                 print the version\n"
    "  --help                    print this text\n"
    "\n"
    "To try it, as any user:\n"
    "  umask 077\n"
    "  muster-coordinator --state-dir demo/state --listen tcp://127.0.0.1:7411 \\\n"
    "      --client-ipc ipc://demo/client.sock &\n"
    "  export MUSTER_CONNECT=ipc://demo/client.sock\n"
    "  muster token create > demo/token              # admits one node, once\n"
    "  muster-probe --connect tcp://127.0.0.1:7411 --token-file demo/token \\\n"
    "      --run-dir demo/probe &\n"
    "  muster wait && muster matrix\n"
    "\n"
    "Exit codes: 0 it has ended in good order, 1 refused or failed (standard error\n"
    "says why), 2 wrong usage.\n";

enum { OPT_CONFIG = 1, OPT_CHECK, OPT_VERSION, OPT_HELP, OPT_SET, OPT_LOG_LEVEL, OPT_SETTING };

/* OPT_SETTING + i sets setting_keys[i]. */
static const char *const setting_keys[] = { "state_dir", "node_listen", "client_ipc",
                                            "client_listen" };

static const struct option longs[] = {
    { "config", required_argument, NULL, OPT_CONFIG },
    { "check-config", no_argument, NULL, OPT_CHECK },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, OPT_HELP },
    { "set", required_argument, NULL, OPT_SET },
    { "log-level", required_argument, NULL, OPT_LOG_LEVEL },
    { "state-dir", required_argument, NULL, OPT_SETTING },
    { "listen", required_argument, NULL, OPT_SETTING + 1 },
    { "client-ipc", required_argument, NULL, OPT_SETTING + 2 },
    { "client-listen", required_argument, NULL, OPT_SETTING + 3 },
    { NULL, 0, NULL, 0 },
};

const char *options_help(void)
{
    return help;
}

static int add_setting(struct options *o, const char *key, const char *value, struct err *e)
{
    if (o->setting_count == OPTIONS_SETTINGS)
        return err_set(e, -EINVAL, "there are more than %d settings; put them into a file",
                       OPTIONS_SETTINGS);
    o->settings[o->setting_count].key = key;
    o->settings[o->setting_count++].value = value;
    return 0;
}

static int add_set(struct options *o, char *text, struct err *e)
{
    char *equals = strchr(text, '=');

    if (equals == NULL)
        return err_set(e, -EINVAL, "--set takes KEY=VALUE, for example suspect_ms=8s; it was '%s'",
                       text);
    *equals = '\0';
    return add_setting(o, text, equals + 1, e);
}

static int set_level(struct options *o, const char *text, struct err *e)
{
    if (log_level_parse(text, &o->log_level))
        return 0;
    return err_set(e, -EINVAL, "--log-level takes error, warning, info or debug, not '%s'", text);
}

/* getopt(3) leaves in optopt the option that was given a value and takes none. */
static int not_taken(const char *text, struct err *e)
{
    if (text[1] == '-' && optopt != 0)
        return err_set(e, -EINVAL, "%.*s takes no value; see --help", (int)strcspn(text, "="),
                       text);
    return err_set(e, -EINVAL, "there is no option %s; see --help", text);
}

static int take(struct options *o, int option, char **argv, struct err *e)
{
    switch (option) {
    case OPT_CONFIG:
        o->config_file = optarg;
        return 0;
    case OPT_CHECK:
        o->mode = MODE_CHECK_CONFIG;
        return 0;
    case OPT_VERSION:
        o->mode = MODE_VERSION;
        return 0;
    case OPT_HELP:
        o->mode = MODE_HELP;
        return 0;
    case OPT_SET:
        return add_set(o, optarg, e);
    case OPT_LOG_LEVEL:
        return set_level(o, optarg, e);
    case ':':
        return err_set(e, -EINVAL, "%s needs a value; see --help", argv[optind - 1]);
    case '?':
        return not_taken(argv[optind - 1], e);
    default:
        return add_setting(o, setting_keys[option - OPT_SETTING], optarg, e);
    }
}

int options_parse(struct options *o, int argc, char **argv, struct err *e)
{
    int option, rc = 0;

    *o = (struct options){ .log_level = LOG_LEVEL_INFO };
    opterr = 0;
    optind = 0; /* from the start, whatever was parsed before */
    while (rc == 0 && o->mode != MODE_HELP && o->mode != MODE_VERSION &&
           (option = getopt_long(argc, argv, ":", longs, NULL)) != -1)
        rc = take(o, option, argv, e);
    if (rc == 0 && optind < argc && o->mode != MODE_HELP && o->mode != MODE_VERSION)
        rc = err_set(e, -EINVAL, "there is no argument '%s' to give; see --help", argv[optind]);
    return rc;
}

int options_apply(const struct options *o, struct config *c, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < o->setting_count; i++)
        rc = config_set(c, o->settings[i].key, o->settings[i].value, e);
    return rc;
}
