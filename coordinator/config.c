/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "net/net.h"

#define CONFIG_LINE (CONFIG_TEXT + 64)

struct setting {
    const char *key;
    int (*set)(struct config *c, const struct setting *s, const char *value, struct err *e);
    void (*print)(const struct config *c, const struct setting *s, char *out, size_t n);
    size_t offset;
    int64_t min, max;
};

static char *text_at(struct config *c, const struct setting *s)
{
    return (char *)c + s->offset;
}

static int64_t number_at(const struct config *c, const struct setting *s)
{
    int64_t v;

    memcpy(&v, (const char *)c + s->offset, sizeof v);
    return v;
}

static int copy_text(struct config *c, const struct setting *s, const char *value, struct err *e)
{
    if (strlen(value) >= CONFIG_TEXT)
        return err_set(e, -EINVAL, "%s is too long; it may have %d characters", s->key,
                       CONFIG_TEXT - 1);
    snprintf(text_at(c, s), CONFIG_TEXT, "%s", value);
    return 0;
}

static int set_path(struct config *c, const struct setting *s, const char *value, struct err *e)
{
    if (*value == '\0')
        return err_set(e, -EINVAL, "%s needs the path of a folder", s->key);
    return copy_text(c, s, value, e);
}

static int set_endpoint(struct config *c, const struct setting *s, const char *value,
                        const char *scheme, const char *form, struct err *e)
{
    struct err why;

    if (strncmp(value, scheme, strlen(scheme)) != 0)
        return err_set(e, -EINVAL, "%s must be %s; it is %s", s->key, form,
                       *value != '\0' ? value : "empty");
    if (net_endpoint_check(value, &why) < 0)
        return err_set(e, -EINVAL, "%s: %s", s->key, why.text);
    return copy_text(c, s, value, e);
}

static int set_tcp(struct config *c, const struct setting *s, const char *value, struct err *e)
{
    return set_endpoint(c, s, value, "tcp://", "tcp://HOST:PORT, for example tcp://*:7411", e);
}

/* "off", or nothing: no such socket. */
static int set_tcp_or_off(struct config *c, const struct setting *s, const char *value,
                          struct err *e)
{
    if (*value == '\0' || strcmp(value, "off") == 0)
        return copy_text(c, s, "", e);
    return set_endpoint(c, s, value, "tcp://", "off or tcp://HOST:PORT, for example tcp://*:7412",
                        e);
}

static int set_ipc(struct config *c, const struct setting *s, const char *value, struct err *e)
{
    return set_endpoint(c, s, value, "ipc://",
                        "ipc://PATH, for example ipc:///run/muster/client.sock", e);
}

/* "off", or nothing: stay who started it. */
static int set_user(struct config *c, const struct setting *s, const char *value, struct err *e)
{
    if (strpbrk(value, " \t:/") != NULL)
        return err_set(e, -EINVAL, "%s must be the name of a user, or off; it is %s", s->key,
                       value);
    return copy_text(c, s, strcmp(value, "off") == 0 ? "" : value, e);
}

static int set_policy(struct config *c, const struct setting *s, const char *value, struct err *e)
{
    if (strcmp(value, "token") != 0 && strcmp(value, "operator") != 0)
        return err_set(e, -EINVAL,
                       "%s must be token (a valid token admits a node) or operator "
                       "(an operator approves each new node); it is %s",
                       s->key, value);
    c->enrol_by_token = value[0] == 't';
    return 0;
}

static int store_number(struct config *c, const struct setting *s, int64_t v, const char *value,
                        struct err *e)
{
    if (v < s->min || v > s->max)
        return err_set(e, -EINVAL, "%s must be from %" PRId64 " to %" PRId64 "; it is %s", s->key,
                       s->min, s->max, value);
    memcpy(text_at(c, s), &v, sizeof v);
    return 0;
}

static bool parse_number(const char *value, int64_t *out)
{
    char *end;
    long long v;

    if (*value < '0' || *value > '9')
        return false;
    errno = 0;
    v = strtoll(value, &end, 10);
    *out = v;
    return errno == 0 && *end == '\0';
}

static int set_number(struct config *c, const struct setting *s, const char *value, struct err *e)
{
    int64_t v;

    if (!parse_number(value, &v))
        return err_set(e, -EINVAL, "%s must be a whole number; it is %s", s->key, value);
    return store_number(c, s, v, value, e);
}

/* A bare number is in the unit that the key's name has. */
static int set_duration(struct config *c, const struct setting *s, const char *value, struct err *e)
{
    int64_t v;

    if (!parse_number(value, &v) && !duration_parse(value, &v))
        return err_set(e, -EINVAL,
                       "%s must be a time such as 2000 (milliseconds), 2s or 30d; it "
                       "is %s",
                       s->key, value);
    return store_number(c, s, v, value, e);
}

