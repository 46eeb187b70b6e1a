/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a client keeps its key. */
#include "internal.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE "/.config/muster/client.key"

char *key_path(const char *given, struct err *e)
{
    const char *home = getenv("HOME");
    struct passwd *user;
    char *path;

    if (given != NULL) {
        path = strdup(given);
    } else {
        if (home == NULL || home[0] != '/') {
            user = getpwuid(geteuid());
            home = user != NULL ? user->pw_dir : NULL;
        }
        if (home == NULL) {
            err_set(e, -ENOENT, "this user has no home folder; name a key file");
            return NULL;
        }
        path = malloc(strlen(home) + sizeof KEY_FILE);
        if (path != NULL)
            snprintf(path, strlen(home) + sizeof KEY_FILE, "%s%s", home, KEY_FILE);
    }
    if (path == NULL)
        err_set(e, -ENOMEM, "out of memory");
    return path;
}

int key_folder(const char *path, struct err *e)
{
    char *copy = strdup(path);
    int rc = 0;

    if (copy == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    for (char *p = strchr(copy + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST) {
            rc = err_set(e, -errno, "the folder %s cannot be made: %s", copy, strerror(errno));
            break;
        }
        *p = '/';
    }
    free(copy);
    return rc;
}
