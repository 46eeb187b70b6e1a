/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_later.h"

#include <errno.h>

#include "wire/codec.h"

/* Numbers that this version has no field for. */
enum { LATER_FIELD = 1000, LATER_BODY = 1001, WIRE_BYTES = 2 };

enum { LATER_SECTION = SECTION_COUNT + 1, TWISTED = SECTION_CPU };

static const uint8_t later_digest[16] = { 1, 2, 3 };

/* The digest of rows with one field more is any other; turned twice it is the first again. False:
 * out of memory. */
static bool twist(struct bytes *digest, struct arena *a)
{
    uint8_t *p = arena_memdup(a, digest->p, digest->n);

    if (p == NULL)
        return false;
    p[0] ^= 0xff;
    digest->p = p;
    return true;
}

/* A copy of the list, with so many more that are zero. */
static void *copied(struct recs list, size_t more, size_t size, struct arena *a)
{
    char *v = arena_array(a, list.n + more, size);

    if (v != NULL && list.n > 0)
        memcpy(v, list.v, list.n * size);
    return v;
}

static bool twist_states(struct section_state *v, size_t n, struct arena *a)
{
    bool good = true;

    for (size_t i = 0; i < n; i++)
        good = (v[i].section != TWISTED || twist(&v[i].digest, a)) && good;
    return good;
}

static bool add_state(struct recs *states, struct arena *a)
{
    struct section_state *v = copied(*states, 1, sizeof *v, a);

    if (v == NULL)
        return false;
    REC_SET(&v[states->n], section_state, section, LATER_SECTION);
    REC_SET(&v[states->n], section_state, generation, 1);
    REC_SET(&v[states->n], section_state, digest, wire_bytes16(later_digest));
    *states = (struct recs){ .v = v, .n = states->n + 1 };
    return twist_states(v, states->n, a);
}

static bool add_body(struct recs *sections, struct arena *a)
{
    struct section_body *v = copied(*sections, 1, sizeof *v, a);
    bool good = v != NULL;

    for (size_t i = 0; good && i < sections->n; i++)
        good = v[i].section != TWISTED || twist(&v[i].digest, a);
    if (!good)
        return false;
    REC_SET(&v[sections->n], section_body, section, LATER_SECTION);
    REC_SET(&v[sections->n], section_body, status, SECTION_OK);
    REC_SET(&v[sections->n], section_body, digest, wire_bytes16(later_digest));
    *sections = (struct recs){ .v = v, .n = sections->n + 1 };
    return true;
}

static const struct heartbeat *later_beat(const struct heartbeat *from, struct arena *a)
{
    struct heartbeat *to = arena_memdup(a, from, sizeof *from);

    return to != NULL && add_state(&to->sections, a) ? to : NULL;
}

static const struct node_register *later_register(const struct node_register *from, struct arena *a)
{
    struct node_register *to = arena_memdup(a, from, sizeof *from);

    return to != NULL && add_state(&to->sections, a) ? to : NULL;
}

static const struct report *later_report(const struct report *from, struct arena *a)
{
    struct report *to = arena_memdup(a, from, sizeof *from);

    return to != NULL && add_body(&to->sections, a) ? to : NULL;
}

static const struct envelope *later(const struct envelope *env, struct arena *a)
{
    struct envelope *out = arena_memdup(a, env, sizeof *env);

    if (out == NULL)
        return NULL;
    if (env->heartbeat != NULL)
        out->heartbeat = later_beat(env->heartbeat, a);
    else if (env->node_register != NULL)
        out->node_register = later_register(env->node_register, a);
    else if (env->report != NULL)
        out->report = later_report(env->report, a);
    return (env->heartbeat != NULL && out->heartbeat == NULL) ||
                   (env->node_register != NULL && out->node_register == NULL) ||
                   (env->report != NULL && out->report == NULL)
               ? NULL
               : out;
}

static void put_number(struct buf *b, uint32_t v)
{
    uint8_t byte;

    for (; v > 127; v >>= 7) {
        byte = (uint8_t)(v | 128);
        buf_add(b, &byte, 1);
    }
    byte = (uint8_t)v;
    buf_add(b, &byte, 1);
}

static void put_field(struct buf *b, uint32_t tag, const char *text)
{
    put_number(b, tag << 3 | WIRE_BYTES);
    put_number(b, (uint32_t)strlen(text));
    buf_str(b, text);
}

int fleet_later_encode(const struct envelope *env, struct arena *a, struct buf *b, struct err *e)
{
    int rc;

    if (!fleet_is_later(env->version))
        return wire_encode(&envelope_desc, env, b, e);
    arena_reset(a);
    env = later(env, a);
    rc = env == NULL ? -ENOMEM : wire_encode(&envelope_desc, env, b, e);
    put_field(b, LATER_FIELD, "of a later version");
    return rc < 0 ? rc : b->failed ? -ENOMEM : 0;
}

int fleet_later_kind(const struct envelope *env, struct buf *b, struct err *e)
{
    struct envelope only = { 0 };
    int rc;

    if (!fleet_is_later(env->version) || env->node_register == NULL)
        return 0;
    REC_SET(&only, envelope, version, env->version);
    REC_SET(&only, envelope, node_id, env->node_id);
    REC_SET(&only, envelope, boot_id, env->boot_id);
    rc = wire_encode(&envelope_desc, &only, b, e);
    put_field(b, LATER_BODY, "");
    return rc < 0 ? rc : b->failed ? -ENOMEM : 1;
}

static const struct report_ack *heard_ack(const struct report_ack *from, struct arena *a)
{
    struct report_ack *to = arena_memdup(a, from, sizeof *from);
    struct section_state *v = copied(from->sections, 0, sizeof *v, a);

    if (to == NULL || v == NULL || !twist_states(v, from->sections.n, a))
        return NULL;
    to->sections.v = v;
    return to;
}

int fleet_later_hear(struct envelope *env, struct arena *a)
{
    if (env->refused != NULL && env->refused->reason == REFUSE_MALFORMED && env->correlation == 0)
        return 0;
    if (env->report_ack == NULL)
        return 1;
    env->report_ack = heard_ack(env->report_ack, a);
    return env->report_ack == NULL ? -ENOMEM : 1;
}
