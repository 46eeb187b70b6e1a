/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Authentication of connections (ZeroMQ RFC 27, ZAP). Every peer that proves to hold a CURVE key is
 * let in under that key's name; what it may do is the core's decision. */
#ifndef MUSTER_ZAP_H
#define MUSTER_ZAP_H

#include "base/err.h"
#include "base/text.h"

#define ZAP_DOMAIN_CURVE "muster"
#define ZAP_DOMAIN_LOCAL "muster-local"

/* Bound before any other socket. NULL with a sentence. */
void *zap_open(void *ctx, struct err *e);
/* Answers what is waiting, without blocking. Returns how many connections were refused. */
unsigned zap_serve(void *socket);

/* The decision alone: "200" with the user id in `user` (empty for the local socket), else "400". */
const char *zap_decide(const char *domain, const char *mechanism, const uint8_t *credential,
                       size_t n, char user[KEY_TEXT]);

#endif
