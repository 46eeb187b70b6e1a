/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This machine becomes a remote client. */
#include "nouns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/token.h"

#define ROOM (TOKEN_TEXT + 16)

static void done_text(struct text *t, const void *data)
{
    const struct run *r = data;
    const char *key = option_value(r, "key-file");

    text_line(t, "This machine is a client of the coordinator at %s now.",
              muster_endpoint(r->client));
    text_line(t, "Next: muster --connect %s%s%s status", muster_endpoint(r->client),
              key != NULL ? " --key-file " : "", key != NULL ? typed(t, key) : "");
    text_line(t, "With MUSTER_CONNECT=%s in the environment --connect is not needed.",
              muster_endpoint(r->client));
}

static void done_json(struct json *j, const void *data)
{
    const struct run *r = data;

    json_str(j, "endpoint", muster_endpoint(r->client));
}

/* The file's only word into `token`; it must be the user's own. */
static int read_token(struct run *r, const char *path, char *token)
{
    bool piped = strcmp(path, "-") == 0;
    int fd = piped ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    size_t n = 0;
    ssize_t got = 1;

    if (fd < 0 || fstat(fd, &st) != 0)
        return fail(r, "local", NULL, "the token file %s cannot be read: %s", path,
                    strerror(errno));
    if (!piped && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0) {
        close(fd);
        return fail(r, "local",
                    "The token may have been seen. A new one, on the coordinator's machine: muster "
                    "token create --role observer",
                    "the token file %s can be read by others (mode %04o); it must be 0600", path,
                    (unsigned)(st.st_mode & 07777));
    }
    while (got > 0 && n < ROOM - 1) {
        got = read(fd, token + n, ROOM - 1 - n);
        if (got > 0)
            n += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    if (!piped)
        close(fd);
    if (got < 0)
        return fail(r, "local", NULL, "the token file %s cannot be read: %s", path,
                    strerror(errno));
    while (n > 0 && strchr(" \t\r\n", token[n - 1]) != NULL)
        n--;
    token[n] = '\0';
    return 0;
}

static int enrol(struct run *r, const char *token)
{
    const char *name = option_value(r, "name");
    char host[65] = "client";
    int rc;

    if (name == NULL) {
        gethostname(host, sizeof host - 1);
        name = host;
    }
    rc = muster_enrol(&r->connect, token, name, &r->client);
    if (rc == MUSTER_E_REPLY)
        return fail(r, "refused",
                    "A token serves once. Another one, on the coordinator's machine: muster token "
                    "create --role observer",
                    "%s", muster_error(NULL));
    return rc == 0 ? 0 : ask_failed(r, rc, NULL);
}

static int handle(struct run *r)
{
    static const struct view view = { done_text, done_json };
    const char *path = option_value(r, "token-file");
    char token[ROOM];
    int rc;

    if (path == NULL)
        return fail(r, "usage", "On the coordinator's machine: muster token create --role observer",
                    "say where the token is: --token-file FILE");
    rc = read_token(r, path, token);
    if (rc == 0)
        rc = enrol(r, token);
    explicit_bzero(token, sizeof token);
    return rc != 0 ? rc : show(r, &view, r);
}

static const struct option options[] = {
    { 0, "token-file", "FILE", false,
      "the token, in a file that only you can read; - reads it from stdin" },
    { 0, "name", "NAME", false, "what this client is called in events (default: the host name)" },
    { 0 },
};

const struct command enrol_command = {
    .noun = "enrol",
    .needs = "--token-file FILE",
    .summary = "make this machine a client of a remote coordinator",
    .about = "Makes a key pair, kept in --key-file (0600, never overwritten), and has the "
             "coordinator accept it in exchange for a token of role observer or operator. From "
             "then on commands over tcp use that key. The coordinator must allow remote clients: "
             "client_listen in coordinator.conf(5).",
    .example = "muster --connect tcp://10.0.0.5:7412 enrol --token-file token\n"
               "ssh 10.0.0.5 muster token create --role observer |\n"
               "    muster --connect tcp://10.0.0.5:7412 enrol --token-file -",
    .options = options,
    .handle = handle,
};
