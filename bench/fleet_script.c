/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_script.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "fleet_lines.h"
#include "net/net.h"

enum { LINE_BYTES = FLEET_LINE_BYTES, IDLE_MS = 1000, MOST_LINES = 10000 };

/* ---- one line ----------------------------------------------------------------------------------
 */

typedef int (*happens_fn)(struct fleet *f, uint32_t host, uint32_t what, bool on, struct err *e);

struct verb {
    const char *name, *on, *off; /* NULL: it takes no state */
    bool number;
    happens_fn happens;
};

struct order {
    const struct verb *verb; /* NULL: it waits */
    int64_t wait_ms;
    uint32_t what;
    bool on;
    const char *hosts; /* in the line */
    bool rack;
};

static int happens_link(struct fleet *f, uint32_t host, uint32_t what, bool on, struct err *e)
{
    return fleet_link(f, host, what, on, e);
}

static int happens_port(struct fleet *f, uint32_t host, uint32_t what, bool on, struct err *e)
{
    return fleet_port(f, host, what, on, e);
}

static int happens_lun(struct fleet *f, uint32_t host, uint32_t what, bool on, struct err *e)
{
    return fleet_lun(f, host, what, on, e);
}

static int happens_flap(struct fleet *f, uint32_t host, uint32_t what, bool on, struct err *e)
{
    (void)what;
    (void)on;
    return fleet_change(f, host, e);
}

static int happens_restart(struct fleet *f, uint32_t host, uint32_t what, bool on, struct err *e)
{
    (void)what;
    (void)on;
    return fleet_restart(f, host, e);
}

static int happens_crash(struct fleet *f, uint32_t host, uint32_t what, bool on, struct err *e)
{
    (void)what;
    (void)on;
    (void)e;
    fleet_crash(f, host);
    return 0;
}

static int happens_boot(struct fleet *f, uint32_t host, uint32_t what, bool on, struct err *e)
{
    (void)what;
    (void)on;
    return fleet_boot(f, host, e);
}

static int happens_roll(struct fleet *f, uint32_t host, uint32_t what, bool on, struct err *e)
{
    (void)on;
    return fleet_roll(f, host, what, e);
}

static const struct verb verbs[] = {
    { "link", "up", "down", true, happens_link },      { "port", "up", "down", true, happens_port },
    { "lun", "back", "gone", true, happens_lun },      { "flap", NULL, NULL, false, happens_flap },
    { "restart", NULL, NULL, false, happens_restart }, { "roll", NULL, NULL, true, happens_roll },
    { "crash", NULL, NULL, false, happens_crash },     { "boot", NULL, NULL, false, happens_boot },
};

static uint32_t most_of(const struct verb *v, const struct fleet_shape *s)
{
    return v->happens == happens_link   ? (s->nics < 64 ? s->nics : 64)
           : v->happens == happens_port ? s->ports
           : v->happens == happens_roll ? PROTOCOL_VERSION + 3 /* one is too new to be served */
                                        : fleet_luns(s);
}

static bool number(const char *text, char **end, uint32_t *out)
{
    unsigned long v = *text >= '0' && *text <= '9' ? strtoul(text, end, 10) : ULONG_MAX;

    *out = (uint32_t)v;
    return v <= UINT32_MAX;
}

static bool whole(const char *text, uint32_t *out)
{
    char *end;

    return text != NULL && number(text, &end, out) && *end == '\0';
}

/* Takes "3" or "7-9" off, with the comma behind it. */
static bool range(const char **text, uint32_t *first, uint32_t *last)
{
    char *end;

    if (!number(*text, &end, first))
        return false;
    *last = *first;
    if (*end == '-' && !number(end + 1, &end, last))
        return false;
    if (*last < *first || (*end != ',' && *end != '\0') || (*end == ',' && end[1] == '\0'))
        return false;
    *text = *end == ',' ? end + 1 : end;
    return true;
}

/* Calls for each host. `f` NULL: looks whether the text is good alone. */
static int each_host(const struct order *o, const struct fleet_options *of, struct fleet *f,
                     struct err *e)
{
    uint32_t least = of->first, most = of->first + of->nodes - 1, rack = of->shape.rack;
    const char *text = o->hosts;
    uint32_t first = least, last = most;
    int rc = 0;

