/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The token file and the run directory: what is refused and in which words, what a later probe of
 * the same boot finds, and that another boot finds nothing. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "run_dir.h"
#include "token_file.h"
#include "wire/codec.h"

static const char secret_text[] = "00112233445566778899aabbccddeeff";
static const uuid128 boot = { { 0xb0, 1 } }, later_boot = { { 0xb0, 2 } };
static char folder[64];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/muster-probe-files-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    cr_expect_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

TestSuite(token, .init = make_folder, .fini = remove_folder);
TestSuite(run, .init = make_folder, .fini = remove_folder);

static const char *in_folder(const char *name)
{
    static char path[2][128];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

/* ---- token ---------------------------------------------------------------------------------- */

static const char *token_text(void)
{
    static char token[TOKEN_TEXT];
    static const uint8_t secret[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                        0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
    pubkey server = { { 5, 6, 7 } };

    return token_format(server, secret, token);
}

static int read_token(const char *text, mode_t mode, struct err *e)
{
    char secret[TOKEN_SECRET_TEXT] = "";
    pubkey server;
    int rc;

    write_file(in_folder("token"), text, mode);
    rc = token_file_read(in_folder("token"), &server, secret, e);
    if (rc == 0) {
        cr_expect_str_eq(secret, secret_text);
        cr_expect_eq(server.b[2], 7);
    }
    return rc;
}

Test(token, is_read_with_or_without_an_end_of_line)
{
    struct err e = { "" };
    char text[TOKEN_TEXT + 8];

    cr_expect_eq(read_token(token_text(), 0600, &e), 0, "%s", e.text);
    snprintf(text, sizeof text, "%s\r\n", token_text());
    cr_expect_eq(read_token(text, 0400, &e), 0, "%s", e.text);
}

Test(token, that_others_can_read_is_refused)
{
    static const mode_t modes[] = { 0644, 0640, 0604, 0660 };

    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct err e = { "" };

        cr_expect_eq(read_token(token_text(), modes[i], &e), -EPERM);
        cr_expect_not_null(strstr(e.text, "run chmod 600 on it"), "%s", e.text);
    }
}

Test(token, that_is_none_is_refused_without_showing_it)
{
    static const char *const wrong[][2] = {
        { "", "is empty" },
        { "\n \n", "is empty" },
        { "m1.abcdef.00112233445566778899aabbccddeeff\n", "holds no token" },
        { "00112233445566778899aabbccddeeff", "holds no token" },
    };
    char two[2 * TOKEN_TEXT + 2];
    struct err e = { "" };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        cr_expect_eq(read_token(wrong[i][0], 0600, &e), -EINVAL);
        cr_expect_not_null(strstr(e.text, wrong[i][1]), "%s", e.text);
        cr_expect_null(strstr(e.text, secret_text), "%s", e.text);
    }
    snprintf(two, sizeof two, "%s\n%s", token_text(), token_text());
    cr_expect_eq(read_token(two, 0600, &e), -EINVAL);
    cr_expect_not_null(strstr(e.text, "more than one line"), "%s", e.text);
}

Test(token, that_is_no_regular_file_is_refused_and_nothing_waits)
{
    char secret[TOKEN_SECRET_TEXT];
    pubkey server;
    struct err e = { "" };

    cr_expect_eq(token_file_read(in_folder("none"), &server, secret, &e), -ENOENT);
    cr_expect_not_null(strstr(e.text, "/none cannot be opened"), "%s", e.text);
    cr_assert_eq(mkfifo(in_folder("fifo"), 0600), 0);
    cr_expect_eq(token_file_read(in_folder("fifo"), &server, secret, &e), -EPERM);
    cr_expect_eq(token_file_read(folder, &server, secret, &e), -EPERM);
}

/* ---- run directory -------------------------------------------------------------------------- */

static struct run_dir *open_dir(void)
{
    struct err e = { "" };
    int rc = 0;
    struct run_dir *d = run_dir_open(in_folder("run"), &rc, &e);

    cr_assert_not_null(d, "%s", e.text);
    return d;
}

static void fill_state(struct probe_state *s, char boot_text[UUID_TEXT])
{
    static const uint8_t db_id[16] = { 0xdb }, nonce[16] = { 9 };

    *s = (struct probe_state){ .present = 0 };
    REC_SET(s, probe_state, boot_id, uuid_text(boot, boot_text));
    REC_SET(s, probe_state, node_id, "3f0c9a52-7f5e-4c0e-9d3b-2a1b6c7d8e9f");
    REC_SET(s, probe_state, lowest_mac, "02:00:00:00:00:01");
    REC_SET(s, probe_state, enrolled, true);
    REC_SET(s, probe_state, db_id, wire_bytes16(db_id));
    REC_SET(s, probe_state, epoch, 3);
    REC_SET(s, probe_state, start_no, 17);
    REC_SET(s, probe_state, nonce, wire_bytes16(nonce));
    REC_SET(s, probe_state, generation, INT64_MAX);
    REC_SET(s, probe_state, token, 0);
}

