/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_TOKEN_FILE_H
#define MUSTER_TOKEN_FILE_H

#include "base/err.h"
#include "base/types.h"
#include "wire/token.h"

/* The one token in a file that no other user can read. `secret` has TOKEN_SECRET_TEXT bytes.
 * 0, -ENOENT, or another negative errno, each with a sentence that does not show the secret. */
int token_file_read(const char *path, pubkey *server, char *secret, struct err *e);

#endif
