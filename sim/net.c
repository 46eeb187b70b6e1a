/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network: messages as bytes, that are lost, doubled, late and overtaken while there is a
 * storm. An answer reaches the process that asked or nobody, as over a connection. */
#include <stdlib.h>

#include "sim_internal.h"
#include "wire/codec.h"

enum { NEAR_US = 150, FAR_US = 250, LATE_US = 4000000 };
enum { DOUBLED_PPM = 10000 };

/* Which body it has, and what both sides remember of each other. */
void net_describe(struct sim *s, const char *verb, const struct letter *l,
                  const struct envelope *env)
{
    const struct memory *m = env->node_register != NULL ? env->node_register->memory
                             : env->registered != NULL  ? env->registered->coordinator
                                                        : NULL;
    const char *body = "?";
    uint64_t generation = m != NULL                    ? m->generation
                          : env->heartbeat_ack != NULL ? env->heartbeat_ack->generation
                          : env->report_ack != NULL    ? env->report_ack->generation
                                                       : 0;

    if (!s->o.wire)
        return;
    for (uint32_t i = envelope_enrol; i < envelope_FIELD_COUNT; i++) {
        if ((env->present >> i & 1) != 0)
            body = envelope_desc.fields[i].name;
    }
    sim_trace(s, "  %s %s %u %s %s seq %llu answers %llu generation %llu start %llu", l->host->name,
              l->up ? "->" : "<-", l->brain->no, verb, body, (unsigned long long)env->seq,
              (unsigned long long)env->correlation, (unsigned long long)generation,
              (unsigned long long)(m != NULL ? m->start_no : 0));
}

static bool net_is_cut(const struct host *h, bool up)
{
    return up ? h->cut_up : h->cut_down;
}

static void arrive(struct sim *s, void *what, uint64_t stamp)
{
    struct letter *l = what;

    (void)stamp;
    if (net_is_cut(l->host, l->up) ||
        (l->up ? l->brain->c == NULL : l->host->life != l->host_life)) {
        s->counts.lost++;
        free(l);
        return;
    }
    s->counts.messages++;
    if (l->up)
        brain_deliver(s, l);
    else
        host_deliver(s, l);
}

void net_bring(struct sim *s, struct letter *l)
{
    s->counts.delayed++;
    s->counts.messages++;
    sim_trace(s, "what was held up on its way %s %s arrives", l->up ? "from" : "to", l->host->name);
    if (l->up ? l->brain->c == NULL : l->host->life != l->host_life)
        free(l);
    else
        (l->up ? brain_deliver : host_deliver)(s, l);
}

static void post(struct sim *s, const struct letter *from)
{
    struct letter *l = malloc(sizeof *l + from->n);
    /* In the calm one connection brings what it was given in the order in which it was given. */
    world_us delay = NEAR_US + (s->rough ? dice_about(s, FAR_US) : FAR_US);

    if (l == NULL)
        abort();
    memcpy(l, from, sizeof *l + from->n);
    if (s->rough && dice_chance(s, s->late_ppm)) {
        delay += dice_about(s, LATE_US);
        s->counts.delayed++;
    }
    agenda_put_owned(s, s->now + delay, arrive, l, 0);
}

static void send(struct sim *s, struct letter head, const struct envelope *env)
{
    struct err e = { "" };
    struct letter *l;

    buf_reset(&s->out);
    if (wire_encode(&envelope_desc, env, &s->out, &e) != 0) {
        sim_fail(s, "a message cannot be encoded: %s", e.text);
        return;
    }
    net_describe(s, "sent", &head, env);
    if (net_is_cut(head.host, head.up) || (s->rough && dice_chance(s, s->lost_ppm))) {
        s->counts.lost++;
        return;
    }
    l = malloc(sizeof *l + s->out.n);
    if (l == NULL)
        abort();
    head.n = s->out.n;
    *l = head;
    memcpy(l->bytes, s->out.p, s->out.n);
    if (stage_takes(s, l, env)) {
        s->counts.lost++;
        return;
    }
    post(s, l);
    if (s->rough && dice_chance(s, DOUBLED_PPM)) {
        s->counts.doubled++;
        post(s, l);
    }
    free(l);
}

void net_send_up(struct sim *s, struct host *h, const struct envelope *env)
{
    struct letter head = {
        .brain = h->brain, .host = h, .key = h->key, .host_life = h->life, .up = true
    };

    oracle_sent_up(s, h, env);
    oracle_group_sent_up(s, h, env);
    if (env->node_register != NULL && env->node_register->memory != NULL)
        head.knows = h->acked;
    send(s, head, env);
}

void net_send_down(struct sim *s, struct brain *b, const struct route *to,
                   const struct envelope *env)
{
    struct letter head = { .brain = b, .from = lineage_now(b) };
    uint32_t no;

    memcpy(&no, to->id, sizeof no);
    memcpy(&head.host_life, to->id + sizeof no, sizeof head.host_life);
    head.host = &s->hosts[no];
    lineage_sent_down(s, b, head.host, env);
    oracle_sent_down(s, b, head.host, env);
    oracle_group_sent_down(s, b, head.host, env);
    send(s, head, env);
}
