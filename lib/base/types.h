/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_BASE_TYPES_H
#define MUSTER_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A point on CLOCK_BOOTTIME, in milliseconds. Only differences mean anything, and only within one
 * boot of one machine. A struct, so that it cannot be mixed with wall time by accident. */
typedef struct {
    int64_t v;
} mono_ms;

/* Wall time, milliseconds since 1970-01-01 UTC. Stored and shown, never decided upon. */
typedef struct {
    int64_t v;
} wall_ms;

/* A 128-bit identifier: node id, boot id, database id, nonce, resource id. All zero means none. */
typedef struct {
    uint8_t b[16];
} uuid128;

/* A CURVE (Curve25519) public key. All zero means none, which is what a local ipc peer has. */
typedef struct {
    uint8_t b[32];
} pubkey;

/* A digest of one section's content (BLAKE2b-128). */
typedef struct {
    uint8_t b[16];
} digest128;

struct bytes {
    const uint8_t *p;
    size_t n;
};

/* A list of strings; the strings and the array belong to whoever owns the record. */
struct strs {
    const char *const *v;
    size_t n;
};

static inline int64_t mono_since(mono_ms now, mono_ms then)
{
    return now.v - then.v;
}

static inline bool uuid_eq(uuid128 a, uuid128 b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

static inline bool uuid_is_nil(uuid128 a)
{
    static const uuid128 nil = { { 0 } };
    return uuid_eq(a, nil);
}

static inline bool pubkey_eq(pubkey a, pubkey b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

static inline bool pubkey_is_nil(pubkey a)
{
    static const pubkey nil = { { 0 } };
    return pubkey_eq(a, nil);
}

static inline bool digest_eq(digest128 a, digest128 b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
