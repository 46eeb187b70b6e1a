/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys: who a connection is. And the boots that are retired. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

struct key *key_by(const struct coord *c, const pubkey *key)
{
    return map_get(c->keys, key->b, sizeof key->b);
}

struct key *key_new(struct step *s, const pubkey *key, enum role role, enum key_state state)
{
    struct key *k = calloc(1, sizeof *k);

    if (k == NULL)
        return NULL;
    k->key = *key;
    k->role = role;
    k->state = state;
    k->created = s->c->wall;
    k->durable = true;
    if (map_put(s->c->keys, k->key.b, sizeof k->key.b, k) < 0) {
        free(k);
        return NULL;
    }
    return k;
}

void key_heard(const struct coord *c, struct key *k)
{
    if (!k->heard_once)
        k->first = c->listened;
    k->heard = c->listened;
    k->heard_once = true;
}

void key_remove(struct coord *c, struct key *k)
{
    map_del(c->keys, k->key.b, sizeof k->key.b);
    free(k->name);
    free(k);
}

bool boot_is_retired(const struct coord *c, uint32_t node_no, uuid128 boot)
{
    struct retired_boot probe;

    memset(&probe, 0, sizeof probe);
    probe.id.node_no = node_no;
    memcpy(probe.id.boot_id, boot.b, sizeof boot.b);
    return map_get(c->retired, &probe.id, sizeof probe.id) != NULL;
}

static int retired_add(struct coord *c, uint32_t node_no, uuid128 boot, wall_ms at)
{
    struct retired_boot *b = calloc(1, sizeof *b);
    int rc;

    if (b == NULL)
        return -ENOMEM;
    b->id.node_no = node_no;
    memcpy(b->id.boot_id, boot.b, sizeof boot.b);
    b->at = at;
    rc = map_put(c->retired, &b->id, sizeof b->id, b);
    if (rc < 0)
        free(b);
    return rc == -EEXIST ? 0 : rc;
}

int boot_load(struct coord *c, const struct retired_boot_row *row)
{
    return retired_add(c, row->node_no, row->boot_id, row->at);
}

int boot_retire(struct step *s, struct node *n, uuid128 boot)
{
    int rc = retired_add(s->c, n->row.no, boot, s->c->wall);
    struct change *ch;

    if (rc < 0)
        return rc;
    ch = emit(s, CHANGE_RETIRED_BOOT);
    if (ch == NULL)
        return -ENOMEM;
    ch->retired_boot.node_no = n->row.no;
    ch->retired_boot.boot_id = boot;
    ch->retired_boot.at = s->c->wall;
    return 0;
}
