/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many may do something at one time: in all, and to each target of storage. What is done to no
 * target by name may be done to any, and counts at each of them. */
#ifndef MUSTER_CORE_QUOTA_H
#define MUSTER_CORE_QUOTA_H

#include "base/types.h"

struct quota;

/* `all` and `each` are above 0. NULL: out of memory. */
struct quota *quota_new(uint32_t all, uint32_t each, const uint8_t seed[16]);
void quota_free(struct quota *b); /* NULL is legal */

/* `target` "": none by name. 1: it is taken; 0: there is no place for it now; -ENOMEM. */
int quota_take(struct quota *b, const char *target);
void quota_give(struct quota *b, const char *target); /* was taken before */

bool quota_full(const struct quota *b); /* there is no place for anybody */
uint32_t quota_taken(const struct quota *b);
uint32_t quota_taken_of(const struct quota *b, const char *target); /* with what counts there */
/* Places have come free since this was asked last. */
bool quota_news(struct quota *b);

#endif
