/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network that loses, doubles and delays, and a coordinator that restarts: when it is well again,
 * both ends agree within two heartbeats and a report. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "wire/codec.h"
#include "world.h"

enum { LIVES = 40, TURNS = 300, LATE = 4 };

struct host {
    struct world w;
    uint64_t random;
    bool enrolled, registered;
    digest128 has[SECTION_COUNT];
    size_t heard; /* of w.sent */
    const struct envelope *late[LATE];
};

static uint32_t draw(struct host *h, uint32_t n)
{
    h->random = h->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(h->random >> 33) % n;
}

static struct strs lacking(struct host *h, struct recs offered)
{
    const struct section_state *s = offered.v;
    const char **names = arena_array(h->w.arena, SECTION_COUNT, sizeof *names);
    size_t n = 0;

    for (size_t i = 0; i < offered.n; i++) {
        digest128 d;

        cr_assert(wire_digest(s[i].digest, &d));
        if (!digest_eq(d, h->has[s[i].section]))
            names[n++] = section_descs[s[i].section].name;
    }
    return (struct strs){ names, n };
}

static void coordinate(struct host *h, const struct envelope *env)
{
    struct world *w = &h->w;

    if (env->enrol != NULL) {
        h->enrolled = true;
        world_enrolled(w, env, ENROL_APPROVED, 0);
    } else if (env->node_register != NULL) {
        h->registered = true;
        world_registered(w, env, lacking(h, env->node_register->sections));
    } else if (!h->registered) {
        world_refused(w, env, REFUSE_NOT_REGISTERED, 0);
    } else if (env->heartbeat != NULL) {
        world_beat_acked(w, env, w->coordinator.generation, lacking(h, env->heartbeat->sections));
    } else {
        const struct section_body *b = env->report->sections.v;

        w->coordinator.generation++;
        for (size_t i = 0; i < env->report->sections.n; i++)
            cr_assert(wire_digest(b[i].digest, &h->has[b[i].section]));
        world_report_acked(w, env);
    }
}

static void deliver(struct host *h, bool well)
{
    while (h->heard < h->w.sent_count) {
        const struct envelope *env = h->w.sent[h->heard++];
        uint32_t fate = well ? 9 : draw(h, 10);

        if (fate < 3)
            continue;
        if (fate == 3) {
            h->late[draw(h, LATE)] = env;
            continue;
        }
        coordinate(h, env);
        if (fate == 4)
            coordinate(h, env);
    }
    for (int i = 0; i < LATE && !well; i++) {
        const struct envelope *env = h->late[i];

        if (env == NULL || draw(h, 3) != 0)
            continue;
        h->late[i] = NULL;
        coordinate(h, env);
    }
}

static void disturb(struct host *h)
{
    struct world *w = &h->w;

    switch (draw(h, 12)) {
    case 0: /* the coordinator restarts and has forgotten its sessions */
        h->registered = false;
        w->coordinator.start_no++;
        w->nonce[0]++;
        break;
    case 1:
        memset(h->has, 0, sizeof h->has);
        break;
    case 2:
    case 3:
        w->mtu++;
        world_event(w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
        break;
    default:
        break;
    }
}

static void live(uint64_t seed)
{
    struct host h = { .random = seed };

    world_open(&h.w);
    h.w.config.jitter_seed = draw(&h, UINT32_MAX);
    world_start(&h.w);
    for (int i = 0; i < TURNS; i++) {
        disturb(&h);
        world_pass(&h.w, draw(&h, 1500));
        world_collect(&h.w);
        deliver(&h, false);
    }
    for (int i = 0; i < 200; i++) { /* 20 s: the longest wait for a question is 8 s */
        world_pass(&h.w, 100);
        world_collect(&h.w);
        deliver(&h, true);
    }
    cr_expect(agent_registered(h.w.agent), "not registered");
    for (int i = 0; i < SECTION_COUNT; i++)
        cr_expect(digest_eq(h.has[i], agent_section(h.w.agent, (enum section_id)i)->digest),
                  "section %s differs", section_descs[i].name);
    world_close(&h.w);
}

Test(lossy, both_ends_agree_in_the_end)
{
    const char *given = getenv("MUSTER_SEED");
    uint64_t seed = 0;

    if (given != NULL)
        seed = strtoull(given, NULL, 10);
    else
        cr_assert_eq(getrandom(&seed, 4, 0), 4);
    fprintf(stderr, "seed %llu (MUSTER_SEED=%llu replays)\n", (unsigned long long)seed,
            (unsigned long long)seed);
    for (uint64_t i = 0; i < LIVES; i++)
        live(seed + i);
}
