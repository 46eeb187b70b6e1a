/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_dm.h"

/* Words of one line, one after the other; a word that is not there is empty. */
static struct bytes next_word(struct bytes *rest)
{
    struct bytes word;

    while (bytes_word(rest, " ", &word)) {
        if (word.n > 0)
            return word;
    }
    return (struct bytes){ NULL, 0 };
}

static struct opt next_number(struct bytes *rest)
{
    return bytes_number(next_word(rest), 10);
}

/* A count and as many words. False: they are not there. */
static bool skip_counted(struct bytes *rest)
{
    struct opt count = next_number(rest);

    if (!count.has || count.v > rest->n)
        return false;
    for (uint64_t i = 0; i < count.v; i++) {
        if (next_word(rest).n == 0)
            return false;
    }
    return true;
}

bool dm_devnum(struct bytes text, uint64_t *devnum)
{
    struct bytes word;
    struct opt major, minor;

    text = bytes_trim(text);
    if (!bytes_word(&text, ":", &word))
        return false;
    major = bytes_number(word, 10);
    minor = bytes_number(text, 10);
    if (!major.has || !minor.has || major.v > UINT32_MAX || minor.v > UINT32_MAX)
        return false;
    *devnum = DM_DEVNUM(major.v, minor.v);
    return true;
}

static struct dm_path *path_of(struct dm_map *map, uint64_t devnum)
{
    for (size_t i = 0; i < map->path_count; i++) {
        if (map->paths[i].devnum == devnum)
            return &map->paths[i];
    }
    return NULL;
}

/* NPATHS NARGS and the paths of one group. `status`: each path has its state and its failures in
 * front of the selector's words. */
static bool group_paths(struct bytes *rest, uint32_t group, char group_state, bool status,
                        struct dm_map *map)
{
    struct opt count = next_number(rest), args = next_number(rest);

    if (!count.has || !args.has || count.v > rest->n || args.v > rest->n)
        return false;
    for (uint64_t i = 0; i < count.v; i++) {
        struct dm_path p = { .group = group, .group_state = group_state }, *known;
        bool good = dm_devnum(next_word(rest), &p.devnum);

        if (good && status) {
            struct bytes state = next_word(rest);

            p.state = state.n == 1 ? (char)state.p[0] : 0;
            p.failures = next_number(rest);
        }
        for (uint64_t k = 0; k < args.v && good; k++)
            good = next_word(rest).n > 0;
        if (!good)
            return false;
        known = path_of(map, p.devnum);
        if (known == NULL && !status)
            map->paths[map->path_count++] = p;
        else if (known != NULL && status)
            *known = p;
    }
    return true;
}

static bool has_feature(struct bytes params, const char *name)
{
    struct opt count = next_number(&params);

    for (uint64_t i = 0; count.has && i < count.v && params.n > 0; i++) {
        if (bytes_equal(next_word(&params), name))
            return true;
    }
    return false;
}

/* FEATURES HANDLER GROUPS NEXT, then for each group in a table SELECTOR and its words, in a status
 * STATE and the selector's words, and then its paths. */
static void multipath_line(struct bytes params, bool status, struct dm_map *map)
{
    struct opt groups, next;

    if (!status)
        map->queue_without_path = has_feature(params, "queue_if_no_path");
    if (!skip_counted(&params) || !skip_counted(&params))
        return;
    groups = next_number(&params);
    next = next_number(&params);
    for (uint32_t i = 1; groups.has && next.has && i <= groups.v; i++) {
        struct bytes word = next_word(&params);
        char state = status && word.n == 1 ? (char)word.p[0] : 0;

        if (word.n == 0 || !skip_counted(&params) || !group_paths(&params, i, state, status, map))
            return;
    }
}

static void linear_line(struct bytes params, struct dm_map *map)
{
    if (dm_devnum(next_word(&params), &map->below))
        map->linear_start = next_number(&params);
}

static void table_line(struct bytes line, size_t lines, bool status, struct dm_map *map)
{
    struct bytes type;

    next_word(&line);
    next_word(&line);
    type = next_word(&line);
    if (bytes_equal(type, "multipath") && lines == 1) {
        map->multipath = true;
        multipath_line(line, status, map);
    } else if (bytes_equal(type, "linear") && lines == 1 && !status) {
        linear_line(line, map);
    }
}

/* Colons are at least as many as paths. */
static size_t most_paths(struct bytes table)
{
    size_t n = 0;

    for (size_t i = 0; i < table.n; i++)
        n += table.p[i] == ':';
    return n;
}

static size_t line_count(struct bytes text)
{
    struct bytes line;
    size_t n = 0;

    while (bytes_line(&text, &line))
        n += line.n > 0;
    return n;
}

void parse_dm(struct rows *r, const struct dm_text *text, struct dm_map *map)
{
    struct bytes table = text->table, status = text->status, line;
    size_t lines = line_count(table);

    map->name = rows_text(r, text->name);
    map->uuid = rows_text(r, text->uuid);
    map->devnum = DM_DEVNUM(text->major, text->minor);
    map->suspended = text->suspended;
    map->read_only = text->read_only;
    map->open_count = text->open_count;
    map->paths = rows_array(r, most_paths(table), sizeof *map->paths);
    if (map->paths == NULL)
        return;
    while (bytes_line(&table, &line))
        table_line(line, lines, false, map);
    while (bytes_line(&status, &line))
        table_line(line, lines, true, map);
}
