/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packs: one for each node whose rows have not changed since it was made. A change of such a row
 * deletes it in the same transaction, so that one that is there is always what the rows say; it is
 * made anew when there is time (store_pack). A start makes those that are missing in memory. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "store_internal.h"

#define NUMBERS_MOST (1u << 24) /* nodes with higher numbers have none */

/* ---- which nodes have one ------------------------------------------------------------------- */

static bool bit_get(const uint8_t *bits, uint32_t no)
{
    return (bits[no / 8] >> no % 8 & 1) != 0;
}

static void bit_set(uint8_t *bits, uint32_t no, bool is)
{
    uint8_t one = (uint8_t)(1u << no % 8);

    bits[no / 8] = is ? bits[no / 8] | one : bits[no / 8] & (uint8_t)~one;
}

static int room(struct store_packs *p, uint32_t no)
{
    uint32_t cap = p->cap == 0 ? 4096 : p->cap;
    uint8_t *more[2];

    if (no < p->cap)
        return SQLITE_OK;
    while (cap <= no)
        cap *= 2;
    more[0] = calloc(cap / 8, 1);
    more[1] = calloc(cap / 8, 1);
    if (more[0] == NULL || more[1] == NULL) {
        free(more[0]);
        free(more[1]);
        return SQLITE_NOMEM;
    }
    if (p->cap > 0) {
        memcpy(more[0], p->there, p->cap / 8);
        memcpy(more[1], p->due, p->cap / 8);
    }
    free(p->there);
    free(p->due);
    p->there = more[0];
    p->due = more[1];
    p->cap = cap;
    return SQLITE_OK;
}

/* Of a node whose number is not too high. */
static int note(struct store_packs *p, uint32_t no, bool there, bool due)
{
    int rc = room(p, no);

    if (rc != SQLITE_OK)
        return rc;
    p->due_count += (size_t)due - (size_t)bit_get(p->due, no);
    bit_set(p->there, no, there);
    bit_set(p->due, no, due);
    return SQLITE_OK;
}

static int note_all(struct store *s, const char *sql, bool there)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        int64_t no = sqlite3_column_int64(st, 0);

        rc =
            no >= 0 && no < NUMBERS_MOST ? note(&s->packs, (uint32_t)no, there, !there) : SQLITE_OK;
    }
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* As the database has it, at a start and after what has failed. */
static int packs_know(struct store *s)
{
    struct store_packs *p = &s->packs;
    int rc;

    if (p->known)
        return SQLITE_OK;
    if (p->cap > 0) {
        memset(p->there, 0, p->cap / 8);
        memset(p->due, 0, p->cap / 8);
    }
    p->due_count = 0;
    rc = note_all(s, "SELECT no FROM node", false);
    if (rc == SQLITE_OK)
        rc = note_all(s, "SELECT node_no FROM node_pack", true);
    p->known = rc == SQLITE_OK;
    return rc;
}

/* Whose row it changes; 0: it changes none that is packed. */
static uint32_t node_of(const struct change *c)
{
    switch (c->type) {
    case CHANGE_SECTION:
    case CHANGE_SECTION_CLEAR:
        return c->section.node_no;
    case CHANGE_INVENTORY:
        return c->inventory.node_no;
    case CHANGE_SIGHTING:
    case CHANGE_SIGHTING_DELETE:
        return c->sighting.node_no;
    case CHANGE_EDGE:
    case CHANGE_EDGE_DELETE:
        return c->edge.node_no;
    case CHANGE_NODE_DELETE:
        return c->node.no;
    default:
        return 0;
    }
}

int store_pack_spoil(struct store *s, const struct change *c)
{
    struct store_packs *p = &s->packs;
    uint32_t no = node_of(c);
    bool stays = c->type != CHANGE_NODE_DELETE;
    int rc;

    if (no == 0 || no >= NUMBERS_MOST)
        return SQLITE_OK;
    if (p->known && no < p->cap && !bit_get(p->there, no) && bit_get(p->due, no) == stays)
        return SQLITE_OK;
    rc = packs_know(s);
    if (rc == SQLITE_OK)
        rc = room(p, no);
    if (rc == SQLITE_OK && bit_get(p->there, no)) {
        rc = sqlite3_bind_int64(p->drop, 1, no);
        if (rc == SQLITE_OK)
            rc = store_step(p->drop);
    }
    return rc == SQLITE_OK ? note(p, no, false, stays) : rc;
}

/* ---- making them ---------------------------------------------------------------------------- */

/* Of the rows, into `out`. */
static int make(struct store *s, uint32_t no, struct arena *a, struct buf *out)
{
    struct node_rows rows;
    int rc;

    arena_reset(a);
    buf_reset(out);
    rc = store_node_rows(s, no, a, &rows);
    if (rc != SQLITE_OK)
        return rc;
    return pack_node(&rows, out) < 0 ? SQLITE_NOMEM : SQLITE_OK;
}

