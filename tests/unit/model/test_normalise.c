/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What makes the rows of a section good rows, and their order. docs/PROTOCOL.md, "Sections and
 * digests". */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/limits.h"
#include "model/sections.h"

static struct arena *a;
static struct nic rows[8];
static struct section s;
static struct err e;

static void set_up(void)
{
    a = arena_new(0);
    memset(rows, 0, sizeof rows);
    s = (struct section){ .id = SECTION_NICS, .status = SECTION_OK, .rows = rows };
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(normalise, .init = set_up, .fini = tear_down);

static struct nic *add(const char *name)
{
    struct nic *r = &rows[s.row_count++];

    REC_SET(r, nic, name, name);
    return r;
}

/* One sentence that names the section and what is wrong. */
static void refused(const char *sentence)
{
    cr_assert_eq(section_normalise(&s, a, &e), -EBADMSG);
    cr_assert_str_eq(e.text, sentence);
}

static void good(void)
{
    cr_assert_eq(section_normalise(&s, a, &e), 0, "%s", e.text);
    cr_assert_not_null(s.hashes);
    for (size_t i = 0; i < s.row_count; i++)
        cr_assert_eq(s.hashes[i], record_hash(&nic_desc, &rows[i]), "row %zu", i);
}

Test(normalise, order_of_keys)
{
    static const struct {
        const char *name;
        uint64_t place;
    } names[] = {
        { "eth1", 3 }, { "eth10", 4 }, { "\xc3\xa4", 6 }, /* bytes over 0x7f come last */
        { "a", 1 },    { "eth0", 2 },  { "eth2", 5 },
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct nic *r = add(names[i].name);

        REC_SET(r, nic, ifindex, names[i].place);
    }
    good();
    for (size_t i = 0; i < s.row_count; i++)
        cr_expect_eq(rows[i].ifindex, i + 1, "%s", rows[i].name);
}

Test(normalise, without_rows)
{
    s.rows = NULL;
    s.status = SECTION_ABSENT;
    s.status_text = "this machine has no NICs";
    good();
}

Test(normalise, keys)
{
    add("eth0");
    add("eth1");
    add("eth0");
    refused("section nics: two rows have the same key");
    rows[2] = (struct nic){ 0 };
    refused("section nics: a row has no name");
    REC_SET(&rows[2], nic, name, "");
    refused("section nics: a row has no name");
}

Test(normalise, number_of_rows)
{
    struct nic *many = arena_array(a, LIMIT_ROWS_NICS + 1, sizeof *many);
    struct system two[2] = { { 0 }, { 0 } };

    for (uint32_t i = 0; i <= LIMIT_ROWS_NICS; i++)
        REC_SET(&many[i], nic, name, arena_printf(a, "eth%04u", i));
    s.rows = many;
    s.row_count = LIMIT_ROWS_NICS + 1;
    refused("section nics has 1025 rows, more than 1024");
    s.row_count = LIMIT_ROWS_NICS;
    cr_assert_eq(section_normalise(&s, a, &e), 0, "%s", e.text);

    s = (struct section){ .id = SECTION_SYSTEM, .rows = two, .row_count = 2 };
    refused("section system has 2 rows, more than 1");
    s.row_count = 1;
    cr_assert_eq(section_normalise(&s, a, &e), 0, "%s", e.text);
}

Test(normalise, section_number)
{
    char sentence[60];

    s.id = SECTION_COUNT;
    snprintf(sentence, sizeof sentence, "section number %d is not known here", SECTION_COUNT);
    refused(sentence);
    s.id = (enum section_id) - 1;
    refused("section number 4294967295 is not known here");
}

Test(normalise, texts)
{
    char longest[LIMIT_STRING_BYTES + 2];
    struct nic *r = add("eth0");

    memset(longest, 'x', sizeof longest);
    longest[LIMIT_STRING_BYTES + 1] = '\0';
    REC_SET(r, nic, alias, longest);
    refused("section nics: alias is longer than 4096 bytes");
    longest[LIMIT_STRING_BYTES] = '\0';
    good();
    REC_SET(r, nic, alias, "two\nlines");
    refused("section nics: alias is not clean UTF-8 text");
    REC_SET(r, nic, alias, "\xff");
    refused("section nics: alias is not clean UTF-8 text");
    REC_CLEAR(r, nic, alias);
    REC_SET(r, nic, name, "eth\x1b[2J");
    refused("section nics: name is not clean UTF-8 text");
    REC_SET(r, nic, name, "eth0");
    s.status_text = "bad\x07";
    refused("section nics: status_text is not clean UTF-8 text");
    s.status_text = "good";
    good();
}

Test(normalise, lists)
{
    const char **v = arena_array(a, LIMIT_STRINGS + 1, sizeof *v);
    struct nic *r = add("eth0");

    for (size_t i = 0; i <= LIMIT_STRINGS; i++)
        v[i] = "x";
    REC_SET(r, nic, altnames, ((struct strs){ v, LIMIT_STRINGS + 1 }));
    refused("section nics: altnames has 4097 entries, more than 4096");
    r->altnames.n = LIMIT_STRINGS;
    good();
    v[LIMIT_STRINGS - 1] = "\x7f";
    refused("section nics: altnames is not clean UTF-8 text");
}

Test(normalise, numbers)
{
    struct nic *r = add("eth0");

    REC_SET(r, nic, rx_bytes, (uint64_t)INT64_MAX + 1);
    refused("section nics: rx_bytes is 9223372036854775808, over the largest number "
            "9223372036854775807");
    REC_SET(r, nic, rx_bytes, INT64_MAX);
    REC_SET(r, nic, numa_node, INT64_MIN);
    good();
}

/* A field that is absent may hold anything. */
Test(normalise, absent_fields_do_not_matter)
{
    struct nic *r = add("eth0");

    r->alias = "\xff";
    r->ifindex = UINT64_MAX;
    r->altnames.n = 99999;
    good();
}

Test(normalise, without_memory)
{
    struct arena *small = arena_new(16);

    for (int i = 0; i < 3; i++)
        add(arena_printf(a, "eth%d", i));
    cr_assert_eq(section_normalise(&s, small, &e), -ENOMEM);
    cr_assert_str_eq(e.text, "not enough memory for section nics");
    arena_free(small);
}
