/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a database should hold, as sorted lines of text: a second opinion that shares no code with
 * the store. The content of a database is turned into the same lines, and the texts compared. */
#ifndef MUSTER_TESTS_STORE_MODEL_H
#define MUSTER_TESTS_STORE_MODEL_H

#include "store.h"

struct model;

struct model *model_new(void);
void model_free(struct model *m);
void model_apply(struct model *m, const struct change *c);
void model_apply_all(struct model *m, const struct change *list);
char *model_text(const struct model *m); /* for free() */

/* All that the store gives back: the image, the whole inventory rows, all events. NULL with a
 * sentence: it cannot be read. */
char *database_text(struct store *s, const struct store_options *o, struct err *e);

#endif
