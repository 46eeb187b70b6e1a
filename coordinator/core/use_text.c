/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses a device, in words: "alpha gives it to guest 2 (disk 51712)". */
#include <string.h>

#include "core/core_internal.h"

enum { WHERE_MOST = 200 }; /* of a path, so that what follows it is still read */

struct verb {
    const char *plain, *before, *after; /* `before` a name `after`; or the plain one */
};

static const struct verb verbs[] = {
    [USE_MOUNT] = { "has it mounted", "has it mounted at ", "" },
    [USE_SWAP] = { "uses it as swap", NULL, NULL },
    [USE_DM] = { "has a device-mapper map on it", "has the device-mapper map ", " on it" },
    [USE_MD] = { "has it in an MD array", "has it in the MD array ", "" },
    [USE_LOOP] = { "has a loop device on it", "has the loop device ", " on it" },
    [USE_XEN] = { "gives it to a guest", "gives it to guest ", "" },
    [USE_OPEN] = { "has it open", "has it open: ", "" },
    [USE_SCAN] = { "scans it under a token that is over", NULL, NULL },
    [USE_OTHER] = { "uses it", NULL, NULL },
};

/* The end of its row's key, which is KIND/DEVNUM/WHERE; NULL: it has none. */
static const char *where_of(const struct use_at *u)
{
    const struct slot *slot = &u->node->sections[SECTION_USES];

    for (uint32_t i = 0; i < slot->row_count; i++) {
        const char *at = slot->rows[i].use == u ? strchr(slot->rows[i].key, '/') : NULL;

        at = at == NULL ? NULL : strchr(at + 1, '/');
        if (at != NULL && at[1] != '\0')
            return at + 1;
    }
    return NULL;
}

/* "2/51712": the domain, and its disk. */
static const char *guest_text(struct arena *a, const char *where)
{
    int domain = (int)strcspn(where, "/");

    return where[domain] == '\0'
               ? where
               : arena_printf(a, "%.*s (disk %s)", domain, where, where + domain + 1);
}

const char *use_text(struct arena *a, const struct use_at *u)
{
    enum use_kind kind = use_mark_kind(u->mark);
    const struct verb *v = &verbs[kind];
    const char *where = v->before == NULL ? NULL : where_of(u);

    if (where == NULL)
        return arena_printf(a, "%s %s", u->node->row.name, v->plain);
    if (kind == USE_XEN)
        where = guest_text(a, where);
    return where == NULL ? NULL
                         : arena_printf(a, "%s %s%.*s%s", u->node->row.name, v->before, WHERE_MOST,
                                        where, v->after);
}
