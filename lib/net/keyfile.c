/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

#define KEYFILE_BYTES 1024

/* Owner and mode, of the file that was opened and not of the name. */
static int check_file(int fd, const char *path, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set(e, -errno, "the key file %s cannot be examined: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EPERM, "the key file %s is not a regular file", path);
    if (st.st_uid != geteuid())
        return err_set(e, -EPERM, "the key file %s belongs to user %u; it must belong to user %u",
                       path, (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & 077) != 0)
        return err_set(e, -EPERM, "the key file %s is open to other users; run chmod 600 on it",
                       path);
    return 0;
}

static int read_all(int fd, char *text, size_t cap, size_t *n)
{
    *n = 0;
    while (*n < cap) {
        ssize_t got = read(fd, text + *n, cap - *n);

        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        *n += (size_t)got;
    }
    return 0;
}

/* The key after `word` and a blank at the start of a line. */
static bool find_key(const char *text, const char *word, pubkey *out)
{
    size_t n = strlen(word);
    bool found = false;

    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');

        if (end == NULL)
            break; /* a line without its end was cut off */
        if ((size_t)(end - line) == n + KEY_TEXT && memcmp(line, word, n) == 0 && line[n] == ' ') {
            char hex[KEY_TEXT];

            memcpy(hex, line + n + 1, KEY_TEXT - 1);
            hex[KEY_TEXT - 1] = '\0';
            found = key_parse(hex, out);
            sodium_memzero(hex, sizeof hex);
            if (found)
                break;
        }
        line = end + 1;
    }
    return found;
}

static int parse_keys(const char *text, const char *path, struct keypair *k, pubkey *server,
                      struct err *e)
{
    pubkey secret, derived;
    int rc = 0;

    if (!find_key(text, "public", &k->public_key) || !find_key(text, "secret", &secret) ||
        (server != NULL && !find_key(text, "server", server)))
        return err_set(e, -EBADMSG,
                       "the key file %s is damaged: it must have the lines public, "
                       "secret%s, each with 64 hexadecimal digits",
                       path, server != NULL ? " and server" : "");
    memcpy(k->secret, secret.b, sizeof k->secret);
    sodium_memzero(&secret, sizeof secret);
    if (crypto_scalarmult_base(derived.b, k->secret) != 0 || !pubkey_eq(derived, k->public_key))
        rc = err_set(e, -EBADMSG, "the key file %s is damaged: its two keys do not belong together",
                     path);
    return rc;
}

int keyfile_load(const char *path, struct keypair *k, pubkey *server, struct err *e)
{
    char text[KEYFILE_BYTES + 1];
    size_t n = 0;
    int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    memset(k, 0, sizeof *k);
    if (fd < 0)
        return err_set(e, -errno, "the key file %s cannot be opened: %s", path, strerror(errno));
    rc = check_file(fd, path, e);
    if (rc == 0) {
        rc = read_all(fd, text, sizeof text, &n);
        if (rc < 0)
            err_set(e, rc, "the key file %s cannot be read: %s", path, strerror(-rc));
    }
    if (rc == 0 && (n > KEYFILE_BYTES || memchr(text, '\0', n) != NULL))
        rc = err_set(e, -EBADMSG, "%s is not a key file of muster", path);
    if (rc == 0) {
        text[n] = '\0';
        rc = parse_keys(text, path, k, server, e);
    }
    sodium_memzero(text, sizeof text);
    close(fd);
    if (rc < 0)
        keypair_wipe(k);
    return rc;
}

/* Makes the rename itself durable. */
static int sync_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int fd, rc = 0;

    if (slash == NULL)
        snprintf(dir, sizeof dir, ".");
    else
        snprintf(dir, sizeof dir, "%.*s", (int)(slash - path + 1), path);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fsync(fd) != 0)
        rc = -errno;
    close(fd);
    return rc;
}

static size_t format_keys(const struct keypair *k, const pubkey *server, char *text, size_t cap)
{
    char hex[KEY_TEXT];
    pubkey secret;
    int n;

    memcpy(secret.b, k->secret, sizeof secret.b);
    n = snprintf(text, cap, "public %s\n", key_text(k->public_key, hex));
    n += snprintf(text + n, cap - (size_t)n, "secret %s\n", key_text(secret, hex));
    if (server != NULL)
        n += snprintf(text + n, cap - (size_t)n, "server %s\n", key_text(*server, hex));
    sodium_memzero(hex, sizeof hex);
    sodium_memzero(&secret, sizeof secret);
    return (size_t)n;
}

int keyfile_save(const char *path, const struct keypair *k, const pubkey *server, struct err *e)
{
    char temp[PATH_MAX], text[KEYFILE_BYTES];
    size_t n;
    int fd, rc;

    if (snprintf(temp, sizeof temp, "%s.new", path) >= (int)sizeof temp)
        return err_set(e, -ENAMETOOLONG, "the name of the key file %s is too long", path);
    /* A leftover of a save that was cut short; O_EXCL so that it is a new file with our mode. */
    unlink(temp);
    fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(e, -errno, "the key file %s cannot be made: %s", temp, strerror(errno));
    n = format_keys(k, server, text, sizeof text);
    rc = io_write_all(fd, text, n);
    if (rc == 0 && fsync(fd) != 0)
        rc = -errno;
    sodium_memzero(text, sizeof text);
    if (close(fd) != 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && rename(temp, path) != 0)
        rc = -errno;
    if (rc == 0)
        rc = sync_parent(path);
    else
        unlink(temp);
    if (rc < 0)
        return err_set(e, rc, "the key file %s cannot be written: %s", path, strerror(-rc));
    return 0;
}
