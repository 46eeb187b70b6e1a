/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "node_words.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "net/net.h"
#include "wire/codec.h"

int words_init(struct node_words *w, const struct fleet_shape *shape, uint32_t index,
               const enum worker_kind *kinds, size_t kind_count, struct arena *a, struct err *e)
{
    static const struct fleet_state state = { .revision = 0 };

    memset(w, 0, sizeof *w);
    w->seq = (uint64_t)clock_mono().v * 1000;
    fleet_host(shape, index, 0, a, &w->host);
    for (size_t i = 0; i < kind_count; i++) {
        size_t more = 0;

        if (fleet_sections(shape, index, &state, kinds[i], a, w->sections + w->section_count,
                           &more) < 0)
            return err_set(e, -ENOMEM, "out of memory");
        w->section_count += more;
    }
    return 0;
}

int words_any(struct node_words *w, struct envelope *env, struct buf *out, struct err *e)
{
    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, node_id, wire_bytes16(w->host.node_id.b));
    REC_SET(env, envelope, boot_id, wire_bytes16(w->host.boot_id.b));
    REC_SET(env, envelope, seq, w->seq);
    w->seq++;
    buf_reset(out);
    return wire_encode(&envelope_desc, env, out, e);
}

int words_enrol(struct node_words *w, const char *secret, struct buf *out, struct err *e)
{
    struct envelope env = { 0 };
    struct enrol body = { 0 };

    REC_SET(&body, enrol, secret, secret);
    REC_SET(&body, enrol, identity, &w->host.identity);
    REC_SET(&env, envelope, enrol, &body);
    return words_any(w, &env, out, e);
}

int words_register(struct node_words *w, struct buf *out, struct err *e)
{
    struct envelope env = { 0 };
    struct node_register body = { 0 };

    REC_SET(&body, node_register, identity, &w->host.identity);
    REC_SET(&env, envelope, node_register, &body);
    return words_any(w, &env, out, e);
}

int words_report(struct node_words *w, struct buf *out, struct err *e)
{
    struct section_body bodies[SECTION_COUNT] = { 0 };
    struct envelope env = { 0 };
    struct report body = { 0 };

    for (size_t i = 0; i < w->section_count; i++) {
        w->sections[i].generation = 1;
        section_to_body(&w->sections[i], &bodies[i]);
    }
    REC_SET(&body, report, sections, ((struct recs){ .v = bodies, .n = w->section_count }));
    REC_SET(&env, envelope, report, &body);
    return words_any(w, &env, out, e);
}

int words_beat(struct node_words *w, struct buf *out, struct err *e)
{
    struct section_state states[SECTION_COUNT] = { 0 };
    struct envelope env = { 0 };
    struct heartbeat body = { 0 };

    for (size_t i = 0; i < w->section_count; i++) {
        REC_SET(&states[i], section_state, section, (uint64_t)w->sections[i].id);
        REC_SET(&states[i], section_state, generation, 1);
        REC_SET(&states[i], section_state, digest, wire_bytes16(w->sections[i].digest.b));
    }
    REC_SET(&body, heartbeat, sections, ((struct recs){ .v = states, .n = w->section_count }));
    REC_SET(&env, envelope, heartbeat, &body);
    return words_any(w, &env, out, e);
}
