/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disks.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/core_internal.h"

void disks_say_all(struct machine *m, struct section *v, size_t n)
{
    struct envelope env = { 0 };
    struct report body = { 0 };
    struct arena *arena = arena_new(0);
    struct err e = { "" };

    for (size_t i = 0; i < n; i++) {
        v[i].status = SECTION_OK;
        assert(section_normalise(&v[i], arena, &e) == 0);
    }
    REC_SET(&env, envelope, report, &body);
    machine_say_sections(m, &env, v, n);
    arena_free(arena);
}

void disks_report_all(struct machine *m, struct section *v, size_t n)
{
    disks_say_all(m, v, n);
    assert(machine_acknowledged(m));
}

void disks_report(struct machine *m, enum section_id id, void *rows, size_t n)
{
    struct section s = { .id = id, .rows = rows, .row_count = n };

    disks_report_all(m, &s, 1);
}

const struct resource_info *disks_info(struct life *l, enum resource_kind kind, const char *key)
{
    static struct arena *a;
    static struct resource_info out;
    struct resource *r;
    size_t it = 0;

    arena_free(a);
    a = arena_new(0);
    while ((r = map_next(l->c->resources, &it)) != NULL) {
        const char *own = resource_key(a, r);

        if (r->kind != kind || (strcmp(own, key) != 0 && strcmp(r->key, key) != 0))
            continue;
        assert(info_resource(l->c, a, r, &out) == 0);
        return &out;
    }
    fprintf(stderr, "there is no %s\n", key);
    assert(false);
    return NULL;
}

bool disks_doubts(const struct resource_info *r, const char *part)
{
    for (size_t i = 0; i < r->doubts.n; i++) {
        if (strstr(r->doubts.v[i], part) != NULL)
            return true;
    }
    for (size_t i = 0; i < r->doubts.n; i++)
        fprintf(stderr, "doubt: %s\n", r->doubts.v[i]);
    return false;
}
