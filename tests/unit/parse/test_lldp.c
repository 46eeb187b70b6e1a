/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/collect.h"
#include "collect/parse_lldp.h"
#include "support/support.h"

static struct arena *a;
static char root[] = "/tmp/muster-lldp-XXXXXX";

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(lldp, .init = set_up, .fini = tear_down);

static struct lldp_rows parse(const char *json)
{
    struct lldp_rows rows;
    struct err e = { "" };

    cr_assert_eq(parse_lldp(bytes_of(json), a, &rows, &e), 0, "%s", e.text);
    return rows;
}

static const char *rows_json(struct lldp_rows rows)
{
    struct section s = {
        .id = SECTION_LLDP, .status = SECTION_OK, .rows = rows.v, .row_count = rows.n
    };
    struct buf out = { 0 };
    const char *text;
    struct err e;

    cr_assert_eq(sections_json(&s, 1, a, &out, &e), 0, "%s", e.text);
    text = arena_strdup(a, buf_cstr(&out));
    buf_deinit(&out);
    return text;
}

static const char *capture_json(const char *name)
{
    struct lldp_rows rows;
    struct err e;

    cr_assert_eq(parse_lldp(capture(a, name), a, &rows, &e), 0, "%s", e.text);
    return rows_json(rows);
}

Test(lldp, captures)
{
    cr_assert(golden_matches("lldp-neighbors.json", capture_json("lldp/neighbors.json")));
    cr_assert(golden_matches("lldp-lab.json", capture_json("lldp/json0.json")));
}

Test(lldp, both_formats_make_the_same_rows)
{
    cr_assert_str_eq(capture_json("lldp/json.json"), capture_json("lldp/json0.json"));
}

Test(lldp, single_elements_of_json_are_no_lists)
{
    struct lldp_rows r = parse("{\"lldp\":{\"interface\":{\"eth0\":{\"chassis\":{\"id\":{\"type\":"
                               "\"mac\",\"value\":\"00:11\"}},\"port\":{\"id\":{\"value\":\"p1\"},"
                               "\"ttl\":\"120\"},\"vlan\":{\"vlan-id\":\"7\",\"pvid\":true}}}}}");

    cr_assert_eq(r.n, 1);
    cr_assert_str_eq(r.v[0].key, "eth0/00:11/p1");
    cr_assert_not(REC_HAS(&r.v[0], lldp, chassis_name));
    cr_assert_eq(r.v[0].pvid, 7);
    cr_assert_eq(r.v[0].vlans.n, 1);
    cr_assert_eq(r.v[0].ttl_s, 120);
    cr_assert_not(REC_HAS(&r.v[0], lldp, aggregated), "no TLV, nothing known");
}

Test(lldp, vlans_are_sorted_by_number)
{
    struct lldp_rows r = parse(
        "{\"lldp\":[{\"interface\":[{\"name\":\"e\",\"chassis\":[{\"id\":[{\"value\":\"c\"}]}],"
        "\"port\":[{\"id\":[{\"value\":\"p\"}]}],\"vlan\":[{\"vlan-id\":\"1000\"},"
        "{\"vlan-id\":\"20\"},{\"vlan-id\":\"3\"},{\"vlan-id\":\"20\"},{\"vlan-id\":\"x\"},"
        "{\"vlan-id\":\"70000\"}]}]}]}");

    cr_assert_eq(r.v[0].vlans.n, 3);
    cr_assert_str_eq(r.v[0].vlans.v[0], "3");
    cr_assert_str_eq(r.v[0].vlans.v[1], "20");
    cr_assert_str_eq(r.v[0].vlans.v[2], "1000");
}

Test(lldp, no_neighbours_and_half_neighbours)
{
    cr_assert_eq(parse("{\"lldp\":[{}]}").n, 0);
    cr_assert_eq(parse("{\"lldp\":{}}").n, 0);
    cr_assert_eq(parse("{\"lldp\":{\"interface\":[{\"eth0\":{\"port\":{\"id\":\"x\"}}}]}}").n, 0);
    cr_assert_eq(parse("{\"lldp\":{\"interface\":[1,\"x\",null,[],{\"eth0\":7}]}}").n, 0);
}

