/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A LUN from the top down: its map, its paths, and the ports that they go through. */
#include "core/explain_internal.h"

static unsigned long long number(uint64_t n)
{
    return n;
}

bool text_is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

/* ---- names ---------------------------------------------------------------------------------- */

static const char *model_text(struct chain *ch, const struct lun *lun)
{
    const char *gap = lun->vendor != NULL && lun->model != NULL ? " " : "";

    return chain_text(ch, "%s%s%s", lun->vendor != NULL ? lun->vendor : "", gap,
                      lun->model != NULL ? lun->model : "");
}

const char *lun_text(struct chain *ch, const struct lun *lun)
{
    const char *name = lun->map != NULL      ? lun->map
                       : lun->device != NULL ? lun->device
                                             : "no device";
    const char *model = model_text(ch, lun);
    char size[24];

    if (!REC_HAS(lun, lun, size_bytes))
        return *model == '\0' ? name : chain_text(ch, "%s (%s)", name, model);
    return chain_text(ch, "%s (%s%s%s)", name, model, *model == '\0' ? "" : ", ",
                      bytes_text(lun->size_bytes, size));
}

static const char *port_text(const char *name)
{
    return name != NULL ? name : "an unnamed port";
}

/* ---- the ports of this node ----------------------------------------------------------------- */

bool port_is_up(const struct hba *h)
{
    return h->port_state == NULL || text_is(h->port_state, "Online") ||
           text_is(h->port_state, "live") || text_is(h->port_state, "running");
}

static void explain_hba(struct chain *ch, unsigned depth, const char *name, bool below)
{
    const struct hba *h = chain_row(ch, SECTION_HBAS, name);
    const char *about = "", *mend = NULL;

    if (h == NULL) {
        chain_add(ch, depth, "hba", name, "missing", NULL, "%s reports no port %s.", chain_node(ch),
                  name);
        return;
    }
    if (h->port_name != NULL)
        about = chain_text(ch, ", %s", h->port_name);
    if (h->speed != NULL)
        about = chain_text(ch, "%s, %s", about, h->speed);
    if (!port_is_up(h))
        mend = chain_text(ch, "Check the cable of %s on %s and the port of the switch", h->name,
                          chain_node(ch));
    chain_add(ch, depth, "hba", h->name, mend == NULL ? "ok" : "lost", mend,
              "%s (%s%s) is %s%s%s%s%s.", h->name, h->transport != NULL ? h->transport : "scsi",
              about, h->port_state != NULL ? h->port_state : "there",
              h->fabric_name != NULL ? ", in fabric " : "",
              h->fabric_name != NULL ? h->fabric_name : "",
              h->interface != NULL ? ", through " : "", h->interface != NULL ? h->interface : "");
    if (h->interface != NULL && below)
        explain_link(ch, depth + 1, h->interface);
}

/* ---- paths ---------------------------------------------------------------------------------- */

bool path_is_active(const struct path *p)
{
    if (REC_HAS(p, path, active))
        return p->active;
    return text_is(p->state, "running") || text_is(p->state, "live");
}

static const char *far_end(struct chain *ch, const struct path *p)
{
    if (p->portal != NULL && p->target != NULL)
        return chain_text(ch, "portal %s of %s", p->portal, p->target);
    if (p->target_port != NULL)
        return chain_text(ch, "target port %s", p->target_port);
    if (p->portal != NULL)
        return chain_text(ch, "portal %s", p->portal);
    return p->target != NULL ? chain_text(ch, "target %s", p->target) : NULL;
}

const char *path_route(struct chain *ch, const struct path *p)
{
    const char *far = far_end(ch, p);
    const char *text =
        chain_text(ch, "%s (%s)", p->device, p->transport != NULL ? p->transport : "scsi");

    return far == NULL
               ? text
               : chain_text(ch, "%s from %s to %s", text, port_text(p->initiator_port), far);
}

