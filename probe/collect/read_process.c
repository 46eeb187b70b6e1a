/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read_process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect/rows.h"

/* Man 5 proc, /proc/PID/stat: fields 3 and 22, counted from behind the name. */
enum { STATE = 0, START = 19 };

uint64_t process_started(pid_t pid, char *state)
{
    char path[64], text[1024];
    struct bytes rest, word = { NULL, 0 };
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, sizeof text);
        close(fd);
    }
    if (state != NULL)
        *state = 0;
    rest = (struct bytes){ n <= 0 ? NULL : memrchr(text, ')', (size_t)n), 0 };
    if (rest.p == NULL)
        return 0;
    rest.n = (size_t)(text + n - (const char *)rest.p);
    bytes_word(&rest, " ", &word);
    for (int i = STATE; i <= START; i++) {
        if (!bytes_word(&rest, " ", &word))
            return 0;
        if (i == STATE && (bytes_equal(word, "Z") || bytes_equal(word, "X")))
            return 0;
        if (i == STATE && state != NULL && word.n == 1)
            *state = (char)word.p[0];
    }
    return bytes_number(word, 10).v;
}

bool process_waits(pid_t pid)
{
    char state;

    process_started(pid, &state);
    return state != 'R';
}

bool process_lives(pid_t pid, uint64_t started)
{
    return pid > 0 && waitpid(pid, NULL, WNOHANG) <= 0 && started != 0 &&
           process_started(pid, NULL) == started;
}
