/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers are in groups of seven bits, the lowest first; a text is its length plus 1 (0: NULL), its
 * bytes and a NUL. What is named by its number in an order of the same pack needs no look-up. */
#include "core/pack.h"

#include <errno.h>

enum {
    HAS_CONTAINER = 1, /* of a block: its rows have it */
    HAS_ABOVE = 2,
    HAS_MARK = 4,
    IS_STUCK = 1, /* of a sighting */
    IS_FLAWED = 2,
    PORT_IS_KEY = 4,
    IS_ACTIVE = 8,
    NUMBER_MOST = 10, /* bytes */
};

/* ---- writing -------------------------------------------------------------------------------- */

static void put(struct buf *b, uint64_t v)
{
    uint8_t out[NUMBER_MOST];
    size_t n = 0;

    for (; v > 127; v >>= 7)
        out[n++] = (uint8_t)(v | 128);
    out[n++] = (uint8_t)v;
    buf_add(b, out, n);
}

static void put_text(struct buf *b, const char *s)
{
    size_t n = s != NULL ? strlen(s) : 0;

    put(b, s != NULL ? n + 1 : 0);
    if (s != NULL)
        buf_add(b, s, n + 1);
}

static void put_sections(struct buf *b, const struct node_rows *in)
{
    put(b, in->section_count);
    for (size_t i = 0; i < in->section_count; i++) {
        const struct section_row_state *s = &in->sections[i];

        put(b, s->section);
        put(b, s->generation);
        buf_add(b, s->digest.b, sizeof s->digest.b);
        put(b, s->status);
        put_text(b, s->status_text);
        put(b, (uint64_t)s->at.v);
    }
}

static unsigned kinds_of(const struct inventory_row *rows, size_t n)
{
    unsigned has = 0;

    for (size_t i = 0; i < n; i++)
        has |= (rows[i].container != NULL ? HAS_CONTAINER : 0u) |
               (rows[i].above != NULL ? HAS_ABOVE : 0u) | (rows[i].mark != 0 ? HAS_MARK : 0u);
    return has;
}

static void put_row(struct buf *b, const struct inventory_row *r, unsigned has)
{
    put_text(b, r->key);
    buf_add(b, &r->hash, sizeof r->hash);
    if ((has & HAS_CONTAINER) != 0)
        put_text(b, r->container);
    if ((has & HAS_ABOVE) != 0)
        put_text(b, r->above);
    if ((has & HAS_MARK) != 0)
        buf_add(b, &r->mark, sizeof r->mark);
}

/* The length of a block comes before it, so that it can be left as it is. */
static void put_block(struct buf *b, struct buf *rows, const struct inventory_row *first, size_t n)
{
    unsigned has = kinds_of(first, n);

    buf_reset(rows);
    put(rows, has);
    for (size_t i = 0; i < n; i++)
        put_row(rows, &first[i], has);
    put(b, first->section);
    put(b, n);
    put(b, rows->n);
    buf_add(b, rows->p, rows->n);
    b->failed = b->failed || rows->failed;
}

static void put_inventory(struct buf *b, const struct node_rows *in)
{
    struct buf rows = { 0 };

    for (size_t i = 0, n; i < in->inventory_count; i += n) {
        const struct inventory_row *first = &in->inventory[i];

        n = 1;
        while (i + n < in->inventory_count && first[n].section == first->section)
            n++;
        put_block(b, &rows, first, n);
    }
    put(b, SECTION_COUNT); /* the end */
    buf_deinit(&rows);
}

