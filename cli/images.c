/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images: fetched, and listed. */
#include "images.h"

#include <inttypes.h>

#include "base/text.h"

/* ---- fetching ------------------------------------------------------------------------------- */

/* Room for one more, in the run's arena. */
static bool grow(struct run *r, void **v, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap == 0 ? 16 : 2 * *cap;
    void *bigger;

    if (n < *cap)
        return true;
    bigger = arena_array(r->arena, more, size);
    if (bigger == NULL)
        return false;
    if (n > 0)
        memcpy(bigger, *v, n * size);
    *v = bigger;
    *cap = more;
    return true;
}

static bool keep(struct run *r, struct images *x, const struct muster_reply *reply)
{
    const struct image_info *i = reply->reply->images.v;
    void *pages = x->pages, *v = x->v;

    if (!grow(r, &pages, x->page_count, &x->page_cap, sizeof *x->pages))
        return false;
    x->pages = pages;
    x->pages[x->page_count++] = *reply;
    for (size_t k = 0; k < reply->reply->images.n; k++) {
        if (!grow(r, &v, x->n, &x->cap, sizeof *x->v))
            return false;
        x->v = v;
        x->v[x->n++] = &i[k];
    }
    return true;
}

int images_fetch(struct run *r, struct strs resources, struct images *out)
{
    REQUEST(req, OP_IMAGE_LIST);
    bool more = true;
    int rc = 0;

    *out = (struct images){ .n = 0 };
    if (resources.n > 0)
        REC_SET(&req, request, resources, resources);
    while (rc == 0 && more) {
        struct muster_reply reply;

        if (out->n > 0)
            REC_SET(&req, request, since, out->n);
        rc = ask(r, &req, &reply);
        if (rc != 0) {
            muster_reply_free(&reply);
        } else {
            more = reply.reply->more && reply.reply->images.n > 0;
            if (!keep(r, out, &reply))
                rc = fail(r, "local", NULL, "out of memory");
        }
    }
    return rc;
}

void images_free(struct images *x)
{
    for (size_t i = 0; i < x->page_count; i++)
        muster_reply_free(&x->pages[i]);
    *x = (struct images){ .n = 0 };
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* What is worth a word: what it stands on, what is wrong with it. */
static const char *note(struct text *t, const struct image *m)
{
    const char *s = "";

    if (m->backing_state != NULL)
        s = text_format(t, "on %s%s%s",
                        m->backing_path != NULL ? m->backing_path
                        : m->backing != NULL    ? m->backing
                                                : "?",
                        strcmp(m->backing_state, "found") != 0 ? ", " : "",
                        strcmp(m->backing_state, "found") != 0 ? m->backing_state : "");
    for (size_t i = 0; i < m->flags.n; i++)
        s = text_format(t, "%s%s%s", s, *s != '\0' ? "; " : "", m->flags.v[i]);
    if (m->fault != NULL)
        s = text_format(t, "%s%s%s", s, *s != '\0' ? "; " : "", m->fault);
    return s;
}

static const char *bytes_cell(struct text *t, bool present, uint64_t n)
{
    char text[24];

    return present ? text_format(t, "%s", bytes_text(n, text)) : "-";
}

static bool is_bad(const struct image *m)
{
    return m->fault != NULL ||
           (m->backing_state != NULL && strcmp(m->backing_state, "missing") == 0);
}

static void row(struct text *t, struct table *b, const struct image_info *x)
{
    const struct image *m = x->image;

    table_cell(b, m->path, PAINT_NONE);
    table_cell(b, x->label != NULL ? x->label : x->filesystem, PAINT_NONE);
    table_cell(b, m->format, PAINT_NONE);
    table_cell(b, bytes_cell(t, REC_HAS(m, image, virtual_bytes), m->virtual_bytes), PAINT_NONE);
    table_cell(b, bytes_cell(t, REC_HAS(m, image, allocated_bytes), m->allocated_bytes),
               PAINT_NONE);
    table_cell(b, note(t, m), is_bad(m) ? PAINT_WARN : PAINT_NONE);
}

static bool same_filesystem(const struct image_info *x, const struct image_info *y)
{
    return x->filesystem != NULL && y->filesystem != NULL &&
           strcmp(x->filesystem, y->filesystem) == 0;
}

void images_text(struct text *t, const struct images *x)
{
    static const struct column columns[] = {
        { "IMAGE", COLUMN_CUT },  { "IN", COLUMN_CUT },          { "FORMAT", 0 },
        { "SIZE", COLUMN_RIGHT }, { "ALLOCATED", COLUMN_RIGHT }, { "", COLUMN_WRAP },
    };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    size_t filesystems = 0, n = 0;

    for (size_t i = 0; i < x->n; i++) {
        if (x->v[i]->image == NULL)
            continue;
        row(t, b, x->v[i]);
        n++;
        filesystems += i == 0 || !same_filesystem(x->v[i], x->v[i - 1]);
    }
    if (n == 0) {
        text_line(t, "No scan has found an image yet. 'muster fs admit FS' lets muster look into a "
                     "filesystem, 'muster scan' does.");
        return;
    }
    table_print(b);
    text_line(t, "%s in %s", counted(t, n, "image", "images"),
              counted(t, filesystems, "filesystem", "filesystems"));
}

void image_json(struct json *j, const char *name, const struct image_info *x)
{
    if (x == NULL || x->image == NULL) {
        json_null(j, name);
        return;
    }
    json_object(j, name);
    json_members(j, &image_info_desc, x);
    json_members(j, &image_desc, x->image);
    json_end_object(j);
}

void images_json(struct json *j, const char *name, const struct images *x)
{
    json_array(j, name);
    for (size_t i = 0; i < x->n; i++) {
        if (x->v[i]->image != NULL)
            image_json(j, NULL, x->v[i]);
    }
    json_end_array(j);
}

/* ---- the command ---------------------------------------------------------------------------- */

struct list {
    const struct reply *resources;
    struct images images;
};

static void list_text(struct text *t, const void *data)
{
    images_text(t, &((const struct list *)data)->images);
}

static void list_json(struct json *j, const void *data)
{
    const struct list *l = data;

    json_head(j, l->resources);
    json_array_of(j, "resources", &resource_info_desc, l->resources->resources);
    images_json(j, "images", &l->images);
}

int images_list(struct run *r)
{
    static const struct view view = { list_text, list_json };
    REQUEST(req, OP_RESOURCE_LIST);
    struct list l = { .resources = NULL };
    struct muster_reply reply;
    int rc;

    REC_SET(&req, request, kind, "image");
    rc = ask(r, &req, &reply);
    l.resources = reply.reply;
    if (rc == 0)
        rc = images_fetch(r, (struct strs){ NULL, 0 }, &l.images);
    if (rc == 0)
        rc = show(r, &view, &l);
    images_free(&l.images);
    muster_reply_free(&reply);
    return rc;
}
