/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "core/explain.h"
#include "core/impact.h"
#include "core/lease_list.h"
#include "core/reach_info.h"
#include "net/net.h"
#include "reader_fs.h"
#include "reader_image.h"
#include "reader_task.h"
#include "shell.h"
#include "wire/codec.h"

#define EXPIRE_MS 1000

struct reader {
    struct reader_options o;
    struct store_reader *store;
    struct backups *backups;
    struct queue *in;
    pthread_t thread;
    bool started;
    atomic_size_t weight;
};

static int no_join(struct reader *r, struct job *j, struct err *e)
{
    (void)r;
    (void)j;
    (void)e;
    return 0;
}

static struct section *read_sections(struct reader *r, struct job *j, uint32_t node_no,
                                     struct err *e, int *rc)
{
    struct section *sections = arena_array(j->arena, SECTION_COUNT, sizeof *sections);

    if (sections == NULL) {
        *rc = err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    *rc = store_read_sections(r->store, node_no, j->arena, sections, e);
    return sections;
}

static int join_sections(struct reader *r, struct job *j, struct err *e)
{
    int rc;
    struct section *sections = read_sections(r, j, j->join.node_no, e, &rc);
    struct section_body *bodies = arena_array(j->arena, SECTION_COUNT, sizeof *bodies);
    struct recs list = { bodies, 0 };

    if (rc != 0 || bodies == NULL)
        return rc != 0 ? rc : -ENOMEM;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (sections[i].status != SECTION_NEVER)
            section_to_body(&sections[i], &bodies[list.n++]);
    }
    section_ages(j->reply->sections, bodies, list.n); /* from the core: the database has none */
    REC_SET(j->reply, reply, sections, list);
    return 0;
}

static int event_to_info(const struct event_row *row, struct arena *a, struct event_info *out)
{
    char id[UUID_TEXT];

    REC_SET(out, event_info, no, row->no);
    REC_SET(out, event_info, wall_ms, row->at.v);
    REC_SET(out, event_info, generation, row->generation);
    if (row->kind != NULL)
        REC_SET(out, event_info, kind, row->kind);
    if (row->severity != NULL)
        REC_SET(out, event_info, severity, row->severity);
    if (row->text != NULL)
        REC_SET(out, event_info, text, row->text);
    if (row->node_name != NULL)
        REC_SET(out, event_info, node_name, row->node_name);
    if (row->resource_label != NULL)
        REC_SET(out, event_info, resource_label, row->resource_label);
    if (!uuid_is_nil(row->node))
        REC_SET(out, event_info, node, arena_strdup(a, uuid_text(row->node, id)));
    if (!uuid_is_nil(row->resource))
        REC_SET(out, event_info, resource, arena_strdup(a, uuid_text(row->resource, id)));
    return (uuid_is_nil(row->node) || out->node != NULL) &&
                   (uuid_is_nil(row->resource) || out->resource != NULL)
               ? 0
               : -ENOMEM;
}

static int join_events(struct reader *r, struct job *j, struct err *e)
{
    struct event_row *rows = NULL;
    struct event_info *infos;
    struct recs list;
    size_t count = 0;
    bool more = false;
    int rc = store_read_events(r->store, j->join.since, j->join.since_wall, j->join.limit, j->arena,
                               &rows, &count, &more, e);

    if (rc != 0)
        return rc;
    infos = arena_array(j->arena, count, sizeof *infos);
    if (infos == NULL)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = event_to_info(&rows[i], j->arena, &infos[i]);
    list = (struct recs){ infos, count };
    REC_SET(j->reply, reply, events, list);
    if (more)
        REC_SET(j->reply, reply, more, true);
    return rc;
}

/* How other nodes use what the resource lies in. */
static int read_holds(struct reader *r, struct job *j, struct err *e)
{
    struct reply uses = { .present = 0 };
    int rc = reader_fs_list(r->store, j->join.fs_list, j->arena, &uses, e);

    if (rc == 0)
        j->join.explain->holds = uses.uses;
    return rc;
}

static int read_image(struct reader *r, struct job *j, struct explain_image *x, struct err *e)
{
    return store_read_image(r->store, x->wanted.filesystem_no, x->wanted.path, j->arena, &x->found,
                            &x->seen, e);
}

static int reach_found(void *ctx, const struct reach_row *row)
{
    struct job *j = ctx;
    struct reach_info *out = arena_zalloc(j->arena, sizeof *out);

    if (out == NULL || reach_info_fill(j->arena, row, &j->join.explain->self, 0, out) < 0)
        return -ENOMEM;
    j->join.explain->reach = out;
    REC_SET(j->reply, reply, reaches, ((struct recs){ out, 1 }));
    return 1;
}

