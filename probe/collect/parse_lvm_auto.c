/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_lvm_auto.h"

#include <errno.h>

#include "base/limits.h"
#include "collect/rows.h"

/* ---- the configuration ---------------------------------------------------------------------- */

static const char *after(struct bytes line, const char *name, size_t *n)
{
    size_t k = strlen(name);

    if (line.n < k || memcmp(line.p, name, k) != 0)
        return NULL;
    *n = line.n - k;
    return (const char *)line.p + k;
}

/* A text in quotes, in which a backslash takes its meaning from what follows; at *to, which has
 * room. False: there is none. */
static bool take_text(struct bytes *at, char **to)
{
    char *out = *to;

    if (at->n == 0 || at->p[0] != '"')
        return false;
    for (size_t i = 1; i < at->n; i++) {
        if (at->p[i] == '"') {
            *out++ = '\0';
            *to = out;
            *at = (struct bytes){ at->p + i + 1, at->n - i - 1 };
            return true;
        }
        i += at->p[i] == '\\' && i + 1 < at->n;
        *out++ = (char)at->p[i];
    }
    return false;
}

static void skip(struct bytes *at, char x, char y)
{
    while (at->n > 0 && (at->p[0] == x || at->p[0] == y))
        *at = (struct bytes){ at->p + 1, at->n - 1 };
}

/* ["one","two"]; a single one has no brackets if its operator has written none. */
static int take_list(struct bytes at, struct arena *a, struct strs *out)
{
    const char **v = arena_array(a, LIMIT_STRINGS, sizeof *v);
    char *to = arena_alloc(a, at.n + 1);
    size_t n = 0;

    if (v == NULL || to == NULL)
        return -ENOMEM;
    for (skip(&at, '[', ' '); at.n > 0 && at.p[0] != ']'; skip(&at, ',', ' ')) {
        if (n == LIMIT_STRINGS)
            return -EBADMSG;
        v[n++] = to;
        if (!take_text(&at, &to))
            return -EBADMSG;
    }
    *out = (struct strs){ v, n };
    return 0;
}

int parse_lvm_auto(struct bytes text, struct arena *a, struct lvm_auto *out)
{
    struct bytes line;
    bool told = false;
    int rc = 0;

    out->event_activation = out->listed = false;
    out->list = (struct strs){ NULL, 0 };
    while (rc == 0 && bytes_line(&text, &line)) {
        size_t n;
        const char *value = after(line, "event_activation=", &n);

        if (value != NULL) {
            told = true;
            out->event_activation = n != 1 || value[0] != '0';
        }
        value = after(line, "auto_activation_volume_list=", &n);
        if (value != NULL) {
            out->listed = true;
            rc = take_list((struct bytes){ (const uint8_t *)value, n }, a, &out->list);
        }
    }
    return rc == 0 && !told ? -EBADMSG : rc;
}

/* ---- what it means for a volume group ------------------------------------------------------- */

static bool has_tag(const struct strs *tags, const char *tag)
{
    for (size_t i = 0; i < tags->n; i++) {
        if (strcmp(tag, "*") == 0 || strcmp(tags->v[i], tag) == 0)
            return true;
    }
    return false;
}

static bool names_tag(const char *tag, const struct vg *vg, const struct lv *lvs, size_t n)
{
    bool found = has_tag(&vg->tags, tag);

    for (size_t i = 0; i < n && !found; i++)
        found = lvs[i].vg_uuid != NULL && strcmp(lvs[i].vg_uuid, vg->uuid) == 0 &&
                has_tag(&lvs[i].tags, tag);
    return found;
}

/* An entry of the list that names it, or an LV of it; NULL: none. Which tags this host has is not
 * read: any tag may be one of them. */
static const char *named_by(const struct lvm_auto *x, const struct vg *vg, const struct lv *lvs,
                            size_t n)
{
    size_t k = strlen(vg->name);

    for (size_t i = 0; i < x->list.n; i++) {
        const char *entry = x->list.v[i];

        if (entry[0] == '@'
                ? names_tag(entry + 1, vg, lvs, n)
                : strncmp(entry, vg->name, k) == 0 && (entry[k] == '\0' || entry[k] == '/'))
            return entry;
    }
    return NULL;
}

/* NULL: nothing of this host does. */
static const char *activator(const struct lvm_auto *x, struct arena *a)
{
    if (x->event_activation)
        return x->rule == NULL
                   ? NULL
                   : arena_printf(a, "udev's %s has LVM activate it when its PVs appear", x->rule);
    return x->generator == NULL
               ? NULL
               : arena_printf(a, "systemd's %s has LVM activate it at boot", x->generator);
}

int lvm_auto_text(const struct lvm_auto *x, const struct vg *vg, const struct lv *lvs, size_t n,
                  struct arena *a, const char **out)
{
    bool off = REC_HAS(vg, vg, autoactivation) && !vg->autoactivation;
    const char *entry, *what;

    *out = NULL;
    if (off || (x->event_activation ? x->rule : x->generator) == NULL || vg->name == NULL ||
        vg->uuid == NULL)
        return 0;
    entry = x->listed ? named_by(x, vg, lvs, n) : NULL;
    if (x->listed && entry == NULL)
        return 0;
    what = activator(x, a);
    if (what == NULL)
        return -ENOMEM;
    *out = entry == NULL
               ? arena_printf(a,
                              "%s, and no activation/auto_activation_volume_list keeps "
                              "LVM from it",
                              what)
               : arena_printf(a, "%s, and activation/auto_activation_volume_list names %s", what,
                              entry);
    return *out == NULL ? -ENOMEM : 0;
}
