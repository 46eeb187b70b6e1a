/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follows a task until it is over. It is asked for when a hint says that something has changed, and
 * once a second; never more than ten times a second. */
#include "scan.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/io.h"

#define LEAST_MS      100   /* between two looks */
#define LOOK_AGAIN_MS 1000  /* without a hint: renewals and times come without one */
#define KEY_MS        200   /* Ctrl-C is seen within */
#define LINE_MS       30000 /* without a terminal: between two lines, or each tenth */
#define LOST_MS       60000 /* a coordinator that is away longer is given up */

struct follow {
    struct run *r;
    uint64_t no, generation, event_no;
    bool bar, drawn, over;
    int64_t looked_ms, line_ms;
    uint64_t tenths; /* of the last line; beyond 10: none yet */
    int64_t lost_ms; /* since when the coordinator is away; 0: it is there */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- what is seen meanwhile ----------------------------------------------------------------- */

static void wipe(struct follow *f)
{
    if (f->drawn)
        fputs("\r\033[K", stderr);
    f->drawn = false;
}

static unsigned columns(const struct run *r)
{
    struct winsize w;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : r->out.columns;
}

static void draw(struct follow *f, const struct task_info *k)
{
    struct buf b = { 0 };
    struct text t = {
        .out = &b, .arena = arena_new(0), .color = f->r->out.color_errors, .columns = columns(f->r)
    };

    if (t.arena == NULL)
        return;
    buf_str(&b, "\r");
    task_bar(&t, k);
    buf_str(&b, "\033[K");
    if (!t.failed && !b.failed)
        io_write_all(STDERR_FILENO, b.p, b.n);
    f->drawn = true;
    buf_deinit(&b);
    arena_free(t.arena);
}

static void line_text(struct text *t, const void *data)
{
    text_line(t, "%s", task_figures(t, data, false));
}

/* Whoever reads the output later wants few lines. */
static int line(struct follow *f, const struct task_info *k)
{
    static const struct view view = { .text = line_text };
    uint64_t tenths = k->jobs > 0 ? (uint64_t)((double)k->jobs_done * 10 / (double)k->jobs) : 0;

    if (f->r->json || (tenths == f->tenths && f->looked_ms - f->line_ms < LINE_MS))
        return 0;
    f->tenths = tenths;
    f->line_ms = f->looked_ms;
    return show(f->r, &view, k);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* The coordinator is away: it is waited for, for a while. 0, or an exit code. */
static int lost(struct follow *f, int rc)
{
    int64_t now = now_ms();

    wipe(f);
    if (f->lost_ms == 0) {
        f->lost_ms = now;
        notice(f->r, "%s; waiting for it", muster_error(f->r->client));
    } else if (now - f->lost_ms >= LOST_MS) {
        return ask_failed(f->r, rc, NULL);
    }
    return rest() ? 0 : EXIT_FAILED;
}

/* Tasks that run: is ours among them, and how far is it? */
static int look(struct follow *f)
{
    REQUEST(req, OP_TASK_LIST);
    struct muster_reply reply;
    int rc = muster_call(f->r->client, &req, &reply);

    f->looked_ms = now_ms();
    if (rc == MUSTER_E_UNREACHABLE) {
        rc = lost(f, rc);
    } else if (rc != 0) {
        wipe(f);
        rc = ask_failed(f->r, rc, reply.reply);
    } else {
        const struct task_info *k = reply.reply->tasks.v;

        if (f->lost_ms != 0)
            notice(f->r, "the coordinator is back");
        f->lost_ms = 0;
        f->over = true;
        f->generation = reply.reply->generation;
        f->event_no = reply.reply->event_no;
        for (size_t i = 0; i < reply.reply->tasks.n; i++) {
            if (k[i].no != f->no || (k[i].state != NULL && strcmp(k[i].state, "running") != 0))
                continue;
            f->over = false;
            if (f->bar)
                draw(f, &k[i]);
            else
                rc = line(f, &k[i]);
        }
    }
    muster_reply_free(&reply);
    return rc;
}

/* Until there is news, but not before the last look is LEAST_MS ago. 0, or an exit code. */
static int await(struct follow *f)
{
    bool news = false;

    while (!interrupted) {
        int64_t since = now_ms() - f->looked_ms, most = news ? LEAST_MS : LOOK_AGAIN_MS;
        int rc;

        if (since >= most)
            return 0;
        rc = muster_wait(f->r->client, &f->generation, &f->event_no,
                         most - since < KEY_MS ? most - since : KEY_MS);
        if (rc == MUSTER_E_UNREACHABLE)
            return lost(f, rc);
        if (rc != 0 && rc != -ETIMEDOUT) {
            wipe(f);
            return ask_failed(f->r, rc, NULL);
        }
        news = news || rc == 0;
    }
    return 0;
}

static int leave(struct follow *f)
{
    const char *hint = arena_printf(f->r->arena,
                                    "'muster task watch %" PRIu64 "' shows how it goes on, 'muster "
                                    "task cancel %" PRIu64 "' ends it.",
                                    f->no, f->no);

    wipe(f);
    return fail(f->r, "failed", hint, "interrupted; task %" PRIu64 " goes on", f->no);
}

/* Until the list of running tasks has it no more, or Ctrl-C. */
static int watch(struct follow *f)
{
    int rc = 0;

    f->over = false;
    while (rc == 0 && !f->over && !interrupted) {
        rc = look(f);
        if (rc == 0 && !f->over)
            rc = await(f);
    }
    return rc == 0 && !f->over ? leave(f) : rc;
}

/* The end of it; *runs: it goes on, the list was too long to have it. */
static int take_end(struct follow *f, struct muster_reply *out, bool *runs)
{
    REQUEST(req, OP_TASK_SHOW);
    const struct task_info *k;
    int rc;

    REC_SET(&req, request, count, f->no);
    rc = ask(f->r, &req, out);
    if (rc == 0 && out->reply->tasks.n == 0)
        rc = fail(f->r, "failed", NULL, "the coordinator answered without a task");
    if (rc != 0)
        return rc;
    k = out->reply->tasks.v;
    *runs = k->state != NULL && strcmp(k->state, "running") == 0;
    if (!*runs)
        return 0;
    muster_reply_free(out);
    return await(f);
}

int follow(struct run *r, uint64_t no, struct muster_reply *out)
{
    struct follow f = { .r = r, .no = no, .bar = isatty(STDERR_FILENO), .tenths = UINT64_MAX };
    /* The second time it ends the program, whatever that does. */
    struct sigaction now = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND }, before;
    bool runs = true;
    int rc = 0;

    *out = (struct muster_reply){ NULL, NULL };
    interrupted = 0;
    sigaction(SIGINT, NULL, &before);
    if (before.sa_handler != SIG_IGN)
        sigaction(SIGINT, &now, NULL);
    while (rc == 0 && runs) {
        rc = watch(&f);
        wipe(&f);
        if (rc == 0)
            rc = take_end(&f, out, &runs);
    }
    sigaction(SIGINT, &before, NULL);
    return rc;
}
