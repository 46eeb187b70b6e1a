/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong before anything is said: endpoints, key files, and who listens there. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

static char *dir;
static char path[96], endpoint[128];

static struct muster_client *connect_within(const char *where, const char *key_file, int64_t ms)
{
    struct muster_options o = { .endpoint = where, .key_file = key_file, .timeout_ms = ms };
    struct muster_client *c;

    expect(muster_connect(&o, &c), 0, NULL);
    return c;
}

static struct muster_client *connect_to(const char *where, const char *key_file)
{
    return connect_within(where, key_file, SHORT_MS);
}

static void cannot_connect(const struct muster_options *o, int code, const char *part)
{
    struct muster_client *c;

    expect(muster_connect(o, &c), code, NULL);
    assert(c == NULL);
    expect_says(NULL, part);
}

static void expect_unreachable(struct muster_client *c, const char *part)
{
    expect(ask(c, OP_STATUS), MUSTER_E_UNREACHABLE, c);
    expect_says(c, part);
    muster_disconnect(c);
}

static void bad_endpoints(void)
{
    cannot_connect(&(struct muster_options){ .endpoint = "7411" }, MUSTER_E_USAGE,
                   "write ipc://PATH or tcp://");
    cannot_connect(&(struct muster_options){ .endpoint = "tcp://h" }, MUSTER_E_USAGE,
                   "write tcp://HOST:PORT");
    muster_disconnect(NULL);
}

static void which_endpoint(void)
{
    struct muster_client *c;

    setenv("MUSTER_CONNECT", "ipc:///from/the/environment", 1);
    expect(muster_connect(NULL, &c), 0, NULL);
    assert(strcmp(muster_endpoint(c), "ipc:///from/the/environment") == 0);
    muster_disconnect(c);
    c = connect_to("ipc:///given", NULL);
    assert(strcmp(muster_endpoint(c), "ipc:///given") == 0);
    muster_disconnect(c);
    setenv("MUSTER_CONNECT", "", 1);
    expect(muster_connect(NULL, &c), 0, NULL);
    assert(strcmp(muster_endpoint(c), "ipc:///run/muster/client.sock") == 0);
    muster_disconnect(c);
    unsetenv("MUSTER_CONNECT");
}

/* Without a name the key file is in the user's home. */
static void key_files(void)
{
    struct muster_options o = { .endpoint = "tcp://127.0.0.1:7411" };
    char sentence[256], file[160];
    struct keypair own;
    struct err e;

    setenv("HOME", dir, 1);
    snprintf(sentence, sizeof sentence,
             "there is no key file %s/.config/muster/client.key; a connection over tcp needs one, "
             "which 'muster enrol' makes",
             dir);
    cannot_connect(&o, MUSTER_E_LOCAL, sentence);
    snprintf(file, sizeof file, "%s/observer.key", dir);
    o.key_file = file;
    keypair_new(&own);
    assert(keyfile_save(file, &own, NULL, &e) == 0);
    cannot_connect(&o, MUSTER_E_LOCAL, "secret and server");
    assert(chmod(file, 0644) == 0);
    cannot_connect(&o, MUSTER_E_LOCAL, "chmod 600");
}

static void nobody_there(void)
{
    char sentence[160];

    snprintf(sentence, sizeof sentence, "there is no socket %s", path);
    expect_unreachable(connect_to(endpoint, NULL), sentence);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    expect_unreachable(connect_to(endpoint, NULL), "nothing listens on");
    unlink(path);
}

/* Who is not there is not waited for as long as an answer would be. */
static void absent_is_told_early(void)
{
    struct muster_options o = { .endpoint = endpoint,
                                .timeout_ms = LONG_MS,
                                .connect_ms = SHORT_MS };
    mono_ms begin = clock_mono();
    struct muster_client *c;

    expect(muster_connect(&o, &c), 0, NULL);
    expect_unreachable(c, "there is no socket");
    assert(mono_since(clock_mono(), begin) < LONG_MS);
}

static int listen_at(const char *where)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(addr.sun_path, where, strlen(where) + 1);
    assert(bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 && listen(fd, 8) == 0);
    return fd;
}

static void *say_something_else(void *arg)
{
    int listener = *(int *)arg;

    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            return NULL; /* the listener was shut down */
        send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL); /* if it is there still */
        close(fd);
    }
}

/* A socket that says nothing, as that of a coordinator that was stopped; and one of another
 * program, that says something else. */
static void somebody_else_there(void)
{
    int listener = listen_at(path);
    pthread_t thread;

    expect_unreachable(connect_to(endpoint, NULL), "does not answer: it is stopped or overloaded");
    assert(pthread_create(&thread, NULL, say_something_else, &listener) == 0);
    expect_unreachable(connect_within(endpoint, NULL, FOUND_OUT_MS), "is not a coordinator");
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    unlink(path);
}

static void another_coordinator(void)
{
    struct keypair server, own;
    pubkey wrong = { { 9 } };
    char file[160];
    struct peer peer;
    struct err e;

    keypair_new(&server);
    keypair_new(&own);
    snprintf(file, sizeof file, "%s/client.key", dir);
    assert(keyfile_save(file, &own, &wrong, &e) == 0);
    peer_start(&peer, "tcp://127.0.0.1:0", &server);
    expect_unreachable(connect_within(peer.endpoint, file, FOUND_OUT_MS),
                       "not the coordinator that the key names");
    assert(keyfile_save(file, &own, &server.public_key, &e) == 0);
    for (int i = 0; i < 2; i++) {
        struct muster_client *c = connect_within(peer.endpoint, file, LONG_MS);

        expect(ask(c, OP_STATUS), 0, c);
        muster_disconnect(c);
    }
    peer_stop(&peer);
}

/* RFC 6761: .invalid is never found. */
static void no_such_host(void)
{
    struct keypair own;
    char file[160];
    struct err e;

    keypair_new(&own);
    snprintf(file, sizeof file, "%s/some.key", dir);
    assert(keyfile_save(file, &own, &own.public_key, &e) == 0);
    expect_unreachable(connect_to("tcp://coordinator.invalid:7412", file),
                       "the host coordinator.invalid of tcp://coordinator.invalid:7412 cannot be "
                       "found: ");
}

/* In a process of its own, since it gives up its rights. */
static void in_the_name_of_nobody(void)
{
    if (setgid(65534) != 0 || setuid(65534) != 0)
        abort();
    expect_unreachable(connect_to(endpoint, NULL), "only its owner may");
    exit(0);
}

static void not_for_this_user(void)
{
    int listener = listen_at(path), status;
    pid_t pid;

    assert(chmod(path, 0600) == 0 && chmod(dir, 0755) == 0);
    pid = fork();
    if (pid == 0)
        in_the_name_of_nobody();
    assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(listener);
    unlink(path);
}

int main(void)
{
    static void (*const tests[])(void) = {
        bad_endpoints,        which_endpoint,      key_files,           nobody_there,
        absent_is_told_early, somebody_else_there, another_coordinator, no_such_host,
    };

    dir = test_dir();
    snprintf(path, sizeof path, "%s/client.sock", dir);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    if (geteuid() == 0)
        not_for_this_user(); /* first, before there are threads */
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tests[i]();
    test_dir_remove(dir);
    printf("%zu stories\n", sizeof tests / sizeof tests[0]);
    return 0;
}