static const char *path_text(struct chain *ch, const struct path *p)
{
    const char *text = path_route(ch, p);

    text = chain_text(ch, "%s is %s", text, p->state != NULL ? p->state : "there");
    if (p->target_port_state != NULL)
        text = chain_text(ch, "%s, %s %s", text, p->portal != NULL ? "session" : "target port",
                          p->target_port_state);
    if (p->map_state != NULL)
        text = chain_text(ch, "%s, %s in the map", text, p->map_state);
    if (p->access_state != NULL)
        text = chain_text(ch, "%s, %s", text, p->access_state);
    return text;
}

static bool far_end_is_down(const struct path *p)
{
    return p->target_port_state != NULL && !text_is(p->target_port_state, "Online") &&
           !text_is(p->target_port_state, "LOGGED_IN") && !text_is(p->target_port_state, "live");
}

static const char *session_mend(struct chain *ch, const struct path *p, const struct hba *h)
{
    const char *way =
        h != NULL && h->interface != NULL ? chain_text(ch, " through %s", h->interface) : "";

    return chain_text(ch,
                      "Check the network%s to portal %s; then on %s: iscsiadm -m node -T %s -p %s "
                      "--login",
                      way, p->portal != NULL ? p->portal : "?", chain_node(ch),
                      p->target != NULL ? p->target : "?", p->portal != NULL ? p->portal : "?");
}

static const char *far_end_mend(struct chain *ch, const struct path *p, const struct hba *h)
{
    const char *far = far_end(ch, p);

    if (text_is(p->transport, "iscsi"))
        return session_mend(ch, p, h);
    if (text_is(p->transport, "fc") || text_is(p->transport, "fcoe"))
        return chain_text(ch, "Check that a zone has %s and %s, and the port of the array",
                          port_text(p->initiator_port), port_text(p->target_port));
    return chain_text(ch, "Check the connection of %s to %s", p->hba != NULL ? p->hba : p->device,
                      far != NULL ? far : "the device");
}

const char *path_far_mend(struct chain *ch, const struct path *p, const struct hba *h)
{
    if (h != NULL && !port_is_up(h))
        return chain_text(ch, "Check the cable of %s on %s and the port of the switch", h->name,
                          chain_node(ch));
    return far_end_mend(ch, p, h);
}

/* What would make the path carry I/O; the nearest cause first. */
static const char *path_mend(struct chain *ch, const struct path *p, const struct hba *h)
{
    if (h != NULL && !port_is_up(h))
        return path_far_mend(ch, p, h);
    if (far_end_is_down(p))
        return far_end_mend(ch, p, h);
    if (text_is(p->state, "offline"))
        return chain_text(ch,
                          "The kernel has given it up; once it is well, on %s: echo running > "
                          "/sys/block/%s/device/state",
                          chain_node(ch), p->device);
    if (p->state != NULL && !text_is(p->state, "running") && !text_is(p->state, "live"))
        return far_end_mend(ch, p, h);
    if (text_is(p->access_state, "standby") || text_is(p->access_state, "unavailable") ||
        text_is(p->access_state, "offline") || text_is(p->access_state, "inaccessible"))
        return "The array serves the LUN through its other controller; see there why";
    if (text_is(p->map_state, "failed"))
        return chain_text(ch,
                          "multipathd takes it back once it answers; by hand on %s: multipathd "
                          "reinstate path %s",
                          chain_node(ch), p->device);
    return far_end_mend(ch, p, h);
}

/* Was a path before this one through the same port? Then what is below the port is said already. */
static bool said_before(const struct chain *ch, const char *hba)
{
    for (size_t i = 0; i < ch->n; i++) {
        if (strcmp(ch->v[i].what, "hba") == 0 && text_is(ch->v[i].name, hba))
            return true;
    }
    return false;
}

void explain_path_hba(struct chain *ch, unsigned depth, const struct path *p)
{
    if (p->hba != NULL)
        explain_hba(ch, depth, p->hba, !said_before(ch, p->hba));
}

