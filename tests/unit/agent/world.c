/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "wire/codec.h"

static const char secret[] = "00112233445566778899aabbccddeeff";

void world_open(struct world *w)
{
    *w = (struct world){ .now = { 1000000 }, .mtu = 1500, .arena = arena_new(0) };
    REC_SET(&w->identity, identity, hostname, "host");
    memset(w->db_id, 0xdb, sizeof w->db_id);
    memset(w->nonce, 1, sizeof w->nonce);
    REC_SET(&w->coordinator, memory, db_id, wire_bytes16(w->db_id));
    REC_SET(&w->coordinator, memory, epoch, 1);
    REC_SET(&w->coordinator, memory, start_no, 1);
    REC_SET(&w->coordinator, memory, nonce, wire_bytes16(w->nonce));
    REC_SET(&w->coordinator, memory, generation, 100);
    REC_SET(&w->coordinator, memory, token, 0);
    w->config = (struct agent_config){ .node_id = { { 1 } },
                                       .boot_id = { { 2 } },
                                       .identity = &w->identity,
                                       .secret = secret,
                                       .rescan_ms = DEFAULT_RESCAN_MS,
                                       .worker_timeout_ms = DEFAULT_WORKER_TIMEOUT_MS,
                                       .coalesce_ms = WORLD_COALESCE_MS,
                                       .heartbeat_ms = DEFAULT_HEARTBEAT_MS,
                                       .jitter_seed = 7,
                                       .first_seq = 5000 };
}

void world_close(struct world *w)
{
    agent_free(w->agent);
    arena_free(w->arena);
}

static struct world_scan *scan_of(struct world *w, uint64_t request)
{
    for (unsigned i = 0; i < w->scan_count; i++) {
        if (w->scans[i].request == request)
            return &w->scans[i];
    }
    cr_assert(false, "there is no such scan");
    return NULL;
}

static void carry_out(struct world *w, const struct agent_action *x)
{
    size_t n = strlen(w->log);

    switch (x->type) {
    case AGENT_SEND:
        cr_assert_lt(w->sent_count, WORLD_SENT, "the agent does not stop sending");
        w->sent[w->sent_count++] = record_dup(w->arena, &envelope_desc, x->env);
        break;
    case AGENT_RUN_WORKER:
        cr_assert_not(w->running[x->kind], "two workers of a kind");
        cr_expect_eq(x->timeout_ms,
                     w->config.worker_timeout_ms *
                         (x->kind == WORKER_STORAGE || x->kind == WORKER_LVM ? 4 : 1));
        w->running[x->kind] = true;
        w->runs[x->kind]++;
        w->whole_runs[x->kind] += x->whole;
        break;
    case AGENT_SAVE_MEMORY:
        w->saves++;
        w->saved_enrolled = x->enrolled;
        w->saved = x->memory == NULL ? NULL : record_dup(w->arena, &memory_desc, x->memory);
        break;
    case AGENT_RUN_SCAN:
        cr_assert_lt(w->scan_count, (unsigned)WORLD_SCANS);
        cr_expect_gt(x->deadline.v, w->now.v, "a worker that must be dead already");
        cr_expect_eq(w->saved->token >= x->grant->token, true, "the token is saved before");
        w->scans[w->scan_count++] = (struct world_scan){ .request = x->request,
                                                         .token = x->grant->token,
                                                         .deadline = x->deadline };
        break;
    case AGENT_EXTEND_SCAN:
        scan_of(w, x->request)->deadline = x->deadline;
        break;
    case AGENT_KILL_SCAN:
        scan_of(w, x->request)->told_to_end = true;
        break;
    case AGENT_RUN_REACH:
        w->reach_count++;
        w->reach = *x->offer->order;
        break;
    case AGENT_RUN_RESCAN:
        w->rescan_count++;
        w->rescan = record_dup(w->arena, &rescan_order_desc, x->rescan);
        break;
    case AGENT_RUN_CHANGE:
        w->change_count++;
        w->change = *x->change->order->order;
        w->change_devices = x->change->devices.n;
        break;
    case AGENT_RUN_REFRESH:
        w->mend_count++;
        w->mend = record_dup(w->arena, &refresh_work_desc, x->refresh);
        break;
    case AGENT_LOG:
        snprintf(w->log + n, sizeof w->log - n, "%s\n", x->text);
        break;
    }
}