static int set_bytes(struct config *c, const struct setting *s, const char *value, struct err *e)
{
    uint64_t v;

    if (!bytes_parse(value, &v) || v > INT64_MAX)
        return err_set(e, -EINVAL, "%s must be a size such as 8M; it is %s", s->key, value);
    return store_number(c, s, (int64_t)v, value, e);
}

static void print_text(const struct config *c, const struct setting *s, char *out, size_t n)
{
    const char *text = (const char *)c + s->offset;

    snprintf(out, n, "%s", *text != '\0' ? text : "off");
}

static void print_number(const struct config *c, const struct setting *s, char *out, size_t n)
{
    snprintf(out, n, "%" PRId64, number_at(c, s));
}

static void print_policy(const struct config *c, const struct setting *s, char *out, size_t n)
{
    (void)s;
    snprintf(out, n, "%s", c->enrol_by_token ? "token" : "operator");
}

#define DAY_MS INT64_C(86400000)

/* clang-format off */
static const struct setting settings[] = {
    { "state_dir",            set_path,       print_text,   offsetof(struct config, state_dir), 0, 0 },
    { "node_listen",          set_tcp,        print_text,   offsetof(struct config, node_listen), 0, 0 },
    { "client_ipc",           set_ipc,        print_text,   offsetof(struct config, client_ipc), 0, 0 },
    { "client_listen",        set_tcp_or_off, print_text,   offsetof(struct config, client_listen), 0, 0 },
    { "user",                 set_user,       print_text,   offsetof(struct config, user), 0, 0 },
    { "enrol_policy",         set_policy,     print_policy, 0, 0, 0 },
    { "heartbeat_ms",         set_duration,   print_number, offsetof(struct config, heartbeat_ms), 100, 600000 },
    { "suspect_ms",           set_duration,   print_number, offsetof(struct config, suspect_ms), 200, DAY_MS },
    { "down_ms",              set_duration,   print_number, offsetof(struct config, down_ms), 300, 7 * DAY_MS },
    { "rescans",              set_number,     print_number, offsetof(struct config, rescans), 1, 100000 },
    { "rescans_per_target",   set_number,     print_number, offsetof(struct config, rescans_per_target), 1, 100000 },
    { "rescan_timeout_ms",    set_duration,   print_number, offsetof(struct config, rescan_timeout_ms), LEAST_RESCAN_TIMEOUT_MS, 600000 },
    { "edge_retention",       set_duration,   print_number, offsetof(struct config, edge_retention_ms), 60000, 3660 * DAY_MS },
    { "event_retention",      set_number,     print_number, offsetof(struct config, event_retention_rows), 1000, 1000000000 },
    { "lease_ttl_ms",         set_duration,   print_number, offsetof(struct config, lease_ttl_ms), LEAST_LEASE_TTL_MS, LIMIT_LEASE_TTL_MS },
    { "lease_history",        set_number,     print_number, offsetof(struct config, lease_history_rows), 1000, 1000000000 },
    { "task_history",         set_number,     print_number, offsetof(struct config, task_history_rows), 10, 1000000 },
    { "peer_messages_per_s",  set_number,     print_number, offsetof(struct config, peer_messages_per_s), 10, 1000000 },
    { "peer_messages_burst",  set_number,     print_number, offsetof(struct config, peer_messages_burst), 10, 1000000 },
    { "peer_bytes_per_s",     set_bytes,      print_number, offsetof(struct config, peer_bytes_per_s), 65536, INT64_C(1) << 40 },
    { "peer_bytes_burst",     set_bytes,      print_number, offsetof(struct config, peer_bytes_burst), LIMIT_NODE_MESSAGE_BYTES, INT64_C(1) << 40 },
    { "decoder_threads",      set_number,     print_number, offsetof(struct config, decoder_threads), 1, LIMIT_DECODER_THREADS },
};
/* clang-format on */

void config_default(struct config *c)
{
    *c = (struct config){
        .state_dir = "/var/lib/muster",
        .node_listen = "tcp://*:7411",
        .client_ipc = "ipc:///run/muster/client.sock",
        .enrol_by_token = true,
        .heartbeat_ms = DEFAULT_HEARTBEAT_MS,
        .suspect_ms = DEFAULT_SUSPECT_MS,
        .down_ms = DEFAULT_DOWN_MS,
        .edge_retention_ms = DEFAULT_EDGE_RETENTION_MS,
        .event_retention_rows = DEFAULT_EVENT_RETENTION_ROWS,
        .lease_ttl_ms = DEFAULT_LEASE_TTL_MS,
        .lease_history_rows = DEFAULT_LEASE_HISTORY_ROWS,
        .task_history_rows = DEFAULT_TASK_HISTORY_ROWS,
        .rescans = DEFAULT_RESCANS,
        .rescans_per_target = DEFAULT_RESCANS_PER_TARGET,
        .rescan_timeout_ms = DEFAULT_RESCAN_TIMEOUT_MS,
        .peer_messages_per_s = DEFAULT_PEER_MESSAGES_PER_S,
        .peer_messages_burst = DEFAULT_PEER_MESSAGES_BURST,
        .peer_bytes_per_s = DEFAULT_PEER_BYTES_PER_S,
        .peer_bytes_burst = DEFAULT_PEER_BYTES_BURST,
        .decoder_threads = DEFAULT_DECODER_THREADS,
    };
}

