/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "zap.h"

#include <errno.h>
#include <zmq.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_FRAMES   7 /* version, request id, domain, address, identity, mechanism, credential */
#define ZAP_FRAME    256
#define ZAP_BATCH    64

enum { F_VERSION, F_REQUEST, F_DOMAIN, F_ADDRESS, F_IDENTITY, F_MECHANISM, F_CREDENTIAL };

struct zap_request {
    uint8_t frame[ZAP_FRAMES][ZAP_FRAME]; /* each with a NUL after it */
    size_t n[ZAP_FRAMES];
    unsigned frames;
    bool bad;
};

void *zap_open(void *ctx, struct err *e)
{
    void *s = zmq_socket(ctx, ZMQ_REP);
    int linger = 0;

    if (s == NULL || zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_bind(s, ZAP_ENDPOINT) != 0) {
        err_set(e, -zmq_errno(), "the authentication of connections cannot be set up: %s",
                zmq_strerror(zmq_errno()));
        if (s != NULL)
            zmq_close(s);
        return NULL;
    }
    return s;
}

const char *zap_decide(const char *domain, const char *mechanism, const uint8_t *credential,
                       size_t n, char user[KEY_TEXT])
{
    pubkey key;

    user[0] = '\0';
    if (strcmp(domain, ZAP_DOMAIN_LOCAL) == 0)
        return strcmp(mechanism, "NULL") == 0 ? "200" : "400";
    if (strcmp(domain, ZAP_DOMAIN_CURVE) != 0 || strcmp(mechanism, "CURVE") != 0 ||
        n != sizeof key.b)
        return "400";
    memcpy(key.b, credential, sizeof key.b);
    if (pubkey_is_nil(key))
        return "400"; /* means "no key" in here */
    key_text(key, user);
    return "200";
}

static int receive(void *socket, struct zap_request *r)
{
    int more = 1;

    memset(r, 0, sizeof *r);
    while (more) {
        size_t size = sizeof more;
        uint8_t rest[1];
        bool keep = r->frames < ZAP_FRAMES;
        int got = zmq_recv(socket, keep ? r->frame[r->frames] : rest,
                           keep ? ZAP_FRAME - 1 : sizeof rest, ZMQ_DONTWAIT);

        if (got < 0)
            return -zmq_errno();
        if (!keep || got > ZAP_FRAME - 1)
            r->bad = true;
        else
            r->n[r->frames++] = (size_t)got;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0)
            return -zmq_errno();
    }
    return 0;
}

static int reply(void *socket, const struct zap_request *r, const char *status, const char *user)
{
    const struct {
        const void *p;
        size_t n;
    } frames[] = {
        { "1.0", 3 },           { r->frame[F_REQUEST], r->n[F_REQUEST] },
        { status, 3 },          { "", 0 },
        { user, strlen(user) }, { "", 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        if (zmq_send(socket, frames[i].p, frames[i].n,
                     i + 1 < ARRAY_LEN(frames) ? ZMQ_SNDMORE : 0) < 0)
            return -zmq_errno();
    }
    return 0;
}

unsigned zap_serve(void *socket)
{
    unsigned refused = 0;

    for (int i = 0; i < ZAP_BATCH; i++) {
        struct zap_request r;
        char user[KEY_TEXT] = "";
        const char *status = "400";

        if (receive(socket, &r) < 0)
            break;
        if (!r.bad && r.frames > F_MECHANISM && strcmp((char *)r.frame[F_VERSION], "1.0") == 0)
            status = zap_decide((char *)r.frame[F_DOMAIN], (char *)r.frame[F_MECHANISM],
                                r.frame[F_CREDENTIAL], r.n[F_CREDENTIAL], user);
        if (status[0] != '2')
            refused++;
        if (reply(socket, &r, status, user) < 0)
            break;
    }
    return refused;
}
