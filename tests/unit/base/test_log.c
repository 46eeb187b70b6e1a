/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

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

Test(log, for_the_journal)
{
    to_pipe();
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
    to_pipe();
    log_set("muster-test", LOG_LEVEL_WARNING);
    log_line(LOG_LEVEL_INFO, "not this");
    log_line(LOG_LEVEL_DEBUG, "nor this");
    log_line(LOG_LEVEL_ERROR, "but this");
    cr_assert_str_eq(line(), "<3>muster-test: but this\n");
}

/* A name that a peer has chosen can neither forge a line nor speak to the terminal. */
Test(log, no_line_can_be_forged)
{
    to_pipe();
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
