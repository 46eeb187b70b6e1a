/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls, against a coordinator that answers late, wrongly, twice, or leaves in the middle. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "client/internal.h"
#include "peer.h"

static char *dir;
static char endpoint[96];
static struct peer peer;
static struct muster_client *client;

static struct muster_client *connect_with(int64_t timeout_ms)
{
    struct muster_options o = { .endpoint = endpoint, .timeout_ms = timeout_ms };
    struct muster_client *c;

    expect(muster_connect(&o, &c), 0, NULL);
    return c;
}

static void begin(const struct step *steps, int count)
{
    peer_script(&peer, steps, count);
    client = connect_with(LONG_MS);
}

#define BEGIN(...)                                      \
    static const struct step steps[] = { __VA_ARGS__ }; \
    begin(steps, (int)(sizeof steps / sizeof steps[0]))

static void end(void)
{
    muster_disconnect(client);
    client = NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void an_answer_comes_back(void)
{
    struct muster_reply r;

    BEGIN({ .kind = ANSWER });
    peer_figures(&peer, 42, 7);
    assert(strcmp(muster_endpoint(client), endpoint) == 0);
    expect(muster_snapshot(client, "network", &r), 0, client);
    assert(r.reply->generation == 42 && r.reply->event_no == 7 && r.reply->code == REPLY_OK);
    muster_reply_free(&r);
    assert(r.reply == NULL);
    muster_reply_free(&r);
    muster_reply_free(NULL);
    assert(peer_seen(&peer, 1) == 1 && peer.seen[0].op == OP_SNAPSHOT);
    assert(peer.seen[0].version == PROTOCOL_VERSION && peer.seen[0].correlation != 0);
    assert(strcmp(peer.seen[0].kind, "network") == 0);

    expect(muster_changes(client, NULL, 41, &r), 0, client);
    muster_reply_free(&r);
    expect(muster_events(client, 6, 100, &r), 0, client);
    muster_reply_free(&r);
    assert(peer_seen(&peer, 3) == 3);
    assert(peer.seen[1].op == OP_CHANGES && peer.seen[1].since == 41);
    assert(peer.seen[2].op == OP_EVENTS && peer.seen[2].since == 6);
    assert(peer.seen[0].correlation != peer.seen[1].correlation);
    end();
}

static void a_refusal_is_told(void)
{
    struct muster_reply r;

    BEGIN({ ANSWER, REPLY_RESYNC, "take a snapshot" }, { ANSWER, REPLY_FORBIDDEN, NULL });
    expect(muster_changes(client, NULL, 1, &r), MUSTER_E_REPLY, client);
    assert(r.reply != NULL && r.reply->code == REPLY_RESYNC);
    muster_reply_free(&r);
    expect_says(client, "take a snapshot");
    expect(ask(client, OP_RECOVER), MUSTER_E_REPLY, client);
    expect_says(client, "refused without a reason");
    expect(ask(client, OP_STATUS), 0, client);
    end();
}

/* Answers that are not one: the call fails, the next one works. */
static void what_is_no_answer(void)
{
    BEGIN({ .kind = GARBAGE }, { .kind = ANSWER }, { .kind = TWO_PARTS }, { .kind = ANSWER });
    expect(ask(client, OP_STATUS), MUSTER_E_UNREACHABLE, client);
    expect_says(client, "cannot be understood");
    expect(ask(client, OP_STATUS), 0, client);
    expect(ask(client, OP_STATUS), MUSTER_E_UNREACHABLE, client);
    expect_says(client, "more than one part");
    expect(ask(client, OP_STATUS), 0, client);
    assert(peer_seen(&peer, 4) == 4);
    end();
}

static void other_messages_on_the_way(void)
{
    BEGIN({ .kind = ANSWER }, { .kind = OLD_FIRST }, { .kind = HINT_FIRST });
    expect(ask(client, OP_STATUS), 0, client);
    expect(ask(client, OP_STATUS), 0, client);
    expect(ask(client, OP_STATUS), 0, client);
    end();
}

/* The coordinator drops a message unread, and says so without its correlation. */
static void dropped_unread(void)
{
    BEGIN({ UNASKED, REPLY_REFUSED, "slow down" });
    expect(ask(client, OP_NODE_RENAME), MUSTER_E_REPLY, client);
    expect_says(client, "slow down");
    end();
}

/* An answer that comes after its request was given up is not taken for that of the next one. */
static void a_late_answer(void)
{
    BEGIN({ .kind = ANSWER }, { .kind = SILENCE }, { OLD_FIRST, REPLY_NOT_FOUND, "this one" });
    expect(ask(client, OP_STATUS), 0, client); /* it is connected */
    limit(client, SHORT_MS);
    expect(ask(client, OP_STATUS), MUSTER_E_UNREACHABLE, client);
    expect_says(client, "did not answer within 2.0 s");
    assert(strstr(muster_error(client), "not known") == NULL);
    limit(client, LONG_MS);
    expect(ask(client, OP_STATUS), MUSTER_E_REPLY, client);
    expect_says(client, "this one");
    end();
}

static void a_request_too_large(void)
{
    static char text[LIMIT_STRING_BYTES + 1];
    const char *many[40];
    struct request req = { .present = 0 };
    struct muster_reply r;

    BEGIN({ .kind = ANSWER });
    memset(text, 'x', LIMIT_STRING_BYTES);
    for (int i = 0; i < 40; i++)
        many[i] = text;
    REC_SET(&req, request, op, OP_SNAPSHOT);
    REC_SET(&req, request, nodes, ((struct strs){ many, 40 }));
    expect(muster_call(client, &req, &r), MUSTER_E_LOCAL, client);
    expect_says(client, "over the limit of 65536");
    assert(r.reply == NULL && peer_seen(&peer, 0) == 0);
    expect(ask(client, OP_STATUS), 0, client);
    end();
}

/* ---- connections that break ----------------------------------------------------------------- */

static void questions_are_asked_again(void)
{
    BEGIN({ .kind = DROP }, { .kind = DROP }, { .kind = ANSWER });
    expect(ask(client, OP_STATUS), 0, client);
    assert(peer_seen(&peer, 3) == 3);
    for (int i = 0; i < 3; i++)
        assert(peer.seen[i].op == OP_STATUS);
    end();
}

/* Whatever becomes of it: the coordinator never hears of it twice. */
static void changes_are_sent_once(void)
{
    BEGIN({ .kind = DROP }, { .kind = ANSWER });
    expect(ask(client, OP_NODE_RENAME), MUSTER_E_UNREACHABLE, client);
    expect_says(client, "not known whether the request was done");
    expect(ask(client, OP_STATUS), 0, client);
    assert(peer_seen(&peer, 2) == 2 && peer.seen[1].op == OP_STATUS);
    end();
}

static void a_change_without_an_answer(void)
{
    BEGIN({ .kind = ANSWER }, { .kind = SILENCE });
    expect(ask(client, OP_STATUS), 0, client);
    limit(client, SHORT_MS);
    expect(ask(client, OP_NETWORK_DELETE), MUSTER_E_UNREACHABLE, client);
    expect_says(client, "not known whether the request was done");
    assert(peer_seen(&peer, 2) == 2);
    end();
}

/* What could not be sent in time is never done: not even when the coordinator comes back. */
static void a_change_to_nobody(void)
{
    BEGIN({ .kind = ANSWER }, { .kind = LEAVE }, { .kind = ANSWER });
    expect(ask(client, OP_STATUS), 0, client);
    limit(client, SHORT_MS);
    expect(ask(client, OP_STATUS), MUSTER_E_UNREACHABLE, client);
    expect_says(client, "broke and did not come back within 2.0 s");
    expect(ask(client, OP_NODE_FORGET), MUSTER_E_UNREACHABLE, client);
    expect_says(client, "cannot be reached");
    peer_return(&peer);
    end();
    client = connect_with(LONG_MS);
    expect(ask(client, OP_STATUS), 0, client);
    assert(peer_seen(&peer, 3) == 3 && peer.seen[2].op == OP_STATUS);
    end();
}

/* What becomes of the connection reaches the client a little later. */
static void hear_of_change(void)
{
    int rc = conn_wait(&client->conn, (mono_ms){ clock_mono().v + LONG_MS });

    assert(rc == CONN_STATE);
}

/* The coordinator has restarted while nothing was asked, long enough ago for the client's machine
 * to have heard of it: the next change goes to the new one, once, and is no failure. */
static void a_restart_between_two_calls(void)
{
    BEGIN({ .kind = ANSWER });
    expect(ask(client, OP_STATUS), 0, client);
    for (int i = 0; i < 20; i++) {
        uint64_t ups = client->conn.ups;

        peer_return(&peer);
        while (client->conn.ups == ups)
            hear_of_change();
        expect(ask(client, OP_NODE_RENAME), 0, client);
    }
    assert(peer_seen(&peer, 21) == 21);
    end();
}

/* It has left while nothing was asked, and is not back: nothing is saved up for it. */
static void gone_between_two_calls(void)
{
    struct step away[] = { { .kind = LEAVE } };
    struct muster_client *other = connect_with(LONG_MS);

    BEGIN({ .kind = ANSWER });
    expect(ask(client, OP_STATUS), 0, client);
    expect(ask(other, OP_STATUS), 0, other);
    peer_script(&peer, away, 1);
    expect(ask(other, OP_NODE_DRAIN), MUSTER_E_UNREACHABLE, other);
    muster_disconnect(other);
    while (client->conn.state == CONN_UP)
        hear_of_change();
    limit(client, SHORT_MS);
    expect(ask(client, OP_NODE_RENAME), MUSTER_E_UNREACHABLE, client);
    expect_says(client, "cannot be reached");
    limit(client, LONG_MS);
    peer_return(&peer);
    expect(ask(client, OP_STATUS), 0, client);
    assert(peer_seen(&peer, 2) == 2 && peer.seen[1].op == OP_STATUS);
    end();
}

/* ---- threads -------------------------------------------------------------------------------- */

static void *ask_a_lot(void *arg)
{
    struct muster_client *c = connect_with(LONG_MS);

    (void)arg;
    for (int i = 0; i < 200; i++) {
        struct muster_reply r;

        expect(muster_snapshot(c, NULL, &r), 0, c);
        muster_reply_free(&r);
    }
    muster_disconnect(c);
    return NULL;
}

static void a_connection_for_each_thread(void)
{
    pthread_t threads[4];

    peer_script(&peer, NULL, 0);
    for (int i = 0; i < 4; i++)
        assert(pthread_create(&threads[i], NULL, ask_a_lot, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert(peer_seen(&peer, 800) == 800);
}

int main(void)
{
    static void (*const tests[])(void) = {
        an_answer_comes_back,
        a_refusal_is_told,
        what_is_no_answer,
        other_messages_on_the_way,
        dropped_unread,
        a_late_answer,
        a_request_too_large,
        questions_are_asked_again,
        changes_are_sent_once,
        a_change_to_nobody,
        a_change_without_an_answer,
        a_restart_between_two_calls,
        gone_between_two_calls,
        a_connection_for_each_thread,
    };

    dir = test_dir();
    snprintf(endpoint, sizeof endpoint, "ipc://%s/client.sock", dir);
    peer_start(&peer, endpoint, NULL);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tests[i]();
    peer_stop(&peer);
    test_dir_remove(dir);
    printf("%zu stories\n", sizeof tests / sizeof tests[0]);
    return 0;
}
