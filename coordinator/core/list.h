/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring of links that are members of what is listed. */
#ifndef MUSTER_CORE_LIST_H
#define MUSTER_CORE_LIST_H

#include "base/types.h"

#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

struct link {
    struct link *prev, *next;
};

static inline void link_init(struct link *l)
{
    l->prev = l->next = l;
}

static inline void link_remove(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}

static inline void link_append(struct link *head, struct link *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

static inline bool link_empty(const struct link *head)
{
    return head->next == head;
}

#endif
