/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "net/net.h"

#define KERNEL_PREFIX "muster."

enum { NAME_BYTES = 64, GLOB_BYTES = 63 };

static const char help[] =
    "Usage: muster-probe --connect ENDPOINT [OPTION]...\n"
    "\n"
    "The probe of a muster node: it reports what this host has, and each change as\n"
    "the kernel announces it, to the coordinator of its fleet. It runs in the\n"
    "foreground, logs to standard error, changes nothing on the host, and ends on\n"
    "SIGTERM or Ctrl-C. Root lets it read what only root may; it runs without.\n"
    "\n"
    "Whom it reports to\n"
    "  --connect ENDPOINT     the coordinator: tcp://HOST:PORT (usually port 7411)\n"
    "  --token-file FILE      a one-time token of `muster token create`, mode 0600;\n"
    "                         needed once in each boot, later starts go on without\n"
    "  --run-dir DIR          key and memory of this boot, best in RAM; made when\n"
    "                         missing (default " PROBE_RUN_DIR ")\n"
    "\n"
    "Who it is\n"
    "  --node-name NAME       the name that operators see (default: the host name)\n"
    "  --node-id UUID         in place of the SMBIOS product UUID\n"
    "\n"
    "What it looks at\n"
    "  --interface GLOB       virtual links that are this host's own uplinks, beside\n"
    "                         the physical ones; may be repeated\n"
    "  --device GLOB          block devices that it looks at, by their kernel names\n"
    "                         (default: all); may be repeated\n"
    "  --rescan TIME          look at everything again after this time (default 60s)\n"
    "  --worker-timeout TIME  kill a worker that takes longer (default 10s; those of\n"
    "                         storage and LVM have four times that)\n"
    "  --scans NUMBER         filesystems that it scans at one time (default 4)\n"
    "\n"
    "  --log-level LEVEL      error, warning, info (default) or debug\n"
    "  --print                print this host's inventory as JSON, without any\n"
    "                         coordinator, and end\n"
    "  --version, --help      print the version or this text\n"
    "\n"
    "A diskless host is told by its kernel command line, which this command line\n"
    "beats: muster.connect=, muster.token=, muster.name=, muster.node_id=,\n"
    "muster.interface= and muster.device= (may be repeated), muster.rescan=,\n"
    "muster.worker-timeout=, muster.scans=, muster.run-dir=, muster.log-level=.\n"
    "\n"
    "To try it, with a coordinator on this machine:\n"
    "  (umask 077; muster token create > token)\n"
    "  muster-probe --connect tcp://127.0.0.1:7411 --token-file token --run-dir demo\n"
    "\n"
    "Exit codes: 0 it has ended in good order, 1 refused or failed (the last line on\n"
    "standard error says why), 2 wrong usage.\n";

const char *probe_options_help(void)
{
    return help;
}

/* ---- one function for each kind of value; the sentence goes on after the setting's name ---- */

static int set_connect(struct probe_options *o, const char *value, struct err *e)
{
    struct err why;

    if (strncmp(value, "tcp://", 6) != 0)
        return err_set(e, -EINVAL, "must be tcp://HOST:PORT; it is %s",
                       *value != '\0' ? value : "empty");
    if (net_endpoint_check(value, &why) < 0)
        return err_set(e, -EINVAL, "must be tcp://HOST:PORT: %s", why.text);
    o->connect = value;
    return 0;
}

static int set_path(const char **to, const char *value, struct err *e)
{
    if (*value == '\0')
        return err_set(e, -EINVAL, "must be a path; it is empty");
    *to = value;
    return 0;
}

static int set_token_file(struct probe_options *o, const char *value, struct err *e)
{
    return set_path(&o->token_file, value, e);
}

static int set_token(struct probe_options *o, const char *value, struct err *e)
{
    (void)e; /* looked at when it is needed */
    o->token = value;
    return 0;
}

static int set_run_dir(struct probe_options *o, const char *value, struct err *e)
{
    return set_path(&o->run_dir, value, e);
}

static int set_node_name(struct probe_options *o, const char *value, struct err *e)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(value);

    if (n == 0 || n > NAME_BYTES || *value == '.' || *value == '-' || strspn(value, chars) != n)
        return err_set(e, -EINVAL,
                       "must have 1 to %d letters, digits, '.', '_' and '-', and not begin with "
                       "'.' or '-'; it is '%s'",
                       NAME_BYTES, value);
    o->node_name = value;
    return 0;
}

static int set_node_id(struct probe_options *o, const char *value, struct err *e)
{
    uuid128 id;

    if (!uuid128_parse(value, &id) || uuid_is_nil(id))
        return err_set(e, -EINVAL,
                       "must be a UUID such as 3f0c9a52-7f5e-4c0e-9d3b-2a1b6c7d8e9f; it is '%s'",
                       value);
    o->node_id = value;
    return 0;
}

