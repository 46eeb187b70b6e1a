/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A consistent copy of the coordinator's database, chunk by chunk, into a new file. The file gets
 * its name when it is whole and on the disk: half a backup must not look like one, whatever ends
 * this program. */
#include "nouns.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/progress.h"

#define COPY_TIMEOUT_MS 600000 /* the coordinator copies a large database before it answers */

struct copy {
    const char *path, *folder; /* in the run's arena */
    int fd;
    bool named; /* has its name already: the file system has no unnamed files */
    uint64_t handle, done, total;
    const struct reply *begun;
};

/* ---- the file ------------------------------------------------------------------------------- */

/* Half a copy that has its name already: it goes also when somebody ends this program. */
static const char *volatile partial;

static void remove_partial(int signal_number)
{
    if (partial != NULL)
        unlink(partial);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void file_open_named(struct copy *c)
{
    static const int ends[] = { SIGHUP, SIGINT, SIGTERM };

    c->fd = open(c->path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->fd < 0)
        return;
    c->named = true;
    partial = c->path;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        signal(ends[i], remove_partial);
}

static const char *folder_of(struct run *r, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return ".";
    return slash == path ? "/" : arena_strndup(r->arena, path, (size_t)(slash - path));
}

static int cannot(struct run *r, const struct copy *c, int error)
{
    if (error == EEXIST)
        return fail(r, "local", "Name another file, or move that one away.",
                    "%s is there already, and a backup never overwrites", c->path);
    return fail(r, "local", NULL, "the backup cannot be written to %s: %s", c->path,
                strerror(error));
}

static int file_open(struct run *r, struct copy *c)
{
    struct stat st;

    c->folder = folder_of(r, c->path);
    if (c->folder == NULL)
        return fail(r, "local", NULL, "out of memory");
    if (lstat(c->path, &st) == 0)
        return cannot(r, c, EEXIST);
    c->fd = open(c->folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (c->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        file_open_named(c);
    return c->fd >= 0 ? 0 : cannot(r, c, errno);
}

static int file_write(struct run *r, const struct copy *c, struct bytes chunk)
{
    for (size_t done = 0; done < chunk.n;) {
        ssize_t n = write(c->fd, chunk.p + done, chunk.n - done);

        if (n < 0 && errno != EINTR)
            return cannot(r, c, errno);
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* On the disk, under its name. */
static int file_finish(struct run *r, struct copy *c)
{
    char unnamed[48];
    int folder = -1, rc = 0;

    snprintf(unnamed, sizeof unnamed, "/proc/self/fd/%d", c->fd);
    if (fchmod(c->fd, 0600) != 0 || fsync(c->fd) != 0 ||
        (!c->named && linkat(AT_FDCWD, unnamed, AT_FDCWD, c->path, AT_SYMLINK_FOLLOW) != 0))
        return cannot(r, c, errno);
    c->named = true;
    folder = open(c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || fsync(folder) != 0)
        rc = cannot(r, c, errno);
    if (folder >= 0)
        close(folder);
    return rc;
}

static void file_close(const struct copy *c, bool keep)
{
    if (c->fd < 0)
        return;
    partial = NULL;
    if (c->named && !keep)
        unlink(c->path);
    close(c->fd);
}

/* ---- the copy ------------------------------------------------------------------------------- */

/* Is it there, and may we? The copy itself may then take its time. */
static int greet(struct run *r)
{
    REQUEST(req, OP_HELLO);
    struct muster_reply reply;
    int rc = ask(r, &req, &reply);

    muster_reply_free(&reply);
    if (rc == 0 && !r->timeout_given) {
        muster_disconnect(r->client);
        r->client = NULL;
        r->connect.timeout_ms = COPY_TIMEOUT_MS;
    }
    return rc;
}

static int transfer(struct run *r, struct copy *c)
{
    REQUEST(req, OP_BACKUP_READ);
    struct progress bar;
    size_t n = 1;
    int rc = 0;

    REC_SET(&req, request, handle, c->handle);
    progress_begin(&bar, "backup", c->total, r->out.columns);
    while (rc == 0 && n > 0) {
        struct muster_reply reply;

        REC_SET(&req, request, offset, c->done);
        rc = ask(r, &req, &reply);
        if (rc == 0) {
            n = reply.reply->chunk.n;
            rc = file_write(r, c, reply.reply->chunk);
            c->done += n;
            progress_move(&bar, c->done);
        }
        muster_reply_free(&reply);
    }
    progress_end(&bar);
    if (rc == 0 && c->done != c->total)
        rc = fail(r, "failed", "Nothing was kept; try again.",
                  "the backup came with %" PRIu64 " bytes instead of %" PRIu64, c->done, c->total);
    return rc;
}

/* The coordinator's own copy. Where it cannot be made, room is what it lacks most of the time. */
static int copy_begin(struct run *r, struct muster_reply *begun)
{
    REQUEST(req, OP_BACKUP_BEGIN);
    struct failure f = { .code = "failed" };
    int rc = ask_connect(r);

    if (rc != 0)
        return rc;
    rc = muster_call(r->client, &req, begun);
    if (rc != MUSTER_E_REPLY || begun->reply->code != REPLY_FAILED)
        return rc == 0 ? 0 : ask_failed(r, rc, begun->reply);
    f.text = muster_error(r->client);
    f.hint = "The coordinator makes the copy in its state directory first: that disk must have as "
             "much room free as the database has.";
    return fail_with(r, &f);
}

/* Lets the coordinator forget its copy; if that fails it does so by itself after a while. */
static void let_go(struct run *r, const struct copy *c)
{
    REQUEST(req, OP_BACKUP_END);
    struct muster_reply reply;

    REC_SET(&req, request, handle, c->handle);
    muster_call(r->client, &req, &reply);
    muster_reply_free(&reply);
}

static void done_text(struct text *t, const void *data)
{
    const struct copy *c = data;
    char size[24];

    text_line(t, "%s: %s, event %" PRIu64 ", generation %" PRIu64 ".", c->path,
              bytes_text(c->total, size), c->begun->event_no, c->begun->generation);
}

static void done_json(struct json *j, const void *data)
{
    const struct copy *c = data;

    json_head(j, c->begun);
    json_str(j, "file", c->path);
    json_int(j, "size_bytes", (int64_t)c->total);
}

static int handle(struct run *r)
{
    static const struct view view = { done_text, done_json };
    struct copy c = { .path = r->arguments[0], .fd = -1 };
    struct muster_reply begun = { NULL, NULL };
    int rc = file_open(r, &c);

    if (rc == 0)
        rc = greet(r);
    if (rc == 0)
        rc = copy_begin(r, &begun);
    if (rc == 0) {
        c.begun = begun.reply;
        c.handle = begun.reply->handle;
        c.total = begun.reply->total_bytes;
        rc = transfer(r, &c);
        let_go(r, &c);
    }
    if (rc == 0)
        rc = file_finish(r, &c);
    file_close(&c, rc == 0);
    if (rc == 0)
        rc = show(r, &view, &c);
    muster_reply_free(&begun);
    return rc;
}

const struct command backup_command = {
    .noun = "backup",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "a consistent copy of the database, while all goes on",
    .about =
        "Writes a copy of the coordinator's database into a new FILE on this machine, "
        "readable by you alone. A file that is there already is never overwritten, and FILE "
        "appears only when it is whole and on the disk. The coordinator makes the copy in its "
        "state directory first, and that disk needs room for it meanwhile: as much as the "
        "database has. The copy holds no secret, but all about your fleet. To use it see OPERATIONS.md, 'Backup and restore'.",
    .example = "muster backup muster-$(date +%F).db",
    .handle = handle,
};
