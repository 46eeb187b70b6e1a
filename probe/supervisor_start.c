/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Before the agent can begin: which boot, which coordinator, which key, and who this machine is.
 * The last is for a worker to find out, since firmware and NICs have to be asked. */
#include <errno.h>
#include <fcntl.h>
#include <sodium/utils.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "model/identity.h"
#include "supervisor_internal.h"
#include "token_file.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

enum { LOOK_AGAIN_MS = 5000 };

static int read_boot_id(uuid128 *out, struct err *e)
{
    int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    char text[UUID_TEXT] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    if (n != UUID_TEXT - 1 || !uuid128_parse(text, out))
        return err_set(e, -EIO, BOOT_ID " cannot be read; is /proc mounted?");
    return 0;
}

/* A token file that is gone is no fault when there is a key: the token has served. */
static int read_token(struct supervisor *s, struct err *e)
{
    const struct probe_options *o = s->options;
    struct err why;
    int rc;

    if (o->token_file != NULL) {
        rc = token_file_read(o->token_file, &s->token_server, s->secret, e);
        s->has_token = rc == 0;
        return rc == -ENOENT && s->has_key ? 0 : rc;
    }
    if (o->token == NULL)
        return 0;
    if (token_parse(o->token, &s->token_server, s->secret, &why) < 0)
        return err_set(e, -EINVAL, "muster.token on the kernel command line: %s", why.text);
    s->has_token = true;
    return 0;
}

/* The key of an earlier probe of this boot. One of an earlier boot does not count. */
static int read_key(struct supervisor *s, struct err *e)
{
    int rc;

    if (!REC_HAS(&s->state, probe_state, node_id))
        return 0;
    rc = run_dir_load_key(s->dir, &s->key, &s->server, e);
    s->has_key = rc == 0;
    return rc == -ENOENT ? 0 : rc;
}

static int check_whom(const struct supervisor *s, struct err *e)
{
    if (!s->has_token && !s->has_key)
        return err_set(e, -EINVAL,
                       "there is no token, and no key in %s from an earlier start in this boot: "
                       "make a token with `muster token create` and give it with --token-file, or "
                       "as muster.token= on the kernel command line",
                       s->options->run_dir);
    if (s->has_token && s->has_key && !pubkey_eq(s->token_server, s->server))
        return err_set(e, -EINVAL,
                       "the token is of another coordinator than the one that this node has "
                       "followed since it was booted; to follow another, remove %s",
                       s->options->run_dir);
    return 0;
}

int supervisor_prepare(struct supervisor *s, struct err *e)
{
    int rc = read_boot_id(&s->boot_id, e);

    if (rc == 0) {
        s->dir = run_dir_open(s->options->run_dir, &rc, e);
        if (s->dir != NULL)
            rc = run_dir_load(s->dir, s->boot_id, s->kept, &s->state, e);
    }
    if (rc == 0)
        rc = read_key(s, e);
    if (rc == 0)
        rc = read_token(s, e);
    if (rc == 0)
        rc = check_whom(s, e);
    return rc;
}

/* ---- key and agent, once it is known who this machine is ----------------------------------- */

