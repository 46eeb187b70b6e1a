/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading labels of many devices, of which some never answer: an opener that stops its child stands
 * for them, and image files for the others. A device that outlives SIGKILL is in labels.py. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collect/read_label_memory.h"

enum { LIMIT_MS = 3000, IMAGE_BYTES = 256 << 10, MANY = 520, TIMES = 5 };

static struct arena *a;
static struct label_memory memory;
static struct label_device devices[MANY];
static struct label_answer answers[MANY];
static size_t count;
static bool all_answer; /* those that hang, too */
static char image[] = "/tmp/muster-label-XXXXXX";

/* Which children were asked, of all that ever ran; in memory that they share. */
static struct {
    pid_t v[MANY];
    size_t n;
} * askers;

static void write_swap(int fd)
{
    static uint8_t head[4096];

    head[1024] = 1;
    head[1028] = IMAGE_BYTES / 4096 - 1;
    memcpy(head + 4086, "SWAPSPACE2", 10);
    cr_assert_eq(pwrite(fd, head, sizeof head, 0), sizeof head);
    cr_assert_eq(ftruncate(fd, IMAGE_BYTES), 0);
}

static void set_up(void)
{
    int fd = mkstemp(image);

    cr_assert_geq(fd, 0);
    write_swap(fd);
    close(fd);
    askers = mmap(NULL, sizeof *askers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(askers, MAP_FAILED);
    a = arena_new(0);
}

static void tear_down(void)
{
    unlink(image);
    arena_free(a);
}

TestSuite(read_label, .init = set_up, .fini = tear_down, .timeout = 300);

static void note_asker(void)
{
    for (size_t i = 0; i < askers->n; i++) {
        if (askers->v[i] == getpid())
            return;
    }
    if (askers->n < MANY)
        askers->v[askers->n++] = getpid();
}

/* In the child: by the first letter of the path. */
static int open_any(const struct label_device *d, struct label_source *out)
{
    note_asker();
    if (d->path[0] == 'h' && !all_answer)
        raise(SIGSTOP);
    if (d->path[0] == 'f')
        return -EIO;
    if (d->path[0] == 'd')
        _exit(0);
    if (d->path[0] == 'c') { /* it lives on, and nobody hears of it any more */
        close(0);
        pause();
    }
    out->fd = open(image, O_RDONLY | O_CLOEXEC);
    out->size_bytes = d->path[0] == 's' ? 2 * IMAGE_BYTES : IMAGE_BYTES; /* says more than it has */
    out->sector_bytes = 512;
    return out->fd < 0 ? -errno : 0;
}

static void add(const char *path, size_t n)
{
    for (size_t i = 0; i < n; i++, count++)
        devices[count] = (struct label_device){ .path = path, .devnum = 100 + count };
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How long it took. */
static int64_t read_all(void)
{
    int64_t start = now_ms();
    struct err e = { "" };

    cr_assert_eq(read_labels(devices, count, open_any, LIMIT_MS, &memory, a, answers, &e), 0, "%s",
                 e.text);
    return now_ms() - start;
}

/* Nothing is waited for. Again where all of this machine stood still for as long. */
static void read_at_once(void)
{
    int64_t took = INT64_MAX;

    for (int i = 0; i < TIMES && took >= LIMIT_MS; i++)
        took = read_all();
    cr_assert_lt(took, LIMIT_MS);
}

static size_t count_status(enum label_status status)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += answers[i].status == status;
    return n;
}

/* A killed child may take a while to end, and its device is not asked before. */
static void reap(void)
{
    for (size_t i = 0; i < memory.n; i++) {
        if (memory.v[i].pid != 0)
            waitpid(memory.v[i].pid, NULL, 0);
    }
}

static int count_descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

Test(read_label, one_hangs_and_500_are_read)
{
    int64_t before = now_ms(), took;
    int descriptors = count_descriptors();

    add("hangs", 1);
    add("good", 500);
    took = read_all();
    cr_assert_eq(count_status(LABEL_READ), 500);
    cr_assert_str_eq(answers[500].label.type, "swap");
    cr_assert_eq(answers[500].size_bytes, IMAGE_BYTES);
    cr_assert_eq(answers[500].label.superblock.size_bytes.v, IMAGE_BYTES);
    cr_assert_eq(answers[0].status, LABEL_STUCK);
    cr_assert_str_eq(answers[0].text, "hangs does not answer");
    cr_assert_geq(answers[0].since.v, before);
    cr_assert_leq(answers[0].since.v, before + took - LIMIT_MS);
    cr_assert_eq(memory.n, 1);
    cr_assert_eq(count_descriptors(), descriptors);
    reap();
}

Test(read_label, stuck_since_the_first_time_until_it_answers)
{
    mono_ms since;

    add("hangs", 1);
    read_all();
    since = answers[0].since;
    for (int i = 0; i < 2; i++) {
        reap();
        read_all();
        cr_assert_eq(answers[0].status, LABEL_STUCK);
        cr_assert_eq(answers[0].since.v, since.v);
    }
    reap();
    all_answer = true;
    read_all();
    cr_assert_eq(answers[0].status, LABEL_READ);
    cr_assert_eq(memory.n, 0);
    all_answer = false;
    read_all();
    cr_assert_gt(answers[0].since.v, since.v);
    reap();
}

static uint64_t started(pid_t pid)
{
    char path[64], text[1024] = "";
    uint64_t v = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    cr_assert_not_null(f);
    cr_assert_gt(fread(text, 1, sizeof text - 1, f), 0);
    fclose(f);
    cr_assert_eq(sscanf(strrchr(text, ')') + 2,
                        "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
                        "%*d %lu",
                        &v),
                 1);
    return v;
}

/* This process stands for a child that cannot be killed. */
Test(read_label, a_device_whose_child_lives_is_not_asked)
{
    add("good", 1);
    memory.n = 1;
    memory.v[0] = (struct label_stuck){ .devnum = devices[0].devnum,
                                        .since = { 5 },
                                        .pid = getpid(),
                                        .pid_started = started(getpid()) };
    read_at_once();
    cr_assert_eq(answers[0].status, LABEL_STUCK);
    cr_assert_eq(answers[0].since.v, 5);
    memory.v[0].pid_started++; /* the pid is another's by now */
    read_all();
    cr_assert_eq(answers[0].status, LABEL_READ);
    cr_assert_eq(memory.n, 0);
}

Test(read_label, devices_that_went_away_are_forgotten_when_nobody_waits_for_them)
{
    memory.n = 2;
    memory.v[0] = (struct label_stuck){ .devnum = 1 };
    memory.v[1] =
        (struct label_stuck){ .devnum = 2, .pid = getpid(), .pid_started = started(getpid()) };
    add("good", 1);
    read_all();
    cr_assert_eq(memory.n, 1);
    cr_assert_eq(memory.v[0].devnum, 2);
}

Test(read_label, hundreds_that_hang_delay_the_rest_but_little)
{
    int64_t took = INT64_MAX;

    add("hangs", 300);
    add("good", 200);
    for (int i = 0; i < TIMES && took >= 8 * LIMIT_MS; i++) {
        memory.n = 0;
        took = read_all();
        cr_assert_eq(count_status(LABEL_STUCK), 300);
        cr_assert_eq(count_status(LABEL_READ), 200);
        cr_assert_eq(memory.n, 300);
        reap();
    }
    /* In groups of LABEL_AT_ONCE it would be ten times the limit. */
    cr_assert_lt(took, 8 * LIMIT_MS, "%lld ms", (long long)took);
}

/* All of them as if abandoned and alive: none may be asked, and nothing is waited for. */
Test(read_label, no_more_children_than_there_may_be)
{
    add("good", 2);
    memory.n = LABEL_CHILDREN_MAX;
    for (size_t i = 0; i < memory.n; i++)
        memory.v[i] = (struct label_stuck){ .devnum = 5000 + i,
                                            .pid = getpid(),
                                            .pid_started = started(getpid()) };
    read_at_once();
    cr_assert_eq(count_status(LABEL_SKIPPED), 2);
    cr_assert_str_eq(answers[0].text, "good was not asked: too many devices do not answer");
    memory.n--;
    memory.v[0].pid_started++;
    read_all();
    cr_assert_eq(count_status(LABEL_READ), 2);
}

Test(read_label, a_full_memory_forgets_what_no_child_waits_for)
{
    memory.n = LABEL_STUCK_MAX;
    for (size_t i = 0; i < memory.n; i++)
        memory.v[i] = (struct label_stuck){ .devnum = 5000 + i, .pid = i == 77 ? 0 : 1 };
    cr_assert_eq(label_memory_put(&memory, 1, (mono_ms){ 7 }, 0, true).v, 7);
    cr_assert_eq(memory.n, LABEL_STUCK_MAX);
    cr_assert_eq(label_memory_get(&memory, 1)->since.v, 7);
    cr_assert_null(label_memory_get(&memory, 5077));
}

/* With so few that no more than some children can run at one time. */
Test(read_label, few_descriptors_only_make_it_slower)
{
    struct rlimit few = { (rlim_t)count_descriptors() + 12, 1024 };

    add("hangs", 2);
    add("good", 100);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    read_all();
    cr_assert_eq(count_status(LABEL_STUCK), 2);
    cr_assert_eq(count_status(LABEL_READ), 100);
    reap();
}

Test(read_label, errors_are_sentences)
{
    add("fails", 1);
    add("dies", 1);
    add("short", 1);
    add("good", 1);
    read_all();
    cr_assert_eq(count_status(LABEL_FAILED), 3);
    cr_assert_str_eq(answers[0].text, "fails cannot be opened and read: Input/output error");
    cr_assert_eq(answers[0].error, EIO);
    cr_assert_str_eq(answers[1].text, "the reader of dies ended without an answer");
    cr_assert_str_eq(answers[2].text, "reading short at byte 262144 failed: Input/output error");
    cr_assert_eq(answers[3].status, LABEL_READ);
    cr_assert_eq(memory.n, 0);
}

Test(read_label, a_few_children_read_many_devices)
{
    int descriptors = count_descriptors();

    add("good", 100);
    add("fails", 10);
    add("short", 10);
    add("good", 100);
    read_all();
    cr_assert_eq(count_status(LABEL_READ), 200);
    cr_assert_eq(count_status(LABEL_FAILED), 20);
    /* One that the machine does not let run counts no more, and another is started. */
    cr_assert_leq(askers->n, 10 * LABEL_AT_ONCE);
    cr_assert_eq(count_descriptors(), descriptors);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "none is left");
}

Test(read_label, a_child_that_goes_silent_is_ended_and_another_goes_on)
{
    add("closes", 5);
    add("good", 50);
    read_at_once();
    cr_assert_eq(count_status(LABEL_READ), 50);
    cr_assert_str_eq(answers[0].text, "the reader of closes ended without an answer");
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "none is left");
}

Test(read_label, no_devices)
{
    read_at_once();
}

Test(read_label, only_block_devices_are_opened)
{
    struct label_device null = { .path = image, .devnum = 1 };
    struct label_source source;

    cr_assert_lt(label_open(&null, &source), 0);
    null.path = "/nowhere";
    cr_assert_eq(label_open(&null, &source), -ENOENT);
}
