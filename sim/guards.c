/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guards.h"

#include <string.h>

bool guards_off[GUARD_COUNT];

#define NAME(name, text) #name,
#define TEXT(name, text) text,
static const char *const names[] = { GUARD_LIST(NAME) };
static const char *const texts[] = { GUARD_LIST(TEXT) };

int guard_by_name(const char *name)
{
    for (int i = 0; i < GUARD_COUNT; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

const char *guard_name(enum guard g)
{
    return names[g];
}

const char *guard_text(enum guard g)
{
    return texts[g];
}