static void step(struct world *w, struct agent_event *ev)
{
    struct agent_action *actions;
    struct arena *a = arena_new(0);
    struct buf bytes = { 0 };
    bool sent = false;
    struct err e;

    ev->now = w->now;
    cr_assert_eq(agent_step(w->agent, ev, a, &actions), 0);
    for (const struct agent_action *x = actions; x != NULL; x = x->next) {
        sent |= x->type == AGENT_SEND;
        cr_expect(x->type != AGENT_SAVE_MEMORY || !sent, "acts before it has saved what it knows");
        if (x->type == AGENT_SEND)
            cr_expect_eq(wire_encode(&envelope_desc, x->env, &bytes, &e), 0, "%s", e.text);
        carry_out(w, x);
    }
    buf_deinit(&bytes);
    arena_free(a);
}

void world_start(struct world *w)
{
    w->agent = agent_new(&w->config);
    step(w, &(struct agent_event){ .type = AGENT_START });
}

void world_pass(struct world *w, int64_t ms)
{
    int64_t end = w->now.v + ms, due;
    unsigned idle = 0;

    while ((due = agent_next_deadline(w->agent).v) <= end) {
        cr_assert_lt(idle, 10, "the agent is due at once again and again");
        idle = due > w->now.v ? 0 : idle + 1;
        w->now.v = due > w->now.v ? due : w->now.v;
        step(w, &(struct agent_event){ .type = AGENT_TICK });
    }
    w->now.v = end;
}

/* ---- workers -------------------------------------------------------------------------------- */

static void set_row(struct section *s, void *row)
{
    s->status = SECTION_OK;
    s->rows = row;
    s->row_count = 1;
}

/* vg0 of one PV, with one LV. */
static void find_lvm(const struct world *w, struct arena *a, struct section *s)
{
    static const char *roles[] = { "origin", "public", "thickorigin" };
    struct pv *pv = arena_zalloc(a, sizeof *pv);
    struct vg *vg = arena_zalloc(a, sizeof *vg);
    struct lv *lv = arena_zalloc(a, sizeof *lv);

    REC_SET(pv, pv, uuid, "P1");
    REC_SET(pv, pv, container, "serial.1");
    REC_SET(pv, pv, vg_uuid, "V1");
    REC_SET(vg, vg, uuid, "V1");
    REC_SET(vg, vg, name, "vg0");
    REC_SET(vg, vg, seqno, w->vg_seqno);
    REC_SET(vg, vg, metadata_digest, w->vg_seqno == 5 ? "five" : "other");
    REC_PUT(vg, vg, fault, w->vg_fault);
    if (w->lv_is_origin)
        REC_SET(lv, lv, role, ((struct strs){ roles, ARRAY_LEN(roles) }));
    REC_SET(lv, lv, uuid, "L1");
    REC_SET(lv, lv, name, "lv0");
    REC_SET(lv, lv, vg_uuid, "V1");
    if (w->lv_attr != NULL) {
        REC_SET(lv, lv, attr, w->lv_attr);
        REC_SET(lv, lv, active, w->lv_attr[4] != '-' && !w->no_device_mapper);
    }
    if (s->id == SECTION_PVS)
        set_row(s, pv);
    else if (s->id == SECTION_VGS)
        set_row(s, vg);
    else if (w->lv_attr != NULL)
        set_row(s, lv);
    s->status = SECTION_OK;
}

static size_t find_sections(const struct world *w, enum worker_kind kind, struct arena *a,
                            struct section *out)
{
    size_t n = 0;