static int join_explain(struct reader *r, struct job *j, struct err *e)
{
    struct explain_facts *f = j->join.explain;
    int rc;
    struct section *sections = read_sections(r, j, j->join.node_no, e, &rc);

    for (size_t i = 0; i < f->peer_count && rc == 0; i++)
        f->peers[i].sections = read_sections(r, j, f->peers[i].no, e, &rc);
    if (rc == 0 && j->join.fs_list != NULL)
        rc = read_holds(r, j, e);
    if (rc == 0 && f->image != NULL)
        rc = read_image(r, j, f->image, e);
    if (rc == 0 && f->reach_of != 0)
        rc = store_read_reach(r->store, f->reach_of, f->self.no, j->arena, reach_found, j, e);
    if (rc == 0 && f->fallen_count > 0)
        rc =
            store_read_paths_lost(r->store, j->join.node_no, j->arena, &f->lost, &f->lost_count, e);
    return rc != 0 ? rc : explain_build(f, sections, j->arena, j->reply);
}

/* Of one node: its rows go before the next one's come. */
static int join_impact_of(struct reader *r, struct job *j, struct impact *im, size_t i,
                          struct err *e)
{
    struct arena *a = arena_new(0);
    struct section *sections = a == NULL ? NULL : arena_array(a, SECTION_COUNT, sizeof *sections);
    int rc = sections == NULL ? -ENOMEM : 0;

    if (rc == 0)
        rc = store_read_sections(r->store, j->join.impact->nodes[i].no, a, sections, e);
    if (rc == 0)
        rc = impact_add(im, i, sections);
    arena_free(a);
    return rc;
}

static int join_impact(struct reader *r, struct job *j, struct err *e)
{
    struct impact *im = impact_new(j->join.impact, j->arena);
    int rc = im == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < j->join.impact->node_count; i++)
        rc = join_impact_of(r, j, im, i, e);
    if (rc == 0)
        rc = reader_impact_images(r->store, im, j->arena, e);
    return rc == 0 ? impact_finish(im, j->reply) : rc;
}

static int join_fs_list(struct reader *r, struct job *j, struct err *e)
{
    return reader_fs_list(r->store, j->join.fs_list, j->arena, j->reply, e);
}

static int join_images(struct reader *r, struct job *j, struct err *e)
{
    return reader_images(r->store, j->join.image_list, j->arena, j->reply, e);
}

static int join_tasks(struct reader *r, struct job *j, struct err *e)
{
    return reader_tasks(r->store, j->join.limit, j->arena, j->reply, e);
}

static int join_task(struct reader *r, struct job *j, struct err *e)
{
    return reader_task(r->store, j->join.since, j->arena, j->reply, e);
}

static bool lease_wanted(const void *ctx, const struct lease_history_row *row)
{
    return lease_list_wants(ctx, row);
}

