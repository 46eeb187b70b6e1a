/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of clients: who may ask what, and what the arguments mean. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum { PREFIX_LEAST = 4, CANDIDATES_MOST = 20, QUOTE_MOST = 120 };

struct operation {
    int (*handle)(struct answer *);
    enum role least; /* ROLE_NONE: an unknown key too */
    bool writes;     /* refused while nothing can be stored, and in recover mode */
};

static const struct operation operations[] = {
    [OP_HELLO] = { op_hello, ROLE_OBSERVER, false },
    [OP_STATUS] = { op_status, ROLE_OBSERVER, false },
    [OP_NODE_LIST] = { op_node_list, ROLE_OBSERVER, false },
    [OP_NODE_SHOW] = { op_node_show, ROLE_OBSERVER, false },
    [OP_NODE_APPROVE] = { op_node_approve, ROLE_OPERATOR, true },
    [OP_NODE_RENAME] = { op_node_rename, ROLE_OPERATOR, true },
    [OP_NODE_FORGET] = { op_node_forget, ROLE_OPERATOR, true },
    [OP_NODE_DECLARE_DEAD] = { op_node_declare_dead, ROLE_OPERATOR, true },
    [OP_NODE_DRAIN] = { op_node_drain, ROLE_OPERATOR, true },
    [OP_SNAPSHOT] = { op_snapshot, ROLE_OBSERVER, false },
    [OP_CHANGES] = { op_changes, ROLE_OBSERVER, false },
    [OP_RESOURCE_LIST] = { op_resource_list, ROLE_OBSERVER, false },
    [OP_RESOURCE_SHOW] = { op_resource_show, ROLE_OBSERVER, false },
    [OP_EXPLAIN] = { op_explain, ROLE_OBSERVER, false },
    [OP_NETWORK_DEFINE] = { op_network_define, ROLE_OPERATOR, true },
    [OP_NETWORK_LIST] = { op_network_list, ROLE_OBSERVER, false },
    [OP_NETWORK_DELETE] = { op_network_delete, ROLE_OPERATOR, true },
    [OP_EVENTS] = { op_events, ROLE_OBSERVER, false },
    [OP_WATCH] = { op_watch, ROLE_OBSERVER, false },
    [OP_TOKEN_CREATE] = { op_token_create, ROLE_OPERATOR, true },
    [OP_TOKEN_LIST] = { op_token_list, ROLE_OPERATOR, false },
    [OP_CLIENT_ENROL] = { op_client_enrol, ROLE_NONE, true },
    [OP_BACKUP_BEGIN] = { op_backup, ROLE_OPERATOR, false },
    [OP_BACKUP_READ] = { op_backup, ROLE_OPERATOR, false },
    [OP_BACKUP_END] = { op_backup, ROLE_OPERATOR, false },
    [OP_RECOVER] = { op_recover, ROLE_OPERATOR, true },
    [OP_TOKEN_REVOKE] = { op_token_revoke, ROLE_OPERATOR, true },
    [OP_CLIENT_LIST] = { op_client_list, ROLE_OPERATOR, false },
    [OP_CLIENT_REVOKE] = { op_client_revoke, ROLE_OPERATOR, true },
    [OP_IMPACT] = { op_impact, ROLE_OBSERVER, false },
    [OP_FS_LIST] = { op_fs_list, ROLE_OBSERVER, false },
    [OP_TASK_LIST] = { op_task_list, ROLE_OBSERVER, false },
    [OP_TASK_SHOW] = { op_task_show, ROLE_OBSERVER, false },
    [OP_TASK_CANCEL] = { op_task_cancel, ROLE_OPERATOR, true },
    [OP_SCAN] = { op_scan, ROLE_OPERATOR, true },
    [OP_FS_ADMIT] = { op_fs_admit, ROLE_OPERATOR, true },
    [OP_LEASE_LIST] = { op_lease_list, ROLE_OBSERVER, false },
    [OP_HOLD_LIST] = { op_lease_list, ROLE_OBSERVER, false },
    [OP_HOLD_TAKE] = { op_hold_take, ROLE_OPERATOR, true },
    [OP_HOLD_END] = { op_hold_end, ROLE_OPERATOR, true },
    [OP_HOLD_BREAK] = { op_hold_break, ROLE_OPERATOR, true },
    [OP_RESCAN] = { op_rescan, ROLE_OPERATOR, true },
    [OP_VG_ADOPT] = { op_vg_adopt, ROLE_OPERATOR, true },
    [OP_VG_LIST] = { op_vg_list, ROLE_OBSERVER, false },
    [OP_VG_CHANGE] = { op_vg_change, ROLE_OPERATOR, true },
    [OP_LV_ACTIVATE] = { op_lv_activate, ROLE_OPERATOR, true },
    [OP_IMAGE_LIST] = { op_image_list, ROLE_OBSERVER, false },
    [OP_PLACE] = { op_place, ROLE_OBSERVER, false },
};

