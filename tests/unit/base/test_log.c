/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define TIME_FORM "2026-11-24T16:11:51.000Z " /* how long a time is */

static int reader = -1, before = -1;

static void redirect(int fd)
{
    before = dup(STDERR_FILENO);
    cr_assert(dup2(fd, STDERR_FILENO) >= 0);
    close(fd);
}

static void to_pipe(void)
{
    int ends[2];

    cr_assert(pipe(ends) == 0);
    reader = ends[0];
    redirect(ends[1]);
}

static void to_journal(void)
{
    char stream[64];
    struct stat st;

    to_pipe();
    cr_assert(fstat(STDERR_FILENO, &st) == 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
}

static void to_terminal(void)
{
    int slave;

    reader = posix_openpt(O_RDWR | O_NOCTTY);
    cr_assert(reader >= 0 && grantpt(reader) == 0 && unlockpt(reader) == 0);
    slave = open(ptsname(reader), O_RDWR | O_NOCTTY);
    cr_assert(slave >= 0);
    redirect(slave);
}

/* What one call has written, which is one write and so one read. */
static const char *line(void)
{
    static char text[4096];
    ssize_t n;

    n = read(reader, text, sizeof text - 1);
    dup2(before, STDERR_FILENO); /* Criterion's own again */
    cr_assert(n > 0);
    text[n] = '\0';
    return text;
}

/* What stands behind the time, which is now. */
static const char *after_time(const char *text)
{
    char second[sizeof TIME_FORM];
    wall_ms at;

    cr_assert(strlen(text) > strlen(TIME_FORM), "%s", text);
    snprintf(second, sizeof second, "%.24s", text);
    cr_assert(wall_parse(second, &at), "%s", text);
    cr_assert(llabs((long long)time(NULL) - at.v / 1000) < 60, "%s", text);
    return text + strlen(TIME_FORM);
}

Test(log, for_a_file)
{
    to_pipe();
    log_set("muster-test", LOG_LEVEL_INFO);
    log_line(LOG_LEVEL_WARNING, "node %s is %d s late", "dom0-a", 3);
    cr_assert_str_eq(after_time(line()), "muster-test: warning: node dom0-a is 3 s late\n");
}

/* Of a service whose terminal somebody works at: this stream is another one. */
Test(log, not_the_journals_stream)
{
    to_pipe();
    setenv("JOURNAL_STREAM", "9:12345", 1);
    setenv("SYSTEMD_EXEC_PID", "1", 1);
    log_line(LOG_LEVEL_INFO, "hello");
    cr_assert_str_eq(after_time(line()), "muster: info: hello\n");
}

Test(log, for_a_manager)
{
    char pid[24];

    to_pipe();
    snprintf(pid, sizeof pid, "%jd", (intmax_t)getpid());
    setenv("SYSTEMD_EXEC_PID", pid, 1);
    log_line(LOG_LEVEL_INFO, "hello");
    cr_assert_str_eq(line(), "<6>muster: hello\n");
}

Test(log, for_the_journal)
{
    to_journal();
    log_set("muster-test", LOG_LEVEL_INFO);
    log_line(LOG_LEVEL_WARNING, "node %s is %d s late", "dom0-a", 3);
    cr_assert_str_eq(line(), "<4>muster-test: node dom0-a is 3 s late\n");
}

Test(log, for_a_terminal)
{
    to_terminal();
    log_set("muster-test", LOG_LEVEL_DEBUG);
    log_line(LOG_LEVEL_DEBUG, "hello");
    cr_assert_str_eq(line(), "muster-test: debug: hello\r\n");
}

Test(log, levels)
{
    to_journal();
    log_set("muster-test", LOG_LEVEL_WARNING);
    log_line(LOG_LEVEL_INFO, "not this");
    log_line(LOG_LEVEL_DEBUG, "nor this");
    log_line(LOG_LEVEL_ERROR, "but this");
    cr_assert_str_eq(line(), "<3>muster-test: but this\n");
}

/* A name that a peer has chosen can neither forge a line nor speak to the terminal. */
Test(log, no_line_can_be_forged)
{
    to_journal();
    log_line(LOG_LEVEL_INFO, "node %s registered",
             "a\n<3>muster: all is lost\r\x1b[2J\x7f\xc2\x9b"
             "2J\t\xc3\x9b");
    cr_assert_str_eq(line(), "<6>muster: node a?<3>muster: all is lost??[2J???2J?\xc3\x9b "
                             "registered\n");
}

Test(log, too_long_says_so)
{
    const char *text;

    to_pipe();
    log_line(LOG_LEVEL_INFO, "%05000d", 7);
    text = line();
    cr_assert(strlen(text) < 1200);
    cr_assert_str_eq(text + strlen(text) - 5, "0...\n");
}
