/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts: man 5 proc, /proc/PID/mountinfo. */
#include "collect/parse_use_rows.h"

static bool is_octal(uint8_t c)
{
    return c >= '0' && c <= '7';
}

struct bytes use_unescape(struct rows *r, struct bytes b)
{
    struct bytes out = { NULL, 0 };
    uint8_t *p;

    if (b.n == 0 || memchr(b.p, '\\', b.n) == NULL)
        return b;
    p = rows_array(r, b.n, 1);
    if (p == NULL)
        return out;
    out.p = p;
    for (size_t i = 0; i < b.n; i++) {
        const uint8_t *c = b.p + i;

        if (*c == '\\' && b.n - i > 3 && is_octal(c[1]) && is_octal(c[2]) && is_octal(c[3])) {
            p[out.n++] = (uint8_t)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
            i += 3;
        } else {
            p[out.n++] = *c;
        }
    }
    return out;
}

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG]... - TYPE SOURCE SUPER-OPTIONS */
static bool mount_line(struct bytes line, struct use_mount *out)
{
    struct bytes id, parent, devnum, word;
    bool good = bytes_word(&line, " ", &id) && bytes_word(&line, " ", &parent) &&
                bytes_word(&line, " ", &devnum) && bytes_word(&line, " ", &out->root) &&
                bytes_word(&line, " ", &out->point) && bytes_word(&line, " ", &out->options) &&
                dm_devnum(devnum, &out->devnum);

    while (good && bytes_word(&line, " ", &word)) {
        if (bytes_equal(word, "-"))
            return bytes_word(&line, " ", &out->type) && bytes_word(&line, " ", &out->source) &&
                   bytes_word(&line, " ", &out->super_options) && out->point.n > 0;
    }
    return false;
}

bool use_mount_next(struct bytes *rest, struct use_mount *out)
{
    struct bytes line;

    while (bytes_line(rest, &line)) {
        *out = (struct use_mount){ .devnum = 0 };
        if (mount_line(line, out))
            return true;
    }
    return false;
}

static bool has_option(struct bytes options, struct bytes name)
{
    struct bytes word;

    while (bytes_word(&options, ",", &word)) {
        if (word.n == name.n && memcmp(word.p, name.p, name.n) == 0)
            return true;
    }
    return false;
}

static bool is_read_only(const struct use_mount *m)
{
    return has_option(m->options, bytes_of("ro")) || has_option(m->super_options, bytes_of("ro"));
}

/* ",NAME" of those that are not in `but`, nor ro and rw. */
static size_t add_options(uint8_t *out, size_t n, struct bytes options, struct bytes but)
{
    struct bytes word;

    while (bytes_word(&options, ",", &word)) {
        if (word.n == 0 || bytes_equal(word, "ro") || bytes_equal(word, "rw") ||
            has_option(but, word))
            continue;
        out[n++] = ',';
        memcpy(out + n, word.p, word.n);
        n += word.n;
    }
    return n;
}

/* As /proc/mounts has them: what it may come to, the mount's, the file system's. */
static const char *all_options(struct rows *r, const struct use_mount *m)
{
    uint8_t *out = rows_array(r, m->options.n + m->super_options.n + 4, 1);
    size_t n = 2;

    if (out == NULL)
        return NULL;
    memcpy(out, is_read_only(m) ? "ro" : "rw", 2);
    n = add_options(out, n, m->options, (struct bytes){ NULL, 0 });
    n = add_options(out, n, m->super_options, m->options);
    return rows_text(r, (struct bytes){ out, n });
}

/* What is left of `path` in the folder; false: it is not in it. */
static bool below(struct bytes path, struct bytes folder, struct bytes *rest)
{
    size_t n = bytes_equal(folder, "/") ? 0 : folder.n;

    if (path.n == 0 || path.p[0] != '/' || path.n < n || memcmp(path.p, folder.p, n) != 0 ||
        (path.n > n && path.p[n] != '/'))
        return false;
    *rest = path.n == n ? bytes_of("/") : (struct bytes){ path.p + n, path.n - n };
    return true;
}

static struct bytes own_mountinfo(const struct use_input *in)
{
    return in->namespace_count == 0 ? (struct bytes){ NULL, 0 } : in->namespaces[0].mountinfo;
}