Test(run, keeps_key_and_state_for_a_probe_of_the_same_boot_alone)
{
    struct probe_state saved, loaded;
    struct arena *a = arena_new(0);
    struct keypair key, again;
    pubkey server = { { 5, 6, 7 } }, same;
    char text[UUID_TEXT];
    struct err e = { "" };
    struct run_dir *d = open_dir();
    struct stat st;

    cr_expect_eq(run_dir_load(d, boot, a, &loaded, &e), 0, "%s", e.text);
    cr_expect_eq(loaded.present, 0);
    cr_expect_eq(run_dir_load_key(d, &again, &same, &e), -ENOENT);
    fill_state(&saved, text);
    keypair_new(&key);
    cr_assert_eq(run_dir_save(d, &saved, &e), 0, "%s", e.text);
    cr_assert_eq(run_dir_save_key(d, &key, server, &e), 0, "%s", e.text);
    run_dir_close(d);
    d = open_dir();
    cr_assert_eq(run_dir_load(d, boot, a, &loaded, &e), 0, "%s", e.text);
    cr_expect(record_equal(&probe_state_desc, &saved, &loaded));
    cr_assert_eq(run_dir_load_key(d, &again, &same, &e), 0, "%s", e.text);
    cr_expect(pubkey_eq(key.public_key, again.public_key));
    cr_expect_eq(memcmp(key.secret, again.secret, sizeof key.secret), 0);
    cr_expect(pubkey_eq(server, same));
    cr_assert_eq(run_dir_load(d, later_boot, a, &loaded, &e), 0);
    cr_expect_eq(loaded.present, 0, "another boot remembers nothing");
    cr_assert_eq(stat(in_folder("run/node.key"), &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(stat(in_folder("run/state"), &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(stat(in_folder("run"), &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0700);
    run_dir_close(d);
    arena_free(a);
}

/* A lock of this process does not stand in its own way, so another asks. */
static void second_instance(const char *path)
{
    struct err e = { "" };
    int rc = 0;
    struct run_dir *d = run_dir_open(path, &rc, &e);

    if (d != NULL)
        _exit(1);
    if (rc != -EBUSY || strstr(e.text, "in use by another muster-probe") == NULL)
        _exit(2);
    _exit(strstr(e.text, "--run-dir") == NULL ? 3 : 0);
}

static int ask_second(void)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        second_instance(in_folder("run"));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(run, keeps_out_a_second_instance_while_it_is_open)
{
    struct run_dir *d = open_dir();

    cr_expect_eq(ask_second(), 0);
    run_dir_close(d);
    cr_expect_eq(ask_second(), 1, "free again");
}

Test(run, is_refused_when_others_can_write_to_it)
{
    struct err e = { "" };
    int rc = 0;

    cr_assert_eq(mkdir(in_folder("run"), 0700), 0);
    cr_assert_eq(chmod(in_folder("run"), 0777), 0);
    cr_expect_null(run_dir_open(in_folder("run"), &rc, &e));
    cr_expect_eq(rc, -EPERM);
    cr_expect_not_null(strstr(e.text, "chmod go-w"), "%s", e.text);
    cr_expect_null(run_dir_open(in_folder("not/there"), &rc, &e));
    cr_expect_eq(rc, -ENOENT);
    write_file(in_folder("file"), "", 0600);
    cr_expect_null(run_dir_open(in_folder("file"), &rc, &e));
    cr_expect_eq(rc, -ENOTDIR);
}

Test(run, a_damaged_state_is_told_and_not_guessed)
{
    static const char *const damaged[] = {
        "",
        "nonsense",
        "nonsense\n",
        "node_id x\n",
        "boot_id x\nenrolled maybe\n",
        "boot_id x\ngeneration -1\n",
        "boot_id x\ngeneration 9223372036854775808\n",
        "boot_id x\ngeneration 1x\n",
        "boot_id x\ndb_id 00\n",
        "boot_id x\ndb_id zz000000000000000000000000000000\n",
        "boot_id x\nepoch 1", /* cut off */
    };
    struct arena *a = arena_new(0);
    struct run_dir *d = open_dir();
    struct probe_state s;

    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        struct err e = { "" };

        write_file(in_folder("run/state"), damaged[i], 0600);
        cr_expect_eq(run_dir_load(d, boot, a, &s, &e), -EBADMSG, "%s", damaged[i]);
        cr_expect_not_null(strstr(e.text, "is damaged; remove it"), "%s", e.text);
    }
    run_dir_close(d);
    arena_free(a);
}

Test(run, a_field_of_a_newer_probe_is_passed_over)
{
    struct arena *a = arena_new(0);
    struct run_dir *d = open_dir();
    struct probe_state s;
    struct err e = { "" };
    char text[256], boot_text[UUID_TEXT];

    snprintf(text, sizeof text, "boot_id %s\nof_tomorrow 1 2 3\nenrolled yes\n",
             uuid_text(boot, boot_text));
    write_file(in_folder("run/state"), text, 0600);
    cr_assert_eq(run_dir_load(d, boot, a, &s, &e), 0, "%s", e.text);
    cr_expect(s.enrolled);
    run_dir_close(d);
    arena_free(a);
}
