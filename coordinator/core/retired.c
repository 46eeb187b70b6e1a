/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and boots that are over are remembered, so that whoever shows one is found out; but each
 * boot of each node leaves one, so only the latest are kept. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

/* A key or a boot that is over. */
struct over {
    uint32_t node_no;
    wall_ms at;
    const uint8_t *id; /* 16 bytes that tell those of one time apart */
    void *what;
};

/* Nodes one after the other, of each the latest first. */
static int by_age(const void *a, const void *b)
{
    const struct over *x = a, *y = b;

    if (x->node_no != y->node_no)
        return x->node_no < y->node_no ? -1 : 1;
    if (x->at.v != y->at.v)
        return x->at.v > y->at.v ? -1 : 1;
    return memcmp(x->id, y->id, 16);
}

static int trim(struct step *s, struct over *v, size_t n, int (*drop)(struct step *s, void *what))
{
    size_t of_node = 0;

    qsort(v, n, sizeof *v, by_age);
    for (size_t i = 0; i < n; i++) {
        int rc;

        of_node = i > 0 && v[i].node_no == v[i - 1].node_no ? of_node + 1 : 0;
        rc = of_node >= LIMIT_RETIRED ? drop(s, v[i].what) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int key_delete(struct step *s, void *what)
{
    int rc = emit_key(s, what, CHANGE_KEY_DELETE);

    if (rc == 0)
        key_remove(s->c, what);
    return rc;
}

static int boot_delete(struct step *s, void *what)
{
    struct change *ch = emit(s, CHANGE_RETIRED_BOOT_DELETE);
    struct retired_boot *b = what;

    if (ch == NULL)
        return -ENOMEM;
    ch->retired_boot.node_no = b->id.node_no;
    memcpy(ch->retired_boot.boot_id.b, b->id.boot_id, sizeof b->id.boot_id);
    map_del(s->c->retired, &b->id, sizeof b->id);
    free(b);
    return fence_delete(s, ch->retired_boot.node_no, ch->retired_boot.boot_id);
}

static int trim_keys(struct step *s)
{
    struct over *v = arena_array(s->u->arena, map_count(s->c->keys), sizeof *v);
    size_t n = 0, it = 0;
    struct key *k;

    if (v == NULL)
        return -ENOMEM;
    while ((k = map_next(s->c->keys, &it)) != NULL) {
        if (k->node != NULL && (k->state == KEY_RETIRED || k->state == KEY_REVOKED))
            v[n++] = (struct over){ k->node->row.no, k->created, k->key.b, k };
    }
    return trim(s, v, n, key_delete);
}

static int trim_boots(struct step *s)
{
    struct over *v = arena_array(s->u->arena, map_count(s->c->retired), sizeof *v);
    size_t n = 0, it = 0;
    struct retired_boot *b;

    if (v == NULL)
        return -ENOMEM;
    while ((b = map_next(s->c->retired, &it)) != NULL)
        v[n++] = (struct over){ b->id.node_no, b->at, b->id.boot_id, b };
    return trim(s, v, n, boot_delete);
}

int retired_trim(struct step *s)
{
    int rc = trim_keys(s);

    return rc < 0 ? rc : trim_boots(s);
}
