/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What LVM is told before its first command: that it takes it, and with nothing of the host's. */
#include <criterion/criterion.h>
#include <errno.h>
#include <lvm2cmd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/lvm_library.h"

static char parent[] = "/tmp/muster-settle-XXXXXX", folder[64], file[80], answer[80];
static char text[4096];

static void make_parent(void)
{
    cr_assert_not_null(mkdtemp(parent));
    snprintf(folder, sizeof folder, "%s/own", parent);
    snprintf(file, sizeof file, "%s/lvm.conf", folder);
    snprintf(answer, sizeof answer, "%s/answer", parent);
}

static void remove_all(void)
{
    unlink(file);
    unlink(answer);
    rmdir(folder);
    cr_expect_eq(rmdir(parent), 0, "LVM has made something beside it");
}

/* What LVM has been configured with, but for what each command says. */
static void ask(void)
{
    char command[160];
    struct lvm_library lvm;
    struct err e;
    FILE *f;
    int rc = lvm_library_open(&lvm, &e);

    if (rc == LVM_LIBRARY_NONE)
        cr_skip_test("%s", e.text);
    cr_assert_eq(rc, 0, "%s", e.text);
    snprintf(command, sizeof command, "lvmconfig --typeconfig current --file %s", answer);
    cr_expect_eq(lvm_library_run(&lvm, command, NULL), LVM2_COMMAND_SUCCEEDED);
    lvm_library_close(&lvm);
    f = fopen(answer, "r");
    cr_assert_not_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
}

Test(lvm_settle, lvm_takes_what_it_is_told_before_its_first_command, .init = make_parent,
     .fini = remove_all)
{
    struct err e;

    cr_assert_eq(lvm_library_settle(folder, &e), 0, "%s", e.text);
    ask();
    cr_expect(strstr(text, "reserved_memory=1024") != NULL, "%s", text);
}

Test(lvm_settle, else_it_takes_nothing, .init = make_parent, .fini = remove_all)
{
    ask();
    cr_expect_null(strchr(text, '='), "%s", text);
}

Test(lvm_settle, a_folder_that_is_there_is_not_trusted, .init = make_parent, .fini = remove_all)
{
    struct err e;

    cr_assert_eq(mkdir(folder, 0755), 0);
    cr_expect_eq(lvm_library_settle(folder, &e), -EEXIST);
}