    for (int i = 0; i < SECTION_COUNT; i++) {
        struct section *s = &out[n];

        if (((worker_kind_sections(kind) >> i) & 1u) == 0)
            continue;
        n++;
        *s = (struct section){ .id = (enum section_id)i, .status = SECTION_ABSENT };
        if (i == SECTION_NICS) {
            struct nic *nic = arena_zalloc(a, sizeof *nic);

            REC_SET(nic, nic, name, "eth0");
            REC_SET(nic, nic, mtu_bytes, w->mtu);
            s->status = SECTION_OK;
            s->rows = nic;
            s->row_count = 1;
        }
        if (i == SECTION_LUNS) {
            struct lun *lun = arena_zalloc(a, sizeof *lun);

            REC_SET(lun, lun, key, "serial.1");
            REC_SET(lun, lun, size_bytes, w->lun_bytes);
            REC_SET(lun, lun, device, "sda");
            REC_SET(lun, lun, devnum, "8:0");
            s->status = SECTION_OK;
            s->rows = lun;
            s->row_count = 1;
        }
        if (i == SECTION_FILESYSTEMS) {
            struct filesystem *fs = arena_zalloc(a, sizeof *fs);

            REC_SET(fs, filesystem, container, "serial.1");
            REC_SET(fs, filesystem, type, "ext4");
            REC_SET(fs, filesystem, uuid, "f0");
            s->status = SECTION_OK;
            s->rows = fs;
            s->row_count = 1;
        }
        if (i == SECTION_USES && w->lv_used_by != NULL) {
            struct use *use = arena_zalloc(a, sizeof *use);

            REC_SET(use, use, key, "mount/253:0/mnt");
            REC_SET(use, use, kind, "mount");
            REC_SET(use, use, container, "lv.L1");
            REC_SET(use, use, used_by, w->lv_used_by);
            set_row(s, use);
        }
        if (kind == WORKER_LVM && w->vg_seqno != 0)
            find_lvm(w, a, s);
        else if (kind == WORKER_LVM && w->no_group)
            s->status = SECTION_OK;
        cr_assert_eq(section_normalise(s, a, NULL), 0);
    }
    return n;
}

void world_event(struct world *w, enum agent_event_type type, enum worker_kind kind,
                 const char *error)
{
    struct agent_event ev = { .type = type };
    struct section sections[SECTION_COUNT];
    struct arena *a = arena_new(0);

    ev.worker.kind = kind;
    ev.worker.error = error;
    if (type == AGENT_WORKER_DONE && error == NULL) {
        ev.worker.sections = sections;
        ev.worker.section_count = find_sections(w, kind, a, sections);
    }
    if (type == AGENT_WORKER_DONE || type == AGENT_WORKER_GONE)
        w->running[kind] = false;
    step(w, &ev);
    arena_free(a);
}

void world_collect(struct world *w)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        if (w->running[k])
            world_event(w, AGENT_WORKER_DONE, (enum worker_kind)k, NULL);
    }
}

struct world_scan *world_scan(struct world *w)
{
    return w->scan_count == 0 ? NULL : &w->scans[w->scan_count - 1];
}

void world_scan_done(struct world *w, struct world_scan *s, const struct scan_result *result,
                     const char *error, bool clean)
{
    struct agent_event ev = { .type = AGENT_SCAN_DONE };

    s->ended = true;
    ev.scan.request = s->request;
    ev.scan.result = result;
    ev.scan.error = error;
    ev.scan.clean = clean;
    step(w, &ev);
}

void world_scan_clean(struct world *w, const struct world_scan *s)
{
    struct agent_event ev = { .type = AGENT_SCAN_CLEAN };

    ev.scan.request = s->request;
    step(w, &ev);
}

void world_rescan_hint(struct world *w, const char *what)
{
    struct agent_event ev = { .type = AGENT_RESCAN_HINT };

    ev.rescan.what = what;
    step(w, &ev);
}

void world_rescan_done(struct world *w, const struct rescan_result *result, const char *error,
                       bool stuck)
{
    struct agent_event ev = { .type = AGENT_RESCAN_DONE };

    ev.rescan.result = result;
    ev.rescan.error = error;
    ev.rescan.stuck = stuck;
    step(w, &ev);
}

void world_reach_done(struct world *w, const struct reach_result *result, const char *error)
{
    struct agent_event ev = { .type = AGENT_REACH_DONE };

    ev.reach.order = w->reach;
    ev.reach.result = result;
    ev.reach.error = error;
    step(w, &ev);
}

void world_change_done(struct world *w, const struct order_key *order,
                       const struct lvm_result *result, const char *error)
{
    struct agent_event ev = { .type = AGENT_CHANGE_DONE };

    ev.change.order = *order;
    ev.change.result = result;
    ev.change.error = error;
    step(w, &ev);
}

void world_mended(struct world *w, const struct refresh_result *result, const char *error)
{
    struct agent_event ev = { .type = AGENT_REFRESH_DONE };

    ev.refresh.order = *w->mend->order;
    ev.refresh.result = result;
    ev.refresh.error = error;
    step(w, &ev);
}

/* ---- what was sent -------------------------------------------------------------------------- */

