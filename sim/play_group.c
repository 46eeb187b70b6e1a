/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenes with the volume group. */
#include "play_internal.h"

enum { ASK_US = 3000000, LOOK_US = 4000000 };

static bool again(struct sim *s, struct stage *p)
{
    if (s->now < p->next)
        return false;
    p->next = s->now + ASK_US;
    return true;
}

bool lv_is_made(struct sim *s, struct stage *p)
{
    if (group_has_lv(s))
        return true;
    if (again(s, p))
        group_asks_lv(s, &s->brains[0]);
    return false;
}

bool a_has_it_active(struct sim *s, struct stage *p)
{
    if (group_is_active(s, p->a))
        return true;
    if (again(s, p))
        group_asks_active(s, p->a);
    return false;
}

bool a_loses_its_luns(struct sim *s, struct stage *p)
{
    if (!p->begun) {
        host_loses_luns(s, p->a);
        p->next = s->now + LOOK_US;
    }
    p->begun = true;
    return s->now >= p->next;
}

bool it_is_asked_again(struct sim *s, struct stage *p)
{
    if (again(s, p))
        group_asks_active(s, p->a);
    return false;
}