static int add_glob(const char *to[PROBE_GLOBS], size_t *count, const char *value, const char *what,
                    const char *example, struct err *e)
{
    size_t n = strlen(value);

    if (n == 0 || n > GLOB_BYTES || strpbrk(value, "/ ,") != NULL || !text_is_clean(value, n))
        return err_set(e, -EINVAL,
                       "must be the name of a %s, in which * and ? stand for others, for "
                       "example %s; it is '%s'",
                       what, example, value);
    if (*count == PROBE_GLOBS)
        return err_set(e, -EINVAL, "may be given %d times at most", PROBE_GLOBS);
    to[(*count)++] = value;
    return 0;
}

static int set_interface(struct probe_options *o, const char *value, struct err *e)
{
    return add_glob(o->interfaces, &o->interface_count, value, "link", "eth*", e);
}

static int set_device(struct probe_options *o, const char *value, struct err *e)
{
    return add_glob(o->devices, &o->device_count, value, "block device", "sd*", e);
}

static int set_time(int64_t *to, const char *value, int64_t min, int64_t max, struct err *e)
{
    int64_t ms;

    if (!duration_parse(value, &ms) || ms < min || ms > max) {
        char least[24], most[24];

        return err_set(e, -EINVAL, "must be a time such as 30s or 5m, from %s to %s; it is '%s'",
                       duration_text(min, least), duration_text(max, most), value);
    }
    *to = ms;
    return 0;
}

static int set_rescan(struct probe_options *o, const char *value, struct err *e)
{
    return set_time(&o->rescan_ms, value, 1000, 24 * 3600 * 1000, e);
}

static int set_worker_timeout(struct probe_options *o, const char *value, struct err *e)
{
    return set_time(&o->worker_timeout_ms, value, 100, 600 * 1000, e);
}

static int set_scans(struct probe_options *o, const char *value, struct err *e)
{
    size_t n = strspn(value, "0123456789");
    unsigned long scans = n > 0 && n < 4 && value[n] == '\0' ? strtoul(value, NULL, 10) : 0;

    if (scans < 1 || scans > LIMIT_SCANS_PER_NODE)
        return err_set(e, -EINVAL, "must be a number from 1 to %u; it is '%s'",
                       LIMIT_SCANS_PER_NODE, value);
    o->scans = (uint32_t)scans;
    return 0;
}

static int set_log_level(struct probe_options *o, const char *value, struct err *e)
{
    if (log_level_parse(value, &o->log_level))
        return 0;
    return err_set(e, -EINVAL, "must be error, warning, info or debug; it is '%s'", value);
}

enum { SETTING_TOKEN_FILE, SETTING_TOKEN };

static const struct setting {
    const char *name;   /* of the command line; NULL: not there, since all users can read it */
    const char *kernel; /* behind "muster."; NULL: not there, since there is no file yet */
    int (*set)(struct probe_options *o, const char *value, struct err *e);
} settings[] = {
    [SETTING_TOKEN_FILE] = { "token-file", NULL, set_token_file },
    [SETTING_TOKEN] = { NULL, "token", set_token },
    { "connect", "connect", set_connect },
    { "run-dir", "run-dir", set_run_dir },
    { "node-name", "name", set_node_name },
    { "node-id", "node_id", set_node_id },
    { "interface", "interface", set_interface },
    { "device", "device", set_device },
    { "rescan", "rescan", set_rescan },
    { "worker-timeout", "worker-timeout", set_worker_timeout },
    { "scans", "scans", set_scans },
    { "log-level", "log-level", set_log_level },
};

/* ---- the command line --------------------------------------------------------------------- */

enum { OPT_PRINT = 1, OPT_VERSION, OPT_HELP, OPT_TOKEN, OPT_SETTING };

/* getopt(3) leaves in optopt the option that was given a value and takes none. */
static int not_taken(const char *text, struct err *e)
{
    if (text[1] == '-' && optopt != 0)
        return err_set(e, -EINVAL, "%.*s takes no value; see --help", (int)strcspn(text, "="),
                       text);
    return err_set(e, -EINVAL, "there is no option %s; see --help", text);
}

