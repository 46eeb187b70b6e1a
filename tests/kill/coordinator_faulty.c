/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The coordinator, to be linked with what makes it fail: MUSTER_TEST_DISK is how its disk is
 * (shadow: what is synced is noted, for a power cut; lies: most of it is not), MUSTER_TEST_WITHOUT
 * a guard of the protocol that it is to do without (base/guard.h). Never installed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guards.h"
#include "vfs_shadow.h"

static void take_away(const char *name)
{
    int guard = guard_by_name(name);

    if (guard < 0) {
        fprintf(stderr, "there is no guard %s\n", name);
        abort();
    }
    guards_off[guard] = true;
}

__attribute__((constructor)) static void become_faulty(void)
{
    const char *disk = getenv("MUSTER_TEST_DISK"), *guards = getenv("MUSTER_TEST_WITHOUT");
    char names[256], *rest = NULL;

    if (disk != NULL)
        vfs_shadow_register(strcmp(disk, "lies") == 0);
    snprintf(names, sizeof names, "%s", guards == NULL ? "" : guards);
    for (char *name = strtok_r(names, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
        take_away(name);
}