/* Where the edge to the resource is, plus 1; 0: there is none. */
static size_t edge_at(const struct node_rows *in, uint32_t resource_no)
{
    size_t low = 0, high = in->edge_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (in->edges[mid].resource_no == resource_no)
            return mid + 1;
        if (in->edges[mid].resource_no < resource_no)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

/* Both lists are sorted: *at goes along the inventory, *first is where its section begins. The row
 * in its section, plus 1; 0: there is none. */
static size_t row_at(const struct node_rows *in, const struct sighting_row *g, size_t *at,
                     size_t *first)
{
    for (; *at < in->inventory_count; ++*at) {
        const struct inventory_row *r = &in->inventory[*at];
        int order = r->section < g->section ? -1 : r->section > g->section ? 1 : 0;

        if (in->inventory[*first].section != r->section)
            *first = *at;
        if (order == 0)
            order = strcmp(r->key, g->row_key);
        if (order == 0)
            return *at - *first + 1;
        if (order > 0)
            return 0;
    }
    return 0;
}

static void put_sightings(struct buf *b, const struct node_rows *in)
{
    size_t at = 0, first = 0;

    put(b, in->sighting_count);
    for (size_t i = 0; i < in->sighting_count; i++) {
        const struct sighting_row *g = &in->sightings[i];
        size_t row = row_at(in, g, &at, &first);
        bool own = row == 0 || strcmp(g->port, g->row_key) != 0;

        put(b, (g->stuck ? IS_STUCK : 0u) | (g->flawed ? IS_FLAWED : 0u) |
                   (own ? 0u : PORT_IS_KEY) | (g->active ? IS_ACTIVE : 0u));
        put(b, g->section);
        put(b, row);
        put(b, edge_at(in, g->resource_no));
        put_text(b, g->row_key);
        if (own)
            put_text(b, g->port);
        put_text(b, g->base);
        put(b, g->resource_no);
        put(b, g->vlan);
        put(b, g->paths_active);
        put(b, g->paths_total);
        put(b, g->size);
        put(b, g->mark);
    }
}

static void put_edges(struct buf *b, const struct node_rows *in)
{
    put(b, in->edge_count);
    for (size_t i = 0; i < in->edge_count; i++) {
        const struct edge_row *e = &in->edges[i];

        put(b, e->resource_no);
        put(b, e->state);
        put(b, e->paths_active);
        put(b, e->paths_total);
        put(b, e->paths_had);
        put(b, (uint64_t)e->had_until.v);
        put(b, (uint64_t)e->since.v);
        put_text(b, e->distrust);
        put(b, (uint64_t)e->distrusted.v);
    }
}

int pack_node(const struct node_rows *in, struct buf *out)
{
    put(out, PACK_LAYOUT);
    put_sections(out, in);
    put_inventory(out, in);
    put_edges(out, in);
    put_sightings(out, in);
    return out->failed ? -ENOMEM : 0;
}

bool pack_is_current(const void *p, size_t n)
{
    return n > 0 && *(const uint8_t *)p == PACK_LAYOUT;
}

/* Each step is a bijection of the sum so far, so that what differs in eight bytes alone is always
 * found; else by one chance in 2^64. */
uint64_t pack_sum(const void *p, size_t n)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    const uint8_t *at = p;
    uint64_t sum = n * odd, word;

    for (; n >= sizeof word; n -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        sum = (sum ^ word) * odd;
        sum ^= sum >> 29;
    }
    word = 0;
    if (n > 0)
        memcpy(&word, at, n);
    sum = (sum ^ word) * odd;
    return sum ^ sum >> 32;
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reader {
    const uint8_t *p, *end;
    bool bad; /* for good */
};

static uint64_t number(struct reader *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
        uint8_t byte = *r->p++;

        v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return v;
    }
    r->bad = true;
    return 0;
}

/* At most `most`. */
static uint32_t small(struct reader *r, uint32_t most)
{
    uint64_t v = number(r);

    r->bad = r->bad || v > most;
    return r->bad ? 0 : (uint32_t)v;
}

/* Of things that take a byte each at least. */
static uint32_t count(struct reader *r)
{
    uint32_t n = small(r, UINT32_MAX - 1);

    r->bad = r->bad || n > (size_t)(r->end - r->p);
    return r->bad ? 0 : n;
}

static const char *text(struct reader *r)
{
    uint64_t n = number(r);
    const char *s = (const char *)r->p;

    if (n == 0)
        return NULL;
    if (n > (size_t)(r->end - r->p) || s[n - 1] != '\0') {
        r->bad = true;
        return NULL;
    }
    r->p += n;
    return s;
}

static const char *text_there(struct reader *r)
{
    const char *s = text(r);

    r->bad = r->bad || s == NULL;
    return s != NULL ? s : "";
}

static void bytes(struct reader *r, void *out, size_t n)
{
    if (n > (size_t)(r->end - r->p)) {
        r->bad = true;
        memset(out, 0, n);
        return;
    }
    memcpy(out, r->p, n);
    r->p += n;
}

static wall_ms moment(struct reader *r)
{
    return (wall_ms){ (int64_t)number(r) };
}

static int open_sections(struct reader *r, uint32_t node_no, struct arena *a, struct pack *out)
{
    uint32_t n = count(r);

    out->sections = arena_array(a, n, sizeof *out->sections);
    if (out->sections == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        struct section_row_state *s = &out->sections[i];

        s->node_no = node_no;
        s->section = (enum section_id)small(r, SECTION_COUNT - 1);
        s->generation = number(r);
        bytes(r, s->digest.b, sizeof s->digest.b);
        s->status = (enum section_status)small(r, SECTION_STUCK);
        s->status_text = text(r);
        s->at = moment(r);
    }
    out->section_count = n;
    return 0;
}

