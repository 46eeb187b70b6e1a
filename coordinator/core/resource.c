/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resources. A declared one has the identity of its network. An unproven one is a port of one node:
 * its key and label are made when asked for, since there are as many of them as ports in the fleet.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

#define UNPROVEN "unproven:"

struct resource *resource_new(uuid128 id, uint32_t no, const char *port)
{
    size_t n = strlen(port) + 1;
    struct resource *r = calloc(1, sizeof *r + n);

    if (r == NULL)
        return NULL;
    r->id = id;
    r->no = no;
    memcpy(r->port, port, n);
    return r;
}

int resource_index(struct coord *c, struct resource *r)
{
    return map_put(c->resources, r->id.b, sizeof r->id.b, r);
}

void resource_free(struct resource *r)
{
    free(r);
}

int resource_delete(struct step *s, struct resource *r)
{
    static const uuid128 nil;
    struct change *ch = emit(s, CHANGE_RESOURCE_DELETE);
    int rc;

    if (ch == NULL)
        return -ENOMEM;
    ch->resource.no = r->no;
    ch->resource.id = r->id;
    rc = bury(s->c, nil, r->id);
    if (rc < 0)
        return rc;
    map_del(s->c->resources, r->id.b, sizeof r->id.b);
    stamp_remove(&r->stamp);
    resource_free(r);
    return 0;
}

uuid128 resource_unproven_id(const struct node *n, const char *port)
{
    return uuid_v5(n->row.id, port, strlen(port));
}

struct resource *resource_unproven(struct step *s, struct node *n, const char *port, uint16_t vlan)
{
    uuid128 id = resource_unproven_id(n, port);
    struct resource *r = resource_by_id(s->c, id);

    if (r != NULL)
        return r;
    r = resource_new(id, s->c->meta.next_resource_no, port);
    if (r == NULL)
        return NULL;
    r->owner = n;
    r->vlan = vlan;
    if (resource_index(s->c, r) < 0) {
        resource_free(r);
        return NULL;
    }
    s->c->meta.next_resource_no++;
    touch_resource(s->c, r);
    return emit_resource(s, r) < 0 ? NULL : r;
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

struct resource *resource_by_text(const struct coord *c, const char *text)
{
    struct network *w;
    uuid128 id;

    if (strncmp(text, UNPROVEN, strlen(UNPROVEN)) == 0)
        return by_node_and_port(c, text + strlen(UNPROVEN));
    w = map_get(c->networks_by_name, text, strlen(text));
    if (w != NULL)
        return w->resource;
    return uuid128_parse(text, &id) ? resource_by_id(c, id) : NULL;
}

char *resource_key(struct arena *a, const struct resource *r)
{
    char text[UUID_TEXT];

    if (r->network != NULL)
        return arena_strdup(a, uuid_text(r->id, text));
    return arena_printf(a, UNPROVEN "%s/%s", uuid_text(r->owner->row.id, text), r->port);
}

char *resource_label(struct arena *a, const struct resource *r)
{
    if (r->network != NULL)
        return arena_strdup(a, r->network->name);
    return arena_printf(a, UNPROVEN "%s/%s", r->owner->row.name, r->port);
}

char *resource_label_in(const struct resource *r, char *out, size_t n)
{
    if (r->network != NULL)
        snprintf(out, n, "%s", r->network->name);
    else
        snprintf(out, n, UNPROVEN "%s/%s", r->owner->row.name, r->port);
    text_trim(out);
    return out;
}
