/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_label.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collect/probe_blkid.h"
#include "collect/read_label_child.h"
#include "collect/read_label_memory.h"
#include "collect/read_process.h"

enum { END_MS = 1000 }; /* that the end of a child is waited for */

struct child {
    pid_t pid;
    int sock;
    bool busy;    /* it has been asked and has not answered; what follows is of that */
    size_t index; /* of its device */
    mono_ms start;
    int64_t limit_ms; /* more than others' when it was not let run */
};

struct reader {
    const struct label_device *devices;
    size_t count;
    label_opener open_it;
    int64_t limit_ms;
    struct label_memory *memory;
    struct arena *a;
    struct label_answer *answers;
    size_t *order; /* in which the devices are asked */
    size_t order_count, next;
    struct child children[LABEL_CHILDREN_MAX];
    size_t n, busy;
    size_t abandoned; /* children of this and earlier reads that live */
    bool starved;     /* no descriptor or process was left: only the end of a child gives one */
    struct err *e;
};

static mono_ms now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (mono_ms){ (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

static int no_memory(struct reader *r)
{
    return err_set(r->e, -ENOMEM, "out of memory while reading labels");
}

static int set_answer(struct reader *r, size_t i, enum label_status status, const char *text)
{
    r->answers[i].status = status;
    r->answers[i].text = text;
    return text == NULL ? no_memory(r) : 0;
}

static int say_stuck(struct reader *r, size_t i, mono_ms since)
{
    r->answers[i].since = since;
    return set_answer(r, i, LABEL_STUCK,
                      arena_printf(r->a, "%s does not answer", r->devices[i].path));
}

static int say_failed(struct reader *r, size_t i, int error, const char *text)
{
    label_memory_forget(r->memory, r->devices[i].devnum);
    r->answers[i].error = error;
    return set_answer(r, i, LABEL_FAILED, text);
}

static int say_error(struct reader *r, size_t i, const struct label_message *m)
{
    const char *path = r->devices[i].path, *why = strerror(m->error), *text;

    if (m->error == ESTALE)
        text = arena_printf(r->a, "%s is another device than a moment ago", path);
    else if (m->at == UINT64_MAX)
        text = arena_printf(r->a, "%s cannot be opened and read: %s", path, why);
    else
        text = arena_printf(r->a, "reading %s at byte %llu failed: %s", path,
                            (unsigned long long)m->at, why);
    return say_failed(r, i, m->error, text);
}

static int say_read(struct reader *r, size_t i, const struct label_message *m, int memfd)
{
    struct label_answer *answer = &r->answers[i];
    struct err e = { "" };
    int rc = probe_blkid(memfd, m->sector_bytes, r->a, &answer->label, &e);

    if (rc == -ENOMEM)
        return no_memory(r);
    if (rc < 0)
        return say_failed(r, i, -rc, arena_printf(r->a, "%s: %s", r->devices[i].path, e.text));
    label_memory_forget(r->memory, r->devices[i].devnum);
    answer->status = LABEL_READ;
    answer->size_bytes = m->size_bytes;
    return 0;
}

static void drop_child(struct reader *r, size_t at)
{
    close(r->children[at].sock);
    r->busy -= r->children[at].busy;
    r->children[at] = r->children[--r->n];
}

/* It has no device open any more, so its end is near; should it not come, whoever inherits it will
 * see to it. */
static void end_child(struct reader *r, size_t at)
{
    pid_t pid = r->children[at].pid;
    struct pollfd p = { .events = POLLIN };

    kill(pid, SIGKILL);
    drop_child(r, at);
    p.fd = pidfd_open(pid, 0);
    if (p.fd >= 0) {
        poll(&p, 1, END_MS);
        close(p.fd);
    }
    waitpid(pid, NULL, WNOHANG);
}

static int hear(struct reader *r, size_t at)
{
    const struct child c = r->children[at];
    struct label_message m = { .error = 0 };
    int memfd, rc;
    bool said = label_child_hear(c.sock, &m, &memfd);

    if (said) {
        r->children[at].busy = false;
        r->busy--;
    } else {
        end_child(r, at);
    }
    if (!said)
        rc = say_failed(r, c.index, EIO,
                        arena_printf(r->a, "the reader of %s ended without an answer",
                                     r->devices[c.index].path));
    else if (m.error != 0)
        rc = say_error(r, c.index, &m);
    else
        rc = say_read(r, c.index, &m, memfd);
    if (memfd >= 0)
        close(memfd);
    return rc;
}

/* A busy one. Killed; if that does not help at once, it is remembered. */
static mono_ms abandon(struct reader *r, size_t at)
{
    const struct child c = r->children[at];
    mono_ms since;
    bool lives;

    kill(c.pid, SIGKILL);
    drop_child(r, at);
    lives = waitpid(c.pid, NULL, WNOHANG) == 0;
    since = label_memory_put(r->memory, r->devices[c.index].devnum, c.start, lives ? c.pid : 0,
                             c.limit_ms >= r->limit_ms);
    r->abandoned += lives;
    return since;
}

/* An answer that came while others were dealt with is in time. */
static bool has_answered(const struct child *c)
{
    struct pollfd p = { .fd = c->sock, .events = POLLIN };

    return poll(&p, 1, 0) > 0;
}

/* A child that is ready to run and does not come to it says nothing of its device. */
static bool is_starved(const struct reader *r, struct child *c)
{
    if (c->limit_ms >= LABEL_LIMITS * r->limit_ms || process_waits(c->pid))
        return false;
    c->limit_ms += r->limit_ms;
    return true;
}

static int check_deadlines(struct reader *r, mono_ms t)
{
    int rc = 0;

    for (size_t i = r->n; i-- > 0 && rc == 0;) {
        struct child *c = &r->children[i];
        size_t index = c->index;

        if (!c->busy)
            continue;
        if (mono_since(t, c->start) >= c->limit_ms && !has_answered(c) && !is_starved(r, c))
            rc = say_stuck(r, index, abandon(r, i));
    }
    return rc;
}

static size_t count_young(const struct reader *r, mono_ms t)
{
    size_t young = 0;

    for (size_t i = 0; i < r->n; i++)
        young += r->children[i].busy && mono_since(t, r->children[i].start) < LABEL_SLOW_MS;
    return young;
}

static bool has_room(const struct reader *r)
{
    return r->busy < r->n || r->n + r->abandoned < LABEL_CHILDREN_MAX;
}

static bool may_start(const struct reader *r)
{
    return !r->starved && r->next < r->order_count && has_room(r) &&
           count_young(r, now()) < LABEL_AT_ONCE;
}

static int64_t limit_of(const struct reader *r, size_t index, mono_ms start)
{
    const struct label_stuck *s = label_memory_get(r->memory, r->devices[index].devnum);

    if (s == NULL || mono_since(start, s->asked) >= LABEL_FULL_MS || r->limit_ms < LABEL_AGAIN_MS)
        return r->limit_ms;
    return LABEL_AGAIN_MS;
}

/* One that has nothing to do, or a new one. 0 or a negative errno. */
static int find_idle(struct reader *r, struct child **out)
{
    struct child *c = r->children;
    int rc = 0;

    while (c < r->children + r->n && c->busy)
        c++;
    *out = c;
    if (c < r->children + r->n)
        return 0;
    rc = label_child_start(r->devices, r->open_it, &c->pid, &c->sock);
    c->busy = false;
    r->n += rc == 0;
    return rc;
}

static int start_one(struct reader *r)
{
    size_t index = r->order[r->next];
    struct child *c = NULL;
    size_t before = r->n;
    int rc = find_idle(r, &c);

    r->starved = rc < 0 && r->busy > 0;
    if (r->starved)
        return 0;
    if (rc == 0 && !label_child_ask(c->sock, index)) {
        rc = r->n > before ? -EPIPE : 0;
        end_child(r, (size_t)(c - r->children));
        if (rc == 0)
            return 0; /* while it had nothing to do: it is another's turn */
    }
    r->next++;
    if (rc < 0)
        return say_failed(r, index, -rc,
                          arena_printf(r->a, "cannot start a reader of %s: %s",
                                       r->devices[index].path, strerror(-rc)));
    c->busy = true;
    c->index = index;
    c->start = now();
    c->limit_ms = limit_of(r, index, c->start);
    r->busy++;
    return 0;
}

/* As many as may run. With no room, and none running that could make some, the rest is skipped. */
static int start_more(struct reader *r)
{
    int rc = 0;

    r->starved = false;
    if (r->busy == 0 && !has_room(r)) /* those that were just killed may be gone */
        r->abandoned = label_memory_refresh(r->memory, r->devices, r->count);
    while (rc == 0 && may_start(r))
        rc = start_one(r);
    for (; rc == 0 && r->busy == 0 && r->next < r->order_count; r->next++)
        rc = set_answer(r, r->order[r->next], LABEL_SKIPPED,
                        arena_printf(r->a, "%s was not asked: too many devices do not answer",
                                     r->devices[r->order[r->next]].path));
    return rc;
}

/* Until something can have changed: an answer, a child that is over its limit or no longer young.
 */
static int wait_for_news(struct reader *r, struct pollfd *fds)
{
    mono_ms t = now();
    int64_t wait_ms = may_start(r) ? 0 : r->limit_ms;
    int rc = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct child *c = &r->children[i];
        int64_t age = mono_since(t, c->start), left = c->limit_ms - age, slow = LABEL_SLOW_MS - age;

        fds[i] = (struct pollfd){ .fd = c->busy ? c->sock : -1, .events = POLLIN };
        if (slow > 0 && slow < left)
            left = slow;
        if (c->busy && left < wait_ms)
            wait_ms = left;
    }
    if (r->busy == 0 || poll(fds, r->n, wait_ms < 0 ? 0 : (int)wait_ms) <= 0)
        return 0;
    /* From the end: the last child takes the place of one that is done. */
    for (size_t i = r->n; i-- > 0 && rc == 0;) {
        if (fds[i].revents != 0)
            rc = hear(r, i);
    }
    return rc;
}

/* Those that have always answered come first; those whose child still waits are not asked. */
static int sort_devices(struct reader *r)
{
    int rc = 0;

    for (int pass = 0; pass < 2 && rc == 0; pass++) {
        for (size_t i = 0; i < r->count && rc == 0; i++) {
            const struct label_stuck *s = label_memory_get(r->memory, r->devices[i].devnum);

            if (s != NULL && s->pid != 0 && pass == 0)
                rc = say_stuck(r, i, s->since);
            else if ((s == NULL && pass == 0) || (s != NULL && s->pid == 0 && pass == 1))
                r->order[r->order_count++] = i;
        }
    }
    return rc;
}

static int run(struct reader *r)
{
    struct pollfd fds[LABEL_CHILDREN_MAX];
    int rc = sort_devices(r);

    while (rc == 0 && (r->busy > 0 || r->next < r->order_count)) {
        rc = start_more(r);
        if (rc == 0)
            rc = wait_for_news(r, fds);
        if (rc == 0)
            rc = check_deadlines(r, now());
    }
    while (r->n > 0) {
        if (r->children[r->n - 1].busy)
            abandon(r, r->n - 1);
        else
            end_child(r, r->n - 1);
    }
    return rc;
}

int read_labels(const struct label_device *devices, size_t n, label_opener open_it,
                int64_t limit_ms, struct label_memory *memory, struct arena *a,
                struct label_answer *answers, struct err *e)
{
    struct reader r = { .devices = devices,
                        .count = n,
                        .open_it = open_it,
                        .limit_ms = limit_ms,
                        .memory = memory,
                        .a = a,
                        .answers = answers,
                        .e = e };

    memset(answers, 0, n * sizeof *answers);
    r.order = arena_array(a, n, sizeof *r.order);
    if (r.order == NULL)
        return no_memory(&r);
    r.abandoned = label_memory_refresh(memory, devices, n);
    return run(&r);
}
