/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for a terminal: harmless, wrapped, cut, in tables. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "cli/text.h"

struct fixture {
    struct buf out;
    struct text t;
};

static struct fixture *begin(unsigned columns)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->t = (struct text){ .out = &f->out, .arena = arena_new(0), .columns = columns };
    return f;
}

static void end(struct fixture *f, const char *wanted)
{
    const char *got = buf_cstr(&f->out);

    cr_assert_not(f->t.failed);
    cr_assert_str_eq(got, wanted, "is:\n%s\nnot:\n%s", got, wanted);
    arena_free(f->t.arena);
    buf_deinit(&f->out);
    free(f);
}

static void check_safe(const char *s, const char *wanted)
{
    struct fixture *f = begin(80);

    buf_str(&f->out, text_safe(&f->t, s));
    end(f, wanted);
}

Test(text, is_made_harmless)
{
    check_safe(NULL, "");
    check_safe("node1", "node1");
    check_safe("n\u00e4me \u4e2d\U0001f40d", "n\u00e4me \u4e2d\U0001f40d");
    check_safe("a\nb\tc\x1b[31m\x7f", "a\\x0ab\\x09c\\x1b[31m\\x7f");
    check_safe("\xc2\x9b"
               "31m",
               "\\x9b31m"); /* C1: a CSI in one character */
    check_safe("a\u202eb\u2066\u200b\ufeff\u2028", "a\\u202eb\\u2066\\u200b\\ufeff\\u2028");
    check_safe("\xff\xc3", "\\xff\\xc3"); /* no UTF-8 */
    check_safe("\xe2\x82", "\\xe2\\x82"); /* cut in the middle */
    check_safe("\xc0\x80", "\\xc0\\x80"); /* overlong */
}

Test(text, width)
{
    cr_assert_eq(text_width(""), 0);
    cr_assert_eq(text_width("n\u00e4me"), 4);
    cr_assert_eq(text_width("ne\u0301t"), 3);
}

static void check_cut(const char *s, size_t width, const char *wanted)
{
    struct fixture *f = begin(80);

    buf_str(&f->out, text_cut(&f->t, s, width));
    end(f, wanted);
}

Test(text, cut)
{
    check_cut("unproven:node1/eth0", 19, "unproven:node1/eth0");
    check_cut("unproven:node1/eth0", 12, "unpro...eth0");
    check_cut("\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4", 7, "\u00e4\u00e4...\u00e4\u00e4");
}

static void check_wrap(unsigned columns, const char *s, size_t at, size_t indent,
                       const char *wanted)
{
    struct fixture *f = begin(columns);

    text_wrap(&f->t, s, at, indent, PAINT_NONE);
    end(f, wanted);
}

Test(text, wrap)
{
    check_wrap(40, "", 0, 0, "\n");
    check_wrap(40, "one two", 0, 0, "one two\n");
    check_wrap(40, "1234567890 1234567890 1234567890 1234567 x", 0, 0,
               "1234567890 1234567890 1234567890 1234567\nx\n");
    check_wrap(40, "1234567890 1234567890 1234567890 12345678 x", 0, 4,
               "1234567890 1234567890 1234567890\n    12345678 x\n");
    check_wrap(40, "1234567890 1234567890", 20, 20, "1234567890\n                    1234567890\n");
    /* A word that no line holds is broken, and nothing of it is lost. */
    check_wrap(40, "a 12345678901234567890123456789012345678901234567890 b", 0, 2,
               "a\n  12345678901234567890123456789012345678\n  901234567890 b\n");
}