void use_read_mounts(struct use_builder *b)
{
    struct bytes text = own_mountinfo(b->in);
    struct use_mount m;
    size_t n = 0;

    while (use_mount_next(&text, &m))
        n++;
    b->mounts = rows_array(&b->r, n, sizeof *b->mounts);
    text = own_mountinfo(b->in);
    while (b->mounts != NULL && b->mount_count < n && use_mount_next(&text, &m)) {
        m.point = use_unescape(&b->r, m.point);
        b->mounts[b->mount_count++] = m;
    }
}

bool use_mount_of(struct use_builder *b, struct bytes path, struct use_mount *out,
                  struct bytes *inside)
{
    struct bytes best = { NULL, 0 }, rest = { NULL, 0 }, root;

    for (size_t i = 0; i < b->mount_count; i++) {
        struct bytes point = b->mounts[i].point;

        if (point.n >= best.n && point.n > 0 && below(path, point, &rest)) {
            best = point;
            *out = b->mounts[i];
            *inside = rest;
        }
    }
    if (best.n == 0)
        return false;
    root = use_unescape(&b->r, out->root);
    if (root.n > 1) { /* the mount shows a folder of it alone */
        uint8_t *p = rows_array(&b->r, root.n + inside->n, 1);

        if (p == NULL)
            return false;
        memcpy(p, root.p, root.n);
        memcpy(p + root.n, inside->p, inside->n);
        *inside = (struct bytes){ p, root.n + inside->n };
    }
    return true;
}

static void mount_here(struct use_builder *b, struct use_slot *s, const char *point,
                       struct use_fact *f)
{
    s->mounted = true;
    s->mounted_rw |= f->read_only.v == 0;
    if (s->mounts++ >= USE_MOUNTS_MAX) {
        b->cut = true;
        return;
    }
    f->where = point;
    f->used_by = point;
    use_add(b, s, f);
}

static bool is_known(const struct use_slot *s, struct bytes point, bool read_only)
{
    for (const struct use_point *p = s->elsewhere; p != NULL; p = p->next) {
        if (p->read_only == read_only && p->point.n == point.n &&
            memcmp(p->point.p, point.p, point.n) == 0)
            return true;
    }
    return false;
}

/* Namespaces are full of copies of what is mounted here: they say nothing more. */
static void mount_elsewhere(struct use_builder *b, struct use_slot *s,
                            const struct use_namespace *ns, struct bytes raw, const char *point,
                            struct use_fact *f)
{
    bool read_only = f->read_only.v != 0;
    struct use_point *p;

    if ((s->mounted && (s->mounted_rw || read_only)) || is_known(s, raw, read_only))
        return;
    if (s->mounts_elsewhere >= USE_MOUNTS_MAX) {
        b->cut = true;
        return;
    }
    p = rows_array(&b->r, 1, sizeof *p);
    if (p == NULL)
        return;
    *p = (struct use_point){ raw, read_only, s->elsewhere };
    s->elsewhere = p;
    s->mounts_elsewhere++;
    f->where = rows_printf(&b->r, "mnt:[%llu]%s", (unsigned long long)ns->id, point);
    f->used_by = rows_printf(&b->r, "%s (%s[%u])", point, ns->program, ns->pid);
    use_add(b, s, f);
}

static void one_mount(struct use_builder *b, const struct use_namespace *ns,
                      const struct use_mount *m)
{
    struct use_fact f = { .kind = "mount", .read_only = { true, is_read_only(m) } };
    size_t n = use_slots_of(b, m);
    const char *point;

    if (n == 0)
        return;
    point = rows_text(&b->r, use_unescape(&b->r, m->point));
    f.type = rows_text(&b->r, use_unescape(&b->r, m->type));
    f.options = all_options(&b->r, m);
    for (size_t i = 0; i < n && point != NULL; i++) {
        if (ns->id == 0)
            mount_here(b, b->found[i], point, &f);
        else
            mount_elsewhere(b, b->found[i], ns, m->point, point, &f);
    }
}

void use_add_mounts(struct use_builder *b)
{
    for (size_t i = 0; i < b->in->namespace_count && !b->r.failed; i++) {
        struct bytes text = b->in->namespaces[i].mountinfo;
        struct use_mount m;

        while (use_mount_next(&text, &m))
            one_mount(b, &b->in->namespaces[i], &m);
    }
}
