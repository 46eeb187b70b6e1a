/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came of a scan. */
#include "scan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

#define MANY_JOBS \
    24 /* of more only those that are not well are listed, unless all were asked for */
#define MOST_UNPROVEN 20

/* ---- words ---------------------------------------------------------------------------------- */

static const struct {
    const char *result, *word;
    enum paint paint;
} results[] = {
    { "complete", "complete", PAINT_GOOD },
    { "incomplete", "incomplete", PAINT_WARN },
    { "not_read", "not read", PAINT_BAD },
    { "proven", "reach proven", PAINT_GOOD },
    { "not_proven", "reach not proven", PAINT_WARN },
};

const char *result_word(const char *result)
{
    for (size_t i = 0; result != NULL && i < ARRAY_LEN(results); i++) {
        if (strcmp(results[i].result, result) == 0)
            return results[i].word;
    }
    return result != NULL ? result : "";
}

enum paint paint_of_result(const char *result)
{
    for (size_t i = 0; result != NULL && i < ARRAY_LEN(results); i++) {
        if (strcmp(results[i].result, result) == 0)
            return results[i].paint;
    }
    return PAINT_NONE;
}

bool is_reach(const struct job_info *j)
{
    return j->step != NULL && strcmp(j->step, "reach") == 0;
}

static bool is_well(const struct job_info *j)
{
    return j->result != NULL && strcmp(j->result, is_reach(j) ? "proven" : "complete") == 0;
}

/* A job that is over without a result was never begun. */
static const char *result_of(const struct job_info *j)
{
    return j->result != NULL ? j->result : "not_read";
}

static const char *reason_of(const struct job_info *j, const struct task_info *k)
{
    if (j->reason != NULL || j->result != NULL)
        return j->reason;
    return k->state != NULL && strcmp(k->state, "cancelled") == 0 ? "The task was cancelled."
                                                                  : k->text;
}

/* ---- in order ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct job_info *x = *(const struct job_info *const *)a;
    const struct job_info *y = *(const struct job_info *const *)b;
    int d;

    if (is_reach(x) != is_reach(y))
        return is_reach(x) ? 1 : -1;
    d = natural_compare(x->label, y->label);
    if (d == 0)
        d = natural_compare(x->node_name, y->node_name);
    return d != 0 ? d : x->no < y->no ? -1 : x->no > y->no;
}

const struct job_info **jobs_ordered(struct arena *a, const struct reply *r)
{
    const struct job_info *j = r->jobs.v;
    const struct job_info **v = arena_array(a, r->jobs.n + 1, sizeof *v);

    for (size_t i = 0; v != NULL && i < r->jobs.n; i++)
        v[i] = &j[i];
    if (v != NULL)
        qsort(v, r->jobs.n, sizeof *v, by_name);
    return v;
}

/* How many of these do not prove reach: they come first. */
static size_t reads_of(const struct job_info **v, size_t n)
{
    size_t reads = 0;

    while (reads < n && !is_reach(v[reads]))
        reads++;
    return reads;
}

/* ---- text ----------------------------------------------------------------------------------- */

static void job_row(struct text *t, struct table *b, const struct job_info *j)
{
    bool done = j->state == NULL || strcmp(j->state, "done") == 0;
    const char *reason = j->reason != NULL ? j->reason : j->unchanged ? "unchanged" : NULL;

    table_cell(b, j->label != NULL ? j->label : j->resource, PAINT_NONE);
    table_cell(b, done ? result_word(result_of(j)) : j->state,
               done ? paint_of_result(result_of(j)) : PAINT_NONE);
    table_cell(b, j->node_name != NULL ? j->node_name : "-", PAINT_NONE);
    table_cell(b,
               REC_HAS(j, job_info, images) && !is_reach(j) ? text_format(t, "%" PRIu64, j->images)
                                                            : NULL,
               PAINT_NONE);
    table_cell(b, age_text(t, REC_HAS(j, job_info, ms), j->ms), PAINT_NONE);
    table_cell(b, reason, PAINT_NONE);
}

void jobs_text(struct text *t, const struct job_info **v, size_t n, bool whole)
{
    static const struct column columns[] = {
        { "FILESYSTEM", COLUMN_CUT }, { "RESULT", 0 },          { "NODE", COLUMN_CUT },
        { "IMAGES", COLUMN_RIGHT },   { "TIME", COLUMN_RIGHT }, { "REASON", COLUMN_WRAP },
    };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    size_t well = 0;

    for (size_t i = 0; i < n; i++) {
        if (!whole && n > MANY_JOBS && is_well(v[i]))
            well++;
        else
            job_row(t, b, v[i]);
    }
    table_print(b);
    if (well > 0)
        text_line(t, "%s%zu complete or proven", well < n ? "and " : "", well);
}

static void sum_text(struct text *t, const struct task_info *k, const struct job_info **v, size_t n)
{
    static const char *const words[] = { "complete", "incomplete", "not_read" };
    const char *s = counted(t, n, k->every_node ? "reading" : "filesystem",
                            k->every_node ? "readings" : "filesystems");
    const char *before = ": ";
    char took[24];

    for (size_t w = 0; w < ARRAY_LEN(words); w++) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
            count += strcmp(result_of(v[i]), words[w]) == 0;
        if (count == 0)
            continue;
        s = text_format(t, "%s%s%zu %s", s, before, count, result_word(words[w]));
        if (w == 0 && k->skipped > 0)
            s = text_format(t, "%s (%" PRIu64 " unchanged)", s, k->skipped);
        before = ", ";
    }
    text_line(t, "%s; %s, %s, in %s", s, counted(t, k->images, "image", "images"),
              counted(t, k->mounts, "mount", "mounts"),
              duration_text(k->ended_ms - k->created_ms, took));
}

