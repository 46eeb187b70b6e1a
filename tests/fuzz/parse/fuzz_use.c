/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of mountinfo, after "--" of /proc/swaps, after another "--" what else is told of uses: each
 * line a loop device's file, a guest's parameters, a name of a backend and a process's stat. */
#include "collect/parse_use.h"
#include "fuzz.h"

enum { LINES = 64 };

static const char *const holders[] = { "dm-1", "md0" };

static const struct block_container containers[] = {
    { .container = "naa.1",
      .device = "sdb",
      .devnum = DM_DEVNUM(8, 16),
      .holders = { holders, 2 } },
    { .container = "naa.2", .device = "sdc", .devnum = DM_DEVNUM(8, 32) },
    { .container = "loop.b:810:7", .device = "loop0", .devnum = DM_DEVNUM(7, 0) },
};
static const struct use_source sources[] = { { "/dev/sdb", DM_DEVNUM(8, 16) },
                                             { "/dev/sdc", DM_DEVNUM(8, 32) } };
static const struct use_member members[] = { { 0, DM_DEVNUM(8, 16) }, { 0, DM_DEVNUM(8, 32) } };

static struct bytes part(struct bytes *rest)
{
    const uint8_t *cut = rest->n == 0 ? NULL : memmem(rest->p, rest->n, "--\n", 3);
    struct bytes out = { rest->p, cut == NULL ? rest->n : (size_t)(cut - rest->p) };
    size_t used = out.n + (cut == NULL ? 0 : 3);

    *rest = (struct bytes){ rest->p == NULL ? NULL : rest->p + used, rest->n - used };
    return out;
}

static void guest(struct bytes line, struct use_guest *g, struct use_open *o)
{
    struct bytes none = { NULL, 0 };
    uint64_t started;

    *g = (struct use_guest){ .type = "vbd" };
    use_guest_name(line, g);
    use_guest_set(g, line, none, line, line);
    *o = (struct use_open){ .devnum = DM_DEVNUM(8, 16) };
    if (use_process(line, o->program, &started) && memchr(o->program, 0, USE_PROGRAM_BYTES) == NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64u << 20);
    struct bytes rest = { data, size }, line;
    struct use_namespace spaces[2] = { { .id = 0 }, { .id = 7, .pid = 1, .program = "x" } };
    struct use_loop loops[LINES];
    struct use_guest guests[LINES];
    struct use_open opens[LINES];
    struct use_holder holder = { .device = "dm-1" };
    struct use_input in = { .containers = containers,
                            .container_count = ARRAY_LEN(containers),
                            .sources = sources,
                            .source_count = ARRAY_LEN(sources),
                            .members = members,
                            .member_count = ARRAY_LEN(members) };
    struct use_rows rows;
    struct err e = { "" };
    size_t n = 0;
    int rc;

    spaces[0].mountinfo = spaces[1].mountinfo = part(&rest);
    in.swaps = part(&rest);
    holder.name = holder.uuid = rest;
    while (n < LINES && bytes_line(&rest, &line)) {
        loops[n] = (struct use_loop){ .device = "loop0", .devnum = DM_DEVNUM(7, 0), .file = line };
        guest(line, &guests[n], &opens[n]);
        n++;
    }
    in.namespaces = spaces;
    in.namespace_count = 2;
    in.holders = &holder;
    in.loops = loops;
    in.guests = guests;
    in.opens = opens;
    in.holder_count = 1;
    in.loop_count = in.guest_count = in.open_count = n;
    rc = parse_uses(&in, a, &rows, &e);
    result_is_good(rc, &e);
    if (rc == 0)
        rows_are_good(a, SECTION_USES, rows.v, rows.n);
    arena_free(a);
    return 0;
}
