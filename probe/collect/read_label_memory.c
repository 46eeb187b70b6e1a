/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_label_memory.h"

#include <assert.h>

#include "collect/read_process.h"

static bool lives(struct label_stuck *s)
{
    if (s->pid != 0 && !process_lives(s->pid, s->pid_started))
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

    _Static_assert((int)LABEL_STUCK_MAX > (int)LABEL_CHILDREN_MAX,
                   "not all that are stuck have a child");
    while (i < m->n && m->v[i].pid != 0)
        i++;
    assert(i < m->n);
    m->v[i] = m->v[--m->n];
}

mono_ms label_memory_put(struct label_memory *m, dev_t devnum, mono_ms start, pid_t pid, bool full)
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
    if (full)
        s->asked = start;
    s->pid = pid;
    s->pid_started = pid == 0 ? 0 : process_started(pid, NULL);
    return s->since;
}

void label_memory_forget(struct label_memory *m, dev_t devnum)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].devnum == devnum) {
            if (m->v[i].pid == 0)
                m->v[i] = m->v[--m->n];
            return;
        }
    }
}
