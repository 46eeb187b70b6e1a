/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A running coordinator whose disk fails: nothing is acknowledged that is not durable, questions
 * are answered from what is, and all goes on by itself when the disk works again. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"
#include "vfs_fault.h"

enum { MOST_TRIES = 2000 };

static struct told ask(struct lab *l, enum client_op op, const char *node)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    if (node != NULL)
        REC_SET(&req, request, node, node);
    return lab_ask(l, &req);
}

static bool mode_is(struct lab *l, const char *mode)
{
    struct told t = ask(l, OP_STATUS, NULL);
    bool is = strcmp(t.reply->status->mode, mode) == 0;

    assert(t.reply->code == REPLY_OK);
    assert(is == false || strcmp(mode, "normal") == 0 || t.reply->status->mode_text != NULL);
    told_free(&t);
    return is;
}

static void wait_for_mode(struct lab *l, const char *mode)
{
    mono_ms until = { clock_mono().v + LAB_LIMIT_MS };

    while (!mode_is(l, mode))
        assert(clock_mono().v < until.v);
}

static char *name_of(char *out, const char *what, unsigned n)
{
    snprintf(out, 32, "%.16s-%u", what, n);
    return out;
}

/* After a failed commit the core has been loaded anew, as at a start: the node registers. */
static void register_again(struct peer_node *node)
{
    struct buf b = node_heartbeat(node);

    node_raw(node, b.p, b.n);
    buf_deinit(&b);
    assert(node_refusal(node) == REFUSE_NOT_REGISTERED);
    node_register(node);
}

/* By the core and by the reader's thread. */
static void questions_are_answered(struct lab *l, struct peer_node *node)
{
    struct told t = ask(l, OP_NODE_SHOW, "node-1");

    assert(t.reply->code == REPLY_OK && t.reply->sections.n == 1);
    told_free(&t);
    t = ask(l, OP_EVENTS, NULL);
    assert(t.reply->code == REPLY_OK && t.reply->events.n > 0);
    told_free(&t);
    node_beat(node);
}

static void report(struct peer_node *node, bool up, bool accepted)
{
    struct buf b = node_report(node, up);

    node_raw(node, b.p, b.n);
    buf_deinit(&b);
    if (accepted)
        assert(node_hear(node, LAB_LIMIT_MS) != NULL && node->answer->report_ack != NULL);
    else
        assert(node_refusal(node) == REFUSE_BUSY);
}

/* Defines networks until one is refused. Returns how many were acknowledged. */
static unsigned define_until_refused(struct lab *l, const char *what)
{
    char name[32];

    for (unsigned i = 0; i < MOST_TRIES; i++) {
        enum reply_code code = lab_define(l, name_of(name, what, i));

        if (code == REPLY_READ_ONLY)
            return i;
        assert(code == REPLY_OK);
    }
    assert(false); /* the disk never failed */
    return 0;
}

static void fail_and_recover(struct lab *l, struct peer_node *node, enum fault fault,
                             unsigned *acknowledged)
{
    char what[32], name[32];

    name_of(what, "fault", fault);
    vfs_fault_arm(fault, 1, true);
    *acknowledged = define_until_refused(l, what);
    assert(vfs_fault_fired() && mode_is(l, "read-only"));
    assert(!lab_is_defined(l, name_of(name, what, *acknowledged)));
    register_again(node);
    questions_are_answered(l, node);
    report(node, true, false);
    assert(lab_define(l, "refused") == REPLY_READ_ONLY);
    vfs_fault_heal();
    wait_for_mode(l, "normal");
    report(node, false, true);
    assert(lab_define(l, name_of(name, "after", fault)) == REPLY_OK);
    printf("%s: %u acknowledged before it failed\n", vfs_fault_name(fault), *acknowledged);
}

/* All that was acknowledged, and nothing of what was refused, is in the database. */
static void check_durable(struct lab *l, enum fault fault, unsigned acknowledged)
{
    char what[32], name[32], next[32];

    name_of(what, "fault", fault);
    if (acknowledged > 0)
        assert(lab_is_defined(l, name_of(name, what, acknowledged - 1)));
    assert(!lab_is_defined(l, name_of(next, what, acknowledged)));
    assert(!lab_is_defined(l, "refused"));
    assert(lab_is_defined(l, name_of(name, "after", fault)));
}

/* Questions that came in one batch with a change that could not be stored are answered; only the
 * change is refused. */
static void questions_beside_a_failure(struct lab *l)
{
    enum { PAIRS = 25 };
    struct request status = { 0 }, define = { 0 };
    const char *match[] = { "*/none" };

    REC_SET(&status, request, op, OP_STATUS);
    REC_SET(&define, request, op, OP_NETWORK_DEFINE);
    REC_SET(&define, request, name, "beside");
    REC_SET(&define, request, matches, ((struct strs){ match, 1 }));
    vfs_fault_arm(FAULT_WRITE_EIO, 1, true);
    for (unsigned i = 0; i < PAIRS; i++) {
        lab_send(l, &define);
        lab_send(l, &status);
    }
    for (unsigned i = 0; i < 2 * PAIRS; i++) {
        struct told t = lab_hear(l);

        assert(t.reply->code ==
               (t.reply->correlation % 2 == l->last % 2 ? REPLY_OK : REPLY_READ_ONLY));
        told_free(&t);
    }
    vfs_fault_heal();
    wait_for_mode(l, "normal");
    assert(!lab_is_defined(l, "beside"));
}

static const enum fault faults[] = { FAULT_WRITE_EIO, FAULT_WRITE_SHORT, FAULT_WRITE_FULL,
                                     FAULT_EXTEND_FULL };

static void disk_that_fails_and_heals(void)
{
    unsigned acknowledged[ARRAY_LEN(faults)];
    struct peer_node node;
    struct lab l;

    lab_init(&l);
    lab_start(&l, VFS_FAULT);
    node_init(&node, &l, 1);
    node_join(&node);
    report(&node, true, true);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        fail_and_recover(&l, &node, faults[i], &acknowledged[i]);
    node_deinit(&node);
    questions_beside_a_failure(&l);
    lab_stop(&l);
    lab_start(&l, NULL);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        check_durable(&l, faults[i], acknowledged[i]);
    lab_deinit(&l);
}

/* ---- a sync that fails ---------------------------------------------------------------------- */

/* Nobody knows what is durable then: the process ends, and acknowledges nothing. */
static void until_a_sync_fails(struct lab *l)
{
    lab_start(l, VFS_FAULT);
    assert(lab_define(l, "before") == REPLY_OK);
    vfs_fault_arm(FAULT_SYNC, 1, true);
    lab_define(l, "during"); /* the answer does not come: this process is no more */
    _exit(42);
}

static void sync_that_fails(void)
{
    struct lab l;
    int status;
    pid_t pid;

    lab_init(&l);
    zmq_ctx_term(l.ctx); /* its threads do not live on in a child */
    fflush(stdout);
    pid = fork();
    assert(pid >= 0);
    l.ctx = zmq_ctx_new();
    if (pid == 0)
        until_a_sync_fails(&l);
    assert(waitpid(pid, &status, 0) == pid);
    assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    lab_start(&l, NULL);
    assert(lab_is_defined(&l, "before"));
    assert(lab_define(&l, "after") == REPLY_OK);
    lab_deinit(&l);
    printf("sync: the process ended, and the next one goes on\n");
}

int main(void)
{
    vfs_fault_register();
    sync_that_fails();
    disk_that_fails_and_heals();
    return 0;
}
