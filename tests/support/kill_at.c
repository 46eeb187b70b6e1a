/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded: the process kills itself before its nth write to a device (MUSTER_KILL_AT, from 1).
 * LVM writes by io_submit, muster by pwrite. */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct iocb_head {
    void *data;
    unsigned key, flags;
    short opcode; /* 1: pwrite */
};

int io_submit(void *context, long n, struct iocb_head **list);

static void count(void)
{
    static int writes;
    const char *at = getenv("MUSTER_KILL_AT");

    writes++;
    if (at != NULL && writes == strtol(at, NULL, 10))
        kill(getpid(), SIGKILL);
}

int io_submit(void *context, long n, struct iocb_head **list)
{
    int (*next)(void *, long, struct iocb_head **), writes = 0;

    for (long i = 0; i < n; i++)
        writes |= list[i]->opcode == 1;
    *(void **)&next = dlsym(RTLD_NEXT, "io_submit");
    if (next == NULL) /* the library of it is one that was loaded later, for itself alone */
        *(void **)&next = dlsym(dlopen("libaio.so.1", RTLD_NOW), "io_submit");
    if (writes)
        count();
    return next(context, n, list);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    ssize_t (*next)(int, const void *, size_t, off64_t);
    struct stat st;

    *(void **)&next = dlsym(RTLD_NEXT, "pwrite64");
    if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode))
        count();
    return next(fd, p, n, at);
}
