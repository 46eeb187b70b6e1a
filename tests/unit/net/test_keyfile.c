/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key files: what is written is read, and nothing else; and only from a file of our own that nobody
 * else may open. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "net/net.h"

static char dir[64], path[128];
static struct keypair own, got;
static pubkey server, got_server;
static struct err e;

static void set_up(void)
{
    strncpy(dir, "/tmp/muster-keyfile-XXXXXX", sizeof dir - 1);
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/client.key", dir);
    keypair_new(&own);
    random_bytes(server.b, sizeof server.b);
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(name);
}

static void tear_down(void)
{
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(keyfile, .init = set_up, .fini = tear_down);

static void write_text(const char *text, size_t n, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    cr_assert(fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, mode) == 0);
    close(fd);
}

static const char *secret_text(void)
{
    static char text[KEY_TEXT];
    pubkey secret;

    memcpy(secret.b, own.secret, sizeof secret.b);
    return key_text(secret, text);
}

/* A good file, as text. */
static const char *good_text(void)
{
    static char text[400];
    char hex[2][KEY_TEXT];

    snprintf(text, sizeof text, "public %s\nsecret %s\nserver %s\n",
             key_text(own.public_key, hex[0]), secret_text(), key_text(server, hex[1]));
    return text;
}

/* One sentence that names the file, and never a key; and no key is left in what was given. */
static void refused(int code, const char *part)
{
    static const struct keypair nothing;
    int rc;

    memset(&got, 0xa5, sizeof got);
    e.text[0] = '\0';
    rc = keyfile_load(path, &got, &got_server, &e);
    cr_assert_eq(rc, code, "%d: %s", rc, e.text);
    cr_assert(strstr(e.text, path) != NULL && strstr(e.text, part) != NULL, "%s", e.text);
    cr_assert(strstr(e.text, secret_text()) == NULL && strchr(e.text, '\n') == NULL);
    cr_assert_arr_eq(&got, &nothing, sizeof got);
}

static void loads(void)
{
    cr_assert_eq(keyfile_load(path, &got, &got_server, &e), 0, "%s", e.text);
    cr_assert_arr_eq(&got, &own, sizeof own);
    cr_assert(pubkey_eq(got_server, server));
}

Test(keyfile, there_and_back)
{
    struct stat st;

    umask(0);
    cr_assert_eq(keyfile_save(path, &own, &server, &e), 0, "%s", e.text);
    cr_expect(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    loads();
    cr_assert_eq(keyfile_load(path, &got, NULL, &e), 0, "who does not ask for the server's");

    cr_assert_eq(keyfile_save(path, &own, NULL, &e), 0, "%s", e.text);
    cr_assert_eq(keyfile_load(path, &got, NULL, &e), 0, "%s", e.text);
    refused(-EBADMSG, "server");
}

Test(keyfile, not_there)
{
    refused(-ENOENT, "No such file");
}

Test(keyfile, open_to_others)
{
    static const mode_t modes[] = { 0640, 0604, 0660, 0620, 0610, 0601, 0644, 0777 };

    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        write_text(good_text(), strlen(good_text()), modes[i]);
        refused(-EPERM, "chmod 600");
    }
    write_text(good_text(), strlen(good_text()), 0400);
    loads();
}

Test(keyfile, of_somebody_else)
{
    if (geteuid() != 0)
        cr_skip_test("only root can give a file away");
    write_text(good_text(), strlen(good_text()), 0600);
    cr_assert(chown(path, 12345, 12345) == 0);
    refused(-EPERM, "12345");
}

/* A link is as good as what it points to. */
Test(keyfile, links)
{
    char real[160];

    snprintf(real, sizeof real, "%s/real", dir);
    write_text(good_text(), strlen(good_text()), 0600);
    cr_assert(rename(path, real) == 0 && symlink(real, path) == 0);
    loads();
    cr_assert(chmod(real, 0644) == 0);
    refused(-EPERM, "chmod 600");
    cr_assert(unlink(real) == 0);
    refused(-ENOENT, "No such file");
    cr_assert(unlink(path) == 0 && symlink("client.key", path) == 0);
    refused(-ELOOP, "");
}

Test(keyfile, not_a_file)
{
    cr_assert(mkdir(path, 0700) == 0);
    refused(-EPERM, "not a regular file");
    cr_assert(rmdir(path) == 0 && mkfifo(path, 0600) == 0);
    refused(-EPERM, "not a regular file"); /* and does not wait for a writer */
    cr_assert(unlink(path) == 0 && symlink("/dev/zero", path) == 0);
    refused(-EPERM, "not a regular file");
}

