/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine becomes a client. The key is on disk before the coordinator hears of it: a token serves
 * once, so a key that it has accepted must not get lost. */
#include "internal.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

#include "wire/token.h"

/* Loads the key file, or makes one. *made: it was not there before. */
static int prepare_keys(struct muster_client *c, const struct muster_options *o, bool *made)
{
    pubkey wanted = c->server;
    int rc;

    c->key_file = key_path(o != NULL ? o->key_file : NULL, &c->err);
    if (c->key_file == NULL)
        return MUSTER_E_LOCAL;
    rc = keyfile_load(c->key_file, &c->own, &c->server, &c->err);
    if (rc == 0 && !pubkey_eq(wanted, c->server))
        return client_fail(c, MUSTER_E_LOCAL,
                           "%s is a key for another coordinator; move it away or name another key "
                           "file",
                           c->key_file);
    if (rc != -ENOENT)
        return rc == 0 ? 0 : MUSTER_E_LOCAL;
    keypair_new(&c->own);
    c->server = wanted;
    *made = true;
    if (key_folder(c->key_file, &c->err) < 0 ||
        keyfile_save(c->key_file, &c->own, &c->server, &c->err) < 0)
        return MUSTER_E_LOCAL;
    return 0;
}

static int ask(struct muster_client *c, const char *secret, const char *name)
{
    struct request req = { 0 };
    struct muster_reply r;
    int rc;

    REC_SET(&req, request, op, OP_CLIENT_ENROL);
    REC_SET(&req, request, secret, secret);
    if (name != NULL)
        REC_SET(&req, request, name, name);
    rc = muster_call(c, &req, &r);
    muster_reply_free(&r);
    return rc;
}

static int enrol(struct muster_client *c, const struct muster_options *o, const char *token,
                 const char *name)
{
    char secret[TOKEN_SECRET_TEXT];
    bool made = false;
    int rc = MUSTER_E_LOCAL;

    if (net_endpoint_check(c->endpoint, &c->err) < 0)
        return MUSTER_E_USAGE;
    if (!client_is_tcp(c))
        return client_fail(c, MUSTER_E_USAGE,
                           "%s needs no enrolment: whoever may use the local socket is an "
                           "operator; name the tcp:// endpoint of a coordinator",
                           c->endpoint);
    if (token_parse(token, &c->server, secret, &c->err) < 0)
        return rc;
    rc = prepare_keys(c, o, &made);
    if (rc == 0 && (conn_init(&c->conn, &c->err) < 0 ||
                    conn_open(&c->conn, c->endpoint, &c->own, &c->server, &c->err) < 0))
        rc = MUSTER_E_LOCAL;
    if (rc == 0)
        rc = ask(c, secret, name);
    /* Where a request got no answer the key may have been accepted, so the file stays. */
    if (made && rc != 0 && !c->unanswered)
        unlink(c->key_file);
    else if (made && rc != 0)
        client_fail(c, rc, "%s; the new key stays in %s: do the same once more", c->err.text,
                    c->key_file);
    sodium_memzero(secret, sizeof secret);
    return rc;
}

int muster_enrol(const struct muster_options *o, const char *token, const char *name,
                 struct muster_client **out)
{
    struct muster_client *c = client_new(o);
    int rc;

    *out = NULL;
    if (c == NULL) {
        connect_error_keep("out of memory");
        return MUSTER_E_LOCAL;
    }
    rc = enrol(c, o, token, name);
    if (rc != 0) {
        connect_error_keep(c->err.text);
        muster_disconnect(c);
        return rc;
    }
    *out = c;
    return 0;
}
