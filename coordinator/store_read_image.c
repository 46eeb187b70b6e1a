/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The read-only connection: what scans have found of images. */
#include "store_internal.h"

int store_prepare_images(struct store_reader *r, struct buf *sql)
{
    int rc;

    buf_str(sql, "SELECT seen");
    for (uint32_t i = 0; i < image_desc.count; i++)
        buf_printf(sql, ", %s", image_desc.fields[i].name);
    buf_str(sql, " FROM image WHERE filesystem_no = ?1 AND path = ?2");
    rc = store_prepare(r->db, sql, &r->image);
    if (rc != SQLITE_OK)
        return rc;
    buf_str(sql, "SELECT path FROM image WHERE filesystem_no = (SELECT no FROM resource WHERE id = "
                 "?1) AND (?2 IS NULL OR backing_path = ?2) ORDER BY path");
    return store_prepare(r->db, sql, &r->images_in);
}

static int read_image(sqlite3_stmt *st, struct arena *a, const struct image **image, wall_ms *seen)
{
    struct image *out = arena_zalloc(a, sizeof *out);

    if (out == NULL)
        return SQLITE_NOMEM;
    *image = out;
    seen->v = sqlite3_column_int64(st, 0);
    return store_read_record(st, 1, &image_desc, a, out);
}

int store_read_image(struct store_reader *r, uint32_t filesystem_no, const char *path,
                     struct arena *a, const struct image **image, wall_ms *seen, struct err *e)
{
    sqlite3_stmt *st = r->image;
    int rc = sqlite3_bind_int64(st, 1, filesystem_no);

    *image = NULL;
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(st, 2, path, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
        rc = read_image(st, a, image, seen);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : store_read_outcome(r->db, rc, r->path, e);
}

static int read_paths(sqlite3_stmt *st, size_t most, struct arena *a, const char **v, size_t *n,
                      uint64_t *count)
{
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        rc = *n < most ? store_column_text(st, 0, a, &v[(*n)++]) : SQLITE_OK;
        ++*count;
    }
    return rc;
}

int store_read_images_in(struct store_reader *r, uuid128 filesystem, const char *below, size_t most,
                         struct arena *a, struct strs *paths, uint64_t *count, struct err *e)
{
    sqlite3_stmt *st = r->images_in;
    const char **v = arena_array(a, most, sizeof *v);
    int rc = v == NULL ? SQLITE_NOMEM
                       : sqlite3_bind_blob(st, 1, filesystem.b, sizeof filesystem.b, SQLITE_STATIC);

    *paths = (struct strs){ v, 0 };
    *count = 0;
    if (rc == SQLITE_OK && below != NULL)
        rc = sqlite3_bind_text(st, 2, below, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = read_paths(st, most, a, v, &paths->n, count);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc == SQLITE_DONE ? 0 : store_read_outcome(r->db, rc, r->path, e);
}
