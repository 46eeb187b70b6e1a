/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A start on a large database takes most of its time for packs: to read them, and to make the
 * core's state of them. So a thread reads on while the core works on those that have come. The
 * connection is that thread's from store_load_begin() to store_load_end(). */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "store_internal.h"

enum { TOLD_AT_ONCE = 32 }; /* packs: to wake the other thread costs more than a pack */

struct store_loading {
    struct store *store;
    struct arena *arena;
    struct stored *out;
    pthread_t thread;
    int rc; /* of the thread, as store_load_rest() */
    struct err why;
    pthread_mutex_t lock;
    pthread_cond_t more;
    size_t come; /* packs that are there */
    bool over;   /* no more will come */
};

static void tell(struct store_loading *l, size_t come, bool over)
{
    pthread_mutex_lock(&l->lock);
    l->come = come;
    l->over = over;
    pthread_cond_signal(&l->more);
    pthread_mutex_unlock(&l->lock);
}

static void one_came(void *loading, size_t count)
{
    if (count % TOLD_AT_ONCE == 0)
        tell(loading, count, false);
}

static void *read_on(void *loading)
{
    struct store_loading *l = loading;

    l->rc = store_load_rest(l->store, l->arena, l->out, one_came, l, &l->why);
    tell(l, l->rc == 0 ? l->out->pack_count : l->come, true);
    return NULL;
}

static int wait_for(void *loading, size_t i)
{
    struct store_loading *l = loading;
    bool came;

    pthread_mutex_lock(&l->lock);
    while (l->come <= i && !l->over)
        pthread_cond_wait(&l->more, &l->lock);
    came = l->come > i;
    pthread_mutex_unlock(&l->lock);
    return came ? 0 : -EIO;
}

static void loading_free(struct store_loading *l)
{
    pthread_cond_destroy(&l->more);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

int store_load_begin(struct store *s, struct arena *a, struct stored *out, struct err *e)
{
    struct store_loading *l;
    int rc = store_load_first(s, a, out, e);

    if (rc != 0)
        return rc;
    l = calloc(1, sizeof *l);
    if (l != NULL) {
        l->store = s;
        l->arena = a;
        l->out = out;
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->more, NULL);
        out->pack_wait = wait_for;
        out->loading = l;
        if (pthread_create(&l->thread, NULL, read_on, l) == 0) {
            s->loading = l;
            return 0;
        }
        loading_free(l);
    }
    out->pack_wait = NULL;
    return store_load_rest(s, a, out, NULL, NULL, e);
}

int store_load_end(struct store *s, struct err *e)
{
    struct store_loading *l = s->loading;
    int rc;

    if (l == NULL)
        return 0;
    pthread_join(l->thread, NULL);
    rc = l->rc;
    if (rc != 0)
        *e = l->why;
    s->loading = NULL;
    loading_free(l);
    return rc;
}
