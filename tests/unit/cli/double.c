/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client library's double: the `muster` program with it answers from a script instead of a
 * coordinator.
 *
 * $MUSTER_DOUBLE is a folder: KEY.0, KEY.1, ... are what is answered in turn (the last one for
 * ever), where KEY is the number of a request, or connect, wait, enrol. A file is an encoded Reply,
 * or "E", what fails (unreachable, local, usage, timeout, reply), a
 * line end and the sentence.
 * $MUSTER_DOUBLE_LOG gets a line of JSON for each call. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/muster.h"
#include "model/render.h"
#include "wire/codec.h"

struct muster_client {
    char *endpoint;
};

static char error_text[512];

static void broken(const char *what)
{
    fprintf(stderr, "double: %s\n", what);
    exit(99);
}

static int times_given(const char *key)
{
    static struct {
        char key[16];
        int n;
    } given[32];

    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        if (given[i].key[0] == '\0')
            snprintf(given[i].key, sizeof given[i].key, "%s", key);
        if (strcmp(given[i].key, key) == 0)
            return given[i].n++;
    }
    broken("too many kinds of calls");
    return 0;
}

/* The path of the next answer; false: the script has none. */
static bool next_path(const char *key, char *path, size_t n)
{
    const char *folder = getenv("MUSTER_DOUBLE");

    if (folder == NULL)
        broken("MUSTER_DOUBLE is not set");
    for (int i = times_given(key); i >= 0; i--) {
        snprintf(path, n, "%s/%s.%d", folder, key, i);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static int failure(const struct buf *b)
{
    static const struct {
        const char *word;
        int code;
    } codes[] = { { "unreachable", MUSTER_E_UNREACHABLE },
                  { "local", MUSTER_E_LOCAL },
                  { "usage", MUSTER_E_USAGE },
                  { "reply", MUSTER_E_REPLY },
                  { "timeout", -ETIMEDOUT } };
    const char *text = (const char *)b->p + 1, *line = strchr(text, '\n');

    snprintf(error_text, sizeof error_text, "%s", line != NULL ? line + 1 : "");
    for (size_t i = 0; line != NULL && i < ARRAY_LEN(codes); i++) {
        if (strncmp(text, codes[i].word, (size_t)(line - text)) == 0)
            return codes[i].code;
    }
    broken("an unknown failure");
    return 0;
}

enum { NOTHING = 100 };

/* What the script says next: a result of the library, or NOTHING. */
static int next(const char *key, struct muster_reply *out)
{
    struct buf b = { 0 };
    char path[4096], chunk[65536];
    FILE *f = next_path(key, path, sizeof path) ? fopen(path, "rb") : NULL;
    struct err e = { "" };
    void *reply = NULL;
    int rc;

    *out = (struct muster_reply){ NULL, NULL };
    if (f == NULL)
        return NOTHING;
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_add(&b, chunk, n);
    fclose(f);
    buf_cstr(&b);
    if (b.n > 0 && b.p[0] == 'E') {
        rc = failure(&b);
    } else {
        out->arena = arena_new(0);
        rc = wire_decode(&reply_desc, b.p, b.n, out->arena, &reply, &e);
        if (rc != 0)
            broken(e.text);
        out->reply = reply;
    }
    buf_deinit(&b);
    return rc;
}

static int next_failure(const char *key)
{
    struct muster_reply reply;
    int rc = next(key, &reply);

    muster_reply_free(&reply);
    return rc == NOTHING ? 0 : rc;
}

static void log_buf(struct buf *b)
{
    const char *path = getenv("MUSTER_DOUBLE_LOG");
    FILE *f = path != NULL ? fopen(path, "a") : NULL;

    if (f != NULL) {
        fprintf(f, "%s\n", buf_cstr(b));
        fclose(f);
    }
    buf_deinit(b);
}

/* ---- the library ---------------------------------------------------------------------------- */

int muster_connect(const struct muster_options *o, struct muster_client **out)
{
    struct buf b = { 0 };
    struct json j;
    int rc = next_failure("connect");

    json_init(&j, &b);
    json_object(&j, NULL);
    json_str(&j, "call", "connect");
    json_str(&j, "endpoint", o->endpoint);
    json_str(&j, "key_file", o->key_file);
    json_int(&j, "timeout_ms", o->timeout_ms);
    json_end_object(&j);
    log_buf(&b);
    *out = NULL;
    if (rc == 0) {
        *out = calloc(1, sizeof **out);
        (*out)->endpoint =
            strdup(o->endpoint != NULL ? o->endpoint : "ipc:///run/muster/test.sock");
    }
    return rc;
}

void muster_disconnect(struct muster_client *c)
{
    if (c != NULL)
        free(c->endpoint);
    free(c);
}

const char *muster_error(const struct muster_client *c)
{
    (void)c;
    return error_text;
}

const char *muster_endpoint(const struct muster_client *c)
{
    return c->endpoint;
}

void muster_reply_free(struct muster_reply *r)
{
    arena_free(r->arena);
    *r = (struct muster_reply){ NULL, NULL };
}

int muster_call(struct muster_client *c, const struct request *req, struct muster_reply *out)
{
    struct buf b = { 0 };
    struct json j;
    char key[24];
    int rc;

    (void)c;
    json_init(&j, &b);
    json_object(&j, NULL);
    json_str(&j, "call", "request");
    json_record(&j, &request_desc, req);
    json_end_object(&j);
    log_buf(&b);
    snprintf(key, sizeof key, "%" PRIu64, req->op);
    rc = next(key, out);
    if (rc == NOTHING)
        broken("the script has no reply to this request");
    if (rc != 0 || out->reply->code == REPLY_OK)
        return rc;
    snprintf(error_text, sizeof error_text, "%s", out->reply->text);
    return MUSTER_E_REPLY;
}

int muster_events(struct muster_client *c, uint64_t since, uint64_t limit, struct muster_reply *out)
{
    struct request req = { 0 };

    (void)limit;
    REC_SET(&req, request, op, OP_EVENTS);
    REC_SET(&req, request, since, since);
    return muster_call(c, &req, out);
}

int muster_wait(struct muster_client *c, uint64_t *generation, uint64_t *event_no,
                int64_t timeout_ms)
{
    struct muster_reply reply;
    int rc = next("wait", &reply);

    (void)c;
    (void)timeout_ms;
    if (rc == 0) {
        *generation = reply.reply->generation;
        *event_no = reply.reply->event_no;
    }
    muster_reply_free(&reply);
    return rc;
}

int muster_enrol(const struct muster_options *o, const char *token, const char *name,
                 struct muster_client **out)
{
    struct buf b = { 0 };
    struct json j;
    int rc = next_failure("enrol");

    json_init(&j, &b);
    json_object(&j, NULL);
    json_str(&j, "call", "enrol");
    json_str(&j, "token", token);
    json_str(&j, "name", name);
    json_end_object(&j);
    log_buf(&b);
    *out = NULL;
    return rc != 0 ? rc : muster_connect(o, out);
}
