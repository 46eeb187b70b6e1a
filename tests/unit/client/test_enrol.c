/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine becomes a client: keys that are kept, thrown away and never overwritten. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "wire/token.h"

#define SECRET "00112233445566778899aabbccddeeff"

static char *dir;
static char key_file[128], token[TOKEN_TEXT];
static struct peer peer;
static struct keypair server;

static int enrol(int64_t timeout_ms, const char *text, struct muster_client **out)
{
    struct muster_options o = { .endpoint = peer.endpoint,
                                .key_file = key_file,
                                .timeout_ms = timeout_ms };

    return muster_enrol(&o, text, "backup host", out);
}

static void begin(const struct step *steps, int count)
{
    static int number;

    peer_script(&peer, steps, count);
    snprintf(key_file, sizeof key_file, "%s/%d/new/client.key", dir, number++);
}

static bool file_is_there(void)
{
    return access(key_file, F_OK) == 0;
}

static struct keypair keys_in_file(void)
{
    struct keypair k;
    struct err e;
    pubkey s;

    if (keyfile_load(key_file, &k, &s, &e) != 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    assert(pubkey_eq(s, server.public_key));
    return k;
}

static void good(void)
{
    struct muster_options o = { .endpoint = peer.endpoint, .key_file = key_file };
    struct muster_client *c;
    char folder[128];
    struct stat st;

    umask(0);
    begin(NULL, 0);
    expect(enrol(LONG_MS, token, &c), 0, NULL);
    assert(peer_seen(&peer, 1) == 1 && peer.seen[0].op == OP_CLIENT_ENROL);
    assert(strcmp(peer.seen[0].secret, SECRET) == 0);
    assert(strcmp(peer.seen[0].name, "backup host") == 0);
    assert(stat(key_file, &st) == 0 && (st.st_mode & 07777) == 0600);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(key_file, '/') - key_file), key_file);
    assert(stat(folder, &st) == 0 && (st.st_mode & 07777) == 0700);
    keys_in_file();
    expect(ask(c, OP_STATUS), 0, c);
    muster_disconnect(c);

    expect(muster_connect(&o, &c), 0, NULL); /* from now on without the token */
    expect(ask(c, OP_STATUS), 0, c);
    muster_disconnect(c);
}

/* A refused key is of no use: nothing stays. */
static void refused(void)
{
    static const struct step steps[] = { { ANSWER, REPLY_REFUSED, "this token has expired" } };
    struct muster_client *c;

    begin(steps, 1);
    expect(enrol(LONG_MS, token, &c), MUSTER_E_REPLY, NULL);
    assert(c == NULL);
    expect_says(NULL, "this token has expired");
    assert(!file_is_there());
}

/* Without an answer the key may have been accepted, and the token is spent: the same call goes on
 * with the same key. */
static void without_an_answer(void)
{
    static const struct step steps[] = { { .kind = SILENCE } };
    struct muster_client *c;
    struct keypair first, second;

    begin(steps, 1);
    expect(enrol(FOUND_OUT_MS, token, &c), MUSTER_E_UNREACHABLE, NULL);
    assert(c == NULL && file_is_there());
    expect_says(NULL, "do the same once more");
    first = keys_in_file();
    expect(enrol(LONG_MS, token, &c), 0, NULL);
    second = keys_in_file();
    assert(memcmp(&first, &second, sizeof first) == 0);
    muster_disconnect(c);
}

/* What answers like that has not heard of the key: nothing stays. */
static void of_no_use(void)
{
    static const struct step nodes[] = { { .kind = TO_A_NODE } },
                             garbage[] = { { .kind = GARBAGE } };
    struct muster_client *c;

    begin(nodes, 1);
    expect(enrol(LONG_MS, token, &c), MUSTER_E_UNREACHABLE, NULL);
    expect_says(NULL, "is the coordinator's port for nodes (node_listen)");
    assert(!file_is_there());
    begin(garbage, 1);
    expect(enrol(LONG_MS, token, &c), MUSTER_E_UNREACHABLE, NULL);
    expect_says(NULL, "cannot be understood");
    assert(!file_is_there());
}

