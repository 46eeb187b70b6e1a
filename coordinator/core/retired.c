/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and boots that are over are remembered, so that whoever shows one is found out; but each
 * boot of each node leaves one, so only the latest are kept. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

/* Nodes one after the other, of each the latest first. */
static int order(uint32_t a, uint32_t b, wall_ms a_at, wall_ms b_at)
{
    if (a != b)
        return a < b ? -1 : 1;
    return (a_at.v < b_at.v) - (a_at.v > b_at.v);
}

static int by_key_age(const void *a, const void *b)
{
    const struct key *const *x = a, *const *y = b;
    int o = order((*x)->node->row.no, (*y)->node->row.no, (*x)->created, (*y)->created);

    return o != 0 ? o : memcmp((*x)->key.b, (*y)->key.b, sizeof(*x)->key.b);
}

static int by_boot_age(const void *a, const void *b)
{
    const struct retired_boot *const *x = a, *const *y = b;
    int o = order((*x)->id.node_no, (*y)->id.node_no, (*x)->at, (*y)->at);

    return o != 0 ? o : memcmp((*x)->id.boot_id, (*y)->id.boot_id, sizeof(*x)->id.boot_id);
}

static bool is_over(const struct key *k)
{
    return k->node != NULL && (k->state == KEY_RETIRED || k->state == KEY_REVOKED);
}

static int key_delete(struct step *s, struct key *k)
{
    int rc = emit_key(s, k, CHANGE_KEY_DELETE);

    if (rc == 0)
        key_remove(s->c, k);
    return rc;
}

static int boot_delete(struct step *s, struct retired_boot *b)
{
    struct change *ch = emit(s, CHANGE_RETIRED_BOOT_DELETE);

    if (ch == NULL)
        return -ENOMEM;
    ch->retired_boot.node_no = b->id.node_no;
    memcpy(ch->retired_boot.boot_id.b, b->id.boot_id, sizeof b->id.boot_id);
    map_del(s->c->retired, &b->id, sizeof b->id);
    free(b);
    return 0;
}

static int trim_keys(struct step *s)
{
    struct key **v = arena_array(s->u->arena, map_count(s->c->keys) + 1, sizeof *v), *k;
    size_t n = 0, it = 0, of_node = 0;
    uint32_t node_no = 0;

    if (v == NULL)
        return -ENOMEM;
    while ((k = map_next(s->c->keys, &it)) != NULL) {
        if (is_over(k))
            v[n++] = k;
    }
    qsort(v, n, sizeof(struct key *), by_key_age);
    for (size_t i = 0; i < n; i++) {
        int rc;

        of_node = i > 0 && v[i]->node->row.no == node_no ? of_node + 1 : 0;
        node_no = v[i]->node->row.no;
        rc = of_node >= LIMIT_RETIRED ? key_delete(s, v[i]) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int trim_boots(struct step *s)
{
    struct retired_boot **v = arena_array(s->u->arena, map_count(s->c->retired) + 1, sizeof *v), *b;
    size_t n = 0, it = 0, of_node = 0;
    uint32_t node_no = 0;

    if (v == NULL)
        return -ENOMEM;
    while ((b = map_next(s->c->retired, &it)) != NULL)
        v[n++] = b;
    qsort(v, n, sizeof(struct retired_boot *), by_boot_age);
    for (size_t i = 0; i < n; i++) {
        int rc;

        of_node = i > 0 && v[i]->id.node_no == node_no ? of_node + 1 : 0;
        node_no = v[i]->id.node_no;
        rc = of_node >= LIMIT_RETIRED ? boot_delete(s, v[i]) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

int retired_trim(struct step *s)
{
    int rc = trim_keys(s);

    return rc < 0 ? rc : trim_boots(s);
}
