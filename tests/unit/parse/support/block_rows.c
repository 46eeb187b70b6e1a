/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "support/block.h"
#include "support/support.h"

struct block_rows block_host_rows(struct block_host *h)
{
    struct block_rows rows;
    struct err e = { "" };
    int rc = block_host_finish(h, &e);

    if (rc == 0)
        rc = parse_block(&h->in, h->a, &rows, &e);
    if (rc < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    return rows;
}

struct block_rows block_rows_of(struct arena *a, const char *text)
{
    struct block_host *h = arena_alloc(a, sizeof *h);

    block_host_init(h, a);
    block_host_text(h, bytes_of(text));
    return block_host_rows(h);
}

const char *block_json(struct arena *a, const struct block_rows *r)
{
    struct section s[] = {
        { .id = SECTION_HBAS, .rows = r->hbas, .row_count = r->hba_count },
        { .id = SECTION_LUNS, .rows = r->luns, .row_count = r->lun_count },
        { .id = SECTION_PATHS, .rows = r->paths, .row_count = r->path_count },
        { .id = SECTION_PARTITIONS, .rows = r->partitions, .row_count = r->partition_count },
    };
    struct buf out = { 0 };
    const char *text;
    struct err e = { "" };

    for (size_t i = 0; i < ARRAY_LEN(s); i++)
        s[i].status = SECTION_OK;
    if (sections_json(s, ARRAY_LEN(s), a, &out, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    text = arena_strdup(a, buf_cstr(&out));
    buf_deinit(&out);
    return text;
}

const struct hba *find_hba(const struct block_rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->hba_count; i++) {
        if (strcmp(rows->hbas[i].name, name) == 0)
            return &rows->hbas[i];
    }
    return NULL;
}

const struct lun *find_lun(const struct block_rows *rows, const char *key)
{
    for (size_t i = 0; i < rows->lun_count; i++) {
        if (strcmp(rows->luns[i].key, key) == 0)
            return &rows->luns[i];
    }
    return NULL;
}

const struct path *find_path(const struct block_rows *rows, const char *device)
{
    for (size_t i = 0; i < rows->path_count; i++) {
        if (strcmp(rows->paths[i].device, device) == 0)
            return &rows->paths[i];
    }
    return NULL;
}

const struct partition *find_partition(const struct block_rows *rows, const char *key)
{
    for (size_t i = 0; i < rows->partition_count; i++) {
        if (strcmp(rows->partitions[i].key, key) == 0)
            return &rows->partitions[i];
    }
    return NULL;
}
