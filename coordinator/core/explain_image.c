/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image, as the scans of its filesystem know it. What it lies in is told as of that. */
#include "core/explain_internal.h"

/* "qcow2 v3, 20 GiB for the guest, 1.1 GiB taken" */
static const char *what_text(struct chain *ch, const struct image *m)
{
    const char *text =
        chain_text(ch, "%s%s%s", m->format != NULL ? m->format : "An image",
                   m->subformat != NULL ? " " : "", m->subformat != NULL ? m->subformat : "");
    char size[24];

    if (REC_HAS(m, image, virtual_bytes))
        text = chain_text(ch, "%s, %s for the guest", text, bytes_text(m->virtual_bytes, size));
    if (REC_HAS(m, image, allocated_bytes))
        text = chain_text(ch, "%s, %s taken", text, bytes_text(m->allocated_bytes, size));
    return text;
}

/* What it stands on, by its state. */
static const struct {
    const char *state, *evidence, *text, *mend;
} backings[] = {
    { "found", "ok", "is there", NULL },
    { "missing", "missing", "is not in the filesystem",
      "Put the file back, or let the image stand on another one (qemu-img rebase)" },
    { "outside", "unknown", "lies outside of this filesystem, where no scan looks for it", NULL },
    { "unresolved", "unknown", "is no plain file name", NULL },
};

static void explain_backing(struct chain *ch, const struct image *m)
{
    const char *name = m->backing_path != NULL ? m->backing_path : m->backing;

    for (size_t i = 0; m->backing_state != NULL && i < ARRAY_LEN(backings); i++) {
        if (strcmp(m->backing_state, backings[i].state) == 0)
            chain_add(ch, 2, "image", name, backings[i].evidence, backings[i].mend,
                      "It stands on %s, which %s.", name != NULL ? name : "another file",
                      backings[i].text);
    }
}

/* "NAME TYPE BYTES STATE" */
static void explain_extents(struct chain *ch, const struct image *m)
{
    for (size_t i = 0; i < m->extents.n && !chain_full(ch); i++) {
        const char *extent = m->extents.v[i], *state = strrchr(extent, ' ');

        if (state != NULL && strcmp(state, " missing") == 0)
            chain_add(ch, 2, "image", extent, "missing", "Put the file back",
                      "A file that it consists of is not there: %.*s.", (int)(state - extent),
                      extent);
    }
}

static void explain_found(struct chain *ch, const struct explain_image *x)
{
    const struct image *m = x->found;
    bool bad = m->fault != NULL;
    char at[TIME_TEXT];

    chain_add(ch, 1, "image", x->wanted.path, bad ? "degraded" : "ok", NULL,
              "%s, found by the scan of %s%s%s", what_text(ch, m), wall_rfc3339(x->seen, at),
              bad ? ". " : ".", bad ? m->fault : "");
    explain_backing(ch, m);
    explain_extents(ch, m);
}

void explain_image(struct chain *ch)
{
    const struct explain_image *x = ch->f->image;
    const struct resource_info *fs = x->filesystem;

    if (x->found != NULL)
        explain_found(ch, x);
    else
        chain_add(ch, 1, "image", x->wanted.path, "missing", NULL,
                  "It is not in the filesystem any more, as the last scan says.");
    if (fs->scan != NULL && strcmp(fs->scan, "complete") != 0)
        chain_add(ch, 1, "filesystem", fs->label, "info", NULL,
                  strcmp(fs->scan, "incomplete") == 0
                      ? "The last scan of its filesystem is incomplete: %s"
                      : "Its filesystem could not be read the last time: %s",
                  fs->scan_reason != NULL ? fs->scan_reason : "no reason was given.");
}