static void open_inventory(struct reader *r, struct pack *out)
{
    uint32_t id;

    while ((id = small(r, SECTION_COUNT)) < SECTION_COUNT && !r->bad) {
        struct pack_block *b = &out->rows[id];
        uint64_t n;

        r->bad = b->p != NULL;
        b->count = count(r);
        n = number(r);
        if (r->bad || n > (size_t)(r->end - r->p) || b->count > n) {
            r->bad = true;
            return;
        }
        b->p = r->p;
        b->n = n;
        r->p += n;
    }
}

static void open_sighting(struct reader *r, const struct pack *p, struct pack_sighting *out)
{
    struct sighting_row *g = &out->row;
    uint32_t flags = small(r, IS_STUCK | IS_FLAWED | PORT_IS_KEY | IS_ACTIVE);

    g->stuck = (flags & IS_STUCK) != 0;
    g->flawed = (flags & IS_FLAWED) != 0;
    g->active = (flags & IS_ACTIVE) != 0;
    g->section = (enum section_id)small(r, SECTION_COUNT - 1);
    out->at = small(r, p->rows[g->section].count) - 1;
    out->edge = small(r, (uint32_t)p->edge_count) - 1;
    g->row_key = text_there(r);
    g->port = (flags & PORT_IS_KEY) != 0 ? g->row_key : text_there(r);
    g->base = text_there(r);
    g->resource_no = small(r, UINT32_MAX);
    g->vlan = number(r);
    g->paths_active = small(r, UINT32_MAX);
    g->paths_total = small(r, UINT32_MAX);
    g->size = number(r);
    g->mark = number(r);
}

static int open_sightings(struct reader *r, uint32_t node_no, struct arena *a, struct pack *out)
{
    uint32_t n = count(r);

    out->sightings = arena_array(a, n, sizeof *out->sightings);
    if (out->sightings == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        out->sightings[i].row.node_no = node_no;
        open_sighting(r, out, &out->sightings[i]);
    }
    out->sighting_count = n;
    return 0;
}

static int open_edges(struct reader *r, uint32_t node_no, struct arena *a, struct pack *out)
{
    uint32_t n = count(r);

    out->edges = arena_array(a, n, sizeof *out->edges);
    if (out->edges == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        struct edge_row *e = &out->edges[i];

        e->node_no = node_no;
        e->resource_no = small(r, UINT32_MAX);
        e->state = (enum edge_state)small(r, EDGE_LOST);
        e->paths_active = small(r, UINT32_MAX);
        e->paths_total = small(r, UINT32_MAX);
        e->paths_had = small(r, UINT32_MAX);
        e->had_until = moment(r);
        e->since = moment(r);
        e->distrust = text(r);
        e->distrusted = moment(r);
    }
    out->edge_count = n;
    return 0;
}

int pack_open(const void *p, size_t n, uint32_t node_no, struct arena *a, struct pack *out)
{
    struct reader r = { .p = p, .end = (const uint8_t *)p + n };
    int rc;

    memset(out, 0, sizeof *out);
    r.bad = number(&r) != PACK_LAYOUT;
    rc = open_sections(&r, node_no, a, out);
    if (rc == 0)
        open_inventory(&r, out);
    if (rc == 0)
        rc = open_edges(&r, node_no, a, out);
    if (rc == 0)
        rc = open_sightings(&r, node_no, a, out);
    return rc == 0 && (r.bad || r.p != r.end) ? -EBADMSG : rc;
}

int pack_rows(const struct pack_block *b, enum section_id id, uint32_t node_no, struct arena *a,
              struct inventory_row **out)
{
    struct reader r = { .p = b->p, .end = b->p + b->n };
    struct inventory_row *rows = arena_array(a, b->count, sizeof *rows);
    uint32_t has;

    if (rows == NULL)
        return -ENOMEM;
    *out = rows;
    if (b->p == NULL)
        return 0;
    has = small(&r, HAS_CONTAINER | HAS_ABOVE | HAS_MARK);
    for (uint32_t i = 0; i < b->count && !r.bad; i++) {
        rows[i].node_no = node_no;
        rows[i].section = id;
        rows[i].key = text_there(&r);
        bytes(&r, &rows[i].hash, sizeof rows[i].hash);
        rows[i].container = (has & HAS_CONTAINER) != 0 ? text(&r) : NULL;
        rows[i].above = (has & HAS_ABOVE) != 0 ? text(&r) : NULL;
        if ((has & HAS_MARK) != 0)
            bytes(&r, &rows[i].mark, sizeof rows[i].mark);
    }
    return r.bad || r.p != r.end ? -EBADMSG : 0;
}
