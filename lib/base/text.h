/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_BASE_TEXT_H
#define MUSTER_BASE_TEXT_H

#include "base/types.h"

#define UUID_TEXT 37 /* 36 characters and the NUL */
#define KEY_TEXT  65 /* 64 hexadecimal digits and the NUL */
#define TIME_TEXT 32

/* Lower-case canonical text; `out` has UUID_TEXT bytes. Returns `out`. */
char *uuid_text(uuid128 id, char *out);
/* Accepts upper and lower case, with or without braces. False: not a UUID, *out untouched. */
bool uuid128_parse(const char *s, uuid128 *out);
/* RFC 9562 version 5 of a name in a namespace (SHA-1, through libuuid). */
uuid128 uuid_v5(uuid128 ns, const void *name, size_t n);
/* A version 4 UUID from 16 random bytes that the caller brings. */
uuid128 uuid_v4_from(const uint8_t random[16]);

char *key_text(pubkey k, char *out); /* lower-case hex; `out` has KEY_TEXT bytes */
bool key_parse(const char *s, pubkey *out);

/* RFC 3339 UTC with milliseconds, "2026-11-24T14:03:00.123Z"; `out` has TIME_TEXT bytes. */
char *wall_rfc3339(wall_ms t, char *out);
/* RFC 3339 with any offset, with or without fraction. */
bool wall_parse(const char *s, wall_ms *out);

/* "1.5 GiB", "512 B"; `out` has 24 bytes. */
char *bytes_text(uint64_t n, char *out);
/* "3.2 s", "5 min", "2 h 10 min", "3 d"; `out` has 24 bytes. */
char *duration_text(int64_t ms, char *out);
/* "15", "20G", "1.5T", "100M", "4096b": bytes, at most INT64_MAX; a bare letter means the binary
 * unit, as in LVM. */
bool bytes_parse(const char *s, uint64_t *out);
/* "30s", "5m", "2h", "7d", "250ms": milliseconds. A bare number is refused. */
bool duration_parse(const char *s, int64_t *out);

/* Shell-style match of `*` and `?` over the whole text; never walks into bad memory, linear in
 * pattern times text. */
bool glob_match(const char *pattern, const char *text);
/* True if `s` is valid UTF-8 without control characters. */
bool text_is_clean(const char *s, size_t n);
/* A number for a text, the same everywhere and for ever: to tell texts apart, not to keep anybody
 * from making two that are alike. Below 2^63; 0: of no text (NULL or "") alone. */
uint64_t text_mark(const char *s);
/* For text that a buffer's end has cut: takes away a UTF-8 sequence that is not whole. */
void text_trim(char *s);

#endif
