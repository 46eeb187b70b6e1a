/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths that led to a LUN in this boot and are there no more: their devices were removed, or lead
 * elsewhere. What is known of each is what its last row said. */
#include "core/explain_internal.h"
#include "model/rescan.h"

enum { CLOCK_SLACK_MS = 60000 }; /* its section may have come before, or after, the LUN's */

static const struct explain_fallen *fallen_of(const struct chain *ch, const char *lun)
{
    for (size_t i = 0; i < ch->f->fallen_count; i++) {
        if (strcmp(ch->f->fallen[i].key, lun) == 0)
            return &ch->f->fallen[i];
    }
    return NULL;
}

static bool text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The same link to the same LUN, whatever the device is called. */
static bool same_route(const struct path *a, const struct path *b)
{
    bool named = a->initiator_port != NULL || a->target != NULL || a->target_port != NULL ||
                 a->portal != NULL;

    return text_equal(a->lun, b->lun) && text_equal(a->initiator_port, b->initiator_port) &&
           text_equal(a->target, b->target) && text_equal(a->target_port, b->target_port) &&
           text_equal(a->portal, b->portal) && (named || text_equal(a->address, b->address));
}

/* Is it there again, or has a newer one of the list been the same path? */
static bool is_told(const struct chain *ch, size_t at)
{
    const struct section *s = &ch->sections[SECTION_PATHS];
    const struct path *p = &ch->f->lost[at].path;

    for (size_t i = 0; i < s->row_count; i++) {
        if (same_route(section_row(s, i), p))
            return true;
    }
    for (size_t i = 0; i < at; i++) {
        if (same_route(&ch->f->lost[i].path, p))
            return true;
    }
    return false;
}

static const char *lost_mend(struct chain *ch, const struct path *p)
{
    const struct hba *h = p->hba != NULL ? chain_row(ch, SECTION_HBAS, p->hba) : NULL;
    const char *mend = path_far_mend(ch, p, h);
    char text[SCSI_ADDRESS_TEXT];
    struct scsi_address at;

    if (text_is(p->transport, "iscsi") || h == NULL || strncmp(h->name, "host", 4) != 0)
        return mend;
    if (p->address == NULL || !scsi_device_parse(p->address, &at))
        return mend;
    return chain_text(ch, "%s; then: muster rescan %s --target %s", mend, chain_node(ch),
                      scsi_target_text(&at, text));
}

static void lost_path(struct chain *ch, unsigned depth, const struct path_lost *lost)
{
    const struct path *p = &lost->path;
    char at[TIME_TEXT];

    chain_add(ch, depth, "path", p->device, "lost", lost_mend(ch, p),
              "%s%s%s is gone since %s: %s had it in this boot and reports it no more.",
              path_route(ch, p), p->address != NULL ? ", at address " : "",
              p->address != NULL ? p->address : "", wall_rfc3339(lost->at, at), chain_node(ch));
    explain_path_hba(ch, depth + 1, p);
}

void explain_lost_paths(struct chain *ch, unsigned depth, const char *lun)
{
    const struct explain_fallen *f = fallen_of(ch, lun);
    uint64_t named = 0;

    if (f == NULL)
        return;
    for (size_t i = 0; i < ch->f->lost_count && !chain_full(ch); i++) {
        const struct path_lost *lost = &ch->f->lost[i];

        if (!text_is(lost->path.lun, lun) || lost->at.v < f->until.v - CLOCK_SLACK_MS ||
            is_told(ch, i))
            continue;
        lost_path(ch, depth, lost);
        named++;
    }
    if (f->had > f->total + named)
        chain_add(ch, depth, "path", lun, "info", NULL,
                  "Of %llu%s paths that it had nothing is known any more.",
                  (unsigned long long)(f->had - f->total - named), named > 0 ? " more" : "");
}