int answer_fail(struct answer *q, enum reply_code code, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    text_trim(text);
    REC_SET(q->r, reply, code, (uint64_t)code);
    REC_SET(q->r, reply, text, arena_strdup(q->a, text));
    return q->r->text == NULL ? -ENOMEM : 0;
}

const char *answer_quote(struct answer *q, const char *text)
{
    char *cut;

    if (strlen(text) <= QUOTE_MOST)
        return text;
    cut = arena_strndup(q->a, text, QUOTE_MOST);
    if (cut == NULL)
        return "";
    text_trim(cut);
    return cut;
}

/* ---- arguments ------------------------------------------------------------------------------ */

/* The hexadecimal digits of an id's beginning, dashes left out. 0: the text is nothing of the kind.
 */
static size_t prefix_digits(const char *text, char out[33])
{
    size_t n = 0;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '-' && n > 0)
            continue;
        if (n == 32 || strchr("0123456789abcdefABCDEF", *p) == NULL)
            return 0;
        out[n++] = (char)(*p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
    }
    out[n] = '\0';
    return n;
}

static bool id_begins(uuid128 id, const char *digits, size_t n)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        unsigned nibble = i % 2 == 0 ? id.b[i / 2] >> 4 : id.b[i / 2] & 15u;

        if (digits[i] != hex[nibble])
            return false;
    }
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Nodes or resources whose ids begin so. */
struct candidates {
    struct answer *q;
    size_t count;
    const char *v[CANDIDATES_MOST];
};

static int candidate_add(struct candidates *x, const char *name)
{
    if (name == NULL)
        return -ENOMEM;
    if (x->count < CANDIDATES_MOST)
        x->v[x->count] = name;
    x->count++;
    return 0;
}

static int candidates_list(struct candidates *x)
{
    size_t n = x->count < CANDIDATES_MOST ? x->count : CANDIDATES_MOST;
    const char **v = arena_memdup(x->q->a, x->v, n * sizeof *v);

    if (v == NULL)
        return -ENOMEM;
    qsort(v, n, sizeof *v, by_text);
    REC_SET(x->q->r, reply, candidates, ((struct strs){ v, n }));
    return 0;
}

static int answer_ambiguous(struct candidates *x, const char *text, const char *what)
{
    int rc = candidates_list(x);

    return rc < 0 ? rc
                  : answer_fail(x->q, REPLY_AMBIGUOUS, "The ids of %zu %ss begin with '%s'%s.",
                                x->count, what, text,
                                x->count > CANDIDATES_MOST ? "; the first of them are listed" : "");
}