int config_set(struct config *c, const char *key, const char *value, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (strcmp(settings[i].key, key) == 0)
            return settings[i].set(c, &settings[i], value, e);
    }
    return err_set(e, -EINVAL,
                   "there is no setting %s; muster-coordinator --check-config prints "
                   "them all",
                   key);
}

/* Cuts blanks at both ends, in place. */
static char *trim(char *s)
{
    size_t n;

    s += strspn(s, " \t\r\n");
    n = strlen(s);
    while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
        s[--n] = '\0';
    return s;
}

static int read_line(struct config *c, char *line, uint64_t *seen, struct err *e)
{
    char *text = trim(line), *equals, *key, *value;

    if (*text == '\0' || *text == '#')
        return 0;
    equals = strchr(text, '=');
    if (equals == NULL)
        return err_set(e, -EINVAL, "a line is \"key = value\", or a comment that begins with #");
    *equals = '\0';
    key = trim(text);
    value = trim(equals + 1);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (strcmp(settings[i].key, key) != 0)
            continue;
        if ((*seen & UINT64_C(1) << i) != 0)
            return err_set(e, -EINVAL, "%s has been set in an earlier line", key);
        *seen |= UINT64_C(1) << i;
    }
    return config_set(c, key, value, e);
}

static void report_line(config_report *report, void *ctx, const char *path, unsigned line,
                        const char *text)
{
    char out[1024];

    snprintf(out, sizeof out, "%s:%u: %s", path, line, text);
    report(ctx, out);
}

/* The next line without its end. 1; 0: there is none; -EINVAL with a sentence (the line is read to
 * its end). */
static int next_line(FILE *f, char *line, size_t size, struct err *e)
{
    bool zero = false;
    size_t n = 0;
    int ch;

    while ((ch = getc(f)) != EOF && ch != '\n') {
        zero = zero || ch == '\0';
        if (n < size)
            line[n] = (char)ch;
        n++;
    }
    if (ch == EOF && n == 0)
        return 0;
    line[n < size ? n : size - 1] = '\0';
    if (zero)
        return err_set(e, -EINVAL, "the line has a zero byte in it; this is no text");
    if (n >= size)
        return err_set(e, -EINVAL, "the line has %zu characters; it may have %zu", n, size - 1);
    return 1;
}

int config_read(struct config *c, const char *path, config_report *report, void *ctx)
{
    char line[CONFIG_LINE];
    unsigned number = 0;
    uint64_t seen = 0;
    int wrong = 0, rc = 1, code = 0;
    FILE *f = fopen(path, "re");

    if (f == NULL)
        code = errno;
    while (f != NULL && rc != 0) {
        struct err e = { "" };

        rc = next_line(f, line, sizeof line, &e);
        number++;
        if (rc > 0)
            read_line(c, line, &seen, &e);
        if (e.text[0] != '\0') {
            report_line(report, ctx, path, number, e.text);
            wrong++;
        }
        if (ferror(f))
            code = errno != 0 ? errno : EIO;
    }
    if (f != NULL)
        fclose(f);
    if (code == 0)
        return wrong;
    snprintf(line, sizeof line, "%.400s cannot be read: %s", path, strerror(code));
    report(ctx, line);
    return -code;
}

int config_check(const struct config *c, struct err *e)
{
    if (c->suspect_ms < 2 * c->heartbeat_ms)
        return err_set(e, -EINVAL,
                       "suspect_ms (%" PRId64 ") must be at least twice heartbeat_ms "
                       "(%" PRId64 "): one lost heartbeat is no suspicion",
                       c->suspect_ms, c->heartbeat_ms);
    if (c->down_ms <= c->suspect_ms)
        return err_set(e, -EINVAL,
                       "down_ms (%" PRId64 ") must be more than suspect_ms (%" PRId64
                       "): a node is suspect before it is down",
                       c->down_ms, c->suspect_ms);
    if (c->client_listen[0] != '\0' && strcmp(c->client_listen, c->node_listen) == 0)
        return err_set(e, -EINVAL,
                       "client_listen and node_listen are both %s; each needs a port "
                       "of its own",
                       c->node_listen);
    return 0;
}

void config_print(const struct config *c, config_report *report, void *ctx)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        char value[CONFIG_TEXT], line[CONFIG_LINE];

        settings[i].print(c, &settings[i], value, sizeof value);
        snprintf(line, sizeof line, "%s = %s", settings[i].key, value);
        report(ctx, line);
    }
}
