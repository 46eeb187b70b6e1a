/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_BASE_ERR_H
#define MUSTER_BASE_ERR_H

/* One sentence for a person: what is wrong and what would be right. Filled by whoever fails first.
 * Functions return 0, a negative errno (the caller forwards it), or a positive named outcome
 * (listed in the function's comment; the immediate caller handles it). */
struct err {
    char text[320];
};

/* Formats the sentence into `e` (which may be NULL) and returns `code`. A sentence that does not
 * fit is cut with "...". */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, int code, const char *fmt, ...);

#endif
