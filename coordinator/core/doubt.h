/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Identity in doubt: the state and functions of twin.c, together.c, twin_class.c, doubt.c, remap.c
 * and version.c. A part of core_internal.h, which alone includes it. */
#ifndef MUSTER_CORE_DOUBT_H
#define MUSTER_CORE_DOUBT_H

/* ---- twin.c: UUIDs that are in several containers */
enum {
    TWINS_TOLD = 8,      /* others, by name */
    TWIN_SETS_MOST = 32, /* of one twin; what a further set would prove stays unproven */
};
struct twin {
    struct link link;    /* twins.list */
    struct link on_root; /* pv_root.list, of a PV */
    struct twins *of;
    struct resource *resource; /* the filesystem; NULL: a PV */
    struct node *owner;        /* its container means something on this node alone */
    uint32_t rows;             /* of a PV, that show it */
    uint32_t set_count;
    uint64_t *sets;     /* node number and which of its sets: what it has seen at once */
    struct twin *first; /* of its class; scratch of twins_tell(), with joint */
    bool joint;         /* its class has others */
    char container[];
};
static inline struct twin *twin_at(const struct link *l)
{
    return container_of(l, struct twin, link);
}
struct twins {
    struct link list;
    uint32_t count;
    bool stale; /* sorted and the classes are not of now */
    bool news;  /* on coord.twins_news */
    bool told;  /* of PVs: that there are clones */
    struct twins *next_news;
    struct twin **sorted;
    char key[]; /* "fs/UUID", "pv/UUID" */
};
struct pv_root {
    struct link list;
    char key[]; /* number of the owner or 0, and the LUN or LV: "0/naa.6001" */
};
/* The sentences of one resource. */
struct doubts {
    struct arena *a;
    const char **v;
    size_t n;
};
int twin_of_filesystem(struct coord *c, struct resource *r); /* a new resource, of any kind */
void twin_seen(struct coord *c, struct twin *w);             /* a node sees it anew */
int twin_pv_set(struct coord *c, struct node *n, struct row *row, const char *container);
void twin_pv_drop(struct coord *c, struct row *row);
/* What the PV of that UUID is on, wherever; NULL: no node sees it. */
const struct twins *twins_of_pv(const struct coord *c, const char *row_key);
void twin_drop(struct coord *c, struct twin *w);
void twins_free_all(struct coord *c);
bool twins_covered(struct twin *const *v, size_t n); /* one set holds them all */
/* Of PVs: into `out`, which has room for all, those that the node sees now. */
size_t twins_pvs_seen(const struct twins *t, const struct node *n, struct twin **out);
/* Moves those of the first one's kind of identifier to the front; how many they are. */
size_t twins_kind_first(struct twin **v, size_t n);
bool twin_has_set(const struct twin *w, uint64_t set);
int twin_set_add(struct twin *w, uint64_t set); /* 1; 0: it has as many as it may have */
uint64_t twin_shared_set(const struct twin *a, const struct twin *b); /* 0: none */
/* Do both carry one and the same device of a filesystem? Devices of one btrfs do not. */
bool twin_is_copy(const struct twin *a, const struct twin *b);
size_t twin_root_length(const char *container); /* without the partition */
struct resource *twin_resource(const struct coord *c, const struct twin *w); /* NULL: none yet */
int twins_settle(struct step *s, struct node *n); /* what it sees at once after its rows are in */
int twins_tell(const struct coord *c, struct twins *t); /* makes sorted and the classes */
int twins_load(struct coord *c);
int twin_sets_text(struct arena *a, const struct twin *w, const char **out);
int twin_sets_load(struct twin *w, const char *text);
/* What it lies in; NULL: out of memory. */
const char *twin_name(const struct coord *c, struct arena *a, const struct twin *w);
int twin_doubts(const struct coord *c, struct arena *a, const struct twin *w, struct doubts *out);
/* NULL: it is alone in it. */
int twin_class(const struct coord *c, struct arena *a, const struct twin *w, const char **out);
struct pv_root *twin_root(const struct coord *c, const struct resource *r);

/* ---- doubt.c: conflict_class and doubts of a resource */
int doubts_add(struct doubts *d, const char *text); /* NULL: -ENOMEM */
int doubts_fill(const struct coord *c, struct arena *a, const struct resource *r,
                struct resource_info *out);

/* ---- remap.c: devices that lead to another LUN than before */
struct remaps;
int remap_note(struct step *s, struct node *n, struct remaps **list, const struct path *now,
               uint64_t was);
int remaps_tell(struct step *s, struct node *n, const struct remaps *list);

/* ---- version.c: what the nodes that see one LUN or VG should agree on */
struct split {
    uuid128 resource;
    mono_ms due;
};
void version_add(struct sighting *g); /* it has come to its edge */
void version_remove(struct resource *r, const struct sighting *g);
/* A sighting takes what its row says now; the first to say it is an event. */
int version_change(struct step *s, struct sighting *g, uint64_t size, uint64_t mark);
/* The step's rows are all in. `by`: an edge that brought one; NULL: none did. */
int version_settle(struct step *s, struct resource *r, const struct edge *by);
/* What the node of the edge says is not what most say: of a VG, it is behind. */
bool version_is_other(const struct edge *e);
/* The sentence about it; NULL: they agree. */
int version_doubt(struct arena *a, const struct resource *r, const char **out);
int version_load(struct coord *c);
int version_tick(struct step *s);
mono_ms version_deadline(const struct coord *c);

#endif
