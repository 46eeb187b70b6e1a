/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_watch.h"

#include <signal.h>

void worker_watch_begin(struct worker_watch *w, mono_ms until)
{
    w->child = true;
    w->ended = w->killed = false;
    w->until = until;
}

bool worker_watch_owns(const struct worker_watch *w, pid_t group)
{
    return w->child && w->process.pid == group;
}

void worker_watch_reaped(struct worker_watch *w, pid_t pid, int status)
{
    if (!w->child || w->ended || w->process.pid != pid)
        return;
    w->ended = true;
    w->status = status;
}

void worker_watch_kill(struct worker_watch *w)
{
    kill(-w->process.pid, SIGKILL);
    w->killed = true;
}

void worker_watch_close(struct worker_watch *w)
{
    worker_process_close(&w->process);
    w->child = false;
}

void worker_watch_free(struct worker_watch *w)
{
    if (w->child && !w->ended)
        worker_watch_kill(w);
    if (w->child)
        worker_watch_close(w);
}