static int write_pack(struct store *s, uint32_t no, struct arena *a, struct buf *b)
{
    sqlite3_stmt *st = s->packs.write;
    int rc = make(s, no, a, b);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(st, 1, no);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(st, 2, (int64_t)pack_sum(b->p, b->n));
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(st, 3, b->p, b->n, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = store_step(st);
    return rc == SQLITE_OK ? note(&s->packs, no, true, false) : rc;
}

int store_write_packs(struct store *s, size_t most)
{
    struct store_packs *p = &s->packs;
    struct arena *a = arena_new(0);
    struct buf b = { 0 };
    int rc = a == NULL ? SQLITE_NOMEM : packs_know(s);

    for (uint32_t i = 0; rc == SQLITE_OK && most > 0 && p->due_count > 0 && i < p->cap; i++) {
        p->at = p->at + 1 < p->cap ? p->at + 1 : 0;
        if (!bit_get(p->due, p->at))
            continue;
        rc = write_pack(s, p->at, a, &b);
        most--;
    }
    buf_deinit(&b);
    arena_free(a);
    return rc;
}

size_t store_packs_due(const struct store *s)
{
    return s->packs.due_count;
}

/* ---- reading them --------------------------------------------------------------------------- */

struct reading {
    struct store *s;
    struct stored *out;
    struct arena *a, *scratch; /* what stays; what does not */
    struct buf made;
    uint8_t *room; /* for the packs that are there */
    size_t left;
    sqlite3_stmt *st; /* the packs, in order */
    bool there;       /* it stands at one */
};

/* All packs in one piece, for which the kernel is asked to give large pages: to make small ones
 * would take as long as to read what goes into them. */
static int make_room(struct reading *r)
{
    const uintptr_t large = 2u << 20;
    int64_t n = 0;
    int rc = store_int(r->s->db, "SELECT sum(length(body)) FROM node_pack", 0, &n);
    uintptr_t from, to;

    if (rc != SQLITE_OK)
        return rc;
    r->left = (size_t)n;
    r->room = arena_alloc(r->a, r->left + 1);
    if (r->room == NULL)
        return SQLITE_NOMEM;
    from = ((uintptr_t)r->room + large - 1) & ~(large - 1);
    to = ((uintptr_t)r->room + r->left) & ~(large - 1);
    if (from < to)
        madvise((void *)from, to - from, MADV_HUGEPAGE); /* advice */
    return SQLITE_OK;
}

/* A copy that stays. */
static const void *keep(struct reading *r, const void *p, size_t n)
{
    uint8_t *to = r->room;

    if (n > r->left)
        return arena_memdup(r->a, p, n);
    memcpy(to, p, n);
    r->room += n;
    r->left -= n;
    return to;
}

static int next_pack(struct reading *r)
{
    int rc = sqlite3_step(r->st);

    r->there = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The pack that it stands at; false: it is damaged, or of another layout. */
static bool is_usable(struct reading *r, const void **p, size_t *n)
{
    *p = sqlite3_column_blob(r->st, 2);
    *n = (size_t)sqlite3_column_bytes(r->st, 2);
    if (*p != NULL && pack_sum(*p, *n) == (uint64_t)sqlite3_column_int64(r->st, 1))
        return pack_is_current(*p, *n);
    r->out->packs_damaged++;
    return false;
}

static int read_one(struct reading *r, const struct node_row *node)
{
    struct node_pack *to = &r->out->packs[r->out->pack_count];
    const void *p = NULL;
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && r->there && sqlite3_column_int64(r->st, 0) < node->no)
        rc = next_pack(r);
    if (rc != SQLITE_OK)
        return rc;
    if (!r->there || sqlite3_column_int64(r->st, 0) != node->no || !is_usable(r, &p, &to->n)) {
        rc = make(r->s, node->no, r->scratch, &r->made);
        p = r->made.p;
        to->n = r->made.n;
        r->out->packs_made++;
    }
    to->node_no = node->no;
    to->p = rc == SQLITE_OK ? keep(r, p, to->n) : NULL;
    r->out->pack_count++;
    return rc == SQLITE_OK && to->p == NULL ? SQLITE_NOMEM : rc;
}

int store_packs_read(struct store *s, struct arena *a, struct stored *out,
                     void (*came)(void *ctx, size_t count), void *ctx)
{
    struct reading r = { .s = s, .out = out, .a = a, .scratch = arena_new(0) };
    int rc = r.scratch == NULL ? SQLITE_NOMEM : packs_know(s);

    out->packs = arena_array(a, out->node_count, sizeof *out->packs);
    if (out->packs == NULL)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = make_room(&r);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(s->db, "SELECT node_no, sum, body FROM node_pack ORDER BY node_no",
                                -1, &r.st, NULL);
    if (rc == SQLITE_OK)
        rc = next_pack(&r);
    for (size_t i = 0; rc == SQLITE_OK && i < out->node_count; i++) {
        rc = read_one(&r, &out->nodes[i]);
        if (rc == SQLITE_OK && came != NULL)
            came(ctx, out->pack_count);
    }
    sqlite3_finalize(r.st);
    buf_deinit(&r.made);
    arena_free(r.scratch);
    return rc;
}

/* ---- statements ----------------------------------------------------------------------------- */

int store_prepare_packs(struct store *s)
{
    struct store_packs *p = &s->packs;
    int rc = store_prepare_node_rows(s);

    p->known = false;
    if (rc == SQLITE_OK) {
        buf_str(&s->scratch, "DELETE FROM node_pack WHERE node_no = ?1");
        rc = store_prepare(s->db, &s->scratch, &p->drop);
    }
    if (rc == SQLITE_OK) {
        buf_str(&s->scratch, "REPLACE INTO node_pack(node_no, sum, body) VALUES(?1, ?2, ?3)");
        rc = store_prepare(s->db, &s->scratch, &p->write);
    }
    return rc;
}

static void finalise(sqlite3_stmt **st)
{
    sqlite3_finalize(*st);
    *st = NULL;
}

void store_finalise_packs(struct store *s)
{
    finalise(&s->packs.drop);
    finalise(&s->packs.write);
    for (int i = 0; i < STORE_PACKED; i++)
        finalise(&s->packs.rows[i]);
    for (int i = 0; i < SECTION_COUNT; i++)
        finalise(&s->packs.keys[i]);
}

void store_free_packs(struct store *s)
{
    free(s->packs.there);
    free(s->packs.due);
}
