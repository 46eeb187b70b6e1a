/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resources. A declared network has the identity of its declaration. An unproven one is a port of
 * one node: its key and label are made when asked for, since there are as many of them as ports in
 * the fleet. All else has the identity that it brings: the same on every node that sees it, or,
 * where it has none beyond its node, under that node's id. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

#define UNPROVEN "unproven:"

struct resource *resource_new(enum resource_kind kind, uuid128 id, uint32_t no, const char *key)
{
    size_t n = strlen(key) + 1;
    struct resource *r = calloc(1, sizeof *r + n);

    if (r == NULL)
        return NULL;
    r->kind = (uint8_t)kind;
    r->id = id;
    r->no = no;
    memcpy(r->key, key, n);
    return r;
}

int resource_index(struct coord *c, struct resource *r)
{
    return map_put(c->resources, r->id.b, sizeof r->id.b, r);
}

void resource_free(struct resource *r)
{
    free(r->label);
    free(r);
}

bool resource_is_kept(const struct resource *r)
{
    return r->kind == RESOURCE_IMAGE || (r->seat != NULL && !link_empty(&r->seat->leases));
}

static int scan_delete(struct step *s, const struct resource *r)
{
    struct change *ch;

    if (r->seat == NULL || (r->seat->scan == NULL && r->seat->image_count == 0))
        return 0;
    ch = emit(s, CHANGE_SCAN_DELETE);
    if (ch == NULL)
        return -ENOMEM;
    ch->scan.resource_no = r->no;
    return 0;
}

int resource_delete(struct step *s, struct resource *r)
{
    static const uuid128 nil;
    int rc = scan_gone(s, r);
    struct change *ch;

    if (rc == 0)
        rc = scan_delete(s, r);
    if (rc == 0 && r->seat != NULL)
        rc = images_drop(s, r);
    ch = rc < 0 ? NULL : emit(s, CHANGE_RESOURCE_DELETE);

    if (ch == NULL)
        return -ENOMEM;
    ch->resource.no = r->no;
    ch->resource.id = r->id;
    rc = bury(s->c, nil, r->id);
    if (rc < 0)
        return rc;
    if (r->twin != NULL)
        twin_drop(s->c, r->twin);
    seers_drop(s->c, r);
    graph_unseat(s->c, r);
    map_del(s->c->resources, r->id.b, sizeof r->id.b);
    stamp_remove(&r->stamp);
    resource_free(r);
    return 0;
}

uuid128 resource_unproven_id(const struct node *n, const char *port)
{
    return uuid_v5(n->row.id, port, strlen(port));
}

static struct resource *resource_enter(struct step *s, struct resource *r)
{
    if (resource_index(s->c, r) < 0) {
        resource_free(r);
        return NULL;
    }
    s->c->meta.next_resource_no++;
    touch_resource(s->c, r);
    return twin_of_filesystem(s->c, r) < 0 || graph_seat(s->c, r) < 0 || emit_resource(s, r) < 0
               ? NULL
               : r;
}

struct resource *resource_unproven(struct step *s, struct node *n, const char *port, uint16_t vlan)
{
    uuid128 id = resource_unproven_id(n, port);
    struct resource *r = resource_by_id(s->c, id);

    if (r != NULL)
        return r;
    r = resource_new(RESOURCE_NETWORK, id, s->c->meta.next_resource_no, port);
    if (r == NULL)
        return NULL;
    r->owner = n;
    r->vlan = vlan;
    return resource_enter(s, r);
}

/* Version 5 UUIDs below this one are those of what has an identity beyond its node. */
static const uuid128 global_space = { { 0x3b, 0x0e, 0x1c, 0x7a, 0x5d, 0x6f, 0x4c, 0x0b, 0x9a, 0x21,
                                        0x7d, 0x0c, 0x64, 0x2e, 0x88, 0x51 } };

uuid128 resource_id_of(const uuid128 *owner, enum resource_kind kind, const char *key)
{
    char name[KEY_MOST + 32];
    int n = snprintf(name, sizeof name, "%s/%s", resource_kind_name(kind), key);

    return uuid_v5(owner != NULL ? *owner : global_space, name,
                   (size_t)n < sizeof name ? (size_t)n : sizeof name - 1);
}

uuid128 resource_seen_id(const struct node *owner, enum resource_kind kind, const char *key)
{
    return resource_id_of(owner != NULL ? &owner->row.id : NULL, kind, key);
}

/* A name that the row gives anew is the resource's from then on. */
int resource_relabel(struct step *s, struct resource *r, const char *label)
{
    int rc;

    if (r->kind == RESOURCE_NETWORK || label == NULL || text_same(r->label, label))
        return 0;
    rc = text_set((const char **)&r->label, label);
    if (rc < 0)
        return rc;
    touch_resource(s->c, r);
    rc = emit_resource(s, r);
    return rc < 0 ? rc : images_rename(s, r);
}

struct resource *resource_seen(struct step *s, struct node *n, const struct sight *sight)
{
    struct node *owner = sight->alone ? n : NULL;
    uuid128 id = resource_seen_id(owner, sight->kind, sight->key);
    struct resource *r = resource_by_id(s->c, id);

