/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a volume group is to consist of: LUNs, and partitions of LUNs. A partition is no resource:
 * the right to change it is one on its LUN, of which so nothing else may be in use meanwhile. */
#include <errno.h>

#include "core/core_internal.h"
#include "core/query.h"

/* ---- what a container is -------------------------------------------------------------------- */

struct resource *vg_lun(const struct coord *c, const char *container)
{
    size_t n = twin_root_length(container);
    char key[KEY_MOST + 1];

    if (n > KEY_MOST)
        return NULL;
    memcpy(key, container, n);
    key[n] = '\0';
    return resource_by_id(c, resource_seen_id(NULL, RESOURCE_LUN, key));
}

/* 1: it sees all that the container is; 0: not; or -ENOMEM. */
static int sees_partition(struct coord *c, struct node *n, const char *container)
{
    int rc = rows_unpack(c, n);

    return rc < 0 ? rc : row_by_key(&n->sections[SECTION_PARTITIONS], container) != NULL;
}

int vg_sees(struct coord *c, struct node *n, const char *container)
{
    const struct resource *r = vg_lun(c, container);
    const struct edge *e = r == NULL ? NULL : edge_find(n, r);

    if (e == NULL || e->shown != EDGE_OK)
        return 0;
    return container[twin_root_length(container)] == '\0' ? 1 : sees_partition(c, n, container);
}

static int any_sees(struct coord *c, const struct resource *lun, const char *container)
{
    int rc = 0;

    for (const struct edge *e = lun->edges; rc == 0 && e != NULL; e = e->next)
        rc = sees_partition(c, e->node, container);
    return rc;
}

/* ---- what an operator names ----------------------------------------------------------------- */

/* Partitions are known by name, other things by rows. */
static bool holds_anything(const struct object *o, bool partitions)
{
    for (const struct link *l = o->below.next; l != &o->below; l = l->next) {
        const struct relation *r = container_of(l, struct relation, of_parent);

        if (partitions || r->child->by_name != r)
            return true;
    }
    return false;
}

/* Something that is not the LUN itself lies at it; *why is NULL: nothing does. `whole`: it is the
 * LUN of a partition, of which neither other partitions count nor what nobody sees any more. 0 or
 * -ENOMEM. */
static int lies_on(struct answer *q, const struct object *o, const struct resource *lun, bool whole,
                   const char **why)
{
    const char *where = whole ? "the whole of its LUN" : "it already", *label;
    bool any = holds_anything(o, !whole);

    *why = any ? arena_printf(q->a, "something lies on %s", where) : NULL;
    for (const struct link *l = o->seats.next; l != &o->seats; l = l->next) {
        const struct resource *r = container_of(l, struct seat, link)->resource;

        if (r == lun || (whole && !vg_is_seen(r)))
            continue;
        label = resource_label(q->a, r);
        *why = label == NULL ? NULL
                             : arena_printf(q->a, "the %s %s lies on %s",
                                            resource_kind_name(r->kind), label, where);
        any = true;
        break;
    }
    return any && *why == NULL ? -ENOMEM : 0;
}

/* Whether it can become a PV. A node may see partitions yet of a LUN that is used as a whole since,
 * and what lies there lies where they were. */
static int check_empty(struct answer *q, const struct resource *lun, const char *part, bool *good)
{
    const struct object *o = part == NULL ? NULL : graph_object(q->c, part);
    const char *why = NULL;
    int rc = lies_on(q, lun->seat->object, lun, part != NULL, &why);

    if (rc == 0 && why == NULL &&
        o != NULL) /* else nobody has named it as what something lies in */
        rc = lies_on(q, o, lun, false, &why);
    *good = rc == 0 && why == NULL;
    return rc < 0 || *good ? rc
                           : answer_fail(q, REPLY_REFUSED, "%s %s cannot become a PV: %s.",
                                         part == NULL ? "LUN" : "Partition",
                                         part == NULL ? lun->label : part, why);
}

/* LUN-partN of a LUN that is named in whatever way: "naa.1-part2" of it, in `a`; NULL: it is none.
 */
static int find_partition(struct answer *q, const char *text, struct resource **lun,
                          const char **container)
{
    size_t root = twin_root_length(text);
    const char *name;
    int rc;

    *container = NULL;
    *lun = NULL;
    if (text[root] == '\0' || resource_by_text(q->c, text) != NULL)
        return 0;
    name = arena_strndup(q->a, text, root);
    rc = name == NULL ? -ENOMEM : answer_resource(q, name, lun);
    if (*lun == NULL)
        return rc;
    *container = arena_printf(q->a, "%s%s", (*lun)->key, text + root);
    return *container == NULL ? -ENOMEM : 0;
}

/* What becomes a PV, or is one: a LUN, or a partition of one. */
static int find_lun(struct answer *q, const struct vg_ask *ask, const char *text,
                    const char **container)
{
    struct resource *r = NULL;
    const char *part = NULL;
    bool good = true;
    int rc = find_partition(q, text, &r, &part);

    *container = NULL;
    if (rc == 0 && r == NULL && q->r->code == REPLY_OK)
        rc = answer_resource(q, text, &r);
    if (rc < 0 || r == NULL)
        return rc;
    if (r->kind != RESOURCE_LUN || r->owner != NULL || r->seat == NULL)
        return answer_fail(q, REPLY_INVALID, "'%s' is no LUN that is known by an identifier.",
                           answer_quote(q, text));
    if (part != NULL && (rc = any_sees(q->c, r, part)) <= 0)
        return rc < 0 ? rc
                      : answer_fail(q, REPLY_NOT_FOUND, "No node sees a partition %s.",
                                    answer_quote(q, part));
    if (ask->op != LVM_VG_REDUCE)
        rc = check_empty(q, r, part, &good);
    if (rc < 0 || !good)
        return rc;
    *container = part == NULL ? r->key : part;
    return 0;
}

static bool is_among(const char *text, const char *const *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i], text) == 0)
            return true;
    }
    return false;
}

int vg_find_luns(struct answer *q, const struct vg_ask *ask, struct vg_change_row *row, bool *good)
{
    const char **v = arena_array(q->a, ask->luns.n, sizeof *v);
    int rc = v == NULL ? -ENOMEM : 0;

    *good = rc == 0;
    for (size_t i = 0; rc == 0 && *good && i < ask->luns.n; i++) {
        rc = find_lun(q, ask, ask->luns.v[i], &v[i]);
        *good = v[i] != NULL;
        if (rc == 0 && *good && is_among(v[i], v, i)) {
            *good = false;
            rc = answer_fail(q, REPLY_INVALID, "%s is named twice.", answer_quote(q, v[i]));
        }
    }
    row->containers = (struct strs){ v, ask->luns.n };
    return rc;
}