Test(keyfile, damaged)
{
    const char *good = good_text();
    size_t n = strlen(good);
    char text[2000];

    /* Cut anywhere. */
    for (size_t cut = 0; cut < n; cut++) {
        write_text(good, cut, 0600);
        refused(-EBADMSG, "64 hexadecimal digits");
    }
    /* Any one letter is another. Of the server's key any digit is as good, and five bits of the
     * secret do not count (RFC 7748, section 5). */
    for (size_t at = 0; at < n; at++) {
        size_t secret = strlen("public secret ") + 64 + 1;
        bool another_server = at >= n - 65 && at < n - 1;
        bool does_not_count = at == secret + 1 || at == secret + 62;

        memcpy(text, good, n);
        text[at] = text[at] == '1' ? '2' : '1';
        write_text(text, n, 0600);
        if (!another_server && !does_not_count)
            refused(-EBADMSG, "damaged");
        text[at] = 'g';
        write_text(text, n, 0600);
        refused(-EBADMSG, "damaged");
        text[at] = '\0';
        write_text(text, n, 0600);
        refused(-EBADMSG, "not a key file of muster");
    }
    memset(text, '#', sizeof text);
    memcpy(text, good, n);
    write_text(text, sizeof text, 0600);
    refused(-EBADMSG, "not a key file of muster");
    write_text(text, 1024, 0600); /* the largest, with room for a remark */
    loads();
}

Test(keyfile, keys_of_two_pairs)
{
    struct keypair other;

    keypair_new(&other);
    memcpy(own.secret, other.secret, sizeof own.secret);
    write_text(good_text(), strlen(good_text()), 0600);
    refused(-EBADMSG, "do not belong together");
}

/* A save replaces the whole file, whatever was there: also a link, whose target stays as it is, and
 * the remains of a save that was cut short. */
Test(keyfile, save_over_others)
{
    char other[160], draft[160], was[16] = "";
    struct stat st;
    int fd;

    snprintf(other, sizeof other, "%s/other", dir);
    snprintf(draft, sizeof draft, "%s.new", path);
    write_text("precious", 8, 0644);
    cr_assert(rename(path, other) == 0 && symlink(other, path) == 0 && symlink(other, draft) == 0);
    cr_assert_eq(keyfile_save(path, &own, &server, &e), 0, "%s", e.text);
    cr_expect(lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0600);
    cr_expect(lstat(draft, &st) != 0 && errno == ENOENT);
    loads();
    fd = open(other, O_RDONLY);
    cr_assert(read(fd, was, sizeof was - 1) == 8);
    cr_expect_str_eq(was, "precious");
    close(fd);

    write_text("anything", 8, 0666);
    cr_assert_eq(keyfile_save(path, &own, &server, &e), 0, "%s", e.text);
    loads();
}

Test(keyfile, save_where_it_cannot)
{
    char long_path[5000];

    snprintf(path, sizeof path, "%s/no/such/folder", dir);
    cr_expect_eq(keyfile_save(path, &own, &server, &e), -ENOENT);
    cr_expect(strstr(e.text, path) != NULL, "%s", e.text);
    snprintf(path, sizeof path, "%s/folder", dir);
    cr_assert(mkdir(path, 0700) == 0);
    cr_expect(keyfile_save(path, &own, &server, &e) < 0);
    cr_expect(strstr(e.text, path) != NULL, "%s", e.text);
    strncat(path, ".new", sizeof path - strlen(path) - 1);
    cr_expect(access(path, F_OK) != 0, "the draft is left behind");
    snprintf(long_path, sizeof long_path, "%s/%04900d", dir, 0);
    cr_expect_eq(keyfile_save(long_path, &own, &server, &e), -ENAMETOOLONG);
}

/* A disk without room for it leaves the old keys, and no draft. */
Test(keyfile, save_on_a_full_disk)
{
    struct rlimit none = { 100, 100 };
    struct keypair other;
    char draft[160];

    cr_assert_eq(keyfile_save(path, &own, &server, &e), 0, "%s", e.text);
    keypair_new(&other);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert(setrlimit(RLIMIT_FSIZE, &none) == 0);
    cr_expect_eq(keyfile_save(path, &other, &server, &e), -EFBIG, "%s", e.text);
    snprintf(draft, sizeof draft, "%s.new", path);
    cr_expect(access(draft, F_OK) != 0, "the draft is left behind");
    loads();
}
