/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has been proven of how the node reaches a filesystem: when, and in which boot. */
#include "core/explain_internal.h"

static const struct {
    const char *how, *text, *state;
} words[] = {
    { "read_here", "Read here", "ok" },
    { "proven", "Reach proven", "ok" },
    { "not_proven", "Reach not proven", "unknown" },
};

/* Of one that may be scanned; to another nobody has looked. */
static void explain_unasked(struct chain *ch, const struct resource_info *fs)
{
    const struct edge_info *e = ch->f->edge;

    if (fs->admitted && e != NULL && e->state != EDGE_LOST)
        chain_add(ch, 1, "scan", fs->label, "info", NULL,
                  "Whether %s reaches what it sees has not been looked at yet: a scan does that.",
                  chain_node(ch));
}

void explain_reach(struct chain *ch)
{
    const struct reach_info *x = ch->f->reach;
    const struct resource_info *fs =
        ch->f->image != NULL ? ch->f->image->filesystem : ch->f->resource;
    char at[TIME_TEXT];
    size_t i = 0;

    if (ch->f->reach_of == 0)
        return;
    if (x == NULL) {
        explain_unasked(ch, fs);
        return;
    }
    while (i + 1 < ARRAY_LEN(words) && strcmp(words[i].how, x->how) != 0)
        i++;
    wall_rfc3339((wall_ms){ x->at_ms }, at);
    if (!x->this_boot)
        chain_add(ch, 1, "scan", fs->label, "info", NULL,
                  "%s at %s, in an earlier boot of %s: of this one it proves nothing.",
                  words[i].text, at, chain_node(ch));
    else if (x->reason != NULL)
        chain_add(ch, 1, "scan", fs->label, words[i].state, NULL, "%s at %s: %s%s", words[i].text,
                  at, x->reason, ends_sentence(x->reason) ? "" : ".");
    else
        chain_add(ch, 1, "scan", fs->label, words[i].state, NULL, "%s at %s, by %s in this boot.",
                  words[i].text, at, chain_node(ch));
}
