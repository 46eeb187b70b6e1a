/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who on the node has a container mounted or open: foreign holds. */
#include "core/explain_internal.h"

enum {
    USES_MOST = 16,  /* of one container, listed */
    HOLDS_MOST = 64, /* of other nodes */
};

static const struct {
    const char *kind, *text;
} kinds[] = {
    { "mount", "It is mounted at" },  { "swap", "It is in use as swap:" },
    { "dm", "On it stands the map" }, { "md", "It is a part of the MD array" },
    { "loop", "Its reader is" },      { "xen", "A guest has it as" },
    { "open", "It is held open by" },
};

static const char *verb_of(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (text_is(kind, kinds[i].kind))
            return kinds[i].text;
    }
    return "It is in use by";
}

static void explain_use(struct chain *ch, unsigned depth, const struct use *u)
{
    const char *by = u->used_by != NULL ? u->used_by : u->key;
    const char *about = u->type != NULL ? chain_text(ch, " (%s)", u->type) : "";
    const char *file = u->file != NULL ? chain_text(ch, ", the file %s in it", u->file) : "";

    chain_add(ch, depth, "use", by, "info", NULL, "%s %s%s%s%s.", verb_of(u->kind), by, about, file,
              u->read_only ? ", read-only" : "");
}

void explain_uses(struct chain *ch, unsigned depth, const char *container)
{
    const struct section *s = &ch->sections[SECTION_USES];
    size_t n = 0;

    for (size_t i = 0; i < s->row_count; i++) {
        const struct use *u = section_row(s, i);

        if (text_is(u->container, container) && n++ < USES_MOST)
            explain_use(ch, depth, u);
    }
    if (n > USES_MOST)
        chain_add(ch, depth, "use", container, "info", NULL, "It is in use in %zu more ways.",
                  n - USES_MOST);
}

/* "On beta, it is mounted at /mnt (ext4), read-only." */
static void explain_hold(struct chain *ch, const struct use_info *u)
{
    const char *node = ch->f->holders[u->node];
    const char *by = u->used_by != NULL ? u->used_by : u->container;
    const char *about = u->type != NULL ? chain_text(ch, " (%s)", u->type) : "";
    const char *file = u->file != NULL ? chain_text(ch, ", the file %s in it", u->file) : "";
    const char *verb = verb_of(u->kind);

    chain_add(ch, 1, "use", by, "info", NULL, "On %s, %c%s %s%s%s%s%s.", node, verb[0] - 'A' + 'a',
              verb + 1, by, about, file, u->read_only ? ", read-only" : "",
              REC_HAS(u, use_info, age_ms) ? "" : ", as last known");
}

void explain_holds(struct chain *ch)
{
    const struct use_info *v = ch->f->holds.v;
    size_t most = ch->f->holds.n < HOLDS_MOST ? ch->f->holds.n : HOLDS_MOST;

    for (size_t i = 0; i < ch->f->active.n; i++)
        chain_add(ch, 1, "activation", ch->f->resource->label, "info", NULL, "%s",
                  ch->f->active.v[i]);
    for (size_t i = 0; i < most; i++)
        explain_hold(ch, &v[i]);
    if (ch->f->holds.n > most)
        chain_add(ch, 1, "use", ch->f->resource->label, "info", NULL,
                  "Other nodes use it in %zu more ways: 'muster fs list' shows them.",
                  ch->f->holds.n - most);
}
