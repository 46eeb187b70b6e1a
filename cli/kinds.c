/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kinds of resources are called. */
#include "nouns.h"

#include "cli/order.h"

static const struct {
    const char *title, *one, *many;
} words[RANKS] = {
    [RESOURCE_NETWORK] = { "NETWORK", "declared network", "declared networks" },
    [RESOURCE_LUN] = { "LUN", "LUN", "LUNs" },
    [RESOURCE_VG] = { "VOLUME GROUP", "volume group", "volume groups" },
    [RESOURCE_LV] = { "LOGICAL VOLUME", "logical volume", "logical volumes" },
    [RESOURCE_FILESYSTEM] = { "FILESYSTEM", "filesystem", "filesystems" },
    [RESOURCE_IMAGE] = { "IMAGE", "image", "images" },
    [RANK_OTHER] = { "RESOURCE", "resource of another kind", "resources of other kinds" },
    [RANK_PORT] = { "RESOURCE", "unproven port", "unproven ports" },
};

const char *rank_title(unsigned rank)
{
    return words[rank].title;
}

const char *rank_counted(struct text *t, unsigned rank, uint64_t n)
{
    return counted(t, n, words[rank].one, words[rank].many);
}

struct ranks ranks_of(const struct reply *r)
{
    const struct resource_info *x = r->resources.v;
    struct ranks k = { { { 0, 0, 0 } } };

    for (size_t i = 0; i < r->resources.n; i++) {
        struct rank *rank = &k.of[resource_rank(&x[i])];

        if (rank->n++ == 0)
            rank->first = i;
    }
    for (size_t i = 0; i < r->edges.n; i++)
        k.of[resource_rank(resource_of(r, (const struct edge_info *)r->edges.v + i))].edges++;
    return k;
}

const char *resource_word(const struct reply *r, const struct resource_info *x)
{
    const struct resource_info *y = r->resources.v;

    for (size_t i = 0; i < r->resources.n; i++) {
        if (&y[i] != x && y[i].label != NULL && x->label != NULL && x->key != NULL &&
            strcmp(y[i].label, x->label) == 0)
            return x->key;
    }
    return x->label;
}

static bool same_name(const struct resource_info *x, const struct resource_info *y)
{
    return x->label != NULL && y->label != NULL && strcmp(x->label, y->label) == 0 &&
           resource_rank(x) == resource_rank(y);
}

const char *resource_shown(struct text *t, const struct reply *r, const struct resource_info *x)
{
    const struct resource_info *first = r->resources.v;
    size_t i = (size_t)(x - first);
    const char *at = x->key != NULL ? strchr(x->key, '@') : NULL;

    if ((i == 0 || !same_name(x, x - 1)) && (i + 1 >= r->resources.n || !same_name(x, x + 1)))
        return x->label != NULL ? x->label : "?";
    return text_format(t, "%s in %s", x->label, at != NULL ? at + 1 : x->key);
}

int kind_checked(struct run *r, const char **kind)
{
    *kind = option_value(r, "kind");
    if (*kind == NULL || resource_kind_by_name(*kind) >= 0)
        return 0;
    return fail(r, "usage", NULL, "--kind takes network, lun, vg, lv or filesystem, not '%s'",
                *kind);
}
