/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_label_memory.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* When a process was started, in ticks; 0: there is none, or it has ended and only its parent has
 * not noticed (man 5 proc, /proc/PID/stat: fields 3 and 22, counted from behind the name). */
static uint64_t started(pid_t pid)
{
    enum { STATE = 0, START = 19 };
    char path[64], text[1024];
    struct bytes rest, word = { NULL, 0 };
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, sizeof text);
        close(fd);
    }
    rest = (struct bytes){ n <= 0 ? NULL : memrchr(text, ')', (size_t)n), 0 };
    if (rest.p == NULL)
        return 0;
    rest.n = (size_t)(text + n - (const char *)rest.p);
    bytes_word(&rest, " ", &word);
    for (int i = STATE; i <= START; i++) {
        if (!bytes_word(&rest, " ", &word))
            return 0;
        if (i == STATE && (bytes_equal(word, "Z") || bytes_equal(word, "X")))
            return 0;
    }
    return bytes_number(word, 10).v;
}

/* It may be a child of this process, or of an earlier worker. */
static bool lives(struct label_stuck *s)
{
    if (s->pid != 0 && (waitpid(s->pid, NULL, WNOHANG) > 0 || s->pid_started == 0 ||
                        started(s->pid) != s->pid_started))
        s->pid = 0;
    return s->pid != 0;
}

bool label_memory_waits(struct label_memory *m, dev_t devnum)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].devnum == devnum)
            return lives(&m->v[i]);
    }
    return false;
}

static bool is_among(dev_t devnum, const struct label_device *devices, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (devices[i].devnum == devnum)
            return true;
    }
    return false;
}

size_t label_memory_refresh(struct label_memory *m, const struct label_device *devices, size_t n)
{
    size_t living = 0, kept = 0;

    for (size_t i = 0; i < m->n; i++) {
        bool waits = lives(&m->v[i]);

        living += waits;
        if (waits || is_among(m->v[i].devnum, devices, n))
            m->v[kept++] = m->v[i];
    }
    m->n = kept;
    return living;
}

const struct label_stuck *label_memory_get(const struct label_memory *m, dev_t devnum)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].devnum == devnum)
            return &m->v[i];
    }
    return NULL;
}

/* There is one for which no child waits. */
static void forget_one(struct label_memory *m)
{
    size_t i = 0;

    _Static_assert(LABEL_STUCK_MAX > LABEL_CHILDREN_MAX, "not all that are stuck have a child");
    while (i < m->n && m->v[i].pid != 0)
        i++;
    assert(i < m->n);
    m->v[i] = m->v[--m->n];
}

mono_ms label_memory_put(struct label_memory *m, dev_t devnum, mono_ms start, pid_t pid)
{
    struct label_stuck *s = NULL;

    for (size_t i = 0; i < m->n && s == NULL; i++) {
        if (m->v[i].devnum == devnum)
            s = &m->v[i];
    }
    if (s == NULL && m->n == LABEL_STUCK_MAX)
        forget_one(m);
    if (s == NULL) {
        s = &m->v[m->n++];
        *s = (struct label_stuck){ .devnum = devnum, .since = start };
    }
    s->pid = pid;
    s->pid_started = pid == 0 ? 0 : started(pid);
    return s->since;
}

void label_memory_forget(struct label_memory *m, dev_t devnum)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].devnum == devnum) {
            m->v[i] = m->v[--m->n];
            return;
        }
    }
}