/* Keeps the key if it was made for this node, else makes one; then what is kept is true. */
static int settle_key(struct supervisor *s, uuid128 node_id, struct err *e)
{
    struct probe_state *st = &s->state;
    char boot[UUID_TEXT], node[UUID_TEXT];
    int rc;

    uuid_text(node_id, node);
    if (s->has_key && strcmp(node, st->node_id) == 0)
        return 0;
    if (!s->has_token)
        return err_set(e, -EINVAL,
                       "the key in %s was made for the node id %s, and this node now has the id "
                       "%s: give it a new token with --token-file",
                       s->options->run_dir, st->node_id, node);
    s->server = s->token_server;
    keypair_new(&s->key);
    REC_SET(st, probe_state, boot_id, arena_strdup(s->kept, uuid_text(s->boot_id, boot)));
    REC_SET(st, probe_state, node_id, arena_strdup(s->kept, node));
    REC_SET(st, probe_state, enrolled, false);
    if (st->boot_id == NULL || st->node_id == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = run_dir_save_key(s->dir, &s->key, s->server, e);
    return rc == 0 ? run_dir_save(s->dir, st, e) : rc;
}

static int connect_uplink(struct supervisor *s, struct err *e)
{
    s->uplink = uplink_open(s->options->connect, &s->key, &s->server, e);
    return s->uplink == NULL ? -EIO : supervisor_watch(s, uplink_fd(s->uplink), EPOLLIN, e);
}

static struct memory kept_memory(const struct probe_state *st)
{
    struct memory m = { .present = 0 };

    REC_SET(&m, memory, db_id, st->db_id);
    REC_SET(&m, memory, epoch, st->epoch);
    REC_SET(&m, memory, start_no, st->start_no);
    REC_SET(&m, memory, nonce, st->nonce);
    REC_SET(&m, memory, generation, st->generation);
    REC_SET(&m, memory, token, st->token);
    return m;
}

static int make_agent(struct supervisor *s, uuid128 node_id, struct err *e)
{
    struct memory memory = kept_memory(&s->state);
    struct agent_residue *residues;
    struct agent_change *changes;
    const struct refresh_work *const *refreshes;
    size_t count, change_count, refresh_count;
    struct agent_config config = {
        .node_id = node_id,
        .boot_id = s->boot_id,
        .identity = &s->identity,
        .secret = s->has_token ? s->secret : NULL,
        .enrolled = s->state.enrolled,
        .memory = REC_HAS(&s->state, probe_state, db_id) ? &memory : NULL,
        .rescan_ms = s->options->rescan_ms,
        .worker_timeout_ms = s->options->worker_timeout_ms,
        .coalesce_ms = DEFAULT_COALESCE_MS,
        .heartbeat_ms = DEFAULT_HEARTBEAT_MS,
        .scans = s->options->scans,
        .mends = true,
        /* Microseconds: no probe of this boot has sent so many messages. */
        .first_seq = (uint64_t)clock_mono().v * 1000,
    };

    if (scan_pool_residues(s->scans, s->kept, &residues, &count) < 0 ||
        change_pool_known(s->changes, s->kept, &changes, &change_count) < 0 ||
        refresh_pool_known(s->refreshes, s->kept, &refreshes, &refresh_count) < 0)
        return err_set(e, -ENOMEM, "out of memory");
    config.changes = changes;
    config.change_count = change_count;
    config.refreshes = refreshes;
    config.refresh_count = refresh_count;
    config.residues = residues;
    config.residue_count = count;
    random_bytes(&config.jitter_seed, sizeof config.jitter_seed);
    s->agent = agent_new(&config);
    sodium_memzero(s->secret, sizeof s->secret);
    if (s->agent == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    return supervisor_step(s, &(struct agent_event){ .type = AGENT_START, .now = clock_mono() }, e);
}

static void set_identity(struct supervisor *s, const char *source)
{
    const struct probe_options *o = s->options;
    struct identity *id = &s->identity;

    if (gethostname(s->hostname, sizeof s->hostname - 1) == 0)
        REC_SET(id, identity, hostname, s->hostname);
    if (REC_HAS(&s->state, probe_state, product_uuid))
        REC_SET(id, identity, product_uuid, s->state.product_uuid);
    if (REC_HAS(&s->state, probe_state, lowest_mac))
        REC_SET(id, identity, lowest_mac, s->state.lowest_mac);
    if (o->node_id != NULL)
        REC_SET(id, identity, configured_id, o->node_id);
    if (o->node_name != NULL)
        REC_SET(id, identity, configured_name, o->node_name);
    REC_SET(id, identity, probe_version, MUSTER_VERSION);
    REC_SET(id, identity, source, source);
}

/* Begins, if what is known is enough. */
static int begin(struct supervisor *s, mono_ms now, struct err *e)
{
    const char *source;
    uuid128 node_id;
    char text[UUID_TEXT];
    int rc = identity_choose(s->options->node_id, s->state.product_uuid, s->state.lowest_mac,
                             &node_id, &source, e);

    if (rc < 0) {
        supervisor_complain(s, e->text);
        s->look_at.v = now.v + LOOK_AGAIN_MS;
        return 0;
    }
    set_identity(s, source);
    rc = settle_key(s, node_id, e);
    if (rc == 0)
        rc = connect_uplink(s, e);
    if (rc == 0)
        supervisor_log(LOG_LEVEL_INFO, "node %s (%s), reporting to %s", uuid_text(node_id, text),
                       source, s->options->connect);
    return rc == 0 ? make_agent(s, node_id, e) : rc;
}

int supervisor_look(struct supervisor *s, mono_ms now, struct err *e)
{
    struct err why;

    /* What an earlier probe has left is proven gone first, if that can be. */
    if (s->agent != NULL || now.v < s->look_at.v || scan_pool_sweeps(s->scans, now))
        return 0;
    if (!s->looked && REC_HAS(&s->state, probe_state, node_id)) {
        s->looked = true; /* by an earlier probe */
        return begin(s, now, e);
    }
    s->look_at.v = now.v + LOOK_AGAIN_MS;
    if (worker_pool_start(s->pool, WORKER_SYSTEM, true, s->options->worker_timeout_ms, now, &why) <
            0 &&
        !s->looked)
        supervisor_complain(s, why.text);
    s->looked = true;
    return 0;
}

static int keep_facts(struct supervisor *s, const struct system *row, struct err *e)
{
    if (REC_HAS(row, system, product_uuid))
        REC_SET(&s->state, probe_state, product_uuid, arena_strdup(s->kept, row->product_uuid));
    if (REC_HAS(row, system, lowest_mac))
        REC_SET(&s->state, probe_state, lowest_mac, arena_strdup(s->kept, row->lowest_mac));
    if ((REC_HAS(row, system, product_uuid) && s->state.product_uuid == NULL) ||
        (REC_HAS(row, system, lowest_mac) && s->state.lowest_mac == NULL))
        return err_set(e, -ENOMEM, "out of memory");
    return 0;
}

int supervisor_found(struct supervisor *s, const struct worker_outcome *o, mono_ms now,
                     struct err *e)
{
    const char *why = o->error;
    int rc = 0;

    if (o->kind != WORKER_SYSTEM)
        return 0;
    s->look_at.v = now.v + (o->type == WORKER_OUTCOME_GONE ? 0 : LOOK_AGAIN_MS);
    for (size_t i = 0; why == NULL && i < o->section_count; i++) {
        const struct section *sec = &o->sections[i];

        if (sec->id == SECTION_SYSTEM && sec->row_count == 1)
            rc = keep_facts(s, section_row(sec, 0), e);
        else if (sec->id == SECTION_SYSTEM)
            why = sec->status_text;
    }
    if (why != NULL)
        supervisor_complain(s, why);
    /* An id that was given goes without the facts. */
    if (rc < 0 || (why != NULL && s->options->node_id == NULL) || o->type == WORKER_OUTCOME_GONE)
        return rc;
    return begin(s, now, e);
}
