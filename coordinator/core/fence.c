/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fences: facts about (node, boot). A fence ends the rights of that boot and of no other, and
 * nothing of the boot is believed any more. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

/* How the text of a fence begins whose boot could write. */
#define HELD "It had holds of: "

struct fence {
    struct {
        uint32_t node_no;
        uint8_t boot_id[16];
    } id;
    char *text;
    bool told; /* in this start: that it is heard again */
};

static struct fence *fence_find(const struct coord *c, uint32_t node_no, uuid128 boot)
{
    struct fence probe;

    memset(&probe.id, 0, sizeof probe.id);
    probe.id.node_no = node_no;
    memcpy(probe.id.boot_id, boot.b, sizeof boot.b);
    return map_get(c->fences, &probe.id, sizeof probe.id);
}

bool is_fenced(const struct coord *c, uint32_t node_no, uuid128 boot)
{
    return fence_find(c, node_no, boot) != NULL;
}

static void fence_free(struct coord *c, struct fence *f)
{
    map_del(c->fences, &f->id, sizeof f->id);
    free(f->text);
    free(f);
}

void fences_free_all(struct coord *c)
{
    struct fence *f;
    size_t it = 0;

    while (c->fences != NULL && (f = map_next(c->fences, &it)) != NULL)
        fence_free(c, f);
    map_free(c->fences);
}

int fence_load(struct coord *c, const struct fence_row *row)
{
    struct fence *f = calloc(1, sizeof *f);
    int rc = f == NULL ? -ENOMEM : text_set((const char **)&f->text, row->text);

    if (rc == 0) {
        f->id.node_no = row->node_no;
        memcpy(f->id.boot_id, row->boot_id.b, sizeof row->boot_id.b);
        rc = map_put(c->fences, &f->id, sizeof f->id, f);
    }
    if (rc < 0) {
        free(f != NULL ? f->text : NULL);
        free(f);
    }
    return rc == -EEXIST ? 0 : rc;
}

void fences_forget(struct coord *c, const struct node *n)
{
    struct fence *f;
    size_t it = 0;

    while ((f = map_next(c->fences, &it)) != NULL) {
        if (f->id.node_no == n->row.no)
            fence_free(c, f);
    }
}

int fence_delete(struct step *s, uint32_t node_no, uuid128 boot)
{
    struct fence *f = fence_find(s->c, node_no, boot);
    struct change *ch = f == NULL ? NULL : emit(s, CHANGE_FENCE_DELETE);

    if (f == NULL)
        return 0;
    if (ch == NULL)
        return -ENOMEM;
    ch->fence.node_no = node_no;
    ch->fence.boot_id = boot;
    fence_free(s->c, f);
    return 0;
}