/* Which nodes have not proven that they reach what was read. */
static void reach_text(struct text *t, const struct job_info **v, size_t n)
{
    size_t bad = 0;

    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        bad += !is_well(v[i]);
    text_line(t, "Nodes that were to prove that they reach them: %zu of %zu have%s", n - bad, n,
              bad > 0 ? "; these have not:" : ".");
    for (size_t i = 0, told = 0; i < n && told < MOST_UNPROVEN; i++) {
        if (is_well(v[i]))
            continue;
        buf_str(t->out, "  ");
        text_wrap(t,
                  text_format(t, "%s, %s: %s", v[i]->node_name != NULL ? v[i]->node_name : "?",
                              v[i]->label != NULL ? v[i]->label : "?",
                              v[i]->reason != NULL ? v[i]->reason : "It has not answered."),
                  2, 4, PAINT_WARN);
        told++;
    }
    if (bad > MOST_UNPROVEN)
        text_line(t, "and %zu more", bad - MOST_UNPROVEN);
}

static void scanned_text(struct text *t, const void *data)
{
    const struct reply *r = data;
    const struct task_info *k = r->tasks.v;
    const struct job_info **v = jobs_ordered(t->arena, r);
    size_t reads = v != NULL ? reads_of(v, r->jobs.n) : 0;

    if (v == NULL) {
        t->failed = true;
        return;
    }
    if (r->jobs.n == 0) {
        text_line(t, "There was nothing to scan: 'muster fs list' shows what is admitted, 'muster "
                     "fs admit FS' admits one.");
        return;
    }
    jobs_text(t, v, reads, true);
    sum_text(t, k, v, reads);
    reach_text(t, v + reads, r->jobs.n - reads);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* Who was to prove that he reaches it, of all that `v` has. */
static void reach_json(struct json *j, const struct job_info **v, size_t n, const char *resource)
{
    json_array(j, "reach");
    for (size_t i = 0; i < n; i++) {
        if (v[i]->resource == NULL || resource == NULL || strcmp(v[i]->resource, resource) != 0)
            continue;
        json_object(j, NULL);
        json_str(j, "node", v[i]->node);
        json_str(j, "node_name", v[i]->node_name);
        json_str(j, "result", v[i]->result);
        json_str(j, "reason", v[i]->reason);
        if (REC_HAS(v[i], job_info, ended_ms))
            json_time(j, "at", v[i]->ended_ms);
        else
            json_null(j, "at");
        json_end_object(j);
    }
    json_end_array(j);
}

static void job_json(struct json *j, const struct job_info *x, const struct task_info *k)
{
    json_str(j, "resource", x->resource);
    json_str(j, "node", x->node);
    json_str(j, "token", x->token);
    json_str(j, "result", result_of(x));
    json_str(j, "reason", reason_of(x, k));
    json_int(j, "images", (int64_t)x->images);
    json_int(j, "ms", x->ms);
}

static void scanned_json(struct json *j, const void *data)
{
    const struct reply *r = data;
    const struct task_info *k = r->tasks.v;
    struct arena *a = arena_new(0);
    const struct job_info **v = a != NULL ? jobs_ordered(a, r) : NULL;
    size_t reads = v != NULL ? reads_of(v, r->jobs.n) : 0;

    json_int(j, "task", (int64_t)k->no);
    json_array(j, "filesystems");
    for (size_t i = 0; i < reads; i++) {
        json_object(j, NULL);
        job_json(j, v[i], k);
        reach_json(j, v + reads, r->jobs.n - reads, v[i]->resource);
        json_end_object(j);
    }
    json_end_array(j);
    json_int(j, "makespan_ms", k->ended_ms - k->created_ms);
    json_int(j, "mounts", (int64_t)k->mounts);
    json_int(j, "skipped", (int64_t)k->skipped);
    j->out->failed = j->out->failed || v == NULL;
    arena_free(a);
}

const struct view scanned_view = { scanned_text, scanned_json };

int scanned_exit(struct run *r, const struct reply *reply)
{
    const struct task_info *k = reply->tasks.v;
    const struct job_info *j = reply->jobs.v;
    size_t reads = 0, bad = 0;

    for (size_t i = 0; i < reply->jobs.n; i++) {
        reads += !is_reach(&j[i]);
        bad += !is_reach(&j[i]) && !is_well(&j[i]);
    }
    if (k->state != NULL && strcmp(k->state, "done") != 0)
        return fail(r, "failed", NULL, "task %" PRIu64 " is %s%s%s", k->no, k->state,
                    k->text != NULL ? ": " : "", k->text != NULL ? k->text : "");
    if (bad == 0)
        return EXIT_DONE;
    return fail(r, "failed", NULL, "%zu of %zu filesystems %s not read completely", bad, reads,
                bad == 1 ? "is" : "are");
}