Test(table, fits)
{
    static const struct column columns[] = {
        { "NODE", COLUMN_CUT }, { "N", COLUMN_RIGHT }, { "EMPTY", 0 }, { "NOTE", COLUMN_WRAP }
    };
    struct fixture *f = begin(80);
    struct table *b = table_new(&f->t, columns, 4);

    for (int i = 0; i < 2; i++) {
        table_cellf(b, PAINT_NONE, "node%d", i * 10);
        table_cellf(b, PAINT_NONE, "%d", i * 100);
        table_cell(b, NULL, PAINT_NONE);
        table_cell(b, i == 0 ? "" : "a note", PAINT_NONE);
    }
    cr_assert(table_fits(b));
    table_print(b);
    end(f, "NODE      N  NOTE\n"
           "node0     0\n"
           "node10  100  a note\n");
}

Test(table, is_cut_and_wrapped)
{
    static const struct column columns[] = { { "A", COLUMN_CUT },
                                             { "B", 0 },
                                             { "C", COLUMN_WRAP } };
    struct fixture *f = begin(40);
    struct table *b = table_new(&f->t, columns, 3);

    table_cell(b, "a-name-that-is-much-too-long", PAINT_NONE);
    table_cell(b, "b", PAINT_NONE);
    table_cell(b, "words that go on and on", PAINT_NONE);
    table_print(b);
    end(f, "A                B  C\n"
           "a-name...o-long  b  words that go on and\n"
           "                    on\n");
}

/* Names that differ in their middle are not cut there while another column can give way. */
Test(table, names_stay_apart)
{
    static const struct column columns[] = { { "LUN", COLUMN_CUT }, { "MAP", COLUMN_CUT } };
    struct fixture *f = begin(40);
    struct table *b = table_new(&f->t, columns, 2);

    table_cell(b, "naa.600140500100000000000000", PAINT_NONE);
    table_cell(b, "a-map-with-a-name", PAINT_NONE);
    table_cell(b, "naa.600140500200000000000000", PAINT_NONE);
    table_cell(b, "b", PAINT_NONE);
    cr_assert_not(table_fits(b));
    table_print(b);
    end(f, "LUN                           MAP\n"
           "naa.600140500100000000000000  a-ma...ame\n"
           "naa.600140500200000000000000  b\n");
}

Test(table, colours_take_no_room)
{
    static const struct column columns[] = { { NULL, 0 }, { NULL, 0 } };
    struct fixture *f = begin(40);
    struct table *b = table_new(&f->t, columns, 2);

    f->t.color = true;
    table_cell(b, "ok", PAINT_GOOD);
    table_cell(b, "x", PAINT_NONE);
    table_cell(b, "degraded", PAINT_WARN);
    table_cell(b, "y", PAINT_NONE);
    table_print(b);
    end(f, "\033[32mok\033[0m        x\n"
           "\033[33mdegraded\033[0m  y\n");
}

Test(text, local_time)
{
    char out[LOCAL_TIME_TEXT];

    setenv("TZ", "CET-1", 1);
    cr_assert_str_eq(local_time(1795533111123, out), "2026-11-24 16:11:51 +0100");
    cr_assert_str_eq(local_time(-1, out), "1970-01-01 00:59:59 +0100");
}

/* So that it can be copied: in quotes, or after a colon or an arrow up to the end. */
Test(text, a_command_is_not_broken)
{
    struct fixture *f = begin(30);

    text_wrap(&f->t, "One says 'muster node list --state pending', then one goes on.", 0, 2,
              PAINT_NONE);
    end(f, "One says\n  'muster node list --state pending',\n  then one goes on.\n");
    f = begin(30);
    text_wrap(&f->t, "To let it in: muster node approve a-node-with-a-name", 0, 0, PAINT_NONE);
    end(f, "To let it in:\nmuster node approve a-node-with-a-name\n");
    f = begin(30);
    text_wrap(&f->t, "-> muster network define lab --match '*/eth0'", 0, 3, PAINT_NONE);
    end(f, "->\n   muster network define lab --match '*/eth0'\n");
    f = begin(30);
    text_wrap(&f->t, "All that muster knows is told by a muster of words.", 0, 0, PAINT_NONE);
    end(f, "All that muster knows is told\nby a muster of words.\n");
}