/* Ends what the boot has; *count rights, the labels of what it could write in *held. */
static int rights_end(struct step *s, struct node *n, uuid128 boot, size_t *count,
                      const char **held)
{
    struct link *at = n->leases.next;

    while (at != &n->leases) {
        struct lease *l = container_of(at, struct lease, on_node);
        char label[200];
        int rc;

        at = at->next;
        if (GUARD(FENCE_OF_BOOT, !uuid_eq(l->row.boot_id, boot)))
            continue;
        if (l->row.kind != KIND_LEASE) {
            resource_label_in(l->resource, label, sizeof label);
            *held = *held == NULL ? arena_printf(s->u->arena, HELD "%s", label)
                                  : arena_printf(s->u->arena, "%s, %s", *held, label);
            if (*held == NULL)
                return -ENOMEM;
        }
        ++*count;
        rc = lease_end(s, l, LEASE_FENCED);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int fence_add(struct step *s, const struct node *n, uuid128 boot, enum fence_how how,
                     const char *text)
{
    struct change *ch = emit(s, CHANGE_FENCE);

    if (ch == NULL)
        return -ENOMEM;
    ch->fence = (struct fence_row){ .node_no = n->row.no,
                                    .boot_id = boot,
                                    .how = how,
                                    .at = s->c->wall,
                                    .text = arena_strdup(s->u->arena, text) };
    return text != NULL && ch->fence.text == NULL ? -ENOMEM : fence_load(s->c, &ch->fence);
}

int fence(struct step *s, struct node *n, uuid128 boot, enum fence_how how, const char *text)
{
    static const char *const names[] = {
        [FENCE_BOOT] = "a newer boot of it has taken its place",
        [FENCE_POWER] = "its power is proven off",
        [FENCE_OPERATOR] = "an operator has declared it dead",
    };
    const char *held = NULL;
    size_t count = 0;
    int rc = 0;

    if (uuid_is_nil(boot) || is_fenced(s->c, n->row.no, boot))
        return 0;
    rc = rights_end(s, n, boot, &count, &held);
    if (rc == 0)
        rc = fence_add(s, n, boot, how, held != NULL ? held : text);
    if (rc == 0 && uuid_eq(boot, n->row.boot_id))
        rc = rights_known(s, n);
    scans_wake(s->c, n); /* what it uses counts no more */
    if (rc < 0 || count == 0)
        return rc;
    return event(s, "node.fenced", SEVERITY_WARNING, n, NULL,
                 "A boot of %s is over (%s): %zu right%s of it ended.", n->row.name, names[how],
                 count, count == 1 ? "" : "s");
}

int fence_rights(struct step *s, struct node *n, enum fence_how how)
{
    int rc = fence(s, n, n->row.boot_id, how, NULL);

    while (rc == 0 && !link_empty(&n->leases)) {
        struct lease *l = container_of(n->leases.next, struct lease, on_node);

        rc = is_fenced(s->c, n->row.no, l->row.boot_id) ? lease_end(s, l, LEASE_FENCED)
                                                        : fence(s, n, l->row.boot_id, how, NULL);
    }
    return rc;
}

int fenced_speaks(struct step *s, struct node *n, uuid128 boot)
{
    struct fence *f = fence_find(s->c, n->row.no, boot);

    if (f == NULL || f->told || f->text == NULL || strncmp(f->text, HELD, strlen(HELD)) != 0)
        return 0;
    f->told = true;
    return event(s, "hold.twice", SEVERITY_ERROR, n, NULL,
                 "Possibly written twice: a boot of %s that was fenced is alive. %s.", n->row.name,
                 f->text);
}

int rights_known(struct step *s, struct node *n)
{
    bool fenced = is_fenced(s->c, n->row.no, n->row.boot_id);

    if (s->c->read_only)
        return 0;
    if (!fenced && (!n->list_told || !n->sections[SECTION_USES].confirmed))
        return 0;
    if (!n->rights_told)
        scans_wake(s->c, n);
    n->rights_told = true;
    if (!n->row.rights_unknown) {
        silent_settle(s->c, n);
        return 0;
    }
    n->row.rights_unknown = false;
    silent_settle(s->c, n);
    touch_node(s->c, n);
    return emit_node(s, n);
}

/* What the old database has may have been over for long: nothing is taken under it. */
static int leases_forget(struct step *s, struct node *n)
{
    struct link met;
    int rc = 0;

    link_init(&met);
    while (!link_empty(&n->leases)) {
        struct link *l = n->leases.next;

        link_remove(l);
        link_append(&met, l);
    }
    while (!link_empty(&met)) {
        struct lease *l = container_of(met.next, struct lease, on_node);

        link_remove(&l->on_node);
        link_append(&n->leases, &l->on_node);
        if (rc == 0 && GUARD(NEW_TOKENS, l->row.kind == KIND_LEASE))
            rc = lease_forget(s, l);
    }
    return rc;
}

int rights_forget(struct step *s)
{
    for (size_t i = 0; i < s->c->node_count; i++) {
        struct node *n = s->c->nodes[i];
        int rc = 0;

        n->list_told = n->rights_told = false;
        n->row.rights_unknown =
            !uuid_is_nil(n->row.boot_id) && !is_fenced(s->c, n->row.no, n->row.boot_id);
        silent_settle(s->c, n);
        if (n->row.rights_unknown)
            rc = emit_node(s, n);
        if (rc == 0)
            rc = leases_forget(s, n);
        if (rc < 0)
            return rc;
    }
    rights_wait(s->c);
    scans_wake(s->c, NULL);
    return vgs_doubt(s);
}

/* Whoever got a lease of a coordinator that this database does not know of has used it up then. */
void rights_wait(struct coord *c)
{
    c->grants_from.v = c->now.v + lease_span_ms(LIMIT_LEASE_TTL_MS);
}
