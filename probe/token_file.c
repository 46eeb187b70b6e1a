/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/utils.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 256 };

/* Of the file that was opened, not of the name. */
static int check_file(int fd, const char *path, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set(e, -errno, "the token file %s cannot be examined: %s", path,
                       strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EPERM, "the token file %s is not a regular file", path);
    if (st.st_uid != geteuid())
        return err_set(e, -EPERM, "the token file %s belongs to user %u; it must belong to user %u",
                       path, (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & 077) != 0)
        return err_set(e, -EPERM, "the token file %s is open to other users; run chmod 600 on it",
                       path);
    return 0;
}

static int parse(char *text, const char *path, pubkey *server, char *secret, struct err *e)
{
    char *end = text + strlen(text);

    while (end > text && strchr(" \t\r\n", end[-1]) != NULL)
        *--end = '\0';
    if (*text == '\0')
        return err_set(e, -EINVAL,
                       "the token file %s is empty; put the output of `muster token create` there",
                       path);
    if (strchr(text, '\n') != NULL)
        return err_set(e, -EINVAL,
                       "the token file %s has more than one line; it must hold one token and "
                       "nothing else",
                       path);
    if (token_parse(text, server, secret, NULL) < 0)
        return err_set(e, -EINVAL,
                       "the token file %s holds no token; it must be m1., 64 hexadecimal digits, "
                       "a dot and 32 more, as `muster token create` prints it",
                       path);
    return 0;
}

int token_file_read(const char *path, pubkey *server, char *secret, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char text[FILE_BYTES + 1] = "";
    ssize_t n;
    int rc;

    if (fd < 0)
        return err_set(e, -errno, "the token file %s cannot be opened: %s", path, strerror(errno));
    rc = check_file(fd, path, e);
    if (rc == 0) {
        n = read(fd, text, FILE_BYTES);
        if (n < 0)
            rc = err_set(e, -errno, "the token file %s cannot be read: %s", path, strerror(errno));
        else
            rc = parse(text, path, server, secret, e);
    }
    sodium_memzero(text, sizeof text);
    close(fd);
    return rc;
}
