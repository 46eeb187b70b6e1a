/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include "base/limits.h"

static void version_text(struct text *t, const void *data)
{
    (void)data;
    text_line(t, "muster %s", MUSTER_VERSION);
}

static void version_json(struct json *j, const void *data)
{
    (void)data;
    json_str(j, "version", MUSTER_VERSION);
}

static int dispatch(struct run *r)
{
    static const struct view version = { version_text, version_json };

    if (r->version)
        return show(r, &version, NULL);
    if (r->help || r->command == NULL)
        return help_show(r);
    return r->command->handle(r);
}

/* To a monitoring system 2 is "critical": a check that was called wrongly knows nothing. */
static bool is_check(int argc, char **argv)
{
    bool status = false, check = false;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        status = status || strcmp(argv[i], "status") == 0;
        check = check || strcmp(argv[i], "--check") == 0;
    }
    return status && check;
}

int muster_run(int argc, char **argv)
{
    struct run r = { .arena = arena_new(0) };
    int rc;

    if (r.arena == NULL)
        return EXIT_FAILED;
    rc = parse(&r, argc, argv);
    if (rc == 0)
        rc = dispatch(&r);
    else if (is_check(argc, argv))
        rc = CHECK_UNKNOWN;
    muster_disconnect(r.client);
    arena_free(r.arena);
    return rc;
}