const struct envelope *world_last(const struct world *w, enum envelope_field body)
{
    for (size_t i = w->sent_count; i > 0; i--) {
        if (field_present(&envelope_desc, body, w->sent[i - 1]))
            return w->sent[i - 1];
    }
    return NULL;
}

unsigned world_count(const struct world *w, enum envelope_field body)
{
    unsigned n = 0;

    for (size_t i = 0; i < w->sent_count; i++)
        n += field_present(&envelope_desc, body, w->sent[i]);
    return n;
}

void world_forget(struct world *w)
{
    w->sent_count = 0;
    w->log[0] = '\0';
}

/* ---- the coordinator ------------------------------------------------------------------------ */

void world_answer(struct world *w, const struct envelope *question, struct envelope *env)
{
    struct agent_event ev = { .type = AGENT_MESSAGE };

    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, correlation, question == NULL ? 0 : question->seq);
    REC_SET(env, envelope, start, w->coordinator.nonce);
    ev.message = env;
    step(w, &ev);
}

void world_enrolled(struct world *w, const struct envelope *question, enum enrol_state state,
                    uint64_t retry_ms)
{
    struct envelope env = { .present = 0 };
    struct enrolled body = { .present = 0 };

    REC_SET(&body, enrolled, state, state);
    REC_SET(&body, enrolled, text, "a reason");
    REC_SET(&body, enrolled, retry_ms, retry_ms);
    REC_SET(&env, envelope, enrolled, &body);
    world_answer(w, question, &env);
}

void world_registered(struct world *w, const struct envelope *question, struct strs want)
{
    struct envelope env = { .present = 0 };
    struct registered body = { .present = 0 };

    REC_SET(&body, registered, coordinator, &w->coordinator);
    REC_SET(&body, registered, node_name, "alpha");
    REC_SET(&body, registered, heartbeat_ms, DEFAULT_HEARTBEAT_MS);
    REC_SET(&body, registered, want, want);
    REC_SET(&env, envelope, registered, &body);
    world_answer(w, question, &env);
}

void world_beat_acked(struct world *w, const struct envelope *question, uint64_t generation,
                      struct strs want)
{
    struct envelope env = { .present = 0 };
    struct heartbeat_ack body = { .present = 0 };

    REC_SET(&body, heartbeat_ack, generation, generation);
    REC_SET(&body, heartbeat_ack, want, want);
    REC_SET(&env, envelope, heartbeat_ack, &body);
    world_answer(w, question, &env);
}

void world_report_acked(struct world *w, const struct envelope *question)
{
    struct envelope env = { .present = 0 };
    struct report_ack body = { .present = 0 };
    const struct section_body *bodies = question->report->sections.v;
    struct section_state states[SECTION_COUNT] = { { .present = 0 } };

    for (size_t i = 0; i < question->report->sections.n; i++) {
        REC_SET(&states[i], section_state, section, bodies[i].section);
        REC_SET(&states[i], section_state, generation, bodies[i].generation);
        REC_SET(&states[i], section_state, digest, bodies[i].digest);
    }
    REC_SET(&body, report_ack, generation, w->coordinator.generation);
    REC_SET(&body, report_ack, sections,
            ((struct recs){ .v = states, .n = question->report->sections.n }));
    REC_SET(&env, envelope, report_ack, &body);
    world_answer(w, question, &env);
}

void world_refused(struct world *w, const struct envelope *question, enum refuse_reason reason,
                   uint64_t retry_ms)
{
    struct envelope env = { .present = 0 };
    struct refused body = { .present = 0 };

    REC_SET(&body, refused, reason, reason);
    REC_SET(&body, refused, text, "a reason");
    REC_SET(&body, refused, retry_ms, retry_ms);
    REC_SET(&env, envelope, refused, &body);
    world_answer(w, question, &env);
}

void world_settle(struct world *w)
{
    world_collect(w);
    world_follow(w);
}

void world_follow(struct world *w)
{
    world_enrolled(w, world_last(w, envelope_enrol), ENROL_APPROVED, 0);
    world_registered(w, world_last(w, envelope_node_register), (struct strs){ 0 });
    cr_assert(agent_registered(w->agent));
    world_pass(w, DEFAULT_HEARTBEAT_MS);
    world_beat_acked(w, world_last(w, envelope_heartbeat), 100, (struct strs){ 0 });
    world_forget(w);
}