static void nobody_there(void)
{
    struct muster_options o = { .endpoint = "tcp://127.0.0.1:1",
                                .key_file = key_file,
                                .timeout_ms = SHORT_MS };
    struct muster_client *c;

    begin(NULL, 0);
    expect(muster_enrol(&o, token, NULL, &c), MUSTER_E_UNREACHABLE, NULL);
    expect_says(NULL, "nothing listens on");
    assert(!file_is_there());
}

/* The connection breaks: the same token by the same key is no fault, so that it is asked again. */
static void broken_in_the_middle(void)
{
    static const struct step steps[] = { { .kind = DROP } };
    struct muster_client *c;

    begin(steps, 1);
    expect(enrol(LONG_MS, token, &c), 0, NULL);
    assert(peer_seen(&peer, 2) == 2 && peer.seen[1].op == OP_CLIENT_ENROL);
    muster_disconnect(c);
}

/* A key file that is there is used or left alone, whatever comes of it. */
static void key_files_of_others(void)
{
    static const struct step steps[] = { { ANSWER, REPLY_REFUSED, "no" } };
    struct muster_client *c;
    struct keypair own, other, after;
    pubkey other_server = { { 7 } };
    struct err e;

    begin(steps, 1);
    keypair_new(&own);
    snprintf(key_file, sizeof key_file, "%s/own.key", dir);
    assert(keyfile_save(key_file, &own, &server.public_key, &e) == 0);
    expect(enrol(LONG_MS, token, &c), MUSTER_E_REPLY, NULL);
    after = keys_in_file();
    assert(memcmp(&own, &after, sizeof own) == 0);

    keypair_new(&other);
    assert(keyfile_save(key_file, &other, &other_server, &e) == 0);
    expect(enrol(LONG_MS, token, &c), MUSTER_E_LOCAL, NULL);
    expect_says(NULL, "is a key for another coordinator");
    assert(chmod(key_file, 0644) == 0);
    expect(enrol(LONG_MS, token, &c), MUSTER_E_LOCAL, NULL);
    expect_says(NULL, "chmod 600");
    assert(file_is_there() && peer_seen(&peer, 1) == 1);
}

static void bad_tokens(void)
{
    static const char *const texts[] = { "", "m1", "m1.abc.def", SECRET };
    struct muster_client *c;

    begin(NULL, 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect(enrol(LONG_MS, texts[i], &c), MUSTER_E_LOCAL, NULL);
        assert(c == NULL && !file_is_there());
        assert(strstr(muster_error(NULL), SECRET) == NULL);
    }
}

/* The token names another coordinator than the one that listens there. */
static void another_coordinator(void)
{
    struct keypair other;
    uint8_t secret[16] = { 1 };
    char text[TOKEN_TEXT];
    struct muster_client *c;

    begin(NULL, 0);
    keypair_new(&other);
    expect(enrol(FOUND_OUT_MS, token_format(other.public_key, secret, text), &c),
           MUSTER_E_UNREACHABLE, NULL);
    expect_says(NULL, "is not the coordinator that the key names");
    assert(peer_seen(&peer, 0) == 0 && !file_is_there());
}

static void where_no_file_can_be(void)
{
    struct muster_client *c;

    begin(NULL, 0);
    snprintf(key_file, sizeof key_file, "/dev/null/client.key");
    expect(enrol(LONG_MS, token, &c), MUSTER_E_LOCAL, NULL);
    expect_says(NULL, "/dev/null");
    assert(peer_seen(&peer, 0) == 0);
}

static void no_need_on_this_host(void)
{
    struct muster_options o = { .endpoint = "ipc:///run/muster/client.sock" };
    struct muster_client *c;

    expect(muster_enrol(&o, token, NULL, &c), MUSTER_E_USAGE, NULL);
    expect_says(NULL, "needs no enrolment");
}

int main(void)
{
    static void (*const tests[])(void) = {
        good,
        refused,
        bad_tokens,
        without_an_answer,
        of_no_use,
        nobody_there,
        no_need_on_this_host,
        broken_in_the_middle,
        key_files_of_others,
        another_coordinator,
        where_no_file_can_be,
    };
    static const uint8_t secret[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                        0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };

    dir = test_dir();
    keypair_new(&server);
    token_format(server.public_key, secret, token);
    peer_start(&peer, "tcp://127.0.0.1:0", &server);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tests[i]();
    peer_stop(&peer);
    test_dir_remove(dir);
    printf("%zu stories\n", sizeof tests / sizeof tests[0]);
    return 0;
}