static int take(struct probe_options *o, int option, char **argv, struct err *e)
{
    const struct setting *s;
    struct err why;

    switch (option) {
    case OPT_PRINT:
        o->mode = PROBE_PRINT;
        return 0;
    case OPT_VERSION:
        o->mode = PROBE_VERSION;
        return 0;
    case OPT_HELP:
        o->mode = PROBE_HELP;
        return 0;
    case OPT_TOKEN: /* else getopt takes it as short for --token-file */
        return err_set(e, -EINVAL,
                       "there is no option --token, since every user of this host could read the "
                       "secret; put it into a file of mode 0600 for --token-file");
    case ':':
        return err_set(e, -EINVAL, "%s needs a value; see --help", argv[optind - 1]);
    case '?':
        return not_taken(argv[optind - 1], e);
    default:
        break;
    }
    s = &settings[option - OPT_SETTING];
    o->given |= 1u << (option - OPT_SETTING);
    if (s->set(o, optarg, &why) < 0)
        return err_set(e, -EINVAL, "--%s %s", s->name, why.text);
    return 0;
}

int probe_options_parse(struct probe_options *o, int argc, char **argv, struct err *e)
{
    struct option longs[ARRAY_LEN(settings) + 5] = {
        { "print", no_argument, NULL, OPT_PRINT },
        { "version", no_argument, NULL, OPT_VERSION },
        { "help", no_argument, NULL, OPT_HELP },
        { "token", required_argument, NULL, OPT_TOKEN },
    };
    int option, n = 4, rc = 0;

    *o = (struct probe_options){ .run_dir = PROBE_RUN_DIR,
                                 .rescan_ms = DEFAULT_RESCAN_MS,
                                 .worker_timeout_ms = DEFAULT_WORKER_TIMEOUT_MS,
                                 .scans = DEFAULT_SCANS_PER_NODE,
                                 .log_level = LOG_LEVEL_INFO };
    for (int i = 0; i < (int)ARRAY_LEN(settings); i++) {
        if (settings[i].name != NULL)
            longs[n++] =
                (struct option){ settings[i].name, required_argument, NULL, OPT_SETTING + i };
    }
    opterr = 0;
    optind = 0; /* from the start, whatever was parsed before */
    while (rc == 0 && o->mode != PROBE_HELP && o->mode != PROBE_VERSION &&
           (option = getopt_long(argc, argv, ":", longs, NULL)) != -1)
        rc = take(o, option, argv, e);
    if (rc == 0 && optind < argc && o->mode != PROBE_HELP && o->mode != PROBE_VERSION)
        rc = err_set(e, -EINVAL, "there is no argument '%s' to give; see --help", argv[optind]);
    return rc;
}

/* ---- the kernel's ------------------------------------------------------------------------- */

/* Cuts off the next word, in which blanks may stand between double quotes, and takes the quotes
 * away, as the kernel does (next_arg in lib/cmdline.c). NULL: there is no more. */
static char *next_word(char **rest)
{
    char *word, *to;
    bool quoted = false;

    *rest += strspn(*rest, " \t\n");
    if (**rest == '\0')
        return NULL;
    word = to = *rest;
    for (; **rest != '\0'; (*rest)++) {
        if (**rest == '"')
            quoted = !quoted;
        else if (!quoted && strchr(" \t\n", **rest) != NULL)
            break;
        else
            *to++ = **rest;
    }
    if (**rest != '\0')
        (*rest)++;
    *to = '\0';
    return word;
}

/* Its place in the table; -1: there is no such setting. */
static int find_kernel(const char *name)
{
    for (int i = 0; i < (int)ARRAY_LEN(settings); i++) {
        if (settings[i].kernel != NULL && strcmp(settings[i].kernel, name) == 0)
            return i;
    }
    return -1;
}

int probe_options_kernel(struct probe_options *o, char *text,
                         void (*ignored)(void *ctx, const char *sentence), void *ctx, struct err *e)
{
    uint32_t beaten = o->given;
    char *word;

    if (o->token_file != NULL)
        beaten |= 1u << SETTING_TOKEN;
    while ((word = next_word(&text)) != NULL) {
        char *value = strchr(word, '=');
        struct err why;
        int i;

        if (strncmp(word, KERNEL_PREFIX, strlen(KERNEL_PREFIX)) != 0)
            continue;
        word += strlen(KERNEL_PREFIX);
        if (value != NULL)
            *value++ = '\0';
        i = find_kernel(word);
        if (i < 0) {
            err_set(&why, 0, "the kernel command line has " KERNEL_PREFIX "%s, which means nothing",
                    word);
            ignored(ctx, why.text);
            continue;
        }
        if ((beaten >> i) & 1u)
            continue;
        if (value == NULL)
            return err_set(e, -EINVAL, KERNEL_PREFIX "%s on the kernel command line needs a value",
                           word);
        if (settings[i].set(o, value, &why) < 0)
            return err_set(e, -EINVAL, KERNEL_PREFIX "%s on the kernel command line %s", word,
                           why.text);
    }
    return 0;
}
