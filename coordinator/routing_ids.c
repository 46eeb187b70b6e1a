/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "routing_ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

enum {
    OWN_BYTES = 5,
    BEFORE_MOST = 65536, /* connections that came before we asked for the first time */
};

struct waiting {
    uint32_t number;
    struct routing_ids_forged from;
};

struct routing_ids {
    void *ctx;
    char endpoint[48];
    void *asking; /* our connection, while we wait for its message; else NULL */
    bool known;
    uint32_t first, next; /* what the counter has given out: from first on, before next */
    struct waiting waiting[ROUTING_IDS_WAITING];
    size_t count, asked; /* of them, the first `asked` came before `asking` was opened */
};

struct routing_ids *routing_ids_new(void *ctx, void *router, struct err *e)
{
    struct routing_ids *ids = calloc(1, sizeof *ids);

    if (ids == NULL) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    ids->ctx = ctx;
    snprintf(ids->endpoint, sizeof ids->endpoint, "inproc://routing-ids-%p", (void *)ids);
    if (zmq_bind(router, ids->endpoint) != 0) {
        err_set(e, -zmq_errno(), "cannot listen on %s: %s", ids->endpoint,
                zmq_strerror(zmq_errno()));
        free(ids);
        return NULL;
    }
    return ids;
}

static void hang_up(struct routing_ids *ids)
{
    if (ids->asking != NULL)
        zmq_close(ids->asking);
    ids->asking = NULL;
}

void routing_ids_free(struct routing_ids *ids)
{
    if (ids == NULL)
        return;
    hang_up(ids);
    free(ids);
}

static bool own_number(const uint8_t *id, size_t n, uint32_t *number)
{
    if (n != OWN_BYTES || id[0] != 0)
        return false;
    *number = (uint32_t)id[1] << 24 | (uint32_t)id[2] << 16 | (uint32_t)id[3] << 8 | id[4];
    return true;
}

/* The counter has come past it, as far as is known. It goes round after 2^32 connections. */
static bool is_past(const struct routing_ids *ids, uint32_t number)
{
    return ids->known && number - ids->first < ids->next - ids->first;
}

void routing_ids_seen(struct routing_ids *ids, const uint8_t *id, size_t n, int fd, mono_ms now)
{
    uint32_t number;

    if (!own_number(id, n, &number) || is_past(ids, number) || ids->count == ROUTING_IDS_WAITING)
        return;
    ids->waiting[ids->count++] = (struct waiting){ number, { fd, now } };
}

bool routing_ids_own(struct routing_ids *ids, const uint8_t *id, size_t n, int fd,
                     struct routing_ids_forged *forged, size_t *count)
{
    uint32_t number;

    *count = 0;
    /* From inside this process: a peer has a descriptor. */
    if (fd >= 0 || ids->asking == NULL || !own_number(id, n, &number))
        return false;
    if (!ids->known)
        ids->first = number - BEFORE_MOST;
    ids->known = true;
    ids->next = number;
    for (size_t i = 0; i < ids->asked; i++) {
        if (!is_past(ids, ids->waiting[i].number))
            forged[(*count)++] = ids->waiting[i].from;
    }
    ids->count -= ids->asked;
    memmove(ids->waiting, ids->waiting + ids->asked, ids->count * sizeof ids->waiting[0]);
    hang_up(ids);
    return true;
}

void routing_ids_ask(struct routing_ids *ids)
{
    int linger = 0;

    if (ids->count == 0 || ids->asking != NULL)
        return;
    ids->asking = zmq_socket(ids->ctx, ZMQ_DEALER);
    ids->asked = ids->count;
    if (ids->asking == NULL)
        return; /* again after the next batch */
    if (zmq_setsockopt(ids->asking, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_connect(ids->asking, ids->endpoint) != 0 || zmq_send(ids->asking, "", 0, 0) < 0)
        hang_up(ids);
}