/* After those that live, which the core has put there. */
static int join_leases(struct reader *r, struct job *j, struct err *e)
{
    const struct lease_list_facts *f = j->join.lease_list;
    struct recs live = j->reply->leases;
    struct lease_history_row *rows = NULL;
    struct lease_info *all;
    size_t count = 0;
    bool more = false;
    int rc = store_read_lease_history(r->store, lease_wanted, f, f->limit, j->arena, &rows, &count,
                                      &more, e);

    if (rc != 0)
        return rc;
    all = arena_array(j->arena, live.n + count, sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    if (live.n > 0)
        memcpy(all, live.v, live.n * sizeof *all);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = lease_list_info(j->arena, &rows[i], &all[live.n + i]);
    REC_SET(j->reply, reply, leases, ((struct recs){ all, live.n + count }));
    if (more)
        REC_SET(j->reply, reply, more, true);
    return rc;
}

/* Turns the reply into a refusal. */
static void refuse(struct job *j, enum reply_code code, const struct err *e)
{
    struct reply *r = j->reply;

    REC_SET(r, reply, code, (uint64_t)code);
    REC_SET(r, reply, text, arena_strdup(j->arena, e->text));
    if (r->text == NULL)
        REC_CLEAR(r, reply, text);
}

static void refuse_backup(struct job *j, int rc, const struct err *e)
{
    static const enum reply_code codes[] = {
        [BACKUP_E_MANY] = REPLY_REFUSED,
        [BACKUP_E_UNKNOWN] = REPLY_NOT_FOUND,
        [BACKUP_E_OFFSET] = REPLY_INVALID,
    };

    refuse(j, codes[rc], e);
}

static int join_backup_begin(struct reader *r, struct job *j, struct err *e)
{
    uint64_t handle = 0, bytes = 0;
    int rc = backups_begin(r->backups, r->store, clock_mono(), &handle, &bytes, e);

    if (rc < 0)
        return rc;
    if (rc > 0) {
        refuse_backup(j, rc, e);
        return 0;
    }
    REC_SET(j->reply, reply, handle, handle);
    REC_SET(j->reply, reply, total_bytes, bytes);
    return 0;
}

static int join_backup_read(struct reader *r, struct job *j, struct err *e)
{
    struct bytes chunk = { NULL, 0 };
    int rc =
        backups_read(r->backups, j->join.handle, j->join.offset, clock_mono(), j->arena, &chunk, e);

    if (rc < 0)
        return rc;
    if (rc > 0) {
        refuse_backup(j, rc, e);
        return 0;
    }
    REC_SET(j->reply, reply, chunk, chunk);
    return 0;
}

static int join_backup_end(struct reader *r, struct job *j, struct err *e)
{
    int rc = backups_end(r->backups, j->join.handle, e);

    if (rc > 0)
        refuse_backup(j, rc, e);
    return 0;
}

static int join(struct reader *r, struct job *j, struct err *e)
{
    static int (*const joins[])(struct reader *, struct job *, struct err *) = {
        [JOIN_NONE] = no_join,
        [JOIN_NODE_SECTIONS] = join_sections,
        [JOIN_EVENTS] = join_events,
        [JOIN_EXPLAIN] = join_explain,
        [JOIN_IMPACT] = join_impact,
        [JOIN_FS_LIST] = join_fs_list,
        [JOIN_IMAGES] = join_images,
        [JOIN_LEASES] = join_leases,
        [JOIN_TASKS] = join_tasks,
        [JOIN_TASK] = join_task,
        [JOIN_BACKUP_BEGIN] = join_backup_begin,
        [JOIN_BACKUP_READ] = join_backup_read,
        [JOIN_BACKUP_END] = join_backup_end,
    };

    return joins[j->join.type](r, j, e);
}

/* A reply without its content, for when that could not be had. */
static void post_failure(struct reader *r, struct job *j, enum reply_code code, int rc,
                         const struct err *e)
{
    const char *text = e->text[0] != '\0' ? e->text : strerror(rc < 0 ? -rc : EIO);

    post_push(r->o.out, post_reply(&j->route, &j->ticket, j->reply->correlation, code, text));
}

static void serve(struct reader *r, struct job *j)
{
    struct err e = { "" };
    struct buf b = { 0 };
    struct post *p = NULL;
    int rc = join(r, j, &e);

    if (rc != 0) {
        post_failure(r, j, REPLY_FAILED, rc, &e);
        job_free(j);
        return;
    }
    rc = wire_encode(&reply_desc, j->reply, &b, &e);
    if (rc == 0)
        p = post_new(&j->route, &b);
    if (p != NULL) {
        p->ticket = j->ticket;
        j->ticket.budget = NULL;
        post_push(r->o.out, p);
    } else {
        post_failure(r, j, rc == -EINVAL ? REPLY_TOO_LARGE : REPLY_FAILED, rc < 0 ? rc : -ENOMEM,
                     &e);
    }
    buf_deinit(&b);
    job_free(j);
}

static void *run(void *arg)
{
    struct reader *r = arg;
    struct queue_node *list;
    size_t weight;

    while (!queue_ended(r->in)) {
        bool idle = r->backups == NULL || !backups_any(r->backups);

        if (queue_take(r->in, 1, idle ? -1 : EXPIRE_MS, &list) > 0) {
            weight = list->weight;
            serve(r, (struct job *)list);
            atomic_fetch_sub(&r->weight, weight);
        }
        if (r->backups != NULL)
            backups_expire(r->backups, clock_mono());
    }
    return NULL;
}

static int start(struct reader *r, struct err *e)
{
    int rc = store_reader_open(r->o.store, &r->store, e);

    if (rc != 0)
        return rc < 0 ? rc : -EIO;
    r->in = queue_new(LIMIT_QUEUED_MESSAGES, 0, false);
    if (r->o.backups)
        r->backups = backups_new(r->o.store->dir, r->o.backup_idle_ms);
    if (r->in == NULL || (r->o.backups && r->backups == NULL))
        return err_set(e, -ENOMEM, "out of memory");
    rc = shell_thread(&r->thread, "reader", run, r, e);
    r->started = rc == 0;
    return rc;
}

struct reader *reader_new(const struct reader_options *o, struct err *e)
{
    struct reader *r = calloc(1, sizeof *r);

    if (r == NULL) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    r->o = *o;
    atomic_init(&r->weight, 0);
    if (start(r, e) < 0) {
        reader_free(r);
        return NULL;
    }
    return r;
}

void reader_submit(struct reader *r, struct job *j)
{
    j->node.weight = arena_used(j->arena);
    atomic_fetch_add(&r->weight, j->node.weight);
    if (queue_push_wait(r->in, &j->node))
        return;
    atomic_fetch_sub(&r->weight, j->node.weight);
    job_free(j);
}

size_t reader_weight(const struct reader *r)
{
    return atomic_load(&r->weight);
}

void reader_stop(struct reader *r)
{
    if (r == NULL || !r->started)
        return;
    queue_close(r->in);
    pthread_join(r->thread, NULL);
    r->started = false;
}

void reader_free(struct reader *r)
{
    if (r == NULL)
        return;
    backups_free(r->backups);
    store_reader_close(r->store);
    queue_free(r->in);
    free(r);
}
