/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel announces that it does not look at by itself. Pure. */
#ifndef MUSTER_RESCAN_HINT_H
#define MUSTER_RESCAN_HINT_H

#include "model/rescan.h"

enum { RESCAN_HINTS = 64 };

struct rescan_hints {
    struct rescan_what v[RESCAN_HINTS]; /* without names */
    size_t n;
    bool all; /* too many, or some were lost */
};

/* Of one uevent: adds what it says that is to be looked at, if it does. True: of that nothing is to
 * be seen on the node before the kernel has looked. */
bool rescan_hint_of_uevent(const char *p, size_t n, struct rescan_hints *out);
/* As the text that rescan_parse() takes. */
const char *rescan_hint_text(const struct rescan_what *w, char out[RESCAN_TEXT]);

#endif
