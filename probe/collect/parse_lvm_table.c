/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table that the metadata say an LV's device has, and whether a device has it. */
#include "base/buf.h"
#include "collect/parse_lvm_mapped.h"
#include "collect/parse_lvm_rows.h"

enum { SECTOR = 512 };
#define LINEAR "linear"

/* ---- what it is to be ----------------------------------------------------------------------- */

static json_t *pv_named(const struct lvm_group *g, struct bytes path)
{
    for (size_t i = 0; i < g->pv_count; i++) {
        json_t *pv = json_array_get(g->pv_list, i);

        if (bytes_equal(path, lvm_string(pv, "pv_name")))
            return pv;
    }
    return NULL;
}

/* "/dev/sda(2)" to "8:0 6144": the extent as a sector of the device. False: it lies on no PV that
 * is here. */
static bool add_place(const struct lvm_group *g, uint64_t extent_bytes, const char *text,
                      struct buf *out)
{
    const char *bracket = strrchr(text, '(');
    struct bytes path = { (const uint8_t *)text, bracket == NULL ? 0 : (size_t)(bracket - text) };
    json_t *pv = bracket == NULL ? NULL : pv_named(g, path);
    const struct lvm_device *d = pv == NULL ? NULL : lvm_device_of(g->r, g->in, pv);
    struct opt first = lvm_number(pv, "pe_start"), extent = { .has = false };

    if (bracket != NULL && strlen(bracket) > 2)
        extent =
            bytes_number((struct bytes){ (const uint8_t *)bracket + 1, strlen(bracket) - 2 }, 10);
    if (d == NULL || d->devnum == NULL || !first.has || !extent.has ||
        extent.v > INT64_MAX / extent_bytes)
        return false;
    buf_printf(out, "%s %llu\n", d->devnum,
               (unsigned long long)((first.v + extent.v * extent_bytes) / SECTOR));
    return true;
}

static bool add_segment(const struct lvm_group *g, uint64_t extent_bytes, json_t *seg,
                        struct buf *out)
{
    struct opt start = lvm_number(seg, "seg_start_pe"), count = lvm_number(seg, "seg_size_pe");

    if (strcmp(lvm_string(seg, "segtype"), LINEAR) != 0 || !start.has || !count.has ||
        start.v > INT64_MAX / extent_bytes || count.v > INT64_MAX / extent_bytes)
        return false;
    buf_printf(out, "%llu %llu " LINEAR " ", (unsigned long long)(start.v * extent_bytes / SECTOR),
               (unsigned long long)(count.v * extent_bytes / SECTOR));
    return add_place(g, extent_bytes, lvm_string(seg, "devices"), out);
}

const char *lvm_table_text(const struct lvm_group *g, const char *volume)
{
    struct opt extent = lvm_number(g->vg, "vg_extent_size");
    bool linear = extent.has && extent.v >= SECTOR;
    struct buf text = { 0 };
    const char *out = NULL;

    for (size_t i = lvm_first_segment(g, volume);
         linear && i < g->seg_count && strcmp(g->segs[i].lv_uuid, volume) == 0; i++)
        linear = add_segment(g, extent.v, g->segs[i].json, &text);
    if (linear && text.n > 0) {
        const char *whole = buf_cstr(&text);

        out = whole == NULL ? NULL : arena_strdup(g->r->a, whole);
        g->r->failed |= out == NULL;
    }
    buf_deinit(&text);
    return out;
}

const char *lvm_table_of(const struct lvm_tables *v, const char *volume)
{
    for (size_t i = 0; i < v->n; i++) {
        if (strcmp(v->v[i].lv_uuid, volume) == 0)
            return v->v[i].text;
    }
    return NULL;
}

/* ---- what it is ------------------------------------------------------------------------------ */

/* Sectors that lie side by side, on the device and on what is below it. */
struct piece {
    uint64_t start, count, devnum, at;
};

static bool read_piece(struct bytes line, struct piece *out)
{
    struct bytes word[5];
    struct opt start, count, at;

    for (size_t i = 0; i < ARRAY_LEN(word); i++) {
        if (!bytes_word(&line, " ", &word[i]))
            return false;
    }
    start = bytes_number(word[0], 10);
    count = bytes_number(word[1], 10);
    at = bytes_number(word[4], 10);
    *out = (struct piece){ .start = start.v, .count = count.v, .at = at.v };
    return start.has && count.has && at.has && bytes_equal(word[2], LINEAR) &&
           dm_devnum(word[3], &out->devnum);
}

/* The next piece, with the lines that go on where it ends: LVM joins segments that lie side by side
 * when it next writes them. 0: there is none; -1: it is not linear. */
static int next_piece(struct bytes *rest, struct piece *out)
{
    struct bytes before, line;
    struct piece more;
    bool first = true;

    for (before = *rest; bytes_line(rest, &line); before = *rest) {
        if (line.n == 0)
            continue;
        if (!read_piece(line, &more))
            return -1;
        if (!first && (more.start != out->start + out->count || more.devnum != out->devnum ||
                       more.at != out->at + out->count)) {
            *rest = before;
            return 1;
        }
        out->count = first ? more.count : out->count + more.count;
        if (first)
            *out = more;
        first = false;
    }
    return first ? 0 : 1;
}

bool lvm_table_is(struct bytes table, const char *wanted)
{
    struct bytes rest = bytes_of(wanted);
    struct piece is, should;
    int x, y;

    do {
        x = next_piece(&table, &is);
        y = next_piece(&rest, &should);
        if (x != y || x < 0 ||
            (x > 0 && (is.start != should.start || is.count != should.count ||
                       is.devnum != should.devnum || is.at != should.at)))
            return false;
    } while (x > 0);
    return true;
}

bool lvm_table_has_target(struct bytes table, const char *type)
{
    struct bytes word = { NULL, 0 };

    for (int i = 0; i < 3; i++) {
        if (!bytes_word(&table, " ", &word))
            return false;
    }
    word = bytes_trim(word);
    return bytes_equal(word, type);
}