    do {
        if (o->rack) {
            if (!whole(text, &first) || first < least / rack || first > most / rack)
                return err_set(e, -EINVAL, "rack %.40s: there are racks %u to %u", text,
                               least / rack, most / rack);
            last = first < most / rack ? (first + 1) * rack - 1 : most;
            first = first > least / rack ? first * rack : least;
            text = "";
        } else if (strcmp(text, "all") == 0) {
            text = "";
        } else if (!range(&text, &first, &last) || first < least || last > most) {
            return err_set(e, -EINVAL,
                           "%.80s: hosts are all, rack N, or numbers from %u to %u, such as %u,%u",
                           o->hosts, least, most, least, most);
        }
        for (uint32_t i = first; f != NULL && rc == 0 && i <= last; i++)
            rc = o->verb->happens(f, i - least, o->what, o->on, e);
    } while (rc == 0 && *text != '\0');
    return rc;
}

static int parse_wait(char *rest, struct order *o, struct err *e)
{
    const char *text = strtok_r(NULL, " \t", &rest);
    char *end = NULL;
    double v = text == NULL ? -1 : strtod(text, &end);

    if (!(v >= 0 && v <= 86400) || strtok_r(NULL, " \t", &rest) != NULL ||
        (strcmp(end, "s") != 0 && strcmp(end, "ms") != 0))
        return err_set(e, -EINVAL, "wait takes a time, such as 2.5s or 100ms");
    o->wait_ms = (int64_t)(*end == 's' ? v * 1000 : v);
    return 0;
}

static int parse_state(const struct verb *v, char **rest, const struct fleet_shape *s,
                       struct order *o, struct err *e)
{
    const char *state = v->on == NULL ? "" : strtok_r(NULL, " \t", rest);

    if (state == NULL || (v->on != NULL && strcmp(state, v->on) != 0 && strcmp(state, v->off) != 0))
        return err_set(e, -EINVAL, "%s is followed by %s or %s", v->name, v->off, v->on);
    o->on = v->on != NULL && strcmp(state, v->on) == 0;
    if (v->number && (!whole(strtok_r(NULL, " \t", rest), &o->what) || o->what >= most_of(v, s)))
        return err_set(e, -EINVAL, "%s%s%s takes a number below %u", v->name, *state ? " " : "",
                       state, most_of(v, s));
    return 0;
}

/* `line` is cut up. *verb and wait_ms 0: there is nothing in it. */
static int parse(char *line, const struct fleet_shape *s, struct order *o, struct err *e)
{
    char *rest;
    const char *word;
    int rc;

    *o = (struct order){ .verb = NULL };
    fleet_line_cut(line);
    word = strtok_r(line, " \t", &rest);
    if (word == NULL)
        return 0;
    if (strcmp(word, "wait") == 0)
        return parse_wait(rest, o, e);
    for (size_t i = 0; i < ARRAY_LEN(verbs) && o->verb == NULL; i++)
        o->verb = strcmp(verbs[i].name, word) == 0 ? &verbs[i] : NULL;
    if (o->verb == NULL)
        return err_set(e, -EINVAL,
                       "%.40s: what happens is wait, link, port, lun, flap, restart, roll, crash "
                       "or boot",
                       word);
    rc = parse_state(o->verb, &rest, s, o, e);
    o->hosts = rc == 0 ? strtok_r(NULL, " \t", &rest) : NULL;
    o->rack = o->hosts != NULL && strcmp(o->hosts, "rack") == 0;
    if (o->rack)
        o->hosts = strtok_r(NULL, " \t", &rest);
    if (rc == 0 && (o->hosts == NULL || strtok_r(NULL, " \t", &rest) != NULL))
        rc = err_set(e, -EINVAL, "%s ends with its hosts: all, rack N, or numbers", word);
    return rc;
}

/* ---- where lines come from ---------------------------------------------------------------------
 */

struct fleet_script {
    const struct fleet_options *of;
    FILE *file; /* NULL: a FIFO */
    int fd;
    char room[LINE_BYTES];
    size_t have;
    mono_ms until; /* it waits */
};

