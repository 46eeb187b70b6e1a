/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who changes the volume group without asking muster, by LVM's own commands on some host. He looks
 * first whether muster is at it: two that write at once lose what one of them has written, and no
 * protocol of muster's helps against that. All else that muster has decided by then is about
 * another version. */
#include "group.h"

enum { OUTSIDE_US = 15000000, NOTICED_US = 4000000, MOST_EXTENTS = 4 };

static bool is_written(const struct sim *s)
{
    for (uint32_t i = 0; i < s->o.hosts; i++) {
        const struct host *h = &s->hosts[i];

        for (size_t k = 0; k < h->process_n; k++) {
            const struct process *q = h->processes[k];

            if (q->work != NULL && !q->ended && q->work->writes)
                return true;
        }
    }
    return group_is_unequal(s->group);
}

/* Nothing is taken away: whoever does that asks nobody whether it is mapped. */
static void change(struct sim *s, struct group_meta *m)
{
    struct lv_meta *lv = &m->lvs[m->n];

    if (m->n == GROUP_LVS || (m->n > 0 && dice_chance(s, 500000))) {
        m->lvs[dice_below(s, m->n)].extents += 1 + dice_below(s, MOST_EXTENTS);
        return;
    }
    *lv = (struct lv_meta){ .id = ++s->group->lv_ids, .extents = 1 + dice_below(s, MOST_EXTENTS) };
    snprintf(lv->name, sizeof lv->name, "own%u", lv->id);
    m->n++;
}

static void noticed(struct sim *s, void *what, uint64_t stamp)
{
    (void)stamp;
    host_lvm_hint(s, what);
}

static void outside(struct sim *s, void *what, uint64_t stamp)
{
    struct host *h = &s->hosts[dice_below(s, s->o.hosts)];
    struct group_meta m = *group_newest(s->group);

    (void)what, (void)stamp;
    if (!s->storm)
        return;
    agenda_put(s, s->now + dice_about(s, OUTSIDE_US), outside, NULL, 0);
    if (!h->powered || h->paused || m.no == 0 || is_written(s))
        return;
    change(s, &m);
    group_version(s, &m, h, NULL);
    for (unsigned i = 0; i < GROUP_PVS; i++) {
        if ((m.pvs >> i & 1) != 0)
            group_write(s, i, &m);
    }
    s->counts.outside_changes++;
    sim_trace(s, "%s: version %u (seqno %llu) is written without muster", h->name, m.no,
              (unsigned long long)m.seqno);
    agenda_put(s, s->now + dice_about(s, NOTICED_US), noticed, h, 0);
}

void group_outside_starts(struct sim *s)
{
    if (s->group != NULL && s->o.outside)
        agenda_put(s, s->now + dice_about(s, OUTSIDE_US), outside, NULL, 0);
}

/* Each host is told to look: nobody asks its kernel what another host has written. */
void group_outside_ends(struct sim *s)
{
    for (uint32_t i = 0; s->group != NULL && s->o.outside && i < s->o.hosts; i++)
        agenda_put(s, s->now + dice_about(s, NOTICED_US), noticed, &s->hosts[i], 0);
}