Test(lldp, one_neighbour_heard_twice_is_one_row)
{
#define SAME "{\"e\":{\"chassis\":{\"id\":\"c\"},\"port\":{\"id\":\"p\"}}}"
    cr_assert_eq(parse("{\"lldp\":{\"interface\":[" SAME "," SAME "]}}").n, 1);
}

Test(lldp, what_is_no_answer_is_refused)
{
    static const char *const cases[] = { "", "{", "[]", "{\"x\":1}", "null", "{\"lldp\":3}" };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lldp_rows rows;
        struct err e = { "" };

        cr_expect_eq(parse_lldp(bytes_of(cases[i]), a, &rows, &e), -EBADMSG, "%s", cases[i]);
        cr_expect_neq(e.text[0], '\0');
    }
}

/* A root with an lldpctl that does what `script` says, and with lldpd's socket. */
static void make_root(const char *script)
{
    const char *lldpctl;
    FILE *f;

    cr_assert_not_null(mkdtemp(root));
    mkdir(arena_printf(a, "%s/usr", root), 0755);
    mkdir(arena_printf(a, "%s/usr/sbin", root), 0755);
    mkdir(arena_printf(a, "%s/run", root), 0755);
    lldpctl = arena_printf(a, "%s/usr/sbin/lldpctl", root);
    f = fopen(lldpctl, "w");
    fprintf(f, "#!/bin/sh\n%s\n", script);
    fclose(f);
    chmod(lldpctl, 0755);
    f = fopen(arena_printf(a, "%s/run/lldpd.socket", root), "w");
    fclose(f);
}

static void remove_root(void)
{
    unlink(arena_printf(a, "%s/usr/sbin/lldpctl", root));
    unlink(arena_printf(a, "%s/run/lldpd.socket", root));
    rmdir(arena_printf(a, "%s/usr/sbin", root));
    rmdir(arena_printf(a, "%s/usr", root));
    rmdir(arena_printf(a, "%s/run", root));
    rmdir(root);
}

static struct section collect(void)
{
    struct collect_request req = { .sys_root = root };
    struct section s;
    struct err e = { "" };
    struct bytes memory;
    size_t count;

    cr_assert_eq(collect_run(WORKER_LLDP, &req, a, &s, &count, &memory, &e), 0, "%s", e.text);
    cr_assert_eq(count, 1);
    return s;
}

Test(lldp, the_program_is_run_and_read)
{
    struct section s;

    make_root(arena_printf(a, "[ \"$*\" = '-f json0' ] && exec cat %s/captures/lldp/json0.json",
                           TEST_DATA));
    s = collect();
    remove_root();
    cr_assert_eq(s.status, SECTION_OK, "%s", s.status_text);
    cr_assert_eq(s.row_count, 2);
}

Test(lldp, without_the_daemon_the_section_is_absent)
{
    struct section s;

    make_root("exit 0");
    unlink(arena_printf(a, "%s/run/lldpd.socket", root));
    s = collect();
    remove_root();
    cr_assert_eq(s.status, SECTION_ABSENT);
    cr_assert_str_eq(s.status_text, "lldpd is not running");
}

Test(lldp, failures_of_the_program_are_told)
{
    static const struct {
        const char *script, *text;
    } cases[] = {
        { "exit 3", "failed with status 3" },
        { "kill -9 $$", "was ended by signal 9" },
        { "echo no", "is not JSON" },
        { "yes | head -c 5000000", "answered more than" },
        { "exec tail -f /dev/null", "did not answer in" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct section s;

        memcpy(root + sizeof root - 7, "XXXXXX", 6);
        make_root(cases[i].script);
        s = collect();
        remove_root();
        cr_expect_eq(s.status, SECTION_FAILED, "%s", cases[i].script);
        cr_expect_not_null(strstr(s.status_text, cases[i].text), "%s", s.status_text);
        cr_expect_eq(s.row_count, 0);
    }
}
