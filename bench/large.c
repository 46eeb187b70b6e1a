/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "large.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "net/net.h"
#include "wire/codec.h"

int large_core(struct large *l)
{
    struct core_config c = {
        .heartbeat_ms = DEFAULT_HEARTBEAT_MS,
        .suspect_ms = DEFAULT_SUSPECT_MS,
        .down_ms = DEFAULT_DOWN_MS,
        .edge_retention_ms = DEFAULT_EDGE_RETENTION_MS,
        .event_retention_rows = DEFAULT_EVENT_RETENTION_ROWS,
        .lease_ttl_ms = DEFAULT_LEASE_TTL_MS,
        .lease_history_rows = DEFAULT_LEASE_HISTORY_ROWS,
        .enrol_by_token = true,
    };

    l->coord = coord_new(&c);
    return l->coord == NULL ? -ENOMEM : 0;
}

static pubkey key_of(uint32_t index)
{
    pubkey key = { { 0 } };

    memcpy(key.b, &index, sizeof index);
    key.b[sizeof key.b - 1] = 1;
    return key;
}

void large_rows(struct large *l, uint32_t index, struct node_row *node, struct key_row *key)
{
    struct fleet_host h;
    wall_ms now = clock_wall();

    fleet_host(&l->shape, index, 0, l->arena, &h);
    *node = (struct node_row){ .no = index + 1,
                               .id = h.node_id,
                               .name = h.identity.hostname,
                               .admission = NODE_APPROVED,
                               .boot_id = h.boot_id,
                               .key = key_of(index),
                               .first_seen = now };
    *key = (struct key_row){ .key = key_of(index),
                             .role = ROLE_NODE,
                             .state = KEY_ACTIVE,
                             .node_no = index + 1,
                             .boot_id = h.boot_id,
                             .created = now,
                             .bound = true };
}

void large_begin(struct large *l)
{
    arena_reset(l->arena);
    coord_update_init(&l->update, l->arena);
}

int large_step(struct large *l, struct coord_event *ev)
{
    ev->now = ev->listened = clock_mono();
    ev->wall = clock_wall();
    random_bytes(ev->random, sizeof ev->random);
    return coord_step(l->coord, ev, &l->update);
}

static int say(struct large *l, uint32_t index, struct envelope *env, const struct fleet_host *h,
               const struct section *sections, size_t count)
{
    struct coord_event ev = { .type = COORD_NODE_MESSAGE, .key = key_of(index) };

    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, node_id, wire_bytes16(h->node_id.b));
    REC_SET(env, envelope, boot_id, wire_bytes16(h->boot_id.b));
    REC_SET(env, envelope, seq, sections == NULL ? 1 : 2);
    ev.node.env = env;
    ev.node.sections = sections;
    ev.node.section_count = count;
    return large_step(l, &ev);
}

int large_report(struct large *l, uint32_t index)
{
    static const enum worker_kind kinds[] = { WORKER_SYSTEM, WORKER_NET, WORKER_STORAGE };
    static const struct fleet_state state = { .revision = 0 };
    struct section *v = arena_array(l->arena, 2 * SECTION_COUNT, sizeof *v);
    struct fleet_host *h = arena_zalloc(l->arena, sizeof *h);
    struct envelope *env = arena_array(l->arena, 2, sizeof *env);
    struct node_register *reg = arena_zalloc(l->arena, sizeof *reg);
    struct report *report = arena_zalloc(l->arena, sizeof *report);
    size_t n = 0;
    int rc = v == NULL || h == NULL || env == NULL || reg == NULL || report == NULL ? -ENOMEM : 0;

    if (rc == 0)
        fleet_host(&l->shape, index, 0, l->arena, h);
    for (size_t k = 0; rc == 0 && k < ARRAY_LEN(kinds); k++) {
        size_t more = 0;

        rc = fleet_sections(&l->shape, index, &state, kinds[k], l->arena, v + n, &more);
        n += more;
    }
    if (rc < 0)
        return rc;
    REC_SET(reg, node_register, identity, &h->identity);
    REC_SET(&env[0], envelope, node_register, reg);
    REC_SET(&env[1], envelope, report, report);
    rc = say(l, index, &env[0], h, NULL, 0);
    return rc < 0 ? rc : say(l, index, &env[1], h, v, n);
}
