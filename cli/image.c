/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One image, and what it stands on. */
#include "images.h"

#include <inttypes.h>

#include "base/text.h"

/* ---- the chain ------------------------------------------------------------------------------ */

static const struct image_info *at_path(const struct images *x, const char *path)
{
    for (size_t i = 0; path != NULL && i < x->n; i++) {
        const struct image *m = x->v[i]->image;

        if (m != NULL && m->path != NULL && strcmp(m->path, path) == 0)
            return x->v[i];
    }
    return NULL;
}

/* Is it in the chain already? */
static bool passed(const struct chain *c, const struct image_info *top, const char *path)
{
    bool there = strcmp(top->image->path != NULL ? top->image->path : "", path) == 0;

    for (size_t i = 0; !there && i < c->n; i++)
        there = c->links[i].path != NULL && strcmp(c->links[i].path, path) == 0;
    return there;
}

void chain_of(const struct images *x, const struct image_info *top, struct chain *out)
{
    const struct image *m = top->image;

    *out = (struct chain){ .n = 0 };
    while (m != NULL && m->backing_state != NULL && out->n < MOST_LINKS) {
        struct link *l = &out->links[out->n];

        *l = (struct link){ .named = m->backing,
                            .path = m->backing_path,
                            .state = m->backing_state,
                            .image = at_path(x, m->backing_path) };
        out->circle = l->path != NULL && passed(out, top, l->path);
        out->n++;
        if (out->circle)
            return;
        m = l->image != NULL ? l->image->image : NULL;
    }
    out->cut = m != NULL && m->backing_state != NULL;
}

void chain_json(struct json *j, const char *name, const struct chain *c)
{
    json_array(j, name);
    for (size_t i = 0; i < c->n; i++) {
        const struct link *l = &c->links[i];

        json_object(j, NULL);
        json_str(j, "named", l->named);
        json_str(j, "path", l->path);
        json_str(j, "state", l->state);
        image_json(j, "image", l->image);
        json_end_object(j);
    }
    json_end_array(j);
}

/* ---- text ----------------------------------------------------------------------------------- */

/* "qcow2 v3, clusters of 64 KiB" */
static const char *format_text(struct text *t, const struct image *m)
{
    const char *s = m->format != NULL ? m->format : "?";
    char bytes[24];

    if (m->subformat != NULL)
        s = text_format(t, "%s %s", s, m->subformat);
    if (REC_HAS(m, image, cluster_bytes))
        s = text_format(t, "%s, clusters of %s", s, bytes_text(m->cluster_bytes, bytes));
    if (m->contents != NULL)
        s = text_format(t, "%s, with %s in it", s, m->contents);
    return s;
}

/* "20 GiB for the guest, file of 1.2 GiB, 1.1 GiB allocated" */
static const char *size_text(struct text *t, const struct image *m)
{
    char bytes[24];
    const char *s = REC_HAS(m, image, virtual_bytes)
                        ? text_format(t, "%s for the guest", bytes_text(m->virtual_bytes, bytes))
                        : "not known for the guest";

    if (REC_HAS(m, image, size_bytes))
        s = text_format(t, "%s, file of %s", s, bytes_text(m->size_bytes, bytes));
    if (REC_HAS(m, image, allocated_bytes))
        s = text_format(t, "%s, %s allocated", s, bytes_text(m->allocated_bytes, bytes));
    return s;
}

/* "/templates/deb12.qcow2, qcow2 v3, ...": a link is one that is there, or the chain ends. */
static const char *link_text(struct text *t, const struct link *l)
{
    const char *where = l->path != NULL ? l->path : l->named != NULL ? l->named : "?";

    if (strcmp(l->state, "missing") == 0)
        return text_format(t, "%s is missing", where);
    if (strcmp(l->state, "outside") == 0)
        return text_format(t, "%s is not in this filesystem", where);
    if (strcmp(l->state, "found") != 0)
        return text_format(t, "%s is no plain file name: what it leads to is not known", where);
    if (l->image == NULL)
        return text_format(t, "%s is there, and was not found to be an image", where);
    return text_format(t, "%s, %s, %s", where, format_text(t, l->image->image),
                       size_text(t, l->image->image));
}

static void chain_text(struct text *t, const struct chain *c)
{
    for (size_t i = 0; i < c->n; i++)
        text_pair(t, i == 0 ? "backing" : "", "%s", link_text(t, &c->links[i]));
    if (c->circle)
        text_pair(t, "", "and so on, in a circle: no guest can use it");
    if (c->cut)
        text_pair(t, "", "and so on: it stands on more than %d files", MOST_LINKS);
}

static void list_pair(struct text *t, const char *label, struct strs list)
{
    for (size_t i = 0; i < list.n; i++)
        text_pair(t, i == 0 ? label : "", "%s", list.v[i]);
}

void image_text(struct text *t, const struct image_info *x, const struct chain *c)
{
    const struct image *m = x->image;
    char time[LOCAL_TIME_TEXT];

    text_pair(t, "file", "%s", m->path != NULL ? m->path : "?");
    text_pair(t, "in", "%s",
              x->label != NULL        ? x->label
              : x->filesystem != NULL ? x->filesystem
                                      : "?");
    text_pair(t, "format", "%s", format_text(t, m));
    text_pair(t, "size", "%s", size_text(t, m));
    if (REC_HAS(m, image, mtime_ms))
        text_pair(t, "changed", "%s", local_time(m->mtime_ms, time));
    if (REC_HAS(x, image_info, seen_ms))
        text_pair(t, "scanned", "%s", local_time(x->seen_ms, time));
    if (m->snapshots > 0)
        text_pair(t, "snapshots", "%" PRIu64, m->snapshots);
    if (m->data_file != NULL)
        text_pair(t, "data file", "%s", m->data_file);
    list_pair(t, "extents", m->extents);
    list_pair(t, "flags", m->flags);
    chain_text(t, c);
    if (m->fault != NULL) {
        text_paint(t, PAINT_WARN, "fault");
        buf_str(t->out, "         ");
        text_wrap(t, m->fault, 14, 14, PAINT_WARN);
    }
}
