/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/quota.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

struct taken {
    uint32_t n;
    char target[];
};

struct quota {
    uint32_t all, each;
    uint32_t n;        /* taken in all */
    uint32_t anywhere; /* of them those of no target by name */
    struct map *taken; /* struct taken by target: at most as many as `all` */
    bool news;
};

struct quota *quota_new(uint32_t all, uint32_t each, const uint8_t seed[16])
{
    struct quota *b = calloc(1, sizeof *b);

    assert(all > 0 && each > 0);
    if (b == NULL)
        return NULL;
    b->all = all;
    b->each = each;
    b->taken = map_new(seed);
    if (b->taken != NULL)
        return b;
    free(b);
    return NULL;
}

void quota_free(struct quota *b)
{
    size_t it = 0;
    void *v;

    if (b == NULL)
        return;
    while ((v = map_next(b->taken, &it)) != NULL)
        free(v);
    map_free(b->taken);
    free(b);
}

static struct taken *taken_of(const struct quota *b, const char *target)
{
    return map_get(b->taken, target, strlen(target));
}

/* Of the target of which most is taken. */
static uint32_t most_of_one(const struct quota *b)
{
    const struct taken *t;
    uint32_t most = 0;
    size_t it = 0;

    while ((t = map_next(b->taken, &it)) != NULL)
        most = t->n > most ? t->n : most;
    return most;
}

uint32_t quota_taken_of(const struct quota *b, const char *target)
{
    const struct taken *t = taken_of(b, target);

    return b->anywhere + (t != NULL ? t->n : 0);
}

static struct taken *taken_new(struct quota *b, const char *target)
{
    size_t n = strlen(target);
    struct taken *t = calloc(1, sizeof *t + n + 1);

    if (t == NULL)
        return NULL;
    memcpy(t->target, target, n + 1);
    if (map_put(b->taken, t->target, n, t) == 0)
        return t;
    free(t);
    return NULL;
}

int quota_take(struct quota *b, const char *target)
{
    bool anywhere = target[0] == '\0';
    uint32_t there = anywhere ? b->anywhere + most_of_one(b) : quota_taken_of(b, target);
    struct taken *t;

    if (quota_full(b) || there >= b->each)
        return 0;
    if (anywhere) {
        b->anywhere++;
    } else {
        t = taken_of(b, target);
        if (t == NULL)
            t = taken_new(b, target);
        if (t == NULL)
            return -ENOMEM;
        t->n++;
    }
    b->n++;
    return 1;
}

void quota_give(struct quota *b, const char *target)
{
    struct taken *t = target[0] == '\0' ? NULL : taken_of(b, target);

    if (t == NULL) {
        assert(target[0] == '\0' && b->anywhere > 0);
        b->anywhere--;
    } else if (--t->n == 0) {
        map_del(b->taken, t->target, strlen(t->target));
        free(t);
    }
    b->n--;
    b->news = true;
}

bool quota_full(const struct quota *b)
{
    return b->n >= b->all;
}

uint32_t quota_taken(const struct quota *b)
{
    return b->n;
}

bool quota_news(struct quota *b)
{
    bool news = b->news;

    b->news = false;
    return news;
}