static void explain_path(struct chain *ch, unsigned depth, const struct path *p)
{
    const struct hba *h = p->hba != NULL ? chain_row(ch, SECTION_HBAS, p->hba) : NULL;
    bool active = path_is_active(p);

    chain_add(ch, depth, "path", p->device, active ? "ok" : "lost",
              active ? NULL : path_mend(ch, p, h), "%s.", path_text(ch, p));
    explain_path_hba(ch, depth + 1, p);
}

static void explain_paths(struct chain *ch, unsigned depth, const char *lun)
{
    const struct section *s = &ch->sections[SECTION_PATHS];

    for (size_t i = 0; i < s->row_count && !chain_full(ch); i++) {
        const struct path *p = section_row(s, i);

        if (text_is(p->lun, lun))
            explain_path(ch, depth, p);
    }
    explain_lost_paths(ch, depth, lun);
}

/* ---- the LUN -------------------------------------------------------------------------------- */

static const char *why_text(struct chain *ch, const struct lun *lun)
{
    return lun->state_text != NULL ? chain_text(ch, ": %s", lun->state_text) : "";
}

/* What is wrong with the whole of it, whichever path is taken. */
static bool explain_bad_lun(struct chain *ch, unsigned depth, const struct lun *lun)
{
    const char *name = lun_text(ch, lun), *since = "";
    char time[24];

    if (REC_HAS(lun, lun, stuck_ms))
        since = chain_text(ch, " for %s", duration_text((int64_t)lun->stuck_ms, time));
    if (text_is(lun->state, "stuck"))
        chain_add(ch, depth, "lun", lun->key, "stuck",
                  "The array, or a path to it, must answer again; whoever reads it meanwhile waits",
                  "%s, %s, has not answered%s%s.", name, lun->key, since, why_text(ch, lun));
    else if (text_is(lun->state, "failed"))
        chain_add(ch, depth, "lun", lun->key, "lost", "See the log of the kernel, and of the array",
                  "%s, %s, answers with errors%s.", name, lun->key, why_text(ch, lun));
    else if (text_is(lun->state, "ghost"))
        chain_add(ch, depth, "lun", lun->key, "degraded",
                  chain_text(ch,
                             "The array may have mapped another LUN under the same address; on %s: "
                             "take the paths away and rescan",
                             chain_node(ch)),
                  "The paths of %s, %s, contradict each other%s.", name, lun->key,
                  why_text(ch, lun));
    else
        return false;
    return true;
}

static void explain_suspended(struct chain *ch, unsigned depth, const struct lun *lun)
{
    if (lun->map_suspended && lun->map != NULL)
        chain_add(ch, depth, "lun", lun->map, "stuck",
                  chain_text(ch, "On %s: dmsetup resume %s", chain_node(ch), lun->map),
                  "The map %s is suspended: whatever is sent to it waits.", lun->map);
}

void explain_unread(struct chain *ch, unsigned depth, const char *what, const char *key,
                    const char *device, const char *unread)
{
    const char *mend = NULL;

    if (unread == NULL)
        return;
    if (device != NULL)
        mend = chain_text(ch, "On %s, see why: dd if=/dev/%s of=/dev/null count=1 iflag=direct",
                          chain_node(ch), device);
    chain_add(ch, depth, what, key, "unknown", mend, "Its label was not read: %s.", unread);
}

void explain_lun(struct chain *ch, unsigned depth, const struct lun *lun)
{
    const char *state = lun->paths_active == 0                 ? "lost"
                        : lun->paths_active < lun->paths_total ? "degraded"
                                                               : "ok";

    if (!explain_bad_lun(ch, depth, lun))
        chain_add(ch, depth, "lun", lun->key, state, NULL, "%s, %s: %llu of %llu paths%s.",
                  lun_text(ch, lun), lun->key, number(lun->paths_active), number(lun->paths_total),
                  lun->read_only ? ", read-only" : "");
    if (lun->state_text == NULL || !text_is(lun->state, "failed"))
        explain_unread(ch, depth + 1, "lun", lun->key, lun->device, lun->unread);
    explain_suspended(ch, depth + 1, lun);
    explain_uses(ch, depth + 1, lun->key);
    explain_paths(ch, depth + 1, lun->key);
}