static int node_by_prefix(struct answer *q, const char *digits, size_t n, struct candidates *x,
                          struct node **out)
{
    for (size_t i = 0; i < q->c->node_count; i++) {
        struct node *node = q->c->nodes[i];

        if (!id_begins(node->row.id, digits, n))
            continue;
        *out = node;
        if (candidate_add(x, arena_strdup(q->a, node->row.name)) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int resource_by_prefix(struct answer *q, const char *digits, size_t n, struct candidates *x,
                              struct resource **out)
{
    struct resource *r;
    size_t it = 0;

    while ((r = map_next(q->c->resources, &it)) != NULL) {
        if (!id_begins(r->id, digits, n))
            continue;
        *out = r;
        if (candidate_add(x, resource_label(q->a, r)) < 0)
            return -ENOMEM;
    }
    return 0;
}

static bool is_text(const char *text, size_t n, const char *name)
{
    return strlen(name) == n && memcmp(text, name, n) == 0;
}

/* `text` is `head`, a slash, `tail`. */
static bool is_joined(const char *text, size_t n, const char *head, const char *tail)
{
    size_t h = strlen(head);

    return n > h && memcmp(text, head, h) == 0 && text[h] == '/' &&
           is_text(text + h + 1, n - h - 1, tail);
}

/* Is storage called so: by its label, a filesystem by its UUID; where it has no identity beyond its
 * node also by the label or key with the node in front. What declares networks beats the labels
 * that disks bring along: those are not asked. */
static bool is_called(const struct resource *r, const char *text, size_t n)
{
    char id[UUID_TEXT];

    if (r->kind == RESOURCE_NETWORK || r->kind == RESOURCE_IMAGE)
        return false;
    if (is_text(text, n, r->label) ||
        (r->kind == RESOURCE_FILESYSTEM && strncmp(r->key, text, n) == 0 && r->key[n] == '@'))
        return true;
    return r->owner != NULL && (is_joined(text, n, r->owner->row.name, r->label) ||
                                is_joined(text, n, uuid_text(r->owner->row.id, id), r->key));
}

/* "1 vg, 2 filesystems" */
static const char *kinds_text(struct answer *q, const uint32_t count[RESOURCE_KINDS])
{
    const char *s = "";

    for (enum resource_kind k = RESOURCE_LUN; k < RESOURCE_KINDS && s != NULL; k++) {
        if (count[k] > 0)
            s = arena_printf(q->a, "%s%s%u %s%s", s, *s != '\0' ? ", " : "", count[k],
                             resource_kind_name(k), count[k] > 1 ? "s" : "");
    }
    return s;
}

static int called_add(struct candidates *x, struct resource *r, uint32_t count[RESOURCE_KINDS],
                      struct resource **out)
{
    *out = r;
    count[r->kind]++;
    return candidate_add(x, resource_key(x->q->a, r));
}

/* An image is called as its filesystem, a colon, and its path. */
static int images_by_label(struct candidates *x, const struct resource *fs, const char *text,
                           uint32_t count[RESOURCE_KINDS], struct resource **out)
{
    int rc = 0;

    for (const char *at = strstr(text, ":/"); rc == 0 && at != NULL; at = strstr(at + 1, ":/")) {
        struct resource *r =
            is_called(fs, text, (size_t)(at - text)) ? image_by_path(x->q->c, fs, at + 1) : NULL;

        rc = r != NULL ? called_add(x, r, count, out) : 0;
    }
    return rc;
}

/* Some node has a row of it, if only of what has no path left, or is not known to have lost it. */
static bool is_seen(const struct resource *r)
{
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        if (e->sightings != NULL || e->state != EDGE_LOST)
            return true;
    }
    return false;
}

/* All that are called so, or those alone that some node still sees. */
static int called_all(struct candidates *x, const char *text, bool seen,
                      uint32_t count[RESOURCE_KINDS], struct resource **out)
{
    struct resource *r;
    size_t it = 0;
    int rc = 0;

    while (rc == 0 && (r = map_next(x->q->c->resources, &it)) != NULL) {
        if (seen && !is_seen(r))
            continue;
        rc = is_called(r, text, strlen(text)) ? called_add(x, r, count, out) : 0;
        if (rc == 0 && r->kind == RESOURCE_FILESYSTEM)
            rc = images_by_label(x, r, text, count, out);
    }
    return rc;
}

/* Looks for storage by its name, which is free again when nobody sees any more what had it. *out
 * stays NULL where there is none, or more than one: then x->count says so and the answer is given.
 */
static int resource_by_label(struct answer *q, const char *text, struct candidates *x,
                             struct resource **out)
{
    uint32_t count[RESOURCE_KINDS] = { 0 };
    int rc = called_all(x, text, true, count, out);
    const char *kinds;

    if (rc == 0 && x->count == 0)
        rc = called_all(x, text, false, count, out);
    if (rc < 0 || x->count <= 1)
        return rc;
    *out = NULL;
    kinds = kinds_text(q, count);
    if (kinds == NULL || candidates_list(x) < 0)
        return -ENOMEM;
    return answer_fail(q, REPLY_AMBIGUOUS,
                       "%zu resources are called '%s': %s; name one of them by its key.", x->count,
                       answer_quote(q, text), kinds);
}

int answer_node(struct answer *q, const char *text, bool exact, struct node **out)
{
    struct candidates x = { .q = q };
    char digits[33];
    uuid128 id;
    size_t n;

    *out = NULL;
    if (text == NULL || text[0] == '\0')
        return answer_fail(q, REPLY_INVALID, "The request needs a node: its name or id.");
    *out = node_by_name(q->c, text);
    if (*out == NULL && uuid128_parse(text, &id))
        *out = node_by_id(q->c, id);
    if (*out != NULL)
        return 0;
    n = prefix_digits(text, digits);
    if (exact)
        return answer_fail(q, REPLY_NOT_FOUND,
                           "There is no node called exactly '%s'; what cannot be undone takes the "
                           "exact name or id.",
                           answer_quote(q, text));
    if (n >= PREFIX_LEAST && node_by_prefix(q, digits, n, &x, out) < 0) {
        *out = NULL;
        return -ENOMEM;
    }
    if (x.count == 1)
        return 0;
    *out = NULL;
    if (x.count > 1)
        return answer_ambiguous(&x, text, "node");
    return answer_fail(q, REPLY_NOT_FOUND, "There is no node '%s'%s.", answer_quote(q, text),
                       n > 0 && n < PREFIX_LEAST
                           ? "; the beginning of an id needs 4 hexadecimal digits or more"
                           : "");
}

int answer_resource(struct answer *q, const char *text, struct resource **out)
{
    struct candidates x = { .q = q };
    char digits[33];
    size_t n;
    int rc;

    *out = NULL;
    if (text == NULL || text[0] == '\0')
        return answer_fail(q, REPLY_INVALID, "The request needs a resource: its label, key or id.");
    *out = resource_by_text(q->c, text);
    if (*out != NULL)
        return 0;
    rc = resource_by_label(q, text, &x, out);
    n = prefix_digits(text, digits);
    if (rc == 0 && x.count == 0 && n >= PREFIX_LEAST)
        rc = resource_by_prefix(q, digits, n, &x, out);
    else if (rc == 0 && x.count > 0)
        return rc;
    if (rc < 0) {
        *out = NULL; /* whoever is given one goes on with it */
        return rc;
    }
    if (x.count == 1)
        return 0;
    *out = NULL;
    if (x.count > 1)
        return answer_ambiguous(&x, text, "resource");
    return answer_fail(q, REPLY_NOT_FOUND, "There is no resource '%s'%s.", answer_quote(q, text),
                       n > 0 && n < PREFIX_LEAST
                           ? "; the beginning of an id needs 4 hexadecimal digits or more"
                           : "");
}

int answer_kind(struct answer *q, bool *good)
{
    *good = q->req->kind == NULL || resource_kind_by_name(q->req->kind) > 0;
    if (*good)
        return 0;
    return answer_fail(q, REPLY_INVALID,
                       "There is no kind of resource '%s'; there are: network, lun, vg, lv, "
                       "filesystem and image.",
                       answer_quote(q, q->req->kind));
}

/* ---- the request ---------------------------------------------------------------------------- */

static enum role role_of(const struct step *s)
{
    const struct key *k;

    if (s->ev->local)
        return ROLE_OPERATOR;
    k = key_by(s->c, &s->ev->key);
    return k != NULL && k->state == KEY_ACTIVE ? k->role : ROLE_NONE;
}

static const struct operation *operation_of(const struct request *req)
{
    if (req->op >= ARRAY_LEN(operations) || operations[req->op].handle == NULL)
        return NULL;
    return &operations[req->op];
}

static int forbid(struct answer *q, const struct operation *o)
{
    if (q->role == ROLE_NODE)
        return answer_fail(q, REPLY_FORBIDDEN, "This key is a node's, not a client's.");
    if (q->role == ROLE_NONE && key_by(q->c, &q->s->ev->key) != NULL)
        return answer_fail(q, REPLY_FORBIDDEN,
                           "This key was revoked; a new key and a new token are needed.");
    if (q->role == ROLE_NONE)
        return answer_fail(q, REPLY_FORBIDDEN,
                           "This key is not known here; enrol it with a token of role observer or "
                           "operator.");
    return answer_fail(q, REPLY_FORBIDDEN, "Only an %s may do this; this key is an %s's.",
                       role_name(o->least), role_name(q->role));
}

static bool permitted(const struct answer *q, const struct operation *o)
{
    if (q->role == ROLE_NODE)
        return false;
    return o->least == ROLE_NONE || q->role >= o->least;
}

static int dispatch(struct answer *q)
{
    const struct operation *o = operation_of(q->req);

    if (q->req->version != PROTOCOL_VERSION)
        return answer_fail(q, REPLY_INVALID,
                           "Protocol version %llu is not served here; this coordinator speaks %u.",
                           (unsigned long long)q->req->version, PROTOCOL_VERSION);
    if (o == NULL)
        return answer_fail(q, REPLY_INVALID,
                           "Operation %llu is not known to this coordinator (version %s).",
                           (unsigned long long)q->req->op, MUSTER_VERSION);
    if (!permitted(q, o))
        return forbid(q, o);
    if (o->writes && q->c->read_only)
        return answer_fail(q, REPLY_READ_ONLY, "Nothing can be stored just now: %s",
                           q->c->mode_text != NULL ? q->c->mode_text : "the disk fails.");
    if (o->writes && q->c->recover && q->req->op != OP_RECOVER)
        return answer_fail(q, REPLY_REFUSED, "%s", recover_text());
    return o->handle(q);
}

static int reply_begin(struct answer *q)
{
    struct coord_update *u = q->s->u;

    q->out = arena_zalloc(u->arena, sizeof *q->out);
    q->a = arena_new(0);
    if (q->out == NULL || q->a == NULL) {
        arena_free(q->a);
        return -ENOMEM;
    }
    q->out->route = q->s->ev->route;
    q->out->reply_arena = q->a;
    *u->messages_tail = q->out; /* frees the arena from here on */
    u->messages_tail = &q->out->next;
    q->r = q->out->reply = arena_zalloc(q->a, sizeof *q->r);
    return q->r == NULL ? -ENOMEM : 0;
}

int query_request(struct step *s)
{
    struct answer q = { .s = s, .c = s->c, .req = s->ev->request, .role = role_of(s) };
    int rc = reply_begin(&q);

    if (rc < 0)
        return rc;
    REC_SET(q.r, reply, version, PROTOCOL_VERSION);
    REC_SET(q.r, reply, correlation, q.req->correlation);
    REC_SET(q.r, reply, code, REPLY_OK);
    /* The batch's own generation is not complete yet: whoever asks for the changes since this one
     * misses nothing of it. */
    REC_SET(q.r, reply, generation, s->c->meta.generation);
    rc = dispatch(&q);
    REC_SET(q.r, reply, event_no, s->c->meta.event_no);
    return rc;
}