    if (r != NULL)
        return resource_relabel(s, r, sight->label) < 0 ? NULL : r;
    r = resource_new(sight->kind, id, s->c->meta.next_resource_no, sight->key);
    if (r == NULL)
        return NULL;
    r->owner = owner;
    r->label = strdup(sight->label != NULL ? sight->label : sight->key);
    if (r->label == NULL) {
        resource_free(r);
        return NULL;
    }
    return resource_enter(s, r);
}

struct resource *resource_by_id(const struct coord *c, uuid128 id)
{
    return map_get(c->resources, id.b, sizeof id.b);
}

static struct resource *by_node_and_port(const struct coord *c, const char *text)
{
    const char *slash = strchr(text, '/');
    char name[128];
    struct node *n;
    uuid128 id;

    if (slash == NULL || (size_t)(slash - text) >= sizeof name)
        return NULL;
    memcpy(name, text, (size_t)(slash - text));
    name[slash - text] = '\0';
    n = node_by_name(c, name);
    if (n == NULL && uuid128_parse(name, &id))
        n = node_by_id(c, id);
    return n == NULL ? NULL : resource_by_id(c, resource_unproven_id(n, slash + 1));
}

/* FILESYSTEM:/PATH, the filesystem by its key; either may have a colon and slash in it. */
static struct resource *image_by_text(const struct coord *c, const char *text)
{
    char head[KEY_MOST + 1];

    for (const char *at = strstr(text, ":/"); at != NULL; at = strstr(at + 1, ":/")) {
        size_t n = (size_t)(at - text);
        const struct resource *fs;
        struct resource *r;

        if (n >= sizeof head)
            return NULL;
        memcpy(head, text, n);
        head[n] = '\0';
        fs = resource_by_id(c, resource_seen_id(NULL, RESOURCE_FILESYSTEM, head));
        r = fs != NULL ? image_by_path(c, fs, at + 1) : NULL;
        if (r != NULL)
            return r;
    }
    return NULL;
}

struct resource *resource_by_text(const struct coord *c, const char *text)
{
    struct resource *r;
    struct network *w;
    uuid128 id;

    if (strncmp(text, UNPROVEN, strlen(UNPROVEN)) == 0)
        return by_node_and_port(c, text + strlen(UNPROVEN));
    w = map_get(c->networks_by_name, text, strlen(text));
    if (w != NULL)
        return w->resource;
    for (enum resource_kind k = RESOURCE_LUN; k < RESOURCE_IMAGE; k++) {
        r = resource_by_id(c, resource_seen_id(NULL, k, text));
        if (r != NULL)
            return r;
    }
    r = image_by_text(c, text);
    if (r != NULL)
        return r;
    return uuid128_parse(text, &id) ? resource_by_id(c, id) : NULL;
}

static char *image_name(struct arena *a, const char *filesystem, const struct resource *r)
{
    return filesystem == NULL ? NULL : arena_printf(a, "%s:%s", filesystem, r->key);
}

char *resource_key(struct arena *a, const struct resource *r)
{
    char text[UUID_TEXT];

    if (r->network != NULL)
        return arena_strdup(a, uuid_text(r->id, text));
    if (r->filesystem != NULL)
        return image_name(a, resource_key(a, r->filesystem), r);
    if (r->kind == RESOURCE_NETWORK)
        return arena_printf(a, UNPROVEN "%s/%s", uuid_text(r->owner->row.id, text), r->key);
    if (r->owner != NULL)
        return arena_printf(a, "%s/%s", uuid_text(r->owner->row.id, text), r->key);
    return arena_strdup(a, r->key);
}

char *resource_label(struct arena *a, const struct resource *r)
{
    if (r->network != NULL)
        return arena_strdup(a, r->network->name);
    if (r->filesystem != NULL)
        return image_name(a, resource_label(a, r->filesystem), r);
    if (r->kind == RESOURCE_NETWORK)
        return arena_printf(a, UNPROVEN "%s/%s", r->owner->row.name, r->key);
    if (r->owner != NULL)
        return arena_printf(a, "%s/%s", r->owner->row.name, r->label);
    return arena_strdup(a, r->label);
}

static void image_label_in(const struct resource *r, char *out, size_t n)
{
    size_t used = strlen(resource_label_in(r->filesystem, out, n));

    snprintf(out + used, n - used, ":%s", r->key);
}

char *resource_label_in(const struct resource *r, char *out, size_t n)
{
    if (r->network != NULL)
        snprintf(out, n, "%s", r->network->name);
    else if (r->filesystem != NULL)
        image_label_in(r, out, n);
    else if (r->kind == RESOURCE_NETWORK)
        snprintf(out, n, UNPROVEN "%s/%s", r->owner->row.name, r->key);
    else if (r->owner != NULL)
        snprintf(out, n, "%s/%s", r->owner->row.name, r->label);
    else
        snprintf(out, n, "%s", r->label);
    text_trim(out);
    return out;
}