static int check_line(const char *line, const struct fleet_options *of, struct err *e)
{
    char copy[LINE_BYTES];
    struct order o;
    int rc;

    snprintf(copy, sizeof copy, "%s", line);
    rc = parse(copy, &of->shape, &o, e);
    return rc < 0 || o.verb == NULL ? rc : each_host(&o, of, NULL, e);
}

static int check_in_file(void *options, char *line, struct err *e)
{
    return check_line(line, options, e);
}

static int check_file(FILE *file, const char *path, const struct fleet_options *of, struct err *e)
{
    int rc = fleet_lines_each(file, path, check_in_file, (void *)(uintptr_t)of, e);

    rewind(file);
    return rc;
}

struct fleet_script *fleet_script_open(const char *path, const struct fleet_options *o,
                                       struct err *e)
{
    struct fleet_script *s = calloc(1, sizeof *s);
    struct stat st;
    int rc = 0;

    if (s == NULL)
        return NULL;
    s->of = o;
    s->fd = -1;
    if (stat(path, &st) != 0) {
        rc = err_set(e, -errno, "%s cannot be read: %s", path, strerror(errno));
    } else if (S_ISFIFO(st.st_mode)) { /* for writing too, so that it has no end */
        s->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (s->fd < 0)
            rc = err_set(e, -errno, "%s cannot be opened: %s", path, strerror(errno));
    } else {
        s->file = fopen(path, "re");
        rc = s->file == NULL ? err_set(e, -errno, "%s cannot be read: %s", path, strerror(errno))
                             : check_file(s->file, path, o, e);
    }
    if (rc == 0)
        return s;
    fleet_script_free(s);
    return NULL;
}

int fleet_script_fd(const struct fleet_script *s)
{
    return s->fd;
}

void fleet_script_free(struct fleet_script *s)
{
    if (s == NULL)
        return;
    if (s->file != NULL)
        fclose(s->file);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

/* The next whole line of the FIFO. One that is longer than the room is cut. */
static bool fifo_line(struct fleet_script *s, char line[LINE_BYTES])
{
    ssize_t got = read(s->fd, s->room + s->have, sizeof s->room - 1 - s->have);
    char *end;
    size_t n;

    if (got > 0)
        s->have += (size_t)got;
    s->room[s->have] = '\0';
    end = strchr(s->room, '\n');
    if (end == NULL && s->have < sizeof s->room - 1)
        return false;
    n = end == NULL ? s->have : (size_t)(end - s->room) + 1;
    memcpy(line, s->room, n);
    line[n] = '\0';
    memmove(s->room, s->room + n, s->have - n);
    s->have -= n;
    return true;
}

static int carry_out(struct fleet_script *s, struct fleet *f, char *line, struct err *e)
{
    struct order o;
    struct err why;
    int rc = check_line(line, s->of, &why);

    if (rc < 0) {
        log_line(LOG_LEVEL_WARNING, "%s", why.text);
        return 0;
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (*line != '\0')
        log_line(LOG_LEVEL_INFO, "%s", line);
    parse(line, &s->of->shape, &o, &why);
    s->until.v = clock_mono().v + o.wait_ms;
    rc = o.verb == NULL ? 0 : each_host(&o, s->of, f, e);
    if (rc == -ENOENT) { /* tokens have run out: the fleet goes on without */
        log_line(LOG_LEVEL_WARNING, "%s", e->text);
        rc = 0;
    }
    return rc;
}

int64_t fleet_script_run(struct fleet_script *s, struct fleet *f, struct err *e)
{
    char line[LINE_BYTES];
    int rc = 0;

    for (unsigned n = 0; rc == 0 && n < MOST_LINES && clock_mono().v >= s->until.v; n++) {
        if (s->file != NULL ? fgets(line, sizeof line, s->file) == NULL : !fifo_line(s, line))
            return IDLE_MS;
        rc = carry_out(s, f, line, e);
    }
    return rc < 0 ? rc : s->until.v > clock_mono().v ? s->until.v - clock_mono().v : 0;
}
