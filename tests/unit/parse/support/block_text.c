/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "support/block.h"

void block_host_init(struct block_host *h, struct arena *a)
{
    memset(h, 0, sizeof *h);
    h->a = h->tree.a = a;
}

int block_host_finish(struct block_host *h, struct err *e)
{
    h->in.maps = h->maps;
    h->in.loops = h->loops;
    return tree_finish(&h->tree, &h->in.tree, e);
}

static const char *text_of(struct block_host *h, struct bytes b)
{
    return arena_strndup(h->a, (const char *)b.p, b.n);
}

static int hex(uint8_t c)
{
    const char *digits = "0123456789abcdef", *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

static struct bytes unescaped(struct block_host *h, struct bytes b)
{
    uint8_t *out = arena_alloc(h->a, b.n);
    size_t n = 0;

    for (size_t i = 0; i < b.n && out != NULL; i++) {
        if (b.n - i >= 4 && b.p[i] == '\\' && b.p[i + 1] == 'x' && hex(b.p[i + 2]) >= 0 &&
            hex(b.p[i + 3]) >= 0) {
            out[n++] = (uint8_t)(hex(b.p[i + 2]) << 4 | hex(b.p[i + 3]));
            i += 3;
        } else {
            out[n++] = b.p[i];
        }
    }
    return (struct bytes){ out, n };
}

/* Joins the folder and what NAME has in front; *name becomes the last part. */
static const char *inner_dir(struct block_host *h, const char *dir, struct bytes *name)
{
    const uint8_t *slash = memrchr(name->p, '/', name->n);
    size_t n = slash == NULL ? 0 : (size_t)(slash - name->p);
    const char *out = dir;

    if (slash == NULL)
        return dir;
    out = arena_printf(h->a, "%s/%.*s", dir, (int)n, (const char *)name->p);
    name->p += n + 1;
    name->n -= n + 1;
    return out;
}

static void tree_line(struct block_host *h, const char *dir, struct bytes line)
{
    const uint8_t *equals = memmem(line.p, line.n, " = ", 3);
    const uint8_t *arrow = memmem(line.p, line.n, " -> ", 4);
    struct bytes name = line, value = { NULL, 0 };
    const char *text;

    if (equals != NULL) {
        name.n = (size_t)(equals - line.p);
        value = unescaped(h, (struct bytes){ equals + 3, line.n - name.n - 3 });
    } else if (arrow != NULL) {
        name.n = (size_t)(arrow - line.p);
        value = (struct bytes){ arrow + 4, line.n - name.n - 4 };
    } else if (line.n > 1 && line.p[line.n - 1] == '/') {
        name.n--;
    } else {
        return;
    }
    dir = inner_dir(h, dir, &name);
    text = text_of(h, name);
    if (dir == NULL || text == NULL)
        return;
    if (equals != NULL)
        tree_add_file(&h->tree, dir, text, value);
    else if (arrow != NULL)
        tree_add_link(&h->tree, dir, text, text_of(h, value));
    else
        tree_add_dir(&h->tree, dir, text);
}

static void class_line(struct block_host *h, const char *dir, struct bytes rest)
{
    struct bytes class;
    const char *where;

    if (!bytes_word(&rest, " ", &class))
        return;
    where = bytes_equal(class, "block")
                ? "/sys/block"
                : arena_printf(h->a, "/sys/class/%.*s", (int)class.n, (const char *)class.p);
    tree_add_link(&h->tree, where, text_of(h, rest), dir);
}

static void map_line(struct block_host *h, struct bytes rest)
{
    struct dm_text *m = &h->maps[h->in.map_count];
    struct bytes number;
    uint64_t devnum;

    if (h->in.map_count == BLOCK_MAPS || !bytes_word(&rest, " ", &number) ||
        !dm_devnum(number, &devnum))
        return;
    m->major = (uint32_t)(devnum >> 32);
    m->minor = (uint32_t)devnum;
    bytes_word(&rest, " ", &m->name);
    bytes_word(&rest, " ", &m->uuid);
    m->suspended = bytes_equal(rest, "suspended");
    h->in.map_count++;
}

/* Lines of one map stay together. */
static void add_line(struct block_host *h, struct bytes *to, struct bytes line)
{
    const char *text = arena_printf(h->a, "%.*s%.*s\n", (int)to->n, (const char *)to->p,
                                    (int)line.n, (const char *)line.p);

    if (text != NULL)
        *to = bytes_of(text);
}

static void loop_line(struct block_host *h, struct bytes rest)
{
    struct loop_facts *f = &h->loops[h->in.loop_count];
    struct bytes name, dev, inode;

    if (h->in.loop_count == BLOCK_LOOPS || !bytes_word(&rest, " ", &name) ||
        !bytes_word(&rest, " ", &dev) || !bytes_word(&rest, " ", &inode))
        return;
    f->device = text_of(h, name);
    f->dev = bytes_number(dev, 16).v;
    f->inode = bytes_number(inode, 10).v;
    f->file = "";
    f->stuck = bytes_equal(rest, "stuck");
    h->in.loop_count++;
}

static bool taken(struct bytes *line, const char *word)
{
    size_t n = strlen(word);

    if (line->n <= n || memcmp(line->p, word, n) != 0 || line->p[n] != ' ')
        return false;
    line->p += n + 1;
    line->n -= n + 1;
    return true;
}

static void any_line(struct block_host *h, const char *dir, struct bytes line)
{
    struct dm_text *map = h->in.map_count == 0 ? NULL : &h->maps[h->in.map_count - 1];

    if (taken(&line, "map"))
        map_line(h, line);
    else if (taken(&line, "table") && map != NULL)
        add_line(h, &map->table, line);
    else if (taken(&line, "status") && map != NULL)
        add_line(h, &map->status, line);
    else if (taken(&line, "loop"))
        loop_line(h, line);
    else if (taken(&line, "boot"))
        h->in.boot_id = text_of(h, line);
    else if (taken(&line, "multipathd"))
        h->in.multipathd = line;
    else if (taken(&line, "class"))
        class_line(h, dir, line);
    else
        tree_line(h, dir, line);
}

void block_host_text(struct block_host *h, struct bytes text)
{
    const char *dir = "";
    struct bytes line;

    while (bytes_line(&text, &line)) {
        line = bytes_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (line.p[0] == '[' && line.p[line.n - 1] == ']') {
            dir = text_of(h, (struct bytes){ line.p + 1, line.n - 2 });
            if (dir == NULL)
                return;
            continue;
        }
        any_line(h, dir, line);
    }
}
