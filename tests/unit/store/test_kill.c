/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kill -9 at any moment: what was acknowledged is there, and nothing else but the batch in flight.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "script.h"
#include "store_internal.h"

#define BATCH 20

/* In the child: commits from `from` on, and tells of each that is acknowledged. */
static void commit_for_ever(const struct store_options *o, uint64_t seed, uint32_t from, int out)
{
    struct arena *a = arena_new(0);
    struct store *s = NULL;
    struct err e;

    if (store_open(o, &s, &e) != 0 || store_init_identity(s, script_db_id, &e) != 0)
        _exit(2);
    s->checkpoint_pages = 30;
    for (uint32_t i = from;; i++) {
        arena_reset(a);
        if (store_commit(s, script_batch(seed, i, BATCH, a), &e) != 0)
            _exit(3);
        if (store_pack(s, 2, &e) != 0)
            _exit(5);
        if (write(out, &i, sizeof i) != sizeof i)
            _exit(4);
    }
}

/* Kills the child after `after` acknowledgements. Returns the count of batches acknowledged. */
static uint32_t run_and_kill(const struct store_options *o, uint64_t seed, uint32_t from,
                             uint32_t after)
{
    uint32_t acked = from, i;
    int fds[2], status;
    pid_t pid;

    cr_assert(pipe(fds) == 0);
    pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        commit_for_ever(o, seed, from, fds[1]);
    }
    close(fds[1]);
    while (acked < from + after && read(fds[0], &i, sizeof i) == sizeof i)
        acked = i + 1;
    kill(pid, SIGKILL);
    while (read(fds[0], &i, sizeof i) == sizeof i)
        acked = i + 1;
    close(fds[0]);
    cr_assert(waitpid(pid, &status, 0) == pid);
    cr_assert(WIFSIGNALED(status), "the child ended by itself: %d", WEXITSTATUS(status));
    return acked;
}

static void advance(struct model *m, uint64_t seed, uint32_t *at, uint32_t to)
{
    struct arena *a = arena_new(0);

    for (; *at < to; (*at)++)
        model_apply_all(m, script_batch(seed, *at, BATCH, a));
    arena_free(a);
}

static char *state_after_kill(const struct store_options *o)
{
    struct store *s = NULL;
    struct err e;
    char *text;

    cr_assert(store_open(o, &s, &e) == 0, "%s", e.text);
    cr_assert(store_init_identity(s, script_db_id, &e) == 0, "%s", e.text);
    text = database_text(s, o, &e);
    cr_assert(text != NULL, "%s", e.text);
    store_close(s);
    return text;
}

Test(kill, nothing_acknowledged_is_lost)
{
    uint64_t seed = random_seed();
    uint32_t rounds = getenv("MUSTER_LONG") != NULL ? 1000 : 60, at = 0, in_flight = 0;
    uint64_t r = seed;
    struct model *m = model_new();
    struct change first = { .type = CHANGE_META };
    char *dir = temp_dir();
    struct store_options o = { .dir = dir };

    first.meta = (struct meta_row){ .db_id = script_db_id,
                                    .epoch = 1,
                                    .next_node_no = 1,
                                    .next_resource_no = 1,
                                    .next_task_no = 1 };
    model_apply(m, &first);
    for (uint32_t i = 0; i < rounds; i++) {
        uint32_t acked = run_and_kill(&o, seed, at, (uint32_t)random_below(&r, 12));
        char *text = state_after_kill(&o), *wanted;

        advance(m, seed, &at, acked);
        wanted = model_text(m);
        if (strcmp(text, wanted) != 0) {
            advance(m, seed, &at, acked + 1);
            free(wanted);
            wanted = model_text(m);
            in_flight++;
        }
        cr_assert(strcmp(text, wanted) == 0, "seed %llu, round %u: not as after batch %u or %u",
                  (unsigned long long)seed, i, acked, acked + 1);
        free(wanted);
        free(text);
    }
    fprintf(stderr, "# %u kills, %u batches, %u in flight and durable\n", rounds, at, in_flight);
    model_free(m);
    temp_remove(dir);
}
