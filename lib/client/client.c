/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_ENDPOINT   "ipc:///run/muster/client.sock"
#define DEFAULT_TIMEOUT_MS 10000

/* A failed connect has no client that could hold its sentence. */
static _Thread_local char connect_error[sizeof(struct err)];

void connect_error_keep(const char *text)
{
    snprintf(connect_error, sizeof connect_error, "%s", text);
}

const char *muster_error(const struct muster_client *c)
{
    return c != NULL ? c->err.text : connect_error;
}

const char *muster_endpoint(const struct muster_client *c)
{
    return c->endpoint;
}

int client_fail(struct muster_client *c, int code, const char *fmt, ...)
{
    struct err text; /* an argument may be the old sentence */
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text.text, sizeof text.text, fmt, ap);
    va_end(ap);
    c->err = text;
    return code;
}

bool client_is_tcp(const struct muster_client *c)
{
    return strncmp(c->endpoint, "tcp://", 6) == 0;
}

struct muster_client *client_new(const struct muster_options *o)
{
    struct muster_client *c = calloc(1, sizeof *c);
    const char *endpoint = o != NULL ? o->endpoint : NULL;

    if (c == NULL)
        return NULL;
    if (endpoint == NULL)
        endpoint = getenv("MUSTER_CONNECT");
    if (endpoint == NULL || endpoint[0] == '\0')
        endpoint = DEFAULT_ENDPOINT;
    c->timeout_ms = o != NULL && o->timeout_ms > 0 ? o->timeout_ms : DEFAULT_TIMEOUT_MS;
    c->connect_ms = o != NULL && o->connect_ms > 0 ? o->connect_ms : c->timeout_ms;
    c->endpoint = strdup(endpoint);
    if (c->endpoint == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

static int load_keys(struct muster_client *c, const struct muster_options *o)
{
    int rc;

    c->key_file = key_path(o != NULL ? o->key_file : NULL, &c->err);
    if (c->key_file == NULL)
        return MUSTER_E_LOCAL;
    rc = keyfile_load(c->key_file, &c->own, &c->server, &c->err);
    if (rc == -ENOENT)
        return client_fail(c, MUSTER_E_LOCAL,
                           "there is no key file %s; a connection over tcp needs one, which "
                           "'muster enrol' makes",
                           c->key_file);
    return rc < 0 ? MUSTER_E_LOCAL : 0;
}

int muster_connect(const struct muster_options *o, struct muster_client **out)
{
    struct muster_client *c = client_new(o);
    int rc = 0;

    *out = NULL;
    if (c == NULL) {
        connect_error_keep("out of memory");
        return MUSTER_E_LOCAL;
    }
    if (net_endpoint_check(c->endpoint, &c->err) < 0)
        rc = MUSTER_E_USAGE;
    if (rc == 0 && client_is_tcp(c))
        rc = load_keys(c, o);
    if (rc == 0 && conn_init(&c->conn, &c->err) < 0)
        rc = MUSTER_E_LOCAL;
    if (rc == 0 && conn_open(&c->conn, c->endpoint, &c->own, &c->server, &c->err) < 0)
        rc = MUSTER_E_LOCAL;
    if (rc != 0) {
        connect_error_keep(c->err.text);
        muster_disconnect(c);
        return rc;
    }
    *out = c;
    return 0;
}

void muster_disconnect(struct muster_client *c)
{
    if (c == NULL)
        return;
    conn_deinit(&c->conn);
    keypair_wipe(&c->own);
    free(c->endpoint);
    free(c->key_file);
    free(c);
}

void muster_reply_free(struct muster_reply *r)
{
    if (r == NULL)
        return;
    arena_free(r->arena);
    *r = (struct muster_reply){ NULL, NULL };
}

int muster_snapshot(struct muster_client *c, const char *kind, struct muster_reply *out)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_SNAPSHOT);
    if (kind != NULL)
        REC_SET(&req, request, kind, kind);
    return muster_call(c, &req, out);
}

int muster_changes(struct muster_client *c, const char *kind, uint64_t generation,
                   struct muster_reply *out)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_CHANGES);
    REC_SET(&req, request, since, generation);
    if (kind != NULL)
        REC_SET(&req, request, kind, kind);
    return muster_call(c, &req, out);
}

int muster_events(struct muster_client *c, uint64_t since, uint64_t limit, struct muster_reply *out)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_EVENTS);
    REC_SET(&req, request, since, since);
    if (limit > 0)
        REC_SET(&req, request, limit, limit);
    return muster_call(c, &req, out);
}
